//! A brain that hears and speaks by itself: words that come late, text that grows, and what was heard of its audio.

use crate::reply::Reply;
use crate::world::{World, ms};
use std::time::Duration;
use talia_dialogue::{BargeIn, Cue, EndReason, Output, SpeechKind, TranscriptionPurpose};

const LONG: &str = "Mira, te cuento con calma cómo trabajamos: primero hablamos contigo, después preparamos una propuesta y al final la revisamos juntos.";

fn own(text: &str) -> Reply {
    Reply {
        own_voice: true,
        ..Reply::say(text)
    }
}

fn talking() -> World {
    let mut world = World::new(|cue| match cue {
        Cue::Opening => Reply::opening(),
        Cue::Turn { .. } => own(LONG),
        _ => Reply::say("¿Sigues ahí?"),
    });
    world.listens = true;
    world.speaks(6_500, "cuéntame cómo trabajan por favor");
    world
}

fn cuts(world: &World) -> Vec<Duration> {
    let cut = |(_, output): &(_, Output)| match output {
        Output::Cut { heard, .. } => Some(*heard),
        _ => None,
    };
    world.log.iter().filter_map(cut).collect()
}

#[test]
fn a_turn_ends_without_words_and_its_line_is_written_before_the_answer() {
    let mut world = talking();
    world.words_delay = Some(ms(1_900));
    world.run(20_000);
    let asked = world
        .when(|output| {
            matches!(
                output,
                Output::Think {
                    about: Cue::Turn { .. },
                    ..
                }
            )
        })
        .expect("asked");
    let written = world
        .when(|output| matches!(output, Output::Transcript(entry) if entry.text.starts_with("cuéntame")))
        .expect("written");
    assert!(
        asked + ms(1_500) < written,
        "the turn waited for its words: {asked:?} {written:?}"
    );
    let lines = world.transcript();
    assert_eq!(
        lines[2..],
        ["C: cuéntame cómo trabajan por favor".to_owned(), format!("A: {LONG}")]
    );
    assert_eq!(world.turns_asked(), [("", false)]);
    let entries = world.entries();
    assert!(entries[3].own_voice && !entries[0].own_voice && !entries[2].own_voice);
}

#[test]
fn an_answer_that_was_heard_before_the_callers_words_came_stands_behind_them() {
    let mut world = World::new(|cue| match cue {
        Cue::Opening => Reply::opening(),
        _ => own("Sí."),
    });
    world.listens = true;
    world.words_delay = Some(ms(4_000));
    world.speaks(6_500, "me escuchas bien");
    world.run(14_000);
    assert_eq!(world.transcript()[2..], ["C: me escuchas bien", "A: Sí."]);
}

#[test]
fn words_that_never_come_hold_nothing_up_for_ever() {
    let mut world = talking();
    world.speaks(26_000, "y cuánto cuesta");
    world.words_delay = None;
    world.run(40_000);
    assert_eq!(world.transcript()[2], format!("A: {LONG}"));
    assert_eq!(world.turns_asked().len(), 2);
}

#[test]
fn a_doubtful_pause_is_longer_than_one_that_the_predictor_believes() {
    let asked = |sure: f32| {
        let mut world = talking();
        world.sure = sure;
        world.run(12_000);
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
    };
    assert!(asked(0.9) + ms(400) <= asked(0.1));
}

#[test]
fn a_breath_is_no_turn() {
    let mut world = talking();
    world.caller.clear();
    world.sounds(6_500, 90, "");
    world.run(9_000);
    assert_eq!(world.turns_asked(), []);
    assert!(world.oracle.words_due.is_empty());
}

#[test]
fn where_we_were_cut_is_told_in_time() {
    let mut world = talking();
    world.speaks(13_000, "perdona que te corte cuánto me cuesta");
    world.run(16_000);
    assert_eq!(world.count(|output| *output == Output::BargeIn(BargeIn::Yielded)), 1);
    let [cut] = cuts(&world)[..] else {
        panic!("{:?}", cuts(&world))
    };
    let entries = world.entries();
    let line = entries
        .iter()
        .find(|entry| entry.unheard.is_some())
        .expect("a line that was cut");
    // Up to the last mark for the transcript, by the clock for the brain: apart by no more than a mark and its way.
    let marked = line.ended.saturating_sub(line.began);
    assert!(
        cut >= marked.saturating_sub(ms(250)) && cut <= marked + ms(400),
        "{cut:?} {marked:?}"
    );
    let (heard, unheard) = (&line.text, line.unheard.as_deref().unwrap_or_default());
    assert!(
        !heard.is_empty() && LONG.starts_with(heard.as_str()) && LONG.contains(unheard),
        "{line:?}"
    );
}

#[test]
fn a_false_alarm_does_not_trouble_the_brain() {
    let mut world = talking();
    world.sounds(13_000, 200, "ajá");
    world.run(24_000);
    assert_eq!(world.count(|output| *output == Output::BargeIn(BargeIn::Resumed)), 1);
    let judged = |output: &Output| {
        matches!(
            output,
            Output::Transcribe {
                purpose: TranscriptionPurpose::Judge,
                ..
            }
        )
    };
    assert!(world.count(judged) > 0, "words decide, whoever hears them");
    assert!(cuts(&world).is_empty());
    assert!(
        world.transcript().contains(&format!("A: {LONG}")),
        "{:?}",
        world.transcript()
    );
}

#[test]
fn the_last_words_of_a_caller_who_hangs_up_are_written_down() {
    let mut world = talking();
    world.speaks(22_000, "bueno gracias");
    world.hangs_up(22_900);
    world.run(30_000);
    assert!(world.end().is_some());
    let lines = world.transcript();
    assert!(
        lines.last().is_some_and(|line| line.starts_with("C: bueno")),
        "{lines:?}"
    );
}

#[test]
fn nothing_of_its_own_comes_before_the_disclosure() {
    let mut world = World::new(|cue| match cue {
        Cue::Opening => Reply {
            sentences: vec![
                (SpeechKind::Answer, "¿En qué te puedo ayudar?".into()),
                (SpeechKind::Disclosure, "Soy una inteligencia artificial.".into()),
            ],
            own_voice: true,
            ..Reply::opening()
        },
        _ => own("Sí."),
    });
    world.run(8_000);
    assert_eq!(
        world.transcript(),
        ["A: Soy una inteligencia artificial.", "A: ¿En qué te puedo ayudar?"]
    );
}

/// Whenever the call is ended: a sentence of which not every word had come yet counts as cut, though all that had come was heard.
#[test]
fn a_sentence_that_is_still_growing_is_never_written_as_whole() {
    let mut unfinished = 0;
    for at in (8_000..16_000).step_by(40) {
        let mut world = talking();
        world.words_delay = Some(ms(10));
        world.voice_gap = ms(797);
        world.finishes(at, EndReason::Draining);
        world.run(60_000);
        let lines = world.log.iter().filter_map(|(_, output)| match output {
            Output::Transcript(entry) => Some(entry),
            _ => None,
        });
        for line in lines.filter(|line| line.own_voice) {
            if !line.text.is_empty() && line.text != LONG {
                assert!(line.unheard.is_some(), "ended at {at} ms: {line:?}");
                unfinished += 1;
            }
        }
    }
    assert!(unfinished > 50, "only {unfinished} sentences were cut");
}
