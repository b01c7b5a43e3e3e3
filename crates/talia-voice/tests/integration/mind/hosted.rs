//! A hosted prompt: the service keeps the conversation, and it holds what the caller heard.

use super::talk::{KEY, Talk, hosted, said};
use serde_json::json;
use std::time::Duration;
use talia_dialogue::SpeechKind;
use talia_simulator::providers::models::{Part, Responses};
use talia_voice::brain::Brain as _;

async fn service() -> Responses {
    let service = Responses::start(KEY).await.expect("a port");
    let name = json!({"full_name": "Carlos Herrera"});
    service.mind.answer(
        "carlos",
        vec![Part::say("✓ Un momento."), Part::call("set_full_name", &name)],
    );
    service
        .mind
        .answer("tool:set_full_name", vec![Part::say("Mucho gusto, Carlos.")]);
    service
        .mind
        .answer("duran", vec![Part::say("✓ Duran 25 años. ¿Es para tu casa?")]);
    service
}

#[tokio::test]
async fn only_what_is_new_is_sent_into_the_services_conversation() {
    let service = service().await;
    let mut talk = Talk::with(&[hosted(service.url())]);
    talk.pass(Duration::from_millis(200)).await;
    let answer = talk.say("Soy Carlos Herrera.").await;
    assert_eq!(answer.text(), "Un momento. Mucho gusto, Carlos.");
    talk.pass(Duration::from_millis(50)).await;
    let answer = talk.say("¿Cuánto duran?").await;
    assert_eq!(answer.text(), "Duran 25 años. ¿Es para tu casa?");
    let journal = service.mind.journal();
    assert!(journal.refusals.is_empty(), "{:?}", journal.refusals);
    assert_eq!(journal.requests.len(), 3);
    for request in &journal.requests {
        assert_eq!(request["prompt"], json!({"id": "pmpt_solara", "version": "3"}));
        assert_eq!(request["conversation"], journal.requests[0]["conversation"]);
        assert!(request["instructions"].is_null() && request["model"].is_null());
    }
    // What is true just now, and what is new.
    let new = |request: &serde_json::Value| -> Vec<String> {
        let items = request["input"].as_array().expect("items");
        items
            .iter()
            .skip(1)
            .map(|item| item["type"].as_str().expect("a type").to_owned())
            .collect()
    };
    assert_eq!(new(&journal.requests[0]), ["message"]);
    assert_eq!(new(&journal.requests[1]), ["function_call_output"]);
    assert_eq!(new(&journal.requests[2]), ["message"]);
    talk.end().await;
}

#[tokio::test]
async fn a_cut_answer_is_not_in_the_conversation_that_goes_on() {
    let service = service().await;
    let mut talk = Talk::with(&[hosted(service.url())]);
    talk.pass(Duration::from_millis(200)).await;
    talk.only_say("¿Cuánto duran?").await;
    talk.brain
        .heard(&said("Duran", Some("25 años. ¿Es para tu casa?"), SpeechKind::Answer));
    talk.pass(Duration::from_millis(200)).await;
    talk.say("Espera.").await;
    let journal = service.mind.journal();
    assert!(journal.refusals.is_empty(), "{:?}", journal.refusals);
    let (first, second) = (&journal.requests[0], &journal.requests[1]);
    assert_ne!(first["conversation"], second["conversation"]);
    let input = second["input"].to_string();
    assert!(input.contains("\"Duran\"") && !input.contains("25 años"), "{input}");
    talk.end().await;
}
