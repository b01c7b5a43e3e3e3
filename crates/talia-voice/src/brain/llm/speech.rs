//! From tokens to what is said: the first clause at once, then sentence by sentence, and nothing that is only written.

use crate::brain::prompt::{CUT_OFF, FINISHED, THINKING};
use talia_spanish::{Language, tongue};

/// Characters of one answer: a minute of speech. What a model writes beyond is not said.
const LONGEST: usize = 1_200;
/// Words behind the first clause that make sure where it ends.
const LOOK_AHEAD: usize = 3;

/// What comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// To be said.
    Say(String),
    /// The caller had not finished: they were cut off, or are `thinking`.
    NotYet { thinking: bool },
    /// More is not said.
    Enough,
}

/// Makes one answer into pieces.
#[derive(Debug)]
pub struct Speech {
    language: Language,
    /// What has come and was not given out.
    rest: String,
    /// The mark was looked for.
    begun: bool,
    /// A piece was given out.
    spoken: bool,
    /// A list's number or a code fence can only begin a line.
    at_line_start: bool,
    in_code: bool,
    length: usize,
    over: bool,
}

impl Speech {
    /// Of an answer in this language.
    pub fn new(language: Language) -> Self {
        Self {
            language,
            rest: String::new(),
            begun: false,
            spoken: false,
            at_line_start: true,
            in_code: false,
            length: 0,
            over: false,
        }
    }

    /// Takes more text in.
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if self.over {
            return pieces;
        }
        self.length += text.chars().count();
        self.rest.push_str(text);
        if !self.begun && !self.read_mark(&mut pieces) {
            return pieces;
        }
        while let Some(end) = self.complete() {
            let piece: String = self.rest.drain(..end).collect();
            self.say(&piece, false, &mut pieces);
        }
        if self.length > LONGEST {
            self.over = true;
            self.rest.clear();
            pieces.push(Piece::Enough);
        }
        pieces
    }

    /// Nothing more will come: what is left is said.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if !self.over {
            let rest = std::mem::take(&mut self.rest);
            self.over = true;
            for sentence in tongue::sentences(&rest) {
                self.say(sentence, true, &mut pieces);
            }
        }
        pieces
    }

    /// The answer broke off: what is left is said if it is enough to be worth it.
    pub fn break_off(&mut self) -> Vec<Piece> {
        const WORTH_IT: usize = 4;
        if self.spoken || self.rest.split_whitespace().count() >= WORTH_IT {
            // A last word may be half a word.
            let end = self.rest.trim_end().rfind(char::is_whitespace).unwrap_or(0);
            self.rest.truncate(end);
            if self.rest.split_whitespace().count() < WORTH_IT {
                self.rest.clear();
            }
            return self.finish();
        }
        self.over = true;
        Vec::new()
    }

    /// Looks for the mark; `false` while there is nothing to look at, or when the turn is not ours.
    fn read_mark(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let text = self.rest.trim_start();
        let Some(mark) = text.chars().next() else { return false };
        self.begun = true;
        match mark {
            CUT_OFF | THINKING => {
                self.over = true;
                self.rest.clear();
                pieces.push(Piece::NotYet {
                    thinking: mark == THINKING,
                });
                return false;
            }
            FINISHED => self.rest = text[mark.len_utf8()..].trim_start().to_owned(),
            _ => self.rest = text.to_owned(),
        }
        true
    }

    /// Where the first piece ends that is surely complete.
    fn complete(&self) -> Option<usize> {
        let sentences = tongue::sentences(&self.rest);
        let sentence = *sentences.first()?;
        if sentences.len() > 1 {
            let first_clause = if self.spoken {
                sentence
            } else {
                self.first_clause(sentence, true).unwrap_or(sentence)
            };
            return Some(first_clause.len());
        }
        if self.spoken || self.in_code {
            return None;
        }
        self.first_clause(sentence, false).map(str::len)
    }

    fn first_clause<'a>(&self, sentence: &'a str, complete: bool) -> Option<&'a str> {
        let clauses = tongue::clauses(sentence, self.language);
        let first = clauses.first().copied().filter(|_| clauses.len() > 1)?;
        let rest = &sentence[first.len()..];
        let sure =
            complete || first.trim_end().ends_with([',', ';', ':']) || rest.split_whitespace().count() > LOOK_AHEAD;
        sure.then_some(first)
    }

    fn say(&mut self, piece: &str, last: bool, pieces: &mut Vec<Piece>) {
        let mut said = String::new();
        for line in piece.split_inclusive('\n') {
            let starts_line = std::mem::replace(&mut self.at_line_start, line.ends_with('\n'));
            if line.trim_start().starts_with("```") {
                self.in_code = !self.in_code;
                continue;
            }
            if self.in_code {
                continue;
            }
            let line = if starts_line { without_bullet(line, last) } else { line };
            if !said.is_empty() && !said.ends_with(' ') {
                said.push(' ');
            }
            said.push_str(line.trim());
        }
        let said = spoken(&said);
        if said.chars().any(char::is_alphanumeric) {
            self.spoken = true;
            pieces.push(Piece::Say(said));
        }
    }
}

/// A line without what makes it a heading, a quotation or a list's item.
fn without_bullet(line: &str, last: bool) -> &str {
    let line = line.trim_start();
    let bare = line.trim_start_matches(['#', '>']).trim_start();
    for bullet in ["- ", "* ", "• ", "– ", "+ "] {
        if let Some(item) = bare.strip_prefix(bullet) {
            return item;
        }
    }
    let digits = bare.len() - bare.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    if (1..=2).contains(&digits)
        && let Some(item) = bare[digits..].strip_prefix(['.', ')'])
        && (item.starts_with(' ') || (item.trim().is_empty() && !last))
    {
        return item;
    }
    bare
}

/// A text without what is written and not spoken: emphasis, links, stage directions, pictures.
fn spoken(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let behind = &rest[letter.len_utf8()..];
        let inside = |close: char| behind.split_once(close).filter(|(inside, _)| !inside.contains('\n'));
        match letter {
            // [text](address) is its text; [se ríe] is nothing.
            '[' if inside(']').is_some() => {
                let (label, after) = inside(']').unwrap_or_default();
                match after.strip_prefix('(').and_then(|link| link.split_once(')')) {
                    Some((_, after)) => {
                        said.push_str(label);
                        rest = after;
                    }
                    None => rest = after,
                }
            }
            '(' if inside(')').is_some_and(|(inside, _)| is_direction(inside, 2)) => {
                rest = inside(')').map_or("", |(_, after)| after);
            }
            // *sonríe* is nothing where a text begins with it; **importante** is a word.
            '*' if said.trim().is_empty()
                && !behind.starts_with('*')
                && inside('*').is_some_and(|(inside, _)| is_direction(inside, 4)) =>
            {
                rest = inside('*').map_or("", |(_, after)| after);
            }
            '*' | '`' | '~' | '|' | FINISHED | CUT_OFF | THINKING => rest = behind,
            '_' if !said.ends_with(char::is_alphanumeric) || !behind.starts_with(char::is_alphanumeric) => {
                rest = behind;
            }
            _ if is_picture(letter) => rest = behind,
            _ => {
                said.push(letter);
                rest = behind;
            }
        }
    }
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// "sonríe", "pausa breve": few words in small letters, no number.
fn is_direction(inside: &str, most: usize) -> bool {
    let words = inside.split_whitespace().count();
    (1..=most).contains(&words)
        && inside.starts_with(char::is_lowercase)
        && !inside.contains(|letter: char| letter.is_ascii_digit() || letter == '@')
}

fn is_picture(letter: char) -> bool {
    matches!(u32::from(letter), 0x2190..=0x21FF | 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0xFE0E..=0xFE0F | 0x1F000..=0x1FAFF | 0x200D)
}
