//! The stream is cut at two hundred places of one utterance: what is understood is what is understood without a cut (F1).

use super::rig::{KINDS, Rig, SAYS, fake, name, silence, tones};
use std::time::Duration;
use talia_dialogue::TurnId;
use talia_simulator::providers::stt::{SttFault, SttKind};
use talia_voice::ears::stream::session::Command;

const CUTS: u64 = 200;

async fn cut_everywhere(kind: SttKind) {
    let fake = fake(kind).await;
    let length = (silence(600).len() + tones(SAYS).len() + silence(140).len()) as u64;
    for cut in 0..CUTS {
        let at = length * cut / CUTS;
        fake.plan().next(&[SttFault::CutAt(at.max(1))]);
        let mut rig = Rig::new(&[(kind, &fake)], None);
        let before = fake.journal().len();
        let understood = rig.understood(SAYS).await;
        assert_eq!(understood.as_deref(), Some(SAYS), "{} cut at byte {at}", name(kind));
        let connections = fake.journal().split_off(before);
        assert!(
            connections.len() <= 2,
            "{} cut once, connected {} times",
            name(kind),
            connections.len()
        );
        rig.hang_up().await;
    }
}

#[tokio::test]
async fn deepgram_cut_anywhere_loses_and_doubles_nothing() {
    cut_everywhere(SttKind::Deepgram).await;
}

#[tokio::test]
async fn flux_cut_anywhere_loses_and_doubles_nothing() {
    cut_everywhere(SttKind::Flux).await;
}

#[tokio::test]
async fn openai_cut_anywhere_loses_and_doubles_nothing() {
    cut_everywhere(SttKind::OpenAi).await;
}

#[tokio::test]
async fn scribe_cut_anywhere_loses_and_doubles_nothing() {
    cut_everywhere(SttKind::Scribe).await;
}

/// A caller at the pace of a line, cut in the middle: from the reset to the moment when the new stream has all that the old
/// one had not written down.
#[tokio::test]
async fn a_cut_stream_is_back_within_three_hundred_milliseconds() {
    for kind in KINDS {
        let fake = fake(kind).await;
        fake.plan().next(&[SttFault::CutAt(14_000)]);
        let rig = Rig::new(&[(kind, &fake)], None);
        let mut pulse = tokio::time::interval(Duration::from_millis(1));
        let speech = [silence(600), tones(SAYS), silence(140)].concat();
        let mut frames = speech.chunks(160);
        let (mut sent, mut cut, mut back) = (0_u64, None, None);
        let began = rig.clock.elapsed();
        while back.is_none() {
            pulse.tick().await;
            let now = rig.clock.elapsed();
            if now.saturating_sub(began) >= Duration::from_millis(sent * 20) {
                rig.tell(Command::Audio(
                    frames.next().expect("not longer than the speech").to_vec(),
                ));
                sent += 1;
                if sent == 33 {
                    rig.tell(Command::TurnStarted(TurnId(1)));
                }
            }
            let journal = fake.journal();
            if journal.first().is_some_and(|first| first.is_over) {
                let lost = *cut.get_or_insert((now, sent));
                // At least the pre-roll and the turn so far, of which nothing was final.
                let missed = (lost.1 - 33) * 160;
                back = journal.get(1).filter(|next| next.audio_bytes >= missed).map(|_| now);
            }
        }
        let took = back.expect("it is back").saturating_sub(cut.expect("it was cut").0);
        println!("{}: back {} ms after the cut", name(kind), took.as_millis());
        assert!(took < Duration::from_millis(300), "{}: {took:?}", name(kind));
        rig.hang_up().await;
    }
}
