//! Syncing beside writing: a thread that waits for the disk, so that the writer's does not.
//!
//! Why: a disk that takes its time for one sync must not hold up the lines that come meanwhile; the queue would fill, and
//! deliveries be refused.
//! Rules:
//! 1. One sync at a time; what is written while it runs belongs to the next one.
//! 2. A head is remembered only once every line up to it is on disk.
//! 3. An outcome is told when nothing of the order is held any more: whoever has it may give up the locks.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::audit::chain::Head;
use crate::audit::error::AuditError;
use crate::audit::sink::head::HeadFile;

/// What is to be on disk, and what is remembered of it then.
struct Order {
    file: File,
    head_file: Arc<HeadFile>,
    head: Head,
}

/// What became of an order.
#[derive(Debug)]
pub(in crate::audit) struct Outcome {
    pub(super) synced: io::Result<()>,
    /// The head only proves the tail; the lines stand without it.
    pub(super) remembered: io::Result<()>,
}

/// The writer's side.
#[derive(Debug)]
pub(in crate::audit) struct Syncer {
    orders: SyncSender<Order>,
    outcomes: Receiver<Outcome>,
    is_busy: bool,
}

impl Syncer {
    pub(super) fn spawn() -> Result<Self, AuditError> {
        let (orders, ordered) = sync_channel::<Order>(1);
        let (told, outcomes) = sync_channel(1);
        let thread = thread::Builder::new().name("audit-sync".to_owned());
        let serve = move || ordered.into_iter().map(carry_out).all(|outcome| told.send(outcome).is_ok());
        thread.spawn(serve).map_err(AuditError::Thread)?;
        Ok(Self { orders, outcomes, is_busy: false })
    }

    pub(super) const fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Begins a sync, unless one is under way. Answers whether it did.
    pub(super) fn begin(&mut self, file: File, head_file: &Arc<HeadFile>, head: Head) -> bool {
        let order = Order { file, head_file: Arc::clone(head_file), head };
        self.is_busy = self.is_busy || self.orders.try_send(order).is_ok();
        self.is_busy
    }

    /// What became of the sync that is under way, if that is known by now.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let outcome = self.is_busy.then(|| self.outcomes.try_recv().ok())?;
        self.is_busy = outcome.is_none();
        outcome
    }

    /// Waits for the sync that is under way.
    pub(super) fn wait(&mut self) -> Option<Outcome> {
        let outcome = self.is_busy.then(|| self.outcomes.recv().ok())?;
        self.is_busy = false;
        outcome
    }
}

fn carry_out(order: Order) -> Outcome {
    let Order { file, head_file, head } = order;
    let synced = file.sync_data();
    let remembered = if synced.is_ok() { head_file.save(head, true) } else { Ok(()) };
    Outcome { synced, remembered }
}
