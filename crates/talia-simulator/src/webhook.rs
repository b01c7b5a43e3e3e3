//! Signed requests to the server, with Twilio's time limits, retries and error codes.
//!
//! Source: Twilio's pages "Webhooks connection overrides" (limits, retries, URL fragments) and "Security" (signature).

use std::time::Duration;

use reqwest::{StatusCode, header};
use talia_twilio::{
    error_codes::{HTTP_CONNECTION_FAILURE, HTTP_ERROR_RESPONSE, HTTP_RETRIEVAL_FAILURE},
    signature::{Algorithm, SIGNATURE_HEADER, sign},
};
use tokio::time::Instant;

use crate::{
    settings::{CarrierSettings, authority},
    twiml::Target,
};

/// Retries of one request carry the same value here.
pub const IDEMPOTENCY_HEADER: &str = "I-Twilio-Idempotency-Token";
/// A document that sends on and on (11215).
const TOO_MANY_REDIRECTS: u16 = 11215;
const REDIRECTS: usize = 10;
const CONNECT: Duration = Duration::from_secs(5);
/// Most of an answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The fields travel as the body.
    #[default]
    Post,
    /// The fields travel in the query.
    Get,
}

impl Method {
    /// Reads a TwiML attribute; POST is the default.
    pub fn parse(word: Option<&str>) -> Self {
        match word {
            Some(word) if word.eq_ignore_ascii_case("get") => Self::Get,
            _ => Self::Post,
        }
    }
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, where there was one.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// The URL that answered: relative URLs of the document start here.
    pub url: String,
}

/// No usable answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct WebhookFault {
    /// Twilio's error code.
    pub code: u16,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub detail: String,
}

/// What a URL's fragment asks for; it is neither sent nor signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    read: Duration,
    total: Duration,
    retries: u32,
    on_connect: bool,
    on_read: bool,
    on_4xx: bool,
    on_5xx: bool,
}

impl Limits {
    fn of(fragment: &str) -> Self {
        let mut limits = Self {
            read: Duration::from_secs(15),
            total: Duration::from_secs(15),
            retries: 1,
            on_connect: true,
            on_read: false,
            on_4xx: false,
            on_5xx: false,
        };
        for (key, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
            let milliseconds = || {
                value
                    .parse()
                    .ok()
                    .map(|ms: u64| Duration::from_millis(ms.clamp(100, 15_000)))
            };
            match key {
                "rt" => limits.read = milliseconds().unwrap_or(limits.read),
                "tt" => limits.total = milliseconds().unwrap_or(limits.total),
                "rc" => limits.retries = value.parse().map_or(limits.retries, |count: u32| count.min(5)),
                "rp" => {
                    let has = |word: &str| value.split(',').any(|policy| policy == word || policy == "all");
                    limits.on_connect = has("ct");
                    limits.on_read = has("rt");
                    limits.on_4xx = has("4xx");
                    limits.on_5xx = has("5xx");
                }
                _ => {}
            }
        }
        limits
    }
}

/// Sends requests as Twilio does.
#[derive(Debug, Clone)]
pub struct Webhooks {
    client: reqwest::Client,
}

impl Webhooks {
    /// A client with its own connections.
    pub fn new() -> Result<Self, reqwest::Error> {
        // One process has one provider; another crate may have installed it already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("TwilioProxy/1.1")
            .build()?;
        Ok(Self { client })
    }

    /// Sends one request, with its retries and redirects. Any 2xx is an answer.
    pub async fn send(
        &self,
        settings: &CarrierSettings,
        method: Method,
        url: &str,
        fields: &[(String, String)],
    ) -> Result<Reply, WebhookFault> {
        let target = Target {
            url: url.to_owned(),
            method,
        };
        self.send_as(settings, &target, fields, &new_token()).await
    }

    /// The same with a token for [`IDEMPOTENCY_HEADER`], so that a request that is sent again can be told from a new one.
    pub(crate) async fn send_as(
        &self,
        settings: &CarrierSettings,
        target: &Target,
        fields: &[(String, String)],
        token: &str,
    ) -> Result<Reply, WebhookFault> {
        let Target { url, method } = target;
        let (mut url, fragment) = match url.split_once('#') {
            Some((url, fragment)) => (url.to_owned(), fragment),
            None => (url.to_owned(), ""),
        };
        let limits = Limits::of(fragment);
        let deadline = Instant::now() + limits.total;
        let mut method = *method;
        for _ in 0..REDIRECTS {
            let request = Request {
                settings,
                method,
                url: &url,
                fields,
                token,
            };
            let reply = self.attempts(&request, limits, deadline).await?;
            if !(300..400).contains(&reply.status) {
                return Ok(reply);
            }
            // 301–303 are followed by GET, 307 and 308 by the same method, as clients do.
            if reply.status < 307 {
                method = Method::Get;
            }
            url = crate::twiml::resolve(&url, &String::from_utf8_lossy(&reply.body));
        }
        Err(WebhookFault {
            code: TOO_MANY_REDIRECTS,
            status: None,
            detail: "too many redirects".to_owned(),
        })
    }

    async fn attempts(&self, request: &Request<'_>, limits: Limits, deadline: Instant) -> Result<Reply, WebhookFault> {
        let mut attempt = 0;
        loop {
            let (fault, again) = match tokio::time::timeout_at(deadline, self.attempt(request, limits.read)).await {
                Err(_) => return Err(fault(HTTP_RETRIEVAL_FAILURE, None, "no answer within the time limit")),
                Ok(Ok(reply)) if reply.status < 400 => return Ok(reply),
                Ok(Ok(reply)) => {
                    let again = if reply.status < 500 {
                        limits.on_4xx
                    } else {
                        limits.on_5xx
                    };
                    (
                        fault(
                            HTTP_ERROR_RESPONSE,
                            Some(reply.status),
                            &format!("HTTP {}", reply.status),
                        ),
                        again,
                    )
                }
                Ok(Err(error)) if error.is_connect() => {
                    (fault(HTTP_CONNECTION_FAILURE, None, "no connection"), limits.on_connect)
                }
                Ok(Err(error)) => (
                    fault(
                        HTTP_RETRIEVAL_FAILURE,
                        error.status().map(|status| status.as_u16()),
                        "no whole answer",
                    ),
                    limits.on_read,
                ),
            };
            if !again || attempt == limits.retries {
                return Err(fault);
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, request: &Request<'_>, read: Duration) -> Result<Reply, reqwest::Error> {
        let encoded = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(request.fields)
            .finish();
        let settings = request.settings;
        let (url, signed_fields) = match request.method {
            Method::Post => (request.url.to_owned(), request.fields),
            Method::Get if encoded.is_empty() => (request.url.to_owned(), Default::default()),
            Method::Get => {
                let joint = if request.url.contains('?') { '&' } else { '?' };
                (format!("{}{joint}{encoded}", request.url), Default::default())
            }
        };
        let signature = sign(settings.auth_token.expose(), Algorithm::HmacSha1, &url, signed_fields);
        let dialled = settings.dialled(&url);
        let builder = match request.method {
            Method::Post => self
                .client
                .post(dialled)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
                .body(encoded),
            Method::Get => self.client.get(dialled),
        };
        let mut response = builder
            .header(header::HOST, authority(&url))
            .header(header::ACCEPT, "*/*")
            .header(SIGNATURE_HEADER, signature)
            .header(IDEMPOTENCY_HEADER, request.token)
            .timeout(read + CONNECT)
            .send()
            .await?;
        let status = response.status();
        let text = |name| {
            let value = response.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let content_type = text(header::CONTENT_TYPE);
        let mut body = match text(header::LOCATION) {
            Some(location) if status.is_redirection() && status != StatusCode::NOT_MODIFIED => location.into_bytes(),
            _ => Vec::new(),
        };
        if !status.is_redirection() {
            while let Some(chunk) = response.chunk().await? {
                if body.len() + chunk.len() > MAX_ANSWER {
                    break;
                }
                body.extend_from_slice(&chunk);
            }
        }
        Ok(Reply {
            status: status.as_u16(),
            content_type,
            body,
            url: request.url.to_owned(),
        })
    }
}

/// A token for a new request.
pub(crate) fn new_token() -> String {
    crate::carrier::random_hex(16)
}

struct Request<'a> {
    settings: &'a CarrierSettings,
    method: Method,
    url: &'a str,
    fields: &'a [(String, String)],
    token: &'a str,
}

fn fault(code: u16, status: Option<u16>, detail: &str) -> WebhookFault {
    WebhookFault {
        code,
        status,
        detail: detail.to_owned(),
    }
}
