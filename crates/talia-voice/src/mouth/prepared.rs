//! Fixed phrases are synthesised once, in the background, and kept.

use super::{
    MouthEngines,
    tts::{TtsError, Voice},
};

use futures::stream::{self, StreamExt};

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
    // Owned by each step: a closure that borrows its sentence is not general enough for a spawned task.
    let steps = sentences.iter().cloned().map(|sentence| one(engines.clone(), sentence, voice.clone()));
    let mut results = stream::iter(steps).buffered(at_once);
    let mut ready = 0;
    while let Some(result) = results.next().await {
        if result? {
            prepared.made += 1;
        } else {
            prepared.kept += 1;
        }
        ready += 1;
        progress(ready);
    }
    Ok(prepared)
}

/// Prepares one; `false` when it was kept already.
async fn one(engines: MouthEngines, sentence: String, voice: Voice) -> Result<bool, TtsError> {
    if engines.tts.kept(&sentence, &voice).is_some() {
        return Ok(false);
    }
    let permit = engines.workers.clone().acquire_owned().await.map_err(|_| TtsError::Stopped)?;
    let tts = engines.tts;
    let made = tokio::task::spawn_blocking(move || {
        let made = tts.prepare(&sentence, &voice);
        drop(permit);
        made
    });
    made.await.map_err(|_| TtsError::Stopped)?
}
