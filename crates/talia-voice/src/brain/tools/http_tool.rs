//! A tool of the company's own over HTTP: arguments into address, query or body; a bounded text back.

use super::lead::shortened;
use super::own::{Runs, ToolFault};
use crate::config::HttpTool;
use crate::outgoing::{GuardedClient, was_refused};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response, Url};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use std::fmt;
use tokio::time::timeout;

/// An answer is read up to here.
pub(super) const LARGEST_ANSWER: usize = 1024 * 1024;
/// Of an answer, so many characters are shown to a model.
pub(super) const LONGEST_SHOWN: usize = 8_000;
/// Names the wish to the tool's server, so that it can tell a repetition.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Runs one.
pub(super) struct HttpRuns {
    pub(super) tool: HttpTool,
    pub(super) client: GuardedClient,
}

impl fmt::Debug for HttpRuns {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HttpRuns")
            .field("id", &self.tool.id)
            .finish_non_exhaustive()
    }
}

impl Runs for HttpRuns {
    fn run(&self, arguments: Map<String, Value>, key: String) -> BoxFuture<'static, Result<String, ToolFault>> {
        let request = self.request(arguments, &key);
        let limit = self.tool.timeout;
        async move {
            let request = request?;
            let exchange = async {
                let response = request.send().await.map_err(|error| fault_of(&error))?;
                read(response).await
            };
            timeout(limit, exchange).await.unwrap_or(Err(ToolFault::TimedOut))
        }
        .boxed()
    }
}

impl HttpRuns {
    fn request(&self, mut arguments: Map<String, Value>, key: &str) -> Result<reqwest::RequestBuilder, ToolFault> {
        let mut url = address(&self.tool.url, &mut arguments)?;
        let has_body = !matches!(self.tool.method, Method::GET | Method::DELETE);
        if !has_body {
            let mut query = url.query_pairs_mut();
            for (name, value) in &arguments {
                query.append_pair(name, &text_of(value));
            }
            drop(query);
            if url.query() == Some("") {
                url.set_query(None);
            }
        }
        let mut request = self
            .client
            .request(self.tool.method.clone(), url)
            .map_err(ToolFault::Address)?;
        for (name, value) in &self.tool.headers {
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| ToolFault::Argument)?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if self.tool.behaviour.side_effects {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        Ok(if has_body { request.json(&arguments) } else { request })
    }
}

/// The address with arguments in its gaps, each as one part of the path or one value of the query: what is in them can't
/// lead elsewhere. What is used is taken out of the arguments.
fn address(template: &str, arguments: &mut Map<String, Value>) -> Result<Url, ToolFault> {
    let mut filled = String::new();
    let mut used = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (gap, behind) = after.split_once('}').ok_or(ToolFault::Argument)?;
        filled.push_str(before);
        let value = arguments.get(gap).map(text_of).ok_or(ToolFault::Argument)?;
        // A part of nothing but dots climbs, however it is written.
        let climbs = value.contains("..") && value.contains(['/', '\\']);
        if climbs || value.is_empty() || value.chars().all(|letter| letter == '.') {
            return Err(ToolFault::Argument);
        }
        filled.extend(value.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        }));
        used.push(gap.to_owned());
        rest = behind;
    }
    filled.push_str(rest);
    for gap in used {
        arguments.remove(&gap);
    }
    Url::parse(&filled).map_err(|_| ToolFault::Argument)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn fault_of(error: &reqwest::Error) -> ToolFault {
    if was_refused(error) {
        ToolFault::Address(crate::outgoing::AddressFault::Private)
    } else if error.is_connect() {
        ToolFault::Unreachable
    } else {
        ToolFault::Broken
    }
}

async fn read(response: Response) -> Result<String, ToolFault> {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_text = kind.is_none_or(|kind| kind.starts_with("text/") || kind.contains("json") || kind.contains("xml"));
    if !status.is_success() {
        return Err(ToolFault::Status(status.as_u16()));
    }
    if response
        .content_length()
        .is_some_and(|length| length > LARGEST_ANSWER as u64)
    {
        return Err(ToolFault::TooLarge);
    }
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| ToolFault::Broken)?;
        if body.len() + piece.len() > LARGEST_ANSWER {
            return Err(ToolFault::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    let text = String::from_utf8(body).map_err(|_| ToolFault::Broken)?;
    if !is_text {
        return Err(ToolFault::Broken);
    }
    Ok(shown(&text))
}

/// An answer as a model sees it: text, bounded, and named as what it is.
pub(super) fn shown(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let plain = plain.trim();
    if plain.is_empty() {
        return "Done.".to_owned();
    }
    let cut = if plain.chars().count() > LONGEST_SHOWN {
        " […]"
    } else {
        ""
    };
    format!("{}{cut}", shortened(plain, LONGEST_SHOWN))
}
