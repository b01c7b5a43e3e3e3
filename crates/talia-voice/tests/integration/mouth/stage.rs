//! One mouth with fakes for voices, and an ear that reads what was said.

use crate::harness::config;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::SegmentId;
use talia_simulator::providers::spelled_speech;
use talia_simulator::providers::voices::FakeVoice;
use talia_spanish::Language;
use talia_speech::speech_cache::SpeechCache;
use talia_voice::clock::Clock;
use talia_voice::mouth::tts::{Tts, TtsError, Voice};
use talia_voice::mouth::{Mouth, MouthEngines, MouthEvent, chain};
use talia_voice::providers::{Health, Work};
use talia_voice::telemetry::Metrics;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

pub(crate) const KEY: &str = "a-key-of-the-tests";

/// Speaks on this machine so that it can be read.
pub(crate) struct SpelledTts;

impl Tts for SpelledTts {
    fn speak(&self, text: &str, _voice: &Voice) -> Result<Arc<[u8]>, TtsError> {
        let samples = spelled_speech::speak(text, 8_000);
        Ok(samples.into_iter().map(talia_audio::mulaw::encode).collect())
    }

    fn kept(&self, _text: &str, _voice: &Voice) -> Option<Arc<[u8]>> {
        None
    }

    fn prepare(&self, _text: &str, _voice: &Voice) -> Result<bool, TtsError> {
        Ok(false)
    }

    fn pace(&self) -> f32 {
        0.1
    }

    fn name(&self) -> &'static str {
        "spelled"
    }
}

/// The fakes of all voices, and the configuration that leads to them.
pub(crate) struct Cast {
    pub(crate) elevenlabs: FakeVoice,
    pub(crate) aura: FakeVoice,
    pub(crate) cartesia: FakeVoice,
    pub(crate) openai: FakeVoice,
}

impl Cast {
    pub(crate) async fn new() -> Self {
        Self {
            elevenlabs: FakeVoice::elevenlabs(KEY).await.expect("a stage"),
            aura: FakeVoice::aura(KEY).await.expect("a stage"),
            cartesia: FakeVoice::cartesia(KEY).await.expect("a stage"),
            openai: FakeVoice::openai(KEY).await.expect("a stage"),
        }
    }

    /// By its name in the configuration.
    pub(crate) fn voice(&self, name: &str) -> &FakeVoice {
        match name {
            "elevenlabs" => &self.elevenlabs,
            "aura" => &self.aura,
            "cartesia" => &self.cartesia,
            "openai_speech" => &self.openai,
            _ => panic!("no voice {name}"),
        }
    }

    /// A configuration file whose mouth is this chain.
    pub(crate) fn file(&self, chain: &str) -> String {
        let accounts = [
            ("elevenlabs", &self.elevenlabs),
            ("deepgram", &self.aura),
            ("cartesia", &self.cartesia),
            ("openai", &self.openai),
        ];
        let mut file = format!("[speech]\nmouth = \"{chain}\"\n");
        for (account, voice) in accounts {
            let table = format!("[accounts.{account}]\nurl = \"{}\"\nkey = \"{KEY}\"\n", voice.url());
            file.push_str(&table);
        }
        file + "[providers.elevenlabs]\nvoice = \"v1\"\n[providers.cartesia]\nvoice = \"v2\"\n\
                [providers.openai_speech]\nmodel = \"m\"\n"
    }
}

pub(crate) const ALL: [&str; 4] = ["elevenlabs", "aura", "cartesia", "openai_speech"];

/// What was said of a sentence.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) words: String,
    pub(crate) mulaw: Vec<u8>,
    /// From the order to the first audio; `None`: there was none.
    pub(crate) first_audio: Option<Duration>,
    /// Whether the mouth says that it is complete.
    pub(crate) complete: bool,
    pub(crate) took: Duration,
}

/// The mouth of a call that only speaks.
pub(crate) struct Speaking {
    pub(crate) mouth: Mouth,
    pub(crate) events: mpsc::Receiver<MouthEvent>,
    pub(crate) metrics: Arc<Metrics>,
    /// What each voice was given.
    pub(crate) work: Work,
    pub(crate) tasks: TaskTracker,
    _folder: TempDir,
    sentences: u32,
}

pub(crate) fn voice() -> Voice {
    Voice {
        name: "ef_dora".to_owned(),
        speed: 1.0,
        language: Language::Spanish,
    }
}

/// The engines that a chain of fakes makes, with phrases kept in `folder`.
pub(crate) fn engines(cast: &Cast, chain: &str, folder: &TempDir) -> (MouthEngines, Arc<Metrics>) {
    let config = config(folder, &[("talia.toml", &cast.file(chain))]);
    let metrics = Arc::new(Metrics::default());
    let health = Health::new(Clock::real(), metrics.clone());
    let cache = SpeechCache::new(folder.path().join("phrases"));
    let mut engines = MouthEngines::local(Arc::new(SpelledTts), 2);
    engines.chain = chain::links(&config.speech.mouth, &health, &cache).expect("a chain");
    (engines, metrics)
}

impl Speaking {
    pub(crate) fn new(cast: &Cast, chain: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let (engines, metrics) = engines(cast, chain, &folder);
        Self::with(engines, metrics, folder)
    }

    pub(crate) fn with(engines: MouthEngines, metrics: Arc<Metrics>, folder: TempDir) -> Self {
        let (sender, events) = mpsc::channel(256);
        let (work, tasks) = (Work::default(), TaskTracker::new());
        Self {
            mouth: Mouth::new(engines, voice(), sender, &work, &tasks),
            events,
            metrics,
            work,
            tasks,
            _folder: folder,
            sentences: 0,
        }
    }

    pub(crate) fn begin(&mut self, text: &str) -> SegmentId {
        self.sentences += 1;
        let segment = SegmentId(self.sentences);
        self.mouth.synthesize(segment, text.to_owned());
        segment
    }

    /// Says a sentence to its end.
    pub(crate) async fn say(&mut self, text: &str) -> Said {
        let began = Instant::now();
        let segment = self.begin(text);
        let (mut mulaw, mut first_audio, mut complete) = (Vec::new(), None, false);
        loop {
            let event = timeout(Duration::from_secs(20), self.events.recv()).await;
            match event.expect("in time").expect("the mouth lives") {
                MouthEvent::Audio {
                    segment: of,
                    mulaw: audio,
                } => {
                    assert_eq!(of, segment);
                    first_audio.get_or_insert(began.elapsed());
                    mulaw.extend_from_slice(&audio);
                }
                MouthEvent::End { .. } => {
                    complete = true;
                    break;
                }
                MouthEvent::Failed { .. } => break,
            }
        }
        Said {
            words: read(&mulaw),
            mulaw,
            first_audio,
            complete,
            took: began.elapsed(),
        }
    }
}

/// The words in μ-law.
pub(crate) fn read(mulaw: &[u8]) -> String {
    let samples: Vec<i16> = mulaw.iter().map(|byte| talia_audio::mulaw::decode(*byte)).collect();
    spelled_speech::read(&samples)
}

/// Every word of the text in its order and nothing that is no word of it. A machine so busy that even a good voice breaks off may
/// say the words around one such place twice.
pub(crate) fn assert_said(words: &str, text: &str, context: &str) {
    let wanted = spelled_speech::folded(text);
    let mut rest = wanted.split(' ').peekable();
    let mut twice = 0;
    for word in words.split(' ') {
        if rest.peek() == Some(&word) {
            rest.next();
        } else {
            let again = wanted.split(' ').any(|known| known.starts_with(word));
            assert!(again, "{context}: {word} in: {words}");
            twice += 1;
        }
    }
    assert!(rest.next().is_none() && twice <= 4, "{context}: {words}");
}
