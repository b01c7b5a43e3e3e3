//! Where a number may be: the time zones of its country, or of its area code where that says more.
//!
//! libphonenumber gives a country only. Source of the names: the IANA time zone database (zone1970.tab and backward).

use super::Destination;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use thiserror::Error;

/// Country, and every zone of it in which people live.
const COUNTRIES: &[(&str, &[&str])] = &[
    (
        "MX",
        &[
            "America/Mexico_City",
            "America/Cancun",
            "America/Hermosillo",
            "America/Mazatlan",
            "America/Tijuana",
            "America/Ciudad_Juarez",
            "America/Ojinaga",
            "America/Chihuahua",
            "America/Matamoros",
        ],
    ),
    (
        "US",
        &[
            "America/New_York",
            "America/Chicago",
            "America/Denver",
            "America/Phoenix",
            "America/Los_Angeles",
            "America/Anchorage",
            "Pacific/Honolulu",
        ],
    ),
    (
        "CA",
        &[
            "America/St_Johns",
            "America/Halifax",
            "America/Toronto",
            "America/Winnipeg",
            "America/Regina",
            "America/Edmonton",
            "America/Vancouver",
        ],
    ),
    ("ES", &["Europe/Madrid", "Atlantic/Canary"]),
    ("PT", &["Europe/Lisbon", "Atlantic/Azores"]),
    ("AR", &["America/Argentina/Buenos_Aires"]),
    ("BO", &["America/La_Paz"]),
    (
        "BR",
        &[
            "America/Sao_Paulo",
            "America/Manaus",
            "America/Rio_Branco",
            "America/Noronha",
        ],
    ),
    ("CL", &["America/Santiago", "America/Punta_Arenas", "Pacific/Easter"]),
    ("CO", &["America/Bogota"]),
    ("CR", &["America/Costa_Rica"]),
    ("CU", &["America/Havana"]),
    ("DO", &["America/Santo_Domingo"]),
    ("EC", &["America/Guayaquil", "Pacific/Galapagos"]),
    ("GT", &["America/Guatemala"]),
    ("HN", &["America/Tegucigalpa"]),
    ("NI", &["America/Managua"]),
    ("PA", &["America/Panama"]),
    ("PE", &["America/Lima"]),
    ("PR", &["America/Puerto_Rico"]),
    ("PY", &["America/Asuncion"]),
    ("SV", &["America/El_Salvador"]),
    ("UY", &["America/Montevideo"]),
    ("VE", &["America/Caracas"]),
    ("AT", &["Europe/Vienna"]),
    ("BE", &["Europe/Brussels"]),
    ("CH", &["Europe/Zurich"]),
    ("DE", &["Europe/Berlin"]),
    ("FR", &["Europe/Paris"]),
    ("GB", &["Europe/London"]),
    ("IE", &["Europe/Dublin"]),
    ("IT", &["Europe/Rome"]),
    ("NL", &["Europe/Amsterdam"]),
];

/// Mexican area codes (Instituto Federal de Telecomunicaciones) that lie in one zone, and the zone.
const AREAS: &[(&str, &[&str])] = &[
    ("+5255", &["America/Mexico_City"]),
    ("+5256", &["America/Mexico_City"]),
    ("+5233", &["America/Mexico_City"]),
    ("+5281", &["America/Mexico_City"]),
    ("+52222", &["America/Mexico_City"]),
    ("+52442", &["America/Mexico_City"]),
    ("+52477", &["America/Mexico_City"]),
    ("+52444", &["America/Mexico_City"]),
    ("+52449", &["America/Mexico_City"]),
    ("+52722", &["America/Mexico_City"]),
    ("+52777", &["America/Mexico_City"]),
    ("+52999", &["America/Mexico_City"]),
    ("+52998", &["America/Cancun"]),
    ("+52984", &["America/Cancun"]),
    ("+52983", &["America/Cancun"]),
    ("+52662", &["America/Hermosillo"]),
    ("+52644", &["America/Hermosillo"]),
    ("+52667", &["America/Mazatlan"]),
    ("+52669", &["America/Mazatlan"]),
    ("+52612", &["America/Mazatlan"]),
    ("+52664", &["America/Tijuana"]),
    ("+52686", &["America/Tijuana"]),
    ("+52656", &["America/Ciudad_Juarez"]),
    ("+52614", &["America/Chihuahua"]),
];

/// A zone that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ZoneError {
    /// A country is allowed whose time nobody has told us.
    #[error("{0} is allowed, but its time zones aren't known: give them under dialing.zones")]
    Unknown(String),
    /// The time zone database has no such name.
    #[error("«{0}» is no time zone like America/Mexico_City")]
    Name(String),
    /// Neither a country nor a prefix.
    #[error("«{0}» is neither a country (MX) nor a prefix (+5255)")]
    Key(String),
}

/// The zones of every country that may be called.
#[derive(Debug, Clone, Default)]
pub struct Zones {
    by_country: BTreeMap<String, Vec<TimeZone>>,
    /// Longest prefix first.
    by_prefix: Vec<(String, Vec<TimeZone>)>,
}

impl Zones {
    /// The zones of these countries; `own` (country or prefix, zones) wins over what is known here.
    pub fn new<'a>(
        countries: impl IntoIterator<Item = &'a String>,
        own: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, ZoneError> {
        let mut by_country = BTreeMap::new();
        for country in countries {
            let known = COUNTRIES.iter().find(|(code, _)| code == country);
            let zones = match (own.get(country), known) {
                (Some(names), _) => resolve(names.iter().map(String::as_str))?,
                (None, Some((_, names))) => resolve(names.iter().copied())?,
                (None, None) => return Err(ZoneError::Unknown(country.clone())),
            };
            if zones.is_empty() {
                return Err(ZoneError::Unknown(country.clone()));
            }
            by_country.insert(country.clone(), zones);
        }
        let mut prefixes: BTreeMap<String, Vec<TimeZone>> = BTreeMap::new();
        for (prefix, names) in AREAS {
            prefixes.insert((*prefix).to_owned(), resolve(names.iter().copied())?);
        }
        for (key, names) in own {
            if is_prefix(key) {
                prefixes.insert(key.clone(), resolve(names.iter().map(String::as_str))?);
            } else if !is_country(key) {
                return Err(ZoneError::Key(key.clone()));
            }
        }
        let mut by_prefix: Vec<_> = prefixes.into_iter().collect();
        by_prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(Self { by_country, by_prefix })
    }

    /// Every zone where this number may be; none when that isn't known.
    pub fn of(&self, destination: &Destination) -> &[TimeZone] {
        let area = self
            .by_prefix
            .iter()
            .find(|(prefix, _)| destination.e164().starts_with(prefix));
        match area {
            Some((_, zones)) => zones,
            None => self.by_country.get(destination.country()).map_or(&[], Vec::as_slice),
        }
    }
}

fn resolve<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<TimeZone>, ZoneError> {
    names
        .map(|name| TimeZone::get(name).map_err(|_| ZoneError::Name(name.to_owned())))
        .collect()
}

/// `+` and one to fourteen digits.
pub(crate) fn is_prefix(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (1..=14).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
    })
}

/// Two capital letters.
pub(crate) fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}
