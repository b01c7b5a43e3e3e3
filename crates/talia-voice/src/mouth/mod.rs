//! The mouth of one call: sentences in, μ-law audio out, in order, first clause first.

pub mod prepared;
mod release;
pub mod tts;

use self::tts::{Tts, Voice};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use talia_audio::frame::duration_of;
use talia_dialogue::SegmentId;
use talia_spanish::{Language, tongue};
use tokio::sync::{Semaphore, mpsc};

/// Sentences that may wait for synthesis in one call.
const QUEUE: usize = 64;
/// Sentences that may wait to be made ahead.
const FORESEEN: usize = 16;

/// What the mouth reports.
#[derive(Debug)]
pub enum MouthEvent {
    /// Audio of a sentence, 8 kHz μ-law.
    Audio { segment: SegmentId, mulaw: Arc<[u8]> },
    /// The sentence is complete.
    End { segment: SegmentId },
    /// No engine could say it.
    Failed { segment: SegmentId },
}

/// What the mouths of all calls share.
#[derive(Clone)]
pub struct MouthEngines {
    /// Says sentences.
    pub tts: Arc<dyn Tts>,
    /// How many syntheses run at once.
    pub workers: Arc<Semaphore>,
}

struct Sentence {
    segment: SegmentId,
    text: String,
    cancelled: Arc<AtomicBool>,
}

/// The mouth of one call. Its worker ends when it is dropped.
pub struct Mouth {
    sentences: mpsc::Sender<Sentence>,
    foreseen: mpsc::Sender<String>,
    events: mpsc::Sender<MouthEvent>,
    cancels: HashMap<SegmentId, Arc<AtomicBool>>,
}

impl Mouth {
    /// A mouth that reports to `events`; its worker is spawned on `tasks`.
    pub fn new(
        engines: MouthEngines,
        voice: Voice,
        events: mpsc::Sender<MouthEvent>,
        tasks: &tokio_util::task::TaskTracker,
    ) -> Self {
        let (sentences, queue) = mpsc::channel(QUEUE);
        let (foreseen, foreseen_queue) = mpsc::channel(FORESEEN);
        let worker = Worker {
            engines,
            voice,
            events: events.clone(),
            foreseen: Arc::default(),
        };
        tasks.spawn(worker.clone().foresee_all(foreseen_queue));
        tasks.spawn(worker.say_all(queue));
        Self {
            sentences,
            foreseen,
            events,
            cancels: HashMap::new(),
        }
    }

    /// Makes audio of a sentence.
    pub fn synthesize(&mut self, segment: SegmentId, text: String) {
        self.cancels.retain(|_, cancelled| Arc::strong_count(cancelled) > 1);
        let cancelled = Arc::new(AtomicBool::new(false));
        self.cancels.insert(segment, cancelled.clone());
        if self
            .sentences
            .try_send(Sentence {
                segment,
                text,
                cancelled,
            })
            .is_err()
        {
            let _ = self.events.try_send(MouthEvent::Failed { segment });
        }
    }

    /// Makes a sentence ahead that will probably be said in this call.
    pub fn foresee(&self, text: String) {
        // With a full queue the sentence is simply made when it is said.
        let _ = self.foreseen.try_send(text);
    }

    /// The rest of this sentence is not wanted.
    pub fn cancel(&mut self, segment: SegmentId) {
        if let Some(cancelled) = self.cancels.remove(&segment) {
            cancelled.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Mouth {
    fn drop(&mut self) {
        for cancelled in self.cancels.values() {
            cancelled.store(true, Ordering::Relaxed);
        }
    }
}

/// What the tasks of one mouth share.
#[derive(Clone)]
struct Worker {
    engines: MouthEngines,
    voice: Voice,
    events: mpsc::Sender<MouthEvent>,
    /// Sentences of this call made ahead; they hold the caller's words and go with the call.
    foreseen: Arc<Mutex<HashMap<String, Arc<[u8]>>>>,
}

impl Worker {
    fn kept(&self, text: &str) -> Option<Arc<[u8]>> {
        let foreseen = self
            .foreseen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(text)
            .cloned();
        foreseen.or_else(|| self.engines.tts.kept(text, &self.voice))
    }

    async fn say_all(self, mut queue: mpsc::Receiver<Sentence>) {
        while let Some(sentence) = queue.recv().await {
            let segment = sentence.segment;
            let event = match say(&self, &sentence).await {
                Ok(()) => MouthEvent::End { segment },
                Err(error) => {
                    tracing::warn!(error = %error, "a sentence could not be synthesised");
                    MouthEvent::Failed { segment }
                }
            };
            if self.events.send(event).await.is_err() {
                return;
            }
        }
    }

    /// Makes sentences that will probably be said, one at a time, so that live ones find a worker free.
    async fn foresee_all(self, mut queue: mpsc::Receiver<String>) {
        while let Some(text) = queue.recv().await {
            if self.kept(&text).is_some() {
                continue;
            }
            // One that fails now is tried again, and reported, when it is really said.
            if let Ok(mulaw) = speak(&self.engines, &text, &self.voice).await {
                self.foreseen
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(text, mulaw);
            }
        }
    }
}

/// Says a sentence whole when it is kept already, else piece by piece, so that its first words are heard early. The first
/// piece is held back as long as the making of the rest would leave a gap.
async fn say(worker: &Worker, sentence: &Sentence) -> Result<(), tts::TtsError> {
    let segment = sentence.segment;
    let Worker {
        engines, voice, events, ..
    } = worker;
    if let Some(mulaw) = worker.kept(&sentence.text) {
        let _ = events.send(MouthEvent::Audio { segment, mulaw }).await;
        return Ok(());
    }
    let mut ready = Vec::new();
    let mut rest = sentence.text.as_str();
    if let Some((opening, mulaw)) = kept_opening(engines, rest, voice) {
        rest = &rest[opening.len()..];
        ready.push(mulaw);
    }
    let pieces = clauses(rest, voice.language);
    let expected: Vec<_> = pieces
        .iter()
        .map(|piece| release::expected_duration(piece, voice.language))
        .collect();
    let mut begun = false;
    for (done, piece) in pieces.iter().enumerate() {
        if sentence.cancelled.load(Ordering::Relaxed) {
            return Ok(());
        }
        let held = ready.iter().map(|mulaw| mulaw.len() as u64).sum();
        if begun || (held > 0 && release::may_begin(duration_of(held), &expected[done..], engines.tts.pace())) {
            begun = true;
            for mulaw in ready.drain(..) {
                let _ = events.send(MouthEvent::Audio { segment, mulaw }).await;
            }
        }
        ready.push(match worker.kept(piece) {
            Some(kept) => kept,
            None => speak(engines, piece, voice).await?,
        });
    }
    for mulaw in ready {
        let _ = events.send(MouthEvent::Audio { segment, mulaw }).await;
    }
    Ok(())
}

/// The longest beginning of a sentence, up to a comma or colon, that is kept already.
fn kept_opening<'a>(engines: &MouthEngines, text: &'a str, voice: &Voice) -> Option<(&'a str, Arc<[u8]>)> {
    let ends = text
        .char_indices()
        .filter(|(_, letter)| matches!(letter, ',' | ':' | ';'));
    let openings = ends.map(|(at, _)| &text[..=at]).collect::<Vec<_>>();
    openings
        .into_iter()
        .rev()
        .find_map(|opening| Some((opening, engines.tts.kept(opening, voice)?)))
}

/// One synthesis on a thread of its own.
async fn speak(engines: &MouthEngines, text: &str, voice: &Voice) -> Result<Arc<[u8]>, tts::TtsError> {
    let permit = engines
        .workers
        .clone()
        .acquire_owned()
        .await
        .map_err(|_| tts::TtsError::Stopped)?;
    let (tts, text, voice) = (engines.tts.clone(), text.to_owned(), voice.clone());
    let spoken = tokio::task::spawn_blocking(move || {
        let spoken = tts.speak(&text, &voice);
        drop(permit);
        spoken
    });
    spoken.await.map_err(|_| tts::TtsError::Stopped)?
}

fn clauses(text: &str, language: Language) -> Vec<String> {
    tongue::clauses(text, language)
        .into_iter()
        .map(|clause| clause.trim().to_owned())
        .filter(|clause| !clause.is_empty())
        .collect()
}
