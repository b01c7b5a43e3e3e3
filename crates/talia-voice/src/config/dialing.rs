//! `[dialing]`: calls out. Who may be called, when, how often, for how much, and what a machine hears.

use super::words::words;
use super::{ConfigError, set};
use crate::dialing::{Caps, Destination, Hours, MICROS, Policy, Prices, Zones, is_country, is_prefix};
use jiff::civil::{Time, Weekday};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// After the conversation's own limit, so that the goodbye is heard before Twilio cuts the call.
const GOODBYE: Duration = Duration::from_mins(1);
/// A message that a machine records, in characters: about a minute of speech, and far below what one request may carry.
const LONGEST_MESSAGE: usize = 1_000;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    from: String,
    #[serde(deserialize_with = "words")]
    countries: Vec<String>,
    #[serde(deserialize_with = "words")]
    refused_prefixes: Vec<String>,
    hours_from: String,
    hours_until: String,
    #[serde(deserialize_with = "words")]
    days: Vec<String>,
    max_per_hour: u32,
    max_per_day: u32,
    max_per_prefix_per_day: u32,
    prefix_digits: usize,
    max_cost_per_day: f64,
    price_per_minute: f64,
    prices: Vec<Price>,
    zones: BTreeMap<String, Vec<String>>,
    ring_s: u16,
    machine: String,
    machine_message: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    prefix: String,
    per_minute: f64,
}

/// What a machine that answers hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineAnswer {
    /// Nothing: the call ends.
    HangUp,
    /// This message after the beep, behind the disclosure.
    Message(String),
}

/// Calls out.
#[derive(Debug, Clone)]
pub struct Dialing {
    /// The number that is shown, E.164; without it nothing is dialled.
    pub from: Option<String>,
    /// Who may be called.
    pub policy: Policy,
    /// How long it may ring, seconds.
    pub ring_s: u16,
    /// The longest call, as Twilio enforces it.
    pub time_limit: Duration,
    /// What a machine that answers hears.
    pub machine: MachineAnswer,
}

impl Raw {
    /// Checks the section. `longest_call` is the conversation's own limit.
    pub(super) fn check(self, longest_call: Duration) -> Result<Dialing, ConfigError> {
        let time_limit = longest_call + GOODBYE;
        let from = set(&self.from);
        // Our own number isn't called: country and hours don't matter, but it must be a number.
        if from.as_deref().is_some_and(|from| Destination::parse(from).is_err()) {
            return Err(ConfigError::value("dialing.from", "is not a number like +525512345678"));
        }
        if let Some(wrong) = self.countries.iter().find(|country| !is_country(country)) {
            return Err(ConfigError::value(
                "dialing.countries",
                format!("«{wrong}» is no country: two capital letters like MX"),
            ));
        }
        let countries: BTreeSet<String> = self.countries.into_iter().collect();
        if let Some(wrong) = self.refused_prefixes.iter().find(|prefix| !is_prefix(prefix)) {
            return Err(ConfigError::value(
                "dialing.refused_prefixes",
                format!("«{wrong}» is no prefix like +52900"),
            ));
        }
        let zones = Zones::new(&countries, &self.zones)
            .map_err(|error| ConfigError::value("dialing.zones", error.to_string()))?;
        if !(2..=15).contains(&self.prefix_digits) {
            return Err(ConfigError::value("dialing.prefix_digits", "must be between 2 and 15"));
        }
        if !(5..=60).contains(&self.ring_s) {
            return Err(ConfigError::value("dialing.ring_s", "must be between 5 and 60"));
        }
        let machine = match (self.machine.trim(), set(&self.machine_message)) {
            ("hang-up", _) => MachineAnswer::HangUp,
            ("message", Some(text)) if text.chars().count() <= LONGEST_MESSAGE => MachineAnswer::Message(text),
            ("message", _) => {
                return Err(ConfigError::value(
                    "dialing.machine_message",
                    format!("must have 1 to {LONGEST_MESSAGE} characters when dialing.machine is message"),
                ));
            }
            _ => return Err(ConfigError::value("dialing.machine", "must be hang-up or message")),
        };
        let mut by_prefix = Vec::new();
        for price in &self.prices {
            if !is_prefix(&price.prefix) {
                return Err(ConfigError::value("dialing.prices", "a prefix must be like +52"));
            }
            by_prefix.push((price.prefix.clone(), micros("dialing.prices", price.per_minute)?));
        }
        let policy = Policy {
            countries,
            refused_prefixes: self.refused_prefixes,
            hours: hours(&self.hours_from, &self.hours_until, &self.days)?,
            zones,
            prices: Prices::new(by_prefix, micros("dialing.price_per_minute", self.price_per_minute)?),
            caps: Caps {
                per_hour: self.max_per_hour.into(),
                per_day: self.max_per_day.into(),
                per_prefix_per_day: self.max_per_prefix_per_day.into(),
                micros_per_day: micros("dialing.max_cost_per_day", self.max_cost_per_day)?,
            },
            prefix_digits: self.prefix_digits,
            longest_call: time_limit,
        };
        Ok(Dialing {
            from,
            policy,
            ring_s: self.ring_s,
            time_limit,
            machine,
        })
    }
}

fn micros(key: &'static str, amount: f64) -> Result<i64, ConfigError> {
    if (0.0..=1_000_000.0).contains(&amount) {
        Ok((amount * MICROS as f64).round() as i64)
    } else {
        Err(ConfigError::value(key, "must be an amount between 0 and 1000000"))
    }
}

fn hours(from: &str, until: &str, days: &[String]) -> Result<Hours, ConfigError> {
    let time = |key, text: &str| {
        text.trim()
            .parse::<Time>()
            .map_err(|_| ConfigError::value(key, "must be a time like 09:00"))
    };
    let from = time("dialing.hours_from", from)?;
    let until = time("dialing.hours_until", until)?;
    let mut open = Vec::new();
    for day in days {
        let known = [
            ("mon", Weekday::Monday),
            ("tue", Weekday::Tuesday),
            ("wed", Weekday::Wednesday),
            ("thu", Weekday::Thursday),
            ("fri", Weekday::Friday),
            ("sat", Weekday::Saturday),
            ("sun", Weekday::Sunday),
        ];
        match known.iter().find(|(word, _)| word == day) {
            Some((_, day)) => open.push(*day),
            None => {
                return Err(ConfigError::value(
                    "dialing.days",
                    "takes mon, tue, wed, thu, fri, sat, sun",
                ));
            }
        }
    }
    Hours::new(from, until, &open).ok_or_else(|| {
        ConfigError::value(
            "dialing.hours_until",
            "must be later than hours_from, on one day or more",
        )
    })
}
