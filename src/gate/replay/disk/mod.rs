//! The store on disk: a journal of what was taken, and the memory store as its index. Survives kill -9 and power loss.
//!
//! Owns: the folder `replay` of the state directory. Must not know: deliveries, HTTP, which integration an entry is of.
//!
//! # Why a journal of our own
//!
//! What is asked is narrow: append, make durable, forget by time; every look-up is answered from memory, which holds 20 bytes an
//! entry anyway. Measured before it was built (32-byte keys, groups of 100 and one sync each, one machine): an append-only log
//! 670 000 entries a second and 40 bytes an entry; fjall 228 000 and 61; redb 64 000 and 64 to 78; LMDB 84 000 and 83 to 108;
//! `SQLite` 79 000 and 82. The stores keep an index on disk that nobody would ask, and pay for it with compaction, with bugs of
//! their own (fjall's default is to sync nothing, and its journal has swallowed errors), or with a commit of milliseconds.
//! What is left to get wrong here is small, and the ledger test kills it in every state.
//!
//! # What is written
//!
//! 1. Settlements, and deliveries that were allowed again; never claims. After a crash an unsettled claim is gone, and a retry passes.
//! 2. `settle` returns when the record is durable. The place was secured before, so a full store fails before anything is written;
//!    the index learns of it after, so nothing is answered `Settled` that a power loss could forget.
//! 3. A record that was written for somebody who no longer waited (the disk was slow, the answer was 503) may be found after a
//!    restart. Then the retry is a replay: a receiver took it, so nothing is lost.
//!
//! # Expiry
//!
//! 4. `name` says which segment an entry stands in, and why none needs compacting. A segment is unlinked by the housekeeper, off
//!    every request's path.
//! 5. Before that the mark of what was forgotten is durable: see `history` and rule 4 of `memory`.
//!
//! # Failure
//!
//! 6. A write that fails or takes longer than three seconds refuses its delivery, and all new claims until something was written
//!    again; the writer tries by itself. Readiness is off meanwhile.
//! 7. `recovery` drops what a crash cut off. Where something was ruined that may have been relied on, it keeps the rest, says so
//!    loudly, and begins its history anew: the cold-start rule holds as if the store were empty.
//! 8. A sector that was written holds what was there before or after, never a third thing. That is all that is asked of the disk,
//!    besides that a sync that succeeds is true.
//! 9. A folder that was restored from a copy, or moved from another gateway, does not know what happened since. Nobody can tell it
//!    from a gateway that was off; whoever restores one takes this folder away first.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::filling::Level;
use super::key::Identity;
use super::memory::MemoryStore;
use super::store::{Answer, Claim, Owner, ReplayStore, ShareId, StoreCounters, StoreError};
use crate::domain::name::IntegrationName;
use crate::domain::time::{Now, UnixTime};

mod catalogue;
mod cell;
mod durable;
pub mod error;
mod folder;
mod history;
mod journal;
mod name;
mod pause;
mod recovery;
mod segment;
mod writer;

use catalogue::Catalogue;
use error::DiskError;
use folder::Folder;
use history::{Found, History};
use journal::Journal;
use recovery::{Recovered, Recovery};
use writer::Line;

/// Claims in files under the state directory.
pub struct DiskStore {
    memory: MemoryStore,
    // Ended before the folder is given back.
    journal: Journal,
    folder: Arc<Folder>,
    catalogue: Arc<Catalogue>,
    /// Since when everything is known, if that was before this process.
    since: Option<UnixTime>,
    /// As it stands on disk. Held by the housekeeper while it writes.
    history: Mutex<History>,
}

impl DiskStore {
    /// Opens the store under a state directory and reads back what it remembers.
    pub fn open(state_dir: &Path, capacity: u64, now: Now) -> Result<Self, DiskError> {
        let folder = Arc::new(Folder::open(&state_dir.join(FOLDER))?);
        let found = History::load(&folder)?;
        let memory = MemoryStore::new(capacity, now);
        let catalogue = Arc::new(Catalogue::default());
        let recovery = Recovery { folder: &folder, catalogue: &catalogue, memory: &memory, now };
        let (recovered, untidy) = recovery.run()?;
        let (history, since) = beginning(&found, &recovered, memory.knows_since(now));
        if found != Found::Whole(history) {
            history.save_first(&folder)?;
        }
        recovery.tidy_all(&untidy)?;
        memory.raise_forgotten(history.forgotten);
        let journal = Journal::start(&folder, &catalogue)?;
        report(&recovered, since.is_none());
        Ok(Self { memory, journal, folder, catalogue, since, history: Mutex::new(history) })
    }

    async fn write(&self, line: Line, now: Now) -> Result<(), StoreError> {
        let written = self.journal.write(line, now).await;
        if written.is_err() {
            self.memory.counters().count_write_failure();
        }
        written
    }

    async fn settle_durably(&self, claim: &Claim, now: Now) -> Result<(), StoreError> {
        let Some(entry) = self.memory.secure(claim, now)? else { return Ok(()) };
        self.write(Line::Settled(entry), now).await?;
        self.memory.settle(claim, now).await
    }

    async fn forget_durably(&self, identity: &Identity, now: Now) -> Result<bool, StoreError> {
        let Some((half, second)) = self.memory.settled(identity, now) else { return Ok(false) };
        self.write(Line::Forgotten { half, second }, now).await?;
        self.memory.forget(identity, now).await
    }

    /// Writes down a beginning that moved, because the wall was set right after the start.
    fn note_beginning(&self, now: Now) {
        let moved = self.memory.knows_since(now).filter(|_| self.since.is_none());
        let mut history = self.history.lock();
        if let Some(since) = moved.filter(|since| *since > history.since.plus(Duration::from_secs(1))) {
            self.note(&mut history, |history| history.since = since);
        }
    }

    /// Unlinks what is over, once it is on disk that it was forgotten.
    fn unlink(&self, now: Now) {
        let over = self.catalogue.over(now);
        let Some(forgotten) = over.iter().map(|live| live.timed_until).max() else { return };
        let mut history = self.history.lock();
        if forgotten > history.forgotten && !self.note(&mut history, |history| history.forgotten = forgotten) {
            return;
        }
        for live in over {
            match self.folder.remove(&live.name) {
                Ok(()) => self.catalogue.remove(&live.name),
                Err(error) => tracing::warn!(%error, segment = %live.name, "a segment of the replay store cannot be unlinked"),
            }
        }
        self.journal.look();
    }

    /// Changes the history on disk, then here; whether it is on disk.
    fn note(&self, history: &mut History, change: impl Fn(&mut History)) -> bool {
        let mut changed = *history;
        change(&mut changed);
        let saved = changed.save(&self.folder);
        match &saved {
            Ok(()) => *history = changed,
            Err(error) => tracing::warn!(%error, "the replay store's history cannot be written"),
        }
        saved.is_ok()
    }
}

impl ReplayStore for DiskStore {
    async fn claim(&self, claim: &Claim, now: Now) -> Result<Answer, StoreError> {
        if !self.journal.is_available() {
            return Err(StoreError::Unavailable);
        }
        self.memory.claim(claim, now).await
    }

    fn settle(&self, claim: &Claim, now: Now) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.settle_durably(claim, now)
    }

    fn release(&self, identity: &Identity, owner: Owner, now: Now) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.memory.release(identity, owner, now)
    }

    fn lapse(
        &self,
        identity: &Identity,
        owner: Owner,
        in_flight: Duration,
        now: Now,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.memory.lapse(identity, owner, in_flight, now)
    }

    fn forget(&self, identity: &Identity, now: Now) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.forget_durably(identity, now)
    }

    fn divide(&self, integrations: &[IntegrationName]) -> Vec<ShareId> {
        self.memory.divide(integrations)
    }

    fn maintain(&self, now: Now) {
        self.memory.maintain(now);
        self.note_beginning(now);
        self.unlink(now);
    }

    fn entries(&self) -> u64 {
        self.memory.entries()
    }

    fn capacity(&self) -> u64 {
        self.memory.capacity()
    }

    fn level(&self) -> Level {
        self.memory.level()
    }

    fn is_available(&self, _now: Now) -> bool {
        self.journal.is_available()
    }

    fn knows_since(&self, now: Now) -> Option<UnixTime> {
        self.since.or_else(|| self.memory.knows_since(now))
    }

    fn counters(&self) -> &StoreCounters {
        self.memory.counters()
    }
}

impl std::fmt::Debug for DiskStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "DiskStore({} of {})", self.entries(), self.capacity())
    }
}

/// The history that holds from now on, and since when everything is known if that is not from now on.
fn beginning(found: &Found, recovered: &Recovered, from_now_on: Option<UnixTime>) -> (History, Option<UnixTime>) {
    let begins_now = |forgotten| History { since: from_now_on.unwrap_or(UnixTime::from_seconds(0)), forgotten };
    match found {
        Found::Whole(history) if recovered.ruined == 0 => (*history, Some(history.since)),
        Found::Whole(history) => (begins_now(history.forgotten), None),
        Found::Ruined | Found::Nothing => (begins_now(0), None),
    }
}

fn report(recovered: &Recovered, begins_now: bool) {
    let Recovered { segments, remembered, ruined, torn } = *recovered;
    if ruined > 0 {
        tracing::error!(
            ruined,
            "the replay store was damaged; what was signed before this start is refused as after a cold start"
        );
    }
    if begins_now && segments > 0 && ruined == 0 {
        tracing::error!(
            "the replay store's history is missing; what was signed before this start is refused as after a cold start"
        );
    }
    tracing::info!(segments, remembered, torn, begins_now, "the replay store is open");
}

const FOLDER: &str = "replay";

#[cfg(test)]
mod tests;
