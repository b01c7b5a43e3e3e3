//! What is sent to each service, and what becomes of what it answers.

use super::stage::{ALL, Cast, Speaking, read};
use crate::harness::eventually;
use futures::future::join_all;
use std::time::Duration;
use talia_dialogue::SegmentId;
use talia_simulator::providers::spelled_speech::folded;
use talia_simulator::providers::voices::{Asked, Manner, VoiceFault};
use talia_voice::mouth::MouthEvent;
use tokio::time::timeout;

const SENTENCES: [&str; 3] = [
    "¿Te llamo mañana, Carlos?",
    "Los paneles bajan el recibo de un negocio más de la mitad.",
    "Gracias, adiós.",
];

#[tokio::test]
async fn every_voice_says_the_words_over_one_connection() {
    let cast = Cast::new().await;
    join_all(ALL.map(async |name| {
        let mut speaking = Speaking::new(&cast, name);
        for text in SENTENCES {
            let said = speaking.say(text).await;
            assert!(said.complete, "{name}: {said:?}");
            assert_eq!(said.words, folded(text), "{name}");
        }
        let voice = cast.voice(name);
        assert_eq!(voice.refusals(), Vec::<String>::new(), "{name}");
        assert_eq!(voice.texts(), SENTENCES, "{name}");
        // HTTP has a request for each text.
        let connections = if name == "openai_speech" { 3 } else { 1 };
        assert_eq!(voice.count(&Asked::Connection), connections, "{name}");
        drop(speaking.mouth);
        speaking.tasks.close();
        timeout(Duration::from_secs(2), speaking.tasks.wait())
            .await
            .expect("nothing of a call lives on");
    }))
    .await;
}

#[tokio::test]
async fn deepgram_is_told_to_learn_nothing_from_what_callers_are_told() {
    let cast = Cast::new().await;
    let said = Speaking::new(&cast, "aura").say(SENTENCES[0]).await;
    assert!(said.complete, "{said:?}");
    let opted_out = ("mip_opt_out".to_owned(), "true".to_owned());
    let queries = cast.aura.queries();
    assert!(
        !queries.is_empty() && queries.iter().all(|query| query.contains(&opted_out)),
        "{queries:?}"
    );
}

#[tokio::test]
async fn services_are_given_addresses_as_words_and_the_rest_as_it_is_written() {
    let cast = Cast::new().await;
    let mut speaking = Speaking::new(&cast, "cartesia");
    let said = speaking
        .say("Te escribo a ana.ruiz@gmail.com o al +52 55 1234 5678, el 3 de mayo por $1,250.")
        .await;
    assert!(said.complete);
    assert_eq!(
        cast.cartesia.texts(),
        [
            "Te escribo a ana punto ruiz arroba yímeil punto com o al más cincuenta y dos, \
          cincuenta y cinco, doce, treinta y cuatro, cincuenta y seis, setenta y ocho, el 3 de mayo por $1,250."
        ]
    );
}

#[tokio::test]
async fn bytes_cut_anywhere_and_events_that_nobody_knows_change_nothing() {
    let cast = Cast::new().await;
    join_all(ALL.map(async |name| {
        let mut speaking = Speaking::new(&cast, name);
        // Thousands of messages all the same.
        let text = "Sí, Ana.";
        let whole = speaking.say(text).await;
        for fault in [VoiceFault::ByteByByte, VoiceFault::UnknownEvents] {
            cast.voice(name).set_fault(fault);
            let said = speaking.say(text).await;
            assert!(said.complete, "{name} {fault:?}");
            assert!(said.mulaw == whole.mulaw, "{name} {fault:?}: other audio");
        }
        let unknown = speaking.metrics.provider_unknown_event_count(name);
        let talks_in_events = name != "openai_speech";
        assert_eq!(unknown > 0, talks_in_events, "{name}: {unknown}");
    }))
    .await;
}

#[tokio::test]
async fn a_sentence_that_is_not_wanted_any_more_is_dropped_at_once_and_the_connection_stays() {
    let cast = Cast::new().await;
    join_all(ALL.map(async |name| {
        let voice = cast.voice(name);
        voice.set(Manner {
            pace: 1.0,
            ..Manner::default()
        });
        let mut speaking = Speaking::new(&cast, name);
        let first = speaking.begin(SENTENCES[1]);
        let event = speaking.events.recv().await.expect("audio");
        assert!(
            matches!(event, MouthEvent::Audio { segment, .. } if segment == first),
            "{name}: {event:?}"
        );
        speaking.mouth.cancel(first);
        let second = speaking.begin(SENTENCES[2]);
        // Nothing of the first one is heard once it is over, whatever still comes.
        let (mut over, mut words) = (false, Vec::new());
        loop {
            match timeout(Duration::from_secs(10), speaking.events.recv())
                .await
                .expect("in time")
            {
                Some(MouthEvent::Audio { segment, mulaw }) if segment == second => words.extend_from_slice(&mulaw),
                Some(MouthEvent::Audio { segment, .. }) => assert!(segment == first && !over, "{name}: {segment:?}"),
                Some(MouthEvent::End { segment }) if segment == first => over = true,
                Some(MouthEvent::End { segment }) if segment == second => break,
                other => panic!("{name}: {other:?}"),
            }
        }
        assert!(over, "{name}");
        assert_eq!(read(&words), folded(SENTENCES[2]), "{name}");
        assert_eq!(voice.refusals(), Vec::<String>::new(), "{name}");
        if name == "openai_speech" {
            eventually("the request is dropped", async || voice.count(&Asked::Cancelled) == 1).await;
        } else {
            assert_eq!(voice.count(&Asked::Connection), 1, "{name}");
        }
        let cancels = usize::from(matches!(name, "aura" | "cartesia"));
        if cancels > 0 {
            assert_eq!(voice.count(&Asked::Cancelled), cancels, "{name}");
        }
    }))
    .await;
}

#[tokio::test]
async fn more_sentences_than_a_connection_takes_are_all_said() {
    let cast = Cast::new().await;
    for name in ["aura", "elevenlabs"] {
        cast.voice(name).set(Manner {
            first_audio: Duration::ZERO,
            pace: 0.0,
            ..Manner::default()
        });
        let mut speaking = Speaking::new(&cast, name);
        for number in 0..25 {
            let text = format!("Frase {number} dicha.");
            let said = speaking.say(&text).await;
            assert!(said.complete, "{name}: {said:?}");
            assert_eq!(said.words, folded(&text), "{name}");
        }
        assert_eq!(cast.voice(name).refusals(), Vec::<String>::new());
        // Deepgram takes 20 flushes a minute of a connection.
        let connections = if name == "aura" { 2 } else { 1 };
        assert_eq!(cast.voice(name).count(&Asked::Connection), connections);
    }
}

#[tokio::test]
async fn a_storm_of_interruptions_opens_no_more_contexts_than_the_service_allows() {
    let cast = Cast::new().await;
    cast.elevenlabs.set(Manner {
        pace: 0.5,
        ..Manner::default()
    });
    let mut speaking = Speaking::new(&cast, "elevenlabs");
    for _ in 0..12 {
        let segment = speaking.begin(SENTENCES[1]);
        let _ = timeout(Duration::from_millis(200), speaking.events.recv()).await;
        speaking.mouth.cancel(segment);
    }
    let last: SegmentId = speaking.begin(SENTENCES[2]);
    let mut words = Vec::new();
    loop {
        match timeout(Duration::from_secs(10), speaking.events.recv())
            .await
            .expect("in time")
        {
            Some(MouthEvent::Audio { segment, mulaw }) if segment == last => words.extend_from_slice(&mulaw),
            Some(MouthEvent::End { segment }) if segment == last => break,
            Some(_) => {}
            None => panic!("the mouth ended"),
        }
    }
    assert_eq!(read(&words), folded(SENTENCES[2]));
    assert_eq!(cast.elevenlabs.refusals(), Vec::<String>::new());
    assert_eq!(cast.elevenlabs.count(&Asked::Connection), 1);
}
