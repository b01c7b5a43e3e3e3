//! The media socket as Twilio opens it: signed over the public URL, dialled where the server really is.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use talia_twilio::{
    error_codes::StreamCode,
    signature::{Algorithm, SIGNATURE_HEADER, sign},
};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Error, Message, Utf8Bytes,
        client::IntoClientRequest as _,
        http::{HeaderName, HeaderValue},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::settings::{CarrierSettings, authority};

/// A server that doesn't answer the handshake in this time isn't there (31901).
const CONNECT: Duration = Duration::from_secs(5);
/// A server that doesn't read for this long is broken (31903).
const SEND: Duration = Duration::from_secs(5);
/// How long a closing handshake may take.
const CLOSE: Duration = Duration::from_secs(2);
/// Messages between socket and session: more than ten seconds of frames.
const QUEUE: usize = 512;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// No stream, or the end of one, in Twilio's codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct StreamFault {
    /// Twilio's code.
    pub code: StreamCode,
    /// What was seen.
    pub detail: String,
}

/// Something from the server.
#[derive(Debug)]
pub enum Arrived {
    /// A text message.
    Text(Instant, Utf8Bytes),
    /// A binary message.
    Binary(Instant),
    /// The socket is over.
    Over(Closure),
}

/// How the server ended the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// Close code, where there was a closing frame with one.
    pub close_code: Option<u16>,
    /// Twilio's code.
    pub code: StreamCode,
}

#[derive(Debug)]
enum Command {
    Send(String),
    Close,
    Abort,
}

/// An open media socket; its own task reads, so that arrival times are true.
#[derive(Debug)]
pub struct MediaSocket {
    commands: mpsc::Sender<Command>,
    arrived: mpsc::Receiver<Arrived>,
}

impl MediaSocket {
    /// Opens the socket for the `wss` URL of a `<Stream>`, which must have no query.
    pub async fn connect(settings: &CarrierSettings, url: &str) -> Result<Self, StreamFault> {
        let fault = |code, detail: String| StreamFault { code, detail };
        if !url.starts_with("wss://") {
            return Err(fault(StreamCode::NotWss, "the stream's URL isn't wss".to_owned()));
        }
        let malformed = |error: &dyn std::fmt::Display| fault(StreamCode::MalformedUrl, error.to_string());
        let mut request = settings
            .dialled(url)
            .into_client_request()
            .map_err(|error| malformed(&error))?;
        let signature = sign(settings.auth_token.expose(), Algorithm::HmacSha1, url, &[]);
        for (name, value) in [
            (SIGNATURE_HEADER, signature.as_str()),
            ("Host", authority(url)),
            ("User-Agent", "Twilio.TmeWs/1.0"),
        ] {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| malformed(&error))?;
            let value = HeaderValue::from_str(value).map_err(|error| malformed(&error))?;
            request.headers_mut().insert(name, value);
        }
        let socket = match timeout(CONNECT, connect_async_with_config(request, None, true)).await {
            Err(_) => return Err(fault(StreamCode::ConnectTimeout, "no handshake in time".to_owned())),
            Ok(Err(error)) => return Err(fault(code_of(&error), error.to_string())),
            Ok(Ok((socket, _))) => socket,
        };
        let (command_sender, commands) = mpsc::channel(QUEUE);
        let (arrived_sender, arrived) = mpsc::channel(QUEUE);
        tokio::spawn(serve(socket, commands, arrived_sender));
        Ok(Self {
            commands: command_sender,
            arrived,
        })
    }

    /// Sends a text message; false when the server hasn't read for ten seconds.
    pub fn send(&self, text: String) -> bool {
        self.commands.try_send(Command::Send(text)).is_ok()
    }

    /// What comes next; the socket's end is the last.
    pub async fn next(&mut self) -> Arrived {
        self.arrived.recv().await.unwrap_or(Arrived::Over(Closure {
            close_code: None,
            code: StreamCode::BrokenPipe,
        }))
    }

    /// Closes with 1000 and waits for the server's answer; its close code, where there was one.
    pub async fn close(mut self) -> Option<u16> {
        // The queue is large, and a server that lets it fill up gets no farewell.
        drop(self.commands.try_send(Command::Close));
        timeout(CLOSE, async {
            loop {
                if let Arrived::Over(closure) = self.next().await {
                    return closure.close_code;
                }
            }
        })
        .await
        .unwrap_or_default()
    }

    /// Breaks the connection by a reset, without a closing frame.
    pub async fn abort(mut self) {
        drop(self.commands.try_send(Command::Abort));
        drop(timeout(CLOSE, async { while !matches!(self.next().await, Arrived::Over(_)) {} }).await);
    }
}

async fn serve(mut socket: Socket, mut commands: mpsc::Receiver<Command>, arrived: mpsc::Sender<Arrived>) {
    let closure = loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Send(text)) => match timeout(SEND, socket.send(Message::text(text))).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => break closure_of(&error),
                    Err(_) => break Closure { close_code: None, code: StreamCode::BrokenPipe },
                },
                Some(Command::Close) => {
                    let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                    drop(socket.close(Some(frame)).await);
                    // Reading goes on: the server's answer ends the socket.
                }
                Some(Command::Abort) => {
                    if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
                        drop(stream.set_zero_linger());
                    }
                    return;
                }
                None => return,
            },
            message = socket.next() => {
                let now = Instant::now();
                let event = match message {
                    Some(Ok(Message::Text(text))) => Arrived::Text(now, text),
                    Some(Ok(Message::Binary(_))) => Arrived::Binary(now),
                    Some(Ok(Message::Close(frame))) => break Closure {
                        close_code: frame.map(|frame| frame.code.into()),
                        code: StreamCode::ClosedByServer,
                    },
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => break closure_of(&error),
                    None => break Closure { close_code: None, code: StreamCode::ClosedByServer },
                };
                if arrived.send(event).await.is_err() {
                    return;
                }
            }
        }
    };
    // The answer to the server's closing frame is on its way before the session hears of it.
    drop(timeout(CLOSE, socket.flush()).await);
    drop(arrived.send(Arrived::Over(closure)).await);
}

fn closure_of(error: &Error) -> Closure {
    Closure {
        close_code: None,
        code: code_of(error),
    }
}

fn code_of(error: &Error) -> StreamCode {
    match error {
        Error::Http(_) => StreamCode::Handshake,
        Error::Url(_) => StreamCode::MalformedUrl,
        Error::Tls(_) => StreamCode::Tls,
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => StreamCode::ConnectRefused,
        Error::ConnectionClosed | Error::AlreadyClosed => StreamCode::ClosedByServer,
        Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
            | tokio_tungstenite::tungstenite::error::ProtocolError::HandshakeIncomplete,
        )
        | Error::Io(_) => StreamCode::BrokenPipe,
        _ => StreamCode::Protocol,
    }
}
