//! Reads numbers said in any grouping as the digits they stand for: "cincuenta y cinco, doble cero, 12" is 550012.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::sound::sounds;
use super::token::{Token, tokens};
use crate::Language;

/// A number that was said or written as one, in digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) digits: String,
    /// Tokens read.
    pub(crate) used: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Unit(u32),
    Teen(u32),
    Ten(u32),
    Hundred(u32),
    Thousand,
    And,
    Twice,
    Thrice,
    Times,
}

const SPANISH: &[(&str, Word)] = &[
    ("cero", Word::Unit(0)),
    ("uno", Word::Unit(1)),
    ("dos", Word::Unit(2)),
    ("tres", Word::Unit(3)),
    ("cuatro", Word::Unit(4)),
    ("cinco", Word::Unit(5)),
    ("seis", Word::Unit(6)),
    ("sies", Word::Unit(6)),
    ("siete", Word::Unit(7)),
    ("ocho", Word::Unit(8)),
    ("nueve", Word::Unit(9)),
    ("diez", Word::Teen(10)),
    ("once", Word::Teen(11)),
    ("doce", Word::Teen(12)),
    ("trece", Word::Teen(13)),
    ("catorce", Word::Teen(14)),
    ("quince", Word::Teen(15)),
    ("dieciseis", Word::Teen(16)),
    ("diecisiete", Word::Teen(17)),
    ("dieciocho", Word::Teen(18)),
    ("diecinueve", Word::Teen(19)),
    ("veinte", Word::Ten(20)),
    ("treinta", Word::Ten(30)),
    ("cuarenta", Word::Ten(40)),
    ("cincuenta", Word::Ten(50)),
    ("sesenta", Word::Ten(60)),
    ("setenta", Word::Ten(70)),
    ("ochenta", Word::Ten(80)),
    ("noventa", Word::Ten(90)),
    ("cien", Word::Hundred(100)),
    ("ciento", Word::Hundred(100)),
    ("doscientos", Word::Hundred(200)),
    ("trescientos", Word::Hundred(300)),
    ("cuatrocientos", Word::Hundred(400)),
    ("quinientos", Word::Hundred(500)),
    ("seiscientos", Word::Hundred(600)),
    ("setecientos", Word::Hundred(700)),
    ("ochocientos", Word::Hundred(800)),
    ("novecientos", Word::Hundred(900)),
    ("mil", Word::Thousand),
    ("y", Word::And),
    ("doble", Word::Twice),
    ("triple", Word::Thrice),
    ("veces", Word::Times),
];

const UNITS: [&str; 10] = [
    "cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve",
];

const ENGLISH: &[(&str, Word)] = &[
    ("zero", Word::Unit(0)),
    ("oh", Word::Unit(0)),
    ("o", Word::Unit(0)),
    ("one", Word::Unit(1)),
    ("two", Word::Unit(2)),
    ("three", Word::Unit(3)),
    ("four", Word::Unit(4)),
    ("five", Word::Unit(5)),
    ("six", Word::Unit(6)),
    ("seven", Word::Unit(7)),
    ("eight", Word::Unit(8)),
    ("nine", Word::Unit(9)),
    ("ten", Word::Teen(10)),
    ("eleven", Word::Teen(11)),
    ("twelve", Word::Teen(12)),
    ("thirteen", Word::Teen(13)),
    ("fourteen", Word::Teen(14)),
    ("fifteen", Word::Teen(15)),
    ("sixteen", Word::Teen(16)),
    ("seventeen", Word::Teen(17)),
    ("eighteen", Word::Teen(18)),
    ("nineteen", Word::Teen(19)),
    ("twenty", Word::Ten(20)),
    ("thirty", Word::Ten(30)),
    ("forty", Word::Ten(40)),
    ("fifty", Word::Ten(50)),
    ("sixty", Word::Ten(60)),
    ("seventy", Word::Ten(70)),
    ("eighty", Word::Ten(80)),
    ("ninety", Word::Ten(90)),
    ("hundred", Word::Hundred(100)),
    ("thousand", Word::Thousand),
    ("double", Word::Twice),
    ("triple", Word::Thrice),
];

static SPANISH_WORDS: LazyLock<HashMap<String, Word>> =
    LazyLock::new(|| SPANISH.iter().map(|(word, meaning)| (sounds(word), *meaning)).collect());

/// "treinta y cinco" written as one word, "veinticinco", and plurals: "ceros".
static COMPOUNDS: LazyLock<HashMap<String, Compound>> = LazyLock::new(compounds);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compound {
    Value(u32),
    Plural(u32),
}

fn compounds() -> HashMap<String, Compound> {
    let mut table = HashMap::new();
    let tens = SPANISH.iter().filter_map(|(word, meaning)| match meaning {
        Word::Ten(value) => Some((*word, *value)),
        _ => None,
    });
    for (ten, value) in tens {
        for (unit, name) in UNITS.iter().enumerate().skip(1) {
            let stem = if value == 20 { "veint" } else { ten };
            for joint in ["i", "y", "e"] {
                table.insert(
                    sounds(&format!("{stem}{joint}{name}")),
                    Compound::Value(value + unit as u32),
                );
            }
        }
    }
    table.insert(sounds("veintiun"), Compound::Value(21));
    for (unit, name) in UNITS.iter().enumerate() {
        let plural = if name.ends_with('s') {
            format!("{name}es")
        } else {
            format!("{name}s")
        };
        table.insert(sounds(&plural), Compound::Plural(unit as u32));
    }
    table
}

fn word(token: &Token, language: Language) -> Option<Word> {
    match language {
        Language::Spanish => SPANISH_WORDS.get(&sounds(&token.key)).copied(),
        Language::English => ENGLISH
            .iter()
            .find(|(name, _)| token.key == *name)
            .map(|(_, meaning)| *meaning),
    }
}

fn compound(token: &Token, language: Language) -> Option<Compound> {
    (language == Language::Spanish)
        .then(|| COMPOUNDS.get(&sounds(&token.key)).copied())
        .flatten()
}

/// Reads the number that the tokens begin with.
pub(crate) fn take(row: &[Token], language: Language) -> Option<Group> {
    let first = row.first()?;
    if let Some(times) = repetition(row, language) {
        return Some(times);
    }
    if first.is_digits() {
        return Some(written(row, language));
    }
    let (value, used) = number(row, language)?;
    Some(Group {
        digits: value.to_string(),
        used,
    })
}

/// Digits as written, also half written: "50 y 5" is 55.
fn written(row: &[Token], language: Language) -> Group {
    let tens = row[0].key.len() == 2 && row[0].key.ends_with('0') && row[0].key.as_str() >= "20";
    if tens
        && language == Language::Spanish
        && row.get(1).is_some_and(|token| token.is("y"))
        && let Some(unit) = row.get(2).and_then(|token| unit_of(token, language))
    {
        return Group {
            digits: format!("{}{unit}", &row[0].key[..1]),
            used: 3,
        };
    }
    Group {
        digits: row[0].key.clone(),
        used: 1,
    }
}

/// A digit from 1 to 9, said or written.
fn unit_of(token: &Token, language: Language) -> Option<u32> {
    match word(token, language) {
        Some(Word::Unit(unit @ 1..)) => Some(unit),
        None if token.is_digits() && token.key.len() == 1 => token.key.parse().ok().filter(|unit| *unit > 0),
        _ => None,
    }
}

/// "doble cero", "triple cinco", "tres ceros", "dos veces siete", "doble 0".
fn repetition(row: &[Token], language: Language) -> Option<Group> {
    let times = match word(row.first()?, language) {
        Some(Word::Twice) => 2,
        Some(Word::Thrice) => 3,
        Some(Word::Unit(times @ 2..=6)) => return counted(row, times, language),
        _ => {
            let digits = row[0].is_digits() && row[0].key.len() == 1;
            let times = row[0]
                .key
                .parse::<u32>()
                .ok()
                .filter(|times| digits && (2..=6).contains(times))?;
            return counted(row, times, language);
        }
    };
    let (digits, used) = one_digit(&row[1..], language)?;
    // "doble 07": the recogniser wrote "doble cero" and "siete" together.
    if let Some(unit) = digits.strip_prefix('0').filter(|unit| !unit.is_empty()) {
        return Some(Group {
            digits: format!("{}{unit}", "0".repeat(times)),
            used: used + 1,
        });
    }
    Some(Group {
        digits: digits.repeat(times),
        used: used + 1,
    })
}

fn counted(row: &[Token], times: u32, language: Language) -> Option<Group> {
    if let Some(Compound::Plural(unit)) = row.get(1).and_then(|token| compound(token, language)) {
        return Some(Group {
            digits: unit.to_string().repeat(times as usize),
            used: 2,
        });
    }
    if row.get(1).and_then(|token| word(token, language)) == Some(Word::Times) {
        let (digits, used) = one_digit(&row[2..], language)?;
        return Some(Group {
            digits: digits.repeat(times as usize),
            used: used + 2,
        });
    }
    None
}

fn one_digit(row: &[Token], language: Language) -> Option<(String, usize)> {
    let first = row.first()?;
    if first.is_digits() && first.key.len() <= 2 {
        return Some((first.key.clone(), 1));
    }
    match word(first, language)? {
        Word::Unit(unit) => Some((unit.to_string(), 1)),
        Word::Teen(_) | Word::Ten(_) => below_hundred(row, language).map(|(value, used)| (value.to_string(), used)),
        _ => None,
    }
}

/// A cardinal below a million.
fn number(row: &[Token], language: Language) -> Option<(u32, usize)> {
    let is_thousand = |at: usize| row.get(at).and_then(|token| word(token, language)) == Some(Word::Thousand);
    let (head, used) = if is_thousand(0) {
        (1, 0)
    } else {
        below_thousand(row, language)?
    };
    // "cinco mil": a pause before "mil" starts another number.
    if head == 0 || !is_thousand(used) || (used > 0 && row[used - 1].pause) {
        return (used > 0).then_some((head, used));
    }
    let used = used + 1;
    match below_thousand(&row[used..], language) {
        Some((tail, more)) if tail > 0 && !row[used - 1].pause => Some((head * 1000 + tail, used + more)),
        _ => Some((head * 1000, used)),
    }
}

fn below_thousand(row: &[Token], language: Language) -> Option<(u32, usize)> {
    match (word(row.first()?, language), language) {
        (Some(Word::Hundred(hundreds)), Language::Spanish) => {
            let exact = row[0].is("cien") || row[0].pause;
            match below_hundred(&row[1..], language) {
                Some((rest, used)) if rest > 0 && !exact => Some((hundreds + rest, used + 1)),
                _ => Some((hundreds, 1)),
            }
        }
        (Some(Word::Unit(unit)), Language::English)
            if row.get(1).and_then(|token| word(token, language)) == Some(Word::Hundred(100)) =>
        {
            Some((unit * 100, 2))
        }
        _ => below_hundred(row, language),
    }
}

fn below_hundred(row: &[Token], language: Language) -> Option<(u32, usize)> {
    let first = row.first()?;
    let at = |index: usize| row.get(index).and_then(|token| word(token, language));
    match word(first, language) {
        Some(Word::Unit(unit)) => Some((unit, 1)),
        Some(Word::Teen(10)) if language == Language::Spanish => match (at(1), at(2)) {
            (Some(Word::And), Some(Word::Unit(unit @ 6..=9))) => Some((10 + unit, 3)),
            _ => Some((10, 1)),
        },
        Some(Word::Teen(teen)) => Some((teen, 1)),
        Some(Word::Ten(ten)) if language == Language::English => match at(1) {
            Some(Word::Unit(unit @ 1..)) if !first.pause && !row[1].is_any(&["o", "oh"]) => Some((ten + unit, 2)),
            _ => Some((ten, 1)),
        },
        Some(Word::Ten(ten)) if row.get(1).is_some_and(|token| token.is_any(&["y", "i", "e"])) => {
            match row.get(2).and_then(|token| unit_of(token, language)) {
                Some(unit) => Some((ten + unit, 3)),
                None => Some((ten, 1)),
            }
        }
        Some(Word::Ten(ten)) => Some((ten, 1)),
        _ => split_compound(row, language),
    }
}

/// "veinti cinco", "dieci seis", "treintaicinco", "veintiuno".
fn split_compound(row: &[Token], language: Language) -> Option<(u32, usize)> {
    if language == Language::English {
        return None;
    }
    if let Some(Compound::Value(value)) = compound(&row[0], language) {
        return Some((value, 1));
    }
    let stem = match row[0].key.as_str() {
        "veinti" | "veinty" => 20,
        "dieci" | "diesi" => 10,
        "treintai" | "treintay" => 30,
        "cuarentai" | "cuarentay" => 40,
        "cincuentai" | "cincuentay" => 50,
        "sesentai" | "sesentay" => 60,
        "setentai" | "setentay" => 70,
        "ochentai" | "ochentay" => 80,
        "noventai" | "noventay" => 90,
        _ => return None,
    };
    match row.get(1).and_then(|token| word(token, language)) {
        Some(Word::Unit(unit @ 1..)) => Some((stem + unit, 2)),
        _ => None,
    }
}

/// All digits said in a text, in order, whatever stands between them.
pub fn digits(text: &str, language: Language) -> String {
    let row = tokens(text);
    let mut all = String::new();
    let mut at = 0;
    while at < row.len() {
        match take(&row[at..], language) {
            Some(group) => {
                all.push_str(&group.digits);
                at += group.used;
            }
            None => at += 1,
        }
    }
    all
}
