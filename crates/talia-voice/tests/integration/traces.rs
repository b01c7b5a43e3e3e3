//! A call is one trace, whatever becomes of its socket; a collector that fails costs spans and nothing else.

use crate::conversation::HAPPY;
use crate::harness::{
    ACCOUNT, CallServer, Collector, Does, ORIGIN, PATIENCE, TOKEN, attributes, call_sid, eventually, noon,
};
use crate::resume::patient;
use futures::future::join_all;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use proptest::prelude::*;
use serde_json::Value;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{EndReason, TurnId, TurnTiming};
use talia_simulator::carrier::{CallPlan, Carrier};
use talia_simulator::cut::{Cut, CutAt};
use talia_simulator::lines::PreparedScript;
use talia_simulator::script::Script;
use talia_simulator::settings::{CarrierSettings, Secret};
use talia_simulator::speaker::ToneSpeaker;
use talia_twilio::AccountSid;
use talia_voice::line::paths;
use talia_voice::telemetry::spans::{CallTrace, is_sampled, trace_id, trace_id_text};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::Instant;

const STAGES: [&str; 6] = [
    "transcribed",
    "decided",
    "first_text",
    "first_audio",
    "first_frame",
    "first_heard",
];

/// What must never leave in a span: words of both sides, names, numbers.
const PRIVATE: [&str; 11] = [
    "recibo",
    "Quiero",
    "Carlos",
    "Herrera",
    "gracias",
    "Gracias",
    "5512345678",
    "5587654321",
    "ayudo",
    "inteligencia",
    "teléfono",
];

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_resumed_is_one_trace_with_a_span_a_turn_and_no_word_of_anybody() {
    let collector = Collector::start(Does::Take).await;
    let calls = CallServer::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=a%20key"),
    ])
    .await;
    // In the caller's second line or after it: both streams have turns.
    let cut = Cut {
        stream: Some(1),
        at: CutAt::Ms(12_000),
        abrupt: true,
    };
    let outcome = calls.ring_with(&patient(), |plan| plan.cuts = vec![cut]).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let sid = outcome.call_sid.to_string();
    let app = calls.server.app.clone();
    let turns = app.store.turns(&sid).await.expect("a read");
    assert!(turns.len() >= 3, "{turns:?}");
    eventually("all spans have come", async || {
        collector.spans().len() == turns.len() + 2
    })
    .await;
    let spans = collector.spans();
    assert!(
        spans.iter().all(|span| hex(&span.trace_id) == sid[2..]),
        "one trace: {spans:#?}"
    );
    let mut ids: Vec<_> = spans.iter().map(|span| span.span_id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), spans.len(), "every span has a name of its own");
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let ([call], [resumed]) = (&named("call")[..], &named("call resumed")[..]) else {
        panic!("two streams: {spans:#?}");
    };
    assert!(call.parent_span_id.is_empty() && resumed.parent_span_id == call.span_id);
    assert_eq!(call.kind, SpanKind::Server as i32);
    assert_eq!(attributes(call)["call.broken"], "true");
    let whole = attributes(resumed);
    assert_eq!(
        ["call.sid", "call.stream", "call.assistant", "call.end", "call.broken"].map(|name| whole[name].as_str()),
        [sid.as_str(), "2", "breve", "Finished", "false"]
    );
    assert!(call.end_time_unix_nano <= resumed.start_time_unix_nano);

    let mut measured = named("turn");
    measured.sort_by_key(|span| span.start_time_unix_nano);
    assert_eq!(measured.len(), turns.len());
    for (span, row) in measured.iter().zip(&turns) {
        check_turn(span, &[call, resumed]);
        let lasted = (span.end_time_unix_nano - span.start_time_unix_nano) / 1_000_000;
        let kept = (row.first_heard_ms - row.speech_ended_ms) as u64;
        assert!(lasted.abs_diff(kept) <= 1, "{lasted} {row:?}");
    }
    for parent in [call, resumed] {
        assert!(
            measured.iter().any(|span| span.parent_span_id == parent.span_id),
            "{measured:#?}"
        );
    }
    for (body, headers) in collector.came() {
        assert_eq!(headers["x-api-key"], "a key");
        let text = String::from_utf8_lossy(&body);
        for word in PRIVATE {
            assert!(!text.contains(word), "{word} is in {text}");
        }
    }
    eventually("they are counted", async || {
        app.metrics.spans_sent.get() == spans.len() as u64
    })
    .await;
    assert_eq!(app.metrics.spans_dropped.get(), 0);
}

/// A turn stands below its stream, within its time, and its stages follow each other.
#[track_caller]
fn check_turn(span: &Span, streams: &[&Span]) {
    let parent = streams.iter().find(|stream| stream.span_id == span.parent_span_id);
    let parent = parent.expect("a stream above the turn");
    assert!(
        parent.start_time_unix_nano <= span.start_time_unix_nano
            && span.end_time_unix_nano <= parent.end_time_unix_nano
    );
    let attributes = attributes(span);
    let at = |stage: &str| {
        attributes[&format!("turn.{stage}_ms")]
            .parse::<i64>()
            .expect("a number")
    };
    for pair in STAGES[1..].windows(2) {
        assert!(at(pair[0]) <= at(pair[1]), "{attributes:?}");
    }
    let events: Vec<_> = span.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(events, STAGES);
    for event in &span.events {
        let after = (event.time_unix_nano as i64 - span.start_time_unix_nano as i64) / 1_000_000;
        assert!((after - at(&event.name)).abs() <= 1, "{event:?} {attributes:?}");
    }
}

#[test]
fn a_stream_on_another_node_goes_on_with_the_same_trace_by_the_call_sid_alone() {
    let sid = "CA0123456789abcdef0123456789abcdef";
    let of = |stream| {
        CallTrace::new(sid, "a", stream, noon())
            .stream((Duration::ZERO, Duration::from_secs(1)), (EndReason::Finished, false))
    };
    let (first, second, third) = (of(1), of(2), of(3));
    assert_eq!(hex(&first.trace_id), sid[2..]);
    assert_eq!(trace_id_text(sid), sid[2..]);
    assert_eq!(
        (&first.trace_id, &first.span_id),
        (&second.trace_id, &second.parent_span_id)
    );
    assert_eq!(third.parent_span_id, first.span_id);
    assert_ne!(second.span_id, third.span_id);
    // No id of OTLP's may be nothing but zeros.
    for odd in ["", "CA1", "CA00000000000000000000000000000000", "CAñ"] {
        assert_ne!(trace_id(odd), [0; 16], "{odd}");
    }
}

proptest! {
    #[test]
    fn a_share_of_all_calls_is_traced_and_the_same_ones_everywhere(share in 0.0_f64..=1.0, seed: u64) {
        let ids = (0..2_000_u64).map(|n| {
            let low = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            (u128::from(n) << 64 | u128::from(low)).to_be_bytes()
        });
        let ids: Vec<_> = ids.collect();
        let traced = ids.iter().filter(|id| is_sampled(**id, share)).count() as f64 / 2_000.0;
        prop_assert!((traced - share).abs() < 0.05, "{traced} {share}");
        prop_assert!(ids.iter().all(|id| !is_sampled(*id, share) || is_sampled(*id, (share + 0.1).min(1.0))));
        prop_assert!(ids.iter().all(|id| is_sampled(*id, 1.0) && !is_sampled(*id, 0.0)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_slow_gone_or_failing_hurts_neither_a_call_nor_the_stop() {
    let gone = Collector::start(Does::Take).await;
    let cases = [
        ("gone", None, Some(gone.url.clone())),
        ("hanging", Some(Does::Hang), None),
        ("failing", Some(Does::Refuse(500)), None),
        ("overloaded", Some(Does::Refuse(503)), None),
    ];
    drop(gone);
    join_all(cases.map(async |(case, does, url)| {
        let collector = match does {
            Some(does) => Some(Collector::start(does).await),
            None => None,
        };
        let url = url
            .or_else(|| collector.as_ref().map(|collector| collector.url.clone()))
            .expect("one of both");
        let calls = CallServer::start_with(&[("TALIA_OTLP_ENDPOINT", &url)]).await;
        let outcome = calls.ring(HAPPY).await;
        outcome.assert_script_done();
        outcome.assert_ended_by_server();
        outcome.assert_no_warnings();
        outcome.assert_never_left_in_silence(3_000);
        calls.nothing_lives().await;
        if let Some(collector) = &collector {
            eventually("it was asked", async || !collector.came().is_empty()).await;
        }
        let metrics = calls.server.app.metrics.clone();
        let began = Instant::now();
        calls.server.stopped().await;
        assert!(
            began.elapsed() < Duration::from_secs(6),
            "{case}: {:?}",
            began.elapsed()
        );
        assert_eq!(metrics.spans_sent.get(), 0, "{case}");
        // One that hangs is left with what it holds when the time is over.
        if case != "hanging" {
            assert_eq!(metrics.spans_dropped.get(), 5, "{case}: four turns and the call");
        }
    }))
    .await;
}

#[tokio::test]
async fn what_waits_for_a_collector_is_bounded_what_is_dropped_is_counted_and_the_rest_comes_later() {
    let collector = Collector::start(Does::Refuse(503)).await;
    let calls = CallServer::start_with(&[("TALIA_OTLP_ENDPOINT", &collector.url)]).await;
    let app = &calls.server.app;
    let at = Duration::from_secs;
    let sid = call_sid(7);
    let trace = CallTrace::new(&sid, "breve", 1, noon());
    assert!(app.traces.wants(&sid));
    let all = 10_000;
    for turn in 0..all {
        let timing = TurnTiming {
            turn: TurnId(turn),
            speech_ended: at(1),
            transcribed: at(2),
            decided: at(3),
            first_text: at(4),
            first_audio: at(5),
            first_frame: at(6),
            first_heard: at(7),
        };
        app.traces.leave(trace.turn(&timing));
    }
    let dropped = app.metrics.spans_dropped.get();
    assert!(dropped >= u64::from(all) - 2_048 - 256, "{dropped}");
    eventually("it was asked", async || !collector.came().is_empty()).await;
    collector.does(Does::Take);
    eventually("all others are sent", async || {
        app.metrics.spans_sent.get() == u64::from(all) - dropped
    })
    .await;
    assert_eq!(app.metrics.spans_dropped.get(), dropped);
}

#[tokio::test]
async fn without_a_collector_or_outside_the_share_nothing_is_made() {
    let collector = Collector::start(Does::Take).await;
    for more in [
        vec![],
        vec![
            ("TALIA_OTLP_ENDPOINT", collector.url.as_str()),
            ("TALIA_TELEMETRY__TRACE_SHARE", "0"),
        ],
    ] {
        let calls = CallServer::start_with(&more).await;
        assert!(!calls.server.app.traces.wants(&call_sid(1)));
    }
    assert!(collector.came().is_empty());
}

/// The program itself: its lines can't be seen from inside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_that_a_call_logs_bear_its_trace_id() {
    let folder = TempDir::new().expect("a folder");
    let database = format!("sqlite:{}", folder.path().join("talia.db").display());
    let mut program = Command::new(env!("CARGO_BIN_EXE_talia-voice"))
        .arg("serve")
        .current_dir(folder.path())
        .env_clear()
        .envs([
            ("TALIA_TWILIO_AUTH_TOKEN", TOKEN),
            ("TALIA_TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TALIA_TWILIO__API_URL", "http://127.0.0.1:9"),
            ("TALIA_PUBLIC_URL", ORIGIN),
            ("TALIA_BIND", "127.0.0.1:0"),
            ("TALIA_DATABASE_URL", &database),
            ("TALIA_SPEECH__ENGINES", "fixed-delay"),
            ("TALIA_TELEMETRY__FORMAT", "json"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(program.stderr.take().expect("a pipe")).lines();
    let mut next = async |such: &str| {
        let found = async {
            loop {
                let line = lines.next_line().await.expect("a line").expect("it lives");
                let line: Value = serde_json::from_str(&line).expect("JSON");
                if line["fields"]["message"] == such {
                    return line;
                }
            }
        };
        tokio::time::timeout(2 * PATIENCE, found).await.expect("in time")
    };
    let ready = next("ready for calls").await;
    let address = ready["fields"]["server.bind"].as_str().expect("an address").to_owned();
    let account = AccountSid::new(ACCOUNT).expect("an account");
    let mut settings = CarrierSettings::new(account, Secret::new(TOKEN), ORIGIN, paths::INBOUND);
    settings.dial_origin = Some(format!("http://{address}"));
    let carrier = Carrier::new(settings).expect("a carrier");
    let script = "[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"hang_up\"\n";
    let script = Script::parse(script).expect("a script");
    let script = PreparedScript::new(script, &ToneSpeaker).await.expect("tones");
    let plan = CallPlan::new("+525512345678", "+525587654321", Arc::new(script));
    let outcome = tokio::time::timeout(2 * PATIENCE, carrier.dial(plan))
        .await
        .expect("the call ends")
        .expect("a call");
    let line = next("conversation ended").await;
    assert_eq!(line["span"]["trace_id"], outcome.call_sid.as_str()[2..], "{line}");
}
