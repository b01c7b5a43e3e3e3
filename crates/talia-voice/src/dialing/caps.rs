//! How often and for how much: limits, and what was used of them.

use super::Denial;

/// Limits of what is dialled, all doors together. Hours and days slide: the last 60 minutes, the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    pub per_hour: i64,
    pub per_day: i64,
    /// To numbers with the same first digits, in a day.
    pub per_prefix_per_day: i64,
    /// Millionths of the operator's currency, in a day.
    pub micros_per_day: i64,
}

/// What was dialled before, in the same windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub last_hour: i64,
    pub last_day: i64,
    /// Of the last day, to the same prefix.
    pub same_prefix: i64,
    /// Of the last day: what ended calls cost, and what others may cost at most.
    pub micros: i64,
}

impl Caps {
    /// Whether one call more, which may cost `micros` at most, stays inside.
    pub fn admit(&self, usage: &Usage, micros: i64) -> Result<(), Denial> {
        if usage.last_hour >= self.per_hour {
            return Err(Denial::CapPerHour);
        }
        if usage.last_day >= self.per_day {
            return Err(Denial::CapPerDay);
        }
        if usage.same_prefix >= self.per_prefix_per_day {
            return Err(Denial::CapPerPrefix);
        }
        if usage.micros.saturating_add(micros) > self.micros_per_day {
            return Err(Denial::CapCost);
        }
        Ok(())
    }
}
