//! `[providers.…]`: the engines behind the accounts: of which kind, which model, which voice.

use super::{Account, ConfigError, set};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    kind: String,
    account: String,
    model: String,
    voice: String,
    prompt: String,
    prompt_version: String,
    turn_detection: String,
}

/// One engine of somebody else, with the account that it is reached by.
#[derive(Debug, Clone)]
pub struct Provider {
    /// The name it has in the configuration: a label of metrics and logs.
    pub name: String,
    /// The protocol it speaks.
    pub kind: ProviderKind,
    /// Where it is, and our key.
    pub account: Account,
    /// The service's name of the model; `None` where a hosted prompt says it.
    pub model: Option<String>,
    /// The service's name of the voice.
    pub voice: Option<String>,
    /// The id of a hosted prompt, `pmpt_…`.
    pub prompt: Option<String>,
    /// Its version; `None`: the newest.
    pub prompt_version: Option<String>,
    /// Who detects the ends of turns.
    pub turn_detection: TurnDetection,
}

/// Who tells a speech-to-speech service that the caller has finished. It is always the dialogue that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TurnDetection {
    /// Our own ears alone.
    #[default]
    Own,
    /// The service's detector of silence informs the dialogue.
    Server,
    /// The service's detector of meaning informs it.
    Semantic,
}

/// What an engine is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It writes speech down.
    Ears,
    /// It thinks.
    Brain,
    /// It speaks.
    Mouth,
}

/// The protocols that are spoken. One file each where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// Chat Completions, as `OpenAI` and many others speak it.
    OpenAiChat,
    /// `OpenAI`'s Responses with a hosted prompt.
    OpenAiResponses,
    /// `OpenAI` Realtime: speech to speech.
    OpenAiRealtime,
    /// `OpenAI`'s streaming transcription.
    OpenAiTranscription,
    /// `OpenAI`'s speech over HTTP.
    OpenAiSpeech,
    /// Deepgram's streaming recognition (nova).
    Deepgram,
    /// Deepgram Flux, which detects turns.
    DeepgramFlux,
    /// Deepgram Aura speaks.
    DeepgramAura,
    /// `ElevenLabs` speaks.
    ElevenLabs,
    /// `ElevenLabs` Scribe hears.
    ElevenLabsScribe,
    /// Cartesia speaks.
    Cartesia,
}

const KINDS: &[(&str, ProviderKind, Role)] = &[
    ("openai-chat", ProviderKind::OpenAiChat, Role::Brain),
    ("openai-responses", ProviderKind::OpenAiResponses, Role::Brain),
    ("openai-realtime", ProviderKind::OpenAiRealtime, Role::Brain),
    ("openai-transcription", ProviderKind::OpenAiTranscription, Role::Ears),
    ("openai-speech", ProviderKind::OpenAiSpeech, Role::Mouth),
    ("deepgram", ProviderKind::Deepgram, Role::Ears),
    ("deepgram-flux", ProviderKind::DeepgramFlux, Role::Ears),
    ("deepgram-aura", ProviderKind::DeepgramAura, Role::Mouth),
    ("elevenlabs", ProviderKind::ElevenLabs, Role::Mouth),
    ("elevenlabs-scribe", ProviderKind::ElevenLabsScribe, Role::Ears),
    ("cartesia", ProviderKind::Cartesia, Role::Mouth),
];

impl ProviderKind {
    /// What it is used for.
    pub fn role(self) -> Role {
        let known = KINDS.iter().find(|(_, kind, _)| *kind == self);
        known.map_or(Role::Brain, |(_, _, role)| *role)
    }
}

/// Every engine that is described, checked only when a chain names it: the defaults describe more than anybody has keys for.
pub(super) struct Described {
    providers: BTreeMap<String, Raw>,
    accounts: BTreeMap<String, Account>,
}

impl Described {
    pub(super) fn new(providers: BTreeMap<String, Raw>, accounts: BTreeMap<String, Account>) -> Self {
        Self { providers, accounts }
    }

    /// The engine `name`, for a chain that needs one of this role.
    pub(super) fn get(&self, name: &str, role: Role) -> Result<Provider, ConfigError> {
        let wrong = |key: &str, reason: String| ConfigError::value(format!("providers.{name}.{key}"), reason);
        let raw = self.providers.get(name).ok_or_else(|| {
            ConfigError::value(
                format!("providers.{name}"),
                "is named in a chain and described nowhere".to_owned(),
            )
        })?;
        let known = KINDS.iter().find(|(kind, _, _)| *kind == raw.kind.trim());
        let &(_, kind, plays) = known.ok_or_else(|| {
            let kinds: Vec<_> = KINDS.iter().map(|(kind, _, _)| *kind).collect();
            wrong("kind", format!("must be one of {}", kinds.join(", ")))
        })?;
        if plays != role {
            return Err(wrong(
                "kind",
                format!("can't be used there: {} is for the {plays}", raw.kind.trim()),
            ));
        }
        let account = self.accounts.get(raw.account.trim()).ok_or_else(|| {
            wrong(
                "account",
                format!("\"{}\" is not among the accounts", raw.account.trim()),
            )
        })?;
        if account.key.is_none() && account.url.starts_with("https:") {
            return Err(ConfigError::value(
                format!("accounts.{}.key", raw.account.trim()),
                format!("is needed: {name} is in a chain"),
            ));
        }
        let provider = Provider {
            name: name.to_owned(),
            kind,
            account: account.clone(),
            model: set(&raw.model),
            voice: set(&raw.voice),
            prompt: set(&raw.prompt),
            prompt_version: set(&raw.prompt_version),
            turn_detection: match raw.turn_detection.trim() {
                "" | "own" => TurnDetection::Own,
                "server" => TurnDetection::Server,
                "semantic" => TurnDetection::Semantic,
                _ => return Err(wrong("turn_detection", "must be own, server or semantic".to_owned())),
            },
        };
        provider
            .check()
            .map_err(|(key, reason)| wrong(key, reason.to_owned()))?;
        Ok(provider)
    }
}

impl Provider {
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let needs_voice = matches!(
            self.kind,
            ProviderKind::ElevenLabs
                | ProviderKind::Cartesia
                | ProviderKind::OpenAiSpeech
                | ProviderKind::OpenAiRealtime
        );
        match self.kind {
            ProviderKind::OpenAiResponses if self.prompt.is_none() && self.model.is_none() => {
                Err(("prompt", "is needed: the id of a hosted prompt, pmpt_…, or a model"))
            }
            kind if kind != ProviderKind::OpenAiResponses && self.model.is_none() => Err(("model", "is needed")),
            _ if needs_voice && self.voice.is_none() => Err(("voice", "is needed")),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ears => "ears",
            Self::Brain => "brain",
            Self::Mouth => "mouth",
        })
    }
}
