//! Twilio in a box: plays carrier and caller against any server that speaks Media Streams.
//!
//! A [`carrier::Carrier`] rings a server as Twilio would: a signed webhook, the TwiML it answers, a signed media socket
//! with Twilio's buffering, marks and `clear`, status callbacks, REST updates. The caller is a [`script::Script`]:
//! it speaks, waits, interrupts, coughs, presses keys, over a line with noise, echo and lost packets. What is left is a
//! [`outcome::CallOutcome`]: log, stereo recording, figures, and assertions for tests.
//!
//! Nothing here knows the server's internals. Voices and ears are plugged in: [`speaker::Speaker`],
//! [`listener::Listener`].

pub mod assistant_ear;
mod call;
pub mod caller;
pub mod carrier;
pub mod events;
mod fields;
pub mod keywords;
pub mod line;
pub mod lines;
pub mod listener;
pub mod load;
pub mod measure;
pub mod media_socket;
pub mod outcome;
pub mod play_out;
pub mod process;
pub mod recording;
pub mod rest;
pub mod script;
pub mod settings;
pub mod speaker;
mod status;
mod stream;
pub mod twiml;
pub mod webhook;

pub use call::Control;
