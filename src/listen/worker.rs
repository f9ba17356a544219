//! One worker: a thread, its runtime, its handler, its connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::Accepted;
use super::connection::Terms;
use super::counters::ListenCounters;
use super::serve::Handler;
use super::spec::ConnectionLimits;
use super::tls::Handshakes;

/// What a worker is given.
pub(super) struct Worker {
    pub(super) arrivals: mpsc::Receiver<Accepted>,
    pub(super) limits: ConnectionLimits,
    pub(super) handshakes: Arc<Handshakes>,
    pub(super) counters: Arc<ListenCounters>,
    /// Set once: how long draining may take.
    pub(super) drain: watch::Receiver<Option<Duration>>,
}

impl Worker {
    /// Serves until told to drain and done with it. Answers how many connections had to be cut.
    pub(super) async fn run<H: Handler>(mut self, handler: H) -> usize {
        let draining = CancellationToken::new();
        let (handshakes, counters) = (Arc::clone(&self.handshakes), Arc::clone(&self.counters));
        let terms = Arc::new(Terms::new(handler, &self.limits, handshakes, counters, draining.clone()));
        let connections = TaskTracker::new();
        // The lane ends when nothing is accepted any more and what was has arrived.
        while let Some(accepted) = self.arrivals.recv().await {
            connections.spawn(Arc::clone(&terms).serve(accepted));
        }
        connections.close();
        let allowed = self.drain.wait_for(Option::is_some).await.ok().and_then(|allowed| *allowed).unwrap_or_default();
        draining.cancel();
        let finished = timeout(allowed, async {
            connections.wait().await;
            terms.handler.finish().await;
        });
        // What is left is cut when the runtime is dropped.
        let _late = finished.await;
        connections.len()
    }
}

/// A runtime on the thread that runs it.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
