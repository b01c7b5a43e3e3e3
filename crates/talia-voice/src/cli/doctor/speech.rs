//! The speech engines: whole models, and one sentence spoken and understood within a budget.

use super::Patient;
use super::finding::{Finding, SPEECH, text};
use crate::clock::Clock;
use crate::config::{Engines, Models};
use crate::ears::stt::Recording;
use crate::engines::{SpeechEngines, models_dir};
use crate::mouth::tts::Voice;
use std::sync::{Arc, atomic::AtomicBool};
use std::time::Duration;
use talia_audio::mulaw;
use talia_spanish::{Expectation, Language};

/// A sentence of a greeting's length: whoever takes longer for it isn't fast enough for a conversation.
const SENTENCE: &str = "Buenas tardes, quiero una cita.";
const WORD: &str = "tardes";
const BUDGET: Duration = Duration::from_secs(6);

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    if patient.config.speech.engines != Engines::Local {
        return vec![SPEECH.warning(
            text(
                "motores de prueba: no hablan ni oyen",
                "engines for load tests: they neither speak nor hear",
            ),
            text("ponga speech.engines = \"local\"", "set speech.engines = \"local\""),
        )];
    }
    let (models, clock) = (patient.config.models.clone(), patient.clock.clone());
    let tried = tokio::task::spawn_blocking(move || speak_and_hear(&models, &clock)).await;
    let finding = match tried {
        Ok(Ok(took)) if took <= BUDGET => SPEECH.ok(text(
            format!("una frase dicha y entendida en {:.1} s", took.as_secs_f64()),
            format!("a sentence spoken and understood in {:.1} s", took.as_secs_f64()),
        )),
        Ok(Ok(took)) => SPEECH.warning(
            text(
                format!("funciona, pero una frase tarda {:.1} s", took.as_secs_f64()),
                format!("works, but a sentence takes {:.1} s", took.as_secs_f64()),
            ),
            text(
                "use una máquina más rápida o menos cargada",
                "use a faster machine, or one with less to do",
            ),
        ),
        Ok(Err(why)) => SPEECH.failure(
            text(why.clone(), why),
            text("talia-voice models fetch", "talia-voice models fetch"),
        ),
        Err(_) => SPEECH.failure(
            text("el motor se interrumpió", "the engine broke off"),
            text("talia-voice models verify", "talia-voice models verify"),
        ),
    };
    vec![finding]
}

/// How long one sentence took, there and back. Loading isn't counted.
fn speak_and_hear(models: &Models, clock: &Clock) -> Result<Duration, String> {
    let engines = SpeechEngines::local(&models_dir(models.directory.as_ref()), 2).map_err(|error| error.to_string())?;
    let voice = Voice {
        name: "em_alex".to_owned(),
        speed: 1.0,
        language: Language::Spanish,
    };
    let began = clock.now();
    let spoken = engines
        .mouth
        .tts
        .speak(SENTENCE, &voice)
        .map_err(|error| error.to_string())?;
    let recording = Recording {
        samples: spoken.iter().map(|byte| mulaw::decode(*byte)).collect(),
        expectation: Expectation::Open,
        language: Language::Spanish,
        alone: false,
    };
    let heard = engines
        .ears
        .stt
        .transcribe(&recording, &Arc::new(AtomicBool::new(false)))
        .map_err(|error| error.to_string())?;
    let took = clock.now().duration_since(began);
    if !heard.to_lowercase().contains(WORD) {
        return Err(format!("«{SENTENCE}» → «{heard}»"));
    }
    Ok(took)
}
