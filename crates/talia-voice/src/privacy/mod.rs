//! What the law lets a person ask for, and what has to be forgotten in time or never kept: erasing, giving out, retention, masking.

mod erasing;
mod masking;
mod person;
mod retention;

pub use erasing::{EraseError, Eraser, PersonErased};
pub use masking::{CallMask, Mask};
pub use person::{Person, PersonError, given_out};
pub use retention::{forget_in_time, sweep};

/// A number as a person may be known by: `+` and 5 to 15 digits (E.164).
pub fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
