//! How calls end.

use crate::reply::Reply;
use crate::world::{World, ms};
use talia_dialogue::{Cue, EndReason, Output, Settings};

fn brain(cue: &Cue) -> Reply {
    match cue {
        Cue::Opening => Reply::opening(),
        Cue::Turn { text, .. } if text.contains("adiós") => Reply::goodbye("Hasta luego, que tengas un buen día."),
        Cue::Turn { .. } => Reply::say("Muy bien, lo anoto con mucho gusto ahora mismo."),
        Cue::Closing(_) => Reply::goodbye("Tengo que dejarte, hasta luego."),
        Cue::Digits(_) => Reply::say("Anotado."),
        _ => Reply::say("¿Sigues ahí?"),
    }
}

#[test]
fn a_silent_caller_is_asked_twice_and_then_let_go() {
    let mut world = World::new(brain);
    world.run(120_000);
    let cues = world.cues();
    assert_eq!(
        cues,
        [
            &Cue::Opening,
            &Cue::Silence { nudge: 1 },
            &Cue::Silence { nudge: 2 },
            &Cue::Closing(EndReason::Silence)
        ]
    );
    assert_eq!(world.end(), Some(EndReason::Silence));
    assert!(world.now < ms(45_000), "{:?}", world.now);
    assert_eq!(
        world.transcript().last().map(String::as_str),
        Some("A: Tengo que dejarte, hasta luego.")
    );
}

#[test]
fn a_tone_that_never_ends_ends() {
    let mut world = World::new(brain);
    world.sounds(6_500, 1_800_000, "");
    world.run(1_900_000);
    assert!(world.end().is_some());
    assert!(world.now < ms(150_000), "{:?}", world.now);
}

#[test]
fn a_voice_after_the_nudge_starts_again() {
    let mut world = World::new(brain);
    world.speaks(16_000, "sí aquí estoy");
    world.run(31_000);
    let nudges: Vec<_> = world
        .cues()
        .into_iter()
        .filter(|cue| matches!(cue, Cue::Silence { .. }))
        .collect();
    assert_eq!(nudges, [&Cue::Silence { nudge: 1 }, &Cue::Silence { nudge: 1 }]);
}

#[test]
fn the_goodbye_is_heard_before_the_line_goes() {
    let mut world = World::new(brain);
    world.speaks(6_500, "eso es todo adiós");
    world.run(30_000);
    assert_eq!(world.end(), Some(EndReason::Finished));
    let entry = world.entries().pop().expect("goodbye").clone();
    assert_eq!(
        (entry.text.as_str(), entry.unheard),
        ("Hasta luego, que tengas un buen día.", None)
    );
}

#[test]
fn words_over_the_goodbye_are_answered_and_the_goodbye_is_not_cut() {
    let mut world = World::new(brain);
    world.speaks(6_500, "eso es todo adiós");
    world.speaks(9_300, "espera una cosa más");
    world.run(20_000);
    assert!(
        world
            .transcript()
            .contains(&"A: Hasta luego, que tengas un buen día.".to_owned())
    );
    assert_eq!(world.turns_asked().last(), Some(&("espera una cosa más", false)));
    assert_eq!(world.end(), None);
}

#[test]
fn the_longest_call_ends_with_a_goodbye() {
    let settings = Settings {
        longest_call: ms(30_000),
        ..Settings::default()
    };
    let mut world = World::with(settings, brain);
    for turn in 0..20 {
        world.speaks(6_500 + turn * 6_000, "y otra cosa que quería preguntar");
    }
    world.run(60_000);
    assert_eq!(world.end(), Some(EndReason::TimeLimit));
    assert!(world.now < ms(40_000));
    assert_eq!(
        world
            .transcript()
            .iter()
            .filter(|line| line.contains("Tengo que dejarte"))
            .count(),
        1
    );
}

#[test]
fn the_operator_ends_the_call_in_any_state() {
    for at in (0..14_000).step_by(350) {
        let mut world = World::new(brain);
        world.speaks(6_500, "quiero una cita mañana por la tarde");
        world.finishes(at, EndReason::Operator);
        world.run(60_000);
        assert_eq!(world.end(), Some(EndReason::Operator), "at {at}");
        assert!(world.now < ms(at + 16_000), "at {at}: {:?}", world.now);
    }
}

#[test]
fn the_caller_hangs_up_in_any_state_and_the_last_words_are_kept() {
    for at in (0..14_000).step_by(170) {
        let mut world = World::new(brain);
        world.speaks(6_500, "quiero una cita mañana por la tarde");
        world.hangs_up(at);
        world.run(60_000);
        assert_eq!(world.end(), Some(EndReason::CallerHungUp), "at {at}");
        assert!(world.now <= ms(at + 1_600), "at {at}");
        assert_eq!(world.count(|output| matches!(output, Output::HangUp(_))), 1);
        let started = world.count(|output| matches!(output, Output::TurnStarted { .. }));
        let closed = world.count(|output| matches!(output, Output::TurnClosed { .. }));
        assert_eq!(started, closed, "at {at}");
        if at > 7_500 {
            assert!(
                world.transcript().iter().any(|line| line.starts_with("C: quiero una")),
                "at {at}"
            );
        }
    }
}

#[test]
fn keys_are_collected_into_one_question() {
    let mut world = World::new(brain);
    for (index, key) in "5512#".chars().enumerate() {
        world.presses(6_500 + index as u64 * 400, key);
    }
    world.run(12_000);
    assert!(
        world.cues().contains(&&Cue::Digits("5512#".to_owned())),
        "{:?}",
        world.cues()
    );

    let mut slow = World::new(brain);
    slow.presses(6_500, '1');
    slow.presses(6_900, '2');
    slow.run(12_000);
    let asked = slow.when(|output| matches!(output, Output::Think { about: Cue::Digits(keys), .. } if keys == "12"));
    assert_eq!(asked, Some(ms(8_900)));
}

#[test]
fn a_flood_of_keys_is_one_question_and_counted() {
    let mut world = World::new(brain);
    for index in 0..300 {
        world.presses(6_500 + index * 10, '7');
    }
    world.run(14_000);
    assert_eq!(
        world.cues().iter().filter(|cue| matches!(cue, Cue::Digits(_))).count(),
        1
    );
    assert_eq!(world.dialogue.refused().digits, 300 - 32);
}
