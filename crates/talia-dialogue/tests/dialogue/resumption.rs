//! Conversations that go on after a break.

use crate::reply::Reply;
use crate::world::{World, ms};
use proptest::prelude::*;
use talia_dialogue::{Cue, EndReason, Output, Resumption, SpeechKind};

fn brain(cue: &Cue) -> Reply {
    match cue {
        Cue::Opening => Reply::opening(),
        Cue::Resumed { words, .. } if words.is_empty() => Reply::say("Perdona, se cortó un momento. ¿Cómo te llamas?"),
        Cue::Resumed { words, .. } => Reply::say(&format!("Perdona, se cortó. Anoté {words}.")),
        Cue::Turn { text, .. } if text.contains("adiós") => Reply::goodbye("Hasta luego."),
        Cue::Turn { text, .. } => Reply::say(&format!("Muy bien, anoté {text}.")),
        Cue::Closing(_) => Reply::goodbye("Tengo que dejarte, hasta luego."),
        _ => Reply::say("¿Sigues ahí?"),
    }
}

fn said_disclosure(world: &World) -> bool {
    world.log.iter().any(|(_, output)| {
        matches!(
            output,
            Output::Synthesize {
                kind: SpeechKind::Disclosure,
                ..
            }
        )
    })
}

#[test]
fn a_disclosure_that_was_heard_is_not_read_twice() {
    let mut world = World::new(brain);
    world.resumes(true, "");
    world.speaks(6_000, "me llamo Ana Ríos");
    world.speaks(13_000, "eso es todo adiós");
    world.run(40_000);
    assert!(!said_disclosure(&world));
    assert_eq!(
        world.cues()[0],
        &Cue::Resumed {
            words: String::new(),
            why: Resumption::StreamLost
        }
    );
    assert_eq!(world.end(), Some(EndReason::Finished));
    assert_eq!(
        world.transcript()[0],
        "A: Perdona, se cortó un momento. ¿Cómo te llamas?"
    );
}

#[test]
fn words_that_nobody_answered_are_answered_first() {
    let mut world = World::new(brain);
    world.resumes(true, " dos paneles ");
    world.run(6_000);
    assert_eq!(world.transcript(), ["A: Perdona, se cortó. Anoté dos paneles."]);
}

#[test]
fn a_disclosure_that_was_cut_is_read_again_and_then_the_words_are_answered() {
    let mut world = World::new(brain);
    world.resumes(false, "dos paneles");
    world.run(12_000);
    assert!(said_disclosure(&world));
    let cues = world.cues();
    assert_eq!(cues[0], &Cue::Opening);
    assert!(
        matches!(cues[1], Cue::Turn { text, revises: None, .. } if text == "dos paneles"),
        "{cues:?}"
    );
    assert!(world.transcript().iter().any(|line| line.contains("anoté dos paneles")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whenever the line is cut, the rest of the conversation keeps every rule that the whole one keeps (the oracle's),
    /// and it ends.
    #[test]
    fn a_resumed_conversation_keeps_the_rules_and_ends(
        disclosed: bool,
        words in "(|dos paneles|mm)",
        turns in proptest::collection::vec((500_u64..9_000, "[a-z]{2,8}( [a-z]{2,8}){0,6}"), 0..5),
        hangs_up in proptest::option::of(200_u64..40_000),
    ) {
        let mut world = World::new(brain);
        world.resumes(disclosed, &words);
        let mut at = 0;
        for (pause, text) in turns {
            at += pause;
            world.speaks(at, &text);
            at += text.chars().count() as u64 * 65;
        }
        if let Some(at) = hangs_up {
            world.hangs_up(at);
        }
        world.run(300_000);
        prop_assert!(world.end().is_some());
        prop_assert!(world.now < ms(300_000));
    }
}
