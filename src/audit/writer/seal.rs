//! When a checkpoint is due.
//!
//! Rule: one follows what was written since the last one, at most one a second, one after each rotation, and one at the end.

use std::sync::Arc;

use crate::audit::auditor::Queued;
use crate::audit::checkpoint::Purpose;
use crate::audit::record::Entry;

use super::Writer;

impl Writer {
    /// Puts a checkpoint behind everything that waits, if there is a key and anything new to sign.
    pub(super) fn seal(&mut self, purpose: Purpose) {
        let Some(signer) = self.shared.signer.load_full() else { return };
        if self.waiting.is_empty() && self.batch.is_none() && self.head.seq == self.sealed {
            return;
        }
        let entry = Entry::Checkpoint(self.clock.now().wall, Arc::clone(&signer), purpose);
        self.waiting.push_back(Queued { entry, place: None });
        // While a batch is kept the number is a little too low, and one checkpoint more is written: no harm.
        let waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        self.sealed = self.head.seq.saturating_add(waiting);
    }
}
