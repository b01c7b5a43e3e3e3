//! Where each field of the lead was heard: in which line of the caller's, on keys, or as the number that is calling; and
//! whether the caller has heard it read back.
//!
//! Brains say what a field is, not where it comes from: a model names an e-mail a turn after it was said, a service that
//! hears by itself even before its words are written down. So the newest line that gives the value is looked for, in the
//! lines that the transcript has. Where none does (a correction, a model's own words for what was needed), it is the last
//! thing that the caller said; a later line that gives the value takes its place.

use crate::brain::{
    LeadDraft,
    tools::{self, Reading},
};
use crate::store::{HeardField, HeardIn, LeadField};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use talia_dialogue::{Entry, Speaker};
use talia_spanish::{Expectation, ear};

/// What the caller said is looked through so far back.
const REMEMBERED: usize = 16;
/// Of what we said since the caller's last words, so many bytes are kept.
const LONGEST_ASKED: usize = 4_000;

/// All of it; it goes with the conversation to other streams.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Sources {
    /// What the caller said or typed, newest last.
    said: VecDeque<Said>,
    /// What the caller heard us say since then.
    asked: String,
    /// The caller has answered it: the next sentence of ours begins a new one.
    answered: bool,
    fields: BTreeMap<LeadField, Known>,
}

/// Something that the caller said or typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Said {
    text: String,
    place: Place,
}

/// Where that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Place {
    origin: HeardIn,
    segment_id: Option<String>,
    heard_ms: Option<i64>,
}

/// A field as far as it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    value: String,
    place: Option<Place>,
    /// The place gives this very value.
    sure: bool,
    read_back: bool,
}

impl Sources {
    /// What the caller said in earlier lines, oldest first.
    pub(super) fn spoken(&self) -> impl Iterator<Item = &str> {
        let spoken = self.said.iter().filter(|said| said.place.origin == HeardIn::Words);
        spoken.map(|said| said.text.as_str())
    }

    /// A line of the transcript, under its id.
    pub(super) fn line(&mut self, id: &str, entry: &Entry, reading: Reading) {
        if entry.speaker == Speaker::Assistant {
            self.we_said(&entry.text, reading);
            return;
        }
        let place = Place {
            origin: HeardIn::Words,
            segment_id: Some(id.to_owned()),
            heard_ms: Some(entry.began.as_millis() as i64),
        };
        self.caller_gave(entry.text.clone(), place);
        // Words that are written down after they were understood.
        let Some(said) = self.said.back() else { return };
        for (field, known) in &mut self.fields {
            if !known.sure && is_looked_for(*field) && gives(said, *field, &known.value, reading) {
                known.place = Some(said.place.clone());
                known.sure = true;
            }
        }
    }

    /// Keys, `since` the conversation began.
    pub(super) fn typed(&mut self, digits: &str, since: Duration) {
        let place = Place {
            origin: HeardIn::Keys,
            segment_id: None,
            heard_ms: Some(since.as_millis() as i64),
        };
        self.caller_gave(digits.trim_end_matches('#').to_owned(), place);
    }

    fn caller_gave(&mut self, text: String, place: Place) {
        self.answered = true;
        if self.said.len() == REMEMBERED {
            self.said.pop_front();
        }
        self.said.push_back(Said { text, place });
    }

    fn we_said(&mut self, text: &str, reading: Reading) {
        if std::mem::take(&mut self.answered) || self.asked.len() + text.len() > LONGEST_ASKED {
            self.asked.clear();
        }
        if !self.asked.is_empty() {
            self.asked.push(' ');
        }
        self.asked.push_str(text.trim());
        for (field, known) in &mut self.fields {
            known.read_back |= reads_out(&self.asked, *field, &known.value, reading);
        }
    }

    /// What is known of the lead now; `calling` is the number of the person at the other end, E.164.
    pub(super) fn update(&mut self, lead: &LeadDraft, reading: Reading, calling: Option<&str>) {
        for field in LeadField::ALL {
            let Some(value) = value(lead, field) else {
                self.fields.remove(&field);
                continue;
            };
            if self.fields.get(&field).is_none_or(|known| known.value != value) {
                let known = self.found(field, value, reading, calling);
                self.fields.insert(field, known);
            }
        }
        // Nobody agrees to it who wasn't offered it.
        if let Some(phone) = self.fields.get_mut(&LeadField::Phone)
            && phone
                .place
                .as_ref()
                .is_some_and(|place| place.origin == HeardIn::CallingNumber)
        {
            phone.read_back |= lead.phone_confirmed;
        }
    }

    fn found(&self, field: LeadField, value: &str, reading: Reading, calling: Option<&str>) -> Known {
        let giving = self.said.iter().rev().find(|said| gives(said, field, value, reading));
        let is_calling = field == LeadField::Phone && calling == Some(value);
        let place = match giving {
            Some(said) => Some(said.place.clone()),
            None if is_calling => Some(Place {
                origin: HeardIn::CallingNumber,
                segment_id: None,
                heard_ms: None,
            }),
            None => self.said.back().map(|said| said.place.clone()),
        };
        Known {
            value: value.to_owned(),
            place,
            sure: giving.is_some() || is_calling,
            read_back: reads_out(&self.asked, field, value, reading)
                || (is_calling && tools::offers_own_number(&self.asked)),
        }
    }

    /// Where each field was heard, as it is kept.
    pub(super) fn heard(&self, lead: &LeadDraft) -> Vec<HeardField> {
        let heard = |(field, known): (&LeadField, &Known)| {
            let place = known.place.clone()?;
            Some(HeardField {
                field: *field,
                origin: place.origin,
                segment_id: place.segment_id,
                heard_ms: place.heard_ms,
                read_back: known.read_back,
                confirmed: match field {
                    LeadField::Email => lead.email_confirmed,
                    LeadField::Phone => lead.phone_confirmed,
                    LeadField::Name | LeadField::Company | LeadField::Notes | LeadField::Purpose => false,
                },
            })
        };
        self.fields.iter().filter_map(heard).collect()
    }
}

fn value(lead: &LeadDraft, field: LeadField) -> Option<&str> {
    let value = match field {
        LeadField::Name => &lead.name,
        LeadField::Email => &lead.email,
        LeadField::Phone => &lead.phone,
        LeadField::Company => &lead.company,
        LeadField::Notes => &lead.notes,
        LeadField::Purpose => &lead.purpose,
    };
    value.as_deref().filter(|value| !value.is_empty())
}

/// Whether later lines are looked at for it. What a caller needs, in a model's words, is somewhere in all they say.
fn is_looked_for(field: LeadField) -> bool {
    !matches!(field, LeadField::Notes | LeadField::Purpose)
}

/// Whether this value is what the caller said or typed there.
fn gives(said: &Said, field: LeadField, value: &str, reading: Reading) -> bool {
    let text = said.text.as_str();
    if said.place.origin == HeardIn::Keys {
        let typed = || ear::phone::from_digits(text, reading.country);
        return field == LeadField::Phone && typed().is_some_and(|phone| phone.e164 == value);
    }
    match field {
        LeadField::Email => {
            let readings = ear::email::read(text, Expectation::Email, reading.language);
            tools::reads_out_email(text, value, reading.language)
                || readings.is_some_and(|readings| readings.iter().any(|reading| reading.value.as_str() == value))
        }
        LeadField::Phone => holds(text, value) || tools::reads_out_phone(text, value, reading),
        LeadField::Name | LeadField::Company | LeadField::Purpose => holds(text, value),
        // Several lines may have gone into them.
        LeadField::Notes => holds(value, text) || holds(text, value),
    }
}

/// Whether what we said reads this value out.
fn reads_out(said: &str, field: LeadField, value: &str, reading: Reading) -> bool {
    match field {
        LeadField::Email => tools::reads_out_email(said, value, reading.language),
        // The script's sentences have it as it is kept, a model's as it is said.
        LeadField::Phone => holds(said, value) || tools::reads_out_phone(said, value, reading),
        LeadField::Name | LeadField::Company | LeadField::Notes | LeadField::Purpose => holds(said, value),
    }
}

/// Whether these words are among those, in their order.
fn holds(all: &str, some: &str) -> bool {
    let some = tools::folded(some);
    !some.is_empty() && format!(" {} ", tools::folded(all)).contains(&format!(" {some} "))
}
