//! The wire, tested from outside.

mod access_token;
mod form;
mod media;
mod outbound;
mod rest;
mod sequence;
mod signature;
mod standard_webhooks;
mod status;
mod twiml;

/// Identifiers that every test may use.
mod ids {
    pub(crate) const STREAM: &str = "MZ0123456789abcdef0123456789abcdef";
    pub(crate) const CALL: &str = "CA0123456789abcdef0123456789abcdef";
    pub(crate) const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
}
