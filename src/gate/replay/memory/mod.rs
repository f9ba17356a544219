//! The store in this process: a bounded, sharded map swept by time. Gone when the process ends.
//!
//! Owns: shards, each under its own lock; the count of places; when the store began. Must not know: deliveries.
//!
//! 1. The capacity is exact: never one over, and what is over never keeps a claim out for longer than a second.
//! 2. One lock at a time but for the ledger's, which is taken last and held for a few additions.
//! 3. Sweeping goes shard by shard, a slice of them each second; a full store is swept whole, at most once a second.
//!    No claim waits longer than for the sweep of one shard, some two thousand entries.
//! 4. A timed delivery that may have been forgotten before the wall was set back is refused, not taken for a new one.
//! 5. Hashing is seeded for each process: nobody outside knows which identities share a shard or a slot.

use std::future::ready;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::quality::RandomState;

use super::filling::{Crossing, Level};
use super::key::Identity;
use super::steps::Steps;
use super::store::{Answer, Claim, Owner, ReplayStore, ShareId, StoreCounters, StoreError};
use crate::domain::name::IntegrationName;
use crate::domain::time::{Now, UnixTime};

mod entry;
mod forgotten;
#[cfg(test)]
mod interleavings;
mod ledger;
mod lock;
mod shard;

pub(super) use entry::JournalEntry;
pub(super) use ledger::ShareTag;

use forgotten::Forgotten;
use ledger::Ledger;
use lock::Mutex;
use shard::{Context, Key, Shard};

/// Claims in this process's memory.
pub struct MemoryStore {
    /// A power of two of them; each lock is shared by the claims that hash there and the sweep.
    shards: Box<[Mutex<Shard>]>,
    ledger: Ledger,
    seed: RandomState,
    started: Now,
    next_owner: AtomicU64,
    /// Which slice of the shards the next maintenance sweeps.
    slice: AtomicUsize,
    /// When a full store may be swept again, in milliseconds of the monotonic clock.
    next_sweep_ms: AtomicU64,
    forgotten: Forgotten,
    steps: Steps,
    crossing: Crossing,
    counters: StoreCounters,
}

impl MemoryStore {
    /// An empty store that begins now. Until [`ReplayStore::divide`] is called only the common part can be claimed.
    #[must_use]
    pub fn new(capacity: u64, started: Now) -> Self {
        let shards = (capacity / ENTRIES_PER_SHARD).clamp(1, SHARDS_MAX).next_power_of_two();
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            ledger: Ledger::new(capacity),
            seed: RandomState::default(),
            started,
            next_owner: AtomicU64::new(1),
            slice: AtomicUsize::new(0),
            next_sweep_ms: AtomicU64::new(0),
            forgotten: Forgotten::default(),
            steps: Steps::new(started),
            crossing: Crossing::default(),
            counters: StoreCounters::default(),
        }
    }

    /// Which shard an identity falls into.
    #[cfg(test)]
    pub(super) fn shard_of(&self, identity: &Identity) -> usize {
        Key::new(identity, &self.seed).shard(self.shards.len())
    }

    fn context(&self, now: Now) -> Context<'_> {
        Context { now, ledger: &self.ledger, forgotten: &self.forgotten, seed: &self.seed }
    }

    /// Works on the shard of an identity. There always is one.
    fn in_shard<T>(&self, identity: &Identity, work: impl FnOnce(&mut Shard, Key) -> T) -> Result<T, StoreError> {
        self.in_shard_of(Key::new(identity, &self.seed), work)
    }

    fn in_shard_of<T>(&self, key: Key, work: impl FnOnce(&mut Shard, Key) -> T) -> Result<T, StoreError> {
        let shard = self.shards.get(key.shard(self.shards.len())).ok_or(StoreError::Unavailable)?;
        Ok(work(&mut shard.lock(), key))
    }

    fn claim_now(&self, claim: &Claim, now: Now) -> Result<Answer, StoreError> {
        self.with_room(now, |with| {
            let owner = self.owner();
            self.in_shard(&claim.identity, |shard, key| shard.claim(key, claim, owner, with))?
        })
    }

    fn owner(&self) -> Owner {
        Owner::new(u128::from(self.next_owner.fetch_add(1, Ordering::Relaxed)))
    }

    /// Holds the place of a settlement while a journal writes it down, and says what to write; nothing if that was done.
    pub(super) fn secure(&self, claim: &Claim, now: Now) -> Result<Option<JournalEntry>, StoreError> {
        self.with_room(now, |with| {
            let owner = self.owner();
            self.in_shard(&claim.identity, |shard, key| shard.secure(key, claim, owner, with))?
        })
    }

    /// Remembers what a journal says was settled, though it be past the capacity; whether it is news.
    pub(super) fn restore(&self, entry: &JournalEntry, now: Now) -> bool {
        let with = self.context(now);
        self.in_shard_of(Key::of_half(entry.half, &self.seed), |shard, key| shard.restore(key, entry, &with)).unwrap_or(false)
    }

    /// What a journal needs to void a settled delivery: the half of its identity, and the second at which it is over.
    pub(super) fn settled(&self, identity: &Identity, now: Now) -> Option<([u8; 16], u32)> {
        let with = self.context(now);
        self.in_shard(identity, |shard, key| shard.settled(key, &with)).ok().flatten()
    }

    /// Timed deliveries that were over by this second may have been forgotten by a process before this one.
    pub(super) fn raise_forgotten(&self, second: u32) {
        self.forgotten.raise(second);
    }

    /// Tries; where the store is full, drops what is over and tries once more.
    fn with_room<T>(&self, now: Now, attempt: impl Fn(&Context<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let with = self.context(now);
        let answer = match attempt(&with) {
            Err(StoreError::Full) if self.sweep_is_due(now) => {
                self.sweep(&with, 0, 1);
                attempt(&with)
            }
            answer => answer,
        };
        if matches!(answer, Err(StoreError::Full)) {
            self.counters.count_full();
        }
        answer
    }

    /// True for one caller a second.
    fn sweep_is_due(&self, now: Now) -> bool {
        let (now_ms, next_ms) = (now_ms(now), self.next_sweep_ms.load(Ordering::Relaxed));
        let claim = |next_ms| self.next_sweep_ms.compare_exchange(next_ms, now_ms + 1000, Ordering::Relaxed, Ordering::Relaxed);
        now_ms >= next_ms && claim(next_ms).is_ok()
    }

    fn sweep(&self, with: &Context<'_>, first: usize, step: usize) {
        for shard in self.shards.iter().skip(first).step_by(step) {
            shard.lock().sweep(with);
        }
    }

    fn is_nearly_full(&self) -> bool {
        self.ledger.taken() >= self.ledger.capacity() / 8 * 7
    }
}

impl ReplayStore for MemoryStore {
    fn claim(&self, claim: &Claim, now: Now) -> impl Future<Output = Result<Answer, StoreError>> + Send {
        ready(self.claim_now(claim, now))
    }

    fn settle(&self, claim: &Claim, now: Now) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(self.with_room(now, |with| self.in_shard(&claim.identity, |shard, key| shard.settle(key, claim, with))?))
    }

    fn release(&self, identity: &Identity, owner: Owner, now: Now) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(self.in_shard(identity, |shard, key| shard.release(key, owner, &self.context(now))))
    }

    fn lapse(
        &self,
        identity: &Identity,
        owner: Owner,
        in_flight: Duration,
        now: Now,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let lease_until = now.monotonic.plus(in_flight);
        ready(self.in_shard(identity, |shard, key| shard.lapse(key, owner, lease_until)))
    }

    fn forget(&self, identity: &Identity, now: Now) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(self.in_shard(identity, |shard, key| shard.forget(key, &self.context(now))))
    }

    fn divide(&self, integrations: &[IntegrationName]) -> Vec<ShareId> {
        self.ledger.divide(integrations)
    }

    fn maintain(&self, now: Now) {
        self.steps.watch(now, &self.counters);
        self.crossing.watch(self.level());
        let with = self.context(now);
        if self.is_nearly_full() {
            self.next_sweep_ms.fetch_max(now_ms(now) + 1000, Ordering::Relaxed);
            self.sweep(&with, 0, 1);
        } else {
            self.sweep(&with, self.slice.fetch_add(1, Ordering::Relaxed) % SLICES, SLICES);
        }
    }

    fn entries(&self) -> u64 {
        self.ledger.taken()
    }

    fn level(&self) -> Level {
        Level { taken: self.entries(), of: self.capacity(), unit: "places" }
    }

    /// It is in this process.
    fn is_available(&self, _now: Now) -> bool {
        true
    }

    fn capacity(&self) -> u64 {
        self.ledger.capacity()
    }

    /// The second of the start, as the present wall would have read it, and two more: a delivery may have been signed in
    /// that second and forwarded by the process before this one.
    fn knows_since(&self, now: Now) -> Option<UnixTime> {
        let running = now.monotonic.since(self.started.monotonic);
        let started = self.started.wall.max(now.wall.minus(running));
        Some(UnixTime::from_seconds(started.seconds().saturating_add(2)))
    }

    fn counters(&self) -> &StoreCounters {
        &self.counters
    }
}

impl std::fmt::Debug for MemoryStore {
    /// How full it is; a claim's own `Debug` must not print a million others.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "MemoryStore({} of {})", self.entries(), self.capacity())
    }
}

fn now_ms(now: Now) -> u64 {
    u64::try_from(now.monotonic.as_duration().as_millis()).unwrap_or(u64::MAX / 2)
}

/// Small enough that sweeping or growing one shard is no stall.
const ENTRIES_PER_SHARD: u64 = 2048;
const SHARDS_MAX: u64 = 4096;
/// Each second's maintenance sweeps one in so many shards.
const SLICES: usize = 8;
