//! Whoever walks through a list with its cursors meets every row that was there once, whatever comes meanwhile.

use super::rig::{ask, call, json, lead, reason, server_on, walk, write};
use crate::harness::{Keeper, TestServer, call_sid};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use talia_voice::store::NewCall;
use talia_voice::telemetry::labels::Refusal;

on_both! {
    a_cursor_goes_with_its_query_and_no_other
}

/// Whose calls a case's are: each has its own assistant on one server.
#[derive(Debug, Clone)]
struct Case {
    /// The seconds at which the first calls began: few, so that many began at once.
    before: Vec<i64>,
    /// What comes before each later page: new ones, and ones that are written down late.
    meanwhile: Vec<Vec<i64>>,
    limit: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let meanwhile = prop::collection::vec(prop::collection::vec(0..9_i64, 0..4), 0..6);
    (prop::collection::vec(0..5_i64, 0..24), meanwhile, 1..7_usize).prop_map(|(before, meanwhile, limit)| Case {
        before,
        meanwhile,
        limit,
    })
}

fn every_row_is_met_once(keeper: Keeper, number_of_cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let server = runtime.block_on(server_on(keeper, &[]));
    let (numbers, names) = (AtomicU32::new(1), AtomicU32::new(0));
    let add = async |server: &TestServer, assistant: &str, at: i64| {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let new = NewCall {
            assistant: Some(assistant.to_owned()),
            ..call(number, at)
        };
        write(&server.app.store, new).await;
        call_sid(number)
    };
    let mut runner = TestRunner::new(Config::with_cases(number_of_cases));
    let outcome = runner.run(&cases(), |case| {
        let assistant = format!("caso-{}", names.fetch_add(1, Ordering::Relaxed));
        let met = runtime.block_on(async {
            let mut there = BTreeSet::new();
            for at in &case.before {
                there.insert(add(&server, &assistant, *at).await);
            }
            let target = format!("/api/voice/calls?assistant={assistant}");
            let walked = walk(&server, &target, (case.limit, "call_sid"), async |page| {
                for at in case.meanwhile.get(page - 1).into_iter().flatten() {
                    add(&server, &assistant, *at).await;
                }
            });
            (there, walked.await)
        });
        let (there, walked) = met;
        let once: BTreeSet<String> = walked.iter().cloned().collect();
        prop_assert_eq!(once.len(), walked.len(), "doubled: {:?}", &walked);
        prop_assert!(
            there.is_subset(&once),
            "missed: {:?}",
            there.difference(&once).collect::<Vec<_>>()
        );
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_row_is_met_once_on_sqlite() {
    every_row_is_met_once(Keeper::Sqlite, 24);
}

#[test]
fn every_row_is_met_once_on_postgres() {
    every_row_is_met_once(Keeper::Postgres, 16);
}

async fn a_cursor_goes_with_its_query_and_no_other(keeper: Keeper) {
    let server = server_on(keeper, &[]).await;
    for number in 1..=4 {
        write(&server.app.store, call(number, i64::from(number))).await;
        lead(&server.app.store, number, i64::from(number), (None, None)).await;
    }
    let first = ask(&server, "/api/voice/calls?direction=inbound&limit=2").await;
    let next = first["next"].as_str().expect("more").to_owned();
    // How many may change, and the order in which filters stand.
    let second = ask(
        &server,
        &format!("/api/voice/calls?cursor={next}&limit=1&direction=inbound"),
    )
    .await;
    assert_eq!(second["items"][0]["call_sid"], call_sid(2));
    let calls = "/api/voice/calls?direction=inbound&cursor=";
    let swapped: String = next.chars().rev().collect();
    let cut = &next[..next.len() - 1];
    let (one_changed, last) = (changed(&next, 3), changed(&next, next.len() - 2));
    for (target, word) in [
        (format!("/api/voice/calls?cursor={next}"), "cursor-foreign"),
        (
            format!("/api/voice/calls?direction=outbound-api&cursor={next}"),
            "cursor-foreign",
        ),
        (
            format!("/api/voice/calls?direction=inbound&ended=false&cursor={next}"),
            "cursor-foreign",
        ),
        (format!("/api/voice/leads?cursor={next}"), "cursor-foreign"),
        (format!("/api/voice/recordings?cursor={next}"), "cursor-foreign"),
        (
            format!("/api/voice/calls/{}/transcript?cursor={next}", call_sid(1)),
            "cursor-foreign",
        ),
        (format!("{calls}{swapped}"), "cursor"),
        (format!("{calls}{cut}"), "cursor"),
        (format!("{calls}{one_changed}"), "cursor"),
        (format!("{calls}{last}"), "cursor"),
        (calls.to_owned(), "cursor"),
        (format!("{calls}1"), "cursor"),
        (format!("{calls}%27%20OR%201=1"), "cursor"),
        // What a made-up one would look like.
        (format!("{calls}MjAyNi0xMS0yMFQxNjowMDowMFogQ0Ew"), "cursor"),
    ] {
        let before = server.app.metrics.refused_count(Refusal::ApiCursor);
        let answer = server.get(&target, &[]).await;
        assert_eq!(
            (answer.status, reason(&answer).as_str()),
            (400, word),
            "{target}: {answer:?}"
        );
        assert_eq!(json(&answer)["status"], 400);
        assert_eq!(server.app.metrics.refused_count(Refusal::ApiCursor), before + 1);
    }
}

/// The same text with another character at this place.
fn changed(text: &str, place: usize) -> String {
    let other = if text.as_bytes()[place] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &text[..place], &text[place + 1..])
}
