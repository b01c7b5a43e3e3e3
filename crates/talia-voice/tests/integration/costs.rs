//! What a call took of each provider, what that costs, and how fast its turns were: in its record, in metrics, by the API.

mod providers;

use crate::conversation::HAPPY;
use crate::harness::{CallServer, TestServer, call_sid, config};
use proptest::prelude::*;
use serde_json::Value;
use talia_voice::config::{Amounts, Price};
use talia_voice::store::{NewToolAct, NewUsage, Record, ToolActEnd};
use tempfile::TempDir;

const PRICES: &str = r#"
[[prices]]
provider = "fixed-delay"
per_thousand_characters = 10.0

[[prices]]
provider = "perfect"
per_minute = 0.6

[[prices]]
provider = "twilio"
per_minute = 0.06

[[prices]]
provider = "mente"
input_per_million = 1.25
output_per_million = 10.0
cached_per_million = 0.125
"#;

#[test]
fn money_is_exact_to_the_millionth() {
    let directory = TempDir::new().expect("a folder");
    let config = config(&directory, &[("talia.toml", PRICES)]);
    let price = config.prices.of("mente").expect("a price");
    let amounts = Amounts {
        input_tokens: 1_000_000,
        cached_tokens: 400_000,
        output_tokens: 200_000,
        ..Amounts::default()
    };
    // 0.6 M fresh at 1.25, 0.4 M cached at 0.125, 0.2 M written at 10.
    assert_eq!(price.of(&amounts), 750_000 + 50_000 + 2_000_000);
    let spoken = Amounts {
        characters: 1_234,
        ..Amounts::default()
    };
    assert_eq!(
        config.prices.of("fixed-delay").expect("a price").of(&spoken),
        12_340_000
    );
    let heard = Amounts {
        heard_ms: 61_500,
        ..Amounts::default()
    };
    assert_eq!(config.prices.of("perfect").expect("a price").of(&heard), 615_000);
    assert!(config.prices.of("nadie").is_none());
}

proptest! {
    #[test]
    fn more_never_costs_less_and_parts_cost_what_the_whole_does(
        (input, cached, output) in (0_u64..10_000_000, 0_u64..10_000_000, 0_u64..10_000_000),
        (characters, heard_ms) in (0_u64..1_000_000, 0_u64..100_000_000),
        price in 0_i64..1_000_000_000,
    ) {
        let price = Price {
            input_per_million: price,
            output_per_million: price,
            cached_per_million: price / 10,
            per_thousand_characters: price,
            per_minute: price,
        };
        let all = Amounts { input_tokens: input + cached, cached_tokens: cached, output_tokens: output, characters, heard_ms };
        let model = Amounts { characters: 0, heard_ms: 0, ..all };
        let speech = Amounts { characters, heard_ms, ..Amounts::default() };
        let parts = price.of(&model) + price.of(&speech);
        prop_assert!(price.of(&all) >= price.of(&model));
        prop_assert!((price.of(&all) - parts).abs() <= 1, "{} {parts}", price.of(&all));
    }
}

#[test]
fn prices_that_make_no_sense_are_refused() {
    for wrong in [
        "[[prices]]\nper_minute = 1.0",
        "[[prices]]\nprovider = \"a\"\nper_minute = -1.0",
        "[[prices]]\nprovider = \"a\"\n[[prices]]\nprovider = \"a\"",
        "[[prices]]\nprovider = \"a\"\nper_hour = 1.0",
    ] {
        let directory = TempDir::new().expect("a folder");
        let loaded = std::panic::catch_unwind(|| config(&directory, &[("talia.toml", wrong)]));
        assert!(loaded.is_err(), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_keeps_what_it_took_and_how_fast_it_was() {
    let calls = CallServer::start_with(&[("talia.toml", PRICES)]).await;
    let outcome = calls.ring(HAPPY).await;
    let sid = outcome.call_sid.as_str();
    calls.nothing_lives().await;
    let answer = calls.server.get(&format!("/api/voice/calls/{sid}"), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let whole: Value = serde_json::from_str(&answer.body).expect("JSON");
    let usage = whole["usage"].as_array().expect("a list");
    let of = |name: &str| {
        let row = usage.iter().find(|row| row["provider"] == name);
        row.unwrap_or_else(|| panic!("{name}: {usage:?}")).clone()
    };
    let spoken: i64 = whole["transcript"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|line| line["speaker"] == "assistant")
        .map(|line| line["text"].as_str().unwrap_or_default())
        // This machine's voice is given clauses, without what stands between them.
        .map(|text| text.chars().filter(|letter| !letter.is_whitespace()).count() as i64)
        .sum();
    let mouth = of("fixed-delay");
    let characters = mouth["characters"].as_i64().expect("a number");
    assert!(characters >= spoken && spoken > 100, "{characters} {spoken}");
    assert_eq!(mouth["cost_micros"].as_i64(), Some(characters * 10_000));
    let ears = of("perfect");
    let heard = ears["heard_ms"].as_i64().expect("a number");
    assert!(heard > 5_000, "{heard}");
    assert_eq!(ears["cost_micros"].as_i64(), Some((heard * 600_000 + 30_000) / 60_000));
    assert!(of("twilio")["heard_ms"].as_i64() >= Some(heard - 500));
    let sum: i64 = usage.iter().filter_map(|row| row["cost_micros"].as_i64()).sum();
    assert_eq!(whole["call"]["cost_micros"].as_i64(), Some(sum));
    let turns = whole["turns"].as_array().expect("a list");
    assert_eq!(turns.len(), 4, "{turns:?}");
    for turn in turns {
        let at = |stage: &str| turn[stage].as_i64().expect("a number");
        assert!(at("speech_ended_ms") <= at("decided_ms"), "{turn}");
        assert!(
            at("decided_ms") <= at("first_frame_ms") && at("first_frame_ms") <= at("first_heard_ms"),
            "{turn}"
        );
    }
    let metrics = calls.server.get("/metrics", &[]).await.body;
    let line = format!("spoken_characters_total{{provider=\"fixed-delay\"}} {characters}");
    assert!(metrics.contains(&line), "{line}");
    assert!(metrics.contains("cost_micros_total{provider=\"perfect\"}"));
}

#[tokio::test]
async fn usage_of_several_streams_adds_up_and_repetitions_do_not() {
    let server = TestServer::start().await;
    let sid = call_sid(1);
    server.ring(&sid).await;
    let store = &server.app.store;
    let usage = |stream, input, cost, tool_calls| NewUsage {
        call_sid: sid.clone(),
        stream,
        provider: "mente".to_owned(),
        requests: 1,
        input_tokens: input,
        cost_micros: cost,
        tool_calls,
        ..NewUsage::default()
    };
    for row in [
        usage(1, 100, Some(10), 2),
        usage(1, 300, Some(30), 3),
        usage(1, 300, Some(30), 3),
        usage(2, 50, Some(5), 7),
    ] {
        store.keep(Record::Usage(row)).await.expect("kept");
    }
    let kept = store.usage(&sid).await.expect("a read");
    assert_eq!(
        (kept.len(), kept[0].input_tokens, kept[0].cost_micros, kept[0].requests),
        (1, 350, Some(35), 2)
    );
    let call = store.call(&sid).await.expect("a read").expect("a call");
    assert_eq!((call.cost_micros, call.tool_calls), (Some(35), Some(7)));
}

#[tokio::test]
async fn an_act_is_begun_once_unless_it_surely_did_not_happen() {
    let server = TestServer::start().await;
    let sid = call_sid(1);
    server.ring(&sid).await;
    let store = &server.app.store;
    let act = NewToolAct {
        call_sid: sid.clone(),
        key: "k".to_owned(),
        tool: "apartar".to_owned(),
        at: server.app.clock.wall(),
    };
    let end = |state| {
        Record::ToolActEnded(ToolActEnd {
            call_sid: sid.clone(),
            key: "k".to_owned(),
            state,
            at: server.app.clock.wall(),
        })
    };
    let races = futures::future::join_all((0..50).map(|_| store.tool_act_begun(act.clone()))).await;
    let first = races.iter().filter(|begun| matches!(begun, Ok(None))).count();
    assert_eq!(first, 1, "{races:?}");
    store.keep(end("failed")).await.expect("kept");
    assert_eq!(store.tool_act_begun(act.clone()).await.expect("written"), None);
    store.keep(end("unknown")).await.expect("kept");
    store.keep(end("done")).await.expect("kept");
    assert_eq!(
        store.tool_act_begun(act).await.expect("read").as_deref(),
        Some("unknown"),
        "the first word stays"
    );
    let acts = store.tool_acts(&sid).await.expect("a read");
    assert_eq!((acts.len(), acts[0].tool.as_str()), (1, "apartar"));
}
