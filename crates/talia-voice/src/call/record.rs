//! What a call has to keep, masked and handed to the store without waiting: the audio path never waits for a disk.
//!
//! Whatever of a caller's words goes to the store goes through here, so that nothing is kept unmasked.

use super::memory::Memory;
use crate::{
    brain::{Handover, LeadDraft, script::Assistant},
    line::AnsweredCall,
    privacy::CallMask,
    recordings::asking::Decision,
    store::{
        Disclosed, HeardField, LeadFields, NewMemory, NewRecordingConsent, NewSegment, NewTurn, NewUsage, Record,
        Store, Word,
    },
};
use jiff::Timestamp;
use std::time::Duration;
use talia_dialogue::{Entry, TurnTiming};
use talia_spanish::Language;
use tokio::time::timeout;

/// Hands rows of one call to the store, in order.
pub(super) struct Recorder {
    store: Store,
    call_sid: String,
    /// The number of the call's stream: a newer one's memory is not overwritten.
    fence: i64,
    /// Wall time of the conversation's beginning.
    began: Timestamp,
    /// What tells the caller that an AI speaks, and in which language.
    disclosure: (String, Language),
    mask: CallMask,
    /// The lead as it was last handed over.
    kept: LeadFields,
}

impl Recorder {
    /// For a call whose conversation `began` then, with this assistant.
    pub(super) fn new(
        (store, mask): (Store, CallMask),
        call: &AnsweredCall,
        (began, assistant): (Timestamp, &Assistant),
    ) -> Self {
        Self {
            store,
            call_sid: call.call_sid.to_string(),
            fence: i64::from(call.streams_before) + 1,
            began,
            mask,
            disclosure: (assistant.disclosure_text(), assistant.language),
            kept: LeadFields::default(),
        }
    }

    /// When the conversation began.
    pub(super) fn began(&self) -> Timestamp {
        self.began
    }

    fn at(&self, since: Duration) -> Timestamp {
        self.began.saturating_add(since).unwrap_or(self.began)
    }

    fn keep(&self, record: Record) {
        if let Err(error) = self.store.record(record) {
            // Counted by the store; the call goes on.
            tracing::error!(error = %error, "a row of a call could not be handed over");
        }
    }

    /// A line of the transcript as it will be kept, under the name by which others may point to it.
    pub(super) fn line(&mut self, entry: &Entry, since: Duration) -> (String, NewSegment) {
        let line = NewSegment {
            call_sid: self.call_sid.clone(),
            at: self.at(entry.began),
            entry: self.mask.line(entry),
        };
        (self.store.new_id(self.at(since)), line)
    }

    /// Lines of the transcript, with what the conversation needs to go on after a break: both at once or neither.
    pub(super) fn words(&mut self, lines: Vec<(String, NewSegment)>, memory: &Memory, since: Duration) {
        let memory = self.memory_of(memory, since);
        self.keep(Record::Words { lines, memory });
    }

    /// How fast a turn was.
    pub(super) fn turn(&self, timing: &TurnTiming) {
        self.keep(Record::Turn(NewTurn {
            call_sid: self.call_sid.clone(),
            timing: *timing,
        }));
    }

    /// What a provider did so far.
    pub(super) fn usage(&self, usage: NewUsage) {
        self.keep(Record::Usage(usage));
    }

    /// What the conversation needs to go on after a break, on disk when it returns, or soon after where the disk fails.
    pub(super) async fn remember_durably(&mut self, memory: &Memory, since: Duration) {
        if let Some(memory) = self.memory_of(memory, since) {
            // What failed is counted by the store, and what takes longer is written later.
            let _ = timeout(super::end::DURABLY, self.store.keep(Record::Memory(memory))).await;
        }
    }

    /// What the conversation needs to go on, as it is kept: JSON.
    pub(super) fn memory(&mut self, memory: &Memory) -> Option<String> {
        let mut memory = serde_json::to_value(memory).ok()?;
        self.mask.memory(&mut memory);
        Some(memory.to_string())
    }

    /// What a person is told of the caller, as it is kept.
    pub(super) fn summary(&self, handover: &Handover) -> Handover {
        Handover {
            summary: self.mask.text(&handover.summary),
            ..handover.clone()
        }
    }

    fn memory_of(&mut self, memory: &Memory, since: Duration) -> Option<NewMemory> {
        Some(NewMemory {
            call_sid: self.call_sid.clone(),
            fence: self.fence,
            memory: self.memory(memory)?,
            at: self.at(since),
        })
    }

    /// The person at this number (E.164) doesn't want to be called any more.
    pub(super) fn do_not_call(&self, number: &str, since: Duration) {
        self.keep(Record::DoNotCall {
            number: number.to_owned(),
            call_sid: self.call_sid.clone(),
            at: self.at(since),
        });
    }

    /// The caller has heard the disclosure to its last word.
    pub(super) fn disclosure_heard(&self, since: Duration) {
        let (text, language) = &self.disclosure;
        self.keep(Record::DisclosureHeard(Disclosed {
            call_sid: self.call_sid.clone(),
            text: text.clone(),
            language: language.code(),
            at: self.at(since),
        }));
    }

    /// What the caller said to being recorded: the word for what holds and the mode's, what was asked, and the answer's line.
    pub(super) fn recording_consent(
        &self,
        (consent, mode): (Word, Word),
        decision: &Decision,
        (question, segment_id): (Option<String>, Option<String>),
    ) {
        let (_, language) = &self.disclosure;
        self.keep(Record::RecordingConsent(NewRecordingConsent {
            call_sid: self.call_sid.clone(),
            consent,
            mode,
            question,
            answer: decision.answer.word(),
            by: if decision.by_keys { "keys" } else { "words" },
            asked: decision.asked,
            language: language.code(),
            segment_id,
            at: self.at(decision.at),
        }));
    }

    /// What is known of the lead. It is kept as soon as a sales person could use it, and at the `last` whatever it is.
    /// `heard` is where its fields were.
    pub(super) fn lead(&mut self, lead: &LeadDraft, heard: Vec<HeardField>, (since, last): (Duration, bool)) {
        let ready = lead.is_usable() && lead.email_confirmed | lead.phone_confirmed;
        let masked = |text: &Option<String>| text.as_deref().map(|text| self.mask.text(text));
        let fields = LeadFields {
            name: masked(&lead.name),
            // Read as what they are, and no use unless they are whole.
            email: lead.email.clone(),
            phone: lead.phone.clone(),
            company: masked(&lead.company),
            notes: masked(&lead.notes),
            // Empty: asked for in vain.
            purpose: masked(&lead.purpose).filter(|purpose| !purpose.is_empty()),
            name_confirmed: false,
            email_confirmed: lead.email_confirmed,
            phone_confirmed: lead.phone_confirmed,
            heard,
        };
        if fields == LeadFields::default() || fields == self.kept || !(ready || last) {
            return;
        }
        self.kept = fields.clone();
        self.keep(Record::Lead {
            call_sid: self.call_sid.clone(),
            stream: self.fence,
            fields,
            at: self.at(since),
        });
    }
}
