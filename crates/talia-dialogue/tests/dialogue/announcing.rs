//! What a person of the company says to the caller through us.

use crate::reply::Reply;
use crate::world::{World, ms};
use talia_dialogue::{Cue, EndReason, Input};

const WORDS: &str = "Un momento, por favor. Te busco el precio exacto.";

fn brain(cue: &Cue) -> Reply {
    match cue {
        Cue::Opening => Reply::opening(),
        Cue::Turn { .. } => Reply::say("Claro que sí, con mucho gusto. ¿A qué correo te lo mando?"),
        Cue::Closing(_) => Reply::goodbye("Hasta luego."),
        _ => Reply::say("¿Sigues ahí?"),
    }
}

fn said(world: &World) -> Vec<String> {
    world
        .transcript()
        .into_iter()
        .filter(|line| line.starts_with("A: Un momento") || line.starts_with("A: Te busco"))
        .collect()
}

#[test]
fn it_waits_until_nobody_has_the_floor_and_is_heard_whole() {
    let mut world = World::new(brain);
    // In the middle of the disclosure.
    world.announces(1_000, WORDS);
    world.run(14_000);
    let lines = world.transcript();
    assert_eq!(
        lines,
        [
            "A: Hola, soy TalIA, una inteligencia artificial.",
            "A: ¿En qué te puedo ayudar?",
            "A: Un momento, por favor.",
            "A: Te busco el precio exacto.",
        ]
    );
    // No brain was asked about it.
    assert_eq!(world.cues(), [&Cue::Opening]);
}

#[test]
fn nothing_is_announced_over_the_caller() {
    let mut world = World::new(brain);
    world.speaks(
        6_500,
        "quisiera saber cuánto cuesta el plan para una clínica con doce personas",
    );
    world.announces(8_000, WORDS);
    world.run(25_000);
    let lines = world.transcript();
    let place = |part: &str| lines.iter().position(|line| line.contains(part)).expect("is there");
    assert!(place("doce personas") < place("con mucho gusto"), "{lines:?}");
    assert!(place("¿A qué correo") < place("momento"), "{lines:?}");
    let caller = world
        .entries()
        .into_iter()
        .find(|line| line.text.contains("doce"))
        .expect("said")
        .clone();
    let announced = world
        .entries()
        .into_iter()
        .find(|line| line.text.contains("momento"))
        .expect("said")
        .clone();
    assert!(announced.began > caller.ended);
}

#[test]
fn who_begins_to_speak_before_it_is_heard_hears_it_later() {
    let mut world = World::new(brain);
    world.voice_delay = ms(900);
    world.announces(7_000, WORDS);
    world.speaks(7_500, "quisiera saber cuánto cuesta");
    world.run(30_000);
    assert_eq!(said(&world).len(), 2, "{:?}", world.transcript());
}

#[test]
fn what_the_caller_speaks_over_is_cut_and_not_said_again() {
    let mut world = World::new(brain);
    world.announces(
        7_000,
        "Un momento por favor que estoy buscando para ti el precio exacto de todo lo que me has pedido hoy.",
    );
    world.speaks(9_500, "no espera mejor dime otra cosa");
    world.run(30_000);
    let said = said(&world);
    assert_eq!(said.len(), 1, "{:?}", world.transcript());
    let entries = world.entries();
    let line = entries.iter().find(|line| line.text.contains("momento")).expect("said");
    assert!(line.unheard.is_some(), "{line:?}");
}

#[test]
fn the_question_before_it_still_stands() {
    let mut world = World::new(|cue| match cue {
        Cue::Turn { .. } => Reply {
            expect: Some(talia_spanish::Expectation::Email),
            ..Reply::say("¿A qué correo te lo mando?")
        },
        other => brain(other),
    });
    world.speaks(6_500, "quiero información");
    world.announces(9_000, WORDS);
    world.run(17_000);
    assert_eq!(said(&world).len(), 2, "{:?}", world.transcript());
    assert_eq!(world.dialogue.expectation(), talia_spanish::Expectation::Email);
}

#[test]
fn a_voice_that_fails_leaves_the_conversation_where_it_was() {
    let mut world = World::new(brain);
    world.mute = Some("momento");
    world.announces(7_000, "Un momento.");
    world.run(12_000);
    assert_eq!(world.end(), None);
    assert_eq!(world.cues(), [&Cue::Opening]);
}

#[test]
fn too_many_and_those_at_the_end_are_refused() {
    let mut world = World::new(brain);
    for _ in 0..6 {
        world.announces(500, "Un momento.");
    }
    world.announces(500, "  ");
    world.finishes(4_000, EndReason::Operator);
    world.announces(4_010, "Un momento.");
    world.run(4_020);
    assert!(!world.dialogue.takes_announcements());
    assert_eq!(world.dialogue.refused().announcements, 4);
    world.run(20_000);
    assert_eq!(world.end(), Some(EndReason::Operator));
    assert_eq!(said(&world), Vec::<String>::new());
}

#[test]
fn an_end_without_a_word_is_at_once_and_what_was_heard_stands() {
    let mut world = World::new(brain);
    world.ends(2_000, EndReason::Operator);
    world.run(60_000);
    assert_eq!(world.end(), Some(EndReason::Operator));
    assert!(world.now <= ms(2_050), "{:?}", world.now);
    let entries = world.entries();
    assert!(entries.iter().all(|line| line.unheard.is_some()), "{entries:?}");
    world.dialogue.handle(ms(2_100), Input::Announce { text: "Hola" });
    assert_eq!(world.dialogue.refused().late, 1);
}
