//! The threads: one that accepts, and one a core that serves. A single worker accepts for itself.
//!
//! A connection stays on the worker that it was handed to, with that worker's handler and whatever that holds (a pool of
//! upstream connections lives there without locks).
//!
//! One thread accepts for all, and the worker with the fewest connections gets the next. The other way, a listener a worker
//! on one port (`SO_REUSEPORT`), was measured beside it (`cargo bench --bench accept`, two workers, loopback, 2026-11-22):
//!
//! | | one acceptor | a listener each |
//! | --- | --- | --- |
//! | the server's CPU for a new connection | 11 to 15 µs | 9 to 11 µs |
//! | the fuller worker of 4 long-lived connections, over the mean | 1.00 | 1.30 to 1.43, at worst 2.00 |
//! | of 16 | 1.00 | 1.20, at worst 1.50 |
//! | of 64 | 1.00 | 1.10, at worst 1.34 |
//!
//! The kernel looks at no load. Providers send over few connections that stay: of four, one time in eight all are on one of
//! two cores. Handing over costs 2 to 4 µs a connection; the TLS handshake behind it costs 130 to 220 µs (`make figures`).

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::{Acceptor, Lane};
use super::counters::ListenCounters;
use super::descriptors::leave_room;
use super::error::ListenError;
use super::listeners::Openings;
use super::serve::Handler;
use super::slots::Slots;
use super::spec::ConnectionLimits;
use super::tls::Handshakes;
use super::worker::{Worker, runtime};

/// Starts the threads.
#[derive(Debug)]
pub struct Workers;

/// The running threads.
#[derive(Debug)]
#[must_use]
pub struct Running {
    stop: CancellationToken,
    drain: watch::Sender<Option<Duration>>,
    threads: Vec<JoinHandle<()>>,
    cut: Vec<oneshot::Receiver<usize>>,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still open at the deadline, and were cut.
    pub cut_connections: usize,
}

impl Workers {
    /// Serves the listeners with `count` workers, each with a handler of its own. A count of zero is one.
    pub fn start<H, F>(
        count: usize,
        openings: Openings,
        limits: &ConnectionLimits,
        make_handler: F,
        counters: &Arc<ListenCounters>,
    ) -> Result<Running, ListenError>
    where
        H: Handler,
        F: Fn(usize) -> H + Send + Sync + 'static,
    {
        let limits = &leave_room(limits);
        let make_handler = Arc::new(make_handler);
        let handshakes = Handshakes::new(limits, Arc::clone(counters));
        let (drain, drained) = watch::channel(None);
        let stop = openings.stop.clone();
        let worker = |arrivals| Worker {
            arrivals,
            limits: limits.clone(),
            handshakes: Arc::clone(&handshakes),
            counters: Arc::clone(counters),
            drain: drained.clone(),
        };
        let (lanes, ends): (Vec<Lane>, Vec<_>) = (0..count.max(1)).map(|_| Lane::new()).unzip();
        let is_single = lanes.len() == 1;
        let slots = Slots::new(limits, Arc::clone(counters));
        let acceptor = Acceptor { lanes, is_workers_own: is_single, slots, counters: Arc::clone(counters), stop: stop.clone() };
        let mut accepting = Some(accept_from(Arc::new(acceptor), openings));
        let (mut threads, mut cut) = (Vec::new(), Vec::new());
        for (index, arrivals) in ends.into_iter().enumerate() {
            // From a thread of its own a single worker would be woken for each connection, to no avail.
            let accepting = accepting.take_if(|_| is_single);
            let (thread, ended) =
                start_worker(index, worker(arrivals), Arc::clone(&make_handler), accepting).map_err(failed("worker"))?;
            threads.push(thread);
            cut.push(ended);
        }
        if let Some(accepting) = accepting {
            threads.push(start_acceptor(accepting).map_err(failed("accept"))?);
        }
        Ok(Running { stop, drain, threads, cut })
    }
}

impl Running {
    /// Closes the listeners. What is connected goes on; what the kernel had queued is still served.
    pub fn stop_accepting(&self) {
        self.stop.cancel();
    }

    /// Closes the listeners and the idle connections, lets requests under way end, and cuts what is left at the deadline.
    pub async fn drain(self, deadline: Duration) -> Drained {
        self.stop.cancel();
        self.drain.send_replace(Some(deadline));
        let mut cut_connections: usize = 0;
        for ended in self.cut {
            // A worker that cannot say so has ended by a panic, and its connections with it.
            cut_connections = cut_connections.saturating_add(ended.await.unwrap_or_default());
        }
        for thread in self.threads {
            let _panicked = thread.join();
        }
        Drained { cut_connections }
    }
}

fn failed(thread: &'static str) -> impl Fn(io::Error) -> ListenError {
    move |source| ListenError::Thread { thread, source }
}

type StartedWorker = (JoinHandle<()>, oneshot::Receiver<usize>);

fn start_worker<H, F, A>(index: usize, worker: Worker, make_handler: Arc<F>, accepting: Option<A>) -> io::Result<StartedWorker>
where
    H: Handler,
    F: Fn(usize) -> H + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let runtime = runtime()?;
    let (report, ended) = oneshot::channel();
    let thread = thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        let cut = runtime.block_on(async {
            let accepting = async {
                if let Some(accepting) = accepting {
                    accepting.await;
                }
            };
            tokio::join!(accepting, worker.run(make_handler(index))).1
        });
        // First the connections, then the word that they are gone. A name look-up that hangs must not hold the end up.
        runtime.shutdown_background();
        let _nobody_asks = report.send(cut);
    })?;
    Ok((thread, ended))
}

fn start_acceptor(accepting: impl Future<Output = ()> + Send + 'static) -> io::Result<JoinHandle<()>> {
    let runtime = runtime()?;
    thread::Builder::new().name("accept".to_owned()).spawn(move || runtime.block_on(accepting))
}

/// Accepts from whatever is opened, until told to stop or until nobody can open another one any more.
async fn accept_from(acceptor: Arc<Acceptor>, mut openings: Openings) {
    let tasks = TaskTracker::new();
    while let Some(Some(opening)) = acceptor.stop.run_until_cancelled(openings.arriving.recv()).await {
        tasks.spawn(Arc::clone(&acceptor).run(opening));
    }
    drop(acceptor);
    tasks.close();
    tasks.wait().await;
}
