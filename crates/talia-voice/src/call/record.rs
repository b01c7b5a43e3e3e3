//! What a call has to keep, handed to the store without waiting: the audio path never waits for a disk.

use crate::{
    brain::LeadDraft,
    store::{LeadFields, NewSegment, Record, Store},
};
use jiff::Timestamp;
use std::time::Duration;
use talia_dialogue::Entry;

/// Hands rows of one call to the store, in order.
pub(super) struct Recorder {
    store: Store,
    call_sid: String,
    /// Wall time of the conversation's beginning.
    began: Timestamp,
    /// The lead as it was last handed over.
    kept: LeadDraft,
}

impl Recorder {
    pub(super) fn new(store: Store, call_sid: String, began: Timestamp) -> Self {
        Self {
            store,
            call_sid,
            began,
            kept: LeadDraft::default(),
        }
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

    /// One line of the transcript.
    pub(super) fn segment(&self, entry: Entry) {
        let at = self.at(entry.began);
        self.keep(Record::Segment(NewSegment {
            call_sid: self.call_sid.clone(),
            entry,
            at,
        }));
    }

    /// The caller has heard the disclosure to its last word.
    pub(super) fn disclosure_heard(&self, since: Duration) {
        self.keep(Record::DisclosureHeard {
            call_sid: self.call_sid.clone(),
            at: self.at(since),
        });
    }

    /// What is known of the lead. It is kept as soon as a sales person could use it, and at the `last` whatever it is.
    pub(super) fn lead(&mut self, lead: &LeadDraft, since: Duration, last: bool) {
        let ready = lead.is_usable() && lead.email_confirmed | lead.phone_confirmed;
        if lead.is_empty() || *lead == self.kept || !(ready || last) {
            return;
        }
        self.kept = lead.clone();
        let lead = lead.clone();
        let fields = LeadFields {
            name: lead.name,
            email: lead.email,
            phone: lead.phone,
            company: lead.company,
            notes: lead.notes,
            purpose: lead.purpose,
            name_confirmed: false,
            email_confirmed: lead.email_confirmed,
            phone_confirmed: lead.phone_confirmed,
        };
        self.keep(Record::Lead {
            call_sid: self.call_sid.clone(),
            fields,
            at: self.at(since),
        });
    }
}
