//! Commands between nodes: NATS request and reply, each node under a subject of its own.
//!
//! Core NATS delivers a message once or never, and no stream keeps it: what TalIA is to say stands nowhere.

use super::Wish;
use crate::app::App;
use crate::config;
use crate::line::{CallCommand, Declined};
use crate::outgoing::nats::{NatsError, NatsServer, is_prohibition};
use crate::telemetry::labels::Refusal;
use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Message, Request, RequestErrorKind};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

/// How long another node may take to answer: longer than its call may.
const ANSWER: Duration = Duration::from_secs(3);
/// Commands of other nodes that are dealt with at once.
const AT_ONCE: usize = 64;
/// Largest message, bytes.
const LARGEST: usize = 8 * 1024;
/// After a connection that can't be made at all.
const RETRY: Duration = Duration::from_secs(5);

/// The way to other nodes.
#[derive(Debug)]
pub(super) struct Post {
    server: NatsServer,
    /// What subjects begin with.
    subjects: String,
    /// One for asking and for listening; it connects again by itself.
    client: OnceCell<Client>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PostError {
    /// It didn't get there.
    Unreachable,
    /// It may have got there.
    Unconfirmed,
}

/// A command on its way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Letter {
    call_sid: String,
    command: CallCommand,
    key: Option<String>,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    declined: Option<Declined>,
}

impl Post {
    pub(super) fn new(config: config::Nats) -> Result<Self, NatsError> {
        Ok(Self {
            subjects: config.commands.clone(),
            server: NatsServer::new(config)?,
            client: OnceCell::new(),
        })
    }

    /// Answers what the call on that node says.
    pub(super) async fn send(&self, node: &str, wish: &Wish) -> Result<Result<(), Declined>, PostError> {
        let letter = Letter {
            call_sid: wish.call_sid.clone(),
            command: wish.command.clone(),
            key: wish.key.clone(),
        };
        let payload = serde_json::to_vec(&letter).map_err(|_| PostError::Unreachable)?;
        // Without a connection the client would keep it and send it at any later time.
        let client = self.client.get().ok_or(PostError::Unreachable)?;
        if client.connection_state() != State::Connected {
            return Err(PostError::Unreachable);
        }
        let request = Request::new().payload(payload.into()).timeout(Some(ANSWER));
        match client.send_request(self.subject(node), request).await {
            Ok(message) => match serde_json::from_slice::<Reply>(&message.payload) {
                Ok(Reply { declined }) => Ok(declined.map_or(Ok(()), Err)),
                Err(_) => Err(PostError::Unconfirmed),
            },
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Err(PostError::Unreachable),
            Err(_) => Err(PostError::Unconfirmed),
        }
    }

    fn subject(&self, node: &str) -> String {
        format!("{}.{node}", self.subjects)
    }

    async fn connected(&self) -> &Client {
        self.client
            .get_or_init(|| async {
                loop {
                    let options = ConnectOptions::new()
                        .retry_on_initial_connect()
                        .event_callback(|event| async move {
                            if is_prohibition(&event) {
                                tracing::error!(%event, "NATS doesn't allow commands between nodes");
                            }
                        });
                    match self.server.connect(options).await {
                        Ok(client) => return client,
                        Err(error) => {
                            tracing::warn!(%error, "commands can't come from other nodes");
                            tokio::time::sleep(RETRY).await;
                        }
                    }
                }
            })
            .await
    }
}

/// Takes commands for the calls of this node, for as long as it is not dropped.
pub(crate) async fn listen(app: Arc<App>) {
    let Some(post) = &app.control.post else { return };
    let client = post.connected().await;
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(mut messages) = client.subscribe(post.subject(app.store.node())).await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        while let Some(message) = messages.next().await {
            // Beyond that the sender waits, and is told that nobody answered.
            let Ok(permit) = permits.clone().acquire_owned().await else {
                return;
            };
            let (app, client) = (app.clone(), client.clone());
            tokio::spawn(async move {
                let _permit = permit;
                obey(&app, &client, message).await;
            });
        }
    }
}

async fn obey(app: &App, client: &Client, message: Message) {
    let Some(reply) = message.reply else { return };
    let letter = (message.payload.len() <= LARGEST)
        .then(|| serde_json::from_slice::<Letter>(&message.payload).ok())
        .flatten();
    let declined = if let Some(Letter { call_sid, command, key }) = letter {
        app.live.command(&call_sid, command, key).await.err()
    } else {
        app.metrics.refused(Refusal::CommandUnreadable);
        Some(Declined::Unreadable)
    };
    if let Ok(payload) = serde_json::to_vec(&Reply { declined }) {
        // Nobody may be waiting any more.
        let _ = client.publish(reply, payload.into()).await;
    }
}
