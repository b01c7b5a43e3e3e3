//! Sockets that are cut at a chosen moment, and what the carrier does behind a broken one.

use std::time::Duration;

use axum::{http::StatusCode, response::IntoResponse as _};
use talia_simulator::{
    carrier::Carrier,
    cut::{Cut, CutAt},
    events::{EndedBy, Side, What},
    outcome::CallOutcome,
    settings::{AfterBreak, CarrierSettings},
};

use crate::{
    bot::Bot,
    calls::{BOT, bots},
    desk::Desk,
    server::{Server, plan, twiml},
};

const STREAM: &str = "<Connect><Stream url=\"wss://voice.example.com/media\" \
                      statusCallback=\"https://voice.example.com/stream\"/></Connect>";
const TALK: &str = "silence_ms = 500\n[[step]]\ndo = \"wait_for_answer_end\"\n[[step]]\ndo = \"say\"\ntext = \"hola qué tal\"\n\
                    [[step]]\ndo = \"silence\"\nms = 4000";

async fn resuming(bot: Bot) -> Server {
    let (_, sockets) = bots(bot);
    Server::start(
        |path| match path {
            "/voice" => twiml(&format!("{STREAM}<Redirect>/resume</Redirect>")),
            "/stream" => StatusCode::NO_CONTENT.into_response(),
            _ => twiml(STREAM),
        },
        sockets,
    )
    .await
}

fn at(call: &CallOutcome, such: impl Fn(&What) -> bool) -> Vec<u64> {
    call.log
        .iter()
        .filter(|event| such(&event.what))
        .map(|event| event.at_ms)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_cut_when_the_plan_says() {
    for (cut, after_ms) in [
        (CutAt::Ms(700), Some(700)),
        (CutAt::Frame(25), Some(500)),
        (CutAt::AssistantSpeaks { after_ms: 300 }, None),
        (CutAt::CallerSpeaks { after_ms: 200 }, None),
    ] {
        let server = resuming(BOT).await;
        let carrier = Carrier::new(server.settings()).unwrap();
        let mut plan = plan(TALK).await;
        plan.cuts = vec![Cut {
            stream: Some(1),
            at: cut,
            abrupt: true,
        }];
        let call = carrier.dial(plan).await.unwrap();
        assert_eq!(call.streams(), 2, "{cut:?}");
        assert_eq!(call.warnings_of(31_903), 1);
        let ended = at(&call, |what| matches!(what, What::StreamEnd { .. }))[0];
        let began = |wanted: Side| {
            at(
                &call,
                |what| matches!(what, What::SpeechBegin { side, .. } if *side == wanted),
            )[0]
        };
        let expected = match (cut, after_ms) {
            (_, Some(after_ms)) => after_ms,
            (CutAt::AssistantSpeaks { .. }, _) => began(Side::Assistant) + 300,
            _ => began(Side::Caller) + 200,
        };
        assert!(
            (expected..=expected + 40).contains(&ended),
            "{cut:?}: {ended}, {expected}"
        );
        // The way back that is told beside the call.
        let told = server.seen().into_iter().filter(|seen| seen.path == "/stream");
        let failed = told
            .into_iter()
            .find(|seen| seen.field("StreamEvent") == "stream-error")
            .unwrap();
        assert!(
            failed.field("StreamError").contains("31903"),
            "{}",
            failed.field("StreamError")
        );
        assert_eq!(failed.field("CallSid"), call.call_sid.as_str());
        assert!(failed.signed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_may_come_by_hand_in_every_stream() {
    let server = resuming(BOT).await;
    let carrier = Carrier::new(server.settings()).unwrap();
    let ringing = carrier.clone();
    let caller = plan("[[step]]\ndo = \"silence\"\nms = 8000").await;
    let call = tokio::spawn(async move { ringing.dial(caller).await.unwrap() });
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let live = carrier.live_calls();
        carrier.cut(live[0].as_str(), false).unwrap();
    }
    let call = call.await.unwrap();
    assert_eq!(call.streams(), 2);
    assert_eq!(call.ended_by, EndedBy::Document);
    assert!((4_000..4_200).contains(&call.duration_ms), "{}", call.duration_ms);
    assert!(carrier.cut(call.call_sid.as_str(), true).is_err());
}

#[tokio::test(start_paused = true)]
async fn behind_a_broken_socket_only_rest_goes_on_where_the_carrier_hangs() {
    let hanging = |server: &Server| CarrierSettings {
        after_break: AfterBreak::Hangs { at_most_ms: 20_000 },
        ..server.settings()
    };
    let cut = Cut {
        stream: Some(1),
        at: CutAt::Ms(1_000),
        abrupt: true,
    };
    // A clean close goes on as ever.
    let server = resuming(Bot { answers: 1, ..BOT }).await;
    let call = server.call(hanging(&server), TALK).await;
    assert!(server.paths().contains(&"/resume".to_owned()));
    assert_eq!(call.count(|what| matches!(what, What::Hangs)), 0);

    // Nobody redirects: the carrier gives up.
    let server = resuming(BOT).await;
    let mut plain = plan("[[step]]\ndo = \"silence\"\nms = 60000").await;
    plain.cuts = vec![cut];
    let call = Carrier::new(hanging(&server)).unwrap().dial(plain).await.unwrap();
    assert_eq!((call.ended_by, call.streams()), (EndedBy::TimeLimit, 1));
    assert!((21_000..21_100).contains(&call.duration_ms), "{}", call.duration_ms);
    assert!(!server.paths().contains(&"/resume".to_owned()));

    // Somebody does.
    let server = resuming(BOT).await;
    let desk = Desk::with(hanging(&server)).await;
    let mut plain = plan("[[step]]\ndo = \"silence\"\nms = 9000").await;
    plain.cuts = vec![cut];
    let ringing = desk.carrier.clone();
    let call = tokio::spawn(async move { ringing.dial(plain).await.unwrap() });
    tokio::time::sleep(Duration::from_secs(3)).await;
    let live = desk.carrier.live_calls().remove(0);
    let (status, _) = desk
        .post(
            &format!("/Calls/{live}.json"),
            &[("Url", "https://voice.example.com/resume")],
        )
        .await;
    assert_eq!(status, 200);
    let call = call.await.unwrap();
    assert_eq!((call.ended_by, call.streams()), (EndedBy::Caller, 2));
    assert_eq!(call.count(|what| matches!(what, What::Hangs)), 1);
}
