//! Every route, grouped by who calls it.

use super::{api_key, operator, probes};
use crate::app::App;
use crate::line::{self, paths};
use crate::{api, line::paths::STREAM};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use std::sync::Arc;

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    // Twilio: signed requests and sockets.
    let twilio = Router::new()
        .route(paths::INBOUND, post(line::inbound))
        .route(paths::AFTER, post(line::after))
        .route(paths::TRANSFERRED, post(line::transferred))
        .route(paths::WHISPER, post(line::whisper))
        .route(paths::STATUS, post(line::status))
        .route(paths::STREAM_STATUS, post(line::stream_status))
        .route(
            &format!("{}/{{id}}", paths::OUTBOUND_ANSWER),
            post(line::outbound::answer),
        )
        .route(&format!("{}/{{id}}", paths::AMD), post(line::outbound::amd))
        .route(paths::OUTBOUND, post(line::outbound::browser))
        .route(
            &format!("{}/{{id}}", paths::OUTBOUND_AFTER),
            post(line::outbound::browser_after),
        )
        .route(
            &format!("{}/{{id}}", paths::OUTBOUND_LEG),
            post(line::outbound::browser_leg),
        )
        .route(paths::CHECK, post(line::check).get(line::check_socket))
        .route(&format!("{}/{{*odd}}", paths::CHECK), post(line::check))
        .route(STREAM, get(line::stream_without_token))
        .route(&format!("{STREAM}/{{token}}"), get(line::stream))
        .layer(from_fn_with_state(app.clone(), line::once));
    // The operator: with a key, or from this machine.
    let operator = Router::new()
        .route("/metrics", get(probes::metrics))
        .layer(from_fn_with_state(app.clone(), operator::only));
    // Programs: with a key that is good for it, or from this machine.
    let programs = api::routes().into_iter().fold(Router::new(), |all, route| {
        let guard = from_fn_with_state((app.clone(), route.scope), api_key::only);
        all.merge(Router::new().route(route.path, route.handler).layer(guard))
    });
    // Whoever supervises the process.
    let probes = Router::new()
        .route("/healthz", get(probes::health))
        .route("/readyz", get(probes::ready));
    Router::new()
        .merge(twilio)
        .merge(operator)
        .merge(programs)
        .merge(probes)
        .with_state(app)
}
