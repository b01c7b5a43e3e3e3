//! Requests whose answers stream: no time limit for the whole, but one for the connection; whoever reads sets the others.

use super::Fault;
use crate::outgoing::{self, ClientError};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use std::time::Duration;

/// The client for streamed answers. Its connections are kept, so that the first turn of a call finds one open.
pub fn streaming_client() -> Result<reqwest::Client, ClientError> {
    outgoing::streaming_client()
}

/// Posts JSON and gives the answer as soon as its head is there; anything but a success is a fault.
pub async fn post_json(
    client: &reqwest::Client,
    url: &str,
    authorization: Option<(HeaderName, HeaderValue)>,
    body: &serde_json::Value,
) -> Result<reqwest::Response, Fault> {
    let mut request = client.post(url).json(body);
    if let Some((name, mut value)) = authorization {
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    let answer = request.send().await.map_err(|error| {
        Fault::transient(if error.is_connect() {
            "no connection"
        } else {
            "the connection was lost before an answer"
        })
    })?;
    let status = answer.status();
    if status.is_success() {
        Ok(answer)
    } else {
        Err(Fault::of_status(status.as_u16(), retry_after(answer.headers())))
    }
}

/// The seconds of a `Retry-After`; dates, which no service of ours sends, count as none.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    (0.0..=86_400.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}
