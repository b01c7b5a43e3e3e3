//! What was heard, by place: final words stay as they are, running words are replaced by newer ones.

use super::Position;
use std::ops::Range;

/// Gaps that are no gaps: services give times in fractions of seconds, rounded each time.
const SEAM: u64 = 160;

/// One word and where it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Where it begins.
    pub from: Position,
    /// Where it ends.
    pub to: Position,
    /// As it is written, with its punctuation.
    pub text: String,
}

impl Word {
    fn middle(&self) -> Position {
        self.from.midpoint(self.to)
    }
}

/// What a final result brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Audio of which nothing final was known.
    New,
    /// Nothing that wasn't final before: ignored, whatever it says.
    Repeated,
}

/// The words of a call's last turns.
#[derive(Debug, Default)]
pub struct Transcript {
    /// Final words, in the order of speech.
    words: Vec<Word>,
    /// Audio whose words are final: in order, apart from each other.
    covered: Vec<Range<Position>>,
    /// Words that may still change, in the order of speech.
    running: Vec<Word>,
}

impl Transcript {
    /// Takes final words of the audio `span` in. Where there were final words before, those stay: a result that comes
    /// twice, late or revised changes nothing.
    pub fn settle(&mut self, span: Range<Position>, words: Vec<Word>) -> Settled {
        let is_known = span.is_empty()
            || self
                .covered
                .iter()
                .any(|known| known.start <= span.start && span.end <= known.end);
        if is_known {
            return Settled::Repeated;
        }
        for word in words {
            if !self.is_covered(word.middle()) {
                let place = self.words.partition_point(|known| known.from <= word.from);
                self.words.insert(place, word);
            }
        }
        self.running.retain(|word| !span.contains(&word.middle()));
        self.cover(span);
        Settled::New
    }

    /// Takes running words from `from` on in; they replace all earlier ones from there on.
    pub fn run(&mut self, from: Position, words: Vec<Word>) {
        self.running.retain(|word| word.middle() < from);
        let open = words.into_iter().filter(|word| !self.is_covered(word.middle()));
        let open: Vec<_> = open.collect();
        self.running.extend(open);
    }

    /// Where the first audio from `from` on lies whose words aren't final.
    pub fn final_up_to(&self, from: Position) -> Position {
        let around = self
            .covered
            .iter()
            .find(|known| known.start <= from && from < known.end);
        around.map_or(from, |known| known.end)
    }

    /// The words said between two places: the final ones, and where there are none yet the running ones.
    pub fn text(&self, span: &Range<Position>) -> String {
        let mut words: Vec<&Word> = self
            .words
            .iter()
            .chain(&self.running)
            .filter(|word| span.contains(&word.middle()))
            .collect();
        words.sort_by_key(|word| word.from);
        let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        texts.join(" ")
    }

    /// Forgets what nobody asks about any more.
    pub fn forget_before(&mut self, place: Position) {
        self.words.retain(|word| word.to > place);
        self.running.retain(|word| word.to > place);
        self.covered.retain(|known| known.end > place);
    }

    fn is_covered(&self, place: Position) -> bool {
        self.covered.iter().any(|known| known.contains(&place))
    }

    fn cover(&mut self, span: Range<Position>) {
        let touches = |known: &Range<Position>| {
            known.start <= span.end.saturating_add(SEAM) && span.start <= known.end.saturating_add(SEAM)
        };
        let start = self
            .covered
            .iter()
            .filter(|known| touches(known))
            .map(|known| known.start)
            .min();
        let end = self
            .covered
            .iter()
            .filter(|known| touches(known))
            .map(|known| known.end)
            .max();
        self.covered.retain(|known| !touches(known));
        let joined =
            start.map_or(span.start, |start| start.min(span.start))..end.map_or(span.end, |end| end.max(span.end));
        let place = self.covered.partition_point(|known| known.start < joined.start);
        self.covered.insert(place, joined);
    }
}

/// Words of which only the audio as a whole is known, spread evenly over it.
pub fn spread(text: &str, span: &Range<Position>) -> Vec<Word> {
    let words: Vec<_> = text.split_whitespace().collect();
    let length = span.end.saturating_sub(span.start);
    let at = |index: usize| span.start + length * index as u64 / words.len().max(1) as u64;
    let each = words.iter().enumerate();
    each.map(|(index, word)| Word {
        from: at(index),
        to: at(index + 1),
        text: (*word).to_owned(),
    })
    .collect()
}
