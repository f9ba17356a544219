//! What changes among the files of a configuration: its texts, secrets and certificates.
//!
//! 1. Directories are watched, not files: a file that is replaced by a rename (editors) or by another target of a link
//!    (Kubernetes' `..data`) is another file under the same name, and a watch on the old one would hear nothing.
//! 2. An event is only a hint to look: what counts is whether the files differ from what was seen last. Hints are gathered
//!    until it has been quiet for a moment, and while somebody has one of the files open for writing.
//! 3. Where the system gives no hints, or loses some, looking every few seconds finds the change too.
//!
//! Must not know: what the files mean.

pub(crate) mod hints;
pub(crate) mod print;
pub(crate) mod targets;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use self::hints::Hints;
use self::print::Snapshot;
use self::targets::Targets;

/// How long it must be quiet before anybody looks.
const QUIET: Duration = Duration::from_millis(250);
/// How long it may be noisy: whoever writes all the time is looked at nevertheless.
const NOISE_MAX: Duration = Duration::from_secs(2);
/// How long a file may be open for writing: a writer that hangs is looked past.
const WRITING_MAX: Duration = Duration::from_secs(10);
/// How often to look without a hint.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often to look where there are no hints.
const LOOK_EVERY_UNHINTED: Duration = Duration::from_secs(2);

/// Watches the files of a configuration.
pub(crate) struct Watch {
    hints: Arc<Hints>,
    targets: Arc<Targets>,
    seen: Snapshot,
}

impl Watch {
    /// Begins to watch; what is there now counts as seen.
    pub(crate) fn begin(targets: Targets) -> Self {
        let seen = Snapshot::take(&targets);
        let watch = Self { hints: Hints::listen(), targets: Arc::new(targets), seen };
        watch.hints.follow(&watch.targets);
        watch
    }

    /// Watches other files from now on; `seen` is what was read of them.
    pub(crate) fn follow(&mut self, targets: Targets, seen: Snapshot) {
        self.targets = Arc::new(targets);
        self.seen = seen;
        self.hints.follow(&self.targets);
        // A change between reading and now, or a hint that nobody waited for any more.
        self.hints.wake();
    }

    /// Ready when a file differs from what was seen. Nothing is lost if this is dropped and called again.
    pub(crate) async fn changed(&self) {
        loop {
            let every = if self.hints.are_heard() { LOOK_EVERY } else { LOOK_EVERY_UNHINTED };
            if timeout(every, self.hints.heard()).await.is_ok() {
                self.settled().await;
            }
            let targets = Arc::clone(&self.targets);
            let hints = Arc::clone(&self.hints);
            let now = tokio::task::spawn_blocking(move || {
                // Directories that were exchanged are other directories: their watches begin anew.
                hints.follow(&targets);
                Snapshot::take(&targets)
            });
            if now.await.is_ok_and(|now| now != self.seen) {
                return;
            }
        }
    }

    /// Waits until it is quiet and nobody writes, but not for ever.
    async fn settled(&self) {
        let quiet = async { while timeout(QUIET, self.hints.heard()).await.is_ok() {} };
        let _still_noisy = timeout(NOISE_MAX, quiet).await;
        let written = async {
            while self.hints.is_writing() {
                sleep(QUIET).await;
            }
        };
        let _still_writing = timeout(WRITING_MAX, written).await;
    }
}
