//! The configuration: read once from defaults, file and environment, checked once, then plain typed data.

mod accounts;
mod api;
mod assistants;
mod bucket;
mod chains;
mod database;
mod destinations;
mod dialing;
mod environment;
mod error;
mod events;
mod layers;
mod limits;
mod models;
mod nats;
mod prices;
mod privacy;
mod providers;
mod recordings;
mod retention;
mod server;
mod speech;
mod telemetry;
mod tls;
mod tools;
mod twilio;
mod variables;
mod webhooks;
mod words;

pub use accounts::Account;
pub use api::{Api, ApiKey, Scope};
pub use assistants::Assistants;
pub use bucket::{Bucket, BucketKind};
pub use chains::{Link, Thinkers};
pub use database::Database;
pub use destinations::{Destination, Destinations};
pub use dialing::{Dialing, MachineAnswer};
pub use error::ConfigError;
pub use events::Events;
pub use layers::{DEFAULTS, Sources};
pub use limits::Limits;
pub use models::Models;
pub use nats::{Nats, NatsLogin, NewStream};
pub use prices::{Amounts, Price, Prices};
pub use privacy::{MaskPattern, Privacy};
pub use providers::{Provider, ProviderKind, Role, TurnDetection};
pub(crate) use recordings::recipient;
pub use recordings::{Consent, InLanguages, Recordings};
pub use retention::Retention;
pub(crate) use server::is_this_machine;
pub use server::{PublicUrl, Server};
pub use speech::{Engines, Speech};
pub use telemetry::{LogFormat, Telemetry, Traces};
pub use tls::{AcmeOrder, Certificates, Tls};
pub use tools::{Behaviour, HttpTool, McpServer, ToolNetwork};
pub use twilio::Twilio;
pub use webhooks::EventWebhook;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Everything an operator can set.
#[derive(Debug, Clone)]
pub struct Config {
    pub server: Server,
    pub tls: Tls,
    pub twilio: Twilio,
    pub database: Database,
    pub events: Events,
    pub models: Models,
    pub speech: Speech,
    pub thinkers: Thinkers,
    pub assistants: Assistants,
    pub destinations: Destinations,
    pub tools: Vec<HttpTool>,
    pub mcp: Vec<McpServer>,
    pub tool_network: ToolNetwork,
    pub prices: Prices,
    pub limits: Limits,
    pub dialing: Dialing,
    pub api: Api,
    pub recordings: Recordings,
    pub retention: Retention,
    pub privacy: Privacy,
    /// Each section's name and SHA-256, in hexadecimal: what the audit says of a change without showing anything.
    pub parts: Vec<(String, String)>,
    pub telemetry: Telemetry,
}

impl Config {
    /// Reads the layers and checks every value; the first thing that is wrong is the error.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let raw = layers::read(sources)?;
        let parts = raw.parts();
        let limits = raw.limits.check()?;
        let server = raw.server.check()?;
        let described = providers::Described::new(raw.providers, accounts::check(raw.accounts)?);
        Ok(Self {
            tls: raw.tls.check(&server)?,
            server,
            twilio: raw.twilio.check()?,
            database: raw.database.check()?,
            events: raw.events.check(&sources.environment)?,
            models: raw.models.check(),
            speech: raw.speech.check(&described)?,
            thinkers: raw.brain.check(&described)?,
            assistants: raw.assistants.check(),
            destinations: destinations::check(raw.destinations)?,
            tools: tools::check(raw.tools, &sources.environment)?,
            mcp: tools::check_mcp(raw.mcp, &sources.environment)?,
            tool_network: raw.tool_network.check()?,
            prices: prices::check(raw.prices)?,
            dialing: raw.dialing.check(limits.longest_call)?,
            limits,
            api: raw.api.check()?,
            recordings: raw.recordings.check(&sources.environment)?,
            retention: raw.retention.check()?,
            privacy: raw.privacy.check()?,
            parts,
            telemetry: raw.telemetry.check()?,
        })
    }

    /// Where the speech models are, for commands that need nothing else: a missing token is no error then.
    pub fn models(sources: &Sources) -> Result<Models, ConfigError> {
        Ok(layers::read(sources)?.models.check())
    }

    /// Where calls and their recordings are kept, for commands that need nothing else.
    pub fn kept(sources: &Sources) -> Result<(Database, Recordings), ConfigError> {
        let raw = layers::read(sources)?;
        Ok((raw.database.check()?, raw.recordings.check(&sources.environment)?))
    }
}

/// SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256_hex(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The file's shape, before anything is checked.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    server: server::Raw,
    tls: tls::Raw,
    twilio: twilio::Raw,
    database: database::Raw,
    events: events::Raw,
    models: models::Raw,
    speech: speech::Raw,
    brain: chains::Raw,
    accounts: BTreeMap<String, accounts::Raw>,
    providers: BTreeMap<String, providers::Raw>,
    assistants: assistants::Raw,
    destinations: Vec<destinations::Raw>,
    tools: Vec<tools::Raw>,
    mcp: Vec<tools::RawMcp>,
    tool_network: tools::RawNetwork,
    prices: Vec<prices::Raw>,
    limits: limits::Raw,
    dialing: dialing::Raw,
    api: api::Raw,
    recordings: recordings::Raw,
    retention: retention::Raw,
    privacy: privacy::Raw,
    telemetry: telemetry::Raw,
}

impl Raw {
    fn parts(&self) -> Vec<(String, String)> {
        let sections = serde_json::to_value(self).ok();
        let sections = sections
            .as_ref()
            .and_then(serde_json::Value::as_object)
            .into_iter()
            .flatten();
        sections
            .map(|(name, section)| (name.clone(), sha256_hex(&section.to_string())))
            .collect()
    }
}

/// An empty text in the file means "not set".
fn set(text: &str) -> Option<String> {
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}
