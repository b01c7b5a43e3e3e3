//! Times as text that sorts.

use jiff::Timestamp;

/// ISO-8601 in UTC with exactly three decimals: as text, earlier sorts before later.
pub(super) fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}
