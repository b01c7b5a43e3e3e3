//! The routes of the operator and of programs: one file a resource, each as thin as it can be.

mod body;
mod calls;
mod dial;
mod do_not_call;
mod events;
mod problem;
mod token;

use crate::app::App;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// The operator's; who may ask is decided by the router.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/voice/events", get(events::events))
        .route("/api/voice/calls", get(calls::recent))
        .route("/api/voice/calls/{call_sid}", get(calls::one))
}

/// Calls out.
pub(crate) fn dialling() -> Router<Arc<App>> {
    Router::new().route("/api/voice/calls", post(dial::call))
}

/// Tokens of browsers.
pub(crate) fn tokens() -> Router<Arc<App>> {
    Router::new().route("/api/voice/token", post(token::token))
}

/// Who doesn't want to be called.
pub(crate) fn do_not_call_list() -> Router<Arc<App>> {
    Router::new().route(
        "/api/voice/do-not-call",
        post(do_not_call::add)
            .delete(do_not_call::remove)
            .get(do_not_call::list),
    )
}
