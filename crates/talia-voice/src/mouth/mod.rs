//! The mouth of one call: sentences in, μ-law audio out, in order, first clause first.

pub mod prepared;
pub mod tts;

use self::tts::{Tts, Voice};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use talia_dialogue::SegmentId;
use talia_spanish::{Language, tongue};
use tokio::sync::{Semaphore, mpsc};

/// Sentences that may wait for synthesis in one call.
const QUEUE: usize = 64;

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
        tasks.spawn(work(engines, voice, queue, events.clone()));
        Self { sentences, events, cancels: HashMap::new() }
    }

    /// Makes audio of a sentence.
    pub fn synthesize(&mut self, segment: SegmentId, text: String) {
        self.cancels.retain(|_, cancelled| Arc::strong_count(cancelled) > 1);
        let cancelled = Arc::new(AtomicBool::new(false));
        self.cancels.insert(segment, cancelled.clone());
        if self.sentences.try_send(Sentence { segment, text, cancelled }).is_err() {
            let _ = self.events.try_send(MouthEvent::Failed { segment });
        }
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

async fn work(
    engines: MouthEngines,
    voice: Voice,
    mut queue: mpsc::Receiver<Sentence>,
    events: mpsc::Sender<MouthEvent>,
) {
    while let Some(sentence) = queue.recv().await {
        let segment = sentence.segment;
        let event = match say(&engines, &voice, &sentence, &events).await {
            Ok(()) => MouthEvent::End { segment },
            Err(error) => {
                tracing::warn!(error = %error, "a sentence could not be synthesised");
                MouthEvent::Failed { segment }
            }
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

/// Says a sentence whole when it is kept already, else clause by clause, so that its first words are heard early.
async fn say(
    engines: &MouthEngines,
    voice: &Voice,
    sentence: &Sentence,
    events: &mpsc::Sender<MouthEvent>,
) -> Result<(), tts::TtsError> {
    let segment = sentence.segment;
    if let Some(mulaw) = engines.tts.kept(&sentence.text, voice) {
        let _ = events.send(MouthEvent::Audio { segment, mulaw }).await;
        return Ok(());
    }
    let mut rest = sentence.text.as_str();
    if let Some((opening, mulaw)) = kept_opening(engines, rest, voice) {
        rest = &rest[opening.len()..];
        let _ = events.send(MouthEvent::Audio { segment, mulaw }).await;
    }
    for clause in clauses(rest, voice.language) {
        if sentence.cancelled.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mulaw = match engines.tts.kept(&clause, voice) {
            Some(kept) => kept,
            None => speak(engines, &clause, voice).await?,
        };
        if events.send(MouthEvent::Audio { segment, mulaw }).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The longest beginning of a sentence, up to a comma or colon, that is kept already.
fn kept_opening<'a>(engines: &MouthEngines, text: &'a str, voice: &Voice) -> Option<(&'a str, Arc<[u8]>)> {
    let ends = text.char_indices().filter(|(_, letter)| matches!(letter, ',' | ':' | ';'));
    let openings = ends.map(|(at, _)| &text[..=at]).collect::<Vec<_>>();
    openings.into_iter().rev().find_map(|opening| Some((opening, engines.tts.kept(opening, voice)?)))
}

/// One synthesis on a thread of its own.
async fn speak(engines: &MouthEngines, text: &str, voice: &Voice) -> Result<Arc<[u8]>, tts::TtsError> {
    let permit = engines.workers.clone().acquire_owned().await.map_err(|_| tts::TtsError::Stopped)?;
    let (tts, text, voice) = (engines.tts.clone(), text.to_owned(), voice.clone());
    let spoken = tokio::task::spawn_blocking(move || {
        let spoken = tts.speak(&text, &voice);
        drop(permit);
        spoken
    });
    spoken.await.map_err(|_| tts::TtsError::Stopped)?
}

fn clauses(text: &str, language: Language) -> Vec<String> {
    tongue::clauses(text, language).into_iter().map(|clause| clause.trim().to_owned()).filter(|clause| !clause.is_empty()).collect()
}
