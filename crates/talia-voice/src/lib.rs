//! TalIA Voz: the telephone agent's server and command line.
//!
//! Read in this order: [`config`], [`app`], [`http`], [`line`], [`call`], [`store`], [`events`], [`api`],
//! [`telemetry`], [`clock`].

pub mod api;
pub mod app;
pub mod call;
pub mod clock;
pub mod config;
pub mod events;
pub mod http;
pub mod line;
pub mod store;
pub mod telemetry;
