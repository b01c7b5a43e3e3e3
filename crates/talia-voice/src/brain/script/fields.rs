//! What is known of the caller, and what is only a guess that waits for its read-back.

use crate::brain::LeadDraft;
use serde::{Deserialize, Serialize};

/// How often one thing is asked before it is let go.
pub(super) const TRIES: usize = 3;

/// The fields of one conversation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    /// What goes into the lead.
    pub(super) draft: LeadDraft,
    /// E-mails that the ear also thought possible, best first.
    pub(super) other_emails: Vec<String>,
    /// E-mails that the caller said no to.
    pub(super) refused_emails: Vec<String>,
    /// Telephone numbers that the caller said no to.
    pub(super) refused_phones: Vec<String>,
    /// Fields the caller doesn't have or won't give.
    pub(super) without_email: bool,
    pub(super) without_phone: bool,
    pub(super) without_company: bool,
}

impl Fields {
    /// Takes the best e-mail that the caller has not refused. `true` when there is a new one to read back.
    pub(super) fn offer_emails(&mut self, candidates: impl IntoIterator<Item = String>) -> bool {
        let mut fresh = candidates
            .into_iter()
            .filter(|email| !self.refused_emails.contains(email));
        let Some(best) = fresh.next() else { return false };
        self.other_emails = fresh.collect();
        self.draft.email = Some(best);
        self.draft.email_confirmed = false;
        self.without_email = false;
        true
    }

    /// The caller said no to the e-mail: the next guess takes its place, if there is one.
    pub(super) fn refuse_email(&mut self) -> bool {
        if let Some(email) = self.draft.email.take() {
            self.refused_emails.push(email);
        }
        self.draft.email_confirmed = false;
        let others = std::mem::take(&mut self.other_emails);
        self.offer_emails(others)
    }

    /// Takes a telephone number that the caller has not refused.
    pub(super) fn offer_phone(&mut self, phone: String) -> bool {
        if self.refused_phones.contains(&phone) {
            return false;
        }
        self.draft.phone = Some(phone);
        self.draft.phone_confirmed = false;
        self.without_phone = false;
        true
    }

    /// The caller said no to the number.
    pub(super) fn refuse_phone(&mut self) {
        if let Some(phone) = self.draft.phone.take() {
            self.refused_phones.push(phone);
        }
        self.draft.phone_confirmed = false;
    }
}
