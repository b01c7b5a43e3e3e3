//! HTTP by hand, so that every byte is the test's.

use super::PATIENCE;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        Self {
            status,
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }
}

/// Sends these bytes and reads until the server closes; an answer of status 0 means that it said nothing.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        // A server that refuses early may close while we write.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Answer::parse(&String::from_utf8_lossy(&answer))
    };
    tokio::time::timeout(PATIENCE, exchange)
        .await
        .expect("an answer in time")
}

pub(super) async fn post(address: SocketAddr, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let lines = header_lines(headers);
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n{lines}\r\n{body}"
    );
    raw(address, request.as_bytes()).await
}

pub(super) async fn request(
    address: SocketAddr,
    (method, path): (&str, &str),
    body: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut lines = header_lines(headers);
    if !lines.contains("Content-Type") {
        lines += "Content-Type: application/json\r\n";
    }
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n{lines}\r\n{body}"
    );
    raw(address, request.as_bytes()).await
}

/// A POST of JSON.
pub(super) async fn post_json(address: SocketAddr, target: &str, body: &str, signature: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Type: application/json; charset=utf-8\r\nX-Twilio-Signature: {signature}\r\n\r\n{body}"
    );
    raw(address, request.as_bytes()).await
}

pub(super) async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let lines = header_lines(headers);
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{lines}\r\n");
    raw(address, request.as_bytes()).await
}

fn header_lines(headers: &[(&str, &str)]) -> String {
    headers.iter().fold(String::new(), |lines, (name, value)| {
        lines + name + ": " + value + "\r\n"
    })
}
