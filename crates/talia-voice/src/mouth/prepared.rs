//! Fixed phrases are synthesised once, in the background, and kept.

use super::{
    MouthEngines,
    tts::{TtsError, Voice},
};

/// What became of a preparation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Sentences that were kept already.
    pub kept: usize,
    /// Sentences made now.
    pub made: usize,
}

/// Prepares `sentences` one after another, so that a call under way finds a worker free; `progress` sees each one's number.
pub async fn prepare(
    engines: &MouthEngines,
    sentences: &[String],
    voice: &Voice,
    mut progress: impl FnMut(usize),
) -> Result<Prepared, TtsError> {
    let mut prepared = Prepared::default();
    for (number, sentence) in sentences.iter().enumerate() {
        if engines.tts.kept(sentence, voice).is_some() {
            prepared.kept += 1;
        } else {
            let permit = engines.workers.clone().acquire_owned().await.map_err(|_| TtsError::Stopped)?;
            let (tts, text, voice) = (engines.tts.clone(), sentence.clone(), voice.clone());
            let made = tokio::task::spawn_blocking(move || {
                let made = tts.prepare(&text, &voice);
                drop(permit);
                made
            });
            made.await.map_err(|_| TtsError::Stopped)??;
            prepared.made += 1;
        }
        progress(number + 1);
    }
    Ok(prepared)
}
