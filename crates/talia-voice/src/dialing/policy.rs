//! The policy as configured, and the permit without which nothing is dialled.

use super::zones::Zones;
use super::{Caps, Denial, Destination, Hours, Prices};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// Who may be called, when, how often and for how much.
#[derive(Debug, Clone)]
pub struct Policy {
    /// ISO 3166, two letters; every other country is refused.
    pub countries: BTreeSet<String>,
    /// Prefixes (`+52900`) that are refused beside those that always are.
    pub refused_prefixes: Vec<String>,
    pub hours: Hours,
    pub zones: Zones,
    pub prices: Prices,
    pub caps: Caps,
    /// How many digits make a prefix for its cap, country code included.
    pub prefix_digits: usize,
    /// The longest call: what it may cost at most follows from it.
    pub longest_call: Duration,
}

/// That a number may be dialled at this moment, as far as the number itself and the clock go.
///
/// What was dialled before and who asked not to be called is for the store, which takes a permit and nothing else. Only [`Policy::judge`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    destination: Destination,
    prefix: String,
    price: i64,
    reserve: i64,
    caps: Caps,
}

impl Policy {
    /// Judges a text that somebody wants to be dialled at `now`.
    pub fn judge(&self, text: &str, now: Timestamp) -> Result<Permit, Denial> {
        let permit = self.judge_at_any_hour(text)?;
        if !self.hours.within(self.zones.of(&permit.destination), now) {
            return Err(Denial::Hours);
        }
        Ok(permit)
    }

    /// The same for somebody who has asked to be called at any time.
    pub fn judge_at_any_hour(&self, text: &str) -> Result<Permit, Denial> {
        let destination = Destination::parse(text)?;
        if !self.countries.contains(destination.country()) {
            return Err(Denial::Country);
        }
        let refused = |prefix: &String| destination.e164().starts_with(prefix.as_str());
        if self.refused_prefixes.iter().any(refused) {
            return Err(Denial::HighCost);
        }
        let zones = self.zones.of(&destination);
        if zones.is_empty() {
            return Err(Denial::TimeZone);
        }
        let price = self.prices.a_minute(destination.e164());
        let minutes = self.longest_call.as_secs().div_ceil(60).max(1);
        Ok(Permit {
            prefix: destination.e164().chars().take(1 + self.prefix_digits).collect(),
            price,
            reserve: price.saturating_mul(i64::try_from(minutes).unwrap_or(i64::MAX)),
            caps: self.caps,
            destination,
        })
    }
}

impl Permit {
    /// What may be dialled.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// `+` and the first digits, for the prefix's cap.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Millionths of the operator's currency a minute.
    pub fn price(&self) -> i64 {
        self.price
    }

    /// What the call may cost at most, millionths.
    pub fn reserve(&self) -> i64 {
        self.reserve
    }

    /// The limits that hold for it.
    pub fn caps(&self) -> &Caps {
        &self.caps
    }
}
