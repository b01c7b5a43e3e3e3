//! An S3 server on a real socket: signs for itself what it is sent (Signature Version 4), keeps objects in memory, and
//! misbehaves on command. After Amazon's "Authenticating Requests" and "API Reference" of 2006-03-01.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use talia_voice::clock::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) const BUCKET: &str = "grabaciones-de-prueba";
const PREFIX: &str = "voz/2026";
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-south-2";
/// The smallest part but the last.
const SMALLEST_PART: usize = 5 * 1_024 * 1_024;
/// RFC 3986's unreserved characters; all others are encoded.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// This status and code, and nothing is done.
    Says(u16, &'static str),
    /// Nothing, ever.
    Hangs,
    /// The connection breaks in the middle of the answer, and nothing is done.
    Cuts,
    /// What it keeps has another last byte.
    Garbles,
    /// It does it as soon as the mood is another one.
    Waits,
}

type Objects = BTreeMap<String, Bytes>;

#[derive(Default)]
struct Kept {
    buckets: BTreeMap<String, Objects>,
    /// By their ids: bucket and key, and the parts.
    uploads: BTreeMap<String, (String, BTreeMap<u32, Bytes>)>,
    uploads_begun: u64,
    /// Method, key and kind of each request whose signature was good, in order.
    seen: Vec<String>,
}

struct Inner {
    kept: Mutex<Kept>,
    mood: watch::Sender<Mood>,
    /// Only requests that begin so (`PUT part`) feel it; empty: all.
    felt_by: Mutex<&'static str>,
}

/// It ends when it is dropped.
pub(crate) struct S3 {
    port: u16,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl S3 {
    /// One with an empty bucket.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let kept = Kept {
            buckets: [(BUCKET.to_owned(), Objects::new())].into(),
            ..Kept::default()
        };
        let inner = Arc::new(Inner {
            kept: Mutex::new(kept),
            mood: watch::Sender::new(Mood::Well),
            felt_by: Mutex::new(""),
        });
        Self {
            port,
            serving: serve(listener, inner.clone()),
            inner,
        }
    }

    /// Nobody listens there from now on.
    pub(crate) async fn close(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }

    /// Somebody listens there again.
    pub(crate) async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port))
            .await
            .expect("the same port");
        self.serving = serve(listener, self.inner.clone());
    }

    /// How it behaves from now on.
    pub(crate) fn is(&self, mood: Mood) {
        self.is_to("", mood);
    }

    /// How it behaves to requests that begin so, in the words of [`S3::seen`].
    pub(crate) fn is_to(&self, what: &'static str, mood: Mood) {
        *self.inner.felt_by.lock().expect("no panic") = what;
        self.inner.mood.send_replace(mood);
    }

    /// What a server is told of it; tries again soon.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TALIA_RECORDINGS_BUCKET", format!("s3://{BUCKET}/{PREFIX}")),
            (
                "TALIA_RECORDINGS_BUCKET_ENDPOINT",
                format!("http://127.0.0.1:{}", self.port),
            ),
            ("TALIA_RECORDINGS__BUCKET__TIMEOUT_S", "1".to_owned()),
            ("TALIA_RECORDINGS__BUCKET__RETRY_S", "0.05".to_owned()),
            ("TALIA_RECORDINGS__BUCKET__LONGEST_RETRY_S", "0.4".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
        ]
    }

    /// The object of this name under the prefix.
    pub(crate) fn object(&self, name: &str) -> Option<Bytes> {
        let kept = self.inner.kept.lock().expect("no panic");
        kept.buckets.get(BUCKET)?.get(&format!("{PREFIX}/{name}")).cloned()
    }

    /// How many objects there are, and how many uploads that are neither completed nor aborted.
    pub(crate) fn holds(&self) -> (usize, usize) {
        let kept = self.inner.kept.lock().expect("no panic");
        (kept.buckets.values().map(Objects::len).sum(), kept.uploads.len())
    }

    /// The bucket is gone with all that was in it, or is there again.
    pub(crate) fn has_bucket(&self, is_there: bool) {
        let mut kept = self.inner.kept.lock().expect("no panic");
        if is_there {
            kept.buckets.entry(BUCKET.to_owned()).or_default();
        } else {
            kept.buckets.clear();
        }
    }

    /// What it was asked with a good signature, in order: `PUT key`, `PUT part`, `GET key`…
    pub(crate) fn seen(&self) -> Vec<String> {
        self.inner.kept.lock().expect("no panic").seen.clone()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn serve(listener: TcpListener, inner: Arc<Inner>) -> JoinHandle<()> {
    let routes = Router::new()
        .fallback(answer)
        .layer(DefaultBodyLimit::disable())
        .with_state(inner);
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") })
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    // What was taken is done, also for somebody who is dead by then.
    let mut answer = tokio::spawn(done(inner, request)).await.expect("no panic");
    // A connection that is kept would outlive the door.
    let last = HeaderValue::from_static("close");
    answer.headers_mut().insert(header::CONNECTION, last);
    answer
}

async fn done(inner: Arc<Inner>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Whoever breaks off has sent nothing.
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return says(400, "IncompleteBody");
    };
    let (method, path) = (parts.method, parts.uri.path().to_owned());
    let query = pairs(parts.uri.query().unwrap_or_default());
    if let Err(code) = is_signed(&method, (&path, &query), &parts.headers, &body) {
        return says(403, code);
    }
    let decoded = percent_decode_str(&path).decode_utf8().expect("text").into_owned();
    let (bucket, key) = decoded.trim_start_matches('/').split_once('/').unwrap_or_default();
    let kind = match (&method, query.contains_key("uploadId"), query.contains_key("uploads")) {
        (&Method::PUT, true, _) => "part",
        (&Method::POST, true, _) => "complete",
        (&Method::DELETE, true, _) => "abort",
        (&Method::POST, _, true) => "begin",
        _ => "object",
    };
    let word = format!("{method} {kind}");
    inner.kept.lock().expect("no panic").seen.push(word.clone());
    let is_felt = word.starts_with(*inner.felt_by.lock().expect("no panic"));
    let mut moods = inner.mood.subscribe();
    let mood = *moods.borrow_and_update();
    match mood {
        _ if !is_felt => {}
        Mood::Well | Mood::Garbles => {}
        Mood::Says(status, code) => return says(status, code),
        Mood::Hangs => return std::future::pending().await,
        Mood::Cuts => return cut(),
        Mood::Waits => drop(moods.changed().await),
    }
    let asked = Asked {
        bucket,
        key,
        query: &query,
        headers: &parts.headers,
        garbles: is_felt && mood == Mood::Garbles,
    };
    let mut kept = inner.kept.lock().expect("no panic");
    match (&method, kind) {
        (_, "object") => objects(&mut kept, (&method, &asked), &body),
        (_, kind) => uploads(&mut kept, (kind, &asked), &body),
    }
}

struct Asked<'a> {
    bucket: &'a str,
    key: &'a str,
    query: &'a BTreeMap<String, String>,
    headers: &'a HeaderMap,
    garbles: bool,
}

impl Asked<'_> {
    fn keeps(&self, body: &[u8]) -> Bytes {
        let mut bytes = body.to_vec();
        if let Some(last) = bytes.last_mut().filter(|_| self.garbles) {
            *last ^= 1;
        }
        bytes.into()
    }
}

fn objects(kept: &mut Kept, (method, asked): (&Method, &Asked<'_>), body: &[u8]) -> Response {
    let Some(bucket) = kept.buckets.get_mut(asked.bucket) else {
        return says(404, "NoSuchBucket");
    };
    match *method {
        Method::PUT => {
            let body = asked.keeps(body);
            let tag = tag(&body);
            bucket.insert(asked.key.to_owned(), body);
            ([(header::ETAG, tag)], "").into_response()
        }
        Method::DELETE => {
            bucket.remove(asked.key);
            StatusCode::NO_CONTENT.into_response()
        }
        Method::GET | Method::HEAD => match bucket.get(asked.key) {
            None => says(404, "NoSuchKey"),
            Some(object) => read(object, asked.headers),
        },
        _ => says(405, "MethodNotAllowed"),
    }
}

fn read(object: &Bytes, headers: &HeaderMap) -> Response {
    let range = headers.get(header::RANGE).map(|range| {
        let range = range.to_str().expect("text").strip_prefix("bytes=").expect("bytes");
        let (from, to) = range.split_once('-').expect("a range");
        let from: usize = from.parse().expect("a number");
        let to = to.parse().unwrap_or(object.len() - 1).min(object.len() - 1);
        from..to + 1
    });
    let mut answer = match &range {
        None => object.clone().into_response(),
        Some(range) => {
            let of = format!("bytes {}-{}/{}", range.start, range.end - 1, object.len());
            let part = object.slice(range.clone());
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, of)], part).into_response()
        }
    };
    let headers = answer.headers_mut();
    headers.insert(header::ETAG, tag(object).parse().expect("a tag"));
    headers.insert(
        header::LAST_MODIFIED,
        HeaderValue::from_static("Mon, 30 Nov 2026 12:00:00 GMT"),
    );
    answer
}

fn uploads(kept: &mut Kept, (kind, asked): (&str, &Asked<'_>), body: &[u8]) -> Response {
    if !kept.buckets.contains_key(asked.bucket) {
        return says(404, "NoSuchBucket");
    }
    if kind == "begin" {
        kept.uploads_begun += 1;
        let id = format!("upload-{}", kept.uploads_begun);
        kept.uploads.insert(id.clone(), (asked.key.to_owned(), BTreeMap::new()));
        return xml(&format!(
            "<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>",
            asked.bucket, asked.key
        ));
    }
    let id = &asked.query["uploadId"];
    if kept.uploads.get(id).is_none_or(|(key, _)| key != asked.key) {
        return says(404, "NoSuchUpload");
    }
    match kind {
        "abort" => {
            kept.uploads.remove(id);
            StatusCode::NO_CONTENT.into_response()
        }
        "part" => {
            let number = asked.query["partNumber"].parse().expect("a number");
            let body = asked.keeps(body);
            let tag = tag(&body);
            let (_, parts) = kept.uploads.get_mut(id).expect("just seen");
            parts.insert(number, body);
            ([(header::ETAG, tag)], "").into_response()
        }
        _ => complete(kept, asked, &String::from_utf8_lossy(body)),
    }
}

/// Puts the parts together that are named, each by its number and tag.
fn complete(kept: &mut Kept, asked: &Asked<'_>, wanted: &str) -> Response {
    let id = &asked.query["uploadId"];
    let (_, parts) = &kept.uploads[id];
    let named = wanted.split("<Part>").skip(1).map(|part| {
        let within = |name: &str| {
            let (_, rest) = part.split_once(&format!("<{name}>")).expect("an element");
            rest.split('<').next().expect("its text").replace("&quot;", "\"")
        };
        (within("PartNumber").parse::<u32>().expect("a number"), within("ETag"))
    });
    let named: Vec<_> = named.collect();
    let mut whole = Vec::new();
    for (place, (number, expected)) in named.iter().enumerate() {
        let Some(part) = parts
            .get(number)
            .filter(|part| tag(part).trim_matches('"') == expected.trim_matches('"'))
        else {
            return says(400, "InvalidPart");
        };
        if place + 1 < named.len() && part.len() < SMALLEST_PART {
            return says(400, "EntityTooSmall");
        }
        whole.extend_from_slice(part);
    }
    let whole = Bytes::from(whole);
    let tag = tag(&whole);
    kept.uploads.remove(id);
    let bucket = kept.buckets.get_mut(asked.bucket).expect("just seen");
    bucket.insert(asked.key.to_owned(), whole);
    xml(&format!(
        "<CompleteMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><ETag>{tag}</ETag></CompleteMultipartUploadResult>",
        asked.bucket, asked.key
    ))
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", &hex(&Sha256::digest(bytes))[..32])
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn xml(text: &str) -> Response {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}");
    ([(header::CONTENT_TYPE, "application/xml")], text).into_response()
}

fn says(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let told = xml(&format!("<Error><Code>{code}</Code><Message>as told</Message></Error>"));
    (status, told).into_response()
}

/// Promises more than it sends.
fn cut() -> Response {
    let pieces = [Ok(Bytes::from_static(b"half")), Err(io::Error::other("cut"))];
    let body = Body::from_stream(stream::iter(pieces).chain(stream::pending()));
    ([(header::CONTENT_LENGTH, "1000"), (header::ETAG, "\"cut\"")], body).into_response()
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().expect("text").into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// Signature Version 4, made anew from what came; the code of what is wrong with it.
fn is_signed(
    method: &Method,
    (path, query): (&str, &BTreeMap<String, String>),
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = header("authorization").ok_or("AccessDenied")?;
    let fields = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or("AuthorizationHeaderMalformed")?;
    let field = |name: &str| {
        let found = fields.split(',').find_map(|field| field.trim().strip_prefix(name));
        found.ok_or("AuthorizationHeaderMalformed")
    };
    let (credential, signed, signature) = (field("Credential=")?, field("SignedHeaders=")?, field("Signature=")?);
    let date = header("x-amz-date").ok_or("AccessDenied")?;
    let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
    let key_id = credential
        .strip_suffix(&format!("/{scope}"))
        .ok_or("AuthorizationHeaderMalformed")?;
    if key_id != KEY_ID {
        return Err("InvalidAccessKeyId");
    }
    let minute = |text: String| text.replace([':', '-'], "")[..13].to_owned();
    let near = [-1, 0, 1].map(|minutes| {
        let then = Clock::real().wall() + jiff::SignedDuration::from_mins(minutes);
        minute(then.to_string())
    });
    if !near.contains(&date[..13].to_owned()) {
        return Err("RequestTimeTooSkewed");
    }
    let told = header("x-amz-content-sha256").ok_or("MissingSecurityHeader")?;
    if told != "UNSIGNED-PAYLOAD" && told != hex(&Sha256::digest(body)) {
        return Err("XAmzContentSHA256Mismatch");
    }
    if !signed.split(';').any(|name| name == "host") {
        return Err("SignatureDoesNotMatch");
    }
    let encoded = |text: &String| utf8_percent_encode(text, STRICT).to_string();
    let query: Vec<_> = query
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    let lines = signed.split(';').fold(String::new(), |lines, name| {
        lines + name + ":" + header(name).unwrap_or_default().trim() + "\n"
    });
    let request = format!("{method}\n{path}\n{}\n{lines}\n{signed}\n{told}", query.join("&"));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let of_day = hmac(format!("AWS4{SECRET}").as_bytes(), &date[..8]);
    let key = hmac(&hmac(&hmac(&of_day, REGION), "s3"), "aws4_request");
    if hex(&hmac(&key, &to_sign)) == signature {
        Ok(())
    } else {
        Err("SignatureDoesNotMatch")
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
