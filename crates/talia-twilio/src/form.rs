//! Bodies of `application/x-www-form-urlencoded`: an open, ordered list of fields.
//!
//! Twilio adds fields without notice and signs all of them, so nothing is dropped and the order is kept.

use std::{borrow::Cow, fmt};

/// Largest body that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Most fields that are read.
pub const MAX_FIELDS: usize = 200;

/// Why a form, or one of its fields, was not understood. Never holds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than [`MAX_BODY`] bytes.
    #[error("body of {0} bytes is too large")]
    TooLarge(usize),
    /// More than [`MAX_FIELDS`] fields.
    #[error("the form has more than {MAX_FIELDS} fields")]
    TooManyFields,
    /// A name or value that is no UTF-8 when decoded.
    #[error("the form is no UTF-8")]
    NotUtf8,
    /// A field that this kind of request must have is absent or empty.
    #[error("field {0} is missing")]
    MissingField(&'static str),
    /// A field whose value has a wrong shape.
    #[error("field {0} has a wrong shape")]
    BadField(&'static str),
}

impl FormError {
    /// A fixed word for counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::TooManyFields => "too_many_fields",
            Self::NotUtf8 => "not_utf8",
            Self::MissingField(_) => "missing_field",
            Self::BadField(_) => "bad_field",
        }
    }
}

/// The decoded fields, in the order in which they came.
///
/// Its debug form shows names only: values are telephone numbers and words of callers.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Reads a body, or the query of a GET request.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        if body.len() > MAX_BODY {
            return Err(FormError::TooLarge(body.len()));
        }
        let mut fields = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if fields.len() == MAX_FIELDS {
                return Err(FormError::TooManyFields);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            fields.push((name, value));
        }
        Ok(Self { fields })
    }

    /// All fields, as the signature needs them.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body that [`parse`](Self::parse) would read back; for simulators.
    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.fields)
            .finish()
    }

    /// The value of a field that must be there.
    pub(crate) fn need(&self, name: &'static str) -> Result<&str, FormError> {
        self.optional(name).ok_or(FormError::MissingField(name))
    }

    /// The value of a field, where empty means absent.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Form {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self {
            fields: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list()
            .entries(self.fields.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Decodes one half of a pair: `+` is a space, `%XX` a byte.
fn decode(raw: &[u8]) -> Result<String, FormError> {
    let spaced: Cow<'_, [u8]> = if raw.contains(&b'+') {
        raw.iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect::<Vec<_>>()
            .into()
    } else {
        raw.into()
    };
    percent_encoding::percent_decode(&spaced)
        .decode_utf8()
        .map(Cow::into_owned)
        .map_err(|_| FormError::NotUtf8)
}
