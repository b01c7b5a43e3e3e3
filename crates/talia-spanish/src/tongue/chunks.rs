//! Cuts written text at its blanks into chunks: a core with the punctuation around it.

/// One run of non-blank characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk<'a> {
    /// Opening punctuation: `¿`, `(`, a quotation mark…
    pub(super) lead: &'a str,
    /// What is to be read.
    pub(super) core: &'a str,
    /// Closing punctuation: `,`, `)`, `…`.
    pub(super) tail: &'a str,
    /// A line ended behind this chunk.
    pub(super) ends_line: bool,
}

/// What a reader made of the chunks at its front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) words: String,
    /// How many chunks the words stand for: at least one.
    pub(super) used: usize,
    pub(super) dot: Dot,
}

/// What a dot behind the last chunk of a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dot {
    /// A full stop.
    Stop,
    /// Part of an abbreviation that needs a word behind it: "Sr.", "Av.".
    Abbreviation,
    /// Part of an abbreviation that may end a sentence, which a capital behind it shows: "etc.", "p.m.".
    Either,
}

impl Reading {
    pub(super) fn new(words: impl Into<String>, used: usize) -> Self {
        Self {
            words: words.into(),
            used,
            dot: Dot::Stop,
        }
    }

    pub(super) fn with_dot(self, dot: Dot) -> Self {
        Self { dot, ..self }
    }
}

fn opens(character: char) -> bool {
    matches!(
        character,
        '¿' | '¡' | '(' | '[' | '{' | '"' | '“' | '«' | '‘' | '\'' | '*' | '_' | '—' | '–' | '•' | '·'
    )
}

fn closes(character: char) -> bool {
    matches!(
        character,
        ',' | '.' | ';' | ':' | '!' | '?' | '…' | ')' | ']' | '}' | '"' | '”' | '»' | '’' | '\'' | '*' | '—' | '–'
    )
}

pub(super) fn chunks(text: &str) -> Vec<Chunk<'_>> {
    let mut found: Vec<Chunk<'_>> = Vec::new();
    for line in text.lines() {
        for word in line.split_whitespace() {
            let body = word.trim_start_matches(opens);
            let lead = &word[..word.len() - body.len()];
            let core = body.trim_end_matches(closes);
            found.push(Chunk {
                lead,
                core,
                tail: &body[core.len()..],
                ends_line: false,
            });
        }
        if let Some(last) = found.last_mut() {
            last.ends_line = true;
        }
    }
    found
}

impl Chunk<'_> {
    /// Nothing stands between this chunk and the next one: they may be read together.
    pub(super) fn runs_on(&self) -> bool {
        self.tail.is_empty() && !self.ends_line
    }

    /// The core is one or more ASCII digits.
    pub(super) fn is_digits(&self) -> bool {
        !self.core.is_empty() && self.core.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The chunk can only open a sentence.
    pub(super) fn opens_sentence(&self) -> bool {
        self.core.starts_with(char::is_uppercase) || self.lead.contains(['¿', '¡'])
    }

    /// Closing punctuation as a voice needs it: one mark, or nothing.
    pub(super) fn pause(&self) -> Option<char> {
        // The comma behind an abbreviation's dot counts: "C.V.,".
        if self.tail.starts_with(".,") {
            return Some(',');
        }
        let mark = |wanted: &[char]| self.tail.chars().find(|character| wanted.contains(character));
        mark(&['?', '!'])
            .or_else(|| mark(&['.', '…', ';', ':']))
            .or_else(|| self.tail.contains([',', ')', ']', '—', '–']).then_some(','))
    }
}
