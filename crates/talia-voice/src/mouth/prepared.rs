//! Fixed phrases are synthesised once, in the background, and kept.

use super::{
    MouthEngines,
    chain::Link,
    tts::{Session, TtsError, Voice},
};
use crate::providers::Work;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

/// Phrases that a service makes at once.
const AT_ONCE: usize = 2;

/// What became of a preparation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Sentences that were kept already.
    pub kept: usize,
    /// Sentences made now.
    pub made: usize,
}

/// Prepares `sentences`, as many at once as there are workers; `progress` sees how many are ready.
///
/// A call that speaks meanwhile waits for one phrase at most.
pub async fn prepare(
    engines: &MouthEngines,
    sentences: &[String],
    voice: &Voice,
    mut progress: impl FnMut(usize),
) -> Result<Prepared, TtsError> {
    let mut prepared = Prepared::default();
    // Services count what is asked of them at the same time, and calls may want them meanwhile.
    let limit = match engines.chain.first() {
        Some(Link::Cloud(_)) => AT_ONCE,
        _ => usize::MAX,
    };
    let at_once = engines.workers.available_permits().clamp(1, limit);
    let tasks = TaskTracker::new();
    // It belongs to no call.
    let work = Work::default();
    let sessions: Arc<[_]> = engines
        .chain
        .iter()
        .map(|link| match link {
            Link::Local => None,
            Link::Cloud(cloud) => Some(cloud.open(voice, &work, &tasks)),
        })
        .collect();
    let mut waiting = sentences.iter().cloned();
    let mut running = JoinSet::new();
    for sentence in waiting.by_ref().take(at_once) {
        running.spawn(one(engines.clone(), sessions.clone(), sentence, voice.clone()));
    }
    let mut ready = 0;
    while let Some(made) = running.join_next().await {
        if made.map_err(|_| TtsError::Stopped)?? {
            prepared.made += 1;
        } else {
            prepared.kept += 1;
        }
        ready += 1;
        progress(ready);
        if let Some(sentence) = waiting.next() {
            running.spawn(one(engines.clone(), sessions.clone(), sentence, voice.clone()));
        }
    }
    Ok(prepared)
}

/// Prepares one in the first voice of the chain that can say it; `false` when that voice had kept it already.
async fn one(
    engines: MouthEngines,
    sessions: Arc<[Option<Session>]>,
    sentence: String,
    voice: Voice,
) -> Result<bool, TtsError> {
    let mut failed = TtsError::Stopped;
    for (link, session) in engines.chain.iter().zip(sessions.iter()) {
        let made = match (link, session) {
            (Link::Cloud(cloud), Some(session)) => cloud.prepare(&sentence, &voice, session).await,
            _ => on_this_machine(&engines, &sentence, &voice).await,
        };
        match made {
            Ok(made) => return Ok(made),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn on_this_machine(engines: &MouthEngines, sentence: &str, voice: &Voice) -> Result<bool, TtsError> {
    if engines.tts.kept(sentence, voice).is_some() {
        return Ok(false);
    }
    let workers = engines.workers.clone();
    let permit = workers.acquire_owned().await.map_err(|_| TtsError::Stopped)?;
    let (tts, sentence, voice) = (engines.tts.clone(), sentence.to_owned(), voice.clone());
    let made = tokio::task::spawn_blocking(move || {
        let made = tts.prepare(&sentence, &voice);
        drop(permit);
        made
    });
    made.await.map_err(|_| TtsError::Stopped)?
}
