//! Dates and times of day, as words.

use super::cardinals::{Agreement, cardinal};
use super::chunks::{Chunk, Dot, Reading};

const MONTHS: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

fn month_number(word: &str) -> Option<u64> {
    let lower = word.to_lowercase();
    MONTHS
        .iter()
        .position(|month| *month == lower || (lower.len() == 3 && month.starts_with(&lower)))
        .map(|index| index as u64 + 1)
}

fn number(digits: &str, longest: usize) -> Option<u64> {
    ((1..=longest).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

fn say_day(day: u64) -> String {
    // Mexico calls the first day by its ordinal.
    if day == 1 {
        "primero".to_owned()
    } else {
        cardinal(day, Agreement::Alone)
    }
}

fn say_date(day: u64, month: u64, year: Option<u64>) -> Option<String> {
    let name = MONTHS.get((month as usize).checked_sub(1)?)?;
    if !(1..=31).contains(&day) {
        return None;
    }
    let mut words = format!("{} de {name}", say_day(day));
    if let Some(year) = year {
        words.push_str(" de ");
        words.push_str(&cardinal(year, Agreement::Alone));
    }
    Some(words)
}

fn say_year(digits: &str) -> Option<u64> {
    match digits.len() {
        4 => number(digits, 4),
        2 => number(digits, 2).map(|year| year + 2000),
        _ => None,
    }
}

/// "24/11/2026", "24-11-26", "2026-11-24", "24/11", "24-nov-2026", "24 de noviembre de 2026", "24 nov 2026".
pub(super) fn date(chunks: &[Chunk<'_>]) -> Option<Reading> {
    let first = chunks.first()?;
    let parts: Vec<&str> = first.core.split(['/', '-']).collect();
    let words = match parts[..] {
        [year, month, day] if year.len() == 4 => say_date(number(day, 2)?, number(month, 2)?, Some(number(year, 4)?)),
        [day, month, year] => {
            let month = month_number(month).or_else(|| number(month, 2))?;
            say_date(number(day, 2)?, month, Some(say_year(year)?))
        }
        // With one part less it is a date only when the month is written with two digits: "1/2" is a half.
        [day, month] if month.len() == 2 && first.core.contains('/') && number(day, 2)? > 12 => {
            say_date(number(day, 2)?, number(month, 2)?, None)
        }
        _ => None,
    };
    if let Some(words) = words {
        return Some(Reading::new(words, 1));
    }
    written_out(chunks)
}

fn written_out(chunks: &[Chunk<'_>]) -> Option<Reading> {
    let first = chunks.first().filter(|chunk| chunk.runs_on())?;
    let day = number(first.core.trim_end_matches(['º', '°']), 2)?;
    let at = |index: usize| chunks.get(index).filter(|_| chunks[index - 1].runs_on());
    let is_of = |index: usize| at(index).is_some_and(|chunk| matches!(chunk.core, "de" | "del"));
    let month_at = if is_of(1) { 2 } else { 1 };
    let month_chunk = at(month_at)?;
    // Without "de" only a short month is a date ("24 nov"); "2 mayo" is one as well.
    let month = month_number(month_chunk.core)?;
    let after = month_at + 1;
    let year_at = if is_of(after) { after + 1 } else { after };
    // "nov." ends in a dot that is no full stop.
    let dotted = month_chunk.core.len() == 3 && month_chunk.tail == "." && !month_chunk.ends_line;
    let year = chunks
        .get(year_at)
        .filter(|_| (after..=year_at).all(|index| at(index).is_some() || (index == after && dotted)))
        .and_then(|chunk| (chunk.core.len() == 4).then(|| number(chunk.core, 4)).flatten());
    let words = say_date(day, month, year)?;
    Some(Reading::new(words, if year.is_some() { year_at + 1 } else { after }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HalfDay {
    Morning,
    Afternoon,
}

fn half_day(text: &str) -> Option<HalfDay> {
    match text.to_lowercase().as_str() {
        "am" | "a.m" | "a.m." => Some(HalfDay::Morning),
        "pm" | "p.m" | "p.m." => Some(HalfDay::Afternoon),
        _ => None,
    }
}

/// Hour and minute on a clock of 24 hours, or of 12 with what says which half.
#[derive(Clone, Copy)]
struct Clock {
    hour: u64,
    minute: u64,
    half: Option<HalfDay>,
    /// The hour was written so that it can only be of 24: "09:00", "16:05".
    of_24: bool,
}

impl Clock {
    fn parse(text: &str) -> Option<Self> {
        let (digits, half) = match text.find(|c: char| c.is_alphabetic()) {
            Some(at) => (&text[..at], Some(&text[at..])),
            None => (text, None),
        };
        let half = match half {
            Some("h" | "hrs" | "hs") | None => None,
            Some(half) => Some(half_day(half)?),
        };
        let mut parts = digits.split(':');
        let hour_digits = parts.next()?;
        let hour = number(hour_digits, 2).filter(|hour| *hour < 24)?;
        let minute = match parts.next() {
            Some(minute) if minute.len() == 2 => number(minute, 2).filter(|minute| *minute < 60)?,
            None if half.is_some() => 0,
            Some(_) | None => return None,
        };
        if let Some(seconds) = parts.next() {
            number(seconds, 2).filter(|second| *second < 60)?;
        }
        if parts.next().is_some() || (half.is_some() && !(1..=12).contains(&hour)) {
            return None;
        }
        Some(Self {
            hour,
            minute,
            half,
            of_24: hour_digits.starts_with('0') || hour > 12,
        })
    }

    fn say(self) -> String {
        let hour = match (self.half, self.hour) {
            (Some(HalfDay::Morning), 12) => 0,
            (Some(HalfDay::Afternoon), hour) if hour < 12 => hour + 12,
            (_, hour) => hour,
        };
        let shown = if hour.is_multiple_of(12) { 12 } else { hour % 12 };
        let mut words = cardinal(shown, Agreement::Feminine);
        match self.minute {
            0 => {}
            15 => words.push_str(" y cuarto"),
            30 => words.push_str(" y media"),
            // "Las cuatro y veinte", but "las cuatro cuarenta y cinco".
            minute @ 1..30 => {
                words.push_str(" y ");
                words.push_str(&cardinal(minute, Agreement::Alone));
            }
            minute => {
                words.push(' ');
                words.push_str(&cardinal(minute, Agreement::Alone));
            }
        }
        if self.half.is_some() || self.of_24 {
            words.push_str(match hour {
                1..=4 => " de la madrugada",
                5..=11 => " de la mañana",
                12 => " del día",
                13..=18 => " de la tarde",
                // From seven on, and at midnight.
                _ => " de la noche",
            });
        }
        words
    }
}

/// How many chunks from the front are "am", "pm", "a. m.".
fn half_day_chunks(chunks: &[Chunk<'_>]) -> Option<(HalfDay, usize)> {
    let first = chunks.first()?;
    if let Some(half) = half_day(first.core) {
        return Some((half, 1));
    }
    match (first.core, first.tail, chunks.get(1)?.core) {
        ("a", ".", "m") => Some((HalfDay::Morning, 2)),
        ("p", ".", "m") => Some((HalfDay::Afternoon, 2)),
        _ => None,
    }
}

/// "4:30 pm", "16:05", "9am", "18:00 hrs", "9:00-18:00".
pub(super) fn time(chunks: &[Chunk<'_>]) -> Option<Reading> {
    let first = chunks.first()?;
    if let Some((from, to)) = first.core.split_once(['-', '–']) {
        let (from, to) = (Clock::parse(from)?, Clock::parse(to)?);
        return Some(Reading::new(format!("{} a {}", from.say(), to.say()), 1));
    }
    let next = if first.runs_on() { &chunks[1..] } else { &[] };
    if let Some(mut clock) = Clock::parse(first.core) {
        if clock.half.is_none() {
            if let Some((half, more)) = half_day_chunks(next).filter(|_| (1..=12).contains(&clock.hour)) {
                clock.half = Some(half);
                return Some(Reading::new(clock.say(), 1 + more).with_dot(Dot::Either));
            }
            if next
                .first()
                .is_some_and(|chunk| matches!(chunk.core, "h" | "hr" | "hrs" | "hs" | "horas"))
            {
                return Some(Reading::new(clock.say(), 2).with_dot(Dot::Either));
            }
            // What the writer says himself must not be said twice: "16:05 de la tarde".
            if next.first().is_some_and(|chunk| matches!(chunk.core, "de" | "del")) && clock.hour <= 12 {
                clock.of_24 = false;
            }
        }
        let dot = if first.core.ends_with('m') {
            Dot::Either
        } else {
            Dot::Stop
        };
        return Some(Reading::new(clock.say(), 1).with_dot(dot));
    }
    let hour = number(first.core, 2).filter(|hour| (1..=12).contains(hour))?;
    let (half, more) = half_day_chunks(next)?;
    Some(Reading::new(
        Clock {
            hour,
            minute: 0,
            half: Some(half),
            of_24: false,
        }
        .say(),
        1 + more,
    ))
}
