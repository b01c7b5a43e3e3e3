//! The simulated caller's voice and ear: the local engines, or tones where no words are needed.

use crate::{
    ears::stt::{Recording, Stt},
    mouth::tts::{Tts, Voice},
};
use futures::future::BoxFuture;
use std::sync::{Arc, atomic::AtomicBool};
use talia_audio::mulaw;
use talia_simulator::{
    listener::{Listener, ListenerFault},
    speaker::{Speaker, SpeakerFault},
};
use talia_spanish::{Expectation, Language};

/// A caller who speaks with the local voices.
pub(super) struct LocalSpeaker {
    pub(super) tts: Arc<dyn Tts>,
    pub(super) default_voice: String,
    pub(super) language: Language,
}

impl Speaker for LocalSpeaker {
    fn speak<'a>(&'a self, text: &'a str, voice: Option<&'a str>) -> BoxFuture<'a, Result<Vec<i16>, SpeakerFault>> {
        let (tts, text) = (self.tts.clone(), text.to_owned());
        let name = voice.unwrap_or(&self.default_voice).to_owned();
        let voice = Voice {
            name,
            speed: 1.0,
            language: self.language,
        };
        Box::pin(async move {
            let spoken = tokio::task::spawn_blocking(move || tts.speak(&text, &voice)).await;
            let mulaw = spoken
                .map_err(|error| SpeakerFault(error.to_string()))?
                .map_err(|error| SpeakerFault(error.to_string()))?;
            Ok(mulaw.iter().map(|byte| mulaw::decode(*byte)).collect())
        })
    }
}

/// A caller who understands with the local recogniser.
pub(super) struct LocalListener {
    pub(super) stt: Arc<dyn Stt>,
    pub(super) language: Language,
}

impl Listener for LocalListener {
    fn transcribe(&self, samples: Vec<i16>) -> BoxFuture<'_, Result<String, ListenerFault>> {
        let stt = self.stt.clone();
        let recording = Recording {
            samples,
            expectation: Expectation::Open,
            language: self.language,
            alone: false,
        };
        Box::pin(async move {
            let heard =
                tokio::task::spawn_blocking(move || stt.transcribe(&recording, &Arc::new(AtomicBool::new(false))))
                    .await;
            heard
                .map_err(|error| ListenerFault(error.to_string()))?
                .map_err(|error| ListenerFault(error.to_string()))
        })
    }
}
