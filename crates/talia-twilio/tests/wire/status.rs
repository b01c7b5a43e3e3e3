//! A call's status never goes backwards.

use proptest::prelude::*;
use talia_twilio::CallStatus;
use talia_twilio::form::Form;
use talia_twilio::webhook::{AnsweredBy, MachineVerdict};

use crate::ids::{ACCOUNT, CALL};

#[test]
fn words_are_twilios() {
    for status in CallStatus::ALL {
        assert_eq!(CallStatus::parse(status.as_str()), Some(status));
    }
    insta::assert_debug_snapshot!(
        CallStatus::ALL.map(|status| (status.as_str(), status.is_terminal())),
        @r#"
    [
        (
            "queued",
            false,
        ),
        (
            "initiated",
            false,
        ),
        (
            "ringing",
            false,
        ),
        (
            "in-progress",
            false,
        ),
        (
            "completed",
            true,
        ),
        (
            "busy",
            true,
        ),
        (
            "failed",
            true,
        ),
        (
            "no-answer",
            true,
        ),
        (
            "canceled",
            true,
        ),
    ]
    "#
    );
    for word in ["answered", "Completed", "", " ringing"] {
        assert_eq!(CallStatus::parse(word), None);
    }
}

fn any_status() -> impl Strategy<Value = CallStatus> {
    proptest::sample::select(CallStatus::ALL.to_vec())
}

proptest! {
    #[test]
    fn callbacks_in_any_order_end_the_same(mut arrivals in proptest::collection::vec(any_status(), 1..12)) {
        let walk = |arrivals: &[CallStatus]| {
            arrivals.iter().fold(CallStatus::Queued, |current, new| {
                let next = CallStatus::advance(current, *new);
                assert!(!current.is_terminal() || next == current, "a terminal call was reopened");
                assert!(next == current || next == *new);
                next
            })
        };
        let once = walk(&arrivals);
        let terminals: Vec<_> = arrivals.iter().filter(|status| status.is_terminal()).collect();
        if let Some(first) = terminals.first() {
            prop_assert_eq!(&once, *first);
        } else {
            // Without a terminal one the order of arrival can't matter.
            arrivals.reverse();
            prop_assert_eq!(walk(&arrivals), once);
        }
    }
}

#[test]
fn a_verdict_about_a_machine_is_read_and_a_new_word_is_nobodys_end() {
    let form = |word: &str| -> Form {
        [
            ("CallSid", CALL),
            ("AccountSid", ACCOUNT),
            ("AnsweredBy", word),
            ("MachineDetectionDuration", "2400"),
        ]
        .into_iter()
        .collect()
    };
    let verdict = MachineVerdict::read(&form("machine_end_beep")).unwrap();
    assert_eq!(
        (verdict.answered_by, verdict.took_ms),
        (AnsweredBy::MachineEndBeep, Some(2_400))
    );
    assert!(verdict.answered_by.records());
    for word in ["human", "machine_start", "fax", "unknown"] {
        let answered_by = MachineVerdict::read(&form(word)).unwrap().answered_by;
        assert_eq!(answered_by.as_str(), word);
        assert!(!answered_by.records());
    }
    assert_eq!(
        MachineVerdict::read(&form("ghost")).unwrap().answered_by,
        AnsweredBy::Unknown
    );
    assert!(MachineVerdict::read(&form("human").fields()[..2].iter().cloned().collect::<Form>()).is_err());
}
