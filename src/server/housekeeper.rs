//! What has to be tidied up, on a thread of its own: expired claims, idle budgets, switches that are not written down yet.
//!
//! Off the request path and off its threads, so that it may take as long as it takes.

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

const ROUND: Duration = Duration::from_secs(1);
