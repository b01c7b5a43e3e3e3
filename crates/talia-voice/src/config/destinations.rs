//! `[[destinations]]`: the people whom callers can be handed to, by id.

use super::{ConfigError, set};
use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    id: String,
    number: String,
    ring_s: Option<u32>,
    hours: Vec<String>,
    time_zone: String,
}

/// Somebody who takes calls.
#[derive(Debug, Clone)]
pub struct Destination {
    /// What assistants and tools name; never digits.
    pub id: String,
    /// E.164.
    pub number: String,
    /// How long it may ring.
    pub ring: Duration,
    hours: Vec<Hours>,
    zone: TimeZone,
}

/// From a time of day to a later one, on some days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hours {
    /// Monday is 0.
    days: (i8, i8),
    from: civil::Time,
    to: civil::Time,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Destinations(Vec<Destination>);

impl Destinations {
    /// The one with this id.
    pub fn get(&self, id: &str) -> Option<&Destination> {
        self.0.iter().find(|destination| destination.id == id)
    }

    /// Every one.
    pub fn all(&self) -> &[Destination] {
        &self.0
    }
}

impl Destination {
    /// Whether somebody is there at `now`. Without hours, always.
    pub fn is_open(&self, now: Timestamp) -> bool {
        let local = self.zone.to_datetime(now);
        let (day, time) = (local.date().weekday().to_monday_zero_offset(), local.time());
        self.hours.is_empty()
            || self.hours.iter().any(|hours| {
                let (first, last) = hours.days;
                let on_day = if first <= last {
                    (first..=last).contains(&day)
                } else {
                    day >= first || day <= last
                };
                on_day && hours.from <= time && time < hours.to
            })
    }
}

pub(super) fn check(raw: Vec<Raw>) -> Result<Destinations, ConfigError> {
    let mut checked: Vec<Destination> = Vec::new();
    for destination in raw {
        let destination = destination.check()?;
        if checked.iter().any(|other| other.id == destination.id) {
            return Err(wrong(&destination.id, "is there twice"));
        }
        checked.push(destination);
    }
    Ok(Destinations(checked))
}

fn wrong(id: &str, what: &str) -> ConfigError {
    ConfigError::value("destinations", format!("«{id}»: {what}"))
}

impl Raw {
    fn check(self) -> Result<Destination, ConfigError> {
        let id = set(&self.id).ok_or_else(|| wrong("", "an id is missing"))?;
        if !id.starts_with(|c: char| c.is_ascii_alphabetic())
            || !id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        {
            return Err(wrong(&id, "an id is a letter, then letters, digits, - and _"));
        }
        let digits = self.number.strip_prefix('+').unwrap_or_default();
        if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong(&id, "number must be E.164, for example +525512345678"));
        }
        let ring = self.ring_s.unwrap_or(25);
        if !(5..=600).contains(&ring) {
            return Err(wrong(&id, "ring_s must be between 5 and 600"));
        }
        let zone = set(&self.time_zone).unwrap_or_else(|| "America/Mexico_City".to_owned());
        let zone = TimeZone::get(&zone).map_err(|_| wrong(&id, "time_zone is not one of the IANA database"))?;
        let hours = self.hours.iter().map(|text| hours(text));
        let hours = hours
            .collect::<Option<_>>()
            .ok_or_else(|| wrong(&id, "hours look like \"mo-fr 09:00-18:00\" or \"sa 10:00-14:00\""))?;
        Ok(Destination {
            id,
            number: self.number,
            ring: Duration::from_secs(ring.into()),
            hours,
            zone,
        })
    }
}

fn hours(text: &str) -> Option<Hours> {
    const DAYS: [&str; 7] = ["mo", "tu", "we", "th", "fr", "sa", "su"];
    let day = |word: &str| DAYS.iter().position(|day| *day == word).map(|day| day as i8);
    let (days, times) = text.trim().split_once(' ')?;
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let (from, to) = times.trim().split_once('-')?;
    let time = |text: &str| match text {
        "24:00" => Some(civil::Time::MAX),
        text => civil::Time::strptime("%H:%M", text).ok(),
    };
    let hours = Hours {
        days: (day(first)?, day(last)?),
        from: time(from)?,
        to: time(to)?,
    };
    (hours.from < hours.to).then_some(hours)
}
