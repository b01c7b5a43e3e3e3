//! Fixed phrases are synthesised once, in the background, and kept.

use super::{
    MouthEngines,
    tts::{TtsError, Voice},
};

use tokio::task::JoinSet;

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
    let at_once = engines.workers.available_permits().max(1);
    let mut waiting = sentences.iter().cloned();
    let mut running = JoinSet::new();
    for sentence in waiting.by_ref().take(at_once) {
        running.spawn(one(engines.clone(), sentence, voice.clone()));
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
            running.spawn(one(engines.clone(), sentence, voice.clone()));
        }
    }
    Ok(prepared)
}

/// Prepares one; `false` when it was kept already.
async fn one(engines: MouthEngines, sentence: String, voice: Voice) -> Result<bool, TtsError> {
    if engines.tts.kept(&sentence, &voice).is_some() {
        return Ok(false);
    }
    let permit = engines.workers.acquire_owned().await.map_err(|_| TtsError::Stopped)?;
    let made = tokio::task::spawn_blocking(move || {
        let made = engines.tts.prepare(&sentence, &voice);
        drop(permit);
        made
    });
    made.await.map_err(|_| TtsError::Stopped)?
}
