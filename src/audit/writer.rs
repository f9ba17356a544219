//! The writer's thread: takes what is queued, chains it, hands it to the sink in batches, has it synced each second.
//!
//! Rules:
//! 1. A batch is rendered once and handed over until the sink has all of it; only then the chain moves on and its places are
//!    given back.
//! 2. After a failure nothing is healthy until a write and a sync have succeeded; attempts are 0.1 s to 1 s apart. Those syncs,
//!    and the last one, are waited for; all others run beside the writing (`syncer`).
//! 3. Under `on_failure = continue` a failing writer folds the oldest of what waits, so that the newest finds room.
//! 4. What was folded is written each second, and at the end. With a key, a checkpoint follows, if anything was written.
//! 5. At the end: everything queued, then `stop`, the last checkpoint, and a sync; five seconds of failures end it, loudly.
//!
//! A thread of its own, for writing to a disk can block, and no delivery may wait in the runtime for that.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use crate::domain::time::{Clock, Monotonic};

use super::auditor::{Message, Queued, Shared};
use super::chain::{Head, resume};
use super::checkpoint::Purpose;
use super::error::AuditError;
use super::record::Entry;
use super::sink::Sink;
use super::sink::head::HeadFile;
use super::spec::AuditSpec;

mod batch;
mod gather;
mod seal;
mod syncer;
mod syncing;

use batch::{BATCH_ENTRIES, Batch, render};
use gather::Stop;
use syncer::Syncer;

const SYNC_EVERY: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// 0.1 + 0.2 + 0.4 + 0.8 + 1 + 1 + 1 seconds, about.
const FINAL_ATTEMPTS: u32 = 8;

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) messages: Receiver<Message>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
    pub(super) sink: Sink,
    pub(super) head_file: Arc<HeadFile>,
    pub(super) syncer: Syncer,
    pub(super) head: Head,
    pub(super) waiting: VecDeque<Queued>,
    pub(super) batch: Option<Batch>,
    /// The head that is on disk, or will be when the sync under way has ended.
    pub(super) synced: Head,
    pub(super) next_sync: Monotonic,
    /// Failures in a row.
    pub(super) failures: u32,
    /// The number of the last checkpoint.
    pub(super) sealed: u64,
}

impl Writer {
    /// Opens everything and writes the `start` record, or keeps it for later.
    pub(super) fn open(
        spec: &AuditSpec,
        state_dir: &Path,
        clock: Clock,
        shared: Arc<Shared>,
        messages: Receiver<Message>,
    ) -> Result<Self, AuditError> {
        let (head_file, remembered) = HeadFile::open(state_dir)?;
        let (sink, tail) = Sink::open(spec)?;
        let resumed = resume(remembered, tail);
        if resumed.tail_cut {
            tracing::error!(seq = resumed.head.seq, "the audit log ends before its remembered head: records were removed");
        }
        let now = clock.now();
        let start = Queued { entry: Entry::Start(now.wall, resumed.recovery), place: None };
        let mut writer = Self {
            messages,
            shared,
            clock,
            sink,
            head_file: Arc::new(head_file),
            syncer: Syncer::spawn()?,
            head: resumed.head,
            waiting: VecDeque::from([start]),
            batch: None,
            synced: resumed.head,
            next_sync: now.monotonic,
            failures: 0,
            sealed: 0,
        };
        writer.complete();
        Ok(writer)
    }

    pub(super) fn spawn(self) -> Result<(), AuditError> {
        let thread = thread::Builder::new().name("audit".to_owned());
        thread.spawn(move || self.run()).map(drop).map_err(AuditError::Thread)
    }

    fn run(mut self) {
        loop {
            if let Some(stop) = self.gather() {
                return self.finish(stop);
            }
            self.shed();
            let due = self.clock.now().monotonic >= self.next_sync;
            // While writing fails, what is folded stays where it costs nothing.
            if due && self.failures == 0 {
                self.unfold();
                self.seal(Purpose::Interval);
            }
            self.work(due);
            if self.sink.take_rotated() {
                self.seal(Purpose::Rotation);
            }
        }
    }

    /// Moves what was folded among what waits.
    fn unfold(&mut self) {
        let now = self.clock.now();
        let folded = self.shared.fold.lock().drain(now.monotonic);
        let entries = folded.into_iter().map(|folded| Queued { entry: Entry::Folded(now.wall, folded), place: None });
        self.waiting.extend(entries);
    }

    /// Writes what waits, and has it synced where that is due. Answers whether all went well.
    fn work(&mut self, due: bool) -> bool {
        let done = self.write_waiting().and_then(|()| match (self.failures, due) {
            (0, true) => self.begin_sync(),
            (0, false) => self.heed_sync(),
            _ => self.sync(),
        });
        self.take_stock(&done)
    }

    /// Writes what waits, and waits until it is on disk. Answers whether all went well.
    pub(super) fn complete(&mut self) -> bool {
        let done = self.write_waiting().and_then(|()| self.sync());
        self.take_stock(&done)
    }

    fn take_stock(&mut self, done: &io::Result<()>) -> bool {
        match done {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(error),
        }
        done.is_ok()
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        while let Some(batch) = self.next_batch() {
            let written = self.sink.write(&batch.bytes);
            if written.is_err() {
                self.batch = Some(batch);
                return written;
            }
            self.head = batch.head;
            self.shared.tap.offer(&batch.bytes);
            if !self.sink.remembers() {
                self.remember(false);
            }
        }
        Ok(())
    }

    fn next_batch(&mut self) -> Option<Batch> {
        if let Some(kept) = self.batch.take() {
            return Some(kept);
        }
        let count = self.waiting.len().min(BATCH_ENTRIES);
        (count > 0).then(|| render(self.head, self.waiting.drain(..count), &self.shared.recent))
    }

    fn succeeded(&mut self) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "the audit log is written again");
        }
        self.failures = 0;
        self.shared.healthy.store(true, Ordering::Release);
    }

    fn failed(&mut self, error: &io::Error) {
        self.shared.healthy.store(false, Ordering::Release);
        self.shared.count_error();
        if self.failures == 0 {
            tracing::error!(%error, "the audit log cannot be written");
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn retry_delay(&self) -> Duration {
        FIRST_RETRY.saturating_mul(2_u32.saturating_pow(self.failures.saturating_sub(1))).min(LAST_RETRY)
    }

    fn finish(mut self, stop: Stop) {
        while self.messages_left() {}
        self.unfold();
        self.waiting.push_back(Queued { entry: Entry::Stop(self.clock.now().wall), place: None });
        self.seal(Purpose::Stop);
        let written = (0..FINAL_ATTEMPTS).any(|attempt| {
            if attempt > 0 {
                thread::sleep(self.retry_delay());
            }
            self.complete()
        });
        if !written {
            tracing::error!(entries = self.waiting.len(), "the audit log ended with entries unwritten");
        }
        if let Stop::Asked(answer) = stop {
            // The locks must be free when the caller goes on.
            drop(self);
            let _ = answer.send(written);
        }
    }
}

#[cfg(test)]
mod tests;
