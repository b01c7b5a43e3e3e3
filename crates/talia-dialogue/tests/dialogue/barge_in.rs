//! The caller makes a sound while we speak.

use crate::reply::Reply;
use crate::world::{World, between, ms};
use talia_dialogue::{BargeIn, Cue, Output};

const LONG: &str = "Mira, te cuento con calma cómo trabajamos: primero hablamos contigo, después preparamos una propuesta y al final la revisamos juntos.";

fn talkative(cue: &Cue) -> Reply {
    match cue {
        Cue::Opening => Reply::opening(),
        Cue::Turn { text, .. } if text.contains("cuéntame") => Reply::say(LONG),
        Cue::Turn { .. } => Reply::say("De acuerdo."),
        _ => Reply::say("¿Sigues ahí?"),
    }
}

/// A world where we begin a long answer at about 9 s.
fn explaining() -> World {
    let mut world = World::new(talkative);
    world.speaks(6_500, "cuéntame cómo trabajan por favor");
    world
}

fn verdicts(world: &World) -> Vec<BargeIn> {
    world
        .log
        .iter()
        .filter_map(|(_, output)| {
            if let Output::BargeIn(what) = output {
                Some(*what)
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn words_cut_us_and_what_was_not_heard_is_known() {
    let mut world = explaining();
    world.speaks(12_000, "perdona que te corte cuánto me cuesta");
    world.run(18_000);
    assert!(
        matches!(verdicts(&world)[..], [BargeIn::Paused { .. }, BargeIn::Yielded]),
        "{:?}",
        verdicts(&world)
    );
    let Some(BargeIn::Paused { reaction }) = verdicts(&world).first().copied() else {
        panic!("no pause")
    };
    assert!(reaction <= ms(100), "{reaction:?}");
    let entries = world.entries();
    let cut = entries.iter().find(|entry| entry.unheard.is_some()).expect("cut");
    let unheard = cut.unheard.clone().unwrap_or_default();
    assert_eq!(format!("{} {unheard}", cut.text), LONG);
    assert!(!cut.text.is_empty() && unheard.len() > 20, "{cut:?}");
    assert_eq!(world.turns_asked()[1], ("perdona que te corte cuánto me cuesta", false));
}

#[test]
fn running_words_decide_before_the_verdict_is_due() {
    let mut world = explaining();
    world.partials = true;
    world.speaks(12_000, "no me interesa tanto");
    world.run(18_000);
    let paused = world.when(|output| *output == Output::Clear).expect("paused");
    let yielded = world
        .when(|output| *output == Output::BargeIn(BargeIn::Yielded))
        .expect("yielded");
    assert!(between(paused, yielded) < ms(450), "{:?}", between(paused, yielded));
}

#[test]
fn a_key_cuts_us_at_once() {
    let mut world = explaining();
    world.presses(12_000, '2');
    world.run(18_000);
    assert_eq!(world.when(|output| *output == Output::Clear), Some(ms(12_000)));
    assert!(world.cues().contains(&&Cue::Digits("2".into())));
    assert!(
        world
            .entries()
            .iter()
            .any(|entry| entry.unheard.is_some() && !entry.text.is_empty())
    );
}

#[test]
fn an_interruption_that_becomes_known_late_still_stops_us() {
    let mut world = explaining();
    world.words_delay = Some(ms(900));
    world.sounds(12_000, 260, "espera");
    world.run(30_000);
    assert!(
        matches!(
            verdicts(&world)[..],
            [BargeIn::Paused { .. }, BargeIn::Resumed, BargeIn::Yielded]
        ),
        "{:?}",
        verdicts(&world)
    );
    assert_eq!(world.turns_asked().last(), Some(&("espera", false)));
}

#[test]
fn what_is_sent_again_begins_at_the_last_word_heard() {
    let mut world = explaining();
    world.sounds(12_000, 180, "");
    world.run(30_000);
    let clear = world
        .log
        .iter()
        .position(|(_, output)| *output == Output::Clear)
        .expect("paused");
    let mark = |(_, output): &(talia_dialogue::Moment, Output)| {
        if let Output::Mark(mark) = output {
            Some(*mark)
        } else {
            None
        }
    };
    let sent = world.log[..clear].iter().rev().find_map(mark).expect("marks before");
    let again = world.log[clear..].iter().find_map(mark).expect("marks after");
    assert_eq!((again.generation, again.segment), (1, sent.segment));
    // At most the lead, two latencies and one distance between marks are said twice; the oracle checks the bytes.
    assert!(
        again.samples <= sent.samples + 1_600 && again.samples + 3 * 1_600 >= sent.samples,
        "{again} after {sent}"
    );
}

#[test]
fn a_sign_of_listening_does_not_cost_the_answer() {
    let mut world = explaining();
    world.sounds(12_000, 350, "ajá");
    world.run(30_000);
    assert!(
        matches!(verdicts(&world)[..], [BargeIn::Paused { .. }, BargeIn::Resumed]),
        "{:?}",
        verdicts(&world)
    );
    assert!(
        world.transcript().contains(&format!("A: {LONG}")),
        "{:?}",
        world.transcript()
    );
    assert_eq!(world.turns_asked().len(), 1);
    let paused = world.when(|output| *output == Output::Clear).expect("paused");
    let resumed = world
        .when(|output| *output == Output::BargeIn(BargeIn::Resumed))
        .expect("resumed");
    assert!(between(paused, resumed) < ms(600), "{:?}", between(paused, resumed));
}

#[test]
fn a_cough_is_let_pass_even_if_the_recogniser_is_slow() {
    let mut world = explaining();
    world.words_delay = Some(ms(900));
    world.sounds(12_500, 180, "");
    world.run(30_000);
    assert!(
        matches!(verdicts(&world)[..], [BargeIn::Paused { .. }, BargeIn::Resumed]),
        "{:?}",
        verdicts(&world)
    );
    let paused = world.when(|output| *output == Output::Clear).expect("paused");
    let resumed = world
        .when(|output| *output == Output::BargeIn(BargeIn::Resumed))
        .expect("resumed");
    assert!(between(paused, resumed) <= ms(560), "{:?}", between(paused, resumed));
    assert!(world.transcript().contains(&format!("A: {LONG}")));
}

#[test]
fn our_first_moments_are_guarded_unless_the_caller_means_it() {
    let mut short = explaining();
    // The answer's first frame goes out at about 9.1 s.
    short.sounds(9_250, 200, "mm");
    short.run(30_000);
    let began = short
        .when(|output| matches!(output, Output::Measured(_)))
        .expect("answered");
    assert!(began < ms(9_500), "{began:?}");
    assert_eq!(short.count(|output| *output == Output::Clear), 0);
    assert!(short.transcript().contains(&format!("A: {LONG}")));

    let mut meant = explaining();
    meant.sounds(9_250, 260, "espera");
    meant.run(30_000);
    assert!(verdicts(&meant).contains(&BargeIn::Yielded), "{:?}", verdicts(&meant));
}

#[test]
fn a_storm_of_noises_does_not_keep_us_from_finishing() {
    let mut world = explaining();
    for burst in 0..40 {
        world.sounds(9_000 + burst * 600, 130, "");
    }
    world.run(45_000);
    assert!(
        world.transcript().contains(&format!("A: {LONG}")),
        "{:?}",
        world.transcript()
    );
    assert!(world.count(|output| *output == Output::Clear) <= 3);
}

#[test]
fn our_own_echo_does_not_stop_us() {
    let mut world = explaining();
    // The virtual voice is loud; its echo comes back 30 dB weaker.
    world.sounds(10_000, 3_000, "te cuento con calma cómo trabajamos");
    world.caller[1].level = -50.0;
    world.run(30_000);
    assert_eq!(world.count(|output| *output == Output::Clear), 0);
    assert!(world.transcript().contains(&format!("A: {LONG}")));
}

#[test]
fn an_echo_that_is_louder_than_expected_is_known_by_its_words() {
    let mut world = explaining();
    world.sounds(11_000, 420, "te cuento con calma");
    world.caller[1].level = -22.0;
    world.run(30_000);
    assert!(
        matches!(verdicts(&world)[..], [BargeIn::Paused { .. }, BargeIn::Resumed]),
        "{:?}",
        verdicts(&world)
    );
    assert!(world.transcript().iter().all(|line| line != "C: te cuento con calma"));
}

#[test]
fn yes_over_our_last_word_is_an_answer() {
    let mut world = World::new(|cue| match cue {
        Cue::Opening => Reply::opening(),
        Cue::Turn { text, .. } if text.contains("cuéntame") => Reply::say("¿Te parece bien que te llamemos mañana?"),
        Cue::Turn { .. } => Reply::say("Perfecto."),
        _ => Reply::default(),
    });
    world.speaks(6_500, "cuéntame cómo trabajan por favor");
    world.sounds(11_300, 300, "sí");
    world.run(16_000);
    assert_eq!(
        world.turns_asked().last(),
        Some(&("sí", false)),
        "{:?}",
        world.transcript()
    );
}
