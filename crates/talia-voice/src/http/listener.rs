//! Accepts connections, with a limit to their number and to the time of everything; stops gracefully.

use super::{Tls, router};
use crate::app::App;
use crate::control;
use crate::line::outbound::doubt;
use crate::line::{CloseCause, abandoned};
use crate::telemetry::labels::Refusal;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A connection's buffer: headers of one request must fit.
const BUFFER: usize = 16 * 1024;
/// After a failed accept (no descriptors left), so that the loop doesn't spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long connections get to finish their answers, and ended calls to come home.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long the collector of traces may take for what is left when everything else is over.
const LAST_SPANS: Duration = Duration::from_secs(2);
/// The same for the places that are told of events.
const LAST_EVENTS: Duration = Duration::from_secs(2);
/// The same for the bucket of recordings.
const LAST_UPLOADS: Duration = Duration::from_secs(2);
/// How long Twilio gets to ask what comes after the last streams: without an answer the caller would hear an error.
const LAST_QUESTIONS: Duration = Duration::from_secs(2);

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// How a server came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Calls that had not ended when their time was up, and were cut off.
    pub cut_off: usize,
}

/// Serves until `shutdown`. Then no new calls; live calls get their time to end while reports of Twilio are still
/// taken; then what remains is cut off, and the store is closed.
pub async fn serve(app: Arc<App>, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Served {
    serve_with(app, listener, None, shutdown).await
}

/// The same for connections that speak TLS; its certificate is kept fresh meanwhile.
pub async fn serve_tls(
    app: Arc<App>,
    listener: TcpListener,
    tls: Arc<Tls>,
    shutdown: impl Future<Output = ()>,
) -> Served {
    let keeping = tls.clone();
    let keeping = tokio::spawn(async move { keeping.keep().await });
    let served = serve_with(app, listener, Some(tls), shutdown).await;
    keeping.abort();
    served
}

async fn serve_with(
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    shutdown: impl Future<Output = ()>,
) -> Served {
    let server = Server {
        tls,
        routes: router(app.clone()),
        connections: Arc::new(Semaphore::new(app.config.limits.max_connections)),
        addresses: Arc::default(),
        closing: CancellationToken::new(),
        tasks: TaskTracker::new(),
        app: app.clone(),
    };
    app.models.probe_until(&app.draining);
    if let Some(service) = &app.realtime {
        service.probe_until(&app.draining);
    }
    let sweeping = tokio::spawn(abandoned::keep_sweeping(app.clone()));
    let commanding = tokio::spawn(control::listen(app.clone()));
    let resolving = tokio::spawn(doubt::keep_resolving(app.clone()));
    tokio::select! {
        () = server.accept(&listener) => {}
        () = shutdown => {}
    }
    tracing::info!(calls.live = app.live.count(), "stopping");
    app.draining.cancel();
    app.calls.close();
    tokio::select! {
        () = server.accept(&listener) => {}
        _ = timeout(app.config.limits.drain, app.calls.wait()) => {}
    }
    let cut_off = app.live.count();
    app.live.end_all(CloseCause::Draining);
    if app.metrics.call_started.get() > 0 {
        let _ = timeout(LAST_QUESTIONS, server.accept(&listener)).await;
    }
    drop(listener);
    server.closing.cancel();
    server.tasks.close();
    // Whatever doesn't end in time is dropped with the runtime.
    let _ = timeout(LAST_WORDS, async {
        tokio::join!(server.tasks.wait(), app.calls.wait())
    })
    .await;
    sweeping.abort();
    resolving.abort();
    commanding.abort();
    // How far events were delivered is still written down.
    let relayed = async {
        tokio::join!(app.relays.close(LAST_EVENTS), app.uploads.close(LAST_UPLOADS));
        app.store.close().await;
    };
    tokio::join!(relayed, app.traces.close(LAST_SPANS));
    Served { cut_off }
}

struct Server {
    app: Arc<App>,
    tls: Option<Arc<Tls>>,
    routes: Router,
    connections: Arc<Semaphore>,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Never ends; can be dropped and begun again.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = self.place(peer.ip()) else {
            self.app.metrics.refused(Refusal::TooManyConnections);
            return;
        };
        // Frames of 20 ms must not wait for each other.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let talk = Talk {
            routes: self.routes.clone(),
            peer,
            header_timeout: self.app.config.limits.header_timeout,
            closing: self.closing.clone(),
        };
        let greeting = self.tls.clone().map(|tls| (tls, self.app.clone()));
        self.tasks.spawn(async move {
            // A connection that becomes a media socket leaves this task, and its place, to others.
            let _place = place;
            let Some((tls, app)) = greeting else {
                return talk.over(stream).await;
            };
            match timeout(talk.header_timeout, tls.accept(stream)).await {
                Ok(Ok(Some(stream))) => talk.over(stream).await,
                // It came to see whose domain this is, and has seen it.
                Ok(Ok(None)) => {}
                Ok(Err(_)) | Err(_) => app.metrics.refused(Refusal::TlsHandshake),
            }
        });
    }

    fn place(&self, address: IpAddr) -> Option<Place> {
        let permit = self.connections.clone().try_acquire_owned().ok()?;
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = addresses.entry(address).or_insert(0);
        if *count >= self.app.config.limits.max_connections_per_address {
            return None;
        }
        *count += 1;
        drop(addresses);
        self.app.metrics.connections.inc();
        Some(Place {
            _permit: permit,
            address,
            addresses: self.addresses.clone(),
            app: self.app.clone(),
        })
    }
}

/// What is needed to answer the requests of one connection.
struct Talk {
    routes: Router,
    peer: SocketAddr,
    header_timeout: Duration,
    closing: CancellationToken,
}

impl Talk {
    async fn over<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(self.routes.layer(Extension(Peer(self.peer))));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
            }
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ = timeout(LAST_WORDS, connection).await;
            }
        }
    }
}

/// One connection's place among all and among those of its address.
struct Place {
    _permit: OwnedSemaphorePermit,
    address: IpAddr,
    addresses: Arc<Mutex<HashMap<IpAddr, usize>>>,
    app: Arc<App>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
        drop(addresses);
        self.app.metrics.connections.dec();
    }
}
