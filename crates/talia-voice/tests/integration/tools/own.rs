//! Tools of the company's own over HTTP: what is sent, what is not, and how often.

use super::Call;
use std::time::Duration;
use talia_simulator::providers::company_tools::{CompanyTools, Manner};
use talia_voice::brain::Thought;
use talia_voice::brain::tools::Toolbox;
use talia_voice::brain::tools::act_log::ActState;
use talia_voice::telemetry::labels::ToolVerdict;

/// One that asks and one that acts, on this machine.
pub(crate) fn declared(server: &CompanyTools) -> String {
    let address = server.address;
    let port = address.port();
    format!(
        r#"
[[tools]]
id = "existencias"
description = "Cuántos hay."
method = "GET"
url = "http://{address}/stock/{{model}}?lang=es"
parameters = '''{{"type":"object","properties":{{"model":{{"type":"string","maxLength":40}},"color":{{"type":"string"}}}},"required":["model"]}}'''
headers = {{ authorization = "Bearer ${{ERP_KEY}}" }}
timeout_s = 2

[[tools]]
id = "apartar"
description = "Aparta una visita."
url = "http://{address}/visits"
parameters = '''{{"type":"object","properties":{{"day":{{"type":"string","pattern":"^[a-z]+$"}}}},"required":["day"]}}'''
confirm = "¿Confirmo tu visita para el {{day}}?"
timeout_s = 2

[[tools]]
id = "anotar"
description = "Anota una queja."
url = "http://{address}/notes"
parameters = '''{{"type":"object","properties":{{"text":{{"type":"string"}}}},"required":["text"]}}'''
reversible = true
timeout_s = 2

[tool_network]
ports = "{port}"
private = "127.0.0.0/8"
"#
    )
}

pub(crate) const NAMED: &str = r#"tools = ["existencias", "apartar", "anotar"]"#;

async fn server_and_call() -> (CompanyTools, Call) {
    let server = CompanyTools::start().await.expect("a server");
    let call = Call::new(&declared(&server), NAMED);
    (server, call)
}

/// Asks for a visit until the caller has said yes to it.
async fn agreed(call: &mut Call, arguments: &str) {
    let first = call.wish("apartar", arguments).await;
    let Some(Thought::Say { text, .. }) = first.thoughts.first() else {
        panic!("{first:?}")
    };
    call.talia(text);
    call.caller("Sí, confirmo.");
}

#[tokio::test]
async fn arguments_go_into_path_query_and_body_and_the_secret_into_its_header() {
    let (server, mut call) = server_and_call().await;
    let answer = call
        .wish("existencias", r#"{"model":"A 1/ñ?&#","color":"a&b=c"}"#)
        .await;
    assert_eq!(answer.output, r#"{"ok":true}"#);
    agreed(&mut call, r#"{"day":"lunes"}"#).await;
    assert_eq!(
        call.wish("apartar", r#"{"day":"lunes"}"#).await.output,
        r#"{"ok":true}"#
    );
    let [asked, acted] = &server.requests()[..] else {
        panic!("{:?}", server.requests())
    };
    assert_eq!(asked.method, "GET");
    assert_eq!(asked.target, "/stock/A%201%2F%C3%B1%3F%26%23?lang=es&color=a%26b%3Dc");
    assert_eq!(asked.headers["authorization"], "Bearer canary-secret");
    assert!(!asked.headers.contains_key("idempotency-key"));
    assert_eq!((acted.method.as_str(), acted.target.as_str()), ("POST", "/visits"));
    assert_eq!(acted.body, r#"{"day":"lunes"}"#);
    assert_eq!(acted.headers["idempotency-key"].len(), 64);
    assert!(
        !acted.headers.contains_key("authorization"),
        "each tool has its own headers"
    );
}

#[tokio::test]
async fn a_part_of_the_path_cannot_climb_or_be_nothing() {
    let (server, mut call) = server_and_call().await;
    for model in ["..", ".", "", "...", "../admin", "..\\\\admin", "a/../../b"] {
        call.wish("existencias", &format!(r#"{{"model":"{model}"}}"#)).await;
    }
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[tokio::test]
async fn what_acts_needs_a_yes_to_its_own_question_with_these_very_arguments() {
    let (server, mut call) = server_and_call().await;
    let first = call.wish("apartar", r#"{"day":"lunes"}"#).await;
    let Some(Thought::Say { text, .. }) = first.thoughts.first() else {
        panic!("{first:?}")
    };
    assert_eq!(text, "¿Confirmo tu visita para el lunes?");
    assert!(first.ends_turn);
    call.talia(text);
    call.caller("Sí.");
    // The yes was to Monday.
    call.wish("apartar", r#"{"day":"martes"}"#).await;
    call.wish("apartar", r#"{"day":"lunes"}"#).await;
    assert!(
        server.requests().is_empty(),
        "another question makes the first yes void"
    );
    call.caller("A ver.");
    agreed(&mut call, r#"{"day":"lunes"}"#).await;
    call.wish("apartar", r#"{ "day" : "lunes" }"#).await;
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_value_cannot_end_the_question_that_it_stands_in() {
    let server = CompanyTools::start().await.expect("a server");
    let toml = declared(&server).replace("\"pattern\":\"^[a-z]+$\"", "\"maxLength\":400");
    let mut call = Call::new(&toml, NAMED);
    let first = call
        .wish("apartar", r#"{"day":"lunes? ¿Te gusta el sol?\u0007 ¿O qué"}"#)
        .await;
    let Some(Thought::Say { text, .. }) = first.thoughts.first() else {
        panic!("{first:?}")
    };
    assert_eq!(text, "¿Confirmo tu visita para el lunes Te gusta el sol O qué?");
}

#[tokio::test]
async fn the_same_act_is_done_once_a_call_though_its_process_changes() {
    let (server, mut call) = server_and_call().await;
    for _ in 0..5 {
        call.wish("anotar", r#"{"text":"tarde"}"#).await;
        call.caller("Otra vez.");
        call.resumed();
    }
    assert_eq!(server.requests().len(), 1);
    assert_eq!(call.metrics.tool_used_count(ToolVerdict::Repeated), 4);
    call.wish("anotar", r#"{"text":"otra cosa"}"#).await;
    assert_eq!(server.requests().len(), 2);
    assert_ne!(
        server.requests()[0].headers["idempotency-key"],
        server.requests()[1].headers["idempotency-key"]
    );
}

#[tokio::test]
async fn fifty_at_once_are_one() {
    let (server, mut call) = server_and_call().await;
    server.behave(Manner::WhenLetGo);
    let all: Vec<_> = (0..50)
        .map(|_| {
            let wish = call.call("anotar", r#"{"text":"tarde"}"#);
            call.tools.begin(wish)
        })
        .collect();
    crate::harness::eventually("a request", async || !server.requests().is_empty()).await;
    server.let_go();
    for outcome in futures::future::join_all(all).await {
        assert_eq!(outcome.output, r#"{"ok":true}"#);
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn one_that_hangs_is_given_up_in_time_and_not_tried_again_when_it_acts() {
    let (server, mut call) = server_and_call().await;
    server.behave(Manner::Hang);
    let asked = call.wish("existencias", r#"{"model":"a"}"#).await;
    assert!(asked.output.contains("did not answer in time"), "{}", asked.output);
    let acted = call.wish("anotar", r#"{"text":"tarde"}"#).await;
    assert!(acted.output.contains("not known whether"), "{}", acted.output);
    server.behave(Manner::Answer(200, "application/json", "{}".to_owned()));
    call.caller("¿Ya?");
    let again = call.wish("anotar", r#"{"text":"tarde"}"#).await;
    assert!(again.output.contains("not known whether"), "{}", again.output);
    assert_eq!(server.requests().len(), 2);
    assert_eq!(call.log.states(), [ActState::Unknown]);
    assert_eq!(call.metrics.tool_used_count(ToolVerdict::TimedOut), 2);
}

#[tokio::test]
async fn a_result_that_nobody_waits_for_is_dropped_and_the_act_stands() {
    let (server, mut call) = server_and_call().await;
    server.behave(Manner::WhenLetGo);
    let wish = call.call("anotar", r#"{"text":"tarde"}"#);
    drop(call.tools.begin(wish));
    crate::harness::eventually("a request", async || !server.requests().is_empty()).await;
    server.let_go();
    crate::harness::eventually("its end", async || call.log.states() == [ActState::Done]).await;
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn nothing_runs_on_when_the_call_is_over() {
    let (server, mut call) = server_and_call().await;
    server.behave(Manner::Hang);
    let wish = call.call("anotar", r#"{"text":"tarde"}"#);
    let doing = call.tools.begin(wish);
    crate::harness::eventually("a request", async || !server.requests().is_empty()).await;
    let (log, metrics) = (call.log.clone(), call.metrics.clone());
    drop(call);
    doing.await;
    assert_eq!(log.states(), [ActState::Unknown]);
    assert_eq!(metrics.tool_used_count(ToolVerdict::CallOver), 1);
}

#[tokio::test]
async fn what_surely_did_not_happen_may_be_tried_again() {
    let (server, mut call) = server_and_call().await;
    server.behave(Manner::Answer(422, "application/json", "{}".to_owned()));
    let failed = call.wish("anotar", r#"{"text":"tarde"}"#).await;
    assert!(failed.output.contains("422"), "{}", failed.output);
    server.behave(Manner::Answer(200, "text/plain", "anotado".to_owned()));
    call.caller("¿Y ahora?");
    assert_eq!(call.wish("anotar", r#"{"text":"tarde"}"#).await.output, "anotado");
    let [first, second] = &server.requests()[..] else {
        panic!()
    };
    assert_eq!(first.headers["idempotency-key"], second.headers["idempotency-key"]);
}

#[tokio::test]
async fn answers_that_make_no_sense_are_told_as_such() {
    let (server, mut call) = server_and_call().await;
    let long = "x".repeat(20_000);
    for (manner, verdict) in [
        (Manner::Cut, ToolVerdict::Broken),
        (Manner::Endless, ToolVerdict::TooLarge),
        (Manner::Answer(200, "image/png", "PNG".to_owned()), ToolVerdict::Broken),
        (Manner::Answer(500, "text/html", "<h1>".to_owned()), ToolVerdict::Failed),
        (Manner::Redirect("http://127.0.0.1:9/".to_owned()), ToolVerdict::Failed),
    ] {
        server.behave(manner.clone());
        call.caller("A ver.");
        let before = call.metrics.tool_used_count(verdict);
        let outcome = call.wish("existencias", r#"{"model":"a"}"#).await;
        assert!(
            outcome.output.starts_with("It did not work"),
            "{manner:?}: {}",
            outcome.output
        );
        assert_eq!(call.metrics.tool_used_count(verdict), before + 1, "{manner:?}");
    }
    server.behave(Manner::Answer(200, "text/plain", long));
    call.caller("A ver.");
    assert!(call.wish("existencias", r#"{"model":"a"}"#).await.output.len() < 8_100);
}

#[tokio::test]
async fn arguments_are_checked_before_anything_is_sent() {
    let (server, mut call) = server_and_call().await;
    let long = format!(r#"{{"model":"{}"}}"#, "x".repeat(9_000));
    for (arguments, verdict) in [
        ("", ToolVerdict::ArgumentsUnfit),
        ("nonsense", ToolVerdict::ArgumentsNotJson),
        (r#"{"model":"#, ToolVerdict::ArgumentsNotJson),
        (r#"["a"]"#, ToolVerdict::ArgumentsUnfit),
        (r#"{"model":5}"#, ToolVerdict::ArgumentsUnfit),
        (r#"{"model":"a","call_sid":"CA1"}"#, ToolVerdict::ArgumentsUnfit),
        (r#"{"model":"a","tenant":"otra"}"#, ToolVerdict::ArgumentsUnfit),
        (
            r#"{"model":"a","url":"http://127.0.0.1/"}"#,
            ToolVerdict::ArgumentsUnfit,
        ),
        (&long, ToolVerdict::ArgumentsTooLong),
    ] {
        let before = call.metrics.tool_used_count(verdict);
        call.wish("existencias", arguments).await;
        assert_eq!(call.metrics.tool_used_count(verdict), before + 1, "{arguments:.40}");
    }
    call.wish("shell", r#"{"command":"ls"}"#).await;
    assert_eq!(call.metrics.tool_used_count(ToolVerdict::UnknownTool), 1);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_assistant_has_only_the_tools_that_it_names() {
    let server = CompanyTools::start().await.expect("a server");
    let mut call = Call::new(&declared(&server), r#"tools = ["anotar"]"#);
    assert!(call.tools.specs().iter().all(|spec| spec.name != "existencias"));
    call.wish("existencias", r#"{"model":"a"}"#).await;
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_time_limit_is_the_tools_own() {
    let (server, mut call) = server_and_call().await;
    server.behave(Manner::Hang);
    let clock = talia_voice::clock::Clock::real();
    call.wish("existencias", r#"{"model":"a"}"#).await;
    let took = clock.elapsed();
    assert!(
        (Duration::from_millis(1_900)..Duration::from_secs(4)).contains(&took),
        "{took:?}"
    );
}
