//! A webhook that Twilio repeats gets the answer that it got, and does nothing twice.
//!
//! Twilio marks the tries of one request with one `I-Twilio-Idempotency-Token`. Whoever shows a token with another body,
//! URL or signature is another request, so that nothing is answered here whose signature was not checked the first time.

use super::{own_signature, webhook};
use crate::app::App;
use crate::clock::Clock;
use crate::telemetry::labels::Refusal;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use talia_twilio::form::MAX_BODY;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// Source: Twilio's "Webhooks (HTTP callbacks): connection overrides".
const TOKEN_HEADER: &str = "i-twilio-idempotency-token";
/// Twilio tries for 15 seconds in all.
const REMEMBERED: Duration = Duration::from_mins(1);
/// Beyond this many, new ones are answered without being remembered: each webhook is idempotent without this too.
const MOST: usize = 10_000;
/// Our answers are small documents.
const LARGEST_ANSWER: usize = 64 * 1024;

#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    content_type: Option<header::HeaderValue>,
    body: Bytes,
}

#[derive(Debug)]
struct Remembered {
    answer: Arc<OnceCell<Answer>>,
    forget_at: Instant,
}

/// The answers of the last minute.
#[derive(Debug)]
pub struct Repeats {
    clock: Clock,
    answers: Mutex<HashMap<[u8; 32], Remembered>>,
}

impl Repeats {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            answers: Mutex::default(),
        }
    }

    fn cell(&self, key: [u8; 32]) -> Option<Arc<OnceCell<Answer>>> {
        let now = self.clock.now();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, known| known.forget_at > now);
        }
        if let Some(known) = answers.get(&key).filter(|known| known.forget_at > now) {
            return Some(known.answer.clone());
        }
        if answers.len() >= MOST {
            return None;
        }
        let answer = Arc::<OnceCell<Answer>>::default();
        let known = Remembered {
            answer: answer.clone(),
            forget_at: now + REMEMBERED,
        };
        answers.insert(key, known);
        Some(answer)
    }
}

/// Answers a repetition as the first time; lets everything else through.
pub(crate) async fn once(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let Some(token) = request.headers().get(TOKEN_HEADER).cloned() else {
        return next.run(request).await;
    };
    // Our own signature has its own memory of what came before, and refuses a repetition.
    if own_signature::headers_of(request.headers()).any() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(Ok(body)) = timeout(app.config.limits.body_timeout, to_bytes(body, MAX_BODY)).await else {
        // What is too large or too slow has no answer to be repeated.
        app.metrics.refused(Refusal::BodyTooLarge);
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let signature = webhook::signature_of(&parts.headers);
    let mut hash = Sha256::new();
    for part in [
        token.as_bytes(),
        webhook::target(&parts.uri).as_bytes(),
        signature.signature.unwrap_or_default().as_bytes(),
        signature.settings.unwrap_or_default().as_bytes(),
        &body,
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let key: [u8; 32] = hash.finalize().into();
    let request = Request::from_parts(parts, Body::from(body));
    let Some(cell) = app.repeats.cell(key) else {
        return next.run(request).await;
    };
    let mut first = false;
    let answered = cell
        .get_or_try_init(|| {
            first = true;
            async { remember(next.run(request).await).await }
        })
        .await;
    if !first {
        app.metrics.refused(Refusal::Replayed);
    }
    match answered {
        Ok(answer) => give(answer.clone()),
        Err(refused) => refused,
    }
}

/// What was refused is tried again by whoever tries again.
async fn remember(response: Response) -> Result<Answer, Response> {
    if !response.status().is_success() {
        return Err(response);
    }
    let (parts, body) = response.into_parts();
    let headers: HeaderMap = parts.headers;
    match to_bytes(body, LARGEST_ANSWER).await {
        Ok(body) => Ok(Answer {
            status: parts.status,
            content_type: headers.get(header::CONTENT_TYPE).cloned(),
            body,
        }),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
    }
}

fn give(answer: Answer) -> Response {
    let mut response = (answer.status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if let Some(kind) = answer.content_type {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
