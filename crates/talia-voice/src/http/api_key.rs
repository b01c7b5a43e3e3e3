//! Who may use the API: a program with a key that is good for what it asks, or, where no key is configured, this machine.

use super::operator::is_local;
use crate::app::App;
use crate::config::{ApiKey, Scope};
use crate::telemetry::labels::Refusal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Whoever asks from this machine while no key is configured.
const LOCAL: &str = "local";

/// The program that asks: the id of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller(pub(crate) String);

/// Lets a request through whose key has the scope.
pub(super) async fn only(State((app, scope)): State<(Arc<App>, Scope)>, mut request: Request, next: Next) -> Response {
    let keys = &app.config.api.keys;
    let caller = if keys.is_empty() {
        if is_local(&request) {
            Ok(LOCAL)
        } else {
            Err(Refusal::ApiKey)
        }
    } else {
        match known(keys, request.headers()) {
            Some(key) if key.scopes.contains(&scope) => Ok(key.id.as_str()),
            Some(_) => Err(Refusal::ApiScope),
            None => Err(Refusal::ApiKey),
        }
    };
    match caller {
        Ok(caller) => {
            let caller = Caller(caller.to_owned());
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(reason) => {
            app.metrics.refused(reason);
            if reason == Refusal::ApiScope {
                return StatusCode::FORBIDDEN.into_response();
            }
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response()
        }
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
