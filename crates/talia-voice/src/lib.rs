//! TalIA Voz: the telephone agent's server and command line.
//!
//! Read in this order: [`config`], [`app`], [`http`], [`line`], [`call`], [`control`], [`ears`], [`brain`], [`mouth`], [`engines`], [`providers`],
//! [`dialing`], [`store`], [`events`], [`recordings`], [`api`], [`outgoing`], [`telemetry`], [`clock`], [`cli`].

pub mod api;
pub mod app;
pub mod brain;
pub mod call;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod dialing;
pub mod ears;
pub mod engines;
pub mod events;
pub mod http;
pub mod line;
pub mod mouth;
pub mod outgoing;
pub mod privacy;
pub mod providers;
pub mod recordings;
pub mod store;
pub mod telemetry;
