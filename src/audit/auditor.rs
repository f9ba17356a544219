//! The handle everybody writes through.
//!
//! Rules:
//! 1. A delivery reserves a [`Place`] before it is claimed. Without one it is refused, for a decision that cannot be written
//!    down must not be taken. Under `on_failure = continue` there is always a place, and what finds no room is folded.
//! 2. A place is given back when its record is written, not when it is queued: the bound covers what is being retried, too.
//! 3. Refusals have a budget of their own; beyond it they are folded. Nothing here waits.
//!
//! Invariants: the queue holds at most [`DELIVERY_PLACES`] + [`REFUSAL_PLACES`] + [`NOTE_PLACES`] entries, each trimmed to
//! about a KiB.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::domain::time::{Clock, Monotonic, UnixTime};

use super::checkpoint::Signer;
use super::error::{AuditError, AuditUnavailable};
use super::fold::Fold;
use super::recent::Recent;
use super::record::{Entry, Note, RequestRecord};
use super::spec::{AuditSpec, OnAuditFailure};
use super::tap::Tap;
use super::writer::Writer;

/// How many deliveries may wait for their record to be written.
pub const DELIVERY_PLACES: usize = 4096;
/// How many refusals may.
pub const REFUSAL_PLACES: usize = 2048;
/// How many notes may.
pub const NOTE_PLACES: usize = 64;

/// How long the end of the process waits for a writer that hangs in the kernel.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(10);

/// The audit log of the process.
#[derive(Clone, Debug)]
pub struct Auditor {
    shared: Arc<Shared>,
    queue: Sender<Message>,
}

/// What the handles and the writer's thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) on_failure: OnAuditFailure,
    pub(super) healthy: AtomicBool,
    pub(super) errors: AtomicU64,
    pub(super) fold: Mutex<Fold>,
    pub(super) recent: Recent,
    /// Replaced by a reload, read by the writer.
    pub(super) signer: ArcSwapOption<Signer>,
    pub(super) tap: Tap,
    deliveries: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    notes: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(on_failure: OnAuditFailure) -> Self {
        Self {
            on_failure,
            healthy: AtomicBool::new(true),
            errors: AtomicU64::new(0),
            fold: Mutex::new(Fold::default()),
            recent: Recent::default(),
            signer: ArcSwapOption::empty(),
            tap: Tap::default(),
            deliveries: Arc::new(Semaphore::new(DELIVERY_PLACES)),
            refusals: Arc::new(Semaphore::new(REFUSAL_PLACES)),
            notes: Arc::new(Semaphore::new(NOTE_PLACES)),
        }
    }

    pub(super) fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// A record that will not be written: its decision is counted, and so is the loss.
    pub(super) fn lose(&self, record: &RequestRecord) {
        self.count_error();
        self.fold.lock().count(record);
    }
}

/// An entry on its way to the writer, with the place it takes.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) entry: Entry,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Message {
    Entry(Queued),
    Stop(oneshot::Sender<bool>),
}

impl Auditor {
    /// Opens the output, goes on with its chain, writes the `start` record and starts the writer.
    ///
    /// A log that opens but cannot be written is no error here: the auditor is then unhealthy, and recovers by itself.
    pub fn start(spec: &AuditSpec, state_dir: &Path, clock: Clock) -> Result<Self, AuditError> {
        let shared = Arc::new(Shared::new(spec.on_failure));
        let (queue, messages) = mpsc::channel();
        let writer = Writer::open(spec, state_dir, clock, Arc::clone(&shared), messages)?;
        writer.spawn()?;
        Ok(Self { shared, queue })
    }

    /// A copy of what is written from now on.
    #[must_use]
    pub fn tap(&self) -> &Tap {
        &self.shared.tap
    }

    /// Signs checkpoints from now on, or no longer.
    pub fn sign_with(&self, signer: Option<Signer>) {
        self.shared.signer.store(signer.map(Arc::new));
    }

    /// Whether a delivery's record is not written yet.
    #[cfg(test)]
    pub(super) fn waits(&self) -> bool {
        self.shared.deliveries.available_permits() < DELIVERY_PLACES
    }

    #[cfg(test)]
    pub(super) const fn from_parts(shared: Arc<Shared>, queue: Sender<Message>) -> Self {
        Self { shared, queue }
    }

    /// Promises that one record can be written later. Never waits.
    pub fn reserve(&self) -> Result<Place, AuditUnavailable> {
        let goes_on = self.shared.on_failure == OnAuditFailure::Continue;
        if !goes_on && !self.shared.healthy.load(Ordering::Acquire) {
            return Err(AuditUnavailable::WriteFailing);
        }
        match Arc::clone(&self.shared.deliveries).try_acquire_owned() {
            Ok(permit) => Ok(Place { auditor: self.clone(), permit: Some(permit) }),
            Err(_) if goes_on => Ok(Place { auditor: self.clone(), permit: None }),
            Err(_) => {
                self.shared.count_error();
                Err(AuditUnavailable::QueueFull)
            }
        }
    }

    /// Writes or counts a refusal that reserved no place. Never waits, never fails.
    pub fn refused(&self, record: impl Into<Box<RequestRecord>>, before_verification: bool, now: Monotonic) {
        let record = record.into();
        if before_verification && !self.shared.fold.lock().passes(&record, now) {
            return;
        }
        match Arc::clone(&self.shared.refusals).try_acquire_owned() {
            Ok(permit) => self.enqueue(record, permit),
            Err(_) => self.shared.fold.lock().count(&record),
        }
    }

    /// Writes what is no request. Never waits; a note that finds no room is counted as an error and logged.
    pub fn note(&self, at: UnixTime, note: Note) {
        let Ok(permit) = Arc::clone(&self.shared.notes).try_acquire_owned() else {
            self.shared.count_error();
            tracing::error!(?note, "the audit log has no room for a note");
            return;
        };
        let queued = Queued { entry: Entry::Note(at, note), place: Some(permit) };
        if self.queue.send(Message::Entry(queued)).is_err() {
            self.shared.count_error();
        }
    }

    /// Whether the last write succeeded, and there is room for another: a writer that hangs in the kernel fails nothing.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::Acquire) && self.shared.deliveries.available_permits() > 0
    }

    /// How many writes failed and how many records were lost, since the start.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.shared.errors.load(Ordering::Relaxed)
    }

    /// The last decisions, for whoever looks.
    #[must_use]
    pub fn recent(&self) -> &Recent {
        &self.shared.recent
    }

    /// Writes everything queued and a `stop` record, and waits until it is on disk or cannot be. Needs a runtime with a timer.
    pub async fn shutdown(&self) -> Result<(), AuditError> {
        let (answer, written) = oneshot::channel();
        // A writer that is gone has stopped already.
        if self.queue.send(Message::Stop(answer)).is_err() {
            return Ok(());
        }
        match tokio::time::timeout(SHUTDOWN_WAIT, written).await {
            Ok(Ok(true)) => Ok(()),
            Ok(_) | Err(_) => Err(AuditError::Unflushed),
        }
    }

    fn enqueue(&self, mut record: Box<RequestRecord>, permit: OwnedSemaphorePermit) {
        record.trim();
        let queued = Queued { entry: Entry::Request(record), place: Some(permit) };
        if let Err(mpsc::SendError(Message::Entry(queued))) = self.queue.send(Message::Entry(queued)) {
            self.shared.healthy.store(false, Ordering::Release);
            if let Entry::Request(record) = queued.entry {
                self.shared.lose(&record);
            }
        }
    }
}

/// The right to write one record. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a place that is not written to is given back"]
pub struct Place {
    auditor: Auditor,
    /// `None` only under `on_failure = continue`, when there is no room.
    permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// Writes the record. Never waits, never fails.
    pub fn write(self, record: impl Into<Box<RequestRecord>>) {
        let record = record.into();
        match self.permit {
            Some(permit) => self.auditor.enqueue(record, permit),
            None => self.auditor.shared.lose(&record),
        }
    }
}
