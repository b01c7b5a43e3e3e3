//! Nothing goes wrong: the lead, the words, the costs, an interruption, a renewal.

use super::stage::{count, lines, ring, said, server, service, sessions};
use crate::mixes::{expected, left, patient};
use std::time::Duration;
use talia_simulator::providers::openai_realtime::{Note, Reply};

#[tokio::test]
async fn a_call_with_a_voice_of_its_own_ends_in_its_lead() {
    let fake = service(|_| {}).await;
    let calls = server(&fake).await;
    let outcome = ring(&calls, &patient(), |_| {}).await;
    let said = said(&calls, &outcome).await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    outcome.assert_no_warnings();
    outcome.assert_never_left_in_silence(2_000);
    assert_eq!(left(&calls, &outcome).await, expected(), "{said:#?}");
    assert_eq!(fake.refused(), []);
    assert_eq!(sessions(&fake), 1);
    let lines = lines(&calls, &outcome).await;
    assert_eq!(lines[0].kind.as_deref(), Some("disclosure"));
    assert!(lines.iter().all(|line| line.unheard.is_none()), "{lines:#?}");
    let own = "assistant: Claro, con paneles baja más de la mitad. ¿Con quién hablo?";
    assert!(said.iter().any(|line| line == own), "{said:#?}");
    // It was told what our own mouth has said: it knows that the disclosure was made.
    let told = |wanted: &str| {
        count(
            &fake,
            |note| matches!(note, Note::Told { role, text } if role == "assistant" && text.contains(wanted)),
        )
    };
    assert_eq!((told("inteligencia artificial"), told("¿En qué te ayudo?")), (1, 1));
    let sid = outcome.call_sid.as_str();
    let usage = calls.server.app.store.usage(sid).await.expect("a read");
    let own = usage.iter().find(|row| row.provider == "voz").expect("its usage");
    assert!(
        own.input_tokens >= 400 && own.output_tokens >= 200 && own.cached_tokens >= 160,
        "{own:?}"
    );
    let row = calls.server.app.store.call(sid).await.expect("a read").expect("a row");
    assert_eq!(row.tool_calls, Some(4));
}

/// Who talks over its voice is heard, and the service forgets what the caller has not heard.
#[tokio::test]
async fn an_interruption_cuts_what_the_service_remembers() {
    let fake = service(|script| {
        script.replies.insert(
            0,
            Reply::say(
                "recibo",
                "Claro, con paneles baja más de la mitad desde el primer bimestre y duran muchos años sin que hagas nada. ¿Con quién hablo?",
            ),
        );
    })
    .await;
    let calls = server(&fake).await;
    let script = patient().replacen(
        "[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\ntext = \"Me llamo Carlos Herrera.\"",
        "[[step]]\ndo = \"interrupt\"\nafter_ms = 1500\ntext = \"Me llamo Carlos Herrera.\"",
        1,
    );
    let outcome = ring(&calls, &script, |_| {}).await;
    let said = said(&calls, &outcome).await;
    outcome.assert_script_done();
    assert_eq!(left(&calls, &outcome).await, expected(), "{said:#?}");
    assert_eq!(fake.refused(), []);
    let cuts: Vec<(u64, u64)> = fake
        .notes()
        .iter()
        .filter_map(|note| match note {
            Note::Truncated {
                audio_end_ms,
                generated_ms,
            } => Some((*audio_end_ms, *generated_ms)),
            _ => None,
        })
        .collect();
    let [(heard, generated)] = cuts[..] else {
        panic!("{cuts:?}: {said:#?}")
    };
    // The caller has listened for a second and a half before their words, and the answer was made faster than it sounds.
    assert!(
        (1_300..2_800).contains(&heard) && generated > heard + 500,
        "{heard} of {generated}"
    );
    let lines = lines(&calls, &outcome).await;
    let cut = lines.iter().find(|line| line.unheard.is_some()).expect("a cut line");
    assert!(cut.text.starts_with("Claro, con paneles"), "{cut:?}");
    assert!(
        cut.unheard
            .as_deref()
            .is_some_and(|rest| rest.contains("¿Con quién hablo?")),
        "{cut:?}"
    );
}

/// A session ends after an hour: the next one is begun before, and knows what was said.
#[tokio::test]
async fn a_new_session_is_begun_before_the_old_one_expires() {
    let fake = service(|script| script.session_lasts = Duration::from_secs(6)).await;
    let calls = server(&fake).await;
    let outcome = ring(&calls, &patient(), |_| {}).await;
    let said = said(&calls, &outcome).await;
    outcome.assert_script_done();
    assert_eq!(left(&calls, &outcome).await, expected(), "{said:#?}");
    assert!(sessions(&fake) >= 2, "{said:#?}");
    let replayed = count(
        &fake,
        |note| matches!(note, Note::Told { role, text } if role == "user" && text.contains("recibo")),
    );
    assert!(replayed >= 1);
    assert_eq!(fake.refused(), []);
}

/// The service's own detectors only inform the dialogue.
#[tokio::test]
async fn with_the_services_detectors_the_lead_is_the_same() {
    for detection in ["server", "semantic"] {
        let fake = service(|_| {}).await;
        let more = format!("turn_detection = \"{detection}\"\n");
        let file = super::stage::file(&fake, "script", &more);
        let calls = crate::harness::CallServer::start_with(&[("talia.toml", &file)]).await;
        let outcome = ring(&calls, &patient(), |_| {}).await;
        let said = said(&calls, &outcome).await;
        outcome.assert_script_done();
        assert_eq!(left(&calls, &outcome).await, expected(), "{detection}: {said:#?}");
        assert_eq!(fake.refused(), [], "{detection}");
    }
}
