//! Twilio's wire as plain types.
//!
//! What Twilio sends and what it accepts, and nothing else: Media Streams messages ([`media`], [`sequence`]), webhook
//! forms ([`form`], [`status`]), request signatures ([`signature`]), TwiML ([`twiml`]), identifiers ([`sid`]) and error
//! codes ([`error_codes`]). Both directions are here, so that a server and a simulator of Twilio read one truth.
//! No I/O, no runtime, no clock, nothing of any product's domain.

pub mod error_codes;
pub mod media;
pub mod sid;

pub use sid::{AccountSid, CallSid, SidError, StreamSid};
