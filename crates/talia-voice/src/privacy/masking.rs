//! Masks payment cards and an operator's patterns in what is kept of a call, before it is handed to the store.

use crate::config::{MaskPattern, Privacy};
use crate::telemetry::Metrics;
use crate::telemetry::labels::Masked;
use serde_json::Value;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;
use talia_dialogue::{Entry, Speaker};
use talia_spanish::ear::card::{self, CardPart, CardWords, Dictation, Heard};

/// Stands in the place of a card's security code.
const SECURITY_CODE: &str = "[código oculto]";
/// Pieces of cards that are looked for in what a conversation remembers.
const MOST_PIECES: usize = 64;
/// Texts of which a call knows that nothing in them is masked.
const MOST_CLEAN: usize = 2_048;
/// What a conversation has to know whole, or it calls and writes to nobody. It has been read as an e-mail or a telephone.
const KNOWN_WHOLE: [&str; 2] = ["email", "phone"];

/// What is masked, for all calls.
#[derive(Debug)]
pub struct Mask {
    cards: bool,
    patterns: Vec<MaskPattern>,
    metrics: Arc<Metrics>,
}

/// Part of a text that is masked, and what stands there instead.
#[derive(Debug, Clone)]
struct Hidden {
    range: Range<usize>,
    kind: Masked,
    mark: String,
}

impl Mask {
    /// As the configuration says.
    pub fn new(privacy: &Privacy, metrics: Arc<Metrics>) -> Self {
        Self {
            cards: privacy.mask_cards,
            patterns: privacy.patterns.clone(),
            metrics,
        }
    }

    /// A text by itself as it may be shown.
    pub fn text(&self, text: &str) -> String {
        replaced(text, &self.found(text, self.cards_of(text)))
    }

    fn cards_of(&self, text: &str) -> Vec<CardWords> {
        if self.cards { card::find(text) } else { Vec::new() }
    }

    /// What is masked of a text, the words of cards in it included; in order, without overlaps.
    fn found(&self, text: &str, cards: Vec<CardWords>) -> Vec<Hidden> {
        let cards = cards.into_iter().map(|words| {
            let (kind, mark) = match words.part {
                CardPart::Number { last_four } => (Masked::Card, mark_of_card(&last_four)),
                CardPart::SecurityCode => (Masked::SecurityCode, SECURITY_CODE.to_owned()),
            };
            let range = words.range;
            Hidden { range, kind, mark }
        });
        let patterns = self.patterns.iter().flat_map(|pattern| {
            let found = pattern.regex.find_iter(text).filter(|found| !found.is_empty());
            found.map(|found| Hidden {
                range: found.range(),
                kind: Masked::Pattern,
                mark: format!("[oculto: {}]", pattern.name),
            })
        });
        in_order(cards.chain(patterns).collect())
    }
}

/// Says which card it was to whoever has it in hand.
fn mark_of_card(last_four: &str) -> String {
    format!("[tarjeta ···{last_four}]")
}

/// What meets becomes one, under the name of the card if one is in it.
fn in_order(mut found: Vec<Hidden>) -> Vec<Hidden> {
    found.sort_by_key(|hidden| hidden.range.start);
    let mut ordered: Vec<Hidden> = Vec::new();
    for next in found {
        match ordered.last_mut() {
            Some(last) if next.range.start < last.range.end => {
                last.range.end = last.range.end.max(next.range.end);
                if last.kind != Masked::Card {
                    (last.kind, last.mark) = (next.kind, next.mark);
                }
            }
            _ => ordered.push(next),
        }
    }
    ordered
}

/// The text with marks in the place of what is hidden.
fn replaced(text: &str, hidden: &[Hidden]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for Hidden { range, mark, .. } in hidden {
        shown.push_str(&text[at..range.start]);
        shown.push_str(mark);
        at = range.end;
    }
    shown + &text[at..]
}

/// What lies in this part of a text, counted from its beginning.
fn within(hidden: &[Hidden], part: &Range<usize>) -> Vec<Hidden> {
    let clipped = hidden.iter().filter_map(|hidden| {
        let range = hidden.range.start.max(part.start)..hidden.range.end.min(part.end);
        (range.start < range.end).then(|| Hidden {
            range: range.start - part.start..range.end - part.start,
            ..hidden.clone()
        })
    });
    clipped.collect()
}

/// What is masked in one call, where a number may come in pieces.
#[derive(Debug)]
pub struct CallMask {
    mask: Arc<Mask>,
    caller: Dictation,
    assistant: Dictation,
    /// Pieces of numbers that came to their end, as they were said, and the marks for them.
    pieces: Vec<(String, String)>,
    /// Hashes of texts that need no mask: what a conversation remembers is looked through at each of its changes.
    clean: HashSet<u64>,
}

impl CallMask {
    /// For a call of which nothing was heard yet.
    pub fn new(mask: Arc<Mask>) -> Self {
        Self {
            mask,
            caller: Dictation::default(),
            assistant: Dictation::default(),
            pieces: Vec::new(),
            clean: HashSet::new(),
        }
    }

    /// The caller said this in an earlier stream of the call: a number may go on in this one.
    pub fn recall(&mut self, text: &str) {
        if self.mask.cards {
            let heard = self.caller.line(text);
            self.remember(&heard);
        }
    }

    /// A final line as it is kept, its unheard part included. Lines come in their order.
    pub fn line(&mut self, entry: &Entry) -> Entry {
        let text = &entry.text;
        let whole = match &entry.unheard {
            Some(unheard) => format!("{text} {unheard}"),
            None => text.clone(),
        };
        let heard = match entry.speaker {
            _ if !self.mask.cards => Heard::default(),
            Speaker::Caller => self.caller.line(&whole),
            Speaker::Assistant => self.assistant.line(&whole),
        };
        self.remember(&heard);
        let hidden = self.mask.found(&whole, heard.words);
        for hidden in &hidden {
            self.mask.metrics.masked(hidden.kind);
        }
        let part = |part: &str, start: usize| replaced(part, &within(&hidden, &(start..start + part.len())));
        Entry {
            text: part(text, 0),
            unheard: entry.unheard.as_deref().map(|unheard| part(unheard, text.len() + 1)),
            ..entry.clone()
        }
    }

    /// Keeps in mind the pieces of a number that has come to its end.
    fn remember(&mut self, heard: &Heard) {
        let last_four = heard.words.iter().rev().find_map(|words| match &words.part {
            CardPart::Number { last_four } => Some(last_four),
            CardPart::SecurityCode => None,
        });
        let Some(last_four) = last_four.filter(|_| !heard.pieces.is_empty()) else {
            return;
        };
        for piece in &heard.pieces {
            let known = self.pieces.iter().any(|(known, _)| known == piece);
            if !known && self.pieces.len() < MOST_PIECES {
                self.pieces.push((piece.clone(), mark_of_card(last_four)));
            }
        }
        self.clean.clear();
    }

    /// A text of the call as it is kept: words of the caller's, or ones that a model made of them.
    pub fn text(&self, text: &str) -> String {
        replaced(text, &self.hidden(text))
    }

    fn hidden(&self, text: &str) -> Vec<Hidden> {
        let mut found = self.mask.found(text, self.mask.cards_of(text));
        for (piece, mark) in &self.pieces {
            found.extend(whole(text, piece).map(|range| Hidden {
                range,
                kind: Masked::Card,
                mark: mark.clone(),
            }));
        }
        in_order(found)
    }

    /// What a conversation remembers, as it is kept. Names of its parts stay, and so do ids.
    pub fn memory(&mut self, memory: &mut Value) {
        match memory {
            Value::String(text) if !is_id(text) => self.remembered(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.memory(item)),
            Value::Object(parts) => {
                for (name, part) in parts {
                    if !KNOWN_WHOLE.contains(&name.as_str()) {
                        self.memory(part);
                    }
                }
            }
            _ => {}
        }
    }

    fn remembered(&mut self, text: &mut String) {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        if self.clean.contains(&hash) {
            return;
        }
        let hidden = self.hidden(text);
        if !hidden.is_empty() {
            *text = replaced(text, &hidden);
            return;
        }
        if self.clean.len() == MOST_CLEAN {
            self.clean.clear();
        }
        self.clean.insert(hash);
    }
}

/// Where a piece stands by itself: not within a telephone's digits, nor within a mark.
fn whole<'a>(text: &'a str, piece: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let is_edge = |sign: Option<char>| sign.is_none_or(|sign| !sign.is_alphanumeric() && !matches!(sign, '·' | '+'));
    text.match_indices(piece).filter_map(move |(start, piece)| {
        let end = start + piece.len();
        let edges = is_edge(text[..start].chars().next_back()) && is_edge(text[end..].chars().next());
        edges.then_some(start..end)
    })
}

/// A UUID, whose digits may look like anything.
fn is_id(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}
