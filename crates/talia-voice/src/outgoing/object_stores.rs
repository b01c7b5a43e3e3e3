//! Requests of the object stores' library over our own HTTP: our roots, no redirects, and nobody who says nothing for ever.

use super::{CONNECT, ClientError, builder, finished};
use async_trait::async_trait;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use rustls::pki_types::CertificateDer;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, timeout};

/// The slowest way to a store on which a request is given its time: bytes a second.
const SLOWEST: u64 = 64 * 1_024;

/// Makes the library's clients: all of them share ours.
#[derive(Debug, Clone)]
pub struct ObjectStoreConnector {
    client: reqwest::Client,
    patience: Duration,
}

impl ObjectStoreConnector {
    /// Trusts these authorities beside the public ones; a store that says nothing for `patience` is left.
    pub fn new(authorities: &[CertificateDer<'static>], patience: Duration) -> Result<Self, ClientError> {
        let client = finished(builder(authorities, CONNECT.min(patience))?)?;
        Ok(Self { client, patience })
    }
}

impl HttpConnector for ObjectStoreConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // The library asks for it where a cloud tells its machines who they are, which is never encrypted.
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        Ok(HttpClient::new(Service {
            client: self.client.clone(),
            patience: self.patience,
            is_plain: plain.is_some_and(|value| value == "true"),
        }))
    }
}

#[derive(Debug)]
struct Service {
    client: reqwest::Client,
    patience: Duration,
    is_plain: bool,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let scheme = parts.uri.scheme_str();
        if scheme != Some("https") && !(self.is_plain && scheme == Some("http")) {
            let error = io::Error::other("it is not https");
            return Err(HttpError::new(HttpErrorKind::Unknown, error));
        }
        let url = parts.uri.to_string();
        let sending = Duration::from_secs(body.content_length() as u64 / SLOWEST);
        let request = self
            .client
            .request(parts.method, url)
            .headers(parts.headers)
            .body(reqwest::Body::wrap(body));
        let answer = timeout(self.patience.saturating_add(sending), request.send())
            .await
            .map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?
            .map_err(failed)?;
        let (parts, body) = http_parts(answer);
        Ok(HttpResponse::from_parts(
            parts,
            HttpResponseBody::new(Patient {
                body,
                patience: self.patience,
                late: Box::pin(sleep(self.patience)),
            }),
        ))
    }
}

fn http_parts(answer: reqwest::Response) -> (axum::http::response::Parts, reqwest::Body) {
    axum::http::Response::<reqwest::Body>::from(answer).into_parts()
}

/// The address isn't shown: it may hold a token.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Interrupted
    };
    HttpError::new(kind, error.without_url())
}

/// An answer's body, given up when nothing of it comes for too long.
struct Patient {
    body: reqwest::Body,
    patience: Duration,
    late: Pin<Box<Sleep>>,
}

impl Body for Patient {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let next = Instant::now() + self.patience;
            self.late.as_mut().reset(next);
            return Poll::Ready(frame.map(|frame| frame.map_err(failed)));
        }
        if self.late.as_mut().poll(context).is_ready() {
            let error = io::Error::from(io::ErrorKind::TimedOut);
            return Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, error))));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
