//! How much of a text was said when its voice broke off, so that another voice says the rest and no more.

use std::time::Duration;

/// What a voice told of when its words sound.
#[derive(Debug, Clone, Default)]
pub struct Alignment {
    /// Places of the text (in bytes) with the time at which everything before them has been said.
    said: Vec<(usize, Duration)>,
    /// Pieces that aren't in the text: from there on nothing is known.
    lost: bool,
}

impl Alignment {
    /// The voice says that the next `piece` of `text` (a letter or a word) is over at `ends`.
    pub fn add(&mut self, text: &str, piece: &str, ends: Duration) {
        let from = self.said.last().map_or(0, |(place, _)| *place);
        if self.lost || piece.trim().is_empty() {
            return;
        }
        let rest = &text[from..];
        // Only blanks and punctuation may stand between two pieces.
        let gap = rest
            .char_indices()
            .find(|(at, c)| rest[*at..].starts_with(piece) || c.is_alphanumeric())
            .map_or(rest.len(), |(at, _)| at);
        if rest[gap..].starts_with(piece) {
            self.said.push((from + gap + piece.len(), ends));
        } else {
            self.lost = true;
        }
    }

    /// Up to where the text is known to be said once `heard` of its audio was played.
    fn place_at(&self, heard: Duration) -> Option<usize> {
        // The end of the last piece tells that nothing is known beyond it.
        let (_, known_until) = self.said.last()?;
        if self.lost && heard > *known_until {
            return None;
        }
        let before = self.said.iter().take_while(|(_, ends)| *ends <= heard);
        Some(before.last().map_or(0, |(place, _)| *place))
    }
}

/// Where the rest of `text` begins, in bytes, once `heard` of its audio was delivered.
///
/// With an alignment: at the first word that was not said to its end. Without one, by the share of what the whole was
/// expected to last. Always at the beginning of a word: a word that broke off is said again, none is left out.
pub fn rest_begins(text: &str, alignment: &Alignment, heard: Duration, expected: Duration) -> usize {
    // A word of which only the last breath is missing was understood.
    let slack = Duration::from_millis(35);
    let place = alignment.place_at(heard + slack).unwrap_or_else(|| {
        let share = (heard.as_secs_f32() / expected.as_secs_f32().max(0.01)).clamp(0.0, 1.0);
        let letters = text.chars().count() as f32 * share;
        text.char_indices()
            .nth(letters as usize)
            .map_or(text.len(), |(at, _)| at)
    });
    word_start(text, place)
}

/// The beginning of the word in which `place` lies; the end of the text when nothing that is spoken follows.
fn word_start(text: &str, place: usize) -> usize {
    let (before, after) = text.split_at(place);
    if !after.contains(char::is_alphanumeric) {
        return text.len();
    }
    let inside = after.starts_with(|c: char| !c.is_whitespace()) && before.ends_with(|c: char| !c.is_whitespace());
    let tail = after.split(char::is_whitespace).next().unwrap_or_default();
    if inside && tail.contains(char::is_alphanumeric) {
        return before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + blank_length(&before[at..]));
    }
    // Punctuation behind the last word said belongs to it.
    let skipped = if inside { tail.len() } else { 0 };
    let rest = &after[skipped..];
    place + skipped + (rest.len() - rest.trim_start().len())
}

fn blank_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Los paneles, Carlos, bajan el recibo.";

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn with_an_alignment_the_rest_begins_at_the_first_word_not_said_whole() {
        let mut letters = Alignment::default();
        for (index, letter) in TEXT.char_indices() {
            letters.add(TEXT, &letter.to_string(), ms(100 * (index as u64 + 1)));
        }
        let mut words = Alignment::default();
        for (word, ends) in [
            ("Los", 300),
            ("paneles,", 1200),
            ("Carlos,", 2000),
            ("bajan", 2600),
            ("el", 2900),
        ] {
            words.add(TEXT, word, ms(ends));
        }
        for (heard, rest) in [
            (0, TEXT),
            (290, "paneles, Carlos, bajan el recibo."),
            (700, "paneles, Carlos, bajan el recibo."),
        ] {
            for alignment in [&letters, &words] {
                assert_eq!(
                    &TEXT[rest_begins(TEXT, alignment, ms(heard), ms(3_700))..],
                    rest,
                    "{heard}"
                );
            }
        }
        assert_eq!(&TEXT[rest_begins(TEXT, &letters, ms(2_600), ms(3_700))..], "el recibo.");
        assert_eq!(rest_begins(TEXT, &letters, ms(3_650), ms(3_700)), TEXT.len());
    }

    #[test]
    fn without_one_it_begins_where_the_share_of_the_time_says() {
        let none = Alignment::default();
        let at = |heard| &TEXT[rest_begins(TEXT, &none, ms(heard), ms(3_700))..];
        assert_eq!(at(0), TEXT);
        assert_eq!(at(1_800), "Carlos, bajan el recibo.");
        assert_eq!(at(9_000), "");
        // What was expected too short: the whole was said, as far as one can know.
        assert_eq!(rest_begins("Sí.", &none, ms(2_000), ms(100)), "Sí.".len());
    }

    #[test]
    fn pieces_that_are_not_of_the_text_end_the_alignment() {
        let mut alignment = Alignment::default();
        alignment.add(TEXT, "Los", ms(300));
        alignment.add(TEXT, "otros", ms(600));
        alignment.add(TEXT, "paneles", ms(900));
        // Known until 300 ms; beyond that the share counts.
        assert_eq!(&TEXT[rest_begins(TEXT, &alignment, ms(200), ms(3_700))..], TEXT);
        assert_eq!(
            &TEXT[rest_begins(TEXT, &alignment, ms(2_200), ms(3_700))..],
            "bajan el recibo."
        );
    }
}
