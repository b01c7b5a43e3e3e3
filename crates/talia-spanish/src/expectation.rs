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
    /// A row of digits that is not a telephone number.
    Digits,
    /// A date or a time of day.
    Date,
    /// The name of a company.
    Company,
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
