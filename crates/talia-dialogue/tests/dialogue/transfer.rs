//! Callers who are handed to a person.

use crate::reply::Reply;
use crate::world::{World, ms};
use talia_dialogue::{Cue, EndReason};

fn brain(cue: &Cue) -> Reply {
    match cue {
        Cue::Opening => Reply::opening(),
        Cue::Turn { text, .. } if text.contains("espera") => Reply::say("Claro, aquí sigo. ¿Qué necesitas?"),
        Cue::Turn { .. } => Reply::transfer("Con gusto, te comunico con una persona. Un momento, por favor."),
        Cue::Closing(_) => Reply::goodbye("Hasta luego."),
        _ => Reply::say("¿Sigues ahí?"),
    }
}

#[test]
fn the_caller_hears_what_is_going_on_before_the_person_is_called() {
    let mut world = World::new(brain);
    world.speaks(6_500, "quiero hablar con una persona");
    world.run(30_000);
    assert_eq!(world.end(), Some(EndReason::Transferred));
    let last = world.entries().pop().expect("a line").clone();
    assert_eq!(
        last.text,
        "Con gusto, te comunico con una persona. Un momento, por favor."
    );
    assert_eq!(last.unheard, None);
    assert!(world.now >= last.ended);
}

#[test]
fn who_changes_their_mind_meanwhile_stays() {
    let mut world = World::new(brain);
    world.speaks(6_500, "quiero hablar con una persona");
    world.speaks(10_500, "no espera tengo otra duda");
    world.run(20_000);
    assert_eq!(world.end(), None);
    assert!(
        world.transcript().iter().any(|line| line.contains("aquí sigo")),
        "{:?}",
        world.transcript()
    );
    assert!(world.now > ms(15_000));
}
