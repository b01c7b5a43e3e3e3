//! The connection to the service: a task that carries texts both ways, and says when it is lost.

use super::Wake;
use crate::providers::{Fault, Received, Socket, Target};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// A connection that is not there by now is given up.
pub(super) const OPENING: Duration = Duration::from_millis(1_500);
/// Messages that may wait, while it opens above all: twenty seconds of audio.
const WAITING: usize = 1_024;

/// What comes over it. The first number counts the connections of a call.
#[derive(Debug)]
pub enum WireEvent {
    /// It is open.
    Opened,
    /// A message.
    Text(String),
    /// It is gone.
    Lost(Fault),
}

/// One connection; it is closed when this is dropped.
#[derive(Debug)]
pub(super) struct Wire {
    outgoing: mpsc::Sender<String>,
}

impl Wire {
    /// Begins to connect. What is sent meanwhile goes out when it is open.
    pub(super) fn open(target: Target, number: u32, wakes: mpsc::Sender<Wake>, tasks: &TaskTracker) -> Self {
        let (outgoing, waiting) = mpsc::channel(WAITING);
        tasks.spawn(async move {
            let fault = match carry(&target, number, waiting, &wakes).await {
                Ok(()) => return,
                Err(fault) => fault,
            };
            // The call may be over: then nobody listens.
            let _ = wakes.send(Wake::Wire(number, WireEvent::Lost(fault))).await;
        });
        Self { outgoing }
    }

    /// Sends a message; `false` when the service takes nothing any more.
    pub(super) fn send(&self, message: &serde_json::Value) -> bool {
        self.outgoing.try_send(message.to_string()).is_ok()
    }
}

async fn carry(
    target: &Target,
    number: u32,
    mut waiting: mpsc::Receiver<String>,
    wakes: &mpsc::Sender<Wake>,
) -> Result<(), Fault> {
    let mut socket = Socket::open(target, OPENING).await?;
    if wakes.send(Wake::Wire(number, WireEvent::Opened)).await.is_err() {
        return Ok(());
    }
    loop {
        tokio::select! {
            message = waiting.recv() => {
                let Some(message) = message else {
                    socket.close().await;
                    return Ok(());
                };
                socket.send_text(message).await?;
            }
            received = socket.receive() => match received? {
                Received::Text(text) => {
                    if wakes.send(Wake::Wire(number, WireEvent::Text(text))).await.is_err() {
                        return Ok(());
                    }
                }
                // The protocol has none.
                Received::Binary(_) => {}
                Received::Closed(code) => {
                    return Err(if code == Some(1_008) {
                        Fault::new(crate::providers::FaultClass::Terminal, "the service refuses the session")
                    } else {
                        Fault::transient("the service closed the session")
                    });
                }
            },
        }
    }
}
