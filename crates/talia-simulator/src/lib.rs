//! Twilio in a box: see the crate's README, which follows.
//!
#![doc = include_str!("../README.md")]

pub mod account;
pub mod assistant_ear;
mod call;
pub mod caller;
pub mod carrier;
mod connect;
pub mod cut;
mod dial;
mod documents;
pub mod events;
mod execute;
mod fields;
mod from_server;
mod gather;
pub mod keywords;
pub mod line;
pub mod lines;
pub mod listener;
pub mod load;
pub mod measure;
pub mod media_socket;
pub mod memory;
mod outbound;
pub mod outcome;
mod passing;
pub mod people;
mod phone;
pub mod play_out;
pub mod process;
pub mod providers;
pub mod recording;
pub mod records;
mod register;
pub mod rest;
pub mod script;
pub mod settings;
pub mod silence;
mod sounds;
pub mod speaker;
mod status;
mod stream;
pub mod tamper;
mod to_server;
pub mod twiml;
mod wall_clock;
pub mod webhook;

pub use call::Control;
