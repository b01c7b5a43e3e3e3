//! Caps as a property of the store: whatever is asked in whatever order, no window ever holds more than it may.

use crate::harness::config;
use jiff::Timestamp;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use talia_twilio::CallStatus;
use talia_voice::clock::Clock;
use talia_voice::dialing::{Denial, Door, MICROS, Policy};
use talia_voice::store::{DialAnswer, DialChange, NewCall, NewDial, StatusReport, Store, StoreSettings};
use talia_voice::telemetry::Metrics;
use tempfile::TempDir;

const PER_HOUR: usize = 4;
const PER_DAY: usize = 7;
const PER_PREFIX: usize = 3;
/// Twenty-one minutes are reserved at one a minute.
const COST: i64 = 90 * MICROS;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes.
    Wait(u64),
    /// Somebody wants this number.
    Ask(usize),
    /// The newest admitted call was surely not dialled.
    Fail,
    /// The oldest admitted call that is alive ends after so many seconds.
    End(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (1..30_000_u64).prop_map(Step::Wait),
        6 => (0..NUMBERS.len()).prop_map(Step::Ask),
        1 => Just(Step::Fail),
        1 => (0..1_260_i64).prop_map(Step::End),
    ];
    prop::collection::vec(step, 1..40)
}

const NUMBERS: [&str; 4] = ["+525512345678", "+525587654321", "+523312345678", "+528112345678"];

struct Admitted {
    id: String,
    prefix: String,
    at: Timestamp,
    cost: i64,
    over: bool,
}

fn wish(policy: &Policy, number: &str, at: Timestamp) -> NewDial {
    NewDial {
        door: Door::Api,
        asked_by: "crm".to_owned(),
        key: None,
        request_sha256: [0; 32],
        to: number.to_owned(),
        verdict: policy.judge(number, at),
        from: "+525500000000".to_owned(),
        assistant: Some("breve".to_owned()),
        purpose: None,
        variables: "{}".to_owned(),
        consent: Some("{}".to_owned()),
        call_sid: None,
        at,
    }
}

async fn play(steps: Vec<Step>) {
    let directory = TempDir::new().expect("a folder");
    let settings = [
        ("TALIA_DIALING__COUNTRIES", "MX"),
        ("TALIA_DIALING__HOURS_FROM", "00:00"),
        ("TALIA_DIALING__HOURS_UNTIL", "23:59:59.999999999"),
        ("TALIA_DIALING__DAYS", "mon,tue,wed,thu,fri,sat,sun"),
        ("TALIA_DIALING__MAX_PER_HOUR", "4"),
        ("TALIA_DIALING__MAX_PER_DAY", "7"),
        ("TALIA_DIALING__MAX_PER_PREFIX_PER_DAY", "3"),
        ("TALIA_DIALING__PREFIX_DIGITS", "4"),
        ("TALIA_DIALING__PRICE_PER_MINUTE", "1"),
        ("TALIA_DIALING__MAX_COST_PER_DAY", "90"),
    ];
    let policy = config(&directory, &settings).dialing.policy;
    let clock = Clock::manual("2026-11-24T18:00:00Z".parse().expect("a time"));
    let url = format!("sqlite:{}", directory.path().join("caps.db").display());
    let store = Store::open(StoreSettings::new(url), clock.clone(), Arc::new(Metrics::default()))
        .await
        .expect("a store");
    let mut admitted: Vec<Admitted> = Vec::new();
    for step in steps {
        let now = clock.wall();
        match step {
            Step::Wait(seconds) => clock.advance(Duration::from_secs(seconds)),
            Step::Ask(number) => {
                let wish = wish(&policy, NUMBERS[number], now);
                let permit = wish.verdict.clone().expect("a permit");
                let hour = now - jiff::SignedDuration::from_hours(1);
                let day = now - jiff::SignedDuration::from_hours(24);
                let of_day: Vec<_> = admitted.iter().filter(|call| call.at > day).collect();
                let used = (
                    of_day.iter().filter(|call| call.at > hour).count(),
                    of_day.len(),
                    of_day.iter().filter(|call| call.prefix == permit.prefix()).count(),
                    of_day.iter().map(|call| call.cost).sum::<i64>() + permit.reserve(),
                );
                let expected = match used {
                    (hour, ..) if hour >= PER_HOUR => Some(Denial::CapPerHour),
                    (_, day, ..) if day >= PER_DAY => Some(Denial::CapPerDay),
                    (_, _, prefix, _) if prefix >= PER_PREFIX => Some(Denial::CapPerPrefix),
                    (_, _, _, cost) if cost > COST => Some(Denial::CapCost),
                    _ => None,
                };
                let answer = store.ask_to_dial(wish).await.expect("an answer");
                match (answer, expected) {
                    (DialAnswer::Admitted(row), None) => admitted.push(Admitted {
                        id: row.id,
                        prefix: permit.prefix().to_owned(),
                        at: now,
                        cost: permit.reserve(),
                        over: false,
                    }),
                    (DialAnswer::Denied(denial), Some(expected)) => assert_eq!(denial, expected),
                    (answer, expected) => panic!("{answer:?} where {expected:?} was due"),
                }
            }
            Step::Fail => {
                if let Some(position) = admitted.iter().rposition(|call| !call.over) {
                    let failed = admitted.remove(position);
                    let change = DialChange::Failed {
                        reason: "twilio-refused",
                        code: None,
                        passes: false,
                    };
                    assert!(store.dial_changed(&failed.id, change).await.expect("a write"));
                }
            }
            Step::End(seconds) => {
                let Some(position) = admitted.iter().position(|call| !call.over) else {
                    continue;
                };
                let sid = format!("CA{position:032x}");
                let call = &mut admitted[position];
                let sid = format!("{sid}{}", call.id);
                end(&store, (&call.id, &sid), seconds, now).await;
                call.over = true;
                call.cost = MICROS * ((seconds + 59) / 60);
            }
        }
    }
    store.close().await;
}

/// Twilio has the call, and reports its end.
async fn end(store: &Store, (id, sid): (&str, &str), seconds: i64, at: Timestamp) {
    let dialled = DialChange::Dialled(sid.to_owned());
    assert!(store.dial_changed(id, dialled).await.expect("a write"));
    let call = NewCall {
        call_sid: sid.to_owned(),
        account_sid: String::new(),
        from: String::new(),
        to: String::new(),
        direction: "outbound-api".to_owned(),
        assistant: None,
        status: CallStatus::Queued,
        at,
    };
    store.call_started(call).await.expect("a write");
    store
        .advance_status(StatusReport {
            call_sid: sid.to_owned(),
            status: CallStatus::Completed,
            sequence: None,
            duration_s: Some(seconds),
            at,
        })
        .await
        .expect("a write");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_window_ever_holds_more_than_it_may(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        runtime.block_on(play(steps));
    }
}
