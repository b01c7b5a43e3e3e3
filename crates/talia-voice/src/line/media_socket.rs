//! A call's media socket: what the caller's line does comes out, what we say goes in.

use super::live::LiveCall;
use super::message_rate::MessageRate;
use super::uplink::Uplink;
use crate::clock::Clock;
use crate::telemetry::Metrics;
use crate::telemetry::labels::{BadFrame, Refusal};
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures::SinkExt;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use talia_audio::frame::MulawFrame;
use talia_twilio::media::{self, Inbound, Start};
use thiserror::Error;
use tokio::time::timeout;

/// How long the other side may take to answer our goodbye.
const CLOSING: Duration = Duration::from_secs(1);

/// What happened on the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEvent {
    /// The next 20 ms of the caller's audio, in order and without gaps; silence stands for what was lost.
    Media {
        payload: MulawFrame,
        /// Milliseconds since the stream began: where the frame begins.
        timestamp_ms: u64,
    },
    /// A mark of ours came back.
    Mark(String),
    /// The caller pressed a key: `0`–`9`, `*`, `#`.
    Digit(char),
    /// Twilio has ended the stream: the caller hung up, or the call was told to do something else.
    Stopped,
    /// Nothing comes any more.
    Closed(CloseCause),
}

/// Why nothing comes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCause {
    /// Twilio closed the socket.
    Peer,
    /// The connection broke, or the other side spoke no WebSocket.
    Broken,
    /// We closed it.
    Ours,
    /// Too many bad messages.
    BadFrames,
    /// The other side didn't take what we said.
    Slow,
    /// Another stream of the same call took its place.
    Replaced,
    /// Twilio reports that the call is over.
    CallOver,
    /// The server stops and waits no longer.
    Draining,
}

/// What to do on the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineCommand {
    /// Play this behind everything sent before.
    Frame(MulawFrame),
    /// Send this name back once everything before it has been played.
    Mark(String),
    /// Drop everything that has not been played.
    Clear,
    /// Close the stream; Twilio then asks what to do next.
    Close,
}

/// The line can't take anything any more; [`MediaSocket::next`] says so too, with the same cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the line is closed: {0:?}")]
pub struct LineClosed(pub CloseCause);

/// The limits of a socket.
#[derive(Debug, Clone)]
pub(super) struct SocketLimits {
    pub(super) first_message: Duration,
    pub(super) start: Duration,
    pub(super) write_stall: Duration,
    pub(super) bad_frames: u32,
    /// By which the rate of messages is measured.
    pub(super) clock: Clock,
}

/// A media socket whose stream has started.
pub struct MediaSocket {
    socket: WebSocket,
    uplink: Uplink,
    events: VecDeque<LineEvent>,
    stream_sid: String,
    live: LiveCall,
    limits: SocketLimits,
    metrics: Arc<Metrics>,
    rate: MessageRate,
    bad_frames: u32,
    closed: Option<CloseCause>,
}

/// What a socket has to say before it is a stream. On failure the socket is closed and the reason returned.
pub(super) async fn await_start(
    socket: &mut WebSocket,
    limits: &SocketLimits,
    accept: impl FnOnce(&Start) -> Result<(), Refusal>,
) -> Result<Start, Refusal> {
    let greeting = async {
        match timeout(limits.first_message, opening(socket)).await {
            Ok(Some(Opening::Connected)) => {}
            Ok(_) => return Err(Refusal::StartBad),
            Err(_) => return Err(Refusal::FirstMessageTimeout),
        }
        match opening(socket).await {
            Some(Opening::Start(start)) => Ok(*start),
            _ => Err(Refusal::StartBad),
        }
    };
    let start = timeout(limits.start, greeting)
        .await
        .unwrap_or(Err(Refusal::StartTimeout));
    let refusal = match start.and_then(|start| accept(&start).map(|()| start)) {
        Ok(start) => return Ok(start),
        Err(refusal) => refusal,
    };
    let goodbye = Message::Close(Some(CloseFrame {
        code: close_code::POLICY,
        reason: "".into(),
    }));
    // Whoever is refused may not listen.
    let _ = timeout(limits.write_stall, socket.send(goodbye)).await;
    Err(refusal)
}

enum Opening {
    Connected,
    Start(Box<Start>),
}

/// The next message, if it is one that opens a stream.
async fn opening(socket: &mut WebSocket) -> Option<Opening> {
    loop {
        let text = match socket.recv().await?.ok()? {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Binary(_) | Message::Close(_) => return None,
        };
        return match media::parse(&text).ok()? {
            Inbound::Connected { .. } => Some(Opening::Connected),
            Inbound::Start(start) => Some(Opening::Start(start)),
            Inbound::Unknown(_) => continue,
            _ => None,
        };
    }
}

impl MediaSocket {
    /// A socket behind its `start`.
    pub(super) fn new(
        socket: WebSocket,
        start: &Start,
        live: LiveCall,
        limits: SocketLimits,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            socket,
            uplink: Uplink::new(start.stream_sid.as_str().to_owned(), start.sequence_number),
            events: VecDeque::new(),
            stream_sid: start.stream_sid.as_str().to_owned(),
            live,
            limits,
            metrics,
            rate: MessageRate::default(),
            bad_frames: 0,
            closed: None,
        }
    }

    /// The next thing that happens on the line. Cancel-safe: a call dropped before it is ready loses nothing.
    /// Once it has said [`LineEvent::Closed`] it says nothing else.
    pub async fn next(&mut self) -> LineEvent {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            if let Some(cause) = self.closed {
                return LineEvent::Closed(cause);
            }
            tokio::select! {
                biased;
                cause = self.live.ended() => {
                    self.close(cause, close_code::NORMAL).await;
                }
                received = self.socket.recv() => self.receive(received).await,
            }
        }
    }

    async fn receive(&mut self, received: Option<Result<Message, axum::Error>>) {
        let too_fast = matches!(received, Some(Ok(_))) && !self.rate.take(self.limits.clock.elapsed());
        let skipped = match received {
            Some(Ok(Message::Close(_))) => {
                self.closed.get_or_insert(CloseCause::Peer);
                return;
            }
            Some(Ok(_)) if too_fast => Err(BadFrame::TooFast),
            Some(Ok(Message::Text(text))) => {
                let taken = self.uplink.take(&text, &mut self.events);
                self.metrics.gap_frames.inc_by(u64::from(self.uplink.filled()));
                taken
            }
            Some(Ok(Message::Binary(_))) => Err(BadFrame::Binary),
            // The library answers a ping by itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Err(_)) => {
                // Too large, or not the protocol; on a connection that broke this goes nowhere.
                self.close(CloseCause::Broken, close_code::PROTOCOL).await;
                return;
            }
            None => {
                self.closed.get_or_insert(CloseCause::Broken);
                return;
            }
        };
        let Err(kind) = skipped else {
            return;
        };
        self.metrics.bad_frame(kind);
        // New kinds of events and repetitions are Twilio's right; they don't make it suspect.
        if matches!(kind, BadFrame::UnknownEvent | BadFrame::Repeated) {
            return;
        }
        self.bad_frames += 1;
        if self.bad_frames >= self.limits.bad_frames {
            self.close(CloseCause::BadFrames, close_code::POLICY).await;
        }
    }

    /// Does these things in order, in one write where possible. Waits until the socket has taken them, at most as long
    /// as a stalled client is put up with; then the line is closed.
    pub async fn send(&mut self, commands: &[LineCommand]) -> Result<(), LineClosed> {
        if let Some(cause) = self.closed {
            return Err(LineClosed(cause));
        }
        let mut close = false;
        let socket = &mut self.socket;
        let stream_sid = &self.stream_sid;
        let writing = async {
            for command in commands {
                let mut text = String::with_capacity(360);
                match command {
                    LineCommand::Frame(frame) => media::write_media(&mut text, stream_sid, frame),
                    LineCommand::Mark(name) => media::write_mark(&mut text, stream_sid, name),
                    LineCommand::Clear => media::write_clear(&mut text, stream_sid),
                    LineCommand::Close => {
                        close = true;
                        break;
                    }
                }
                socket.feed(Message::Text(text.into())).await?;
            }
            socket.flush().await
        };
        let cause = match timeout(self.limits.write_stall, writing).await {
            Ok(Ok(())) if !close => return Ok(()),
            Ok(Ok(())) => {
                self.close(CloseCause::Ours, close_code::NORMAL).await;
                self.see_off().await;
                return Ok(());
            }
            Ok(Err(_)) => CloseCause::Broken,
            Err(_) => CloseCause::Slow,
        };
        // Nothing more can be written, so no goodbye.
        self.closed = Some(cause);
        Err(LineClosed(cause))
    }

    /// Asks the other side whether it is there; the answer keeps middle boxes from forgetting the connection.
    pub async fn ping(&mut self) -> Result<(), LineClosed> {
        if let Some(cause) = self.closed {
            return Err(LineClosed(cause));
        }
        match timeout(self.limits.write_stall, self.socket.send(Message::Ping(Bytes::new()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(LineClosed(*self.closed.get_or_insert(CloseCause::Broken))),
            Err(_) => Err(LineClosed(*self.closed.get_or_insert(CloseCause::Slow))),
        }
    }

    /// Waits until the other side has closed, too. A connection that is dropped with frames unread is reset, and the reset may
    /// overtake our goodbye: Twilio would take a call that ended well for a broken one.
    async fn see_off(&mut self) {
        let closing = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(CLOSING, closing).await;
    }

    async fn close(&mut self, cause: CloseCause, code: u16) {
        self.closed = Some(cause);
        let goodbye = Message::Close(Some(CloseFrame {
            code,
            reason: "".into(),
        }));
        // Best effort: the connection may be gone.
        let _ = timeout(self.limits.write_stall, self.socket.send(goodbye)).await;
    }
}

impl std::fmt::Debug for MediaSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaSocket")
            .field("stream_sid", &self.stream_sid)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
