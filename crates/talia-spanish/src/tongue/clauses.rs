//! Cuts what is to be said into pieces for synthesis: a short one first, so that the voice starts early.

use super::lexicon::dotted;
use super::phonemes::speech;
use crate::Language;

/// Phonemes above which a piece is cut even inside a sentence; Kokoro takes 510 tokens.
const LONGEST: usize = 300;

/// Words that the first piece has at least, and words after which it may end before a conjunction.
const FEWEST_WORDS: usize = 2;
const WORDS_BEFORE_CONJUNCTION: usize = 4;

/// Words before which a speaker may breathe.
const CONJUNCTIONS: &[&str] = &[
    "y", "e", "o", "pero", "porque", "que", "para", "aunque", "cuando", "mientras", "donde", "si", "sino", "and",
    "but", "because", "when", "so",
];

/// A word with the blanks behind it, by its place in the text.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    /// Where the next word starts.
    end: usize,
}

fn spans(text: &str) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut in_word = false;
    for (at, character) in text.char_indices() {
        if character.is_whitespace() {
            in_word = false;
        } else if !in_word {
            in_word = true;
            // Blanks in front of the first word belong to it.
            let start = if found.is_empty() { 0 } else { at };
            if let Some(last) = found.last_mut() {
                last.end = at;
            }
            found.push(Span { start, end: text.len() });
        }
    }
    if found.is_empty() && !text.is_empty() {
        found.push(Span {
            start: 0,
            end: text.len(),
        });
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    None,
    Clause,
    Sentence,
}

/// What kind of pause stands between a word and the next one.
fn break_after(word: &str, next: Option<&str>) -> Break {
    let bare = word.trim_end();
    let closed = bare.trim_end_matches(['"', '”', '»', '\'', ')', ']']);
    let core = closed.trim_end_matches(['.', ',', ';', ':', '!', '?', '…']);
    let ends_line = word[bare.len()..].contains('\n');
    let Some(next) = next else { return Break::Sentence };
    let digit = |text: &str, at_end: bool| {
        let mut letters = text.chars();
        if at_end { letters.next_back() } else { letters.next() }.is_some_and(|c| c.is_ascii_digit())
    };
    let mark = closed.chars().next_back().unwrap_or(' ');
    match mark {
        '.' if is_abbreviation(core, next) => Break::None,
        '?' | '!' | '…' | '.' => Break::Sentence,
        // "55, 1234" may be one number.
        ',' | ';' | ':' if digit(core, true) && digit(next.trim_start(), false) => Break::None,
        ';' | ':' | ',' | '—' | '–' => Break::Clause,
        _ if ends_line => Break::Sentence,
        _ => Break::None,
    }
}

fn is_abbreviation(core: &str, next: &str) -> bool {
    let word = core.trim_start_matches(['¿', '¡', '(', '"', '“', '«']).to_lowercase();
    let goes_on = next.starts_with(|c: char| c.is_lowercase() || c.is_ascii_digit());
    // Titles stand before a capital; "etc." and "S.A." end a sentence when one follows.
    let single = word.chars().count() == 1;
    match word.as_str() {
        "sr" | "sra" | "srta" | "dr" | "dra" | "lic" | "ing" | "arq" | "mtro" | "mtra" | "prof" | "av" | "col"
        | "blvd" | "calz" | "sta" | "sto" | "núm" | "no" | "tel" | "ee" => word != "no" || goes_on,
        "c.p" | "ma" | "fco" | "gpe" => true,
        "s.a" | "c.v" | "r.l" | "p.m" | "a.m" | "m.n" | "uu" | "hrs" | "hr" | "min" | "seg" | "kg" | "km" => goes_on,
        _ => (dotted(&word).is_some() || single) && goes_on,
    }
}

fn breaks(text: &str, spans: &[Span]) -> Vec<Break> {
    spans
        .iter()
        .enumerate()
        .map(|(index, span)| {
            let next = spans.get(index + 1).map(|next| &text[next.start..next.end]);
            break_after(&text[span.start..span.end], next)
        })
        .collect()
}

/// The sentences of a text with the blanks behind them; put together they are the text again.
pub fn sentences(text: &str) -> Vec<&str> {
    let spans = spans(text);
    let kinds = breaks(text, &spans);
    let ends = spans
        .iter()
        .zip(&kinds)
        .filter(|(_, kind)| **kind == Break::Sentence)
        .map(|(span, _)| span.end);
    cut(text, ends)
}

/// The pieces in which a text is given to the voice; put together they are the text again.
///
/// The first one is short: at least two words, up to the first comma, or up to a conjunction when no comma comes
/// early. Those that follow are sentences. No cut falls inside a number, an address or an abbreviation, and no piece
/// is longer than the voice can take unless a single word is.
pub fn clauses(text: &str, language: Language) -> Vec<&str> {
    let spans = spans(text);
    let kinds = breaks(text, &spans);
    let mut ends = Vec::new();
    let mut words = 0;
    let mut length = 0;
    // The last place where a too long piece may be cut.
    let mut resort: Option<(usize, usize)> = None;
    for (index, span) in spans.iter().enumerate() {
        words += 1;
        let word = &text[span.start..span.end];
        let weight = speech(word, language).chars().count() + 1;
        if length + weight > LONGEST && words > 1 {
            let (end, rest) = resort.take().unwrap_or((span.start, 0));
            ends.push(end);
            length = rest;
            words = 1;
        }
        length += weight;
        let first = ends.is_empty();
        let next = spans.get(index + 1).map(|next| &text[next.start..next.end]);
        let before_conjunction = next.is_some_and(|next| {
            CONJUNCTIONS.contains(&next.trim_end()) && !word.trim_end().ends_with(|c: char| c.is_ascii_digit())
        });
        let ends_here = match kinds[index] {
            Break::Sentence => !first || words >= FEWEST_WORDS,
            Break::Clause => first && words >= FEWEST_WORDS,
            Break::None => {
                // A comma two words further on is the better place.
                first
                    && words >= WORDS_BEFORE_CONJUNCTION
                    && before_conjunction
                    && kinds[index..].iter().take(3).all(|kind| *kind == Break::None)
            }
        };
        if ends_here {
            ends.push(span.end);
            (words, length, resort) = (0, 0, None);
        } else if kinds[index] != Break::None || before_conjunction {
            resort = Some((span.end, 0));
        } else if let Some((_, rest)) = &mut resort {
            *rest += weight;
        }
    }
    cut(text, ends.into_iter())
}

fn cut(text: &str, ends: impl Iterator<Item = usize>) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in ends.chain([text.len()]) {
        if end > start {
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    pieces
}

/// Cuts a written text where its voice was after `fraction` (0 to 1) of its audio: `(heard, unheard)`.
///
/// Each word weighs what its phonemes and its pause weigh. A word counts as heard when half of it was played; the
/// blanks behind it go with it. Put together the two parts are the text.
pub fn spoken_prefix(text: &str, fraction: f32) -> (&str, &str) {
    if fraction >= 1.0 {
        return (text, "");
    }
    let spans = spans(text);
    let weights: Vec<usize> = spans
        .iter()
        .map(|span| {
            let word = &text[span.start..span.end];
            let said = speech(word, Language::Spanish)
                .chars()
                .filter(|c| !matches!(c, 'ˈ' | 'ˌ'))
                .count();
            said + pause(word)
        })
        .collect();
    let total: usize = weights.iter().sum();
    // NaN has heard nothing.
    let played = if fraction > 0.0 { fraction * total as f32 } else { 0.0 };
    let mut before = 0;
    let mut end = 0;
    for (span, weight) in spans.iter().zip(&weights) {
        if *weight > 0 && (before as f32 + *weight as f32 / 2.0) > played {
            break;
        }
        if played <= 0.0 {
            break;
        }
        before += weight;
        end = span.end;
    }
    text.split_at(end)
}

/// How long the silence behind a word is, in phonemes of about 70 ms.
fn pause(word: &str) -> usize {
    match word.trim_end().chars().next_back() {
        Some('.' | '?' | '!' | '…') => 5,
        Some(',' | ';' | ':') => 3,
        _ => 0,
    }
}
