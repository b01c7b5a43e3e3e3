//! Whatever an engine says or answers, the caller is understood.

use super::rig::{KINDS, Rig, SAYS, fake, name};
use talia_simulator::providers::stt::{SttFault, SttKind};
use talia_voice::providers::FaultClass;

async fn understood_in_spite_of(kind: SttKind, faults: &[SttFault]) -> Rig {
    let fake = fake(kind).await;
    fake.plan().next(faults);
    let mut rig = Rig::new(&[(kind, &fake)], None);
    let heard = rig.understood(SAYS).await;
    assert_eq!(heard.as_deref(), Some(SAYS), "{} with {faults:?}", name(kind));
    rig
}

#[tokio::test]
async fn unknown_events_are_counted_and_skipped() {
    for kind in KINDS {
        let unknown = [
            r#"{"type":"FromTheFuture","message_type":"from_the_future","x":[1,2]}"#.to_owned(),
            r#"{"type":"TurnInfo2","message_type":"y"}"#.to_owned(),
        ];
        let rig = understood_in_spite_of(kind, &[SttFault::Say(unknown.to_vec())]).await;
        assert_eq!(
            rig.metrics.provider_unknown_event_count(name(kind)),
            2,
            "{}",
            name(kind)
        );
        rig.hang_up().await;
    }
}

#[tokio::test]
async fn what_is_no_message_is_skipped_and_too_much_of_it_ends_the_stream() {
    for kind in KINDS {
        let garbage = [
            "",
            "{",
            "null",
            "[]",
            "<html><body>502 Bad Gateway</body></html>",
            r#"{"type":"Results"}"#,
            r#"{"type":"Results","start":1e999,"duration":-5,"channel":{}}"#,
        ];
        let garbage: Vec<_> = garbage.iter().map(ToString::to_string).collect();
        let rig = understood_in_spite_of(kind, &[SttFault::Say(garbage.clone())]).await;
        assert_eq!(rig.metrics.provider_fault_count(name(kind), FaultClass::Malformed), 0);
        rig.hang_up().await;
        let rig = understood_in_spite_of(kind, &[SttFault::Say(vec!["<html>".to_owned(); 20])]).await;
        assert_eq!(rig.metrics.provider_fault_count(name(kind), FaultClass::Malformed), 1);
        rig.hang_up().await;
    }
}

#[tokio::test]
async fn deep_nesting_is_no_message() {
    for kind in KINDS {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let rig = understood_in_spite_of(kind, &[SttFault::Say(vec![deep])]).await;
        rig.hang_up().await;
    }
}

#[tokio::test]
async fn cut_utf8_ends_the_stream_and_not_the_call() {
    for kind in KINDS {
        let rig = understood_in_spite_of(kind, &[SttFault::CutUtf8]).await;
        // Once the library gives up reading, either of the two ends may be the first to notice.
        let given_up = [FaultClass::Malformed, FaultClass::Transient]
            .map(|class| rig.metrics.provider_fault_count(name(kind), class));
        assert_eq!(given_up.iter().sum::<u64>(), 1, "{}", name(kind));
        rig.hang_up().await;
    }
}

#[tokio::test]
async fn a_page_instead_of_a_stream_and_a_closed_stream_are_tried_again() {
    for kind in KINDS {
        for fault in [
            SttFault::Html,
            SttFault::CloseAt(8_000, 1011),
            SttFault::CloseAt(8_000, 1000),
        ] {
            let rig = understood_in_spite_of(kind, std::slice::from_ref(&fault)).await;
            rig.hang_up().await;
        }
    }
}

#[tokio::test]
async fn too_many_requests_are_not_repeated_and_another_engine_hears() {
    for kind in KINDS {
        for retry_after in [None, Some(30)] {
            let second = if kind == SttKind::Deepgram {
                SttKind::Scribe
            } else {
                SttKind::Deepgram
            };
            let (busy, other) = (fake(kind).await, fake(second).await);
            busy.plan().others(&[SttFault::Refuse {
                status: 429,
                retry_after,
            }]);
            let mut rig = Rig::new(&[(kind, &busy), (second, &other)], None);
            assert_eq!(rig.understood(SAYS).await.as_deref(), Some(SAYS));
            assert_eq!(busy.journal().len(), 1, "not before its time");
            assert_eq!(rig.metrics.provider_fault_count(name(kind), FaultClass::Quota), 1);
            rig.hang_up().await;
        }
    }
}

#[tokio::test]
async fn with_no_stream_to_be_had_the_local_recogniser_is_asked_at_once() {
    let fake = fake(SttKind::Deepgram).await;
    fake.plan().next(&[SttFault::Refuse {
        status: 400,
        retry_after: None,
    }]);
    let mut rig = Rig::new(&[(SttKind::Deepgram, &fake)], Some(1));
    assert_eq!(
        rig.understood(SAYS).await.as_deref(),
        Some(SAYS),
        "by the local recogniser"
    );
    assert_eq!(fake.journal().len(), 1);
    assert_eq!(fake.journal()[0].refused, Some(400));
    rig.hang_up().await;
}
