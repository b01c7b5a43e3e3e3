//! The voice on this machine as a stream: it makes a text clause by clause, so that its first words are heard early.

use super::{
    MouthEngines,
    chain::Link,
    release,
    tts::{Piece, Speech, TtsError, Voice},
};
use crate::providers::{Fault, Tally};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use talia_audio::frame::duration_of;
use talia_spanish::{Language, tongue};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Sentences of one call made ahead. They hold the caller's words and go with the call.
pub(super) type Foreseen = Arc<Mutex<HashMap<String, Arc<[u8]>>>>;

/// What one call says with the voice of this machine.
#[derive(Clone)]
pub(super) struct LocalVoice {
    pub(super) engines: MouthEngines,
    pub(super) voice: Voice,
    pub(super) foreseen: Foreseen,
    /// What it was given to say.
    pub(super) tally: Tally,
}

impl LocalVoice {
    /// What is kept or made ahead of a text.
    pub(super) fn kept(&self, text: &str) -> Option<Arc<[u8]>> {
        let foreseen = self
            .foreseen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(text)
            .cloned();
        foreseen.or_else(|| self.engines.tts.kept(text, &self.voice))
    }

    /// What is kept of a text by the first voice of the chain that has it.
    pub(super) fn kept_by_any(&self, text: &str) -> Option<Arc<[u8]>> {
        self.engines.chain.iter().find_map(|link| match link {
            Link::Local => self.kept(text),
            Link::Cloud(cloud) => cloud.kept(text, &self.voice),
        })
    }

    /// Makes a text ahead.
    pub(super) async fn foresee(&self, text: String) {
        if self.kept(&text).is_some() {
            return;
        }
        // One that fails now is tried again, and reported, when it is really said.
        if let Ok(mulaw) = self.speak(&text).await {
            self.foreseen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(text, mulaw);
        }
    }

    /// Begins to say a text.
    pub(super) fn say(&self, text: String, tasks: &TaskTracker) -> Speech {
        let (speech, pieces) = Speech::new();
        let own = self.clone();
        tasks.spawn(async move {
            let last = match own.say_all(&text, &pieces).await {
                Ok(()) => Piece::End,
                Err(error) => {
                    tracing::warn!(%error, "the voice of this machine failed");
                    Piece::Failed(Fault::transient("the voice of this machine failed"))
                }
            };
            let _ = pieces.send(last).await;
        });
        speech
    }

    /// The first piece is held back as long as the making of the rest would leave a gap.
    async fn say_all(&self, text: &str, out: &mpsc::Sender<Piece>) -> Result<(), TtsError> {
        let mut ready: Vec<Arc<[u8]>> = Vec::new();
        let pieces = clauses(text, self.voice.language);
        let expected: Vec<_> = pieces
            .iter()
            .map(|piece| release::expected_duration(piece, self.voice.language))
            .collect();
        let mut begun = false;
        for (done, piece) in pieces.iter().enumerate() {
            if out.is_closed() {
                return Ok(());
            }
            let held = ready.iter().map(|mulaw| mulaw.len() as u64).sum();
            let pace = self.engines.tts.pace();
            if begun || (held > 0 && release::may_begin(duration_of(held), &expected[done..], pace)) {
                begun = true;
                for mulaw in ready.drain(..) {
                    let _ = out.send(Piece::Audio(mulaw.to_vec())).await;
                }
            }
            ready.push(match self.kept(piece) {
                Some(kept) => kept,
                None => self.speak(piece).await?,
            });
        }
        for mulaw in ready {
            let _ = out.send(Piece::Audio(mulaw.to_vec())).await;
        }
        Ok(())
    }

    /// One synthesis on a thread of its own.
    async fn speak(&self, text: &str) -> Result<Arc<[u8]>, TtsError> {
        let permit = self
            .engines
            .workers
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| TtsError::Stopped)?;
        self.tally.speaks(text);
        let (tts, text, voice) = (self.engines.tts.clone(), text.to_owned(), self.voice.clone());
        let spoken = tokio::task::spawn_blocking(move || {
            let spoken = tts.speak(&text, &voice);
            drop(permit);
            spoken
        });
        spoken.await.map_err(|_| TtsError::Stopped)?
    }
}

fn clauses(text: &str, language: Language) -> Vec<String> {
    tongue::clauses(text, language)
        .into_iter()
        .map(|clause| clause.trim().to_owned())
        .filter(|clause| !clause.is_empty())
        .collect()
}
