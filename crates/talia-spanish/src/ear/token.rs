//! Cuts recognised text into words, numbers and symbols, and keeps where they touched and where the speaker paused.

use super::sound::fold;
use std::ops::Range;

/// The longest text that is read; the rest is cut, so that reading stays fast on anything.
pub(crate) const LONGEST: usize = 2_000;

/// A word, a row of digits, or one symbol of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// As written.
    pub(crate) text: String,
    /// Folded for comparison.
    pub(crate) key: String,
    /// Written without a space before it.
    pub(crate) glued: bool,
    /// Followed by a comma, full stop or the like.
    pub(crate) pause: bool,
    /// The pause was written as a full stop.
    pub(crate) stop: bool,
}

impl Token {
    pub(crate) fn is(&self, key: &str) -> bool {
        self.key == key
    }

    pub(crate) fn is_any(&self, keys: &[&str]) -> bool {
        keys.contains(&self.key.as_str())
    }

    pub(crate) fn is_word(&self) -> bool {
        self.key.chars().next().is_some_and(char::is_alphabetic)
    }

    pub(crate) fn is_digits(&self) -> bool {
        self.key.bytes().next().is_some_and(|b| b.is_ascii_digit())
    }

    pub(crate) fn is_symbol(&self) -> bool {
        matches!(self.key.as_str(), "@" | "." | "_" | "-" | "+" | "/")
    }

    pub(crate) fn capitalised(&self) -> bool {
        self.text.chars().next().is_some_and(char::is_uppercase)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Symbol,
    Pause,
    Space,
}

fn kind(c: char) -> Kind {
    match c {
        _ if c.is_ascii_digit() => Kind::Digit,
        // "AT&T", "I'm": signs that live inside names and words.
        '&' | '\'' | '’' | '\u{0300}'..='\u{036f}' => Kind::Letter,
        _ if c.is_alphabetic() => Kind::Letter,
        '@' | '.' | '_' | '-' | '+' | '/' | '–' | '—' => Kind::Symbol,
        ',' | ';' | ':' | '?' | '!' | '¿' | '¡' | '…' => Kind::Pause,
        _ => Kind::Space,
    }
}

/// Cuts text into tokens. Total on any text; text beyond [`LONGEST`] characters is not read.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    placed(&text[..end]).0
}

/// The tokens of a text however long it is, and where each stands in it, in bytes.
pub(crate) fn placed(text: &str) -> (Vec<Token>, Vec<Range<usize>>) {
    let (places, chars): (Vec<usize>, Vec<char>) = text.char_indices().unzip();
    let place = |from: usize, to: usize| places[from]..places.get(to).copied().unwrap_or(text.len());
    let mut cut: Vec<Token> = Vec::new();
    let mut stands = Vec::new();
    let mut at = 0;
    let mut glued = false;
    while at < chars.len() {
        let this = kind(chars[at]);
        let start = at;
        at += 1;
        match this {
            Kind::Space => glued = false,
            Kind::Pause => {
                mark_pause(&mut cut);
                glued = false;
            }
            Kind::Symbol => {
                let followed = chars
                    .get(at)
                    .is_some_and(|&c| matches!(kind(c), Kind::Letter | Kind::Digit));
                let dot_as_stop = chars[start] == '.' && !followed;
                if dot_as_stop {
                    mark_pause(&mut cut);
                    if let Some(last) = cut.last_mut() {
                        last.stop = true;
                    }
                    glued = false;
                } else {
                    let symbol = if matches!(chars[start], '–' | '—') {
                        '-'
                    } else {
                        chars[start]
                    };
                    cut.push(token(&symbol.to_string(), glued));
                    stands.push(place(start, at));
                    glued = true;
                }
            }
            Kind::Letter | Kind::Digit => {
                while at < chars.len() && kind(chars[at]) == this && !hump(&chars, at) {
                    at += 1;
                }
                cut.push(token(&chars[start..at].iter().collect::<String>(), glued));
                stands.push(place(start, at));
                glued = true;
            }
        }
    }
    let row = cut.into_iter().zip(stands);
    row.filter(|(token, _)| !token.key.is_empty()).unzip()
}

/// A capital inside a word that starts a new one: "RovaClinica".
fn hump(chars: &[char], at: usize) -> bool {
    chars[at].is_uppercase() && chars[at - 1].is_lowercase() && chars.get(at + 1).is_some_and(|c| c.is_lowercase())
}

fn mark_pause(cut: &mut [Token]) {
    if let Some(last) = cut.last_mut() {
        last.pause = true;
    }
}

fn token(text: &str, glued: bool) -> Token {
    let text = text.trim_matches(['\'', '’']);
    Token {
        text: text.to_owned(),
        key: fold(text).replace('’', "'"),
        glued,
        pause: false,
        stop: false,
    }
}

/// The tokens as written, glued ones together.
pub(crate) fn phrase(tokens: &[Token]) -> String {
    let mut text = String::new();
    for (index, token) in tokens.iter().enumerate() {
        if index > 0 && !token.glued {
            text.push(' ');
        }
        text.push_str(&token.text);
    }
    text
}

/// Whether the tokens begin with these keys.
pub(crate) fn begins(tokens: &[Token], keys: &[&str]) -> bool {
    tokens.len() >= keys.len() && keys.iter().zip(tokens).all(|(key, token)| token.key == *key)
}

/// The longest of several phrases (words parted by spaces) that the tokens begin with: its length in tokens.
pub(crate) fn begins_any(tokens: &[Token], phrases: &[&str]) -> Option<usize> {
    phrases.iter().filter_map(|phrase| begins_phrase(tokens, phrase)).max()
}

fn begins_phrase(tokens: &[Token], phrase: &str) -> Option<usize> {
    let mut length = 0;
    for key in phrase.split(' ') {
        if tokens.get(length)?.key != key {
            return None;
        }
        length += 1;
    }
    Some(length)
}

/// Where one of several phrases first stands: start and end.
pub(crate) fn find_any(tokens: &[Token], phrases: &[&str]) -> Option<(usize, usize)> {
    (0..tokens.len()).find_map(|at| begins_any(&tokens[at..], phrases).map(|length| (at, at + length)))
}

/// Whether any of several phrases stands anywhere.
pub(crate) fn has_any(tokens: &[Token], phrases: &[&str]) -> bool {
    find_any(tokens, phrases).is_some()
}
