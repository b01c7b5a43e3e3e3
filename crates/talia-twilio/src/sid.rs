//! Identifiers: two letters that tell the kind, then 32 hexadecimal digits.

use std::{borrow::Borrow, fmt, str::FromStr};

/// Length of every identifier, in characters.
pub const SID_LENGTH: usize = 34;

/// Why a text is no identifier of the wanted kind. The text itself isn't kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SidError {
    /// Too short or too long.
    #[error("an identifier has {SID_LENGTH} characters, not {0}")]
    Length(usize),
    /// Another kind of identifier, or none.
    #[error("the identifier must start with {0}")]
    Prefix(&'static str),
    /// Something other than a hexadecimal digit behind the prefix.
    #[error("the identifier has a character that is no hexadecimal digit")]
    Digit,
}

fn check(text: &str, prefix: &'static str) -> Result<(), SidError> {
    if text.len() != SID_LENGTH {
        return Err(SidError::Length(text.len()));
    }
    let digits = text.strip_prefix(prefix).ok_or(SidError::Prefix(prefix))?;
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(())
    } else {
        Err(SidError::Digit)
    }
}

macro_rules! sid {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The two letters in front.
            pub const PREFIX: &'static str = $prefix;

            /// Checks the text and keeps it as it is.
            pub fn new(text: impl Into<String>) -> Result<Self, SidError> {
                let text = text.into();
                check(&text, $prefix)?;
                Ok(Self(text))
            }

            /// Writes the identifier of 128 given bits; for simulators.
            pub fn from_bits(bits: u128) -> Self {
                Self(format!("{}{bits:032x}", $prefix))
            }

            /// The identifier as it travels.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = SidError;

            fn from_str(text: &str) -> Result<Self, SidError> {
                check(text, $prefix)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = SidError;

            fn try_from(text: String) -> Result<Self, SidError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

sid!(
    /// A leg of a call (`CA…`): stable for its whole life, through every stream and document.
    CallSid,
    "CA"
);
sid!(
    /// An account or sub-account (`AC…`).
    AccountSid,
    "AC"
);
sid!(
    /// One media socket of a call (`MZ…`); several may follow one another in one call.
    StreamSid,
    "MZ"
);
