//! One socket to one engine, with a task of its own: reads while it writes slowly, and dies with its handle.

use super::protocol::Wire;
use crate::providers::{Fault, Received, Socket, Target};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Messages that may wait for the socket.
const OUTBOX: usize = 64;
/// A connection that doesn't stand by now is given up: another engine may stand by then.
const CONNECT: Duration = Duration::from_secs(2);
/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What happened on a connection.
#[derive(Debug)]
pub(super) enum Happened {
    /// It is open.
    Opened,
    /// A message came.
    Came(Received),
    /// It is gone or never came to be.
    Lost(Fault),
}

/// A connection to be made.
pub(super) struct Connection {
    pub(super) id: u64,
    pub(super) target: Target,
    pub(super) events: mpsc::Sender<(u64, Happened)>,
}

/// Handle to a connection; dropped, the connection ends.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: u64,
    pub(super) engine: usize,
    outbox: mpsc::Sender<Wire>,
    _ends: DropGuard,
}

impl Link {
    /// False when the connection takes no more.
    pub(super) fn send(&self, wire: Wire) -> bool {
        self.outbox.try_send(wire).is_ok()
    }

    /// Messages that it would take now.
    pub(super) fn room(&self) -> usize {
        self.outbox.capacity()
    }

    pub(super) fn outbox(&self) -> mpsc::Sender<Wire> {
        self.outbox.clone()
    }
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(self, engine: usize, tasks: &TaskTracker) -> Link {
        let (outbox, waiting) = mpsc::channel(OUTBOX);
        let end = CancellationToken::new();
        let id = self.id;
        tasks.spawn(self.run(waiting, end.clone()));
        Link {
            id,
            engine,
            outbox,
            _ends: end.drop_guard(),
        }
    }

    async fn run(self, waiting: mpsc::Receiver<Wire>, end: CancellationToken) {
        let opened = tokio::select! {
            () = end.cancelled() => return,
            opened = Socket::open(&self.target, CONNECT) => opened,
        };
        match opened {
            Ok(socket) => self.serve(socket, waiting, end).await,
            Err(fault) => self.report(Happened::Lost(fault)).await,
        }
    }

    async fn serve(&self, mut socket: Socket, mut waiting: mpsc::Receiver<Wire>, end: CancellationToken) {
        self.report(Happened::Opened).await;
        loop {
            let done = tokio::select! {
                () = end.cancelled() => break,
                received = socket.receive() => match received {
                    Ok(message) => {
                        let is_over = matches!(message, Received::Closed(_));
                        self.report(Happened::Came(message)).await;
                        if is_over {
                            break;
                        }
                        Ok(())
                    }
                    Err(fault) => Err(fault),
                },
                Some(wire) = waiting.recv() => tokio::select! {
                    () = end.cancelled() => break,
                    sent = send(&mut socket, wire) => sent,
                },
            };
            if let Err(fault) = done {
                self.report(Happened::Lost(fault)).await;
                return;
            }
        }
        // The engine may be gone already; there is nothing left to do about it.
        let _ = timeout(FAREWELL, socket.close()).await;
    }

    async fn report(&self, happened: Happened) {
        // The call may be over: then nobody listens.
        let _ = self.events.send((self.id, happened)).await;
    }
}

async fn send(socket: &mut Socket, wire: Wire) -> Result<(), Fault> {
    match wire {
        Wire::Text(text) => socket.send_text(text).await,
        Wire::Binary(bytes) => socket.send_binary(bytes).await,
    }
}
