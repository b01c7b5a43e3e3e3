//! What is asked next.

use super::{assistant::Assistant, assistant::Field, fields::Fields};
use serde::{Deserialize, Serialize};
use talia_spanish::Expectation;

/// The question that is open: what the caller's next words probably answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(super) enum Pending {
    /// Nothing was asked.
    #[default]
    Nothing,
    /// A field.
    Field(Field),
    /// Whether the e-mail was taken down right.
    ConfirmEmail,
    /// Whether to call back at the number that is calling.
    OfferPhone,
    /// Whether the telephone number was taken down right.
    ConfirmPhone,
    /// Whether there is anything else, after the summary.
    AnythingElse,
}

impl Pending {
    /// The kind of answer to expect.
    pub(super) fn expectation(self) -> Expectation {
        match self {
            Self::Nothing | Self::Field(Field::Need) => Expectation::Open,
            Self::Field(Field::Name) => Expectation::Name,
            Self::Field(Field::Email) => Expectation::Email,
            Self::Field(Field::Phone) => Expectation::Phone,
            Self::Field(Field::Company) => Expectation::Company,
            Self::ConfirmEmail => Expectation::ConfirmEmail,
            Self::OfferPhone | Self::ConfirmPhone => Expectation::ConfirmPhone,
            Self::AnythingElse => Expectation::YesNo,
        }
    }
}

/// The next open question; [`Pending::AnythingElse`] when all is known.
///
/// A guess is read back before anything else is asked. With `person_wanted` only what a call back needs is asked.
pub(super) fn next(assistant: &Assistant, fields: &Fields, caller_number: bool, person_wanted: bool) -> Pending {
    let draft = &fields.draft;
    if draft.email.is_some() && !draft.email_confirmed {
        return Pending::ConfirmEmail;
    }
    if draft.phone.is_some() && !draft.phone_confirmed {
        return Pending::ConfirmPhone;
    }
    for question in &assistant.questions {
        let open = match question.field {
            Field::Need => draft.purpose.is_none() && !person_wanted,
            Field::Name => draft.name.is_none(),
            Field::Email => draft.email.is_none() && !fields.without_email && !person_wanted,
            Field::Company => draft.company.is_none() && !fields.without_company && !person_wanted,
            Field::Phone => draft.phone.is_none() && !fields.without_phone,
        };
        if open {
            return match question.field {
                Field::Phone if caller_number && fields.refused_phones.is_empty() => Pending::OfferPhone,
                field => Pending::Field(field),
            };
        }
    }
    Pending::AnythingElse
}
