//! What has to be tidied up, on a thread of its own: expired claims, idle budgets, switches that are not written down yet.
//!
//! Off the request path and off its threads, so that it may take as long as it takes.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::gate::replay::store::ReplayStore as _;
use crate::pipeline::site::Site;
use crate::server::build::BuildError;

/// The running thread.
pub(crate) struct Housekeeper {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Housekeeper {
    pub(crate) fn start(site: &Arc<ArcSwap<Site>>) -> Result<Self, BuildError> {
        let (stop, stopped) = mpsc::channel();
        let site = Arc::clone(site);
        let thread = thread::Builder::new().name("housekeeper".to_owned()).spawn(move || {
            while stopped.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
                let site = site.load_full();
                let now = site.shared.clock.now();
                site.shared.store.maintain(now);
                site.sources.maintain(now);
                site.shared.switches.keep();
                let_go();
            }
        });
        let thread = thread.map_err(|source| BuildError::System { what: "starting the housekeeper", source })?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread after the round it is in.
    pub(crate) fn stop(self) {
        let _already_gone = self.stop.send(());
        let _panicked = self.thread.join();
    }
}

/// Has the allocator return to the system what was freed a second ago or longer. It looks whether there is any only when pages
/// are freed, so a process that has just become idle would keep all of it; a block of many pages that nobody writes to, taken
/// and freed, makes it look, for a few microseconds a second.
fn let_go() {
    drop(black_box(Vec::<u8>::with_capacity(MANY_PAGES_BYTES)));
}

/// More than the allocator keeps for another use of the same size.
const MANY_PAGES_BYTES: usize = 1 << 20;

const ROUND: Duration = Duration::from_secs(1);
