//! Many rows in one statement, in few lengths, so that an engine keeps each length prepared.

use std::borrow::Cow;

/// Rows of a statement.
const LENGTHS: [usize; 4] = [64, 16, 4, 1];

/// Cut into such lengths, in order.
pub(super) fn cut<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = LENGTHS.into_iter().find(|length| *length <= rows.len())?;
        let (some, rest) = rows.split_at(length);
        rows = rest;
        Some(some)
    })
}

/// In as few such lengths as hold them all, the last value repeated where one is longer than what is left: for questions, to
/// which a value may be given twice.
pub(super) fn padded<T: Clone>(values: &[T]) -> impl Iterator<Item = Cow<'_, [T]>> {
    values.chunks(LENGTHS[0]).map(|some| {
        let length = LENGTHS.into_iter().rev().find(|length| *length >= some.len());
        match (length, some.last()) {
            (Some(length), Some(last)) if length > some.len() => {
                let mut some = some.to_vec();
                some.resize(length, last.clone());
                Cow::Owned(some)
            }
            _ => Cow::Borrowed(some),
        }
    })
}

/// The places of so many rows: `($1, $2), ($3, $4)`.
pub(super) fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<_> = (1..=columns)
            .map(|column| format!("${}", row * columns + column))
            .collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{cut, padded, places};

    #[test]
    fn rows_are_cut_into_few_lengths() {
        let rows: Vec<usize> = (0..150).collect();
        let lengths: Vec<usize> = cut(&rows).map(<[usize]>::len).collect();
        assert_eq!(lengths, [64, 64, 16, 4, 1, 1]);
        assert_eq!(cut(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(cut::<usize>(&[]).count(), 0);
    }

    #[test]
    fn what_is_asked_may_be_asked_twice() {
        let lengths = |count: usize| {
            let values: Vec<usize> = (0..count).collect();
            padded(&values)
                .map(|some| {
                    assert!(some.iter().all(|value| *value < count));
                    some.len()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(lengths(0), [0; 0]);
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(5), [16]);
        assert_eq!(lengths(64), [64]);
        assert_eq!(lengths(66), [64, 4]);
    }

    #[test]
    fn places_count_up() {
        assert_eq!(places(2, 3), "($1, $2, $3), ($4, $5, $6)");
    }
}
