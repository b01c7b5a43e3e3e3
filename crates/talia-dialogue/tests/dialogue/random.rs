//! Random callers, delays and inputs: the oracle watches, and every call ends.

use crate::reply::Reply;
use crate::world::{World, ms};
use proptest::prelude::*;
use std::time::Duration;
use talia_dialogue::{
    Cue, CueId, Dialogue, EndReason, Input, JobId, Moment, Output, SegmentId, Settings, Speech, SpeechKind, TurnId,
    UtteranceId, VoiceStep, heard_prefix,
};
use talia_spanish::Expectation;

#[derive(Debug, Clone)]
struct Caller {
    sounds: Vec<(u64, u64, &'static str)>,
    keys: Vec<u64>,
    words_delay: Option<u64>,
    brain_delay: u64,
    voice_delay: u64,
    latency: u64,
    gap: u64,
    late: u64,
    partials: bool,
    listens: bool,
    own_voice: bool,
    early_words: u64,
    sure: f32,
    deaf: bool,
    mute: bool,
    ends: Option<(u64, bool)>,
}

fn caller() -> impl Strategy<Value = Caller> {
    let word = prop_oneof![
        Just(""),
        Just("ajá"),
        Just("sí"),
        Just("espera"),
        Just("quiero una cita y"),
        Just("mi correo es ana arroba ejemplo punto com"),
        Just("adiós muchas gracias"),
    ];
    let sounds = prop::collection::vec((0_u64..60_000, 40_u64..5_000, word), 0..25);
    (
        sounds,
        prop::collection::vec(0_u64..60_000, 0..4),
        prop::option::weighted(0.9, 10_u64..2_500),
        0_u64..7_000,
        0_u64..1_500,
        (
            0_u64..400,
            10_u64..900,
            prop_oneof![Just(0_u64), 0_u64..70],
            (any::<bool>(), any::<bool>(), any::<bool>()),
            40_u64..200,
        ),
        (0.0_f32..1.0, prop::bool::weighted(0.1), prop::bool::weighted(0.1)),
        prop::option::weighted(0.3, (0_u64..60_000, any::<bool>())),
    )
        .prop_map(
            |(
                sounds,
                keys,
                words_delay,
                brain_delay,
                voice_delay,
                (latency, gap, late, (partials, listens, own_voice), early_words),
                (sure, deaf, mute),
                ends,
            )| Caller {
                sounds,
                keys,
                words_delay,
                brain_delay,
                voice_delay,
                latency,
                gap,
                late,
                partials,
                listens,
                own_voice,
                early_words,
                sure,
                deaf,
                mute,
                ends,
            },
        )
}

fn world(caller: &Caller) -> World {
    let settings = Settings {
        longest_call: ms(70_000),
        longest_turn: ms(12_000),
        early_words: ms(caller.early_words),
        ..Settings::default()
    };
    let (delay, own_voice) = (caller.brain_delay, caller.own_voice);
    let mut waited_for = String::new();
    let mut world = World::with(settings, move |cue| {
        let reply = match cue {
            // Once: the same words again are all there is.
            Cue::Turn { text, .. } if text.ends_with(" y") && *text != waited_for => {
                waited_for.clone_from(text);
                Reply {
                    not_yet: true,
                    ..Reply::default()
                }
            }
            Cue::Opening => return Reply::opening(),
            Cue::Turn { text, .. } if text.contains("adiós") => Reply::goodbye("Hasta luego, que te vaya bien."),
            Cue::Turn { .. } => Reply {
                sentences: vec![
                    (SpeechKind::Answer, "Claro que sí, ahora te lo cuento con calma.".into()),
                    (
                        SpeechKind::Answer,
                        "¿Me das tu correo para mandarte la información?".into(),
                    ),
                ],
                expect: Some(Expectation::Email),
                ..Reply::default()
            },
            Cue::Closing(_) => Reply::goodbye("Te tengo que dejar."),
            _ => Reply::say("Dime, por favor."),
        };
        Reply {
            delay: ms(delay),
            own_voice,
            ..reply
        }
    });
    for (from, length, text) in &caller.sounds {
        world.sounds(*from, *length, text);
    }
    for at in &caller.keys {
        world.presses(*at, '5');
        if at % 3 == 0 {
            world.announces(at / 2, "Un momento, por favor. Te busco el precio exacto.");
        }
    }
    match caller.ends {
        Some((at, true)) => world.hangs_up(at),
        Some((at, false)) => world.finishes(at, EndReason::Draining),
        None => {}
    }
    world.words_delay = caller.words_delay.map(ms);
    world.voice_delay = ms(caller.voice_delay);
    world.line.latency = ms(caller.latency);
    world.voice_gap = ms(caller.gap);
    world.late = ms(caller.late);
    world.partials = caller.partials;
    world.listens = caller.listens;
    world.line.deaf = caller.deaf;
    world.sure = caller.sure;
    world.mute = caller.mute.then_some("correo");
    world
}

/// Any input at all, with identities that may or may not exist.
fn garbage(kind: u8, id: u32, dialogue: &mut Dialogue, now: Moment) {
    let text = ["", "hola", "espera", "sí", "quiero una cita"][id as usize % 5];
    let kinds = [
        SpeechKind::Disclosure,
        SpeechKind::Answer,
        SpeechKind::Filler,
        SpeechKind::Nudge,
        SpeechKind::Goodbye,
    ];
    let name = format!("t.{}.{}.{}", id % 3, id % 4, (id % 5) * 1_600);
    let audio = vec![7_u8; (id as usize * 97) % 5_000];
    let voice = |probability| {
        Input::Voice(VoiceStep {
            probability,
            level_dbfs: [f32::NAN, -20.0, -90.0][id as usize % 3],
            duration: ms(u64::from(id) % 90),
        })
    };
    let input = match kind {
        0 => Input::Opened,
        1 => voice(0.95),
        2 => voice(0.0),
        3 => voice(f32::NAN),
        4 => Input::Partial { turn: TurnId(id), text },
        5 => Input::Transcribed { job: JobId(id), text },
        6 => Input::TranscriptionFailed { job: JobId(id) },
        7 => Input::EndOfTurn {
            job: JobId(id),
            probability: id as f32 / 10.0,
        },
        8 => Input::Digit(['1', '#', 'z'][id as usize % 3]),
        9 => Input::Say(Speech {
            cue: CueId(id),
            text,
            kind: kinds[id as usize % 5],
        }),
        10 => Input::Expect {
            cue: CueId(id),
            expectation: Expectation::Email,
        },
        11 => Input::Answered { cue: CueId(id) },
        12 => Input::EndCall { cue: CueId(id) },
        13 => Input::Audio {
            segment: SegmentId(id),
            mulaw: &audio,
        },
        14 => Input::AudioEnd { segment: SegmentId(id) },
        15 => Input::AudioFailed { segment: SegmentId(id) },
        16 => Input::Mark(&name),
        20 => Input::Listened { job: JobId(id) },
        21 => Input::Words { turn: TurnId(id), text },
        22 => Input::Speak {
            cue: CueId(id),
            utterance: UtteranceId(now.as_millis() as u32),
        },
        23 => Input::Text {
            segment: SegmentId(id),
            text,
        },
        19 => Input::NotYet {
            cue: CueId(id),
            thinking: id.is_multiple_of(2),
        },
        24 => Input::Announce { text },
        25 if id == 9 => Input::End(EndReason::Operator),
        17 if id == 9 => Input::HungUp,
        18 if id == 9 => Input::Finish(EndReason::Operator),
        _ => Input::Tick,
    };
    dialogue.handle(now, input);
}

proptest! {
    #[test]
    fn every_call_keeps_the_rules_and_ends(caller in caller()) {
        let mut world = world(&caller);
        world.run(400_000);
        prop_assert!(world.end().is_some(), "still {:?} at {:?}", world.dialogue.state(), world.now);
        prop_assert!(world.now <= ms(70_000 + 20_000), "{:?}", world.now);
        let started = world.count(|output| matches!(output, Output::TurnStarted { .. }));
        let closed = world.count(|output| matches!(output, Output::TurnClosed { .. }));
        prop_assert_eq!(started, closed);
    }

    #[test]
    fn any_input_in_any_order_is_survived(steps in prop::collection::vec((0_u8..26, 0_u32..12, 0_u64..400), 0..400)) {
        let mut dialogue = Dialogue::new(Settings { longest_call: ms(60_000), ..Settings::default() });
        let mut now = Duration::ZERO;
        dialogue.handle(now, Input::Opened);
        let (mut ends, mut disclosed) = (0, false);
        for (kind, id, wait) in steps {
            now += ms(wait);
            garbage(kind, id, &mut dialogue, now);
            while let Some(output) = dialogue.poll_output() {
                prop_assert_eq!(ends, 0, "after the end: {:?}", output);
                ends += usize::from(matches!(output, Output::HangUp(_)));
                disclosed |= output == Output::DisclosureHeard;
                if let Output::Think { about: Cue::Turn { .. } | Cue::Digits(_) | Cue::Silence { .. }, .. } = output {
                    prop_assert!(disclosed);
                }
            }
            prop_assert_eq!(dialogue.is_over(), ends == 1);
            prop_assert!(dialogue.next_deadline().map_or(ends == 1, |at| at > now));
        }
        // Left alone, it ends by its own timers.
        let mut ticks = 0;
        while let Some(at) = dialogue.next_deadline() {
            dialogue.handle(at, Input::Tick);
            while dialogue.poll_output().is_some() {}
            ticks += 1;
            prop_assert!(ticks < 100_000, "ticks for ever at {:?} in {:?}", at, dialogue.state());
        }
        prop_assert!(dialogue.is_over());
    }

    #[test]
    fn the_heard_words_are_a_prefix_that_grows(text in "[a-zñáé¿?, ]{0,60}", one in 0.0_f32..1.2, two in 0.0_f32..1.2) {
        let (less, more) = if one < two { (one, two) } else { (two, one) };
        let (less, more) = (heard_prefix(&text, less), heard_prefix(&text, more));
        prop_assert!(text.starts_with(less) && more.starts_with(less));
        let next = text[less.len()..].chars().next();
        prop_assert!(less.is_empty() || next.is_none_or(char::is_whitespace), "{:?} cuts a word", less);
    }
}
