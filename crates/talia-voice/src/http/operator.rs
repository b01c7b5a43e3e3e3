//! Who may use the operator's routes.

use super::listener::Peer;
use crate::app::App;
use crate::config::is_this_machine;
use crate::telemetry::labels::Refusal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Headers that a proxy adds: behind one, everybody seems to come from this machine.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// Lets a request through that has the key or, when no key is configured, comes from this machine itself.
pub(super) async fn only(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let allowed = match &app.config.server.api_key {
        Some(key) => has_key(request.headers(), key.expose_secret()),
        None => is_local(&request),
    };
    if allowed {
        return next.run(request).await;
    }
    app.metrics.refused(Refusal::OperatorKey);
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response()
}

pub(super) fn has_key(headers: &HeaderMap, key: &str) -> bool {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    // Digests are compared, so the time that takes tells nothing of the key.
    shown.is_some_and(|shown| Sha256::digest(shown.trim()) == Sha256::digest(key))
}

/// The connection, and the name under which we were addressed: a web page elsewhere can make a browser on this
/// machine connect, but not under a name of this machine.
pub(super) fn is_local(request: &Request) -> bool {
    let peer = request
        .extensions()
        .get::<Peer>()
        .is_some_and(|peer| peer.0.ip().is_loopback());
    let headers = request.headers();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok()?.parse::<axum::http::uri::Authority>().ok());
    peer && host.is_some_and(|host| is_this_machine(host.host()))
        && !FORWARDED.iter().any(|name| headers.contains_key(*name))
}
