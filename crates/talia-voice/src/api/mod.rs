//! The routes of the operator and of programs: one file a resource, each as thin as it can be.

mod body;
mod calls;
mod dial;
mod do_not_call;
mod erase;
mod events;
mod problem;
mod token;

use crate::app::App;
use axum::Router;
use axum::routing::{delete, get, post};
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

/// What is to be erased.
pub(crate) fn erasing() -> Router<Arc<App>> {
    Router::new().route("/api/voice/calls/{call_sid}", delete(erase::call))
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
