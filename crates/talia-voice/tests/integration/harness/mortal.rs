//! A server that dies as a process dies: at once, with everything that it was doing.

use super::TestServer;
use talia_voice::app::App;
use talia_voice::clock::Clock;
use talia_voice::config::Config;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// The runtime that a server lives on. Whoever drops it by [`Mortal::kill`] ends every task where it stands: nothing is
/// drained, written down or said goodbye to.
pub(crate) struct Mortal(Option<Runtime>);

impl Mortal {
    /// Starts a server behind this door. Whoever keeps another handle of it keeps it open when the server dies, as a proxy or
    /// a socket unit does: who comes meanwhile waits for the next server.
    pub(crate) async fn start(
        door: std::net::TcpListener,
        (directory, config): (TempDir, Config),
        edit: impl FnOnce(&mut App) + Send + 'static,
    ) -> (TestServer, Self) {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let handle = runtime.handle().clone();
        let starting = runtime.spawn_blocking(move || {
            handle.block_on(async {
                let listener = TcpListener::from_std(door).expect("a listener");
                TestServer::serving_on(listener, (directory, config), Clock::real(), edit).await
            })
        });
        (starting.await.expect("a server"), Self(Some(runtime)))
    }

    /// Ends it.
    pub(crate) fn kill(mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
