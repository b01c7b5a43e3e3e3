//! Who may use the API: a program with a key that is good for what it asks, or, where no key is configured, this machine.

use super::operator::{has_key, is_local};
use crate::api::Problem;
use crate::app::App;
use crate::config::{ApiKey, Scope};
use crate::telemetry::labels::Refusal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Whoever asks from this machine while no key is configured.
const LOCAL: &str = "local";
/// Whoever has the key of the operator's routes.
const OPERATOR: &str = "operator";

/// The program that asks: the id of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller(pub(crate) String);

/// Lets a request through whose key has the scope; without one, any key will do. The operator's key reads as well.
pub(super) async fn only(
    State((app, scope)): State<(Arc<App>, Option<Scope>)>,
    mut request: Request,
    next: Next,
) -> Response {
    match caller(&app, scope, &request) {
        Ok(caller) => {
            request.extensions_mut().insert(Caller(caller));
            let mut response = next.run(request).await;
            // What is answered is for whoever has the key, and for nobody's cache.
            let keep = HeaderValue::from_static("no-store");
            response.headers_mut().entry(header::CACHE_CONTROL).or_insert(keep);
            response
        }
        Err(reason) => {
            app.metrics.refused(reason);
            match scope {
                Some(scope) if reason == Refusal::ApiScope => Problem::new(StatusCode::FORBIDDEN, "scope")
                    .with(format!("a key with the scope {} is needed", scope.word()))
                    .into_response(),
                _ => {
                    let problem = Problem::new(StatusCode::UNAUTHORIZED, "key");
                    ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response()
                }
            }
        }
    }
}

fn caller(app: &App, scope: Option<Scope>, request: &Request) -> Result<String, Refusal> {
    let keys = &app.config.api.keys;
    let operator = match scope {
        Some(Scope::Read) | None => app.config.server.api_key.as_ref(),
        Some(_) => None,
    };
    if operator.is_some_and(|key| has_key(request.headers(), key.expose_secret())) {
        return Ok(OPERATOR.to_owned());
    }
    if keys.is_empty() && operator.is_none() {
        return if is_local(request) {
            Ok(LOCAL.to_owned())
        } else {
            Err(Refusal::ApiKey)
        };
    }
    match known(keys, request.headers()) {
        Some(key) if scope.is_none_or(|scope| key.scopes.contains(&scope)) => Ok(key.id.clone()),
        Some(_) => Err(Refusal::ApiScope),
        None => Err(Refusal::ApiKey),
    }
}

/// The key that was shown. Every hash is compared to its end, so that the time it takes tells nothing.
fn known<'a>(keys: &'a [ApiKey], headers: &HeaderMap) -> Option<&'a ApiKey> {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))?;
    let sha256: [u8; 32] = Sha256::digest(shown.trim()).into();
    let mut found = None;
    for key in keys {
        if same(&key.sha256, &sha256) {
            found = Some(key);
        }
    }
    found
}

fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differences = one.iter().zip(other).fold(0, |seen, (a, b)| seen | (a ^ b));
    std::hint::black_box(differences) == 0
}
