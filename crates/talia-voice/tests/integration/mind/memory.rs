//! What a model remembers is what the caller heard, and a broken conversation goes on with it.

use super::talk::{KEY, Talk, chat, messages, said};
use talia_dialogue::{Cue, CueId, Resumption, SpeechKind};
use talia_simulator::providers::models::{ChatCompletions, Part};
use talia_voice::brain::Brain as _;

const LONG: &str = "✓ Los paneles duran 25 años. El inversor dura diez. ¿Es para tu casa?";

async fn long() -> ChatCompletions {
    let model = ChatCompletions::start(KEY).await.expect("a port");
    model.mind.answer("duran", vec![Part::say(LONG)]);
    model
}

fn last(model: &ChatCompletions) -> Vec<(String, String)> {
    messages(&model.mind.journal().requests.pop().expect("a request"))
}

#[tokio::test]
async fn what_was_cut_is_not_remembered() {
    let model = long().await;
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    let answer = talk.only_say("¿Cuánto duran?").await;
    assert_eq!(answer.said.len(), 3);
    talk.brain
        .heard(&said("Los paneles duran 25 años.", None, SpeechKind::Answer));
    let rest = "dura diez. ¿Es para tu casa?";
    talk.brain.heard(&said("El inversor", Some(rest), SpeechKind::Answer));
    talk.say("Espera, ¿y el precio?").await;
    let messages = last(&model);
    assert_eq!(
        messages[2],
        ("assistant".into(), "Los paneles duran 25 años. El inversor".into())
    );
    let (_, words) = &messages[3];
    assert!(
        words.ends_with("[Te interrumpió; no oyó el resto.] Espera, ¿y el precio?"),
        "{words}"
    );
    assert!(!format!("{messages:?}").contains("dura diez"));
    talk.end().await;
}

#[tokio::test]
async fn words_that_go_on_take_back_the_answer_that_nobody_heard() {
    let model = long().await;
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    talk.say("Hola.").await;
    let first = talk.only_say("¿Cuánto duran").await;
    talk.brain.forget(CueId(first.cue));
    talk.brain.heard(&said("", Some(LONG), SpeechKind::Answer));
    let again = talk.turn("¿Cuánto duran los de 500 watts?", Some(CueId(first.cue)));
    talk.ask(again).await;
    let messages = last(&model);
    let users: Vec<&String> = messages
        .iter()
        .filter(|(role, _)| role == "user")
        .map(|(_, text)| text)
        .collect();
    assert_eq!(users.len(), 2, "{messages:?}");
    assert_eq!(*users[0], "Hola.");
    assert!(users[1].ends_with("\n\n¿Cuánto duran los de 500 watts?"));
    assert!(!format!("{messages:?}").contains("25 años."[..].trim()) || messages[0].1.contains("25 años"));
    assert_eq!(messages.iter().filter(|(role, _)| role == "assistant").count(), 1);
    talk.end().await;
}

#[tokio::test]
async fn a_broken_conversation_goes_on_where_the_caller_stopped_hearing() {
    let model = long().await;
    let mut before = Talk::with(&[chat("uno", model.url())]);
    before.only_say("¿Cuánto duran?").await;
    before
        .brain
        .heard(&said("Los paneles duran 25 años.", None, SpeechKind::Answer));
    before.brain.heard(&said(
        "El inversor",
        Some("dura diez. ¿Es para tu casa?"),
        SpeechKind::Answer,
    ));
    let memory = before.brain.memory().expect("a memory");
    before.end().await;

    let mut after = Talk::with(&[chat("uno", model.url())]);
    after.brain.recall(memory.clone()).expect("the same memory");
    let why = Resumption::StreamLost;
    let words = String::new();
    let answer = after.ask(Cue::Resumed { words, why }).await;
    assert_eq!(
        answer.text(),
        "Perdona, se cortó un momento. El inversor dura diez. ¿Es para tu casa?"
    );
    after.end().await;

    // With words that nobody answered, they are answered.
    let mut after = Talk::with(&[chat("uno", model.url())]);
    after.brain.recall(memory).expect("the same memory");
    model.mind.answer("caro", vec![Part::say("✓ Depende de tu consumo.")]);
    let words = "¿Y es muy caro?".to_owned();
    let answer = after.ask(Cue::Resumed { words, why }).await;
    assert_eq!(answer.text(), "Perdona, se cortó un momento. Depende de tu consumo.");
    assert!(format!("{:?}", last(&model)).contains("Los paneles duran 25 años. El inversor"));
    after.end().await;
}

#[tokio::test]
async fn a_silent_caller_and_an_unclear_one_hear_the_question_again_without_a_model() {
    let model = long().await;
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    talk.say("¿Cuánto duran?").await;
    let asked = model.mind.journal().requests.len();
    let nudge = talk.ask(Cue::Silence { nudge: 1 }).await;
    assert!(nudge.text().ends_with("¿Es para tu casa?"), "{nudge:?}");
    let unclear = talk.ask(Cue::NotUnderstood).await;
    assert!(
        unclear.text().ends_with("¿Es para tu casa?") && unclear.said.len() >= 2,
        "{unclear:?}"
    );
    assert_eq!(model.mind.journal().requests.len(), asked);
    let pressed = talk.ask(Cue::Digits("5512".to_owned())).await;
    assert!(!pressed.said.is_empty());
    assert!(
        last(&model)
            .pop()
            .expect("a message")
            .1
            .ends_with("[Marcó en su teléfono: 5512]")
    );
    talk.end().await;
}
