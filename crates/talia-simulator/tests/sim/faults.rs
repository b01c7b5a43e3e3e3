//! Servers and networks that fail: what Twilio would report, and what follows.

use axum::extract::ws::{Message, WebSocket};
use futures::future::BoxFuture;
use talia_audio::mulaw;
use talia_simulator::{
    carrier::Carrier,
    events::{EndedBy, Side, What},
    tamper::Tamper,
};
use talia_twilio::media::{Inbound, parse, write_mark, write_media};
use tokio::sync::mpsc::{Sender, channel};

use crate::{
    calls::{BOT, bots},
    server::{Server, plan, twiml},
};

const STREAM: &str = "<Connect><Stream url=\"wss://voice.example.com/media\"/></Connect>";

/// Waits for `start`; returns the stream's identifier.
async fn started(socket: &mut WebSocket) -> String {
    loop {
        let Some(Ok(Message::Text(text))) = socket.recv().await else {
            panic!("the stream ended before it started");
        };
        if let Inbound::Start(start) = parse(&text).unwrap() {
            return start.stream_sid.as_str().to_owned();
        }
    }
}

async fn drain(mut socket: WebSocket) {
    while let Some(Ok(_)) = socket.recv().await {}
}

fn bad_shapes(mut socket: WebSocket) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let sid = started(&mut socket).await;
        for text in [
            "{".to_owned(),
            "[]".to_owned(),
            r#"{"event":"clear"}"#.to_owned(),
            r#"{"event":"clear","streamSid":"MZ00000000000000000000000000000000"}"#.to_owned(),
            format!(r#"{{"event":"clear","streamSid":"{sid}","x":1}}"#),
            format!(r#"{{"event":"media","streamSid":"{sid}","media":{{"payload":"***"}}}}"#),
            format!(r#"{{"event":"media","streamSid":"{sid}","media":{{"payload":"fw==","track":"outbound"}}}}"#),
            format!(r#"{{"event":"dance","streamSid":"{sid}"}}"#),
        ] {
            socket.send(Message::text(text)).await.unwrap();
        }
        socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
        let loud: Vec<u8> = (0..160)
            .map(|index| mulaw::encode(if index % 8 < 4 { 9_000 } else { -9_000 }))
            .collect();
        let mut out = String::new();
        for _ in 0..30 {
            write_media(&mut out, &sid, &loud);
            socket.send(Message::text(out.clone())).await.unwrap();
        }
        drain(socket).await;
    })
}

#[tokio::test(start_paused = true)]
async fn bad_messages_are_dropped_and_reported_and_good_ones_still_play() {
    let server = Server::start(|_| twiml(STREAM), bad_shapes).await;
    let call = server
        .call(server.settings(), "[[step]]\ndo = \"silence\"\nms = 2000")
        .await;
    assert_eq!(call.warnings_of(31_951), 8);
    assert_eq!(call.warnings_of(31_950), 1);
    assert_eq!(call.utterances(Side::Assistant), 1);
    assert_eq!(call.measurements.outbound_audio_ms, 600);
    let refused = std::panic::catch_unwind(|| call.assert_no_warnings());
    assert!(refused.is_err());
}

fn marks_out_of_place(mut socket: WebSocket) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let sid = started(&mut socket).await;
        let mut out = String::new();
        write_mark(&mut out, &sid, "at once");
        socket.send(Message::text(out.clone())).await.unwrap();
        write_media(&mut out, &sid, &[0x2a; 8_000]);
        socket.send(Message::text(out.clone())).await.unwrap();
        for name in ["same", "same"] {
            write_mark(&mut out, &sid, name);
            socket.send(Message::text(out.clone())).await.unwrap();
        }
        drain(socket).await;
    })
}

#[tokio::test(start_paused = true)]
async fn marks_come_back_when_their_audio_has_been_played() {
    let server = Server::start(|_| twiml(STREAM), marks_out_of_place).await;
    let call = server
        .call(server.settings(), "[[step]]\ndo = \"silence\"\nms = 2000")
        .await;
    call.assert_no_warnings();
    let at = |wanted: &str| -> Vec<u64> {
        let echoes = call.log.iter().filter_map(|event| match &event.what {
            What::MarkEchoed { name, played: true } if name == wanted => Some(event.at_ms),
            _ => None,
        });
        echoes.collect()
    };
    let (first, same) = (at("at once"), at("same"));
    assert_eq!((first.len(), same.len()), (1, 2));
    for echoed in same {
        assert!((1_000..=1_040).contains(&(echoed - first[0])), "{echoed}");
    }
}

fn silent_death(mut socket: WebSocket) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        started(&mut socket).await;
        // Dropped without a closing frame: a process that was killed.
    })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_is_left_for_the_next_verb() {
    let server = Server::start(
        |path| match path {
            "/voice" => twiml(&format!("{STREAM}<Redirect>/resume</Redirect>")),
            _ => twiml("<Say>Perdone</Say>"),
        },
        silent_death,
    )
    .await;
    let call = server
        .call(server.settings(), "[[step]]\ndo = \"silence\"\nms = 5000")
        .await;
    assert_eq!(call.ended_by, EndedBy::Document);
    assert_eq!(call.warnings_of(31_903), 1, "{:?}", call.warnings);
    assert_eq!(server.paths(), ["/voice", "/media", "/resume"]);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_drops_the_socket_leads_to_the_next_verb() {
    for abrupt in [false, true] {
        let (mut saw, sockets) = bots(BOT);
        let server = Server::start(
            |path| match path {
                "/voice" => twiml(&format!("{STREAM}<Redirect>/resume</Redirect>")),
                _ => twiml(STREAM),
            },
            sockets,
        )
        .await;
        let script = format!(
            "[[step]]\ndo = \"silence\"\nms = 500\n[[step]]\ndo = \"drop_socket\"\nabrupt = {abrupt}\n\
             [[step]]\ndo = \"silence\"\nms = 500"
        );
        let call = server.call(server.settings(), &script).await;
        call.assert_ended_by_caller();
        assert_eq!(call.streams(), 2);
        assert_eq!(server.paths(), ["/voice", "/media", "/resume", "/media"]);
        let first = saw.recv().await.unwrap();
        assert_eq!((first.stopped, first.closed), (false, !abrupt));
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_call_ends() {
    let (mut saw, sockets) = bots(BOT);
    let server = Server::start(|_| twiml(STREAM), sockets).await;
    let mut settings = server.settings();
    settings.max_call_ms = 3_000;
    let call = server.call(settings, "[[step]]\ndo = \"silence\"\nms = 60000").await;
    assert_eq!(call.ended_by, EndedBy::TimeLimit);
    assert!((3_000..3_100).contains(&call.duration_ms));
    assert!(saw.recv().await.unwrap().stopped);
}

/// Keeps every message as it came, until the caller leaves.
fn collects(sender: Sender<Vec<Message>>) -> impl Fn(WebSocket) -> BoxFuture<'static, ()> + Send + Sync + 'static {
    move |mut socket| {
        let sender = sender.clone();
        Box::pin(async move {
            let mut messages = Vec::new();
            while let Some(Ok(message)) = socket.recv().await {
                messages.push(message);
            }
            sender.send(messages).await.unwrap();
        })
    }
}

#[tokio::test(start_paused = true)]
async fn dishonest_carriers_do_exactly_what_they_were_asked() {
    for (tampers, signed, starts) in [
        (vec![], true, 1),
        (vec![Tamper::ForgedHandshake], false, 1),
        (vec![Tamper::NoStart], true, 0),
        (
            vec![Tamper::SecondStart, Tamper::WrongCodec, Tamper::ForeignCall],
            true,
            2,
        ),
        (vec![Tamper::Text("{".into()), Tamper::Binary(vec![7])], true, 1),
    ] {
        let (sender, mut received) = channel(1);
        let server = Server::start(|_| twiml(STREAM), collects(sender)).await;
        let carrier = Carrier::new(server.settings()).unwrap();
        let mut plan = plan("[[step]]\ndo = \"silence\"\nms = 200").await;
        plan.tampers.clone_from(&tampers);
        let call = carrier.dial(plan).await.unwrap();
        assert_eq!(server.seen()[1].signed, signed);
        let messages = received.recv().await.unwrap();
        let texts: Vec<&str> = messages.iter().filter_map(|message| message.to_text().ok()).collect();
        let begun: Vec<_> = texts
            .iter()
            .filter_map(|text| match parse(text) {
                Ok(Inbound::Start(start)) => Some(*start),
                _ => None,
            })
            .collect();
        assert_eq!(begun.len(), starts);
        for start in begun {
            assert_eq!(start.media_format.is_mulaw_8k(), !tampers.contains(&Tamper::WrongCodec));
            assert_eq!(start.call_sid == call.call_sid, !tampers.contains(&Tamper::ForeignCall));
        }
        let raw = tampers.contains(&Tamper::Text("{".into()));
        assert_eq!(texts.contains(&"{"), raw);
        assert_eq!(messages.contains(&Message::binary(vec![7])), raw);
    }
}
