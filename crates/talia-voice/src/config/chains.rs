//! Chains of engines: who hears, thinks and speaks, the first one first, the others when it fails.

use super::ConfigError;
use super::providers::{Described, Provider, ProviderKind, Role};
use super::words::words;
use serde::{Deserialize, Serialize};

/// The name of our own engines on this machine, in a chain of ears or mouths.
const LOCAL: &str = "local";
/// The name of the scripted conversation in a chain of brains.
const SCRIPT: &str = "script";

/// `[brain]`: who thinks.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(deserialize_with = "words")]
    chain: Vec<String>,
}

/// One link of a chain of ears or mouths.
#[derive(Debug, Clone)]
pub enum Link {
    /// Our own engines on this machine.
    Local,
    /// Somebody else's.
    Provider(Provider),
}

/// Who thinks: the scripted conversation is always the last.
#[derive(Debug, Clone, Default)]
pub struct Thinkers {
    /// Models that answer in text, the first one first; the script when there is none.
    pub models: Vec<Provider>,
    /// A speech-to-speech service, which comes before all of them.
    pub realtime: Option<Provider>,
}

impl Raw {
    pub(super) fn check(self, described: &Described) -> Result<Thinkers, ConfigError> {
        let names = self.chain;
        let mut thinkers = Thinkers::default();
        for (at, name) in names.iter().enumerate() {
            if name == SCRIPT {
                if at + 1 == names.len() {
                    break;
                }
                return Err(ConfigError::value("brain.chain", "must have the script as its last"));
            }
            let provider = described.get(name, Role::Brain)?;
            if provider.kind != ProviderKind::OpenAiRealtime {
                thinkers.models.push(provider);
            } else if at == 0 {
                thinkers.realtime = Some(provider);
            } else {
                return Err(ConfigError::value(
                    "brain.chain",
                    "can have a speech-to-speech engine as its first only",
                ));
            }
        }
        if names.is_empty() {
            return Err(ConfigError::value(
                "brain.chain",
                "must name somebody who thinks: script, or a provider",
            ));
        }
        Ok(thinkers)
    }
}

/// The links of a chain of ears or mouths.
pub(super) fn links(
    key: &'static str,
    names: &[String],
    role: Role,
    described: &Described,
) -> Result<Vec<Link>, ConfigError> {
    let mut links = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            return Err(ConfigError::value(key, format!("names {name} twice")));
        }
        links.push(if name.as_str() == LOCAL {
            Link::Local
        } else {
            Link::Provider(described.get(name, role)?)
        });
    }
    if links.is_empty() {
        return Err(ConfigError::value(key, "must name an engine: local, or a provider"));
    }
    Ok(links)
}
