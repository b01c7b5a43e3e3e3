//! The routes of programs: one file a resource, each as thin as it can be.

mod body;
mod calls;
mod commands;
mod cursor;
mod dial;
mod do_not_call;
mod erase;
mod events;
mod idempotency;
mod leads;
mod live;
mod named;
mod openapi;
mod problem;
mod query;
mod recordings;
mod token;

use crate::app::App;
use crate::config::Scope;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
pub(crate) use problem::Problem;
use std::sync::Arc;

/// What may be asked, and what a key must be good for to ask it.
#[derive(Debug)]
pub struct Route {
    /// `GET`…
    pub method: &'static str,
    /// With the names of its variable parts in braces, as the document has them.
    pub path: &'static str,
    /// None: any key will do.
    pub scope: Option<Scope>,
    pub(crate) handler: MethodRouter<Arc<App>>,
}

const GET: (&str, MethodFilter) = ("GET", MethodFilter::GET);
const POST: (&str, MethodFilter) = ("POST", MethodFilter::POST);
const DELETE: (&str, MethodFilter) = ("DELETE", MethodFilter::DELETE);

/// All of them. The router has no other for programs, so none is missing in what is checked against this list.
pub fn routes() -> Vec<Route> {
    let read = Some(Scope::Read);
    let command = Some(Scope::Command);
    let listed = Some(Scope::DoNotCall);
    vec![
        route(GET, "/api/openapi.json", None, openapi::document),
        route(GET, "/api/voice/events", read, events::events),
        route(GET, "/api/voice/calls", read, calls::list),
        route(GET, "/api/voice/calls/live", read, live::list),
        route(GET, "/api/voice/calls/{call_sid}", read, calls::one),
        route(GET, "/api/voice/calls/{call_sid}/transcript", read, calls::transcript),
        route(GET, "/api/voice/leads", read, leads::list),
        route(GET, "/api/voice/leads/{id}", read, leads::one),
        route(GET, "/api/voice/recordings", read, recordings::list),
        route(GET, "/api/voice/recordings/{id}", read, recordings::one),
        route(GET, "/api/voice/recordings/{id}/file", read, recordings::file),
        route(POST, "/api/voice/calls", Some(Scope::Dial), dial::call),
        route(DELETE, "/api/voice/calls/{call_sid}", Some(Scope::Erase), erase::call),
        route(POST, "/api/voice/calls/{call_sid}/hang-up", command, commands::hang_up),
        route(
            POST,
            "/api/voice/calls/{call_sid}/transfer",
            command,
            commands::transfer,
        ),
        route(POST, "/api/voice/calls/{call_sid}/say", command, commands::say),
        route(POST, "/api/voice/token", Some(Scope::Token), token::token),
        route(POST, "/api/voice/do-not-call", listed, do_not_call::add),
        route(DELETE, "/api/voice/do-not-call", listed, do_not_call::remove),
        route(GET, "/api/voice/do-not-call", listed, do_not_call::list),
    ]
}

fn route<H, T>(
    (method, filter): (&'static str, MethodFilter),
    path: &'static str,
    scope: Option<Scope>,
    handler: H,
) -> Route
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Route {
        method,
        path,
        scope,
        handler: on(filter, handler),
    }
}
