//! The same recorded caller through every recogniser, and from each to the next.

use super::rig::{KINDS, Rig, SAYS, fake, name};
use talia_simulator::providers::stt::{SttFault, SttKind};

/// A conversation's turns.
const TURNS: [&str; 4] = [
    "Hola,",
    "Quiero bajar mi recibo de luz.",
    "me llamo Ana Pérez",
    "mi correo es ana arroba ejemplo punto com",
];

async fn converse(rig: &mut Rig) -> Vec<String> {
    let mut heard = Vec::new();
    for says in TURNS {
        let turn = rig.say(says).await;
        let job = rig.ask(turn);
        heard.push(rig.answer_while_silent(job).await.unwrap_or_default());
        rig.close(turn);
    }
    heard
}

#[tokio::test]
async fn every_recogniser_hears_the_same_caller_alike() {
    for kind in KINDS {
        let fake = fake(kind).await;
        let mut rig = Rig::new(&[(kind, &fake)], None);
        assert_eq!(converse(&mut rig).await, TURNS, "{}", name(kind));
        let journal = fake.journal();
        assert_eq!(journal.len(), 1, "one stream a call: {journal:?}");
        assert_eq!(journal[0].violation, None, "{}", name(kind));
        rig.hang_up().await;
    }
}

#[tokio::test]
async fn every_recogniser_takes_over_from_every_other_in_the_middle_of_a_word() {
    for first in KINDS {
        for second in KINDS.into_iter().filter(|second| *second != first) {
            let (one, other) = (fake(first).await, fake(second).await);
            // In the middle of the third turn or so, and again each time that it comes back.
            one.plan().next(&[SttFault::CutAt(20_000)]);
            one.plan().others(&[SttFault::CutAt(1)]);
            let mut rig = Rig::new(&[(first, &one), (second, &other)], None);
            let heard = converse(&mut rig).await;
            assert_eq!(heard, TURNS, "from {} to {}", name(first), name(second));
            assert_eq!(one.journal().len(), 2, "a second failure, then the next one");
            assert!(other.journal().iter().all(|connection| connection.violation.is_none()));
            rig.hang_up().await;
        }
    }
}

#[tokio::test]
async fn the_local_recogniser_takes_over_with_the_audio_of_the_ring() {
    for kind in KINDS {
        let fake = fake(kind).await;
        fake.plan().next(&[SttFault::CutAt(12_000)]);
        fake.plan().others(&[SttFault::Refuse {
            status: 503,
            retry_after: None,
        }]);
        let mut rig = Rig::new(&[(kind, &fake)], Some(1));
        assert_eq!(converse(&mut rig).await, TURNS, "from {}", name(kind));
        assert!(!rig.recordings.lock().expect("no panic").is_empty(), "it was asked");
        rig.hang_up().await;
    }
}

#[tokio::test]
async fn a_local_recogniser_that_comes_first_is_the_only_one_while_it_works() {
    let fake = fake(SttKind::Deepgram).await;
    let mut rig = Rig::new(&[(SttKind::Deepgram, &fake)], Some(0));
    assert_eq!(rig.understood(SAYS).await.as_deref(), Some(SAYS));
    assert!(fake.journal().is_empty(), "nobody was connected to");
    rig.hang_up().await;
}
