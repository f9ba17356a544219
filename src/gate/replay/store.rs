//! What a store of claims is, and the closed list of those that exist.
//!
//! Owns: the questions and answers of the contract in [`crate::gate::replay`]. Must not know: deliveries, HTTP, settings.
//! Invariants: see the numbered contract there; `conformance.rs` holds every store to it.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::disk::DiskStore;
use super::filling::Level;
use super::key::Identity;
use super::memory::MemoryStore;
use super::redis::RedisStore;
use crate::domain::name::IntegrationName;
use crate::domain::time::{Now, UnixTime};

/// One delivery's request to be the one that is forwarded.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Which delivery.
    pub identity: Identity,
    /// Whose part of the capacity it may use when the common part is full.
    pub share: ShareId,
    /// Until when it is remembered once it is settled.
    pub keep_until: UnixTime,
    /// Whether it is remembered until no clock could accept it again, rather than for a window of its own.
    pub is_timed: bool,
    /// How long it is in flight if nobody ends it.
    pub lease: Duration,
}

/// What a store says to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nobody else has it: forward it, then end the claim with this token.
    Fresh(Owner),
    /// It was forwarded and taken.
    Settled,
    /// Another attempt is under way.
    InFlight {
        /// When that attempt's time is over at the latest.
        retry_after: Duration,
    },
}

/// Proof of whose claim it is: an attempt that came too late cannot end its successor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(u128);

impl Owner {
    /// A token; the store that makes it never makes it again.
    pub(super) const fn new(token: u128) -> Self {
        Self(token)
    }

    /// The token, for a store that is not in this process.
    pub(super) const fn token(self) -> u128 {
        self.0
    }
}

/// Whose part of the last tenth of the capacity. Stable over reloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShareId(u16);

impl ShareId {
    /// No part of its own: the common part only.
    pub const COMMON: Self = Self(u16::MAX);

    pub(super) const fn new(index: u16) -> Self {
        Self(index)
    }

    pub(super) const fn index(self) -> u16 {
        self.0
    }
}

/// Why a store gave no answer. Either way the delivery is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Every place this claim may take is taken.
    #[error("the replay store is full")]
    Full,
    /// It could not be asked, or did not answer in time.
    #[error("the replay store is unavailable")]
    Unavailable,
}

/// A store of claims. The numbered contract stands in [`crate::gate::replay`].
pub trait ReplayStore: Send + Sync {
    /// Claims a delivery, atomically.
    fn claim(&self, claim: &Claim, now: Now) -> impl Future<Output = Result<Answer, StoreError>> + Send;

    /// Remembers that the delivery was taken, whoever holds the claim by now: a success is a fact.
    /// Durable, as far as the store is, when it returns.
    fn settle(&self, claim: &Claim, now: Now) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives the owner's own claim back.
    fn release(&self, identity: &Identity, owner: Owner, now: Now) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Leaves the owner's own claim in flight for so much longer.
    fn lapse(
        &self,
        identity: &Identity,
        owner: Owner,
        in_flight: Duration,
        now: Now,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets a settled delivery, so that a redelivery passes; whether there was one.
    fn forget(&self, identity: &Identity, now: Now) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Divides the last tenth among these integrations; the ids stand in the order of the names.
    fn divide(&self, integrations: &[IntegrationName]) -> Vec<ShareId>;

    /// Drops what is over. Called each second, off the request path and off its threads: it works for as long as it needs.
    fn maintain(&self, now: Now);

    /// Places taken.
    fn entries(&self) -> u64;

    /// Places there are.
    fn capacity(&self) -> u64;

    /// How full it is, by whatever bounds it.
    fn level(&self) -> Level;

    /// Whether it can answer now, as far as it knows. Readiness rests on it; claims find out for themselves.
    fn is_available(&self, now: Now) -> bool;

    /// The instant up to which this store may have forgotten deliveries; `None` when it has its whole history.
    fn knows_since(&self, now: Now) -> Option<UnixTime>;

    /// What is counted.
    fn counters(&self) -> &StoreCounters;
}

/// Events that must not pass unseen. Read by the metrics.
#[derive(Debug, Default)]
pub struct StoreCounters {
    abandoned: AtomicU64,
    full: AtomicU64,
    clock_steps: AtomicU64,
    write_failures: AtomicU64,
}

impl StoreCounters {
    /// Claims dropped without an end: each is left to its lease.
    #[must_use]
    pub fn claims_abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Claims refused because the store was full.
    #[must_use]
    pub fn claims_refused_full(&self) -> u64 {
        self.full.load(Ordering::Relaxed)
    }

    /// How often the wall clock was set.
    #[must_use]
    pub fn clock_steps(&self) -> u64 {
        self.clock_steps.load(Ordering::Relaxed)
    }

    /// Settlements that could not be made durable in time.
    #[must_use]
    pub fn write_failures(&self) -> u64 {
        self.write_failures.load(Ordering::Relaxed)
    }

    pub(super) fn count_clock_step(&self) {
        self.clock_steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_write_failure(&self) {
        self.write_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_abandoned(&self) {
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_full(&self) {
        self.full.fetch_add(1, Ordering::Relaxed);
    }
}

/// The stores that exist.
#[derive(Debug)]
pub enum Store {
    /// In this process, until it ends.
    Memory(MemoryStore),
    /// In files that outlive it.
    Disk(DiskStore),
    /// In Redis or Valkey, shared by all replicas.
    Redis(RedisStore),
}

/// What waits for a network or a disk does it in a box of its own: it is as large as the rest of a delivery, and every delivery
/// would be moved with the room for it.
impl ReplayStore for Store {
    async fn claim(&self, claim: &Claim, now: Now) -> Result<Answer, StoreError> {
        match self {
            Self::Memory(store) => store.claim(claim, now).await,
            Self::Disk(store) => store.claim(claim, now).await,
            Self::Redis(store) => Box::pin(store.claim(claim, now)).await,
        }
    }

    async fn settle(&self, claim: &Claim, now: Now) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.settle(claim, now).await,
            Self::Disk(store) => Box::pin(store.settle(claim, now)).await,
            Self::Redis(store) => Box::pin(store.settle(claim, now)).await,
        }
    }

    async fn release(&self, identity: &Identity, owner: Owner, now: Now) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.release(identity, owner, now).await,
            Self::Disk(store) => Box::pin(store.release(identity, owner, now)).await,
            Self::Redis(store) => Box::pin(store.release(identity, owner, now)).await,
        }
    }

    async fn lapse(&self, identity: &Identity, owner: Owner, in_flight: Duration, now: Now) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.lapse(identity, owner, in_flight, now).await,
            Self::Disk(store) => Box::pin(store.lapse(identity, owner, in_flight, now)).await,
            Self::Redis(store) => Box::pin(store.lapse(identity, owner, in_flight, now)).await,
        }
    }

    async fn forget(&self, identity: &Identity, now: Now) -> Result<bool, StoreError> {
        match self {
            Self::Memory(store) => store.forget(identity, now).await,
            Self::Disk(store) => Box::pin(store.forget(identity, now)).await,
            Self::Redis(store) => Box::pin(store.forget(identity, now)).await,
        }
    }

    fn divide(&self, integrations: &[IntegrationName]) -> Vec<ShareId> {
        match self {
            Self::Memory(store) => store.divide(integrations),
            Self::Disk(store) => store.divide(integrations),
            Self::Redis(store) => store.divide(integrations),
        }
    }

    fn maintain(&self, now: Now) {
        match self {
            Self::Memory(store) => store.maintain(now),
            Self::Disk(store) => store.maintain(now),
            Self::Redis(store) => store.maintain(now),
        }
    }

    fn entries(&self) -> u64 {
        match self {
            Self::Memory(store) => store.entries(),
            Self::Disk(store) => store.entries(),
            Self::Redis(store) => store.entries(),
        }
    }

    fn capacity(&self) -> u64 {
        match self {
            Self::Memory(store) => store.capacity(),
            Self::Disk(store) => store.capacity(),
            Self::Redis(store) => store.capacity(),
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::Memory(store) => store.level(),
            Self::Disk(store) => store.level(),
            Self::Redis(store) => store.level(),
        }
    }

    fn is_available(&self, now: Now) -> bool {
        match self {
            Self::Memory(store) => store.is_available(now),
            Self::Disk(store) => store.is_available(now),
            Self::Redis(store) => store.is_available(now),
        }
    }

    fn knows_since(&self, now: Now) -> Option<UnixTime> {
        match self {
            Self::Memory(store) => store.knows_since(now),
            Self::Disk(store) => store.knows_since(now),
            Self::Redis(store) => store.knows_since(now),
        }
    }

    fn counters(&self) -> &StoreCounters {
        match self {
            Self::Memory(store) => store.counters(),
            Self::Disk(store) => store.counters(),
            Self::Redis(store) => store.counters(),
        }
    }
}
