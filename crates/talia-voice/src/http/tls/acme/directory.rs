//! The way to the ACME directory: the server's one HTTP client.

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use std::pin::Pin;

/// Largest answer, bytes: a chain has a few KiB.
const LONGEST_ANSWER: usize = 256 * 1024;

pub(super) struct Directory(pub(super) reqwest::Client);

impl HttpClient for Directory {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(ask(self.0.clone(), request))
    }
}

async fn ask(client: reqwest::Client, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), LONGEST_ANSWER)
        .await
        .map_err(|error| Error::Other(error.into()))?;
    let mut answer = client
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .body(body)
        .send()
        .await
        .map_err(|error| Error::Other(error.without_url().into()))?;
    let mut whole = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Error::Other(error.into()))? {
        if whole.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Error::Str("an answer of a bearable length"));
        }
        whole.extend_from_slice(&chunk);
    }
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    Ok(BytesResponse::from(response.body(Body::from(whole))?))
}
