//! F2 to F6 of the fault catalogue: half-open, silent line, slow uplink, repeated and revised results, refused key.

use super::rig::{KINDS, Rig, SAYS, fake, fake_with, name, silence};
use crate::harness::eventually;
use std::time::Duration;
use talia_simulator::providers::stt::{SttFault, SttKind};
use talia_voice::ears::stream::session::Command;
use talia_voice::providers::FaultClass;

/// F2.
#[tokio::test]
async fn a_half_open_stream_is_found_within_three_seconds() {
    for kind in KINDS {
        let fake = fake(kind).await;
        fake.plan().next(&[SttFault::HalfOpenAt(9_000)]);
        let mut rig = Rig::new(&[(kind, &fake)], None);
        let began = rig.clock.elapsed();
        let understood = rig.understood(SAYS).await;
        let took = rig.clock.elapsed().saturating_sub(began);
        assert_eq!(understood.as_deref(), Some(SAYS), "{}", name(kind));
        assert!(took < Duration::from_millis(3_500), "{} took {took:?}", name(kind));
        println!("{}: half open, answered after {} ms", name(kind), took.as_millis());
        rig.hang_up().await;
    }
}

/// F2, with nobody speaking.
#[tokio::test]
async fn a_half_open_stream_is_found_in_silence_too() {
    let fake = fake(SttKind::Deepgram).await;
    fake.plan().next(&[SttFault::HalfOpenAt(1)]);
    let rig = Rig::new(&[(SttKind::Deepgram, &fake)], None);
    rig.audio(&silence(100)).await;
    let began = rig.clock.elapsed();
    eventually("it connects again", async || fake.journal().len() == 2).await;
    let took = rig.clock.elapsed().saturating_sub(began);
    assert!(took < Duration::from_millis(3_500), "{took:?}");
    rig.hang_up().await;
}

/// F3: Deepgram closes a stream on which nothing comes.
#[tokio::test]
async fn a_line_without_audio_keeps_its_stream() {
    let fake = fake_with(SttKind::Deepgram, Duration::from_secs(5)).await;
    let mut rig = Rig::new(&[(SttKind::Deepgram, &fake)], None);
    rig.audio(&silence(100)).await;
    eventually("two messages that keep it alive", async || {
        let texts = fake.journal().into_iter().flat_map(|connection| connection.texts);
        texts.filter(|text| text.contains("KeepAlive")).count() == 2
    })
    .await;
    assert_eq!(rig.understood(SAYS).await.as_deref(), Some(SAYS));
    assert_eq!(fake.journal().len(), 1, "the same stream");
    rig.hang_up().await;
}

/// F4: the uplink takes half of what the caller says.
#[tokio::test]
async fn a_slow_uplink_is_left_for_another_engine() {
    let (slow, other) = (fake(SttKind::Deepgram).await, fake(SttKind::Scribe).await);
    slow.plan().others(&[SttFault::SlowReads(4_000)]);
    let mut rig = Rig::new(&[(SttKind::Deepgram, &slow), (SttKind::Scribe, &other)], None);
    let turn = rig.say(SAYS).await;
    // The caller pauses and goes on: the line never stops.
    let mut frames = tokio::time::interval(Duration::from_millis(20));
    while rig.metrics.hearing_degraded_count("deepgram") == 0 {
        frames.tick().await;
        rig.tell(Command::Audio(silence(20)));
    }
    let job = rig.ask(turn);
    let began = rig.clock.elapsed();
    assert_eq!(rig.answer_while_silent(job).await.as_deref(), Some(SAYS));
    assert!(rig.clock.elapsed().saturating_sub(began) < Duration::from_secs(2));
    assert_eq!(rig.metrics.provider_fault_count("deepgram", FaultClass::Transient), 1);
    rig.hang_up().await;
}

/// F4, with nobody else: old audio is given up, and the next turn is heard in time.
#[tokio::test]
async fn a_slow_uplink_without_another_engine_gives_old_audio_up() {
    let slow = fake(SttKind::Deepgram).await;
    slow.plan().next(&[SttFault::SlowReads(4_000)]);
    let mut rig = Rig::new(&[(SttKind::Deepgram, &slow)], None);
    let turn = rig.say(SAYS).await;
    let mut frames = tokio::time::interval(Duration::from_millis(20));
    while slow.journal().len() < 2 {
        frames.tick().await;
        rig.tell(Command::Audio(silence(20)));
    }
    rig.close(turn);
    assert!(rig.metrics.hearing_degraded_count("deepgram") > 0, "said so");
    assert_eq!(rig.understood("mi correo es").await.as_deref(), Some("mi correo es"));
    rig.hang_up().await;
}

/// F5.
#[tokio::test]
async fn results_that_come_twice_late_or_revised_change_nothing() {
    for kind in KINDS {
        for fault in [SttFault::RepeatFinals, SttFault::ReviseFinals, SttFault::ReorderFinals] {
            if fault == SttFault::ReorderFinals && kind != SttKind::Deepgram {
                // Only Deepgram gives several final results for one question.
                continue;
            }
            let fake = fake(kind).await;
            fake.plan().others(std::slice::from_ref(&fault));
            let mut rig = Rig::new(&[(kind, &fake)], None);
            for says in [SAYS, "Quiero bajar mi recibo de luz.", "sí gracias"] {
                let turn = rig.say(says).await;
                let job = rig.ask(turn);
                let heard = rig.answer_while_silent(job).await;
                assert_eq!(heard.as_deref(), Some(says), "{} with {fault:?}", name(kind));
                rig.close(turn);
            }
            assert_eq!(fake.journal().len(), 1);
            rig.hang_up().await;
        }
    }
}

/// F6.
#[tokio::test]
async fn a_refused_key_is_tried_once_and_the_next_engine_hears() {
    for kind in KINDS {
        for status in [401, 403] {
            let second = if kind == SttKind::Deepgram {
                SttKind::Scribe
            } else {
                SttKind::Deepgram
            };
            let (refusing, other) = (fake(kind).await, fake(second).await);
            refusing.plan().others(&[SttFault::Refuse {
                status,
                retry_after: None,
            }]);
            let mut rig = Rig::new(&[(kind, &refusing), (second, &other)], None);
            assert_eq!(rig.understood(SAYS).await.as_deref(), Some(SAYS));
            assert_eq!(refusing.journal().len(), 1, "no second try");
            assert_eq!(rig.metrics.provider_fault_count(name(kind), FaultClass::Terminal), 1);
            assert!(
                !rig.health.watch(name(kind)).is_available(),
                "left alone by other calls too"
            );
            rig.hang_up().await;
        }
    }
}

/// F6, with nobody else: the dialogue is told at once, and nobody is stormed.
#[tokio::test]
async fn with_every_key_refused_questions_fail_at_once() {
    let refusing = fake(SttKind::Deepgram).await;
    refusing.plan().others(&[SttFault::Refuse {
        status: 401,
        retry_after: None,
    }]);
    let mut rig = Rig::new(&[(SttKind::Deepgram, &refusing)], None);
    for _ in 0..3 {
        let began = rig.clock.elapsed();
        assert_eq!(rig.understood("sí").await, None);
        assert!(rig.clock.elapsed().saturating_sub(began) < Duration::from_secs(1));
    }
    assert_eq!(refusing.journal().len(), 1);
    rig.hang_up().await;
}

/// An engine that is reached and answers pings, but hears nothing.
#[tokio::test]
async fn an_engine_that_falls_silent_is_replaced_before_the_dialogue_gives_up() {
    for kind in KINDS {
        let second = if kind == SttKind::Deepgram {
            SttKind::Scribe
        } else {
            SttKind::Deepgram
        };
        let (mute, other) = (fake(kind).await, fake(second).await);
        mute.plan().others(&[SttFault::MuteAt(8_000)]);
        let mut rig = Rig::new(&[(kind, &mute), (second, &other)], None);
        let turn = rig.say(SAYS).await;
        let began = rig.clock.elapsed();
        let job = rig.ask(turn);
        let understood = rig.answer_while_silent(job).await;
        let took = rig.clock.elapsed().saturating_sub(began);
        assert_eq!(understood.as_deref(), Some(SAYS), "{}", name(kind));
        assert!(took < Duration::from_secs(3), "{}: {took:?}", name(kind));
        println!("{}: mute, answered after {} ms", name(kind), took.as_millis());
        rig.hang_up().await;
    }
}
