//! Reads telephone numbers under the conventions of the countries that call: Mexico first, Spain, Argentina, the United States.

use phonenumber::Mode;
use phonenumber::country::Id;

use super::numbers;
use super::token::{Token, begins_any, has_any, tokens};
use crate::Language;
use std::ops::Range;

/// A country whose dialling habits are known; others are understood when their code is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Country {
    /// +52, ten digits.
    #[default]
    Mexico,
    /// +34, nine digits.
    Spain,
    /// +54, ten digits, mobiles with 9 (from abroad) or 15 (at home).
    Argentina,
    /// +1, ten digits (Canada and the Caribbean too).
    UnitedStates,
    /// Any other, by its calling code.
    Other(u16),
}

impl Country {
    /// The international calling code.
    pub fn code(self) -> u16 {
        match self {
            Self::Mexico => 52,
            Self::Spain => 34,
            Self::Argentina => 54,
            Self::UnitedStates => 1,
            Self::Other(code) => code,
        }
    }

    fn of_code(code: u16) -> Self {
        match code {
            52 => Self::Mexico,
            34 => Self::Spain,
            54 => Self::Argentina,
            1 => Self::UnitedStates,
            other => Self::Other(other),
        }
    }

    /// Digits of a national number without any prefix.
    pub fn national_length(self) -> usize {
        if self == Self::Spain { 9 } else { 10 }
    }

    /// By ISO 3166 code ("MX"); nothing for countries without conventions here.
    pub fn from_iso(iso: &str) -> Option<Self> {
        match iso.to_ascii_uppercase().as_str() {
            "MX" => Some(Self::Mexico),
            "ES" => Some(Self::Spain),
            "AR" => Some(Self::Argentina),
            "US" | "CA" | "PR" | "DO" => Some(Self::UnitedStates),
            _ => None,
        }
    }
}

/// A valid telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phone {
    /// As "+525512345678".
    pub e164: String,
    /// The national significant number as people of the country say it ("5512345678"; Argentina's 9 left out).
    pub national: String,
    /// Where it belongs.
    pub country: Country,
}

/// A row of numbers said together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Run {
    pub(crate) groups: Vec<String>,
    /// The tokens of each group.
    pub(crate) places: Vec<Range<usize>>,
    /// A plus was said in front.
    pub(crate) plus: bool,
    /// "no", "perdón" stood before it.
    pub(crate) corrects: bool,
}

impl Run {
    pub(crate) fn digits(&self) -> String {
        self.groups.concat()
    }

    /// The run when "cincuenta cinco" (an "y" lost) is read as 55 instead of 505.
    pub(crate) fn joined(&self) -> Self {
        let mut joined = Self {
            groups: Vec::new(),
            places: Vec::new(),
            ..*self
        };
        let mut at = 0;
        while at < self.groups.len() {
            let (this, next) = (&self.groups[at], self.groups.get(at + 1));
            match next {
                Some(unit)
                    if this.len() == 2 && this.ends_with('0') && this != "00" && unit.len() == 1 && unit != "0" =>
                {
                    joined.groups.push(format!("{}{unit}", &this[..1]));
                    joined.places.push(self.places[at].start..self.places[at + 1].end);
                    at += 2;
                }
                _ => {
                    joined.groups.push(this.clone());
                    joined.places.push(self.places[at].clone());
                    at += 1;
                }
            }
        }
        joined
    }
}

/// What may stand between the groups of one number.
#[rustfmt::skip]
pub(crate) const BETWEEN: &[&str] = &[
    "-", ".", "/", "y", "luego", "despues", "guion", "eh", "este", "mm", "espacio", "lada", "sigue", "seguido de",
    "y luego", "y despues", "el", "o sea", "a ver", "con", "al final", "then", "uh", "um", "and", "dash", "and then",
];

/// The rows of numbers in a text.
pub(crate) fn runs(row: &[Token], language: Language) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let mut at = 0;
    let mut gap = 0_usize;
    let mut open = false;
    let mut corrects = false;
    while at < row.len() {
        if let Some(group) = numbers::take(&row[at..], language) {
            if !open {
                let before = at.checked_sub(1).map(|previous| row[previous].key.as_str());
                let plus = matches!(before, Some("+" | "mas" | "plus"));
                found.push(Run {
                    groups: Vec::new(),
                    places: Vec::new(),
                    plus,
                    corrects,
                });
                corrects = false;
            }
            open = true;
            gap = 0;
            if let Some(run) = found.last_mut() {
                run.groups.push(group.digits);
                run.places.push(at..at + group.used);
            }
            at += group.used;
            continue;
        }
        let filler = begins_any(&row[at..], BETWEEN);
        gap += 1;
        if filler.is_none() || gap > 3 {
            open = false;
            corrects |= row[at].is_any(&["no", "perdon", "digo", "mejor", "sorry", "corrijo", "perdona"]);
        }
        at += filler.unwrap_or(1);
    }
    found
}

/// Reads the telephone number in a text; nothing if there is none or it isn't a valid one.
pub fn read(text: &str, language: Language, country: Country) -> Option<Phone> {
    read_tokens(&tokens(text), language, country)
}

pub(crate) fn read_tokens(row: &[Token], language: Language, country: Country) -> Option<Phone> {
    // What follows is the number of a telephone inside a house.
    let inside = |token: &Token| token.is_any(&["extension", "ext", "anexo", "interno"]);
    let row = &row[..row.iter().position(inside).unwrap_or(row.len())];
    let mut best = None;
    for run in runs(row, language) {
        if (best.is_none() || run.corrects)
            && let Some(phone) = interpret(&run, country)
        {
            best = Some(phone);
        }
    }
    best
}

/// Whether the text says that a telephone number is given.
pub(crate) fn announced(row: &[Token]) -> bool {
    has_any(
        row,
        &[
            "telefono", "numero", "celular", "cel", "whatsapp", "movil", "whats", "tel", "lada", "llamarme", "marcar",
            "llamen", "marquen", "phone", "number", "cell", "mobile", "wasap", "guasap", "linea", "contacto", "llamar",
        ],
    )
}

fn interpret(run: &Run, country: Country) -> Option<Phone> {
    let digits = run.digits();
    if let Some(once) = said_again(run) {
        return interpret(&once, country);
    }
    if !(8..=18).contains(&digits.len()) {
        return None;
    }
    let read = |digits: &str| {
        if run.plus {
            international(digits).or_else(|| national(digits, country))
        } else {
            national(digits, country)
        }
    };
    read(&digits)
        .or_else(|| {
            let joined = run.joined().digits();
            if joined == digits { None } else { read(&joined) }
        })
        .or_else(|| {
            // "seis sesenta y cuatro" is written "6664": the first digit once too often.
            let first = digits.chars().next()?;
            let rest = digits[1..].starts_with(first).then_some(&digits[1..])?;
            (!run.plus && rest.len() == country.national_length())
                .then(|| at_home(rest, country))
                .flatten()
        })
}

/// A number said twice, or written over and over by the recogniser: the groups up to where it begins anew.
fn said_again(run: &Run) -> Option<Run> {
    let mut length = 0;
    let ends = run.groups.iter().position(|group| {
        length += group.len();
        length >= 9
    })?;
    let again = (ends + 1..=(ends + 2).min(run.groups.len().checked_sub(2)?))
        .find(|&at| run.groups[at] == run.groups[0] && run.groups[at + 1] == run.groups[1])?;
    Some(Run {
        groups: run.groups[..again].to_vec(),
        places: run.places[..again].to_vec(),
        ..*run
    })
}

/// Reads bare digits under a country's habits, or as a number of another country whose code is in front.
pub fn from_digits(digits: &str, country: Country) -> Option<Phone> {
    if let Some(rest) = digits.strip_prefix('+') {
        return international(rest);
    }
    national(digits, country)
}

fn international(digits: &str) -> Option<Phone> {
    if let Some(mobile) = digits.strip_prefix("521").filter(|rest| rest.len() == 10) {
        return valid(Country::Mexico, mobile);
    }
    let parsed = phonenumber::parse(None, format!("+{digits}")).ok()?;
    if !parsed.is_valid() {
        return None;
    }
    let country = Country::of_code(parsed.code().value());
    let e164 = parsed.format().mode(Mode::E164).to_string();
    let significant = e164.strip_prefix(&format!("+{}", country.code()))?.to_owned();
    let national = match country {
        Country::Argentina if significant.len() == 11 => significant.trim_start_matches('9').to_owned(),
        _ => significant,
    };
    Some(Phone {
        e164,
        national,
        country,
    })
}

fn national(digits: &str, country: Country) -> Option<Phone> {
    at_home(digits, country).or_else(|| {
        let abroad = digits.strip_prefix("00").unwrap_or(digits);
        // Eleven digits and more can't be a home number: a country's code must stand in front.
        (abroad.len() > country.national_length() && !abroad.starts_with('0'))
            .then(|| international(abroad))
            .flatten()
            // A digit too many is likelier than a far country that nobody named.
            .filter(|found| digits.starts_with("00") || !matches!(found.country, Country::Other(_)))
    })
}

fn at_home(digits: &str, country: Country) -> Option<Phone> {
    let stripped = |prefix: &str, length: usize| digits.strip_prefix(prefix).filter(|rest| rest.len() == length);
    match country {
        Country::Mexico => {
            let number = stripped("", 10)
                .or_else(|| stripped("52", 10))
                .or_else(|| stripped("521", 10))
                .or_else(|| stripped("044", 10))
                .or_else(|| stripped("045", 10))
                .or_else(|| stripped("01", 10))
                .or_else(|| stripped("0052", 10))?;
            valid(country, number)
        }
        Country::Spain => {
            let number = stripped("", 9)
                .or_else(|| stripped("34", 9))
                .or_else(|| stripped("0034", 9))?;
            valid(country, number)
        }
        Country::Argentina => argentina(digits),
        Country::UnitedStates => valid(country, stripped("", 10).or_else(|| stripped("1", 10))?),
        Country::Other(_) => valid(country, digits),
    }
}

/// Argentina: 0 before the area and 15 behind it at home, 9 before the area from abroad (ENACOM numbering plan).
fn argentina(digits: &str) -> Option<Phone> {
    let rest = digits
        .strip_prefix("0054")
        .or_else(|| digits.strip_prefix("54").filter(|r| r.len() >= 10));
    let rest = rest.unwrap_or(digits);
    let rest = rest.strip_prefix('0').unwrap_or(rest);
    let mobile = |number: &str| {
        valid(Country::Argentina, &format!("9{number}")).map(|phone| Phone {
            national: number.to_owned(),
            ..phone
        })
    };
    match rest.len() {
        11 if rest.starts_with('9') => mobile(&rest[1..]),
        12 => [2, 3, 4]
            .into_iter()
            .filter(|&area| rest[area..].starts_with("15"))
            .find_map(|area| mobile(&format!("{}{}", &rest[..area], &rest[area + 2..]))),
        10 if rest.starts_with("15") => mobile(&format!("11{}", &rest[2..])),
        10 => valid(Country::Argentina, rest).or_else(|| mobile(rest)),
        _ => None,
    }
}

fn valid(country: Country, significant: &str) -> Option<Phone> {
    let id = match country {
        Country::Mexico => Some(Id::MX),
        Country::Spain => Some(Id::ES),
        Country::Argentina => Some(Id::AR),
        Country::UnitedStates => Some(Id::US),
        Country::Other(_) => None,
    };
    let e164 = format!("+{}{significant}", country.code());
    let parsed = phonenumber::parse(id, &e164).ok()?;
    let same = parsed.format().mode(Mode::E164).to_string() == e164;
    (same && parsed.is_valid()).then(|| Phone {
        e164,
        national: significant.to_owned(),
        country,
    })
}
