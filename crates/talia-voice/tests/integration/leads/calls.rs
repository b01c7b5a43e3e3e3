//! Whole calls: each field points to the line in which it was heard.

use super::told;
use crate::conversation::HAPPY;
use crate::harness::{BRIEF, CallServer};
use crate::realtime::stage;
use crate::resume::patient;
use serde_json::{Value, json};
use talia_simulator::cut::{Cut, CutAt};
use talia_simulator::outcome::CallOutcome;
use tempfile::TempDir;

/// An e-mail is corrected, a telephone is typed.
const CORRECTS: &str = r#"
silence_ms = 1200
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Quiero bajar mi recibo de luz."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Me llamo Carlos Herrera."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "carlos arroba ejemplo punto com"
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "No, es herrera arroba ejemplo punto com."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Sí, es correcto."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "No, a otro número."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "press"
digits = "5587654321#"
[[step]]
do = "silence"
ms = 5000
[[step]]
do = "say"
text = "Sí, es correcto."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "No, es todo, gracias."
[[step]]
do = "expect_hang_up"
within_ms = 10000
"#;

/// A call as it is shown.
async fn shown(calls: &CallServer, outcome: &CallOutcome) -> Value {
    let answer = calls
        .server
        .get(&format!("/api/voice/calls/{}", outcome.call_sid), &[])
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

/// That a field was heard in the caller's line with this text; the rest of what is known of it.
fn heard_in(whole: &Value, field: &str, text: &str) -> Value {
    let heard = &whole["lead"]["fields"][field];
    let lines = whole["transcript"].as_array().expect("lines");
    let line = lines.iter().find(|line| line["id"] == heard["segment_id"]);
    let line = line.unwrap_or_else(|| panic!("{field} points nowhere: {whole:#}"));
    assert_eq!(
        (&line["speaker"], &line["text"]),
        (&json!("caller"), &json!(text)),
        "{field}"
    );
    assert_eq!(heard["heard_ms"], line["began_ms"], "{field}");
    assert_eq!(heard["lead_id"], whole["lead"]["id"], "{field}");
    json!([heard["origin"], heard["read_back"], heard["confirmed"]])
}

/// What the happy conversation leaves, whatever its line does.
fn happy(whole: &Value) {
    let need = "Quiero bajar mi recibo de luz.";
    assert_eq!(heard_in(whole, "purpose", need), json!(["words", false, false]));
    assert_eq!(
        heard_in(whole, "name", "Me llamo Carlos Herrera."),
        json!(["words", false, false])
    );
    let lead = &whole["lead"];
    // The number of the line was offered, and the caller agreed: no line of theirs gives it.
    assert_eq!(
        lead["fields"]["phone"],
        json!({
            "lead_id": lead["id"], "field": "phone", "origin": "calling_number", "segment_id": null, "heard_ms": null,
            "read_back": true, "confirmed": true,
        })
    );
    assert_eq!(lead["fields"].as_object().expect("fields").len(), 3, "{lead}");
    assert_eq!(
        (&lead["person"], &lead["first_lead_id"]),
        (&json!("+525512345678"), &Value::Null)
    );
}

#[tokio::test]
async fn a_lead_says_in_which_lines_it_was_heard() {
    let calls = CallServer::start().await;
    let outcome = calls.ring(HAPPY).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    happy(&shown(&calls, &outcome).await);
    // It was kept when it was complete.
    let told = told(&calls.server.app.store, outcome.call_sid.as_str()).await;
    assert_eq!(told, [json!(["lead_created", null])]);

    // Who calls again is known.
    let again = calls.ring(HAPPY).await;
    calls.nothing_lives().await;
    let (first, again) = (shown(&calls, &outcome).await, shown(&calls, &again).await);
    assert_eq!(again["lead"]["first_lead_id"], first["lead"]["id"]);
}

#[tokio::test]
async fn a_correction_moves_it_and_keys_are_no_line() {
    let folder = TempDir::new().expect("a folder");
    let phone = "[[questions]]\nfield = \"phone\"";
    let email = "[[questions]]\nfield = \"email\"\nask = [\"¿Tu correo?\"]\n\n";
    let assistant = BRIEF.replacen(phone, &format!("{email}{phone}"), 1);
    std::fs::write(folder.path().join("breve.toml"), assistant).expect("a file");
    let assistants = folder.path().display().to_string();
    let calls = CallServer::start_with(&[("TALIA_ASSISTANTS", &assistants)]).await;
    let outcome = calls.ring(CORRECTS).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let whole = shown(&calls, &outcome).await;
    let lead = &whole["lead"];
    assert_eq!(
        (&lead["email"], &lead["phone"]),
        (&json!("herrera@ejemplo.com"), &json!("+525587654321")),
        "{whole:#}"
    );
    assert_eq!(
        heard_in(&whole, "email", "No, es herrera arroba ejemplo punto com."),
        json!(["words", true, true])
    );
    let phone = &lead["fields"]["phone"];
    assert_eq!(
        json!([
            phone["origin"],
            phone["segment_id"],
            phone["read_back"],
            phone["confirmed"]
        ]),
        json!(["keys", null, true, true]),
        "{whole:#}"
    );
    let lines = whole["transcript"].as_array().expect("lines");
    let refusal = lines
        .iter()
        .find(|line| line["text"] == "No, a otro número.")
        .expect("a line");
    assert!(phone["heard_ms"].as_i64() > refusal["ended_ms"].as_i64(), "{phone}");
    // Kept when the e-mail was confirmed; the telephone came, and then a yes to it.
    assert_eq!(
        told(&calls.server.app.store, outcome.call_sid.as_str()).await,
        [
            json!(["lead_created", null]),
            json!(["lead_updated", ["phone"]]),
            json!(["lead_updated", ["phone"]]),
        ]
    );
}

/// A service that hears by itself names a field before its line is written down.
#[tokio::test]
async fn a_voice_of_its_own_points_to_the_lines_that_come_later() {
    let fake = stage::service(|_| {}).await;
    let calls = stage::server(&fake).await;
    let outcome = stage::ring(&calls, &crate::mixes::patient(), |_| {}).await;
    outcome.assert_script_done();
    happy(&shown(&calls, &outcome).await);
}

#[tokio::test]
async fn a_call_that_goes_on_elsewhere_still_knows_where() {
    for at in [5_000, 9_000, 13_000] {
        let calls = CallServer::start().await;
        let cut = Cut {
            stream: Some(1),
            at: CutAt::Ms(at),
            abrupt: true,
        };
        let outcome = calls.ring_with(&patient(), |plan| plan.cuts = vec![cut]).await;
        outcome.assert_script_done();
        calls.nothing_lives().await;
        let whole = shown(&calls, &outcome).await;
        assert_eq!(whole["call"]["streams"], 2, "{at} ms");
        happy(&whole);
    }
}
