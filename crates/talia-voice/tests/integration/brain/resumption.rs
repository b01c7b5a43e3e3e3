//! Brains that go on in another process.

use super::{CALLING_FROM, Talk, english, spanish};
use std::sync::Arc;
use talia_dialogue::{Cue, Resumption};
use talia_voice::brain::Brain as _;
use talia_voice::brain::script::Assistant;

/// A caller who says all that is asked for.
const LINES: [&str; 8] = [
    "Quiero bajar mi recibo de luz.",
    "Me llamo Carlos Herrera.",
    "carlos punto herrera arroba gmail punto com",
    "Sí, es correcto.",
    "De la Panadería La Espiga.",
    "Sí, a este número.",
    "No, es todo, gracias.",
    "Adiós.",
];

fn resumed(words: &str) -> Cue {
    Cue::Resumed {
        words: words.to_owned(),
        why: Resumption::StreamLost,
    }
}

/// The same conversation in a brain that knows nothing but the memory of this one.
fn moved(talk: &Talk, assistant: Arc<Assistant>) -> Talk {
    let memory = talk.brain.memory().expect("JSON");
    let text = memory.to_string();
    let mut other = Talk::with(assistant, Some(CALLING_FROM));
    other
        .brain
        .recall(serde_json::from_str(&text).expect("JSON"))
        .expect("a memory");
    other
}

#[test]
fn cut_after_any_line_the_conversation_goes_on_and_nothing_is_asked_twice() {
    let mut whole = Talk::start();
    whole.say_all(&LINES);
    for cut in 0..=6 {
        let mut talk = Talk::start();
        talk.say_all(&LINES[..cut]);
        let mut talk = moved(&talk, spanish());
        talk.cue(resumed("")).says("se cortó").omits("inteligencia artificial");
        talk.say_all(&LINES[cut..]);
        assert_eq!(talk.lead(), whole.lead(), "cut after {cut} lines");
    }
}

#[test]
fn words_that_nobody_answered_are_answered_after_the_break() {
    for cut in 0..=6 {
        let mut whole = Talk::start();
        whole.say_all(&LINES[..=cut]);
        let mut talk = Talk::start();
        talk.say_all(&LINES[..cut]);
        let mut talk = moved(&talk, spanish());
        talk.cue(resumed(LINES[cut]));
        assert_eq!(talk.lead(), whole.lead(), "cut in line {cut}");
    }
}

#[test]
fn an_answer_that_was_not_heard_is_said_again_from_its_first_unheard_sentence() {
    let mut talk = Talk::start();
    talk.say_all(&LINES[..2]);
    let turn = talk.turn(LINES[2], None);
    let answer = talk.think(turn);
    // Nothing of it was heard.
    let mut other = moved(&talk, spanish());
    other.cue(resumed("")).says(&answer.text());
    // Nor does a sign of listening take its place.
    let mut other = moved(&talk, spanish());
    other.cue(resumed("Ajá.")).says(&answer.text());
    // All but its last sentence was heard.
    let mut talk = Talk::start();
    talk.say_all(&LINES[..5]);
    let turn = talk.turn(LINES[5], None);
    let mut answer = talk.think(turn);
    let last = answer.said.pop().expect("sentences");
    assert!(!answer.said.is_empty());
    talk.hears(&answer);
    let mut other = moved(&talk, spanish());
    let again = other.cue(resumed(""));
    assert_eq!(again.said.len(), 2, "{again:?}");
    assert_eq!(again.said[1].0, last.0);
}

#[test]
fn a_question_that_was_heard_is_asked_again_after_the_break() {
    let mut talk = Talk::start();
    talk.say(LINES[0]);
    let question = talk.say(LINES[1]).said.pop().expect("a question").0;
    let mut talk = moved(&talk, spanish());
    let again = talk.cue(resumed(""));
    assert_eq!(
        again.said.last().map(|(text, _)| text.as_str()),
        Some(question.as_str())
    );
}

#[test]
fn a_goodbye_that_was_cut_is_said_to_its_end_without_excuses() {
    let mut talk = Talk::start();
    talk.say_all(&LINES[..6]);
    let turn = talk.turn(LINES[6], None);
    let answer = talk.think(turn);
    assert!(answer.ends);
    let mut talk = moved(&talk, spanish());
    let again = talk.cue(resumed(""));
    again.says("Gracias por llamar").omits("se cortó");
    assert!(again.ends);
}

#[test]
fn a_person_takes_over_where_somebody_is_there() {
    let mut talk = Talk::start();
    talk.brain = talk.brain.with_person(Some("ventas".to_owned()));
    talk.say_all(&LINES[..2]);
    let answer = talk.say("Prefiero hablar con una persona, por favor.");
    answer.says("te comunico con una persona");
    let handover = answer.transfers.clone().expect("a transfer");
    assert_eq!(handover.destination, "ventas");
    assert!(handover.summary.contains("Carlos Herrera"), "{}", handover.summary);
    assert!(
        handover.summary.contains("Quiero bajar mi recibo de luz"),
        "{}",
        handover.summary
    );
    // Nobody answers: she comes back with what she knows and takes a message, and doesn't try again.
    let mut talk = moved(&talk, spanish());
    talk.brain = talk.brain.with_person(Some("ventas".to_owned()));
    let back = talk.cue(Cue::Resumed {
        words: String::new(),
        why: Resumption::NobodyAnswered,
    });
    back.says("no me contestan")
        .omits("se cortó")
        .omits("inteligencia artificial");
    assert_eq!(back.transfers, None);
    let again = talk.say("Quiero hablar con una persona.");
    assert_eq!(again.transfers, None);
    assert_eq!(talk.lead().name.as_deref(), Some("Carlos Herrera"));
}

#[test]
fn key_0_wants_a_person_and_without_one_a_message_is_taken() {
    let mut talk = Talk::start();
    talk.brain = talk.brain.with_person(Some("ventas".to_owned()));
    assert!(talk.cue(Cue::Digits("0".to_owned())).transfers.is_some());
    let mut talk = Talk::start();
    let answer = talk.cue(Cue::Digits("0".to_owned()));
    assert_eq!(answer.transfers, None);
    answer.says("una persona del equipo");
}

#[test]
fn who_goes_on_talking_before_the_person_is_called_stays() {
    let mut talk = Talk::start();
    talk.brain = talk.brain.with_person(Some("ventas".to_owned()));
    assert!(talk.say("Quiero hablar con una persona.").transfers.is_some());
    let answer = talk.say("No, espera. ¿Cuánto cuesta?");
    assert_eq!(answer.transfers, None);
    answer.says("Depende de tu consumo");
    // And may want one again.
    assert!(talk.say("Ahora sí, pásame con una persona.").transfers.is_some());
}

#[test]
fn keys_answer_where_words_do() {
    let mut talk = Talk::start();
    talk.say_all(&LINES[..3]);
    talk.cue(Cue::Digits("2".to_owned()));
    assert!(!talk.lead().email_confirmed);
    talk.say(LINES[2]);
    let mut talk = Talk::start();
    talk.say_all(&LINES[..3]);
    talk.cue(Cue::Digits("1".to_owned()));
    assert!(talk.lead().email_confirmed);
    talk.say(LINES[4]);
    // Another number than the one that calls, typed and ended with #.
    talk.cue(Cue::Digits("2".to_owned()));
    talk.cue(Cue::Digits("8112345678#".to_owned()));
    talk.cue(Cue::Digits("1".to_owned()));
    let lead = talk.lead();
    assert_eq!(
        (lead.phone.as_deref(), lead.phone_confirmed),
        (Some("+528112345678"), true)
    );
}

#[test]
fn keys_are_offered_where_words_fail() {
    let mut talk = Talk::start();
    talk.say_all(&LINES[..3]);
    talk.cue(Cue::NotUnderstood).omits("marca 1");
    talk.cue(Cue::NotUnderstood).says("marca 1 para sí");
}

#[test]
fn an_assistant_in_english_apologises_in_english() {
    let mut talk = Talk::with(english(), None);
    talk.cue(Cue::Opening);
    let mut talk = moved(&talk, english());
    talk.cue(resumed("")).says("the line dropped");
}
