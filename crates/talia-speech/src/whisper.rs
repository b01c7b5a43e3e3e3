//! Whisper (whisper.cpp): telephone audio in, text out.
//!
//! Greedy, without timestamps, in a fixed language, one thread a job, and more while cores are idle. The encoder sees as much time as the turn needs
//! instead of Whisper's thirty seconds, which is what makes it quick enough for a conversation on a CPU.

use crate::error::EngineError;
use crate::models::{Installed, catalogue};
use crate::pool::{self, Pool};
use crate::stopwatch::Stopwatch;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;
use talia_audio::resample::{resample_all_f32, to_f32};
use talia_spanish::Language;
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState, install_logging_hooks,
};

const ENGINE: &str = "Whisper";
/// Encoder positions a second.
const POSITIONS: usize = 50;
/// Shorter contexts make the decoder repeat itself, or leave it without a word…
const SHORTEST_CONTEXT: usize = 512;
/// …but for a word or two, which take half the time with this one: five seconds.
const BRIEF_CONTEXT: usize = 256;
/// Turns up to this length leave the brief context enough silence behind the words.
const BRIEF_SECONDS: f32 = 3.0;
/// What the model was trained with: thirty seconds.
const LONGEST_CONTEXT: usize = 1_500;
/// Turns up to this length fit the shortest context.
const SHORT_TURN_SECONDS: f32 = 9.5;
/// Audio beyond this is not heard; the last part is the one that ends the turn.
const LONGEST_8K: usize = 30 * 8_000;
/// Less than a tenth of a second holds no word.
const SHORTEST_8K: usize = 800;
/// μ-law's idle noise stays below this sample value (−54 dBFS).
const AUDIBLE: u16 = 64;
/// Words at the very edge are misheard: a quarter of a second of silence goes before and behind.
const LEAD_16K: usize = 4_000;
/// whisper.cpp refuses less than a tenth of a second.
const SHORTEST_16K: usize = 20_000;
/// Fast Spanish is about eight tokens a second; dictated digits come to ten.
const TOKENS_A_SECOND: f32 = 10.0;
const TOKENS_AT_LEAST: f32 = 16.0;
/// The decoder's context is 448 tokens, half of it for the prompt.
const PROMPT_TOKENS: usize = 200;
/// Threads of one job beyond which another gains little.
const MOST_THREADS: usize = 4;
/// A lone word below this mean probability isn't believed; real ones, badly heard, come out above 0.2.
const UNBELIEVED: f32 = 0.1;

/// What a recogniser should know about the audio.
#[derive(Debug, Clone, Default)]
pub struct TranscribeOptions {
    /// Text that looks like the expected answer; shapes spelling and vocabulary. Empty for none.
    pub prompt: String,
    pub language: Language,
    /// It is a word or two, as an answer to yes or no is: takes half the time, and tends to be heard as nothing where it is more.
    pub brief: bool,
    /// Nobody else's turn is to be expected meanwhile: the job may have every core that no engine of this process works on.
    pub alone: bool,
    /// At most so many tokens, where the audio's length doesn't already allow fewer.
    pub max_tokens: Option<u32>,
    /// Set from elsewhere to give the job up, also while it waits for its turn.
    pub cancel: Option<Arc<AtomicBool>>,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcription {
    /// Empty where nothing believable was said.
    pub text: String,
    /// Mean probability of the text's tokens, 0 to 1; 0 for an empty text.
    pub confidence: f32,
    /// The model's probability that nobody spoke; near zero for any sound when the context is short, so gate on a VAD.
    pub no_speech: f32,
    /// Time from the job's beginning to its end, waiting for a free state included.
    pub elapsed: Duration,
}

impl Transcription {
    fn nothing(no_speech: f32, elapsed: Duration) -> Self {
        Self {
            text: String::new(),
            confidence: 0.0,
            no_speech,
            elapsed,
        }
    }
}

/// What whisper.cpp was built for (`.cargo/config.toml`) and this processor can't: it would die of an illegal instruction.
#[cfg(target_arch = "x86_64")]
fn missing_instructions() -> Option<&'static str> {
    let needed = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
    ];
    needed.into_iter().find(|(_, there)| !there).map(|(name, _)| name)
}

#[cfg(not(target_arch = "x86_64"))]
fn missing_instructions() -> Option<&'static str> {
    None
}

/// The recogniser, shared by all calls.
#[derive(Clone)]
pub struct Whisper {
    context: Arc<WhisperContext>,
    workers: Arc<Pool<Worker>>,
}

impl Whisper {
    /// Loads the model (82 MB, shared) and `workers` states (about 40 MB each): so many jobs run at once, with a thread each. One
    /// that begins while cores are idle takes some of them too: a caller who speaks alone is answered sooner, and the next one still
    /// finds a core.
    pub fn load(installed: &Installed, workers: usize) -> Result<Self, EngineError> {
        // Without a logging feature of whisper-rs these hooks drop everything that whisper.cpp prints.
        static SILENCE: Once = Once::new();
        SILENCE.call_once(install_logging_hooks);
        let failed = |reason: String| EngineError::load(ENGINE)(reason);
        if let Some(missing) = missing_instructions() {
            return Err(failed(format!(
                "this processor has no {missing}, which whisper.cpp was built for"
            )));
        }
        let path = installed.path(catalogue::WHISPER);
        let mut parameters = WhisperContextParameters::default();
        parameters.use_gpu(false);
        let context = WhisperContext::new_with_params(&path, parameters).map_err(|error| failed(error.to_string()))?;
        let workers = (0..workers.max(1))
            .map(|_| context.create_state().map(Worker::new))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            context: Arc::new(context),
            workers: Arc::new(Pool::new(workers)),
        })
    }

    /// Transcribes one turn of 8 kHz samples; of a turn over thirty seconds, the last thirty.
    ///
    /// Blocks for some hundred milliseconds: call it from a thread that may block. [`EngineError::Cancelled`] when the
    /// flag in the options was set in time.
    pub fn transcribe(&self, samples: &[i16], options: &TranscribeOptions) -> Result<Transcription, EngineError> {
        let watch = Stopwatch::start();
        let failed = |reason: String| EngineError::run(ENGINE)(reason);
        let recent = &samples[samples.len().saturating_sub(LONGEST_8K)..];
        if recent.len() < SHORTEST_8K || recent.iter().all(|sample| sample.unsigned_abs() < AUDIBLE) {
            return Ok(Transcription::nothing(1.0, watch.elapsed()));
        }
        let telephone: Vec<f32> = recent.iter().copied().map(to_f32).collect();
        let speech = resample_all_f32(&telephone, 8_000, 16_000).map_err(|error| failed(error.to_string()))?;
        let wide = with_silence_around(&speech);
        let prompt = self.prompt_tokens(&options.prompt)?;
        let cancelled = || options.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
        let mut worker = self.workers.take_while(|| !cancelled()).ok_or(EngineError::Cancelled)?;
        let seconds = recent.len() as f32 / 8_000.0;
        let threads = self.threads(options.alone);
        let heard = worker.decode(&wide, (&prompt, threads), seconds, options);
        if cancelled() {
            return Err(EngineError::Cancelled);
        }
        heard.map_err(|error| failed(error.to_string()))?;
        let mut transcription = worker.read(self.context.token_eot());
        transcription.elapsed = watch.elapsed();
        Ok(transcription)
    }

    /// Threads that spin for each other wait long for one whose core another job has: so a job alone takes what is idle now, and any
    /// other one half of that, as far as workers are idle too.
    fn threads(&self, alone: bool) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let idle = cores.saturating_sub(pool::at_work().max(1));
        let more = if alone { idle } else { idle.min(self.workers.idle()) / 2 };
        (1 + more).min(MOST_THREADS)
    }

    /// The end of a long prompt is what stands next to the answer, so the beginning is cut.
    fn prompt_tokens(&self, prompt: &str) -> Result<Vec<i32>, EngineError> {
        // The C function stops at a zero byte; whisper-rs would panic.
        let prompt = prompt.replace('\0', " ");
        if prompt.trim().is_empty() {
            return Ok(Vec::new());
        }
        let tokens = self
            .context
            .tokenize(&format!(" {}", prompt.trim()), prompt.len() + 8)
            .map_err(|error| EngineError::run(ENGINE)(error.to_string()))?;
        Ok(tokens[tokens.len().saturating_sub(PROMPT_TOKENS)..].to_vec())
    }
}

type CancelFlag = Arc<Mutex<Option<Arc<AtomicBool>>>>;

/// One decoder state with parameters made once: whisper-rs leaks a language's name and a callback each time they are
/// set.
struct Worker {
    state: WhisperState,
    spanish: FullParams<'static, 'static>,
    english: FullParams<'static, 'static>,
    cancel: CancelFlag,
}

impl Worker {
    fn new(state: WhisperState) -> Self {
        let cancel = CancelFlag::default();
        Self {
            state,
            spanish: parameters("es", &cancel),
            english: parameters("en", &cancel),
            cancel,
        }
    }

    fn decode(
        &mut self,
        wide: &[f32],
        (prompt, threads): (&[i32], usize),
        seconds: f32,
        options: &TranscribeOptions,
    ) -> Result<(), whisper_rs::WhisperError> {
        let base = match options.language {
            Language::Spanish => &self.spanish,
            Language::English => &self.english,
        };
        let mut parameters: FullParams<'_, '_> = base.clone();
        parameters.set_n_threads(threads as i32);
        parameters.set_audio_ctx(audio_context(seconds, options.brief) as i32);
        parameters.set_max_tokens(token_cap(seconds, options.max_tokens) as i32);
        if !prompt.is_empty() {
            parameters.set_tokens(prompt);
        }
        self.watch(options.cancel.clone());
        let outcome = self.state.full(parameters, wide);
        self.watch(None);
        outcome
    }

    /// Sets the flag that the running job's callback looks at.
    fn watch(&self, flag: Option<Arc<AtomicBool>>) {
        *self.cancel.lock().unwrap_or_else(PoisonError::into_inner) = flag;
    }

    fn read(&self, end_of_text: i32) -> Transcription {
        let mut bytes = Vec::new();
        let (mut tokens, mut probability, mut no_speech) = (0_u32, 0.0, 0.0_f32);
        for segment in self.state.as_iter() {
            no_speech = no_speech.max(segment.no_speech_probability());
            for token in (0..segment.n_tokens()).filter_map(|i| segment.get_token(i)) {
                // Special tokens are numbered from the end of text on.
                if token.token_id() < end_of_text {
                    bytes.extend_from_slice(token.to_bytes().unwrap_or_default());
                    probability += token.token_probability();
                    tokens += 1;
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim();
        let confidence = probability / tokens.max(1) as f32;
        if is_noise(text, confidence) {
            return Transcription::nothing(no_speech, Duration::ZERO);
        }
        Transcription {
            text: text.to_owned(),
            confidence,
            no_speech,
            elapsed: Duration::ZERO,
        }
    }
}

fn parameters(language: &'static str, cancel: &CancelFlag) -> FullParams<'static, 'static> {
    let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    parameters.set_language(Some(language));
    parameters.set_translate(false);
    parameters.set_no_context(true);
    parameters.set_no_timestamps(true);
    parameters.set_single_segment(true);
    parameters.set_suppress_blank(true);
    parameters.set_suppress_nst(true);
    parameters.set_print_special(false);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_timestamps(false);
    parameters.set_temperature(0.0);
    // No second tries at higher temperatures: they double the time of the turns that are hardest anyway.
    parameters.set_temperature_inc(0.0);
    let cancel = Arc::clone(cancel);
    let aborted = move || {
        let flag = cancel.lock().unwrap_or_else(PoisonError::into_inner);
        flag.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    };
    // whisper-rs 0.16 calls the closure through a pointer to a boxed trait object as if it were one to the closure
    // itself; with the closure's type being that box, both are the same.
    let aborted: Box<dyn FnMut() -> bool> = Box::new(aborted);
    parameters.set_abort_callback_safe::<_, Box<dyn FnMut() -> bool>>(aborted);
    parameters
}

fn with_silence_around(speech: &[f32]) -> Vec<f32> {
    let mut wide = vec![0.0; LEAD_16K];
    wide.extend_from_slice(speech);
    wide.resize((wide.len() + LEAD_16K).max(SHORTEST_16K), 0.0);
    wide
}

/// Encoder positions for a turn of this length.
fn audio_context(seconds: f32, brief: bool) -> usize {
    if brief && seconds <= BRIEF_SECONDS {
        BRIEF_CONTEXT
    } else if seconds <= SHORT_TURN_SECONDS {
        SHORTEST_CONTEXT
    } else {
        let positions = (seconds * POSITIONS as f32) as usize + 256;
        positions.clamp(SHORTEST_CONTEXT, LONGEST_CONTEXT)
    }
}

fn token_cap(seconds: f32, asked: Option<u32>) -> u32 {
    let by_length = (TOKENS_AT_LEAST + seconds * TOKENS_A_SECOND) as u32;
    by_length.min(asked.unwrap_or(u32::MAX)).min(220)
}

/// Noise comes back without a word ("…"), as a lone "y", or as a word that the model itself doesn't believe.
fn is_noise(text: &str, confidence: f32) -> bool {
    let mut words = text
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric));
    match (words.next(), words.next()) {
        (None, _) => true,
        (Some(word), None) => {
            confidence < UNBELIEVED
                || word
                    .trim_matches(|c: char| !c.is_alphanumeric())
                    .eq_ignore_ascii_case("y")
        }
        (Some(_), Some(_)) => false,
    }
}
