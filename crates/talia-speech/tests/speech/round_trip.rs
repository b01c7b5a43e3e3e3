//! Kokoro speaks, the line carries it, Whisper writes it down.

use crate::line::{distance, spoken, whisper, white_noise, words};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use talia_speech::EngineError;
use talia_speech::kokoro::KokoroVoice;
use talia_speech::whisper::TranscribeOptions;

#[test]
fn what_kokoro_says_whisper_writes() {
    let sentences = [
        (KokoroVoice::Dora, "Hola, buenos días, habla Laura Mendoza."),
        (
            KokoroVoice::Alex,
            "Me gustaría recibir información sobre sus servicios.",
        ),
        (KokoroVoice::Dora, "Trabajo en una clínica dental en Guadalajara."),
        (
            KokoroVoice::Santa,
            "¿Cuánto cuesta el servicio para una empresa pequeña?",
        ),
    ];
    let (mut errors, mut total) = (0, 0);
    for (voice, sentence) in sentences {
        let heard = whisper()
            .transcribe(&spoken(sentence, voice), &TranscribeOptions::default())
            .unwrap();
        assert!(heard.confidence > 0.4 && heard.confidence <= 1.0, "{heard:?}");
        let said = words(sentence);
        errors += distance(&words(&heard.text), &said);
        total += said.len();
    }
    assert!(errors * 100 <= total * 15, "{errors} wrong of {total} words");
}

#[test]
fn a_prompt_of_the_expected_kind_helps_with_emails_and_does_not_leak() {
    let dictated = [
        "contacto arroba clínica guion luz punto mx",
        "laura guion bajo mendoza arroba hotmail punto com",
        "pedro mil novecientos arroba gmail punto com",
    ];
    let prompt = TranscribeOptions {
        prompt: "Mi correo es sofía punto ibarra arroba gmail punto com. \
                 Es raúl guion bajo treviño arroba empresa punto mx."
            .to_owned(),
        ..TranscribeOptions::default()
    };
    let (mut with_prompt, mut without) = (0, 0);
    for email in dictated {
        let samples = spoken(&format!("Es {email}."), KokoroVoice::Dora);
        let plain = words(
            &whisper()
                .transcribe(&samples, &TranscribeOptions::default())
                .unwrap()
                .text,
        );
        let shaped = words(&whisper().transcribe(&samples, &prompt).unwrap().text);
        let said = words(email);
        without += distance(&plain, &said);
        with_prompt += distance(&shaped, &said);
        for name in ["sofia", "ibarra", "raul", "treviño", "empresa"] {
            assert!(!shaped.iter().any(|word| word == name), "{name} leaked: {shaped:?}");
        }
    }
    assert!(with_prompt < without, "{with_prompt} errors with, {without} without");
}

#[test]
fn short_answers_are_heard_when_they_are_expected() {
    let options = TranscribeOptions {
        prompt: "Sí. No. Claro que sí. No, gracias. Ajá. Bueno.".to_owned(),
        ..TranscribeOptions::default()
    };
    for (voice, answer) in [
        (KokoroVoice::Dora, "Sí."),
        (KokoroVoice::Alex, "No."),
        (KokoroVoice::Dora, "Sí, está bien."),
    ] {
        let heard = whisper().transcribe(&spoken(answer, voice), &options).unwrap();
        assert_eq!(words(&heard.text), words(answer));
    }
}

#[test]
fn silence_and_a_quiet_lines_noise_are_nobody_speaking() {
    for samples in [vec![0; 16_000], white_noise(16_000, 200), vec![0; 10], Vec::new()] {
        let heard = whisper().transcribe(&samples, &TranscribeOptions::default()).unwrap();
        assert_eq!(heard.text, "", "{heard:?}");
    }
}

#[test]
fn a_cancelled_job_ends_without_a_text() {
    let cancel = Arc::new(AtomicBool::new(false));
    let options = TranscribeOptions {
        cancel: Some(Arc::clone(&cancel)),
        ..TranscribeOptions::default()
    };
    let long = white_noise(29 * 8_000, 3_000);
    std::thread::scope(|scope| {
        let job = scope.spawn(|| whisper().transcribe(&long, &options));
        cancel.store(true, Ordering::Relaxed);
        assert!(matches!(job.join().unwrap(), Err(EngineError::Cancelled)));
    });
    // The worker is as good as before.
    cancel.store(false, Ordering::Relaxed);
    let heard = whisper()
        .transcribe(&spoken("Sí, claro que sí.", KokoroVoice::Alex), &options)
        .unwrap();
    assert!(words(&heard.text).contains(&"claro".to_owned()), "{heard:?}");
}

#[test]
fn a_prompt_of_any_kind_is_taken() {
    let samples = spoken("Sí, claro que sí.", KokoroVoice::Alex);
    for prompt in ["a\0b", &"palabra ".repeat(2_000)] {
        let options = TranscribeOptions {
            prompt: prompt.to_owned(),
            max_tokens: Some(20),
            ..TranscribeOptions::default()
        };
        whisper().transcribe(&samples, &options).unwrap();
    }
}
