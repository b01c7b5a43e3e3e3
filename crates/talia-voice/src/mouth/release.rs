//! When a sentence that is made piece by piece may begin to be heard, so that no gap opens inside it.

use std::time::Duration;
use talia_spanish::{Language, tongue};

/// Letters that are spoken in a second, once a text is written out in words.
const LETTERS_A_SECOND: f32 = 15.0;

/// How long a text will last, about.
pub(super) fn expected_duration(text: &str, language: Language) -> Duration {
    let letters = tongue::verbalize(text, language).chars().count();
    Duration::from_secs_f32(letters as f32 / LETTERS_A_SECOND)
}

/// Whether what is `ready` (but not yet heard) covers the making of what is still `missing`.
///
/// `pace` is how many seconds of work one second of speech takes; the pieces are made one after the other, and each must
/// be there when what stands before it has been heard.
pub(super) fn may_begin(ready: Duration, missing: &[Duration], pace: f32) -> bool {
    let mut heard_until = ready.as_secs_f32();
    let mut made_at = 0.0;
    missing.iter().all(|piece| {
        let piece = piece.as_secs_f32();
        made_at += piece * pace;
        let in_time = made_at <= heard_until;
        heard_until += piece;
        in_time
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(tenths: u64) -> Duration {
        Duration::from_millis(tenths * 100)
    }

    #[test]
    fn a_short_opening_waits_for_a_long_rest_on_a_slow_machine() {
        assert!(may_begin(seconds(10), &[], 2.0));
        assert!(may_begin(seconds(10), &[seconds(30)], 0.3));
        assert!(!may_begin(seconds(10), &[seconds(30)], 0.7));
        assert!(may_begin(seconds(25), &[seconds(30)], 0.7));
        // The second piece is covered, the third comes too late.
        assert!(!may_begin(seconds(10), &[seconds(10), seconds(60)], 0.8));
    }

    #[test]
    fn numbers_last_as_long_as_their_words() {
        let number = expected_duration("+525512345678", Language::Spanish);
        assert!(number > Duration::from_secs(3), "{number:?}");
    }
}
