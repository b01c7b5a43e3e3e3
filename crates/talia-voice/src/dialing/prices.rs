//! What a call may cost: a price a minute by prefix, the dearest where nothing is said.

/// Money is counted in millionths of the operator's currency.
pub const MICROS: i64 = 1_000_000;

/// Prices a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// Longest prefix first, millionths a minute.
    by_prefix: Vec<(String, i64)>,
    /// For all others: the worst case.
    otherwise: i64,
}

impl Prices {
    /// Prices by prefix (`+52`), and for everything else; millionths of a currency a minute.
    pub fn new(mut by_prefix: Vec<(String, i64)>, otherwise: i64) -> Self {
        by_prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self { by_prefix, otherwise }
    }

    /// Millionths a minute to this number (E.164).
    pub fn a_minute(&self, e164: &str) -> i64 {
        let listed = self.by_prefix.iter().find(|(prefix, _)| e164.starts_with(prefix));
        listed.map_or(self.otherwise, |(_, price)| *price)
    }
}
