//! Ordinary turns: streaming, tools, unfinished words, answers made ahead.

use super::talk::{KEY, Talk, chat, messages};
use serde_json::json;
use std::time::Duration;
use talia_dialogue::{Cue, CueId, SpeechKind, TurnId};
use talia_simulator::providers::models::{ChatCompletions, Part};
use talia_spanish::Expectation;
use talia_voice::brain::Brain as _;

async fn fake() -> ChatCompletions {
    ChatCompletions::start(KEY).await.expect("a port")
}

#[tokio::test]
async fn the_disclosure_is_the_files_and_no_model_is_asked_for_it() {
    let model = fake().await;
    model.mind.otherwise(vec![Part::say("Soy una persona.")]);
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    let opening = talk.ask(Cue::Opening).await;
    assert_eq!(opening.said[0].2, SpeechKind::Disclosure);
    assert!(opening.text().contains("inteligencia artificial"), "{opening:?}");
    assert!(!opening.text().contains("persona."));
    assert!(model.mind.journal().requests.is_empty());
    talk.end().await;
}

#[tokio::test]
async fn an_answer_is_said_clause_by_clause_while_it_comes() {
    let model = fake().await;
    let token = Duration::from_millis(20);
    model.mind.take_time(Duration::from_millis(50), token);
    model.mind.answer(
        "recibo",
        vec![Part::say(
            "✓ Claro que sí, con paneles tu recibo baja más de la mitad desde el primer bimestre. ¿A qué correo te mando la información?",
        )],
    );
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    let opening = talk.ask(Cue::Opening).await;
    talk.hears(&opening);
    let answer = talk.say("Quiero bajar mi recibo de luz.").await;
    let texts: Vec<&str> = answer.said.iter().map(|(_, text, _)| text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "Claro que sí,",
            "con paneles tu recibo baja más de la mitad desde el primer bimestre.",
            "¿A qué correo te mando la información?",
        ]
    );
    // The first clause does not wait for the sentence, nor the sentence for the answer.
    assert!(answer.said[0].0 + 8 * token < answer.said[1].0, "{answer:?}");
    assert!(answer.said[1].0 + 3 * token < answer.took, "{answer:?}");
    assert_eq!(answer.expects, Some(Expectation::Email));
    assert_eq!(
        answer.used.iter().filter(|usage| !usage.estimated).count(),
        answer.used.len()
    );

    let request = model.mind.journal().requests.remove(0);
    let messages = messages(&request);
    assert_eq!(messages[0].0, "system");
    for part in ["TalIA", "Solara", "25 años de garantía", "Abrimos a las nueve."] {
        assert!(messages[0].1.contains(part), "{part}");
    }
    assert_eq!(messages[1].0, "assistant");
    assert!(messages[1].1.contains("inteligencia artificial"), "{messages:?}");
    let (role, words) = messages.last().expect("a message");
    assert_eq!(role, "user");
    assert!(
        words.ends_with("\n\nQuiero bajar mi recibo de luz.") && words.contains("+525512345678"),
        "{words}"
    );
    assert!(model.mind.journal().refusals.is_empty());
    talk.end().await;
}

#[tokio::test]
async fn a_tool_is_used_and_its_output_told_before_the_answer_goes_on() {
    let model = fake().await;
    let name = json!({"full_name": "Carlos Herrera"});
    model.mind.answer("carlos", vec![Part::call("set_full_name", &name)]);
    model.mind.answer(
        "tool:set_full_name",
        vec![Part::say("✓ Mucho gusto, Carlos. ¿De qué empresa nos llamas?")],
    );
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    let answer = talk.say("Me llamo Carlos Herrera.").await;
    assert_eq!(answer.text(), "Mucho gusto, Carlos. ¿De qué empresa nos llamas?");
    assert_eq!(answer.expects, Some(Expectation::Company));
    assert_eq!(answer.leads.len(), 1);
    assert_eq!(talk.brain.lead().name.as_deref(), Some("Carlos Herrera"));
    // The same wish in another turn has another name, though the service counts from 0 each time.
    talk.say("Sí, Carlos Herrera.").await;
    let ids: Vec<String> = talk
        .used
        .lock()
        .expect("no panic")
        .calls
        .iter()
        .map(|call| call.id.clone())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    let journal = model.mind.journal();
    assert!(journal.refusals.is_empty(), "{:?}", journal.refusals);
    assert_eq!(journal.requests.len(), 4);
    // What is known is told as data.
    let last = messages(&journal.requests[3]);
    assert!(
        last.iter()
            .any(|(role, text)| role == "user" && text.contains("\"name\":\"Carlos Herrera\""))
    );
    talk.end().await;
}

#[tokio::test]
async fn a_turn_of_tools_alone_is_no_failure_and_nobody_is_hung_up_on_without_a_goodbye() {
    let model = fake().await;
    model.mind.answer("adiós", vec![Part::call("end_call", &json!({}))]);
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    let answer = talk.say("Gracias, adiós.").await;
    assert!(answer.ends);
    assert_eq!(answer.said.last().map(|(_, _, kind)| *kind), Some(SpeechKind::Goodbye));
    assert!(answer.text().starts_with("Gracias por llamar a Solara."), "{answer:?}");
    assert!(talk.models.available().contains(&0), "the model is well");
    talk.end().await;
}

#[tokio::test]
async fn a_long_tool_is_excused_and_the_words_behind_it_have_its_output() {
    let model = fake().await;
    model.mind.answer(
        "folio",
        vec![
            Part::say("✓ Déjame ver."),
            Part::call("look_up", &json!({"what": "folio"})),
        ],
    );
    model.mind.answer("tool:look_up", vec![Part::say("Ya lo encontré.")]);
    let mut talk = Talk::slow_tools(&[chat("uno", model.url())], Duration::from_secs(6));
    let answer = talk.say("¿Cómo va mi folio?").await;
    assert_eq!(
        answer.text(),
        "Déjame ver. Permíteme, lo estoy revisando. Ya lo encontré."
    );
    let gaps = answer
        .said
        .windows(2)
        .map(|pair| pair[1].0.saturating_sub(pair[0].0))
        .max();
    assert!(gaps < Some(Duration::from_secs(6)), "{answer:?}");
    talk.end().await;
}

#[tokio::test]
async fn unfinished_words_are_not_answered_before_they_were_waited_for() {
    let model = fake().await;
    model.mind.answer("mi correo es", vec![Part::say("○")]);
    model.mind.answer("déjame pensar", vec![Part::say("◐ Claro")]);
    let mut thinking = Talk::with(&[chat("uno", model.url())]);
    assert_eq!(thinking.only_say("Déjame pensar").await.not_yet, Some(true));
    thinking.end().await;
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    let first = talk.only_say("Pues mi correo es").await;
    assert_eq!((first.not_yet, first.said.len()), (Some(false), 0));
    // Nothing more came: the same words are asked about again, and answered.
    let again = talk.turn("Pues mi correo es", Some(CueId(first.cue)));
    let answer = talk.ask(again).await;
    assert_eq!(answer.not_yet, None);
    assert!(!answer.said.is_empty(), "somebody answers: {answer:?}");
    let request = model.mind.journal().requests.pop().expect("a request");
    let (_, words) = messages(&request).pop().expect("a message");
    assert!(words.contains("Ya se esperó"), "{words}");
    assert_eq!(words.matches("Pues mi correo es").count(), 1, "{words}");
    talk.end().await;
}

#[tokio::test]
async fn an_answer_made_ahead_is_used_for_the_same_words_and_only_for_them() {
    let model = fake().await;
    model.mind.take_time(Duration::from_millis(300), Duration::ZERO);
    model.mind.answer(
        "carlos",
        vec![Part::call("set_full_name", &json!({"full_name": "Carlos"}))],
    );
    model.mind.answer("garantía", vec![Part::say("✓ Son 25 años.")]);
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    talk.brain.prepare(TurnId(1), "¿Qué garantía dan", None);
    talk.pass(Duration::from_millis(400)).await;
    let answer = talk.say("¿Qué garantía dan?").await;
    assert_eq!(answer.text(), "Son 25 años.");
    assert!(
        answer.began() < Duration::from_millis(50),
        "it was there already: {answer:?}"
    );
    assert_eq!(model.mind.journal().requests.len(), 1);

    // A tool that was wished for ahead is not used before the turn is over.
    talk.brain.prepare(TurnId(2), "Me llamo Carlos", None);
    talk.pass(Duration::from_millis(500)).await;
    assert_eq!(talk.used.lock().expect("no panic").calls.len(), 0);
    // Other words: what was made ahead is thrown away.
    let answer = talk.say("¿Y qué garantía dan?").await;
    assert_eq!(answer.text(), "Son 25 años.");
    assert!(answer.began() >= Duration::from_millis(250));
    assert_eq!(talk.used.lock().expect("no panic").calls.len(), 0);
    talk.end().await;
}

#[tokio::test]
async fn who_does_not_want_to_be_called_is_told_so_and_let_go_without_a_model() {
    let model = fake().await;
    model.mind.otherwise(vec![Part::say("✓ ¿Y a qué hora te llamo?")]);
    let mut talk = Talk::with(&[chat("uno", model.url())]);
    assert!(!talk.brain.refuses_calls());
    let first = talk.only_say("No me llamen").await;
    assert!(first.ends && talk.brain.refuses_calls());
    assert_eq!(
        first.text(),
        "Entendido, no te volvemos a llamar a este número. Disculpa la molestia, hasta luego."
    );
    assert!(first.said.iter().all(|(_, _, kind)| *kind == SpeechKind::Goodbye));
    assert!(model.mind.journal().requests.is_empty());
    // The sentence goes on: what its beginning seemed to be is taken back.
    let whole = talk.turn("No me llamen antes de las cinco.", Some(CueId(first.cue)));
    let answer = talk.ask(whole).await;
    assert!(!answer.ends && !talk.brain.refuses_calls());
    assert_eq!(answer.text(), "¿Y a qué hora te llamo?");
    talk.hears(&answer);
    let last = talk.say("Mejor ya no me llamen, por favor.").await;
    assert!(last.ends && talk.brain.refuses_calls());
    // Nor does a break make it forgotten.
    let memory = talk.brain.memory().expect("a memory");
    let mut again = Talk::with(&[chat("uno", model.url())]);
    again.brain.recall(memory).expect("the same memory");
    assert!(again.brain.refuses_calls());
    again.end().await;
    talk.end().await;
}

#[tokio::test]
async fn fillers_fit_what_is_waited_for() {
    let model = fake().await;
    model.mind.take_time(Duration::from_millis(600), Duration::ZERO);
    model
        .mind
        .answer("correo", vec![Part::say("✓ ¿A qué correo te la mando?")]);
    model.mind.answer("folio", vec![Part::call("look_up", &json!({}))]);
    let mut talk = Talk::slow_tools(&[chat("uno", model.url())], Duration::from_secs(1));
    talk.say("Mándame un correo").await;
    // A dictated address: it is being written down.
    talk.begin(talk.turn("ana punto pérez arroba ejemplo punto com", None));
    let filler = talk.ask(Cue::Filler).await;
    assert_eq!(
        (filler.text().as_str(), filler.said[0].2),
        ("Lo voy anotando.", SpeechKind::Filler)
    );
    // A tool: it is being looked up.
    talk.begin(talk.turn("¿Y mi folio?", None));
    talk.pass(Duration::from_millis(900)).await;
    assert_eq!(talk.ask(Cue::Filler).await.text(), "Permíteme, lo estoy revisando.");
    talk.end().await;
}
