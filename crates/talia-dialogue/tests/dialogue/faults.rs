//! Ears, brain, mouth and line that fail.

use crate::reply::Reply;
use crate::world::{World, ms};
use talia_dialogue::{Cue, EndReason, Input, JobId, MarkId, Output, SegmentId, Settings, Speech, SpeechKind, State};

fn brain(cue: &Cue) -> Reply {
    match cue {
        Cue::Opening => Reply::opening(),
        Cue::Turn { .. } => Reply {
            sentences: vec![
                (SpeechKind::Answer, "Primera frase de la respuesta.".into()),
                (SpeechKind::Answer, "Segunda frase, que no suena.".into()),
                (SpeechKind::Answer, "Tercera frase de la respuesta.".into()),
            ],
            delay: ms(50),
            ..Reply::default()
        },
        Cue::Closing(_) => Reply::goodbye("Hasta luego."),
        _ => Reply::say("¿Me lo repites?"),
    }
}

#[test]
fn a_sentence_that_cannot_be_made_is_skipped() {
    let mut world = World::new(brain);
    world.mute = Some("no suena");
    world.speaks(6_500, "quiero una cita mañana");
    world.run(16_000);
    let lines = world.transcript();
    assert!(
        lines.contains(&"A: Primera frase de la respuesta.".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"A: Tercera frase de la respuesta.".to_owned()),
        "{lines:?}"
    );
    assert!(lines.iter().all(|line| !line.starts_with("A: Segunda")), "{lines:?}");
}

#[test]
fn a_disclosure_that_cannot_be_made_ends_the_call() {
    let mut world = World::new(brain);
    world.mute = Some("inteligencia");
    world.run(16_000);
    assert_eq!(world.end(), Some(EndReason::Failure));
    assert_eq!(world.line.frames, 0);
}

#[test]
fn a_brain_that_never_answers_leaves_no_dead_air() {
    let mut world = World::new(|cue| match cue {
        Cue::Turn { .. } => Reply {
            silent: true,
            ..Reply::default()
        },
        other => brain(other),
    });
    world.speaks(6_500, "quiero una cita mañana");
    world.run(20_000);
    assert!(world.cues().contains(&&Cue::NotUnderstood));
    assert!(world.transcript().contains(&"A: ¿Me lo repites?".to_owned()));

    let mut dead = World::new(|cue| match cue {
        Cue::Opening => Reply::opening(),
        _ => Reply {
            silent: true,
            ..Reply::default()
        },
    });
    dead.speaks(6_500, "quiero una cita mañana");
    dead.run(60_000);
    assert_eq!(dead.end(), Some(EndReason::Failure));
    assert!(dead.now < ms(30_000), "{:?}", dead.now);
}

#[test]
fn marks_that_never_return_count_by_the_clock_and_say_so() {
    let mut world = World::new(brain);
    world.line.deaf = true;
    world.speaks(16_000, "quiero una cita mañana");
    world.run(40_000);
    let entries = world.entries();
    assert!(world.when(|output| *output == Output::DisclosureHeard).is_some());
    assert!(
        entries
            .iter()
            .filter(|entry| entry.kind.is_some() && !entry.text.is_empty())
            .all(|entry| entry.by_timer),
        "{entries:?}"
    );
    assert!(
        world
            .transcript()
            .contains(&"A: Tercera frase de la respuesta.".to_owned())
    );
}

#[test]
fn audio_that_comes_late_is_not_sent_in_a_burst() {
    let mut world = World::new(brain);
    // Each piece lasts 417 ms and the next comes 650 ms later: the line runs dry between them.
    world.voice_gap = ms(650);
    world.speaks(12_000, "quiero una cita mañana");
    world.run(35_000);
    assert!(world.line.deepest <= ms(140), "{:?}", world.line.deepest);
    assert!(
        world
            .transcript()
            .contains(&"A: Tercera frase de la respuesta.".to_owned()),
        "{:?}",
        world.transcript()
    );
}

#[test]
fn late_ticks_do_not_let_the_line_run_dry() {
    let mut world = World::new(brain);
    world.late = ms(60);
    world.run(6_000);
    let sent: Vec<_> = world
        .log
        .iter()
        .filter(|(_, output)| matches!(output, Output::Frame(_)))
        .map(|(at, _)| *at)
        .collect();
    let in_two_seconds = sent.iter().filter(|at| **at <= sent[0] + ms(2_000)).count();
    // 2 s of frames and the lead, less what one late tick holds back.
    assert!((103..=107).contains(&in_two_seconds), "{in_two_seconds}");
}

#[test]
fn any_settings_are_workable() {
    for wait in [ms(0), std::time::Duration::MAX] {
        let settings = Settings {
            speech_onset: wait,
            pause: wait,
            barge_in_verdict: wait,
            play_out_lead: wait,
            mark_interval: ms(200),
            filler_after: wait,
            nudge_after: wait,
            longest_turn: wait,
            longest_call: wait,
            stall: wait,
            ..Settings::default()
        };
        let mut world = World::with(settings, brain);
        world.speaks(1_000, "quiero una cita mañana");
        world.hangs_up(30_000);
        world.run(60_000);
        assert!(world.end().is_some());
    }
}

#[test]
fn a_line_that_stops_in_the_middle_of_a_word_ends_the_turn_by_the_clock() {
    let mut world = World::new(brain);
    world.speaks(6_500, "quiero una cita mañana por la tarde");
    world.steps_until = ms(8_000);
    world.run(30_000);
    assert_eq!(world.turns_asked().len(), 1);
}

#[test]
fn garbage_is_counted_and_changes_nothing() {
    let mut world = World::new(brain);
    world.run(7_000);
    let before = world.dialogue.state();
    let cue = talia_dialogue::CueId(999);
    let segment = SegmentId(999);
    for input in [
        Input::Transcribed {
            job: JobId(999),
            text: "hola",
        },
        Input::TranscriptionFailed { job: JobId(999) },
        Input::EndOfTurn {
            job: JobId(999),
            probability: f32::NAN,
        },
        Input::Partial {
            turn: talia_dialogue::TurnId(999),
            text: "hola",
        },
        Input::Say(Speech {
            cue,
            text: "hola",
            kind: SpeechKind::Answer,
        }),
        Input::Answered { cue },
        Input::EndCall { cue },
        Input::Audio {
            segment,
            mulaw: &[0; 500],
        },
        Input::AudioEnd { segment },
        Input::AudioFailed { segment },
        Input::Mark("t.0.1.160"),
        Input::Mark("nonsense"),
        Input::Digit('x'),
        Input::Opened,
    ] {
        world.give(input);
    }
    let refused = world.dialogue.refused();
    assert_eq!(
        (
            refused.jobs,
            refused.cues,
            refused.audio,
            refused.marks,
            refused.digits,
            refused.late
        ),
        (4, 3, 3, 2, 1, 1)
    );
    assert_eq!(world.dialogue.state(), before);
    assert_eq!(before, State::Listening);
}

#[test]
fn a_call_that_never_opens_ends() {
    let mut dialogue = talia_dialogue::Dialogue::new(Settings::default());
    let at = dialogue.next_deadline().expect("a timer from the start");
    dialogue.handle(at, Input::Tick);
    assert_eq!(dialogue.poll_output(), Some(Output::HangUp(EndReason::Failure)));
    assert!(dialogue.is_over());
}

#[test]
fn marks_keep_their_names() {
    let mark = MarkId {
        generation: 3,
        segment: SegmentId(7),
        samples: 1_600,
    };
    assert_eq!(MarkId::parse(&mark.to_string()), Some(mark));
    for name in [
        "",
        "t",
        "t.1",
        "t.1.2",
        "t.1.2.3.4",
        "x.1.2.3",
        "t.1.2.-3",
        "t.1.2.99999999999",
    ] {
        assert_eq!(MarkId::parse(name), None, "{name}");
    }
}
