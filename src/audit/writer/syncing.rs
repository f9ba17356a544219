//! When the log is synced, and by whom.
//!
//! Rules:
//! 1. Each second by the syncer, beside the writing; while its last sync runs no other begins.
//! 2. After a failure, and at the end, by the writer itself, behind whatever is under way.
//! 3. A failed sync is a failure of the log, a head that cannot be remembered is only counted and told.

use std::io;

use super::syncer::Outcome;
use super::{SYNC_EVERY, Writer};

impl Writer {
    /// Waits until everything that was written is on disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let before = self.syncer.wait();
        self.heed(before)?;
        self.next_sync = self.clock.now().monotonic.plus(SYNC_EVERY);
        if self.synced != self.head || self.failures > 0 {
            self.sink.sync()?;
            self.synced = self.head;
            self.remember(true);
        }
        Ok(())
    }

    /// Has what was written synced beside the writing; if the disk is still at the last one, a second later.
    pub(super) fn begin_sync(&mut self) -> io::Result<()> {
        self.heed_sync()?;
        self.next_sync = self.clock.now().monotonic.plus(SYNC_EVERY);
        if self.synced == self.head || self.syncer.is_busy() {
            return Ok(());
        }
        let Some(file) = self.sink.handle()? else { return self.sync() };
        if !self.syncer.begin(file, &self.head_file, self.head) {
            return self.sync();
        }
        self.synced = self.head;
        Ok(())
    }

    /// What became of the sync under way, if it has ended.
    pub(super) fn heed_sync(&mut self) -> io::Result<()> {
        let outcome = self.syncer.outcome();
        self.heed(outcome)
    }

    fn heed(&self, outcome: Option<Outcome>) -> io::Result<()> {
        let Some(Outcome { synced, remembered }) = outcome else { return Ok(()) };
        self.note_remembered(remembered);
        synced
    }

    /// Remembers the head, as far as it is written.
    pub(super) fn remember(&self, durable: bool) {
        self.note_remembered(self.head_file.save(self.head, durable));
    }

    /// The head only proves the tail; a record that is written stands without it.
    fn note_remembered(&self, remembered: io::Result<()>) {
        if let Err(error) = remembered {
            self.shared.count_error();
            tracing::error!(%error, "the head of the audit chain cannot be remembered");
        }
    }
}
