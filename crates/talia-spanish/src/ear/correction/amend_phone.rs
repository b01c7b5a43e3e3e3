//! Applies a spoken correction to a telephone number.

use super::{Correction, read};
use crate::Language;
use crate::ear::numbers;
use crate::ear::phone::{self, Country, Phone};

/// The number with the correction applied; nothing if the text corrects nothing in it or the result isn't valid.
pub fn amend_phone(current: &Phone, text: &str, language: Language) -> Option<Phone> {
    if let Some(anew) = phone::read(text, language, current.country) {
        return (anew != *current).then_some(anew);
    }
    let digits = amended(&current.national, &read(text, language)?, language)?;
    let changed = with_national(current, &digits)?;
    (changed != *current).then_some(changed)
}

/// Keeps Argentina's mobile mark, which the national number leaves out.
fn with_national(current: &Phone, digits: &str) -> Option<Phone> {
    let mobile = current.country == Country::Argentina && current.e164.starts_with("+549");
    let dialled = if mobile {
        format!("549{digits}")
    } else {
        digits.to_owned()
    };
    phone::from_digits(&dialled, current.country)
}

fn amended(number: &str, correction: &Correction, language: Language) -> Option<String> {
    let digits = |text: &str| {
        Some(numbers::digits(text, language)).filter(|digits| !digits.is_empty() && digits.len() <= number.len())
    };
    match correction {
        Correction::Replace { wrong, right } => {
            let (wrong, right) = (digits(wrong)?, digits(right)?);
            // Said in pairs, so a match at an even place is likelier than one across two pairs.
            let places: Vec<usize> = number.match_indices(wrong.as_str()).map(|(at, _)| at).collect();
            let at = places.iter().rev().find(|at| *at % 2 == 0).or(places.last())?;
            Some(format!("{}{right}{}", &number[..*at], &number[at + wrong.len()..]))
        }
        Correction::Ends(end) => {
            let end = digits(end)?;
            Some(format!("{}{end}", &number[..number.len() - end.len()]))
        }
        Correction::Starts(start) => {
            let start = digits(start)?;
            Some(format!("{start}{}", &number[start.len()..]))
        }
        Correction::Nth { place, letter } => {
            let digit = letter.chars().next().filter(char::is_ascii_digit)?;
            let at = if *place < 0 {
                number.len().checked_sub(place.unsigned_abs() as usize)?
            } else {
                *place as usize
            };
            let mut changed: Vec<char> = number.chars().collect();
            *changed.get_mut(at)? = digit;
            Some(changed.into_iter().collect())
        }
        Correction::Restate(text) => nearest(number, &digits(text)?),
        Correction::Letter { .. } | Correction::Without(_) | Correction::Append(_) => None,
    }
}

/// Puts a few digits where they differ least from what stands there; nothing if two places fit as well.
fn nearest(number: &str, part: &str) -> Option<String> {
    if part.len() < 2 {
        return None;
    }
    let apart = |at: usize| {
        number[at..at + part.len()]
            .bytes()
            .zip(part.bytes())
            .filter(|(a, b)| a != b)
            .count()
    };
    let places = 0..=number.len() - part.len();
    let least = places.clone().map(apart).filter(|apart| *apart > 0).min()?;
    let mut fits = places.filter(|&at| apart(at) == least);
    let at = fits.next()?;
    (fits.next().is_none() && least * 2 <= part.len())
        .then(|| format!("{}{part}{}", &number[..at], &number[at + part.len()..]))
}
