//! When the caller's turn is over, and what is done when we were wrong.

use crate::reply::Reply;
use crate::world::{World, between, ms};
use talia_dialogue::{Cue, Moment, Output, Settings};
use talia_spanish::Expectation;

fn short(cue: &Cue) -> Reply {
    match cue {
        Cue::Opening => Reply::opening(),
        Cue::Turn { .. } => Reply::say("Muy bien, lo anoto con mucho gusto ahora mismo."),
        Cue::Filler => Reply::say("Déjame ver."),
        _ => Reply::say("¿Me lo repites?"),
    }
}

fn asked(world: &World) -> Moment {
    world
        .when(|output| {
            matches!(
                output,
                Output::Think {
                    about: Cue::Turn { .. },
                    ..
                }
            )
        })
        .expect("asked")
}

fn after_speech(world: &World) -> Moment {
    between(world.caller[0].to, asked(world))
}

#[test]
fn the_words_are_asked_for_at_the_pause_and_the_turn_ends_when_all_agree() {
    let mut world = World::new(short);
    world.speaks(6_500, "quiero una cita mañana");
    world.run(12_000);
    let pause = world
        .when(|output| matches!(output, Output::Transcribe { .. }))
        .expect("asked the ears");
    assert!(between(world.caller[0].to, pause) < ms(260));
    assert!(after_speech(&world) < ms(450), "{:?}", after_speech(&world));
}

fn asked_the_ears(world: &World) -> Moment {
    let asked = world.when(|output| matches!(output, Output::Transcribe { .. }));
    between(world.caller[0].to, asked.expect("asked the ears"))
}

#[test]
fn words_are_asked_for_before_the_pause_where_that_is_wanted_and_never_for_a_dictation() {
    let early = Settings {
        early_words: ms(64),
        ..Settings::default()
    };
    let phone = |cue: &Cue| match cue {
        Cue::Opening => Reply {
            expect: Some(Expectation::Phone),
            ..Reply::opening()
        },
        _ => short(cue),
    };
    let heard = |settings: &Settings, brain: fn(&Cue) -> Reply| {
        let mut world = World::with(settings.clone(), brain);
        world.words_delay = Some(ms(400));
        world.speaks(6_500, "quiero una cita mañana");
        world.run(14_000);
        assert_eq!(world.turns_asked(), [("quiero una cita mañana", false)]);
        (asked_the_ears(&world), after_speech(&world))
    };
    let (usual, early_open) = (heard(&Settings::default(), short), heard(&early, short));
    assert!(usual.0 >= ms(120) && early_open.0 < ms(80), "{usual:?} {early_open:?}");
    // What the recogniser gains, the answer gains.
    assert_eq!(between(early_open.1, usual.1), between(early_open.0, usual.0));
    assert!(heard(&early, phone).0 >= ms(120));
}

#[test]
fn words_asked_for_in_a_gap_are_asked_for_again_when_the_caller_goes_on() {
    let mut world = World::with(
        Settings {
            early_words: ms(64),
            ..Settings::default()
        },
        short,
    );
    world.words_delay = Some(ms(400));
    world.sounds(6_500, 600, "quiero una");
    world.sounds(7_200, 600, "cita mañana");
    world.run(14_000);
    assert_eq!(world.turns_asked(), [("quiero una cita mañana", false)]);
    let asked = |output: &Output| matches!(output, Output::Transcribe { .. });
    assert_eq!(world.log.iter().filter(|(_, output)| asked(output)).count(), 2);
}

#[test]
fn doubt_and_unfinished_words_wait_longer() {
    let mut doubtful = World::new(short);
    doubtful.sure = 0.1;
    doubtful.speaks(6_500, "quiero una cita mañana");
    doubtful.run(12_000);
    assert!(after_speech(&doubtful) >= ms(780), "{:?}", after_speech(&doubtful));

    let mut unfinished = World::new(short);
    unfinished.speaks(6_500, "quiero una cita y");
    unfinished.run(12_000);
    assert!(
        after_speech(&unfinished) >= ms(1_450),
        "{:?}",
        after_speech(&unfinished)
    );
}

#[test]
fn a_dictation_is_given_more_time() {
    let mut world = World::new(|cue| match cue {
        Cue::Opening => Reply {
            expect: Some(Expectation::Phone),
            ..Reply::opening()
        },
        _ => short(cue),
    });
    world.sure = 0.3;
    world.speaks(6_500, "cincuenta y cinco doce");
    world.speaks(9_000, "treinta y cuatro");
    world.run(15_000);
    assert_eq!(
        world.turns_asked(),
        [("cincuenta y cinco doce treinta y cuatro", false)]
    );
}

#[test]
fn the_predictor_alone_ends_nothing() {
    let mut world = World::new(short);
    world.words_delay = Some(ms(2_000));
    world.sure = 1.0;
    world.speaks(6_500, "quiero una cita mañana");
    world.run(14_000);
    assert!(after_speech(&world) >= ms(2_000));
}

#[test]
fn a_recogniser_that_fails_is_not_waited_for() {
    let mut world = World::new(short);
    world.words_delay = None;
    world.speaks(6_500, "quiero una cita mañana");
    world.run(12_000);
    assert!(world.cues().contains(&&Cue::NotUnderstood), "{:?}", world.cues());
}

#[test]
fn a_caller_who_goes_on_before_the_answer_was_heard_is_asked_about_once_with_all_words() {
    let mut world = World::new(short);
    world.speaks(6_500, "quiero una cita");
    // About 0.9 s later: the answer has just begun, or is about to.
    world.speaks(8_400, "para mañana por la tarde");
    world.run(16_000);
    let turns = world.turns_asked();
    assert_eq!(turns[0], ("quiero una cita", false));
    assert_eq!(turns[1], ("quiero una cita para mañana por la tarde", true));
    assert_eq!(world.oracle.forgotten.len(), 1);
    // The transcript holds each of the caller's words once.
    let lines = world.transcript();
    assert_eq!(
        lines.iter().filter(|line| line.contains("quiero una cita")).count(),
        1,
        "{lines:?}"
    );
}

#[test]
fn we_learn_how_long_this_caller_pauses() {
    let mut world = World::new(short);
    world.sure = 0.9;
    world.speaks(6_500, "quiero una cita");
    world.speaks(8_250, "para mañana por la tarde");
    world.speaks(17_000, "y también quisiera otra");
    world.run(25_000);
    let last = world.log.iter().rev().find(|(_, output)| {
        matches!(
            output,
            Output::Think {
                about: Cue::Turn { .. },
                ..
            }
        )
    });
    let waited = between(world.caller[2].to, last.expect("asked").0);
    assert!(
        waited >= ms(400),
        "after we cut the caller off we wait longer: {waited:?}"
    );
}

#[test]
fn a_reply_that_becomes_ready_while_the_caller_speaks_waits() {
    let mut world = World::new(|cue| match cue {
        Cue::Opening => Reply::opening(),
        _ => Reply {
            delay: ms(700),
            ..Reply::say("Muy bien, lo anoto con mucho gusto.")
        },
    });
    world.speaks(6_500, "quiero una cita");
    world.sounds(8_200, 1_800, "mm");
    world.run(16_000);
    // The oracle forbids a frame while the caller has the floor; the answer comes when the sound brought no turn.
    assert_eq!(world.turns_asked(), [("quiero una cita", false)]);
    assert!(
        world
            .transcript()
            .contains(&"A: Muy bien, lo anoto con mucho gusto.".to_owned())
    );
}

#[test]
fn a_slow_brain_is_bridged_once() {
    let slow = |delay| {
        move |cue: &Cue| match cue {
            Cue::Turn { .. } => Reply {
                delay: ms(delay),
                ..Reply::say("Ya lo tengo, es mañana a las diez.")
            },
            other => short(other),
        }
    };
    let mut world = World::new(slow(3_000));
    world.speaks(6_500, "quiero una cita mañana");
    world.run(15_000);
    assert_eq!(world.cues().iter().filter(|cue| ***cue == Cue::Filler).count(), 1);
    let lines = world.transcript();
    let filler = lines.iter().position(|line| line == "A: Déjame ver.");
    let answer = lines.iter().position(|line| line.starts_with("A: Ya lo tengo"));
    assert!(filler.is_some() && filler < answer, "{lines:?}");

    // The answer's audio is there before the filler's.
    let mut nearly = World::new(slow(1_150));
    nearly.voice_delay = ms(160);
    nearly.speaks(6_500, "quiero una cita mañana");
    nearly.run(15_000);
    assert!(nearly.cues().contains(&&Cue::Filler));
    assert!(
        !nearly.transcript().contains(&"A: Déjame ver.".to_owned()),
        "{:?}",
        nearly.transcript()
    );
}

#[test]
fn a_caller_who_never_stops_is_taken_at_their_word() {
    let settings = Settings {
        longest_turn: ms(6_000),
        ..Settings::default()
    };
    let mut world = World::with(settings, short);
    world.sounds(
        6_500,
        14_000,
        "pues le cuento que ayer fui al mercado con mi prima y encontramos fruta muy barata aunque luego llovió toda la tarde sin parar",
    );
    world.run(25_000);
    assert!(asked(&world) < ms(13_500), "{:?}", asked(&world));
    let spoke = world
        .when(|output| matches!(output, Output::Measured(_)))
        .expect("we spoke");
    assert!(spoke < ms(15_000), "{spoke:?}");
}

fn waits_once() -> impl FnMut(&Cue) -> Reply {
    let mut asked = 0;
    move |cue| {
        asked += u32::from(matches!(cue, Cue::Turn { .. }));
        match cue {
            Cue::Turn { .. } if asked == 1 => Reply {
                not_yet: true,
                delay: ms(200),
                ..Reply::default()
            },
            _ => short(cue),
        }
    }
}

#[test]
fn what_the_brain_takes_for_unfinished_is_waited_for_and_becomes_part_of_the_next_question() {
    let mut world = World::new(waits_once());
    world.speaks(6_500, "quiero una cita para mañana");
    world.speaks(9_200, "a las cinco");
    world.run(16_000);
    assert_eq!(
        world.turns_asked(),
        [
            ("quiero una cita para mañana", false),
            ("quiero una cita para mañana a las cinco", true)
        ]
    );
}

#[test]
fn when_the_rest_does_not_come_the_words_are_asked_about_again() {
    let mut world = World::new(waits_once());
    world.speaks(6_500, "quiero una cita para mañana");
    world.run(16_000);
    assert_eq!(
        world.turns_asked(),
        [
            ("quiero una cita para mañana", false),
            ("quiero una cita para mañana", true)
        ]
    );
    let thoughts: Vec<Moment> = world
        .log
        .iter()
        .filter(|(_, output)| {
            matches!(
                output,
                Output::Think {
                    about: Cue::Turn { .. },
                    ..
                }
            )
        })
        .map(|(at, _)| *at)
        .collect();
    let waited = between(thoughts[0], thoughts[1]);
    assert!((ms(1_650)..ms(1_800)).contains(&waited), "{waited:?}");
    // No filler bridges a wait for the caller.
    assert_eq!(
        world.count(|output| matches!(output, Output::Think { about: Cue::Filler, .. })),
        0
    );
}

#[test]
fn a_slow_brain_is_told_the_words_of_a_pause_before_the_turn_is_over() {
    let mut world = World::new(short);
    world.sure = 0.1;
    world.speaks(6_500, "quiero una cita mañana");
    world.run(12_000);
    let told = world
        .log
        .iter()
        .find_map(|(at, output)| match output {
            Output::Prepare { text, revises, .. } => Some((*at, text.as_str(), *revises)),
            _ => None,
        })
        .expect("told");
    assert_eq!((told.1, told.2), ("quiero una cita mañana", None));
    assert!(
        between(told.0, asked(&world)) > ms(300),
        "{:?}",
        between(told.0, asked(&world))
    );
    assert_eq!(world.count(|output| matches!(output, Output::Prepare { .. })), 1);
}

#[test]
fn a_streamed_yes_is_told_while_the_caller_still_speaks() {
    let mut world = World::new(|cue| match cue {
        Cue::Opening => Reply {
            expect: Some(Expectation::YesNo),
            ..Reply::opening()
        },
        _ => short(cue),
    });
    world.partials = true;
    world.sounds(6_500, 900, "sí");
    world.run(12_000);
    let told = world
        .when(|output| matches!(output, Output::Prepare { .. }))
        .expect("told");
    assert!(told < world.caller[0].to + ms(40), "{told:?}");
}
