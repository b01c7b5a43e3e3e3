//! Twilio's end of a media socket.

use super::{ACCOUNT, ORIGIN, PATIENCE, TOKEN};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt, StreamExt};
use std::net::SocketAddr;
use talia_twilio::signature::{Algorithm, sign};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// The stream of all tests.
pub(crate) const STREAM_SID: &str = "MZ00000000000000000000000000000001";
/// Twilio's first message.
pub(crate) const CONNECTED: &str = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;

/// Twilio's second message.
pub(crate) fn start(call_sid: &str) -> String {
    with_format(call_sid, "audio/x-mulaw", 8000, 1)
}

/// The same in another format.
pub(crate) fn with_format(call_sid: &str, encoding: &str, rate: u32, channels: u32) -> String {
    format!(
        r#"{{"event":"start","sequenceNumber":"1","streamSid":"{STREAM_SID}","start":{{"streamSid":"{STREAM_SID}",
        "accountSid":"{ACCOUNT}","callSid":"{call_sid}","tracks":["inbound"],"customParameters":{{"a":"b"}},
        "mediaFormat":{{"encoding":"{encoding}","sampleRate":{rate},"channels":{channels}}}}}}}"#
    )
}

/// 20 ms of silence as the `chunk`-th piece of audio.
pub(crate) fn media(chunk: u64) -> String {
    let payload = STANDARD.encode([0xFF; 160]);
    let (sequence, timestamp) = (chunk + 1, (chunk - 1) * 20);
    format!(
        r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"{STREAM_SID}","media":{{"track":"inbound",
        "chunk":"{chunk}","timestamp":"{timestamp}","payload":"{payload}"}}}}"#
    )
}

/// One socket.
pub(crate) struct Stream(WebSocketStream<TcpStream>);

impl Stream {
    /// Opens it with a good signature.
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Result<Self, u16> {
        let signature = sign(TOKEN, Algorithm::HmacSha1, &format!("wss{}{path}", &ORIGIN[5..]), &[]);
        Self::open_with(address, path, &[("x-twilio-signature", &signature)]).await
    }

    /// Opens it with these headers; the error is the HTTP status of the refusal.
    pub(crate) async fn open_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{address}{path}")
            .into_client_request()
            .expect("a request");
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        let tcp = TcpStream::connect(address).await.expect("a connection");
        match tokio::time::timeout(PATIENCE, client_async(request, tcp))
            .await
            .expect("in time")
        {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Sends a text; that the server has closed meanwhile shows when the answer is read.
    pub(crate) async fn send(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        let _ = self.0.send(message).await;
    }

    /// Twilio's `stop`.
    pub(crate) async fn stop(&mut self, sequence: u64, call_sid: &str) {
        let text = format!(
            r#"{{"event":"stop","sequenceNumber":"{sequence}","streamSid":"{STREAM_SID}","stop":{{"accountSid":"{ACCOUNT}","callSid":"{call_sid}"}}}}"#
        );
        self.send(&text).await;
    }

    /// Reads until the server says something.
    pub(crate) async fn first_media(&mut self) {
        let reading = async {
            while let Some(Ok(message)) = self.0.next().await {
                if message.to_text().is_ok_and(|text| text.contains(r#""event":"media""#)) {
                    return;
                }
            }
            panic!("closed without a word");
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("a word in time");
    }

    /// Reads until the server closes and returns its code; none when it closed without one.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        let reading = async {
            while let Some(message) = self.0.next().await {
                match message {
                    Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
            None
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("closed in time")
    }
}
