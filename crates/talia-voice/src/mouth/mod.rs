//! The mouth of one call: sentences in, μ-law audio out, in order, first clause first.

pub mod chain;
mod inspect;
pub mod pcm;
mod piecewise;
pub mod prepared;
mod release;
pub mod resume;
mod speaking;
pub mod tts;

use self::{
    chain::{Link, Patience},
    piecewise::LocalVoice,
    speaking::{Sentence, Unsaid, Voices},
    tts::{Tts, Voice},
};
use crate::providers::Work;
use std::{collections::HashMap, sync::Arc};
use talia_dialogue::SegmentId;
use tokio::{
    sync::{Semaphore, mpsc},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

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
    /// Says sentences on this machine.
    pub tts: Arc<dyn Tts>,
    /// How many syntheses run at once on this machine.
    pub workers: Arc<Semaphore>,
    /// Who is asked to speak, the first one first.
    pub chain: Arc<[Link]>,
    /// How long each of them is waited for.
    pub patience: Patience,
}

impl MouthEngines {
    /// This machine's own voice alone.
    pub fn local(tts: Arc<dyn Tts>, workers: usize) -> Self {
        Self {
            tts,
            workers: Arc::new(Semaphore::new(workers)),
            chain: Arc::new([Link::Local]),
            patience: Patience::default(),
        }
    }

    /// Tries services that failed, off every call's path, until `stop`.
    pub fn probe_until(&self, stop: &CancellationToken) {
        for link in self.chain.iter() {
            if let Link::Cloud(cloud) = link {
                tokio::spawn(cloud.clone().probe_when_due(stop.clone()));
            }
        }
    }

    /// The names of the chain's voices, as they are printed.
    pub fn names(&self) -> String {
        let names = self.chain.iter().map(|link| match link {
            Link::Local => self.tts.name(),
            Link::Cloud(cloud) => cloud.watch.name(),
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The mouth of one call. Its worker ends when it is dropped.
pub struct Mouth {
    sentences: mpsc::Sender<Sentence>,
    foreseen: mpsc::Sender<String>,
    events: mpsc::Sender<MouthEvent>,
    cancels: HashMap<SegmentId, CancellationToken>,
    /// Sentences that the worker is through with.
    said: mpsc::Receiver<SegmentId>,
    local: LocalVoice,
}

impl Mouth {
    /// A mouth that reports to `events` and counts in `work` what each voice was given; its workers are spawned on `tasks`.
    /// Connections that its voices need are opened now, so that they stand when the first sentence comes.
    pub fn new(
        engines: MouthEngines,
        voice: Voice,
        events: mpsc::Sender<MouthEvent>,
        work: &Work,
        tasks: &TaskTracker,
    ) -> Self {
        let (sentences, queue) = mpsc::channel(QUEUE);
        let (foreseen, foreseen_queue) = mpsc::channel(FORESEEN);
        let (done, said) = mpsc::channel(2 * QUEUE);
        let local = LocalVoice {
            tally: work.of(engines.tts.name()),
            engines,
            voice,
            foreseen: Arc::default(),
        };
        let own = local.clone();
        let voices = Voices::new(local.clone(), events.clone(), work.clone(), tasks.clone());
        // What a service makes ahead costs money, whether it is said or not.
        if voices.is_local() {
            tasks.spawn(foresee_all(local, foreseen_queue).in_current_span());
        }
        tasks.spawn(say_all(voices, queue, done).in_current_span());
        Self {
            sentences,
            foreseen,
            events,
            cancels: HashMap::new(),
            said,
            local: own,
        }
    }

    /// Makes audio of a sentence. One that is kept waits for no other: a filler must not stand behind the sentence whose
    /// wait it bridges.
    pub fn synthesize(&mut self, segment: SegmentId, text: String) {
        if let Some(mulaw) = self.local.kept_by_any(&text) {
            let all = [MouthEvent::Audio { segment, mulaw }, MouthEvent::End { segment }];
            if self.events.try_reserve_many(all.len()).is_ok_and(|room| {
                room.zip(all).for_each(|(place, event)| place.send(event));
                true
            }) {
                return;
            }
        }
        while let Ok(said) = self.said.try_recv() {
            self.cancels.remove(&said);
        }
        let cancelled = CancellationToken::new();
        self.cancels.insert(segment, cancelled.clone());
        let sentence = Sentence {
            segment,
            text,
            cancelled,
            asked: Instant::now(),
        };
        if self.sentences.try_send(sentence).is_err() {
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
            cancelled.cancel();
        }
    }
}

impl Drop for Mouth {
    fn drop(&mut self) {
        for cancelled in self.cancels.values() {
            cancelled.cancel();
        }
    }
}

async fn say_all(mut voices: Voices, mut queue: mpsc::Receiver<Sentence>, done: mpsc::Sender<SegmentId>) {
    while let Some(sentence) = queue.recv().await {
        let segment = sentence.segment;
        let event = if voices.say(&sentence).await == Err(Unsaid) {
            tracing::warn!("a sentence could not be said by any voice");
            MouthEvent::Failed { segment }
        } else {
            MouthEvent::End { segment }
        };
        // With a full channel the mouth forgets the sentence when it ends.
        let _ = done.try_send(segment);
        if voices.events.send(event).await.is_err() {
            return;
        }
    }
}

/// Makes sentences that will probably be said, one at a time, so that live ones find a worker free.
async fn foresee_all(local: LocalVoice, mut queue: mpsc::Receiver<String>) {
    while let Some(text) = queue.recv().await {
        local.foresee(text).await;
    }
}
