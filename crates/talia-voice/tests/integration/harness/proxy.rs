//! A proxy that changes the head of each request on its way, as a badly configured one does.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A proxy that waits for its server.
pub(crate) struct Proxy {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

/// The running proxy.
pub(crate) struct Proxying(JoinHandle<()>);

impl Drop for Proxying {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Proxy {
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        Self { listener, address }
    }

    /// Begins to pass requests on to `server`.
    pub(crate) fn start(self, server: SocketAddr, change: fn(&str) -> String) -> Proxying {
        Proxying(tokio::spawn(async move {
            while let Ok((client, _)) = self.listener.accept().await {
                tokio::spawn(pass(client, server, change));
            }
        }))
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, change: fn(&str) -> String) {
    let mut request = Vec::new();
    let end = loop {
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let mut buffer = [0; 4096];
        match client.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    };
    let head = change(&String::from_utf8_lossy(&request[..end]));
    // One request a connection, so that every head is changed; a socket needs its own `Connection`.
    let head = if head.to_lowercase().contains("\r\nupgrade:") {
        head
    } else {
        head + "\r\nConnection: close"
    };
    let mut server = TcpStream::connect(server).await.expect("the server stands");
    server.write_all(head.as_bytes()).await.expect("a write");
    server.write_all(&request[end..]).await.expect("a write");
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}
