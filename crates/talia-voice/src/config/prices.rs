//! `[[prices]]`: what the providers cost.

use super::{ConfigError, set};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Millionths in one unit of the operator's currency.
const MICROS: f64 = 1_000_000.0;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    provider: String,
    input_per_million: f64,
    cached_per_million: Option<f64>,
    output_per_million: f64,
    per_thousand_characters: f64,
    per_minute: f64,
}

/// The price table, by provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<String, Price>);

/// What one provider costs, millionths of the operator's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// For a million tokens read, written, and read from the provider's cache.
    pub input_per_million: i64,
    pub output_per_million: i64,
    pub cached_per_million: i64,
    /// For a thousand characters spoken.
    pub per_thousand_characters: i64,
    /// For a minute of audio listened to (of the call, for `twilio`).
    pub per_minute: i64,
}

/// What a provider did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Tokens read, those from the cache included.
    pub input_tokens: u64,
    /// Of them, read from the cache.
    pub cached_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Characters spoken.
    pub characters: u64,
    /// Audio listened to, milliseconds.
    pub heard_ms: u64,
}

impl Prices {
    /// The price of a provider; none when the table doesn't say.
    pub fn of(&self, provider: &str) -> Option<&Price> {
        self.0.get(provider)
    }
}

impl Price {
    /// What the amounts cost, millionths of the operator's currency, rounded to the nearest.
    pub fn of(&self, amounts: &Amounts) -> i64 {
        let product = |count: u64, price: i64| i128::from(count) * i128::from(price);
        let fresh = amounts.input_tokens.saturating_sub(amounts.cached_tokens);
        let per_million = product(fresh, self.input_per_million)
            + product(amounts.cached_tokens, self.cached_per_million)
            + product(amounts.output_tokens, self.output_per_million);
        let per_thousand = product(amounts.characters, self.per_thousand_characters);
        let per_minute = product(amounts.heard_ms, self.per_minute);
        // All three over 3,000,000: a million, a thousand, and the 60,000 milliseconds of a minute.
        let sum = 3 * per_million + 3_000 * per_thousand + 50 * per_minute;
        i64::try_from((sum + 1_500_000) / 3_000_000).unwrap_or(i64::MAX)
    }
}

pub(super) fn check(raw: Vec<Raw>) -> Result<Prices, ConfigError> {
    let mut prices = BTreeMap::new();
    for price in raw {
        let wrong = |what: &str| ConfigError::value("prices", format!("«{}»: {what}", price.provider));
        let provider = set(&price.provider).ok_or_else(|| wrong("a provider is missing"))?;
        let micros = |amount: f64| {
            if (0.0..=1_000_000.0).contains(&amount) {
                Ok((amount * MICROS).round() as i64)
            } else {
                Err(wrong("a price is an amount between 0 and 1000000"))
            }
        };
        let checked = Price {
            input_per_million: micros(price.input_per_million)?,
            // What isn't cheaper from the cache costs the same.
            cached_per_million: micros(price.cached_per_million.unwrap_or(price.input_per_million))?,
            output_per_million: micros(price.output_per_million)?,
            per_thousand_characters: micros(price.per_thousand_characters)?,
            per_minute: micros(price.per_minute)?,
        };
        if prices.insert(provider, checked).is_some() {
            return Err(wrong("is there twice"));
        }
    }
    Ok(Prices(prices))
}
