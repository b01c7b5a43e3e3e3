//! F7 to F10 and F12 of the fault catalogue, as the brain alone meets them.

use super::talk::{Answer, KEY, Talk, chat};
use std::time::Duration;
use talia_simulator::providers::models::{ChatCompletions, Fault, Part};
use talia_voice::brain::Brain as _;

const GOOD: &str = "✓ Con gusto te explico. ¿Es para tu casa?";

struct Pair {
    first: ChatCompletions,
    second: ChatCompletions,
}

impl Pair {
    /// The first one fails so; the second is well.
    async fn with(fault: Fault) -> (Self, Talk) {
        let first = ChatCompletions::start(KEY).await.expect("a port");
        let second = ChatCompletions::start(KEY).await.expect("a port");
        for model in [&first, &second] {
            model.mind.otherwise(vec![Part::say(GOOD)]);
        }
        first.mind.misbehave(Some(fault));
        let talk = Talk::with(&[chat("uno", first.url()), chat("dos", second.url())]);
        (Self { first, second }, talk)
    }
}

const WHOLE: &str = "Con gusto te explico. ¿Es para tu casa?";

#[tokio::test]
async fn a_model_without_a_useful_token_is_hedged_after_two_seconds() {
    let faults = [
        Fault::NoHeaders,
        Fault::HeadersOnly,
        Fault::KeepAlives,
        Fault::RoleOnly,
        Fault::ReasoningOnly,
    ];
    let calls = faults.map(|fault| async move {
        let (pair, mut talk) = Pair::with(fault.clone()).await;
        let answer = talk.say("Hola, quiero paneles.").await;
        assert_eq!(answer.text(), WHOLE, "{fault:?}");
        let began = answer.began();
        assert!((1_950..2_600).contains(&began.as_millis()), "{fault:?}: {began:?}");
        // The loser is cancelled, and nothing of it is ever said.
        talk.pass(Duration::from_millis(300)).await;
        let first = pair.first.mind.journal();
        assert_eq!((first.running, first.complete), (0, 0), "{fault:?}");
        assert_eq!(pair.second.mind.journal().most_at_once, 1);
        talk.end().await;
    });
    futures::future::join_all(calls).await;
}

#[tokio::test]
async fn a_slow_winner_is_the_only_one_that_is_heard() {
    let (pair, mut talk) = Pair::with(Fault::Dribble(Duration::from_millis(100))).await;
    // Both answer, the first one 200 ms after it was hedged: two generations run, one is said.
    pair.first.mind.misbehave(None);
    pair.first
        .mind
        .take_time(Duration::from_millis(2_200), Duration::from_millis(20));
    pair.second.mind.take_time(Duration::from_millis(400), Duration::ZERO);
    let answer = talk.say("Hola, quiero paneles.").await;
    assert_eq!(answer.text(), WHOLE);
    talk.pass(Duration::from_millis(600)).await;
    assert_eq!(pair.second.mind.journal().complete, 0, "the hedge lost and was left");
    assert_eq!(pair.second.mind.journal().left, 1);
    talk.end().await;
}

#[tokio::test]
async fn whoever_stalls_is_followed_by_somebody_who_goes_on() {
    for fault in [
        Fault::StallAfter(5),
        Fault::Dribble(Duration::from_secs(5)),
        Fault::ResetAfter(5),
    ] {
        let (pair, mut talk) = Pair::with(fault.clone()).await;
        pair.first.mind.otherwise(vec![Part::say(
            "✓ Claro que sí. Los paneles duran veinticinco años y no piden nada.",
        )]);
        pair.second.mind.otherwise(vec![Part::say("Duran 25 años.")]);
        let answer = talk.say("¿Cuánto duran?").await;
        assert!(answer.text().ends_with("Duran 25 años."), "{fault:?}: {answer:?}");
        // What is on its way when a connection is reset is lost.
        if matches!(fault, Fault::StallAfter(_)) {
            assert!(answer.text().starts_with("Claro que sí."), "{fault:?}: {answer:?}");
            let request = pair.second.mind.journal().requests.remove(0).to_string();
            assert!(
                request.contains("Claro que sí.") && request.contains("Sigue exactamente desde ahí"),
                "{request}"
            );
        }
        assert!(longest_gap(&answer) < Duration::from_secs(6), "{fault:?}: {answer:?}");
        talk.end().await;
    }
}

fn longest_gap(answer: &Answer) -> Duration {
    let mut last = Duration::ZERO;
    let mut longest = Duration::ZERO;
    for (at, _, _) in &answer.said {
        longest = longest.max(at.saturating_sub(last));
        last = *at;
    }
    longest
}

#[tokio::test]
async fn a_refusal_is_followed_by_the_next_model_at_once() {
    for (code, retry_after) in [
        (429, None),
        (429, Some(30)),
        (503, None),
        (503, Some(5)),
        (529, None),
        (529, Some(5)),
        (401, None),
    ] {
        let (pair, mut talk) = Pair::with(Fault::Status { code, retry_after }).await;
        let answer = talk.say("Hola, quiero paneles.").await;
        assert_eq!(answer.text(), WHOLE, "{code}");
        assert!(answer.began() < Duration::from_millis(500), "{code}: {answer:?}");
        talk.say("¿Y cuánto cuesta?").await;
        talk.say("¿Y cuánto tarda?").await;
        let asked = pair.first.mind.journal().requests.len();
        let most = if matches!(code, 401 | 429) { 1 } else { 2 };
        assert!(
            asked <= most,
            "{code}: its breaker is open, and it was asked {asked} times"
        );
        assert_eq!(pair.second.mind.journal().most_at_once, 1);
        talk.end().await;
    }
}

#[tokio::test]
async fn what_is_no_answer_is_nobodys_words() {
    let faults = [Fault::MalformedEvents, Fault::Html, Fault::Empty, Fault::ResetAfter(0)];
    for fault in faults {
        let (_pair, mut talk) = Pair::with(fault.clone()).await;
        let answer = talk.say("Hola, quiero paneles.").await;
        assert!(answer.text().ends_with(WHOLE), "{fault:?}: {answer:?}");
        assert!(answer.took < Duration::from_secs(2), "{fault:?}: {answer:?}");
        for bad in ["<", "{", "data"] {
            assert!(!answer.text().contains(bad), "{fault:?}: {answer:?}");
        }
        talk.end().await;
    }
}

#[tokio::test]
async fn cut_characters_are_whole_and_endless_words_have_an_end() {
    let (pair, mut talk) = Pair::with(Fault::CutCharacters).await;
    let answer = talk.say("Hola, quiero paneles.").await;
    assert_eq!(answer.text(), WHOLE);
    assert!(pair.second.mind.journal().requests.is_empty());

    pair.first.mind.misbehave(Some(Fault::Endless));
    pair.first.mind.otherwise(vec![Part::say("palabra. ")]);
    let answer = talk.say("¿Y luego?").await;
    assert!(answer.text().chars().count() <= 1_300, "{}", answer.text().len());
    assert!(answer.text().starts_with("palabra."));
    talk.pass(Duration::from_millis(200)).await;
    assert_eq!(pair.first.mind.journal().running, 0, "nobody reads on");
    talk.end().await;
}

#[tokio::test]
async fn arguments_that_are_no_json_go_back_to_the_model() {
    let (pair, mut talk) = Pair::with(Fault::Empty).await;
    pair.first.mind.misbehave(None);
    let broken = Part::Call {
        name: "set_full_name".to_owned(),
        arguments: "{\"full_name\": \"Car".to_owned(),
    };
    pair.first.mind.answer("carlos", vec![broken]);
    pair.first.mind.answer(
        "tool:set_full_name",
        vec![Part::say("✓ Perdón, ¿me repites tu nombre?")],
    );
    let answer = talk.say("Soy Carlos.").await;
    assert_eq!(answer.text(), "Perdón, ¿me repites tu nombre?");
    let told = pair.first.mind.journal().requests.remove(1).to_string();
    assert!(told.contains("not a JSON object"), "{told}");
    talk.end().await;
}

#[tokio::test]
async fn with_every_model_gone_the_script_goes_on_with_what_is_known() {
    let (pair, mut talk) = Pair::with(Fault::Empty).await;
    pair.first.mind.misbehave(None);
    let name = serde_json::json!({"full_name": "Carlos Herrera"});
    pair.first
        .mind
        .answer("carlos", vec![Part::call("set_full_name", &name)]);
    pair.first.mind.answer(
        "tool:set_full_name",
        vec![Part::say("✓ Mucho gusto. ¿Qué te gustaría resolver?")],
    );
    talk.say("Soy Carlos Herrera.").await;
    // Both are silent: the worst case, as nothing tells that they are gone.
    pair.first.mind.misbehave(Some(Fault::NoHeaders));
    pair.second.mind.misbehave(Some(Fault::HeadersOnly));
    let answer = talk.say("Quiero bajar mi recibo de luz.").await;
    assert!(
        answer
            .text()
            .starts_with("Perdona, tuve un pequeño problema; sigo contigo."),
        "{answer:?}"
    );
    assert!((3_900..4_500).contains(&answer.began().as_millis()), "{answer:?}");
    // It has the name, and asks for what comes next.
    assert!(answer.text().contains("correo"), "{answer:?}");
    assert_eq!(talk.brain.lead().name.as_deref(), Some("Carlos Herrera"));
    // Refused at once, it answers at once, and does not apologise again.
    pair.first.mind.misbehave(Some(Fault::Status {
        code: 401,
        retry_after: None,
    }));
    pair.second.mind.misbehave(Some(Fault::Status {
        code: 401,
        retry_after: None,
    }));
    let answer = talk.say("carlos arroba ejemplo punto com").await;
    assert!(
        answer.began() < Duration::from_millis(500) && !answer.text().contains("problema"),
        "{answer:?}"
    );
    assert!(answer.text().contains("carlos@ejemplo.com"), "{answer:?}");
    assert_eq!(talk.brain.lead().email.as_deref(), Some("carlos@ejemplo.com"));
    talk.end().await;
}
