//! Reads written figures: signs, thousands, decimals, as Mexicans write them first (1,250.50), then as Europeans do.

use super::cardinals::{Agreement, cardinal, digits_one_by_one};

/// A written number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) negative: bool,
    /// Digits before the decimal sign, thousands signs removed.
    pub(super) whole: String,
    /// Digits behind the decimal sign and whether that sign was a comma.
    pub(super) decimals: Option<(String, bool)>,
}

impl Figure {
    /// Reads the whole of `text`, or nothing when it is no plain figure.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, body) = match text.strip_prefix(['-', '−']) {
            Some(body) => (true, body),
            None => (false, text),
        };
        if !body.starts_with(|c: char| c.is_ascii_digit()) || !body.ends_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if !body
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.'))
        {
            return None;
        }
        let figure = |whole: String, decimals: Option<(&str, bool)>| {
            Some(Self {
                negative,
                whole,
                decimals: decimals.map(|(digits, comma)| (digits.to_owned(), comma)),
            })
        };
        let (commas, dots) = (body.matches(',').count(), body.matches('.').count());
        match (commas, dots) {
            (0, 0) => figure(body.to_owned(), None),
            (0, 1) => body
                .split_once('.')
                .and_then(|(whole, part)| figure(whole.to_owned(), Some((part, false)))),
            (1, 0) if !in_thousands(body, ',') => body
                .split_once(',')
                .and_then(|(whole, part)| figure(whole.to_owned(), Some((part, true)))),
            (_, 0) if in_thousands(body, ',') => figure(body.replace(',', ""), None),
            (0, _) if in_thousands(body, '.') => figure(body.replace('.', ""), None),
            (_, 1) if body.rfind(',') < body.find('.') => {
                let (whole, part) = body.split_once('.')?;
                if in_thousands(whole, ',') {
                    figure(whole.replace(',', ""), Some((part, false)))
                } else {
                    None
                }
            }
            (1, _) => {
                let (whole, part) = body.split_once(',')?;
                if in_thousands(whole, '.') {
                    figure(whole.replace('.', ""), Some((part, true)))
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// The whole part's value when it is not written with leading zeros and fits.
    pub(super) fn value(&self) -> Option<u64> {
        if self.whole.len() > 1 && self.whole.starts_with('0') {
            None
        } else {
            self.whole.parse().ok()
        }
    }

    /// The words of the figure.
    pub(super) fn say(&self, agreement: Agreement) -> String {
        let agreement = if self.decimals.is_some() {
            Agreement::Alone
        } else {
            agreement
        };
        // A row of digits that starts with zero, or that no number word reaches, is a code.
        let mut words = self
            .value()
            .map_or_else(|| digits_one_by_one(&self.whole), |value| cardinal(value, agreement));
        if let Some((digits, comma)) = &self.decimals {
            words.push_str(if *comma { " coma " } else { " punto " });
            words.push_str(&say_digits(digits));
        }
        if self.negative { format!("menos {words}") } else { words }
    }
}

/// Two digits as one number, more of them (or a leading zero) one by one.
pub(super) fn say_digits(digits: &str) -> String {
    match digits.parse::<u64>() {
        Ok(value) if digits.len() <= 2 && !digits.starts_with('0') => cardinal(value, Agreement::Alone),
        _ => digits_one_by_one(digits),
    }
}

fn in_thousands(text: &str, sign: char) -> bool {
    let mut groups = text.split(sign);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_digit())
        && groups.all(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()))
}
