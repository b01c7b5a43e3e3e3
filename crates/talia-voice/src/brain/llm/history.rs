//! What the model remembers: what was said and done, and of our own words only those that the caller heard.

use super::request::Item;
use crate::brain::tools::ToolCall;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use talia_dialogue::{CueId, Entry, Speaker};

/// Things that a model is told of; older ones are left out.
const REMEMBERED: usize = 160;
/// How many cues can be taken back when the caller goes on talking.
const REMEMBERED_CUES: usize = 4;

/// The conversation so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct History {
    events: Vec<Event>,
    /// How many events there were before each of the last cues.
    #[serde(skip)]
    before: Vec<(CueId, usize)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Event {
    Caller(String),
    Said(Vec<Sentence>),
    Call {
        id: String,
        name: String,
        arguments: String,
    },
    Output {
        id: String,
        output: String,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sentence {
    text: String,
    fate: Fate,
}

/// What became of a sentence.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Fate {
    /// On its way to the caller.
    Unheard,
    Heard,
    /// The caller heard this much of it.
    Cut(String),
    /// It was never heard.
    Dropped,
}

impl History {
    /// A question begins: what was not heard of earlier answers never will be. `revises` takes everything back that
    /// followed an earlier one.
    pub(super) fn begin(&mut self, cue: CueId, revises: Option<CueId>) {
        if let Some(place) = self.before.iter().position(|(earlier, _)| Some(*earlier) == revises) {
            self.events.truncate(self.before[place].1);
            self.before.truncate(place);
        }
        self.settle();
        if self.before.len() == REMEMBERED_CUES {
            self.before.remove(0);
        }
        self.before.push((cue, self.events.len()));
    }

    /// As it would be after [`Self::begin`], for an answer ahead of its turn.
    pub(super) fn as_if(&self, revises: Option<CueId>) -> Self {
        let mut other = self.clone();
        // No cue has this number: they count from 1.
        other.begin(CueId(0), revises);
        other
    }

    pub(super) fn settle(&mut self) {
        for sentence in self.sentences() {
            if matches!(sentence.fate, Fate::Unheard) {
                sentence.fate = Fate::Dropped;
            }
        }
    }

    fn sentences(&mut self) -> impl Iterator<Item = &mut Sentence> {
        self.events.iter_mut().flat_map(|event| match event {
            Event::Said(sentences) => sentences.iter_mut(),
            _ => [].iter_mut(),
        })
    }

    pub(super) fn caller(&mut self, text: &str) {
        self.events.push(Event::Caller(text.to_owned()));
    }

    /// What the caller said last is asked about now: it comes again with its question.
    pub(super) fn leave_open(&mut self) {
        while matches!(self.events.last(), Some(Event::Caller(_))) {
            self.events.pop();
        }
    }

    /// A sentence is on its way.
    pub(super) fn say(&mut self, text: &str) {
        self.add(Sentence {
            text: text.to_owned(),
            fate: Fate::Unheard,
        });
    }

    pub(super) fn call(&mut self, call: &ToolCall) {
        self.events.push(Event::Call {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        });
    }

    pub(super) fn output(&mut self, id: String, output: String) {
        self.events.push(Event::Output { id, output });
    }

    /// A line of the transcript is final.
    pub(super) fn heard(&mut self, entry: &Entry) {
        if entry.speaker != Speaker::Assistant {
            return;
        }
        let text = entry.text.trim();
        let cut = entry.unheard.is_some();
        let mut waiting = self
            .sentences()
            .skip_while(|sentence| {
                !matches!(sentence.fate, Fate::Unheard)
                    || !(if cut {
                        sentence.text.starts_with(text)
                    } else {
                        sentence.text == text
                    })
            })
            .filter(|sentence| matches!(sentence.fate, Fate::Unheard));
        match waiting.next() {
            Some(sentence) if !cut => {
                sentence.fate = Fate::Heard;
                return;
            }
            Some(sentence) => {
                sentence.fate = if text.is_empty() {
                    Fate::Dropped
                } else {
                    Fate::Cut(text.to_owned())
                };
                // They were dropped together.
                waiting.for_each(|sentence| sentence.fate = Fate::Dropped);
                return;
            }
            None => {}
        }
        drop(waiting);
        if !text.is_empty() {
            // A phrase that somebody else has said for us.
            let fate = if cut { Fate::Cut(text.to_owned()) } else { Fate::Heard };
            self.add(Sentence {
                text: text.to_owned(),
                fate,
            });
        }
    }

    fn add(&mut self, sentence: Sentence) {
        match self.events.last_mut() {
            Some(Event::Said(sentences)) => sentences.push(sentence),
            _ => self.events.push(Event::Said(vec![sentence])),
        }
    }

    /// Our sentences that the caller has not heard to their end, in order.
    pub(super) fn unheard(&self) -> Vec<String> {
        let Some(Event::Said(sentences)) = self.events.last() else {
            return Vec::new();
        };
        let left = sentences
            .iter()
            .filter(|sentence| !matches!(sentence.fate, Fate::Heard));
        left.map(|sentence| sentence.text.clone()).collect()
    }

    /// Our last sentence that asks something, if the caller heard it.
    pub(super) fn question(&self) -> Option<&str> {
        let said = self.events.iter().rev().find_map(|event| match event {
            Event::Said(sentences) => Some(sentences),
            _ => None,
        })?;
        let heard = said
            .iter()
            .rev()
            .filter(|sentence| !matches!(sentence.fate, Fate::Dropped));
        heard
            .map(|sentence| sentence.text.as_str())
            .find(|text| text.ends_with('?'))
    }

    /// As the model is told. What is on its way counts as said: it belongs to the answer that is being made.
    pub(super) fn items(&self, cut_note: &str) -> Vec<Item> {
        let mut items = Vec::with_capacity(self.events.len());
        let mut cut = false;
        for event in &self.events[self.first()..] {
            match event {
                Event::Caller(text) if std::mem::take(&mut cut) => {
                    items.push(Item::Caller(format!("{cut_note} {text}")));
                }
                Event::Caller(text) => items.push(Item::Caller(text.clone())),
                Event::Said(sentences) => {
                    let mut said = String::new();
                    for sentence in sentences {
                        let text = match &sentence.fate {
                            Fate::Unheard | Fate::Heard => &sentence.text,
                            Fate::Cut(heard) => {
                                cut = true;
                                heard
                            }
                            Fate::Dropped => continue,
                        };
                        if !said.is_empty() {
                            said.push(' ');
                        }
                        said.push_str(text);
                    }
                    if !said.is_empty() {
                        items.push(Item::Said(said));
                    }
                }
                Event::Call { id, name, arguments } => items.push(Item::Call(ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: arguments.clone(),
                })),
                Event::Output { id, output } => items.push(Item::Output {
                    id: id.clone(),
                    output: output.clone(),
                }),
            }
        }
        in_pairs(items)
    }

    /// Older events than these are left out; a caller's turn comes first.
    fn first(&self) -> usize {
        let surplus = self.events.len().saturating_sub(REMEMBERED);
        let turn = self.events[surplus..]
            .iter()
            .position(|event| matches!(event, Event::Caller(_)));
        if surplus == 0 { 0 } else { surplus + turn.unwrap_or(0) }
    }
}

/// Each request for a tool with its output right behind it, as every service wants them, and what was said meanwhile before
/// both: outputs come late. A request without output is left out, and so is an output without its request.
fn in_pairs(items: Vec<Item>) -> Vec<Item> {
    let mut outputs: HashMap<String, String> = HashMap::new();
    for item in &items {
        if let Item::Output { id, output } = item {
            outputs.insert(id.clone(), output.clone());
        }
    }
    let mut paired = Vec::with_capacity(items.len());
    // The calls of one answer, where they begin, their outputs, and how many of those are still to come.
    let (mut begin, mut answered, mut open) = (0, Vec::new(), 0_usize);
    for item in items {
        match item {
            Item::Call(call) => {
                let Some(output) = outputs.remove(&call.id) else {
                    continue;
                };
                if answered.is_empty() {
                    begin = paired.len();
                }
                open += 1;
                answered.push(Item::Output {
                    id: call.id.clone(),
                    output,
                });
                paired.push(Item::Call(call));
            }
            Item::Output { .. } => open = open.saturating_sub(1),
            Item::Said(text) if open > 0 => {
                paired.insert(begin, Item::Said(text));
                begin += 1;
            }
            Item::Said(_) | Item::Caller(_) => {
                paired.append(&mut answered);
                open = 0;
                paired.push(item);
            }
        }
    }
    paired.append(&mut answered);
    paired
}
