//! Performances on a WebSocket: several at once, each of which can be stopped, all written by one connection.

use super::manner::Step;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use std::collections::HashMap;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Messages that may wait for the connection.
const WAITING: usize = 32;

/// What a performance wants of its connection.
enum Wish {
    Send(Message),
    Die,
    Hang,
    /// The performance `.0` is over; this is the last message of it.
    Over(String, Option<Message>),
}

/// How a service puts the steps of a performance into messages.
pub(super) trait Wording: Send + Sync + 'static {
    /// Audio of a context.
    fn audio(&self, context: &str, step: &Step) -> Vec<Message>;
    /// Something undocumented.
    fn oddity(&self, context: &str) -> Vec<Message>;
    /// A failure.
    fn failure(&self, context: &str) -> Message;
    /// The end of a performance that came to its end.
    fn end(&self, context: &str) -> Option<Message>;
}

/// The performances of one connection.
pub(super) struct Performances {
    wishes: mpsc::Sender<Wish>,
    waiting: mpsc::Receiver<Wish>,
    running: HashMap<String, AbortHandle>,
}

/// What a connection has to look after.
pub(super) enum Happened {
    /// The client sent this.
    Said(Message),
    /// The client is gone, or the connection broke by order.
    Gone,
    /// A performance came to its end, or its failure.
    Over(String),
    /// The client sent nothing for as long as it may.
    Idle,
}

impl Default for Performances {
    fn default() -> Self {
        let (wishes, waiting) = mpsc::channel(WAITING);
        Self {
            wishes,
            waiting,
            running: HashMap::new(),
        }
    }
}

impl Performances {
    /// Begins one.
    pub(super) fn begin(&mut self, context: &str, steps: Vec<Step>, wording: impl Wording) {
        let (wishes, name) = (self.wishes.clone(), context.to_owned());
        let performing = tokio::spawn(async move {
            for step in steps {
                let messages = match step {
                    Step::Audio { .. } => wording.audio(&name, &step),
                    Step::Oddity => wording.oddity(&name),
                    Step::Wait(wait) => {
                        tokio::time::sleep(wait).await;
                        continue;
                    }
                    Step::Fail => {
                        let _ = wishes
                            .send(Wish::Over(name.clone(), Some(wording.failure(&name))))
                            .await;
                        return;
                    }
                    Step::Die | Step::Hang => {
                        let wish = if step == Step::Die { Wish::Die } else { Wish::Hang };
                        let _ = wishes.send(wish).await;
                        return;
                    }
                    Step::Stall => return,
                };
                for message in messages {
                    if wishes.send(Wish::Send(message)).await.is_err() {
                        return;
                    }
                }
            }
            let end = wording.end(&name);
            let _ = wishes.send(Wish::Over(name, end)).await;
        });
        self.running.insert(context.to_owned(), performing.abort_handle());
    }

    /// Stops one; `false` if there is none such.
    pub(super) fn stop(&mut self, context: &str) -> bool {
        self.running.remove(context).is_some_and(|running| {
            running.abort();
            true
        })
    }

    /// How many run.
    pub(super) fn count(&self) -> usize {
        self.running.len()
    }

    /// Writes what is to be written until something happens that the service has to look after.
    pub(super) async fn next(&mut self, socket: &mut WebSocket, patience: std::time::Duration) -> Happened {
        let idle = tokio::time::sleep(patience);
        tokio::pin!(idle);
        loop {
            tokio::select! {
                message = socket.recv() => match message {
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Happened::Gone,
                    Some(Ok(message)) => return Happened::Said(message),
                },
                Some(wish) = self.waiting.recv() => match wish {
                    Wish::Send(message) => if socket.send(message).await.is_err() {
                        return Happened::Gone;
                    },
                    Wish::Die => return Happened::Gone,
                    Wish::Hang => std::future::pending().await,
                    Wish::Over(context, message) => {
                        self.running.remove(&context);
                        if let Some(message) = message && socket.send(message).await.is_err() {
                            return Happened::Gone;
                        }
                        return Happened::Over(context);
                    }
                },
                () = &mut idle => return Happened::Idle,
            }
        }
    }
}

impl Drop for Performances {
    fn drop(&mut self) {
        for running in self.running.values() {
            running.abort();
        }
    }
}

/// Closes a connection as the service does that was asked something wrong.
pub(super) async fn close(mut socket: WebSocket, code: u16, reason: &str) {
    let frame = CloseFrame {
        code,
        reason: reason.to_owned().into(),
    };
    // Whoever is gone needs no goodbye.
    let _ = socket.send(Message::Close(Some(frame))).await;
}
