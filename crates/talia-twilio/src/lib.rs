//! Twilio's wire as plain types.
//!
//! What Twilio sends and what it accepts, and nothing else: Media Streams messages ([`media`], [`sequence`]), webhook
//! forms ([`form`], [`webhook`], [`status`]), request signatures ([`signature`], and [`standard_webhooks`] for what a
//! Twilio Function forwards), TwiML ([`twiml`]), identifiers ([`sid`]), REST calls ([`rest`]), access tokens ([`access_token`]) and error codes
//! ([`error_codes`]). Both directions are here, so that a server and a simulator of Twilio read one truth. No I/O, no
//! runtime, no clock, nothing of any product's domain.

pub mod access_token;
pub mod error_codes;
pub mod form;
pub mod media;
pub mod rest;
pub mod sequence;
pub mod sid;
pub mod signature;
pub mod standard_webhooks;
pub mod status;
pub mod twiml;
pub mod webhook;

pub use sid::{AccountSid, CallSid, SidError, StreamSid};
pub use status::CallStatus;
