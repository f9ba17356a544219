//! The writer's thread: takes what is queued, writes it in batches, makes each durable with one sync a segment.
//!
//! 1. A batch is what has queued up while the one before was synced: alone, a settlement costs one sync; a thousand at once
//!    cost one, too. Under load it waits for more; see [`super::pause`].
//! 2. Nobody is answered before the sync of the segment that holds its record has succeeded.
//! 3. A segment whose write or sync failed is never written to again: what is there may be half a record, and what a failed sync
//!    left behind is unknown. The next batch begins another.
//! 4. After a failure the store is unavailable until something was made durable again: a settlement, or a probe, 0.1 s to 2 s apart.
//! 5. A delivery that is allowed again voids the segments before. So those are closed, and what is settled from then on stands in
//!    another.
//!
//! A thread of its own, for writing to a disk can block, and no delivery may wait in the runtime for that.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::catalogue::Catalogue;
use super::cell::Cell;
use super::durable::{self, Waiting};
use super::folder::Folder;
use super::name::{Kind, Slot};
use super::pause::{PAUSE, Pause};
use super::segment::Segment;
use crate::domain::time::Now;
use crate::gate::replay::memory::JournalEntry;
use crate::gate::replay::reckoning::wall_ahead_micros;

/// What is asked of the writer.
#[derive(Debug)]
pub(super) enum Message {
    /// Make this durable.
    Write(Request),
    /// See which segments are gone, and whether the disk works again.
    Look,
}

/// A line to be made durable, and who waits for it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) line: Line,
    pub(super) now: Now,
    pub(super) waiting: Waiting,
}

/// What is written down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Line {
    /// A delivery was taken.
    Settled(JournalEntry),
    /// It was allowed again.
    Forgotten {
        /// The half of its identity that the index knows.
        half: [u8; 16],
        /// What it would have been over at.
        second: u32,
    },
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) messages: Receiver<Message>,
    pub(super) folder: Arc<Folder>,
    pub(super) catalogue: Arc<Catalogue>,
    /// Read by every claim.
    pub(super) available: Arc<AtomicBool>,
    /// At most one a slot.
    pub(super) open: Vec<Segment>,
    pub(super) pause: Pause,
    /// Failures in a row.
    pub(super) failures: u32,
}

impl Writer {
    /// Works until nobody can ask any more.
    pub(super) fn run(mut self) {
        loop {
            match self.wait() {
                Ok(message) => {
                    let batch = self.gather(message);
                    self.tidy();
                    self.work(batch);
                }
                Err(RecvTimeoutError::Timeout) => self.probe(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn wait(&self) -> Result<Message, RecvTimeoutError> {
        if self.failures == 0 {
            return self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        let doubled = 2_u32.saturating_pow(self.failures.saturating_sub(1));
        self.messages.recv_timeout(FIRST_RETRY.saturating_mul(doubled).min(LAST_RETRY))
    }

    /// Everything that is queued, up to a bound; an empty batch when there was only a look.
    fn gather(&mut self, first: Message) -> Vec<Request> {
        let mut batch: Vec<Request> =
            std::iter::once(first).chain(self.messages.try_iter()).take(BATCH).filter_map(written).collect();
        let came = batch.len();
        if self.pause.is_due(came) {
            thread::sleep(PAUSE);
            batch.extend(self.messages.try_iter().take(BATCH.saturating_sub(came)).filter_map(written));
            self.pause.brought(came, batch.len().saturating_sub(came));
        }
        batch
    }

    /// Closes what was unlinked, so that its room is free.
    fn tidy(&mut self) {
        self.open.retain(|segment| self.catalogue.has(&segment.name));
    }

    fn work(&mut self, batch: Vec<Request>) {
        if batch.is_empty() {
            if !self.available.load(Ordering::Acquire) {
                self.probe();
            }
            return;
        }
        match self.write(batch) {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    /// Writes each slot's lines, then syncs each: the first sync takes most of what the others would.
    fn write(&mut self, batch: Vec<Request>) -> io::Result<()> {
        let groups = by_slot(batch);
        let voids = groups.iter().any(|(slot, _)| slot.kind == Kind::Forgotten);
        let written: Vec<_> = groups.iter().map(|(slot, requests)| self.append(*slot, requests)).collect();
        let mut outcome = Ok(());
        for ((slot, requests), written) in groups.into_iter().zip(written) {
            match written.and_then(|()| self.sync(slot)) {
                Ok(()) => durable::tell(requests.into_iter().map(|request| request.waiting).collect()),
                Err(error) => {
                    // Before anybody learns of it, so that whoever does finds the store unavailable.
                    self.available.store(false, Ordering::Release);
                    self.abandon(slot);
                    outcome = Err(error);
                }
            }
        }
        if voids {
            // Not before everything else of the batch is synced: what is closed here is not found again.
            self.open.retain(|segment| segment.name.slot.kind == Kind::Forgotten);
        }
        outcome
    }

    fn append(&mut self, slot: Slot, requests: &[Request]) -> io::Result<()> {
        let before = self.catalogue.next_number();
        let cells: Vec<Cell> = requests.iter().map(|request| request.line.cell(before)).collect();
        let position = match self.open.iter().position(|segment| segment.name.slot == slot) {
            Some(position) => position,
            None => self.begin(slot, requests)?,
        };
        let segment = self.open.get_mut(position).ok_or(io::ErrorKind::NotFound)?;
        let timed_until = cells.iter().filter_map(Cell::timed_until).max();
        if let Some(now) = requests.iter().map(|request| request.now).min_by_key(|now| wall_ahead_micros(*now)) {
            self.catalogue.appends(&segment.name, timed_until, now);
        }
        segment.append(&self.folder, &cells)
    }

    /// Begins a segment; where it stands among the open ones.
    fn begin(&mut self, slot: Slot, requests: &[Request]) -> io::Result<usize> {
        let segment = Segment::create(&self.folder, self.catalogue.name(slot))?;
        if let Some(request) = requests.first() {
            self.catalogue.add(segment.name, request.now);
        }
        self.open.push(segment);
        Ok(self.open.len().saturating_sub(1))
    }

    fn sync(&mut self, slot: Slot) -> io::Result<()> {
        // What is not open cannot be synced, so it is not durable.
        let segment = self.open.iter_mut().find(|segment| segment.name.slot == slot).ok_or(io::ErrorKind::NotFound)?;
        segment.sync(&self.folder)
    }

    /// Never writes to a slot's segment again; one that nobody relies on goes at once.
    fn abandon(&mut self, slot: Slot) {
        let Some(position) = self.open.iter().position(|segment| segment.name.slot == slot) else { return };
        let segment = self.open.swap_remove(position);
        if !segment.is_relied_on && self.folder.remove(&segment.name).is_ok() {
            self.catalogue.remove(&segment.name);
        }
    }

    fn probe(&mut self) {
        match self.folder.probe() {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    fn succeeded(&mut self) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "the replay store is written again");
        }
        self.failures = 0;
        self.available.store(true, Ordering::Release);
    }

    fn failed(&mut self, error: &io::Error) {
        self.available.store(false, Ordering::Release);
        if self.failures == 0 {
            tracing::error!(%error, "the replay store cannot be written: new deliveries are refused until it can");
        }
        self.failures = self.failures.saturating_add(1);
    }
}

impl Line {
    fn slot(&self, now: Now) -> Slot {
        match self {
            Self::Settled(entry) => Slot::of(Kind::Settled, entry.second, now.wall.seconds()),
            Self::Forgotten { second, .. } => Slot::of(Kind::Forgotten, *second, now.wall.seconds()),
        }
    }

    fn cell(&self, before: u64) -> Cell {
        match *self {
            Self::Settled(entry) => Cell::Settled(entry),
            Self::Forgotten { half, second } => Cell::Forgotten { half, second, before },
        }
    }
}

fn written(message: Message) -> Option<Request> {
    match message {
        Message::Write(request) => Some(request),
        Message::Look => None,
    }
}

/// The requests of each slot, in their order.
fn by_slot(batch: Vec<Request>) -> Vec<(Slot, Vec<Request>)> {
    let mut groups: Vec<(Slot, Vec<Request>)> = Vec::new();
    for request in batch {
        let slot = request.line.slot(request.now);
        match groups.iter_mut().find(|(known, _)| *known == slot) {
            Some((_, requests)) => requests.push(request),
            None => groups.push((slot, vec![request])),
        }
    }
    groups
}

/// Lines written at once: 128 KiB.
const BATCH: usize = 4096;
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);
