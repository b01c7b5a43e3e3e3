//! A WebSocket to an engine: opened in bounded time, written in bounded time, and known to be dead within three seconds.

use super::{Fault, FaultClass, retry_after};
use crate::outgoing;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::{HeaderName, HeaderValue};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

/// A ping is sent when nothing was heard for so long…
const PING_AFTER: Duration = Duration::from_secs(1);
/// …and the connection is dead when nothing was heard for so long: a half-open one is found by nothing else.
const DEAD_AFTER: Duration = Duration::from_secs(3);
/// A message that can't be written by now won't be.
const WRITE: Duration = Duration::from_secs(3);
/// The largest message taken: a second of audio as base64 has 11 KiB, events with whole transcripts more.
const LONGEST_MESSAGE: usize = 4 * 1024 * 1024;
/// Small buffers: there is one such connection a call, or three.
const BUFFER: usize = 8 * 1024;

/// Where to connect, and with which headers.
#[derive(Debug, Clone)]
pub struct Target {
    /// `wss://…`, or `ws://…` on this machine.
    pub url: String,
    /// Keys and versions. Values are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// The engine closed the connection, with its code if it gave one.
    Closed(Option<u16>),
}

/// An open connection.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    heard: Instant,
    pinged: Option<Instant>,
}

impl Socket {
    /// Connects within this time.
    pub async fn open(target: &Target, within: Duration) -> Result<Self, Fault> {
        let mut request = target
            .url
            .as_str()
            .into_client_request()
            .map_err(|_| Fault::new(FaultClass::Terminal, "the address can't be used"))?;
        for (name, value) in &target.headers {
            let mut value = value.clone();
            value.set_sensitive(true);
            request.headers_mut().insert(name.clone(), value);
        }
        let tls = outgoing::public_tls().map_err(|_| Fault::new(FaultClass::Terminal, "TLS can't be used"))?;
        let connector = Connector::Rustls(tls);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(LONGEST_MESSAGE))
            .max_frame_size(Some(LONGEST_MESSAGE));
        let connecting = connect_async_tls_with_config(request, Some(config), true, Some(connector));
        let opened = timeout(within, connecting)
            .await
            .map_err(|_| Fault::transient("no connection in time"))?;
        let (stream, _) = opened.map_err(|error| fault_of(&error))?;
        Ok(Self {
            stream,
            heard: Instant::now(),
            pinged: None,
        })
    }

    /// Sends a text message.
    pub async fn send_text(&mut self, text: String) -> Result<(), Fault> {
        self.send(Message::Text(text.into())).await
    }

    /// Sends a binary message.
    pub async fn send_binary(&mut self, bytes: Bytes) -> Result<(), Fault> {
        self.send(Message::Binary(bytes)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Fault> {
        timeout(WRITE, self.stream.send(message))
            .await
            .map_err(|_| Fault::transient("the engine reads nothing any more"))?
            .map_err(|error| fault_of(&error))
    }

    /// The next message. May be dropped and called again without losing one. Pings are answered and sent meanwhile: a
    /// connection from which nothing comes for three seconds, not even the answer to a ping, is dead.
    pub async fn receive(&mut self) -> Result<Received, Fault> {
        loop {
            let ping_at = self.pinged.unwrap_or(self.heard) + PING_AFTER;
            let dead_at = self.heard + DEAD_AFTER;
            tokio::select! {
                biased;
                message = self.stream.next() => {
                    self.heard = Instant::now();
                    self.pinged = None;
                    match message {
                        Some(Ok(Message::Text(text))) => return Ok(Received::Text(text.as_str().to_owned())),
                        Some(Ok(Message::Binary(bytes))) => return Ok(Received::Binary(bytes)),
                        Some(Ok(Message::Close(frame))) => {
                            return Ok(Received::Closed(frame.map(|frame| frame.code.into())));
                        }
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return Err(fault_of(&error)),
                        None => return Ok(Received::Closed(None)),
                    }
                }
                () = sleep_until(ping_at.min(dead_at)) => {
                    if Instant::now() >= dead_at {
                        return Err(Fault::transient("the connection is half open"));
                    }
                    self.pinged = Some(Instant::now());
                    self.send(Message::Ping(Bytes::new())).await?;
                }
            }
        }
    }

    /// Says goodbye, as far as the connection still takes it.
    pub async fn close(mut self) {
        // The engine may be gone already; there is nothing left to do about it.
        let _ = timeout(WRITE, self.stream.close(None)).await;
    }
}

fn fault_of(error: &Error) -> Fault {
    match error {
        Error::Http(answer) => Fault::of_status(answer.status().as_u16(), retry_after(answer.headers())),
        Error::Utf8(_) | Error::Protocol(_) | Error::Capacity(_) => {
            Fault::malformed("the engine breaks the WebSocket protocol")
        }
        Error::Url(_) | Error::HttpFormat(_) => Fault::new(FaultClass::Terminal, "the address can't be used"),
        _ => Fault::transient("the connection is lost"),
    }
}
