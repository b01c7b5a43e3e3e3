//! Who may be called, when, how often and for how much: the policy below every door that dials.
//!
//! Pure: time is given, and what was dialled before is counted by the store and given too. Nothing is allowed that
//! isn't said: no country until it is listed, no kind of number but ordinary ones, no country without known time zones.

mod caps;
mod denial;
mod hours;
mod number;
mod policy;
mod prices;
mod ranges;
mod zones;

pub use caps::{Caps, Usage};
pub use denial::Denial;
pub use hours::Hours;
pub use number::Destination;
pub use policy::{Permit, Policy};
pub use prices::{MICROS, Prices};
pub use zones::{ZoneError, Zones};
pub(crate) use zones::{is_country, is_prefix};

/// Where a wish to dial comes from. All of them meet the same policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// A program with an API key.
    Api,
    /// A person's browser, through the TwiML App.
    Browser,
    /// A caller is handed to a person.
    Transfer,
}

impl Door {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Browser => "browser",
            Self::Transfer => "transfer",
        }
    }
}
