//! OpenAI's speech over HTTP (`/v1/audio/speech`), for raw 24 kHz samples.
//!
//! Shapes from the official OpenAPI description (`CreateSpeechRequest`).

use super::manner::{Coding, Step, VoiceFault, perform};
use super::stage::{Asked, FakeVoice, Inner};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use futures::stream;
use serde_json::{Map, Value};
use std::io;
use std::sync::Arc;
use std::time::Duration;

const FIELDS: &[&str] = &[
    "model",
    "input",
    "voice",
    "instructions",
    "response_format",
    "speed",
    "stream_format",
];
const LONGEST_INPUT: usize = 4_096;

impl FakeVoice {
    /// OpenAI with this key.
    pub async fn openai(key: &str) -> std::io::Result<Self> {
        Self::start(key, |stage| {
            Router::new().route("/v1/audio/speech", post(speech)).with_state(stage)
        })
        .await
    }
}

async fn speech(State(stage): State<Arc<Inner>>, headers: HeaderMap, body: String) -> Response {
    stage.note(Asked::Connection);
    stage.keep_message(&body);
    if let Some(answer) = stage.turned_away(&headers, "authorization", "Bearer ") {
        return answer;
    }
    let text = match check(&headers, &body) {
        Ok(text) => text,
        Err(why) => return stage.refuse(StatusCode::BAD_REQUEST, why),
    };
    stage.note(Asked::Text(text.trim().to_owned()));
    let manner = stage.manner();
    let kind = match manner.fault {
        VoiceFault::Html => "text/html; charset=utf-8",
        VoiceFault::Wave => "audio/wav",
        _ => "audio/pcm",
    };
    let performance = Performance {
        steps: perform(text.trim(), &manner, Coding::Pcm24k).into_iter(),
        stage,
        over: false,
    };
    let body = Body::from_stream(stream::unfold(performance, next));
    ([(CONTENT_TYPE, kind)], body).into_response()
}

fn check(headers: &HeaderMap, body: &str) -> Result<String, String> {
    let json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !json.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err("the body must be JSON".to_owned());
    }
    let request: Map<String, Value> = serde_json::from_str(body).map_err(|_| "not a JSON object".to_owned())?;
    if let Some(unknown) = request.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(format!("unknown field {unknown}"));
    }
    let text_of = |name: &str| request.get(name).and_then(Value::as_str);
    text_of("model").ok_or("model is missing")?;
    text_of("voice").ok_or("voice is missing")?;
    if text_of("response_format") != Some("pcm") {
        return Err("response_format must be one that this stage plays: pcm".to_owned());
    }
    if text_of("stream_format").is_some_and(|format| format != "audio") {
        return Err("stream_format must be audio".to_owned());
    }
    let speed = request.get("speed").map_or(Some(1.0), Value::as_f64);
    if speed.is_none_or(|speed| !(0.25..=4.0).contains(&speed)) {
        return Err("speed must be 0.25 to 4".to_owned());
    }
    let input = text_of("input")
        .filter(|input| !input.is_empty())
        .ok_or("input is missing")?;
    if input.chars().count() > LONGEST_INPUT {
        return Err("input is too long".to_owned());
    }
    Ok(input.to_owned())
}

/// A performance that knows when it is dropped before its end: nobody listens any more.
struct Performance {
    steps: std::vec::IntoIter<Step>,
    stage: Arc<Inner>,
    over: bool,
}

impl Drop for Performance {
    fn drop(&mut self) {
        if !self.over {
            self.stage.note(Asked::Cancelled);
        }
    }
}

async fn next(mut performance: Performance) -> Option<(Result<Bytes, io::Error>, Performance)> {
    loop {
        match performance.steps.next() {
            Some(Step::Audio { bytes, .. }) => return Some((Ok(bytes.into()), performance)),
            Some(Step::Wait(wait)) => tokio::time::sleep(wait).await,
            Some(Step::Oddity) => {}
            Some(Step::Fail | Step::Die) => {
                // Let what was sent leave before the connection breaks.
                tokio::time::sleep(Duration::from_millis(5)).await;
                performance.over = true;
                return Some((Err(io::Error::other("the stage falls")), performance));
            }
            Some(Step::Stall | Step::Hang) => std::future::pending().await,
            None => {
                performance.over = true;
                return None;
            }
        }
    }
}
