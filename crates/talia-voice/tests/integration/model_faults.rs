//! F7 to F10 and F12 of the fault catalogue through the whole server: how long the caller is left in silence when models
//! fail, and that the call ends in its lead all the same.

use crate::harness::CallServer;
use serde_json::json;
use std::time::Duration;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::providers::company_tools::CompanyTools;
use talia_simulator::providers::models::{ChatCompletions, Fault, Part};
use tempfile::TempDir;

const KEY: &str = "sk-test";
/// How long the caller waits for more before speaking: longer than any wait behind a filler.
const PATIENCE_MS: u64 = 3_000;

/// The caller asks twice and says goodbye, and waits after a filler: the silence behind it is measured too.
const CALLER: &str = r#"
silence_ms = 3000
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
text = "Gracias, adiós."
[[step]]
do = "expect_hang_up"
within_ms = 15000
"#;

/// The caller asks for something that only the company knows, and wants no calls.
const WANTS_NO_CALLS: &str = r#"
silence_ms = 600
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "¿Tienen paneles?"
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Quítenme de su lista."
[[step]]
do = "expect_hang_up"
within_ms = 15000
"#;

const SCHEMA: &str = r#"{"type":"object","properties":{"model":{"type":"string"}},"required":["model"]}"#;

async fn model() -> ChatCompletions {
    let model = ChatCompletions::start(KEY).await.expect("a port");
    model
        .mind
        .take_time(Duration::from_millis(200), Duration::from_millis(15));
    model.mind.answer(
        "recibo",
        vec![Part::say(
            "✓ Claro, con paneles baja más de la mitad. ¿Con quién hablo?",
        )],
    );
    let name = json!({"full_name": "Carlos Herrera"});
    model.mind.answer("carlos", vec![Part::call("set_full_name", &name)]);
    model
        .mind
        .answer("tool:set_full_name", vec![Part::say("Mucho gusto, Carlos. ¿Algo más?")]);
    model.mind.answer(
        "adiós",
        vec![
            Part::say("✓ Gracias a ti. ¡Hasta luego!"),
            Part::call("end_call", &json!({})),
        ],
    );
    model.mind.answer("tool:end_call", vec![Part::say("¡Hasta luego!")]);
    model
}

/// A server whose first model fails so, and whose second one is well.
async fn call_with(first: Option<Fault>, second: Option<Fault>) -> (CallServer, CallOutcome, [ChatCompletions; 2]) {
    let models = [model().await, model().await];
    models[0].mind.misbehave(first);
    models[1].mind.misbehave(second);
    let settings = format!(
        "[brain]\nchain = \"uno, dos, script\"\n\
         [accounts.uno]\nurl = \"{}\"\nkey = \"{KEY}\"\n[accounts.dos]\nurl = \"{}\"\nkey = \"{KEY}\"\n\
         [providers.uno]\nkind = \"openai-chat\"\naccount = \"uno\"\nmodel = \"uno\"\n\
         [providers.dos]\nkind = \"openai-chat\"\naccount = \"dos\"\nmodel = \"dos\"\n",
        models[0].url(),
        models[1].url(),
    );
    let calls = CallServer::start_with(&[("talia.toml", &settings)]).await;
    let outcome = calls.ring(CALLER).await;
    calls.nothing_lives().await;
    (calls, outcome, models)
}

/// The service sees the end of our connections a moment after us; two seconds after the call nothing may run.
async fn nothing_runs(name: &str, model: &ChatCompletions) {
    let over = async {
        let mut pulse = tokio::time::interval(Duration::from_millis(5));
        while model.mind.journal().running > 0 {
            pulse.tick().await;
        }
    };
    let over = tokio::time::timeout(Duration::from_secs(2), over).await;
    assert!(over.is_ok(), "{name}: a request outlives its call");
}

/// One row of the closing note's table. The caller's own silences are [`PATIENCE_MS`] long.
fn report(name: &str, outcome: &CallOutcome) {
    let silences = outcome.silences();
    let (awaited, any) = (silences.awaited_ms, silences.any_ms);
    println!("{name:<28} longest silence {awaited:>5} ms, of anybody {any:>5} ms");
}

/// Nor is the caller left in silence behind a filler or in the middle of an answer.
fn assert_no_gap(name: &str, outcome: &CallOutcome) {
    let any_ms = outcome.silences().any_ms;
    assert!(any_ms <= PATIENCE_MS + 500, "{name}: a silence of {any_ms} ms");
}

async fn lead_name(calls: &CallServer, outcome: &CallOutcome) -> Option<String> {
    let sid = outcome.call_sid.as_str();
    let leads = calls.server.app.store.lead(sid).await.expect("a read");
    leads.and_then(|lead| lead.name)
}

async fn survives(name: &str, fault: Fault, most_ms: u64) {
    let (calls, outcome, models) = call_with(Some(fault), None).await;
    report(name, &outcome);
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    outcome.assert_no_warnings();
    outcome.assert_never_left_in_silence(most_ms);
    assert_no_gap(name, &outcome);
    assert_eq!(
        lead_name(&calls, &outcome).await.as_deref(),
        Some("Carlos Herrera"),
        "{name}"
    );
    // Nor does a probe: what runs now is a call's.
    calls.server.app.draining.cancel();
    for model in &models {
        let journal = model.mind.journal();
        assert!(journal.refusals.is_empty(), "{name}: {:?}", journal.refusals);
        assert!(journal.most_at_once <= 1, "{name}");
        nothing_runs(name, model).await;
    }
}

#[tokio::test]
async fn a_call_with_a_model_ends_in_its_lead() {
    let (calls, outcome, models) = call_with(None, None).await;
    report("no fault", &outcome);
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    outcome.assert_never_left_in_silence(2_000);
    assert_eq!(lead_name(&calls, &outcome).await.as_deref(), Some("Carlos Herrera"));
    let lines = calls
        .server
        .app
        .store
        .transcript(outcome.call_sid.as_str())
        .await
        .expect("a read");
    assert_eq!(lines[0].kind.as_deref(), Some("disclosure"));
    assert!(lines.iter().any(|line| line.text == "Mucho gusto,"), "{lines:#?}");
    let first = models[0].mind.journal();
    assert!(first.refusals.is_empty(), "{:?}", first.refusals);
    assert!(first.greetings >= 1, "a connection was opened while the telephone rang");
    assert!(models[1].mind.journal().requests.is_empty());
}

/// What the company has written down, its own tools and its list of numbers are there for a model too.
#[tokio::test]
async fn a_model_knows_and_does_what_the_company_gave_it() {
    let company = CompanyTools::start().await.expect("a server");
    let model = model().await;
    model
        .mind
        .answer("paneles", vec![Part::call("existencias", &json!({"model": "A1"}))]);
    model
        .mind
        .answer("tool:existencias", vec![Part::say("Sí hay. ¿Con quién hablo?")]);
    let assistants = TempDir::new().expect("a folder");
    let folder = assistants.path();
    let named = include_str!("fixtures/breve.toml").replacen("id = ", "tools = [\"existencias\"]\nid = ", 1);
    std::fs::write(folder.join("breve.toml"), named).expect("a file");
    std::fs::create_dir_all(folder.join("breve/knowledge")).expect("a folder");
    let hours = "# Horario\n\nAbrimos los sábados hasta las dos.\n";
    std::fs::write(folder.join("breve/knowledge/horario.md"), hours).expect("a file");
    let settings = format!(
        "[brain]\nchain = \"uno, script\"\n[accounts.uno]\nurl = \"{}\"\nkey = \"{KEY}\"\n\
         [providers.uno]\nkind = \"openai-chat\"\naccount = \"uno\"\nmodel = \"uno\"\n\
         [[tools]]\nid = \"existencias\"\ndescription = \"Cuántos hay.\"\nmethod = \"GET\"\n\
         url = \"http://{at}/stock/{{model}}\"\nparameters = '{SCHEMA}'\n\
         [tool_network]\nports = \"{port}\"\nprivate = \"127.0.0.0/8\"\n",
        model.url(),
        at = company.address,
        port = company.address.port(),
    );
    let folder = folder.display().to_string();
    let calls = CallServer::start_with(&[("talia.toml", &settings), ("TALIA_ASSISTANTS", &folder)]).await;
    let outcome = calls.ring(WANTS_NO_CALLS).await;
    calls.nothing_lives().await;
    outcome.assert_script_done();
    outcome.assert_ended_by_server();
    let asked: Vec<String> = company.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(asked, ["/stock/A1"]);
    let journal = model.mind.journal();
    assert!(journal.refusals.is_empty(), "{:?}", journal.refusals);
    let request = journal.requests.first().expect("a request").to_string();
    for part in ["sábados hasta las dos", "set_email", "end_call", "existencias"] {
        assert!(request.contains(part), "{part}: {request}");
    }
    let store = &calls.server.app.store;
    let listed = store.do_not_call(10).await.expect("a read");
    let numbers: Vec<&str> = listed.iter().map(|row| row.number.as_str()).collect();
    assert_eq!(numbers, ["+525512345678"]);
    let sid = outcome.call_sid.as_str();
    let lines = store.transcript(sid).await.expect("a read");
    assert!(lines.iter().any(|line| line.text == "Sí hay."), "{lines:#?}");
    let call = store.call(sid).await.expect("a read").expect("a row");
    assert_eq!(call.tool_calls, Some(1));
}

#[tokio::test]
async fn f7_no_first_token() {
    tokio::join!(
        survives("F7 no headers", Fault::NoHeaders, 4_000),
        survives("F7 headers only", Fault::HeadersOnly, 4_000),
        survives("F7 keep-alives", Fault::KeepAlives, 4_000),
        survives("F7 role only", Fault::RoleOnly, 4_000),
        survives("F7 reasoning only", Fault::ReasoningOnly, 4_000),
    );
}

#[tokio::test]
async fn f8_starts_and_stalls() {
    tokio::join!(
        survives(
            "F8 a token in five seconds",
            Fault::Dribble(Duration::from_secs(5)),
            4_000
        ),
        survives("F8 stalls after 2 tokens", Fault::StallAfter(2), 4_000),
        survives("F8 stalls after 6 tokens", Fault::StallAfter(6), 4_000),
        survives("F8 reset after 3 tokens", Fault::ResetAfter(3), 4_000),
    );
}

#[tokio::test]
async fn f9_refusals() {
    let status = |code, retry_after| Fault::Status { code, retry_after };
    tokio::join!(
        survives("F9 429", status(429, None), 3_000),
        survives("F9 429 after 20 s", status(429, Some(20)), 3_000),
        survives("F9 503", status(503, None), 3_000),
        survives("F9 529 after 5 s", status(529, Some(5)), 3_000),
        survives("F9 401", status(401, None), 3_000),
    );
}

#[tokio::test]
async fn f10_no_answers() {
    tokio::join!(
        survives("F10 malformed events", Fault::MalformedEvents, 4_000),
        survives("F10 HTML", Fault::Html, 4_000),
        survives("F10 an empty answer", Fault::Empty, 4_000),
        survives("F10 cut characters", Fault::CutCharacters, 4_000),
    );
}

#[tokio::test]
async fn with_all_models_gone_the_caller_is_served_by_the_script() {
    let silent = [
        (Fault::NoHeaders, Fault::KeepAlives),
        (
            Fault::Html,
            Fault::Status {
                code: 503,
                retry_after: None,
            },
        ),
    ];
    let calls = silent.map(|(first, second)| async move {
        let (calls, outcome, _models) = call_with(Some(first.clone()), Some(second)).await;
        report(&format!("all gone ({first:?})"), &outcome);
        outcome.assert_ended_by_server();
        outcome.assert_never_left_in_silence(4_000);
        assert_no_gap(&format!("{first:?}"), &outcome);
        assert_eq!(lead_name(&calls, &outcome).await.as_deref(), Some("Carlos Herrera"));
        let lines = calls
            .server
            .app
            .store
            .transcript(outcome.call_sid.as_str())
            .await
            .expect("a read");
        let said: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert!(said.iter().any(|text| text.contains("un pequeño problema")), "{said:?}");
    });
    futures::future::join_all(calls).await;
}
