//! A whole call, and the clock that runs an hour of them.

use crate::reply::Reply;
use crate::world::{World, between, ms};
use talia_dialogue::{Cue, EndReason, Output};

fn polite(cue: &Cue) -> Reply {
    match cue {
        Cue::Opening => Reply::opening(),
        Cue::Turn { text, .. } if text.contains("gracias") => Reply::goodbye("Gracias por llamar, hasta luego."),
        Cue::Turn { .. } => Reply::say("Claro que sí, con mucho gusto te cuento cómo funciona."),
        Cue::Closing(_) => Reply::goodbye("Te dejo por ahora, hasta luego."),
        Cue::Silence { .. } => Reply::say("¿Sigues ahí?"),
        Cue::Filler => Reply::say("Déjame ver."),
        _ => Reply::say("¿Me lo repites?"),
    }
}

#[test]
fn a_call_from_the_opening_to_the_end() {
    let mut world = World::new(polite);
    world.speaks(6_500, "quiero saber cómo funciona el servicio");
    world.speaks(15_000, "muy bien muchas gracias");
    world.run(60_000);
    assert_eq!(
        world.transcript(),
        [
            "A: Hola, soy TalIA, una inteligencia artificial.",
            "A: ¿En qué te puedo ayudar?",
            "C: quiero saber cómo funciona el servicio",
            "A: Claro que sí, con mucho gusto te cuento cómo funciona.",
            "C: muy bien muchas gracias",
            "A: Gracias por llamar, hasta luego.",
        ]
    );
    assert_eq!(world.end(), Some(EndReason::Finished));
    assert!(world.line.deepest <= ms(140), "{:?}", world.line.deepest);
    assert_eq!(world.count(|output| *output == Output::Clear), 0);
}

#[test]
fn nothing_is_said_before_the_disclosure_was_heard() {
    let mut world = World::new(|cue| match cue {
        Cue::Opening => {
            let mut reply = Reply::opening();
            reply.sentences.swap(0, 1);
            reply
        }
        other => polite(other),
    });
    world.run(5_000);
    let heard = world
        .when(|output| *output == Output::DisclosureHeard)
        .expect("the disclosure is said all the same");
    let first = world.transcript();
    assert!(first[0].starts_with("A: Hola, soy TalIA"), "{first:?}");
    assert!(heard > ms(2_000));
}

#[test]
fn without_a_disclosure_the_call_does_not_go_on() {
    for reply in [
        Reply::say("Hola, buenas tardes."),
        Reply::default(),
        Reply {
            silent: true,
            ..Reply::default()
        },
    ] {
        let mut world = World::new(move |_| reply.clone());
        world.run(20_000);
        assert_eq!(world.end(), Some(EndReason::Failure));
        assert_eq!(world.line.frames, 0);
    }
}

#[test]
fn the_caller_talks_over_the_disclosure_and_is_answered_after_it() {
    let mut world = World::new(polite);
    world.speaks(700, "oiga me interesa el precio");
    world.run(9_000);
    let lines = world.transcript();
    assert!(
        lines.contains(&"A: Hola, soy TalIA, una inteligencia artificial.".to_owned()),
        "{lines:?}"
    );
    assert_eq!(world.turns_asked(), [("oiga me interesa el precio", false)]);
    let asked = world.when(|output| {
        matches!(
            output,
            Output::Think {
                about: Cue::Turn { .. },
                ..
            }
        )
    });
    assert!(asked >= world.when(|output| *output == Output::DisclosureHeard));
}

#[test]
fn a_greeting_over_the_disclosure_does_not_cost_the_welcome() {
    let mut world = World::new(polite);
    world.sounds(300, 350, "hola");
    world.run(6_000);
    assert!(world.transcript().contains(&"A: ¿En qué te puedo ayudar?".to_owned()));
    assert!(world.turns_asked().is_empty());
}

#[test]
fn the_stages_of_a_turn_are_measured_in_order() {
    let mut world = World::new(polite);
    world.speaks(6_500, "quiero saber cómo funciona el servicio");
    world.run(14_000);
    let timing = world.log.iter().find_map(|(_, output)| {
        if let Output::Measured(timing) = output {
            Some(*timing)
        } else {
            None
        }
    });
    let timing = timing.expect("measured");
    let stages = [
        timing.speech_ended,
        timing.transcribed,
        timing.decided,
        timing.first_text,
        timing.first_audio,
        timing.first_frame,
        timing.first_heard,
    ];
    assert!(stages.is_sorted(), "{stages:?}");
    assert!(between(timing.speech_ended, timing.decided) < ms(500), "{timing:?}");
}

#[test]
fn frames_go_out_on_absolute_deadlines_and_without_gaps() {
    let mut world = World::new(polite);
    world.run(2_500);
    let sent: Vec<_> = world
        .log
        .iter()
        .filter(|(_, output)| matches!(output, Output::Frame(_)))
        .map(|(at, _)| *at)
        .collect();
    let ahead = sent.iter().filter(|at| **at == sent[0]).count();
    assert_eq!(ahead, 7, "the lead is filled at once, no more");
    for pair in sent[ahead..].windows(2) {
        assert_eq!(between(pair[0], pair[1]), ms(20));
    }
}

/// One hour of callers who are answered, interrupt, fall silent and go.
#[test]
fn an_hour_of_calls_runs_in_seconds() {
    #[expect(clippy::disallowed_methods, reason = "measures how fast the machine itself runs")]
    let started = std::time::Instant::now();
    let (mut simulated, mut machine, mut inputs, mut calls) = (ms(0), ms(0), 0, 0_u64);
    while simulated < ms(3_600_000) {
        let mut world = World::new(polite);
        let mut at = 6_000 + calls % 7 * 130;
        for turn in 0..8 {
            world.speaks(at, "me interesa saber un poco más de esto");
            at += 5_500 + (calls * 37 + turn * 911) % 4_000;
        }
        world.speaks(at, "bueno muchas gracias por todo");
        world.run(200_000);
        assert!(world.end().is_some());
        simulated += world.now;
        inputs += world.inputs;
        machine += world.machine;
        calls += 1;
    }
    let taken = started.elapsed();
    let line = format!(
        "{calls} calls, {:.0} s of talk in {:.2} s: {:.0} times real time; the machine takes {:.2} µs an input, {:.1} µs a second of talk",
        simulated.as_secs_f32(),
        taken.as_secs_f32(),
        simulated.as_secs_f32() / taken.as_secs_f32(),
        machine.as_secs_f64() * 1e6 / inputs as f64,
        machine.as_secs_f64() * 1e6 / simulated.as_secs_f64(),
    );
    println!("{line}");
    assert!(taken < simulated / 60, "{line}");
}
