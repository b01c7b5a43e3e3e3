//! The fake of `OpenAI` Realtime refuses what the real service refuses.

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use talia_simulator::providers::openai_realtime::{Fault, RealtimeFake, RealtimeScript, Reply};
use talia_simulator::providers::tone_words::Vocabulary;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn fake() -> RealtimeFake {
    let script = RealtimeScript::new(
        Vocabulary::of(&["hola"]),
        vec![Reply::say("hola", "Buenas tardes, ¿en qué te ayudo?")],
    );
    RealtimeFake::start(script).await.expect("a port")
}

async fn open(fake: &RealtimeFake, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let url = format!(
        "{}/v1/realtime?model=gpt-realtime-2.1",
        fake.url().replacen("http", "ws", 1)
    );
    let mut request = url.into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    Ok(connect_async(request).await?.0)
}

async fn event(socket: &mut Socket) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(5), socket.next()).await;
    let message = message.expect("in time").expect("a message").expect("no error");
    serde_json::from_str(message.to_text().expect("text")).expect("JSON")
}

/// Waits for an event of this type.
async fn until(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let event = event(socket).await;
        if event["type"] == kind {
            return event;
        }
        assert_ne!(event["type"], "error", "{event}");
    }
}

async fn send(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.expect("sent");
}

/// Sends it, and returns the code of its refusal.
async fn refused(socket: &mut Socket, message: Value) -> String {
    send(socket, message).await;
    loop {
        let event = event(socket).await;
        if event["type"] == "error" {
            return event["error"]["code"].as_str().expect("a code").to_owned();
        }
    }
}

const KEY: [(&str, &str); 1] = [("authorization", "Bearer sk-test")];

#[tokio::test]
async fn without_a_key_nobody_is_let_in() {
    let fake = fake().await;
    let Err(Error::Http(answer)) = open(&fake, &[]).await else {
        panic!("let in")
    };
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn the_header_of_the_beta_is_refused() {
    let fake = fake().await;
    let headers = [KEY[0], ("openai-beta", "realtime=v1")];
    let mut socket = open(&fake, &headers).await.expect("a socket");
    assert_eq!(event(&mut socket).await["type"], "session.created");
    let mut all = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        all.extend(message.to_text().ok().map(str::to_owned));
    }
    assert!(fake.refused().len() == 1, "{all:?}");
}

#[tokio::test]
async fn shapes_of_the_beta_and_unknown_fields_are_refused() {
    let fake = fake().await;
    let mut socket = open(&fake, &KEY).await.expect("a socket");
    for (session, code) in [
        (json!({"type": "realtime", "temperature": 0.8}), "unknown_parameter"),
        (json!({"voice": "marin", "type": "realtime"}), "unknown_parameter"),
        (json!({"instructions": "no type"}), "missing_required_parameter"),
        (
            json!({"type": "realtime", "output_modalities": ["audio", "text"]}),
            "invalid_value",
        ),
        (
            json!({"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu", "rate": 8000}}}}),
            "unknown_parameter",
        ),
        (
            json!({"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "eagerness": "low"}}}}),
            "unknown_parameter",
        ),
    ] {
        let message = json!({"type": "session.update", "session": session});
        assert_eq!(refused(&mut socket, message.clone()).await, code, "{message}");
    }
    for (message, code) in [
        (json!({"type": "response.audio.clear"}), "invalid_value"),
        (json!({"type": "response.cancel"}), "response_cancel_not_active"),
        (
            json!({"type": "input_audio_buffer.commit"}),
            "input_audio_buffer_commit_empty",
        ),
        (
            json!({"type": "conversation.item.create", "item": {"type": "message", "role": "assistant",
                "content": [{"type": "output_audio", "audio": "////"}]}}),
            "invalid_value",
        ),
        (
            json!({"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "none", "output": ""}}),
            "invalid_tool_call_id",
        ),
    ] {
        assert_eq!(refused(&mut socket, message.clone()).await, code, "{message}");
    }
}

#[tokio::test]
async fn only_one_answer_at_a_time_and_no_cut_beyond_its_audio() {
    let fake = fake().await;
    let mut socket = open(&fake, &KEY).await.expect("a socket");
    let hello = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hola"}]});
    send(&mut socket, json!({"type": "conversation.item.create", "item": hello})).await;
    send(&mut socket, json!({"type": "response.create"})).await;
    let again = refused(&mut socket, json!({"type": "response.create"})).await;
    assert_eq!(again, "conversation_already_has_active_response");
    let delta = until(&mut socket, "response.output_audio.delta").await;
    until(&mut socket, "response.done").await;
    let cut = |ms: u64| json!({"type": "conversation.item.truncate", "item_id": delta["item_id"], "content_index": 0, "audio_end_ms": ms});
    assert_eq!(refused(&mut socket, cut(60_000)).await, "invalid_value");
    send(&mut socket, cut(300)).await;
    assert_eq!(
        until(&mut socket, "conversation.item.truncated").await["audio_end_ms"],
        300
    );
    assert_eq!(refused(&mut socket, cut(301)).await, "invalid_value");
    let voice = |voice: &str| json!({"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": voice}}}});
    assert_eq!(refused(&mut socket, voice("cedar")).await, "cannot_update_voice");
}

#[tokio::test]
async fn words_are_heard_in_the_bytes_and_faults_happen_once() {
    let fake = fake().await;
    fake.plan(Fault::AnswerNothing);
    let mut socket = open(&fake, &KEY).await.expect("a socket");
    let tones = Vocabulary::of(&["hola"]).say("hola").expect("known");
    let bytes: Vec<u8> = tones.into_iter().map(talia_audio::mulaw::encode).collect();
    for frame in bytes.chunks(160) {
        let audio = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, frame);
        send(
            &mut socket,
            json!({"type": "input_audio_buffer.append", "audio": audio}),
        )
        .await;
    }
    send(&mut socket, json!({"type": "input_audio_buffer.commit"})).await;
    let written = until(&mut socket, "conversation.item.input_audio_transcription.completed").await;
    assert_eq!(written["transcript"], "hola");
    send(&mut socket, json!({"type": "response.create"})).await;
    assert_eq!(
        until(&mut socket, "response.done").await["response"]["status"],
        "completed"
    );
    send(&mut socket, json!({"type": "response.create"})).await;
    assert_eq!(
        until(&mut socket, "response.output_audio_transcript.done").await["transcript"],
        "Buenas tardes, ¿en qué te ayudo?"
    );
    assert_eq!(fake.refused(), []);
}
