//! Whatever a caller says or doesn't, in any order: nothing is recorded without a yes, nobody is asked for ever, and no words are lost.

use super::{Answer, Asking, Decision, Next, Permission, Standing, Then};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;
use talia_dialogue::{CueId, Moment};

const QUESTION: &str = "¿Puedo grabar esta llamada?";

fn asking() -> Asking {
    let mut asking = Asking::new(Some(QUESTION), Standing::default());
    assert!(asking.begin());
    asking
}

fn heard() -> Asking {
    let mut asking = asking();
    asking.said(QUESTION, true);
    asking
}

fn at(second: u64) -> Moment {
    Duration::from_secs(second)
}

fn says(asking: &mut Asking, cue: u32, text: &str) -> Next {
    asking.words(at(u64::from(cue)), (CueId(cue), None), text)
}

#[track_caller]
fn decided(next: Next) -> (Permission, Answer, Then) {
    match next {
        Next::Decided(decision, then) => (decision.permission, decision.answer, then),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_yes_counts_for_a_question_that_was_heard() {
    let mut asking = heard();
    let next = says(&mut asking, 2, "Sí, claro.");
    let decision = Decision {
        permission: Permission::Given,
        answer: Answer::Yes,
        by_keys: false,
        asked: 1,
        at: at(2),
    };
    assert_eq!(next, Next::Decided(decision, Then::Greet));
    assert_eq!(says(&mut asking, 3, "Quiero un precio."), Next::Brain);

    // Said before it was heard, it is a yes to nothing; what else was said waits.
    let mut asking = self::asking();
    assert_eq!(
        says(&mut asking, 2, "Sí, quiero un precio."),
        Next::Ask { again: false }
    );
    asking.said(QUESTION, true);
    let then = Then::Words("quiero un precio.".to_owned());
    assert_eq!(
        decided(says(&mut asking, 3, "Sí.")),
        (Permission::Given, Answer::Yes, then)
    );

    // Most of it is enough, half of it isn't.
    for (part, next_asks) in [("¿Puedo grabar esta", false), ("¿Puedo", true)] {
        let mut asking = self::asking();
        asking.said(part, false);
        let next = says(&mut asking, 2, "Sí, adelante.");
        assert_eq!(matches!(next, Next::Ask { .. }), next_asks, "{part}: {next:?}");
    }
}

#[test]
fn what_is_no_yes_records_nothing() {
    let mut asking = heard();
    assert_eq!(
        decided(says(&mut asking, 2, "No, gracias.")),
        (Permission::Refused, Answer::No, Then::Greet)
    );
    let mut asking = heard();
    let (permission, answer, then) = decided(says(&mut asking, 2, "Quiero un precio."));
    assert_eq!((permission, answer), (Permission::NotGiven, Answer::Other));
    assert_eq!(then, Then::Words("Quiero un precio.".to_owned()));
    let mut asking = heard();
    assert_eq!(
        decided(asking.silence(at(9), CueId(2))),
        (Permission::NotGiven, Answer::Silence, Then::Greet)
    );
    // Somebody who forbids it needs no question.
    let mut asking = self::asking();
    let (permission, ..) = decided(says(&mut asking, 2, "No me grabe."));
    assert_eq!(permission, Permission::Refused);
}

#[test]
fn who_is_not_understood_is_asked_once_more() {
    let mut asking = heard();
    assert_eq!(says(&mut asking, 2, "¿Cómo?"), Next::Ask { again: true });
    asking.said(QUESTION, true);
    let next = decided(says(&mut asking, 3, "Precios."));
    let then = Then::Words("Precios.".to_owned());
    assert_eq!(next, (Permission::NotGiven, Answer::Unclear, then));

    let mut asking = heard();
    assert_eq!(asking.not_understood(at(2), CueId(2)), Next::Ask { again: true });
    asking.said(QUESTION, true);
    let (permission, answer, _) = decided(asking.keys(at(3), CueId(3), "1"));
    assert_eq!((permission, answer), (Permission::Given, Answer::Yes));
}

#[test]
fn words_that_wait_are_kept_once() {
    let mut asking = asking();
    let next = asking.words(at(2), (CueId(2), None), "Hola, quiero un precio");
    assert_eq!(next, Next::Ask { again: false });
    let next = asking.words(at(3), (CueId(3), Some(CueId(2))), "Hola, quiero un precio de paneles.");
    assert_eq!(next, Next::Ask { again: false });
    asking.said(QUESTION, true);
    let then = Then::Words("Hola, quiero un precio de paneles.".to_owned());
    assert_eq!(
        decided(says(&mut asking, 4, "Sí.")),
        (Permission::Given, Answer::Yes, then)
    );
}

#[test]
fn who_goes_on_with_an_answer_may_take_it_back() {
    let mut asking = heard();
    says(&mut asking, 2, "Sí.");
    let next = asking.words(at(3), (CueId(3), Some(CueId(2))), "Sí. No, mejor no me grabe.");
    assert_eq!(decided(next), (Permission::Withdrawn, Answer::No, Then::Greet));
    let mut asking = heard();
    says(&mut asking, 2, "Sí.");
    let next = asking.words(at(3), (CueId(3), Some(CueId(2))), "Sí, quiero un precio.");
    assert_eq!(next, Next::Stays(Then::Words("quiero un precio.".to_owned())));
    let next = says(&mut asking, 4, "Oiga, deje de grabar.");
    assert_eq!(decided(next), (Permission::Withdrawn, Answer::Stop, Then::Nothing));
    assert_eq!(says(&mut asking, 5, "Deje de grabar."), Next::Brain);
}

#[test]
fn nobody_is_asked_where_there_is_no_question() {
    let mut asking = Asking::new(None, Standing::default());
    assert!(!asking.begin());
    assert_eq!(says(&mut asking, 1, "Sí."), Next::Brain);
    asking.told();
    let (permission, ..) = decided(says(&mut asking, 2, "No me grabe."));
    assert_eq!(permission, Permission::Withdrawn);
}

/// Something that happens in a call.
#[derive(Debug, Clone)]
enum Happens {
    Heard(bool),
    Says(&'static str, bool),
    Keys(&'static str),
    Silence,
    NotUnderstood,
    Breaks(&'static str),
    Withdraws,
}

const TEXTS: [&str; 12] = [
    "Sí.",
    "Sí, quiero un precio.",
    "No, gracias.",
    "No me grabe.",
    "¿Cómo?",
    "Precios.",
    "Quiero un precio.",
    "Sí, pero ¿para qué?",
    "",
    "Mhm.",
    "Con una persona.",
    "Deje de grabar.",
];

fn happens() -> impl Strategy<Value = Happens> {
    let text = || prop::sample::select(&TEXTS[..]);
    prop_oneof![
        3 => any::<bool>().prop_map(Happens::Heard),
        4 => (text(), any::<bool>()).prop_map(|(text, on)| Happens::Says(text, on)),
        1 => prop::sample::select(&["1", "2", "0", "55", "1#"][..]).prop_map(Happens::Keys),
        1 => Just(Happens::Silence),
        1 => Just(Happens::NotUnderstood),
        1 => text().prop_map(Happens::Breaks),
        1 => Just(Happens::Withdraws),
    ]
}

proptest! {
    #[test]
    fn nothing_is_recorded_without_a_yes_and_nobody_is_asked_for_ever(all in vec(happens(), 0..40)) {
        let mut asking = asking();
        let (mut asks, mut breaks, mut heard_now) = (1_usize, 0_usize, false);
        let mut last = None;
        for (index, happens) in all.into_iter().enumerate() {
            let cue = CueId(index as u32 + 2);
            let now = at(index as u64);
            let before = asking.standing().permission;
            let (text, keys) = match &happens {
                Happens::Says(text, _) | Happens::Breaks(text) => (*text, ""),
                Happens::Keys(keys) => ("", *keys),
                _ => ("", ""),
            };
            let next = match &happens {
                Happens::Heard(whole) => {
                    asking.said(if *whole { QUESTION } else { "¿Pue" }, *whole);
                    heard_now |= *whole && before == Permission::Asked;
                    continue;
                }
                Happens::Says(text, on) => asking.words(now, (cue, last.filter(|_| *on)), text),
                Happens::Keys(keys) => asking.keys(now, cue, keys),
                Happens::Silence => asking.silence(now, cue),
                Happens::NotUnderstood => asking.not_understood(now, cue),
                Happens::Breaks(words) => {
                    breaks += 1;
                    // What another process goes on from.
                    let kept = serde_json::to_string(asking.standing()).expect("JSON");
                    let standing: Standing = serde_json::from_str(&kept).expect("the same");
                    prop_assert_eq!(&standing, asking.standing());
                    asking = Asking::new(Some(QUESTION), standing);
                    asking.resumed(now, cue, words)
                }
                Happens::Withdraws => {
                    let decision = asking.withdraw(now, "deje de grabar");
                    prop_assert_eq!(decision.is_some(), before == Permission::Given);
                    continue;
                }
            };
            last = Some(cue);
            let after = asking.standing().permission;
            match &next {
                Next::Ask { .. } => {
                    asks += 1;
                    heard_now = false;
                    prop_assert_eq!((before, after), (Permission::Asked, Permission::Asked));
                }
                Next::Decided(decision, _) => {
                    prop_assert_eq!(decision.permission, after);
                    prop_assert_eq!(decision.at, now);
                    prop_assert!(after.word().is_some());
                }
                Next::Brain | Next::Stays(_) => prop_assert_eq!(before, after),
            }
            if after == Permission::Given && before != Permission::Given {
                let plain = text.starts_with("Sí") && !text.contains("pero");
                prop_assert!(plain || keys.starts_with('1'), "{:?} gave leave", happens);
                prop_assert!(heard_now || before != Permission::Asked, "nobody had asked");
            }
            if before != Permission::Asked {
                let asked_again = matches!(next, Next::Ask { .. });
                prop_assert!(!asked_again, "asked after it was decided");
            }
            // A wish is answered, now or when it is decided.
            if text.contains("precio") && !matches!(next, Next::Brain) {
                let kept = serde_json::to_string(asking.standing()).expect("JSON").contains("precio");
                let given = matches!(&next, Next::Decided(_, Then::Words(words)) | Next::Stays(Then::Words(words)) if words.contains("precio"));
                prop_assert!(kept || given, "{:?} is lost: {:?}", happens, next);
            }
        }
        prop_assert!(asks <= 5 + breaks, "asked {} times", asks);
    }

    /// Whoever is not recorded yet is not because of silence, noise and words in between, however many.
    #[test]
    fn all_ends_in_a_decision(texts in vec(prop::sample::select(&TEXTS[..]), 6..12)) {
        let mut asking = asking();
        for (index, text) in texts.into_iter().enumerate() {
            asking.said(QUESTION, true);
            says(&mut asking, index as u32 + 2, text);
        }
        prop_assert!(asking.standing().permission.word().is_some());
    }
}
