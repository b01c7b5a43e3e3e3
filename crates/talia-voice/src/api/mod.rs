//! The operator's routes: one file a resource, each as thin as it can be.

mod calls;
mod events;

use crate::app::App;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;

/// All of them; who may ask is decided by the router.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/voice/events", get(events::events))
        .route("/api/voice/calls", get(calls::recent))
        .route("/api/voice/calls/{call_sid}", get(calls::one))
}
