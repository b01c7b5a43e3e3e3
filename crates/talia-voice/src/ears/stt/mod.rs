//! Speech to text. One file a provider.

mod commits;
pub mod deepgram;
pub mod fixed_delay;
pub mod flux;
pub mod local;
pub mod openai;
pub mod scribe;
pub mod terms;

use super::stream::protocol::StreamingStt;
use crate::config::{Account, Provider, ProviderKind};
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use std::sync::{Arc, atomic::AtomicBool};
use talia_spanish::{Expectation, Language};

/// What is to be written down.
#[derive(Debug, Clone)]
pub struct Recording {
    /// 8 kHz mono.
    pub samples: Vec<i16>,
    /// The kind of answer that was asked for.
    pub expectation: Expectation,
    /// The language spoken.
    pub language: Language,
    /// No other caller is listened to: an engine of this machine may take all of it.
    pub alone: bool,
}

/// Why there are no words.
#[derive(Debug, thiserror::Error)]
pub enum SttError {
    /// A newer job replaced it.
    #[error("cancelled")]
    Cancelled,
    /// The engine failed.
    #[error("the recogniser failed: {0}")]
    Engine(String),
}

/// A recogniser for whole pieces of speech. Blocking: it runs in the ears' pool.
pub trait Stt: Send + Sync {
    /// The words of a recording; empty when it holds none.
    fn transcribe(&self, recording: &Recording, cancel: &Arc<AtomicBool>) -> Result<String, SttError>;
    /// Its name, as it is printed.
    fn name(&self) -> &'static str;
}

/// The streaming recogniser of a provider of this kind; `None` for providers that hear nothing.
pub fn streaming(provider: &Provider) -> Option<Arc<dyn StreamingStt>> {
    let provider = provider.clone();
    Some(match provider.kind {
        ProviderKind::Deepgram => Arc::new(deepgram::Deepgram(provider)),
        ProviderKind::DeepgramFlux => Arc::new(flux::Flux(provider)),
        ProviderKind::OpenAiTranscription => Arc::new(openai::OpenAiTranscription(provider)),
        ProviderKind::ElevenLabsScribe => Arc::new(scribe::Scribe(provider)),
        _ => return None,
    })
}

/// The address of a socket at an account.
fn address(account_url: &str, path: &str, query: &[(&str, &str)]) -> String {
    // The configuration takes http and https only; the sockets of both are ws and wss.
    let socket = account_url.replacen("http", "ws", 1) + path;
    Url::parse_with_params(&socket, query).map_or(socket, String::from)
}

/// The header with an account's key; none for services that ask for none.
fn authorization(account: &Account, header: &'static str, scheme: &str) -> Vec<(HeaderName, HeaderValue)> {
    let key = account.key.as_ref();
    let value = key.and_then(|key| HeaderValue::from_str(&format!("{scheme}{}", key.expose_secret())).ok());
    let named = value.map(|value| (HeaderName::from_static(header), value));
    named.into_iter().collect()
}
