//! `talia-voice twilio`: what is set up once at Twilio.

mod connect;
mod plan;
mod wanted;

pub(super) use wanted::Wanted;

use super::Options;
use anyhow::Result;
use clap::Subcommand;

/// What to set up.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Twilio {
    /// Points a number and the TwiML App at this server; shows what changes and asks first.
    Connect(connect::Connect),
}

impl Twilio {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        match self {
            Self::Connect(connect) => connect.run(options).await,
        }
    }
}
