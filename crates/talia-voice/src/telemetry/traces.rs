//! Traces on their way to a collector (OTLP over HTTP). A collector that is slow, gone or failing costs spans, which are
//! counted, and nothing else.

use super::{
    Metrics,
    spans::{is_sampled, request, trace_id},
};
use crate::{
    config,
    outgoing::{self, ClientError},
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Spans that may wait: the turns of two hundred calls in a minute and a half.
const QUEUE: usize = 2_048;
/// Spans in one request.
const BATCH: usize = 256;
/// How long the first span of a request waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// How long one request may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long is waited before a request is sent again, where the collector may yet take it.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Where calls leave their spans.
#[derive(Debug)]
pub struct Traces {
    /// None: nobody wants them.
    queue: Option<mpsc::Sender<Span>>,
    share: f64,
    metrics: Arc<Metrics>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Traces {
    /// Begins to send what calls leave to the configuration's collector, if it names one.
    pub fn start(to: Option<&config::Traces>, metrics: &Arc<Metrics>) -> Result<Self, ClientError> {
        let mut traces = Self {
            queue: None,
            share: to.map_or(0.0, |to| to.share),
            metrics: metrics.clone(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        if let Some(to) = to {
            let (queue, waiting) = mpsc::channel(QUEUE);
            let exporter = Exporter {
                client: outgoing::client(ATTEMPT)?,
                url: to.url.clone(),
                headers: to.headers(),
                waiting,
                metrics: metrics.clone(),
                closing: traces.closing.clone(),
            };
            traces.tasks.spawn(exporter.run());
            traces.queue = Some(queue);
        }
        traces.tasks.close();
        Ok(traces)
    }

    /// Whether this call's spans are wanted.
    pub fn wants(&self, call_sid: &str) -> bool {
        self.queue.is_some() && is_sampled(trace_id(call_sid), self.share)
    }

    /// Leaves a span to be sent; never waits. With a full queue it is dropped and counted.
    pub fn leave(&self, span: Span) {
        if let Some(queue) = &self.queue
            && queue.try_send(span).is_err()
        {
            self.metrics.spans_dropped.inc();
        }
    }

    /// Sends what waits, for so long at most; what is left after that is lost.
    pub async fn close(&self, within: Duration) {
        self.closing.cancel();
        if timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!("the collector of traces doesn't take the last ones");
        }
    }
}

struct Exporter {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
    waiting: mpsc::Receiver<Span>,
    metrics: Arc<Metrics>,
    closing: CancellationToken,
}

/// What became of one request.
enum Answer {
    Taken,
    /// Another time it may be taken.
    NotNow,
    Refused,
}

impl Exporter {
    async fn run(mut self) {
        while let Some(batch) = self.gather().await {
            let count = batch.len() as u64;
            if self.send(batch).await {
                self.metrics.spans_sent.inc_by(count);
            } else {
                self.metrics.spans_dropped.inc_by(count);
            }
        }
    }

    /// The next spans; `None` when the server stops and none is left.
    async fn gather(&mut self) -> Option<Vec<Span>> {
        let mut batch = Vec::new();
        let mut since = None;
        while batch.len() < BATCH {
            if self.closing.is_cancelled() {
                self.waiting.close();
            }
            let full = async {
                match since {
                    Some(gathering) => tokio::time::sleep_until(gathering).await,
                    None => std::future::pending().await,
                }
            };
            let room = BATCH - batch.len();
            tokio::select! {
                biased;
                came = self.waiting.recv_many(&mut batch, room) => {
                    if came == 0 {
                        break;
                    }
                    since.get_or_insert(tokio::time::Instant::now() + GATHER);
                }
                () = full => break,
                () = self.closing.cancelled(), if !self.waiting.is_closed() => {}
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    async fn send(&self, batch: Vec<Span>) -> bool {
        let body = bytes::Bytes::from(request(batch).encode_to_vec());
        let mut pauses = PAUSES.iter();
        loop {
            match self.post(body.clone()).await {
                Answer::Taken => return true,
                Answer::Refused => return false,
                Answer::NotNow => {}
            }
            let Some(pause) = pauses.next() else { return false };
            // A server that stops tries once.
            if timeout(*pause, self.closing.cancelled()).await.is_ok() {
                return false;
            }
        }
    }

    async fn post(&self, body: bytes::Bytes) -> Answer {
        let request = self.client.post(&self.url).headers(self.headers.clone());
        let answer = request.header(CONTENT_TYPE, "application/x-protobuf").body(body).send();
        match answer.await.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Answer::Taken,
            // As OTLP says ("Failures").
            Ok(
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT,
            )
            | Err(_) => Answer::NotNow,
            Ok(status) => {
                tracing::warn!(%status, "the collector refuses traces");
                Answer::Refused
            }
        }
    }
}
