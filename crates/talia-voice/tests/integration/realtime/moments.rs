//! Moments of a call that no model decides about: breaks, people, refusals, and who hears.

use super::stage::{KEY, file, ring, ring_until_it_dies, said, server, service, sessions, vocabulary};
use crate::harness::CallServer;
use crate::mixes::{expected, left, patient};
use crate::transfers::{PERSON, PRESSES_0, person, with_a_person};
use serde_json::json;
use std::time::Duration;
use talia_simulator::cut::{Cut, CutAt};
use talia_simulator::people::Pickup;
use talia_simulator::providers::openai_realtime::{Note, Reply};
use talia_simulator::providers::stt::{FakeStt, SttKind, SttSettings};
use talia_simulator::settings::Secret;

/// The telephone's stream is cut: the call comes back, and a new session goes on where the old one was.
#[tokio::test]
async fn a_call_whose_stream_was_cut_goes_on_with_a_new_session() {
    let fake = service(|_| {}).await;
    let calls = server(&fake).await;
    let cut = Cut {
        stream: Some(1),
        at: CutAt::Ms(9_000),
        abrupt: true,
    };
    let outcome = ring(&calls, &patient(), |plan| plan.cuts = vec![cut]).await;
    let said = said(&calls, &outcome).await;
    outcome.assert_script_done();
    assert_eq!(outcome.streams(), 2);
    assert_eq!(sessions(&fake), 2);
    let mut left = left(&calls, &outcome).await;
    left.said.dedup();
    assert_eq!(left, expected(), "{said:#?}");
    assert_eq!(
        said.iter()
            .filter(|line| line.contains("inteligencia artificial"))
            .count(),
        1,
        "{said:#?}"
    );
    assert_eq!(fake.refused(), []);
}

/// Who wants no calls is promised that in our own words and let go, whatever the model had to say.
#[tokio::test]
async fn who_wants_no_calls_is_let_go() {
    let wants_none = r#"
silence_ms = 900
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Quítenme de su lista."
[[step]]
do = "expect_hang_up"
within_ms = 15000
"#;
    for thinks in [150, 700] {
        let fake = service(|script| {
            script.thinks = Duration::from_millis(thinks);
            script.replies.insert(
                0,
                Reply::say(
                    "lista",
                    "Antes de irte, déjame contarte una promoción. ¿Te interesa saber más?",
                ),
            );
        })
        .await;
        let calls = server(&fake).await;
        let outcome = ring(&calls, wants_none, |_| {}).await;
        let said = said(&calls, &outcome).await;
        outcome.assert_script_done();
        outcome.assert_ended_by_server();
        assert!(
            said.iter().any(|line| line.contains("no te volvemos a llamar")),
            "{thinks}: {said:#?}"
        );
        assert!(
            !said.iter().any(|line| line.contains("saber más")),
            "{thinks}: {said:#?}"
        );
        let listed = calls.server.app.store.do_not_call(10).await.expect("a read");
        assert_eq!(listed.len(), 1, "{thinks}");
        assert_eq!(fake.refused(), [], "{thinks}");
    }
}

/// Who only wants no calls before five has not finished when they pause: they are heard out, and talked with.
#[tokio::test]
async fn who_goes_on_after_the_refusal_is_not_let_go() {
    let goes_on = r#"
silence_ms = 900
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "No me llamen"
[[step]]
do = "silence"
ms = 950
[[step]]
do = "say"
text = "antes de las cinco. Quiero bajar mi recibo de luz."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "hang_up"
"#;
    let fake = service(|script| {
        script.writes_down_after = Duration::from_millis(600);
        script.replies = vec![
            Reply::say("recibo", "Claro, con paneles baja más de la mitad. ¿Con quién hablo?"),
            Reply::say("llamen", "¿De qué empresa?").calling("set_company_name", json!({"company_name": "Ninguna"})),
        ];
    })
    .await;
    let calls = server(&fake).await;
    let outcome = ring(&calls, goes_on, |_| {}).await;
    let said = said(&calls, &outcome).await;
    outcome.assert_script_done();
    assert!(said.iter().any(|line| line.contains("con paneles")), "{said:#?}");
    assert!(
        !said.iter().any(|line| line.contains("no te volvemos a llamar")),
        "{said:#?}"
    );
    assert_eq!(calls.server.app.store.do_not_call(10).await.expect("a read").len(), 0);
    assert_eq!(fake.refused(), []);
}

/// Nobody takes the transfer: it comes back, excuses itself, and the model takes the message.
#[tokio::test]
async fn when_nobody_takes_the_transfer_the_model_takes_the_message() {
    let fake = service(|script| {
        script.replies.insert(
            0,
            Reply::say("0]", "")
                .after("Con gusto, te comunico. Un momento, por favor.")
                .calling(
                    "transfer_to_person",
                    json!({"destination": "ventas", "reason": "quiere hablar con una persona"}),
                ),
        );
        script.otherwise = "¿Con quién hablo?".to_owned();
    })
    .await;
    let calls = CallServer::start_with_rest(&[("talia.toml", &file(&fake, "script", &with_a_person()))]).await;
    let (carrier, _api) = calls.carrier_with(|_| {});
    let mut nobody = person(0).await;
    nobody.pickup = Pickup::NoAnswer;
    carrier.put_person(PERSON, nobody);
    let script = PRESSES_0.replace("silence_ms = 500", "silence_ms = 900");
    let speaker = talia_simulator::providers::tone_words::ToneWordSpeaker(vocabulary());
    let outcome = calls.ring_speaking(&carrier, &script, &speaker, |_| {}).await;
    calls.nothing_lives().await;
    let said = said(&calls, &outcome).await;
    outcome.assert_script_done();
    let place = |start: &str| said.iter().position(|line| line.contains(start));
    assert!(place("te comunico").is_some(), "{said:#?}");
    assert!(place("te comunico") < place("ahora no me contestan"), "{said:#?}");
    // On a busy machine the caller may begin before its end is said.
    assert!(place("ahora no me contestan") < place("¿Con quién"), "{said:#?}");
    let left = left(&calls, &outcome).await;
    assert_eq!(left.name, expected().name, "{said:#?}");
    assert_eq!(fake.refused(), []);
    assert_eq!(sessions(&fake), 2);
}

/// While it hears by itself, no recogniser is connected; once it is gone, the configured one hears.
#[tokio::test]
async fn recognisers_are_only_paid_once_they_are_needed() {
    let settings = || SttSettings {
        key: Secret::new(KEY),
        vocabulary: vocabulary(),
        idle: Duration::from_secs(10),
    };
    for dies in [false, true] {
        let fake = service(|_| {}).await;
        let ears = FakeStt::start(SttKind::Deepgram, settings()).await.expect("a port");
        let more = format!(
            "[speech]\nears = \"deepgram\"\n[accounts.oye]\nurl = \"{}\"\nkey = \"{KEY}\"\n[providers.deepgram]\naccount = \"oye\"\n",
            ears.url()
        );
        let calls = CallServer::start_with(&[("talia.toml", &file(&fake, "script", &more))]).await;
        let outcome = if dies {
            ring_until_it_dies(&calls, &fake, |note| matches!(note, Note::Asked)).await
        } else {
            ring(&calls, &patient(), |_| {}).await
        };
        let said = said(&calls, &outcome).await;
        let left = left(&calls, &outcome).await;
        assert_eq!((left.name, left.said), (expected().name, expected().said), "{said:#?}");
        assert_eq!(ears.journal().len(), usize::from(dies), "{said:#?}");
        // What only the service had heard is written down on this machine, and that is booked.
        let usage = calls.server.app.store.usage(outcome.call_sid.as_str()).await;
        let local = usage.expect("a read").into_iter().find(|row| row.provider == "perfect");
        assert_eq!(local.is_some_and(|row| row.heard_ms > 500), dies, "{said:#?}");
    }
}
