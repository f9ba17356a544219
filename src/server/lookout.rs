//! Looks through what was forwarded for secrets of ours, on a thread of its own.
//!
//! It comes by itself ten times a second: whoever forwards a delivery wakes nobody.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::pipeline::site::Shared;
use crate::server::build::BuildError;

const ROUND: Duration = Duration::from_millis(100);

/// The running thread.
pub(crate) struct LookoutThread {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl LookoutThread {
    pub(crate) fn start(shared: &Arc<Shared>) -> Result<Self, BuildError> {
        let (stop, stopped) = mpsc::channel();
        let shared = Arc::clone(shared);
        let thread = thread::Builder::new().name("lookout".to_owned()).spawn(move || {
            while stopped.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
                shared.lookout.look();
            }
            // What was forwarded last is looked through, too, before the audit log is closed.
            shared.lookout.look();
        });
        let thread = thread.map_err(|source| BuildError::System { what: "starting the lookout", source })?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread after a last round.
    pub(crate) fn stop(self) {
        let _already_gone = self.stop.send(());
        let _panicked = self.thread.join();
    }
}
