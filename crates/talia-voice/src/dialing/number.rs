//! A number as it is dialled: E.164, existing, of an ordinary kind.

use super::{Denial, ranges};
use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, Type};
use std::fmt;

/// Digits of E.164, country code included: at least and at most.
const FEWEST_DIGITS: usize = 8;
const MOST_DIGITS: usize = 15;

/// A number that exists and is of an ordinary kind. Only [`Destination::parse`] makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    e164: String,
    country: String,
}

impl Destination {
    /// Reads `+` and digits, exactly so: no spaces, no other script's digits, no extension, no prefix of a trunk.
    ///
    /// The number's kind comes from libphonenumber's metadata; because that calls satellites mobile and knows nothing
    /// of some dear ranges, [`ranges`] has its say first.
    pub fn parse(text: &str) -> Result<Self, Denial> {
        let digits = digits_of(text)?;
        if let Some(denial) = ranges::forbidden(digits) {
            return Err(denial);
        }
        let number = phonenumber::parse(None, text).map_err(|_| Denial::Invalid)?;
        if !phonenumber::is_valid(&number) {
            return Err(Denial::Invalid);
        }
        let country = number.country().id().ok_or(Denial::Network)?;
        // A text that means the same number in another writing could slip past prefixes and lists.
        if number.format().mode(Mode::E164).to_string() != text {
            return Err(Denial::NotE164);
        }
        match number.number_type(&DATABASE) {
            Type::FixedLine | Type::Mobile | Type::FixedLineOrMobile | Type::Voip | Type::TollFree => {}
            Type::PremiumRate => return Err(Denial::Premium),
            Type::SharedCost => return Err(Denial::SharedCost),
            Type::PersonalNumber => return Err(Denial::Personal),
            Type::Uan => return Err(Denial::Uan),
            Type::Pager => return Err(Denial::Pager),
            Type::Voicemail => return Err(Denial::Voicemail),
            Type::Emergency | Type::ShortCode => return Err(Denial::Short),
            Type::StandardRate | Type::Carrier | Type::NoInternational | Type::Unknown => {
                return Err(Denial::UnknownKind);
            }
        }
        Ok(Self {
            e164: text.to_owned(),
            country: country.as_ref().to_owned(),
        })
    }

    /// `+` and digits.
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// ISO 3166, two letters.
    pub fn country(&self) -> &str {
        &self.country
    }
}

/// Without the number.
impl fmt::Debug for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Destination")
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}

fn digits_of(text: &str) -> Result<&str, Denial> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Denial::NotANumber);
    }
    if digits.len() < FEWEST_DIGITS {
        return Err(Denial::Short);
    }
    if !text.starts_with('+') || digits.starts_with('0') || digits.len() > MOST_DIGITS {
        return Err(Denial::NotE164);
    }
    Ok(digits)
}
