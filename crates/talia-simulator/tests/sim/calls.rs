//! Whole calls on a virtual clock, over real sockets: the caller and a bot in one runtime.

use axum::extract::ws::WebSocket;
use futures::future::BoxFuture;
use talia_simulator::{
    carrier::Carrier,
    events::{EndedBy, Side, What},
    recording,
    settings::{CarrierSettings, StatusOrder, StatusPlan},
};
use talia_twilio::CallStatus;
use tokio::sync::mpsc::{Receiver, channel};

use crate::{
    bot::{Bot, BotSaw},
    server::{Server, plan, twiml},
};

const STREAM: &str = r#"<Connect><Stream url="wss://voice.example.com/media/abc"><Parameter name="lead" value="42"/></Stream></Connect>"#;

pub(crate) const BOT: Bot = Bot {
    greeting: 4,
    answer: 3,
    patience: 15,
    barge_in: 3,
    answers: u32::MAX,
};

/// Bots for as many streams as come; each tells what it saw when its stream is over.
pub(crate) fn bots(
    bot: Bot,
) -> (
    Receiver<BotSaw>,
    impl Fn(WebSocket) -> BoxFuture<'static, ()> + Send + Sync + 'static,
) {
    let (sender, saw) = channel(64);
    let sockets = move |socket: WebSocket| -> BoxFuture<'static, ()> {
        let sender = sender.clone();
        Box::pin(async move {
            let seen = bot.serve(socket).await;
            // A test that isn't interested has dropped the receiver.
            drop(sender.try_send(seen));
        })
    };
    (saw, sockets)
}

const CONVERSATION: &str = r#"
silence_ms = 600
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "say"
text = "Hola, quiero una demostración."
[[step]]
do = "wait_for_answer_end"
[[step]]
do = "digits"
digits = "42#"
[[step]]
do = "say"
text = "Gracias, hasta luego."
[[step]]
do = "wait_for_answer_end"
"#;

#[tokio::test(start_paused = true)]
async fn a_conversation_is_held_measured_and_kept() {
    let (mut saw, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let settings = CarrierSettings {
        status_url: Some("https://voice.example.com/status".into()),
        ..server.settings()
    };
    let call = server.call(settings, CONVERSATION).await;
    call.assert_no_warnings();
    call.assert_script_done();
    call.assert_ended_by_caller();
    call.assert_no_gap_longer_than(0);
    assert_eq!(call.status, CallStatus::Completed);
    assert_eq!(call.utterances(Side::Caller), 2);
    assert_eq!(call.utterances(Side::Assistant), 3);
    // The bot waits for 15 silent frames; the carrier's grid adds one at most.
    assert_eq!(call.measurements.answers.len(), 2);
    for answer in &call.measurements.answers {
        assert!((280.0..=340.0).contains(&answer.received_ms), "{answer:?}");
        assert!(
            (answer.received_ms..=answer.received_ms + 40.0).contains(&answer.played_ms),
            "{answer:?}"
        );
    }
    assert!(call.measurements.barge_in_to_clear_ms.is_empty());

    let saw = saw.recv().await.unwrap();
    assert_eq!(saw.call_sid, call.call_sid.as_str());
    assert_eq!(saw.parameters, [("lead".to_owned(), "42".to_owned())]);
    assert_eq!(saw.digits, "42#");
    assert_eq!(saw.marks, ["greeting", "answer 1", "answer 2"]);
    assert!(saw.stopped && saw.closed);
    assert_eq!(saw.sequence_gaps, 0);
    assert!(saw.chunks.windows(2).all(|pair| pair[1] == pair[0] + 1));

    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.signed && seen.host == "voice.example.com"));
    assert_eq!(server.paths(), ["/voice", "/media/abc", "/status"]);
    assert_eq!(seen[0].field("CallStatus"), "ringing");
    assert_eq!(seen[0].field("Direction"), "inbound");
    assert_eq!(seen[0].field("ApiVersion"), "2010-04-01");
    assert_eq!(seen[0].field("FromCity"), "");
    assert_eq!(seen[0].field("CallSid"), call.call_sid.as_str());
    assert!(seen[0].idempotency.as_deref().is_some_and(|token| token.len() == 32));
    assert_eq!(seen[2].field("CallStatus"), "completed");
    assert!(seen[2].field("CallDuration").parse::<u64>().unwrap() >= 4);

    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("call.wav");
    call.recording.write_wav(&wav).unwrap();
    let reader = hound::WavReader::open(&wav).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8_000));
    assert!(u64::from(reader.duration()) / 8 <= call.duration_ms + 20);
    let log = folder.path().join("call.jsonl");
    recording::write_log(&call.log, &log).unwrap();
    let lines = std::fs::read_to_string(&log).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["event"], "webhook");
    assert_eq!(lines.lines().count(), call.log.len());
}

#[tokio::test(start_paused = true)]
async fn both_sides_of_the_recording_stand_where_they_were_heard() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let call = server.call(server.settings(), CONVERSATION).await;
    let loud = |side: &[i16], from: u64, to: u64| {
        let part = &side[from as usize * 8..to as usize * 8];
        talia_audio::level::rms_dbfs(part) > -40.0
    };
    let mut checked = 0;
    for event in &call.log {
        if let What::SpeechEnd { side, from_ms, to_ms } = event.what {
            let (own, other) = match side {
                Side::Caller => (&call.recording.caller, &call.recording.assistant),
                Side::Assistant | Side::Person => (&call.recording.assistant, &call.recording.caller),
            };
            assert!(loud(own, from_ms, to_ms), "{event:?}");
            assert!(!loud(other, from_ms, to_ms), "{event:?}");
            checked += 1;
        }
    }
    assert_eq!(checked, 5);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_is_measured_to_the_clear() {
    let (mut saw, sockets) = bots(Bot { greeting: 30, ..BOT });
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let script = "silence_ms = 600\n[[step]]\ndo = \"interrupt\"\nafter_ms = 1000\ntext = \"espera un momento\"\n\
                  [[step]]\ndo = \"wait_for_answer_end\"";
    let call = server.call(server.settings(), script).await;
    call.assert_no_warnings();
    call.assert_script_done();
    let [clear] = call.measurements.barge_in_to_clear_ms[..] else {
        panic!("{:?}", call.measurements.barge_in_to_clear_ms);
    };
    // Three voiced frames: the first is sent at 0, the third 40 ms later.
    assert!((40.0..=60.0).contains(&clear), "{clear}");
    assert_eq!(
        call.count(|what| matches!(what, What::Clear { dropped_ms } if *dropped_ms > 4_000)),
        1
    );
    assert_eq!(
        call.count(|what| matches!(what, What::MarkEchoed { name, played: false } if name == "greeting")),
        1
    );
    assert_eq!(call.measurements.answers.len(), 1);
    assert_eq!(saw.recv().await.unwrap().marks, ["greeting", "answer 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_without_clear_is_measured_to_the_silence() {
    let (_, sockets) = bots(Bot {
        greeting: 8,
        barge_in: u32::MAX,
        ..BOT
    });
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let script =
        "[[step]]\ndo = \"interrupt\"\nafter_ms = 1000\ntext = \"espera\"\n[[step]]\ndo = \"silence\"\nms = 3000";
    let call = server.call(server.settings(), script).await;
    assert!(call.measurements.barge_in_to_clear_ms.is_empty());
    let [silence] = call.measurements.barge_in_to_silence_ms[..] else {
        panic!("{:?}", call.measurements.barge_in_to_silence_ms);
    };
    // Eight words last 1.92 s, of which one second had been heard.
    assert!((800.0..=960.0).contains(&silence), "{silence}");
    assert_eq!(call.measurements.overlapped_turns, 1);
}

#[tokio::test(start_paused = true)]
async fn the_server_hangs_up_and_the_caller_expected_it() {
    let (_, sockets) = bots(Bot { answers: 1, ..BOT });
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let script = "silence_ms = 600\n[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\ntext = \"adiós\"\n\
                  [[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 5000";
    let call = server.call(server.settings(), script).await;
    call.assert_script_done();
    call.assert_ended_by_server();
    // Twilio reports a close by the server even when it was intended.
    assert_eq!(call.warnings_of(31_921), 1);
    call.assert_no_warnings();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_hangs_up_fails_the_script() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let script = "[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 3000";
    let call = server.call(server.settings(), script).await;
    assert_eq!(
        call.script_fault.unwrap().to_string(),
        "step 1 expected the other side to hang up"
    );
    assert_eq!(call.ended_by, EndedBy::Caller);
}

#[tokio::test(start_paused = true)]
async fn status_callbacks_come_doubled_and_reversed() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let settings = CarrierSettings {
        status_url: Some("https://voice.example.com/status".into()),
        status: StatusPlan {
            progress: true,
            duplicates: 1,
            order: StatusOrder::Reversed,
            ..StatusPlan::default()
        },
        ..server.settings()
    };
    let call = server.call(settings, "[[step]]\ndo = \"silence\"\nms = 500").await;
    let told: Vec<_> = call.statuses.iter().map(|sent| sent.status).collect();
    let (ringing, answered, over) = (CallStatus::Ringing, CallStatus::InProgress, CallStatus::Completed);
    assert_eq!(told, [over, over, answered, answered, ringing, ringing]);
    assert!(call.statuses.iter().all(|sent| sent.answer == Some(200)));
    let seen: Vec<_> = server
        .seen()
        .into_iter()
        .filter(|seen| seen.path == "/status")
        .collect();
    let numbers: Vec<_> = seen
        .iter()
        .map(|seen| seen.field("SequenceNumber").to_owned())
        .collect();
    assert_eq!(numbers, ["2", "2", "1", "1", "0", "0"]);
    assert!(
        seen.iter()
            .all(|seen| seen.signed && seen.field("Timestamp").ends_with("+0000"))
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_sees_the_call_as_it_happens() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1_000);
    let carrier = Carrier::new(server.settings()).unwrap();
    let mut plan = plan(CONVERSATION).await;
    plan.observer = Some(sender);
    let call = carrier.dial(plan).await.unwrap();
    let mut watched = Vec::new();
    while let Some(event) = receiver.recv().await {
        watched.push(event);
    }
    assert_eq!(watched, call.log);
    assert_eq!(call.missed_events, 0);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_who_sleeps_costs_events_but_no_time() {
    let (_, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(2);
    let carrier = Carrier::new(server.settings()).unwrap();
    let mut plan = plan("[[step]]\ndo = \"silence\"\nms = 500").await;
    plan.observer = Some(sender);
    let call = carrier.dial(plan).await.unwrap();
    assert_eq!(call.missed_events as usize, call.log.len() - 2);
    drop(receiver);
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_leave_at_any_time() {
    let verbs = format!("<Say>un momento</Say>{STREAM}");
    // While ringing, inside a verb, inside the stream: the verb lasts ten characters of 60 ms.
    for (at_ms, status, streams) in [
        (0, CallStatus::Canceled, 0),
        (300, CallStatus::Completed, 0),
        (2_000, CallStatus::Completed, 1),
    ] {
        let (mut saw, sockets) = bots(BOT);
        let verbs = verbs.clone();
        let server = Server::start(move |_| twiml(&verbs), sockets).await;
        let carrier = Carrier::new(server.settings()).unwrap();
        let mut plan = plan("[[step]]\ndo = \"silence\"\nms = 60000").await;
        plan.hang_up_at_ms = Some(at_ms);
        let call = carrier.dial(plan).await.unwrap();
        call.assert_ended_by_caller();
        assert_eq!((call.status, call.streams()), (status, streams));
        assert!((at_ms..at_ms + 60).contains(&call.duration_ms), "{}", call.duration_ms);
        if streams == 1 {
            assert!(saw.recv().await.unwrap().stopped);
        }
    }
}
