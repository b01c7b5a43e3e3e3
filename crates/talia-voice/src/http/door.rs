//! The listening socket: one that systemd keeps open for us, or our own.

use listenfd::ListenFd;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Takes over the first socket that a socket unit passes, whatever `bind` says; without one, listens at `bind`.
///
/// A passed socket (`LISTEN_FDS`, see `sd_listen_fds(3)`) stays open when this process ends: who comes meanwhile waits for
/// the next one.
///
/// # Errors
/// The passed descriptor is no TCP socket, or `bind` is taken or may not be used.
pub async fn door(bind: SocketAddr) -> io::Result<TcpListener> {
    match ListenFd::from_env().take_tcp_listener(0)? {
        Some(kept) => {
            kept.set_nonblocking(true)?;
            TcpListener::from_std(kept)
        }
        None => TcpListener::bind(bind).await,
    }
}
