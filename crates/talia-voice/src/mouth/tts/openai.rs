//! OpenAI's speech over HTTP (`/v1/audio/speech`): raw 24 kHz samples as they are made, brought to the line's 8 kHz μ-law.
//!
//! Shapes: the official OpenAPI description (`CreateSpeechRequest`). It has no μ-law.

use super::{Order, Piece, Session, StreamingTts, Voice};
use crate::{
    config::Provider,
    mouth::{inspect::sniff, pcm::PcmToMulaw},
    providers::{Fault, Tally, post_json},
};
use futures::StreamExt as _;
use reqwest::{
    Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// The rate of its `pcm`, in hertz.
const RATE: u32 = 24_000;
/// Enough of a body to tell a file or a page from audio.
const SNIFFED: usize = 64;

/// The voices of OpenAI.
#[derive(Debug, Clone)]
pub struct OpenAiSpeech {
    provider: Provider,
    client: reqwest::Client,
}

impl OpenAiSpeech {
    /// With the provider's model and voice. The client has no time limit for whole answers.
    pub fn new(provider: Provider, client: reqwest::Client) -> Self {
        Self { provider, client }
    }

    fn request(&self, speed: f32) -> Request {
        let key = self.provider.account.key.as_ref();
        let authorization = key.and_then(|key| {
            let value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret())).ok()?;
            Some((AUTHORIZATION, value))
        });
        Request {
            client: self.client.clone(),
            url: format!("{}/v1/audio/speech", self.provider.account.url),
            authorization,
            body: json!({
                "model": self.provider.model,
                "voice": self.provider.voice,
                "response_format": "pcm",
                "speed": speed.clamp(0.25, 4.0),
            }),
        }
    }
}

impl StreamingTts for OpenAiSpeech {
    fn open(&self, voice: &Voice, tally: Tally, tasks: &TaskTracker) -> Session {
        let (session, queue) = Session::new();
        tasks.spawn(serve(self.request(voice.speed), queue, tally, tasks.clone()));
        session
    }
}

#[derive(Clone)]
struct Request {
    client: reqwest::Client,
    url: String,
    authorization: Option<(HeaderName, HeaderValue)>,
    body: Value,
}

impl Request {
    /// Asks; the answer's body is still to come.
    async fn send(self) -> Result<Response, Fault> {
        post_json(&self.client, &self.url, self.authorization, &self.body).await
    }
}

async fn serve(request: Request, mut queue: mpsc::Receiver<Order>, tally: Tally, tasks: TaskTracker) {
    while let Some(order) = queue.recv().await {
        let (mut request, tally) = (request.clone(), tally.clone());
        tasks.spawn(async move {
            request.body["input"] = json!(order.text.trim());
            let pieces = order.pieces;
            let answer = tokio::select! {
                answer = request.send() => answer,
                // Nobody listens any more: the request is dropped, and its connection with it. The service has it.
                () = pieces.closed() => return tally.speaks(&order.text),
            };
            let said = match answer {
                Ok(answer) => {
                    tally.speaks(&order.text);
                    tokio::select! {
                        said = read(answer, &pieces) => said,
                        () = pieces.closed() => return,
                    }
                }
                Err(fault) => Err(fault),
            };
            let last = match said {
                Ok(()) => Piece::End,
                Err(fault) => Piece::Failed(fault),
            };
            let _ = pieces.send(last).await;
        });
    }
}

async fn read(answer: Response, pieces: &mpsc::Sender<Piece>) -> Result<(), Fault> {
    let rate = rate_of(&answer)?;
    let mut converter = PcmToMulaw::new(rate).map_err(|_| Fault::malformed("a rate that can't be converted"))?;
    let mut body = answer.bytes_stream();
    let mut head = Vec::new();
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|_| Fault::transient("the answer broke off"))?;
        if head.len() < SNIFFED {
            head.extend(bytes.iter().take(SNIFFED - head.len()));
            sniff(&head)?;
        }
        let mut mulaw = Vec::with_capacity(bytes.len() / 6 + 1);
        converter.push(&bytes, &mut mulaw);
        if converter.is_scrambled() {
            return Err(Fault::malformed("samples of another coding"));
        }
        if !mulaw.is_empty() && pieces.send(Piece::Audio(mulaw)).await.is_err() {
            return Ok(());
        }
    }
    let mut mulaw = Vec::new();
    converter.finish(&mut mulaw);
    if !mulaw.is_empty() {
        let _ = pieces.send(Piece::Audio(mulaw)).await;
    }
    Ok(())
}

/// The rate that the answer's type names, or the usual one; a type that isn't bare audio is none.
fn rate_of(answer: &Response) -> Result<u32, Fault> {
    let Some(kind) = answer.headers().get(CONTENT_TYPE) else {
        return Ok(RATE);
    };
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = kind.split(';').map(str::trim);
    match parts.next() {
        Some("audio/pcm" | "audio/l16" | "audio/raw" | "application/octet-stream") => {}
        _ => return Err(Fault::malformed("the answer's type is not bare audio")),
    }
    let named = parts.find_map(|part| part.strip_prefix("rate="));
    named.map_or(Ok(RATE), |rate| {
        rate.parse().map_err(|_| Fault::malformed("a rate that is no number"))
    })
}
