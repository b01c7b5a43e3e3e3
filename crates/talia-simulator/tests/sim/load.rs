//! A small load in real time: the report is whole, and the figures are those of the bot.

use std::{sync::Arc, time::Duration};

use talia_simulator::{
    lines::PreparedScript,
    load::{LoadError, LoadPlan, run},
    measure::Distribution,
    process,
    script::Script,
    speaker::ToneSpeaker,
};

use crate::{
    calls::{BOT, bots},
    server::{Server, twiml},
};

const STREAM: &str = "<Connect><Stream url=\"wss://voice.example.com/media\"/></Connect>";

async fn load(server: &Server, script: &str, calls: usize) -> LoadPlan {
    let prepared = PreparedScript::new(Script::parse(script).unwrap(), &ToneSpeaker)
        .await
        .unwrap();
    let mut settings = server.settings();
    settings.keep_audio = false;
    settings.log_marks = false;
    LoadPlan {
        settings,
        script: Arc::new(prepared),
        cut_ms: None,
        calls,
        shards: 2,
        ramp: Duration::from_millis(300),
        to: "+525500000000".into(),
        apart: None,
        server_pid: Some(std::process::id()),
    }
}

#[tokio::test]
async fn several_calls_at_once_are_measured_in_real_time() {
    let (mut saw, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let script = "silence_ms = 300\n[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\ntext = \"hola\"\n\
                  [[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"hang_up\"";
    let report = run(load(&server, script, 6).await).await.unwrap();
    assert_eq!((report.calls, report.most_at_once), (6, 6));
    assert_eq!(report.endings.get("caller"), Some(&6));
    assert_eq!(report.script_faults, 0);
    assert_eq!(report.webhook_ms.count, 6);
    assert_eq!(report.answer_played_ms.count, 6);
    // The bot waits for 300 ms of silence; a loaded machine may add to it, but can't take away.
    assert!(report.answer_received_ms.p50 >= 270.0, "{report}");
    // A greeting of four words and an answer of three, of twelve frames each.
    assert_eq!(report.messages[1], 6 * 84);
    // A turn taken after 300 ms of silence is no interruption.
    assert_eq!(
        (report.barge_in_to_clear_ms.count, report.barge_in_to_silence_ms.count),
        (0, 0)
    );
    assert_eq!(report.generator_cpu_percent.len(), 2);
    let server_use = report.server.unwrap();
    assert!(server_use.after.cpu_ms >= server_use.before.cpu_ms && server_use.peak_rss_kib > 0);
    for _ in 0..6 {
        assert!(saw.recv().await.unwrap().stopped);
    }
    assert!(report.to_string().contains("speech end → audio heard"));
}

#[tokio::test]
async fn a_load_that_makes_no_sense_is_refused() {
    let server = Server::start(|_| twiml(STREAM), crate::server::no_sockets).await;
    let silent = "[[step]]\ndo = \"hang_up\"";
    assert!(matches!(
        run(load(&server, silent, 0).await).await,
        Err(LoadError::Plan(_))
    ));
    let words = load(&server, "[[step]]\ndo = \"converse\"", 1).await;
    assert!(matches!(run(words).await, Err(LoadError::Plan(_))));
    let mut nobody = load(&server, silent, 1).await;
    nobody.server_pid = Some(u32::MAX);
    assert!(matches!(run(nobody).await, Err(LoadError::NoProcess)));
    assert!(server.seen().is_empty());
}

#[test]
fn percentiles_are_of_the_nearest_rank() {
    let whole = |of: Distribution| [of.p50, of.p95, of.p99, of.max].map(|value| value as u32);
    assert_eq!(whole(Distribution::of((1..=100).map(f64::from))), [50, 95, 99, 100]);
    assert_eq!(whole(Distribution::of([7.0])), [7; 4]);
    assert_eq!(Distribution::of([]).count, 0);
}

#[test]
fn a_process_knows_itself() {
    let usage = process::usage(std::process::id()).unwrap();
    assert!(usage.rss_kib > 0 && usage.threads > 0 && usage.descriptors > 0);
    assert_eq!(process::usage(u32::MAX), None);
    assert!(process::thread_cpu_ms().is_none_or(|used| used > 0.0));
}
