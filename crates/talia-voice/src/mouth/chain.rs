//! The voices of a server in the order in which they are asked, with what each of them keeps ready.

use super::{
    inspect::Inspector,
    tts::{
        Piece, Session, Speech, StreamingTts, TtsError, Voice, aura::Aura, cartesia::Cartesia, elevenlabs::ElevenLabs,
        openai::OpenAiSpeech,
    },
};
use crate::{
    config::{self, Provider, ProviderKind},
    outgoing::ClientError,
    providers::{Fault, Health, Watch, Work, streaming_client},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use talia_spanish::{Language, tongue};
use talia_speech::speech_cache::{PhraseKey, SpeechCache};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// One voice of a chain.
#[derive(Clone)]
pub enum Link {
    /// This machine's own.
    Local,
    /// A service's.
    Cloud(Arc<CloudVoice>),
}

/// How long a voice is waited for before the next one is asked as well. Whoever sounds first speaks.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the first audio of a text.
    pub first_audio: Duration,
    /// For more audio, though what came is not heard yet.
    pub next_audio: Duration,
    /// How much must be left to be heard, so that another voice can take over without a gap.
    pub reserve: Duration,
    /// Without any audio for so long, and nothing left to be heard, a text is given up.
    pub give_up: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_audio: Duration::from_millis(1_500),
            next_audio: Duration::from_millis(700),
            reserve: Duration::from_millis(300),
            give_up: Duration::from_millis(4_500),
        }
    }
}

/// Text and speed in thousandths, with the phrase's μ-law.
type Phrases = HashMap<(String, u32), Arc<[u8]>>;

/// A service's voice and its phrases.
pub struct CloudVoice {
    tts: Box<dyn StreamingTts>,
    /// How the service is doing.
    pub watch: Watch,
    engine: &'static str,
    model: String,
    voice: String,
    cache: Option<SpeechCache>,
    phrases: RwLock<Phrases>,
    /// How long its speech lasts against what is expected of any voice, in thousandths.
    slowness: AtomicU32,
}

/// The links of a configuration's chain. Phrases are kept by `cache`.
pub fn links(chain: &[config::Link], health: &Arc<Health>, cache: &SpeechCache) -> Result<Arc<[Link]>, ClientError> {
    let mut links = Vec::with_capacity(chain.len());
    for link in chain {
        links.push(match link {
            config::Link::Local => Link::Local,
            config::Link::Provider(provider) => {
                let watch = health.watch(&provider.name);
                Link::Cloud(Arc::new(CloudVoice::new(provider, watch, Some(cache.clone()))?))
            }
        });
    }
    Ok(links.into())
}

impl CloudVoice {
    /// The voice that a provider describes.
    pub fn new(provider: &Provider, watch: Watch, cache: Option<SpeechCache>) -> Result<Self, ClientError> {
        let (own, watched) = (provider.clone(), watch.clone());
        let (engine, tts): (_, Box<dyn StreamingTts>) = match provider.kind {
            ProviderKind::DeepgramAura => ("deepgram-aura", Box::new(Aura::new(own, watched))),
            ProviderKind::Cartesia => ("cartesia", Box::new(Cartesia::new(own, watched))),
            ProviderKind::OpenAiSpeech => ("openai-speech", Box::new(OpenAiSpeech::new(own, streaming_client()?))),
            // The configuration lets only kinds that speak into this chain.
            _ => ("elevenlabs", Box::new(ElevenLabs::new(own, watched))),
        };
        Ok(Self {
            tts,
            watch,
            engine,
            model: provider.model.clone().unwrap_or_default(),
            voice: provider.voice.clone().unwrap_or_default(),
            cache,
            phrases: RwLock::default(),
            slowness: AtomicU32::new(1_000),
        })
    }

    /// Opens a call's way to it; what it is given to speak is counted in `work`.
    pub fn open(&self, voice: &Voice, work: &Work, tasks: &TaskTracker) -> Session {
        self.tts.open(voice, work.of(self.watch.name()), tasks)
    }

    /// A phrase that is kept, from memory; never slow.
    pub fn kept(&self, text: &str, voice: &Voice) -> Option<Arc<[u8]>> {
        let phrases = self.phrases.read().unwrap_or_else(PoisonError::into_inner);
        phrases.get(&(text.to_owned(), thousandths(voice.speed))).cloned()
    }

    /// Makes a phrase or finds it on disk, and keeps it; `false` when it was kept already.
    pub async fn prepare(&self, text: &str, voice: &Voice, session: &Session) -> Result<bool, TtsError> {
        if self.kept(text, voice).is_some() {
            return Ok(false);
        }
        let key = PhraseKey {
            engine: self.engine,
            model: &self.model,
            voice: &self.voice,
            speed: voice.speed,
            text,
        };
        let on_disk = self.cache.as_ref().and_then(|cache| cache.get(&key));
        let made = on_disk.is_none();
        let mulaw = if let Some(mulaw) = on_disk {
            mulaw
        } else {
            let mulaw = self.whole(text, voice, session).await;
            let mulaw = mulaw.map_err(|fault| TtsError::Engine(fault.to_string()))?;
            if let Some(cache) = &self.cache
                && let Err(error) = cache.put(&key, &mulaw)
            {
                tracing::warn!(%error, "a phrase could not be kept");
            }
            mulaw
        };
        self.phrases
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((text.to_owned(), thousandths(voice.speed)), mulaw.into());
        Ok(made)
    }

    /// A text's whole speech, checked.
    async fn whole(&self, text: &str, voice: &Voice, session: &Session) -> Result<Vec<u8>, Fault> {
        let said = tongue::with_spoken_addresses(text, voice.language);
        let made = tokio::time::timeout(WHOLE, collect(session.say(said.clone()), &said, voice)).await;
        let made = made.unwrap_or(Err(Fault::transient("a phrase took too long")));
        match &made {
            Ok(_) => self.watch.succeeded(),
            Err(fault) => self.watch.failed(fault),
        }
        made
    }

    /// Tries whether it speaks, whenever its breaker wants to know, until `stop`.
    pub async fn probe_when_due(self: Arc<Self>, stop: CancellationToken) {
        let watch = self.watch.clone();
        watch
            .probe_when_due(stop, || async {
                let tasks = TaskTracker::new();
                let voice = Voice {
                    name: String::new(),
                    speed: 1.0,
                    language: Language::Spanish,
                };
                let session = self.open(&voice, &Work::default(), &tasks);
                collect(session.say(PROBE.to_owned()), PROBE, &voice).await.map(|_| ())
            })
            .await;
    }

    /// Learns how slowly this voice speaks.
    pub(super) fn learn(&self, lasted: Duration, expected: Duration) {
        if expected < Duration::from_millis(500) {
            return;
        }
        let newest = (lasted.as_secs_f32() / expected.as_secs_f32() * 1_000.0) as u32;
        let known = self.slowness.load(Ordering::Relaxed);
        self.slowness
            .store(u32::midpoint(known, newest.clamp(300, 3_000)), Ordering::Relaxed);
    }

    /// How long a text lasts in this voice that lasts `expected` in any.
    pub(super) fn lasts(&self, expected: Duration) -> Duration {
        expected.mul_f32(self.slowness.load(Ordering::Relaxed) as f32 / 1_000.0)
    }
}

/// How long the whole of one phrase may take.
const WHOLE: Duration = Duration::from_secs(20);
/// What is said to find out whether a voice is well again.
const PROBE: &str = "Hola.";

async fn collect(mut speech: Speech, text: &str, voice: &Voice) -> Result<Vec<u8>, Fault> {
    let mut inspector = Inspector::new(text, voice.language, voice.speed);
    let mut mulaw = Vec::new();
    while let Some(piece) = speech.pieces.recv().await {
        match piece {
            Piece::Audio(bytes) => inspector.push(&bytes, &mut mulaw)?,
            Piece::Aligned { .. } => {}
            Piece::End => {
                inspector.finish(&mut mulaw)?;
                return Ok(mulaw);
            }
            Piece::Failed(fault) => return Err(fault),
        }
    }
    Err(Fault::transient("the session ended"))
}

fn thousandths(speed: f32) -> u32 {
    (speed * 1_000.0).round() as u32
}
