//! What kind of answer is expected, and in which language.

/// The kind of answer the speaker was just asked for.
///
/// It shapes the recogniser's decoding prompt, the patience at the end of the turn, and the reading of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Expectation {
    /// Anything: no question asked, or an open one.
    #[default]
    Open,
    /// A person's name, said.
    Name,
    /// A name or word spelled letter by letter.
    Spelled,
    /// A dictated e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// Yes or no, perhaps with a correction behind the no.
    YesNo,
    /// Yes or no to an e-mail address just read back; perhaps a correction, or the whole address said again.
    ConfirmEmail,
    /// Yes or no to a telephone number just read back; perhaps a correction, or the whole number said again.
    ConfirmPhone,
    /// A row of digits that is not a telephone number.
    Digits,
    /// A date or a time of day.
    Date,
    /// The name of a company.
    Company,
}

impl Expectation {
    /// Whether it is yes or no in the first place.
    pub fn is_yes_no(self) -> bool {
        matches!(self, Self::YesNo | Self::ConfirmEmail | Self::ConfirmPhone)
    }

    /// Whether a bare e-mail address is an answer.
    pub fn takes_email(self) -> bool {
        matches!(self, Self::Email | Self::ConfirmEmail)
    }

    /// Whether a bare telephone number is an answer.
    pub fn takes_phone(self) -> bool {
        matches!(self, Self::Phone | Self::ConfirmPhone)
    }

    /// Whether a yes or no is asked for.
    pub fn takes_agreement(self) -> bool {
        matches!(self, Self::YesNo | Self::ConfirmEmail | Self::ConfirmPhone)
    }
}

/// The language of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// Spanish, with Mexico's conventions first.
    #[default]
    Spanish,
    /// English, read more simply.
    English,
}

impl Language {
    /// Its code of two letters (ISO 639-1).
    pub fn code(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::English => "en",
        }
    }
}
