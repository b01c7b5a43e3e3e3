//! Builds ears and mouths from the configuration: loads the local engines, or names those of fixed delay.

use crate::{
    brain::script::Assistant,
    config::{Config, Engines},
    ears::{
        EarEngines,
        callers::Callers,
        end_of_turn::LocalEndOfTurn,
        pool::Pool,
        stt::{fixed_delay::FixedDelayStt, local::LocalStt},
    },
    mouth::{
        MouthEngines, chain,
        prepared::{self, Prepared},
        tts::{TtsError, Voice, fixed_delay::FixedDelayTts, local::LocalTts},
    },
};
use crate::{outgoing::ClientError, providers::Health};
use std::{num::NonZero, path::PathBuf, sync::Arc, thread};
use talia_speech::{
    EngineError, Installed, Kokoro, ModelsDir, Silero, SmartTurn, Whisper, speech_cache::SpeechCache,
    voice::Voice as Chain, webrtc::WebRtcVad,
};

/// What a caller of a load test is understood to say, whatever is said.
const FIXED_WORDS: &str = "Quiero bajar mi recibo de luz.";
/// Transcriptions that may wait for each worker: more would be answered too late to matter.
const QUEUED_A_WORKER: usize = 16;

/// The shared engines of all calls.
#[derive(Clone)]
pub struct SpeechEngines {
    /// What every call hears with.
    pub ears: EarEngines,
    /// What every call speaks with.
    pub mouth: MouthEngines,
}

impl std::fmt::Debug for SpeechEngines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpeechEngines")
            .field("stt", &self.ears.stt.name())
            .field("mouth", &self.mouth.names())
            .finish_non_exhaustive()
    }
}

/// The folder of models that a configuration names.
pub fn models_dir(directory: Option<&PathBuf>) -> ModelsDir {
    directory.map_or_else(ModelsDir::from_env, ModelsDir::at)
}

impl SpeechEngines {
    /// Loads what the configuration asks for. Blocking for some hundred milliseconds.
    pub fn load(config: &Config) -> Result<Self, EngineError> {
        let cores = thread::available_parallelism().map_or(2, NonZero::get);
        let workers = config.speech.recogniser_threads.unwrap_or(cores);
        match config.speech.engines {
            Engines::Local => Self::local(&models_dir(config.models.directory.as_ref()), workers),
            Engines::FixedDelay {
                transcription,
                synthesis,
            } => {
                let stt = FixedDelayStt {
                    delay: transcription,
                    text: FIXED_WORDS.to_owned(),
                };
                // Threads that only wait may be many: the engines' time is the figure, not their queue.
                Ok(Self {
                    ears: EarEngines {
                        detector: Arc::new(WebRtcVad::start()?),
                        stt: Arc::new(stt),
                        end_of_turn: None,
                        stt_pool: Pool::new(256, 256),
                        end_of_turn_pool: Pool::new(1, 1),
                        callers: Callers::default(),
                        streams: None,
                    },
                    mouth: MouthEngines::local(Arc::new(FixedDelayTts { delay: synthesis }), 256),
                })
            }
        }
    }

    /// The local engines from a folder of models.
    pub fn local(models: &ModelsDir, workers: usize) -> Result<Self, EngineError> {
        let installed = Installed::open(models)?;
        // The engines read different files and don't share state: loading them side by side halves the start.
        thread::scope(|scope| {
            let whisper = scope.spawn(|| Whisper::load(&installed, workers));
            let small = scope.spawn(|| -> Result<_, EngineError> {
                Ok((Silero::load(&installed)?, SmartTurn::load(&installed, 1)?))
            });
            let kokoro = Kokoro::load(&installed, workers)?;
            let (silero, smart_turn) = joined(small.join())?;
            let whisper = joined(whisper.join())?;
            let cache = SpeechCache::new(models.phrases());
            Ok(Self {
                ears: EarEngines {
                    detector: Arc::new(silero),
                    stt: Arc::new(LocalStt(whisper)),
                    end_of_turn: Some(Arc::new(LocalEndOfTurn(Arc::new(smart_turn)))),
                    stt_pool: Pool::new(workers, workers * QUEUED_A_WORKER),
                    end_of_turn_pool: Pool::new(1, QUEUED_A_WORKER),
                    callers: Callers::default(),
                    streams: None,
                },
                mouth: MouthEngines::local(Arc::new(LocalTts::new(Chain::new(Some(kokoro), Some(cache)))), workers),
            })
        })
    }

    /// With the voices that the configuration's chain names.
    pub fn with_voices(mut self, config: &Config, health: &Arc<Health>) -> Result<Self, ClientError> {
        let cache = SpeechCache::new(models_dir(config.models.directory.as_ref()).phrases());
        self.mouth.chain = chain::links(&config.speech.mouth, health, &cache)?;
        self.mouth.patience.first_audio = config.speech.first_audio;
        Ok(self)
    }

    /// Synthesises every fixed phrase of these assistants once; `progress` sees how many of how many are ready.
    pub async fn prepare(
        &self,
        assistants: &[Arc<Assistant>],
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Prepared, TtsError> {
        let plans: Vec<_> = assistants
            .iter()
            .map(|assistant| (voice_of(assistant), assistant.fixed_sentences()))
            .collect();
        let total = plans.iter().map(|(_, sentences)| sentences.len()).sum();
        let mut all = Prepared::default();
        let mut before = 0;
        for (voice, sentences) in &plans {
            let one = prepared::prepare(&self.mouth, sentences, voice, |ready| progress(before + ready, total)).await?;
            all.kept += one.kept;
            all.made += one.made;
            before += sentences.len();
        }
        Ok(all)
    }
}

/// The voice of an assistant.
pub fn voice_of(assistant: &Assistant) -> Voice {
    Voice {
        name: assistant.voice.clone(),
        speed: assistant.speed,
        language: assistant.language,
    }
}

fn joined<T>(joined: thread::Result<Result<T, EngineError>>) -> Result<T, EngineError> {
    joined.unwrap_or_else(|_| {
        Err(EngineError::Load {
            engine: "speech",
            reason: "the loading thread panicked".to_owned(),
        })
    })
}
