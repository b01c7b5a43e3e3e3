//! The fake voices refuse what the real services would: each wrong request gets its reason.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use talia_audio::mulaw;
use talia_simulator::providers::spelled_speech::read;
use talia_simulator::providers::voices::{Asked, FakeVoice};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const KEY: &str = "k";
const ELEVEN: &str = "/v1/text-to-speech/v/multi-stream-input?model_id=eleven_flash_v2_5&output_format=ulaw_8000";
const AURA: &str = "/v1/speak?model=aura-2-estrella-es&encoding=mulaw&sample_rate=8000";
const CARTESIA: &str = "/tts/websocket";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a socket, or gives the status of the refusal.
async fn open(voice: &FakeVoice, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let url = format!("{}{path}", voice.url().replacen("http", "ws", 1));
    let mut request = url.into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn send(socket: &mut Socket, message: &Value) {
    socket
        .send(Message::Text(message.to_string().into()))
        .await
        .expect("sent");
}

/// Everything that comes until the service closes, or says nothing for a while.
async fn answers(socket: &mut Socket) -> Vec<Message> {
    let mut answers = Vec::new();
    while let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_millis(700), socket.next()).await {
        answers.push(message);
    }
    answers
}

#[tokio::test]
async fn a_wrong_key_version_or_format_opens_nothing() {
    let eleven = FakeVoice::elevenlabs(KEY).await.expect("a stage");
    let key = [("xi-api-key", KEY)];
    assert_eq!(open(&eleven, ELEVEN, &[]).await.err(), Some(401));
    assert_eq!(
        open(&eleven, ELEVEN, &[("authorization", "Bearer k")]).await.err(),
        Some(401)
    );
    for wrong in [
        ELEVEN.replace("ulaw_8000", "ulaw_8k"),
        format!("{ELEVEN}&optimise=3"),
        format!("{ELEVEN}&inactivity_timeout=600"),
        ELEVEN.replace("eleven_flash_v2_5", "eleven_multilingual_v2") + "&language_code=es",
    ] {
        assert_eq!(open(&eleven, &wrong, &key).await.err(), Some(400), "{wrong}");
    }
    assert!(open(&eleven, ELEVEN, &key).await.is_ok());
    let aura = FakeVoice::aura(KEY).await.expect("a stage");
    assert_eq!(
        open(&aura, AURA, &[("authorization", "Bearer k")]).await.err(),
        Some(401)
    );
    let token = [("authorization", "Token k")];
    for wrong in [
        AURA.replace("mulaw", "ulaw"),
        format!("{AURA}&container=none"),
        AURA.replace("aura-2-estrella-es", "nova-3"),
        AURA.replace("&sample_rate=8000", ""),
    ] {
        assert_eq!(open(&aura, &wrong, &token).await.err(), Some(400), "{wrong}");
    }
    let cartesia = FakeVoice::cartesia(KEY).await.expect("a stage");
    let bearer = ("authorization", "Bearer k");
    assert_eq!(open(&cartesia, CARTESIA, &[bearer]).await.err(), Some(400));
    let old = ("cartesia-version", "2024-06-10");
    assert_eq!(open(&cartesia, CARTESIA, &[bearer, old]).await.err(), Some(400));
}

#[tokio::test]
async fn elevenlabs_takes_a_context_only_from_its_beginning_to_its_close() {
    let eleven = FakeVoice::elevenlabs(KEY).await.expect("a stage");
    let init = json!({"text": " ", "context_id": "a", "voice_settings": {"speed": 1.0}});
    let close = json!({"context_id": "a", "close_context": true});
    let text = |text: &str| json!({"text": text, "context_id": "a", "flush": true});
    let wrong = [
        (vec![text("Hola. ")], "first message"),
        (vec![init.clone(), close.clone(), text("Hola. ")], "first message"),
        (
            vec![init.clone(), text("Hola. "), close.clone(), text("Más. ")],
            "closed",
        ),
        (vec![init.clone(), text("Hola.")], "single space"),
        (vec![init.clone(), init.clone()], "later message"),
        (
            vec![json!({"text": " ", "context_id": "a", "voice_settings": {"pitch": 2}})],
            "voice setting",
        ),
        (vec![json!({"text": " ", "contexto": "a"})], "unknown field"),
        (vec![close.clone()], "unknown context"),
        (
            (0..6)
                .map(|n| json!({"text": " ", "context_id": n.to_string()}))
                .collect(),
            "exceeded",
        ),
    ];
    for (messages, reason) in wrong {
        let mut socket = open(&eleven, ELEVEN, &[("xi-api-key", KEY)]).await.expect("a socket");
        for message in &messages {
            send(&mut socket, message).await;
        }
        let answers = answers(&mut socket).await;
        assert!(
            matches!(answers.last(), Some(Message::Close(Some(frame))) if u16::from(frame.code) == 1008),
            "{answers:?}"
        );
        assert!(
            eleven.refusals().last().is_some_and(|why| why.contains(reason)),
            "{reason}: {:?}",
            eleven.refusals()
        );
    }
}

#[tokio::test]
async fn what_is_asked_rightly_is_said() {
    let eleven = FakeVoice::elevenlabs(KEY).await.expect("a stage");
    let mut socket = open(&eleven, ELEVEN, &[("xi-api-key", KEY)]).await.expect("a socket");
    for message in [
        json!({"text": " ", "context_id": "a"}),
        json!({"text": "", "context_id": "a"}),
        json!({"text": "Hola, Ana. ", "context_id": "a", "flush": true}),
        json!({"context_id": "a", "close_context": true}),
    ] {
        send(&mut socket, &message).await;
    }
    let mut said = Vec::new();
    let answers = answers(&mut socket).await;
    for answer in &answers {
        let answer: Value = serde_json::from_str(answer.to_text().expect("text")).expect("JSON");
        assert_eq!(answer["contextId"], "a");
        if let Some(audio) = answer["audio"].as_str() {
            said.extend(STANDARD.decode(audio).expect("base64").into_iter().map(mulaw::decode));
        }
    }
    assert_eq!(read(&said), "hola ana");
    let last: Value = serde_json::from_str(answers.last().expect("some").to_text().expect("text")).expect("JSON");
    assert_eq!(last["isFinal"], true);
    assert_eq!(
        eleven.journal(),
        [
            Asked::Connection,
            Asked::KeptAlive,
            Asked::Text("Hola, Ana.".to_owned())
        ]
    );
}

#[tokio::test]
async fn cartesia_says_why_it_refuses_a_request_and_stays_open() {
    let cartesia = FakeVoice::cartesia(KEY).await.expect("a stage");
    let headers = [("authorization", "Bearer k"), ("cartesia-version", "2026-08-14")];
    let mut socket = open(&cartesia, CARTESIA, &headers).await.expect("a socket");
    let good = json!({
        "context_id": "a", "model_id": "sonic-3.5", "transcript": "Hola.", "voice": {"id": "v"},
        "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
        "max_buffer_delay_ms": 0, "continue": false,
    });
    let with = |name: &str, value: Value| {
        let mut request = good.clone();
        request[name] = value;
        request
    };
    for (wrong, reason) in [
        (with("max_buffer_delay_ms", json!(9_000)), "max_buffer_delay_ms"),
        (with("output_format", json!({"container": "wav"})), "output_format"),
        (with("voice", json!({"mode": "id", "id": "v"})), "voice"),
        (with("volume", json!(2)), "unknown field"),
        (json!({"transcript": "Hola."}), "context_id"),
    ] {
        send(&mut socket, &wrong).await;
        assert!(
            answers(&mut socket).await[0]
                .to_text()
                .expect("text")
                .contains("\"type\":\"error\""),
            "{reason}"
        );
        assert!(
            cartesia.refusals().last().is_some_and(|why| why.contains(reason)),
            "{reason}"
        );
    }
    send(&mut socket, &good).await;
    let done = answers(&mut socket).await;
    assert!(
        done.last()
            .expect("some")
            .to_text()
            .expect("text")
            .contains("\"type\":\"done\"")
    );
    // A context that is over can't be continued.
    send(&mut socket, &good).await;
    assert!(answers(&mut socket).await[0].to_text().expect("text").contains("error"));
}

#[tokio::test]
async fn deepgram_closes_on_what_it_does_not_know_and_warns_of_too_many_flushes() {
    let aura = FakeVoice::aura(KEY).await.expect("a stage");
    for wrong in [
        json!({"type": "Speak", "text": ""}),
        json!({"type": "Speak", "text": "Hola.", "voice": "x"}),
        json!({"type": "Shout"}),
        json!({"text": "Hola."}),
    ] {
        let mut socket = open(&aura, AURA, &[("authorization", "Token k")])
            .await
            .expect("a socket");
        send(&mut socket, &wrong).await;
        assert!(
            matches!(answers(&mut socket).await.last(), Some(Message::Close(_))),
            "{wrong}"
        );
    }
    let mut socket = open(&aura, AURA, &[("authorization", "Token k")])
        .await
        .expect("a socket");
    for _ in 0..21 {
        send(&mut socket, &json!({"type": "Speak", "text": "a"})).await;
        send(&mut socket, &json!({"type": "Flush"})).await;
        // One at a time.
        loop {
            let answer = socket.next().await.expect("an answer").expect("no error");
            if answer
                .to_text()
                .is_ok_and(|text| text.contains("Flushed") || text.contains("Warning"))
            {
                break;
            }
        }
    }
    assert_eq!(aura.texts().len(), 20);
}
