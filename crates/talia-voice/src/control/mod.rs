//! Commands to live calls, on whatever node they are.

mod post;

pub(crate) use post::listen;

use crate::app::App;
use crate::config::Config;
use crate::line::{CallCommand, Declined};
use crate::outgoing::nats::NatsError;
use crate::store::{AuditKind, Holder, NewAudit, StoreError};
use crate::telemetry::labels::CommandOutcome;
use post::{Post, PostError};
use thiserror::Error;

/// What sends commands to other nodes.
#[derive(Debug)]
pub struct Control {
    /// None without NATS: then only the calls of this node can be told something.
    post: Option<Post>,
}

/// A command, and who gives it.
#[derive(Debug, Clone)]
pub struct Wish {
    pub call_sid: String,
    pub command: CallCommand,
    /// The same key again is the same command again. It is remembered by the call, while its stream lasts.
    pub key: Option<String>,
    /// The name of the key under which it was asked for.
    pub by: String,
}

/// Why a command was not done, or may not have been.
#[derive(Debug, Error)]
pub enum ControlError {
    /// There is no such call.
    #[error("no such call")]
    Unknown,
    /// It has ended.
    #[error("the call is over")]
    Over,
    /// The call's own answer.
    #[error("declined: {0:?}")]
    Declined(Declined),
    /// Another node has it, and there is no NATS between nodes.
    #[error("another node has the call, and no NATS is configured")]
    Elsewhere,
    /// That node, or NATS, can't be reached: nothing was done.
    #[error("the node that has the call can't be reached")]
    Unreachable,
    /// That node didn't answer in time: it may have been done.
    #[error("the node that has the call didn't answer")]
    Unconfirmed,
    /// Nothing is done that can't be written down before.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Control {
    /// Connects to nobody yet.
    pub fn new(config: &Config) -> Result<Self, NatsError> {
        let post = config.events.nats.clone().map(Post::new).transpose()?;
        Ok(Self { post })
    }
}

/// Has it done. Written into the audit trail before; what came of it after, where it wasn't done.
pub async fn command(app: &App, wish: Wish) -> Result<(), ControlError> {
    let kind = wish.command.kind();
    let result = send(app, &wish).await;
    app.metrics.commanded(kind, outcome(&result));
    if let Err(error) = &result
        && !matches!(
            error,
            ControlError::Unknown | ControlError::Over | ControlError::Store(_)
        )
    {
        tracing::info!(call.sid = wish.call_sid, call.command = kind.word(), %error, "a command was not done");
        let detail = serde_json::json!({ "command": kind.word(), "by": wish.by, "not_done": error.to_string() });
        // The wish stands there already.
        let _ = write_down(app, &wish.call_sid, detail).await;
    }
    result
}

async fn send(app: &App, wish: &Wish) -> Result<(), ControlError> {
    let holder = app.store.holder(&wish.call_sid).await?;
    let node = match holder {
        _ if app.live.has(&wish.call_sid) => None,
        Holder::Unknown => return Err(ControlError::Unknown),
        Holder::Over => return Err(ControlError::Over),
        Holder::Nobody => return Err(ControlError::Declined(Declined::NotLive)),
        Holder::Node(node) => Some(node),
    };
    let mut detail = serde_json::json!({ "command": wish.command.kind().word(), "by": wish.by });
    if let CallCommand::Transfer { destination } = &wish.command {
        // One that isn't in the configuration is whatever was sent.
        let known = app.config.destinations.get(destination);
        detail["destination"] = known.map_or("unknown", |known| known.id.as_str()).into();
    }
    write_down(app, &wish.call_sid, detail).await?;
    let Some(node) = node else {
        let told = app
            .live
            .command(&wish.call_sid, wish.command.clone(), wish.key.clone())
            .await;
        return told.map_err(declined);
    };
    let post = app.control.post.as_ref().ok_or(ControlError::Elsewhere)?;
    match post.send(&node, wish).await {
        Ok(answer) => answer.map_err(declined),
        Err(PostError::Unreachable) => Err(ControlError::Unreachable),
        Err(PostError::Unconfirmed) => Err(ControlError::Unconfirmed),
    }
}

fn declined(reason: Declined) -> ControlError {
    if reason == Declined::NoAnswer {
        ControlError::Unconfirmed
    } else {
        ControlError::Declined(reason)
    }
}

async fn write_down(app: &App, call_sid: &str, detail: serde_json::Value) -> Result<(), StoreError> {
    app.store
        .audit(NewAudit {
            kind: AuditKind::Command,
            call_sid: Some(call_sid.to_owned()),
            detail,
            at: app.clock.wall(),
        })
        .await
}

fn outcome(result: &Result<(), ControlError>) -> CommandOutcome {
    match result {
        Ok(()) => CommandOutcome::Done,
        Err(ControlError::Unknown | ControlError::Over | ControlError::Declined(_)) => CommandOutcome::Declined,
        Err(ControlError::Elsewhere | ControlError::Unreachable) => CommandOutcome::Unreachable,
        Err(ControlError::Unconfirmed) => CommandOutcome::Unconfirmed,
        Err(ControlError::Store(_)) => CommandOutcome::Unwritten,
    }
}
