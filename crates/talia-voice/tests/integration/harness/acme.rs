//! An ACME directory (RFC 8555) on loopback that really looks for the proof, by TLS-ALPN-01, and really signs.
//!
//! What it doesn't do is check the signatures of requests; that they name the right URL and a fresh nonce it does.

use super::certificates::{Authority, credulous, greet, shown};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use x509_parser::parse_x509_certificate;

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
/// id-pe-acmeIdentifier.
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

#[derive(Default)]
struct Desk {
    nonces: HashSet<String>,
    thumbprint: String,
    domain: String,
    /// Where the domain leads.
    server: Option<SocketAddr>,
    proved: Option<bool>,
    certificate: Option<String>,
    orders: usize,
    accounts: usize,
}

#[derive(Clone)]
struct Directory {
    origin: String,
    authority: Arc<Authority>,
    desk: Arc<Mutex<Desk>>,
}

/// The running directory.
pub(crate) struct Acme {
    pub(crate) directory_url: String,
    pub(crate) authority: Arc<Authority>,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

impl Acme {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let (authority, desk) = (Arc::new(Authority::new()), Arc::<Mutex<Desk>>::default());
        let directory = Directory {
            origin: origin.clone(),
            authority: authority.clone(),
            desk: desk.clone(),
        };
        let router = Router::new().fallback(serve).with_state(directory);
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self {
            directory_url: format!("{origin}/directory"),
            authority,
            desk,
            task,
        }
    }

    /// Tells where the domain leads: the proof is looked for there.
    pub(crate) fn resolve(&self, server: SocketAddr) {
        self.desk.lock().expect("no panic").server = Some(server);
    }

    /// Accounts made and orders placed so far.
    pub(crate) fn made(&self) -> (usize, usize) {
        let desk = self.desk.lock().expect("no panic");
        (desk.accounts, desk.orders)
    }
}

impl Drop for Acme {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(directory): State<Directory>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = if method == Method::POST {
        let body = axum::body::to_bytes(request.into_body(), 64 * 1024)
            .await
            .expect("a body");
        directory.post(&path, &body).await
    } else {
        directory.get(&path)
    };
    let nonce = format!("nonce-{:032x}", rand_bits());
    let mut desk = directory.desk.lock().expect("no panic");
    desk.nonces.insert(nonce.clone());
    response
        .headers_mut()
        .insert("replay-nonce", nonce.parse().expect("a value"));
    response
}

fn rand_bits() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("randomness");
    u128::from_be_bytes(bytes)
}

fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("a text")).expect("base64")
}

impl Directory {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    fn get(&self, path: &str) -> Response {
        if path == "/nonce" {
            return StatusCode::OK.into_response();
        }
        assert_eq!(path, "/directory");
        Json(json!({
            "newNonce": self.url("/nonce"), "newAccount": self.url("/account"), "newOrder": self.url("/new-order"),
            "revokeCert": self.url("/revoke"), "keyChange": self.url("/key-change"),
        }))
        .into_response()
    }

    async fn post(&self, path: &str, body: &[u8]) -> Response {
        let jws: Value = serde_json::from_slice(body).expect("a JWS");
        let protected: Value = serde_json::from_slice(&decode(&jws["protected"])).expect("JSON");
        assert_eq!(protected["alg"], "ES256");
        assert_eq!(protected["url"], self.url(path));
        let nonce = protected["nonce"].as_str().expect("a nonce");
        assert!(
            self.desk.lock().expect("no panic").nonces.remove(nonce),
            "{nonce} was used before"
        );
        assert_eq!(protected["jwk"].is_object(), path == "/account");
        assert_eq!(protected["kid"].is_string(), path != "/account");
        let payload = decode(&jws["payload"]);
        match path {
            "/account" => self.account(&protected["jwk"]),
            "/new-order" => self.new_order(&serde_json::from_slice(&payload).expect("JSON")),
            "/order/1" => Json(self.order()).into_response(),
            "/authorization/1" => Json(self.authorization()).into_response(),
            "/challenge/1" => {
                let proved = self.look().await;
                self.desk.lock().expect("no panic").proved = Some(proved);
                Json(self.challenge()).into_response()
            }
            "/finalize/1" => {
                let payload: Value = serde_json::from_slice(&payload).expect("JSON");
                let chain = self.authority.sign(&decode(&payload["csr"]));
                self.desk.lock().expect("no panic").certificate = Some(chain);
                Json(self.order()).into_response()
            }
            "/certificate/1" => {
                let chain = self.desk.lock().expect("no panic").certificate.clone();
                (
                    [("content-type", "application/pem-certificate-chain")],
                    chain.expect("a chain"),
                )
                    .into_response()
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }

    fn account(&self, jwk: &Value) -> Response {
        // RFC 7638: these members, in this order, without spaces.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        let mut desk = self.desk.lock().expect("no panic");
        desk.thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
        desk.accounts += 1;
        let mut headers = HeaderMap::new();
        headers.insert("location", self.url("/account/1").parse().expect("a value"));
        (StatusCode::CREATED, headers, Json(json!({"status": "valid"}))).into_response()
    }

    fn new_order(&self, order: &Value) -> Response {
        {
            let mut desk = self.desk.lock().expect("no panic");
            assert_eq!(order["identifiers"].as_array().map(Vec::len), Some(1));
            let domain = order["identifiers"][0]["value"].as_str().expect("a domain");
            domain.clone_into(&mut desk.domain);
            desk.orders += 1;
            desk.proved = None;
            desk.certificate = None;
        }
        let mut headers = HeaderMap::new();
        headers.insert("location", self.url("/order/1").parse().expect("a value"));
        (StatusCode::CREATED, headers, Json(self.order())).into_response()
    }

    fn order(&self) -> Value {
        let desk = self.desk.lock().expect("no panic");
        let status = match (desk.proved, &desk.certificate) {
            (None, _) => "pending",
            (Some(false), _) => "invalid",
            (Some(true), None) => "ready",
            (Some(true), Some(_)) => "valid",
        };
        let mut order = json!({
            "status": status, "identifiers": [{"type": "dns", "value": desk.domain}],
            "authorizations": [self.url("/authorization/1")], "finalize": self.url("/finalize/1"),
        });
        if desk.certificate.is_some() {
            order["certificate"] = json!(self.url("/certificate/1"));
        }
        order
    }

    fn authorization(&self) -> Value {
        let challenge = self.challenge();
        let desk = self.desk.lock().expect("no panic");
        json!({
            "status": challenge["status"], "identifier": {"type": "dns", "value": desk.domain},
            "challenges": [
                {"type": "http-01", "url": self.url("/challenge/2"), "token": TOKEN, "status": "pending"},
                challenge,
            ],
        })
    }

    fn challenge(&self) -> Value {
        let status = match self.desk.lock().expect("no panic").proved {
            None => "pending",
            Some(true) => "valid",
            Some(false) => "invalid",
        };
        json!({"type": "tls-alpn-01", "url": self.url("/challenge/1"), "token": TOKEN, "status": status})
    }

    /// RFC 8737: the certificate shown under `acme-tls/1` names the domain and holds the digest of the key authorization.
    async fn look(&self) -> bool {
        let (server, domain, thumbprint) = {
            let desk = self.desk.lock().expect("no panic");
            (desk.server, desk.domain.clone(), desk.thumbprint.clone())
        };
        let Some(server) = server else { return false };
        let Ok(stream) = greet(server, &domain, credulous(b"acme-tls/1")).await else {
            return false;
        };
        let protocol = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        let certificate = shown(&stream);
        let (_, parsed) = parse_x509_certificate(&certificate).expect("a certificate");
        let digest = Sha256::digest(format!("{TOKEN}.{thumbprint}"));
        let held = parsed
            .extensions()
            .iter()
            .find(|extension| extension.oid.to_id_string() == ACME_IDENTIFIER);
        let names: Vec<_> = parsed
            .subject_alternative_name()
            .ok()
            .flatten()
            .map(|names| names.value.general_names.iter().map(ToString::to_string).collect())
            .unwrap_or_default();
        protocol.as_deref() == Some(b"acme-tls/1")
            && names == [format!("DNSName({domain})")]
            // A DER octet string of 32 bytes.
            && held.is_some_and(|held| held.critical && held.value[..2] == [4, 32] && held.value[2..] == digest[..])
    }
}
