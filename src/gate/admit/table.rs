//! A bounded table of budgets of one rate.
//!
//! Owns: who has a budget of its own, and who shares one.
//! Must not know: what is counted, and for whom.
//!
//! 1. A key that has a budget keeps it for as long as it is not full again; from then on forgetting it changes nothing.
//! 2. A new key gets one while there is room.
//! 3. Without room it shares one with other newcomers of its network, by a hash that nobody can foresee: a flood of sources
//!    neither takes the budget of one that is known nor gives each of its own a full one, and a newcomer from elsewhere mostly
//!    does not meet it.
//! 4. What is not used is tidied up by [`Table::maintain`], memory included. A lock is held for moves of memory only.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::address::SourceKey;
use crate::domain::budget::Budget;
use crate::domain::size::Rate;
use crate::domain::time::Monotonic;

/// Budgets by key.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    rate: Rate,
    max: usize,
    held: AtomicUsize,
    shards: Spread<Mutex<HashMap<K, Entry<V>>>>,
    shared: Spread<Arc<V>>,
    hasher: RandomState,
    overflows: AtomicU64,
}

#[derive(Debug)]
struct Entry<V> {
    value: Arc<V>,
    used: Monotonic,
}

impl<K: Hash + Eq, V: From<Rate>> Table<K, V> {
    /// An empty table: every budget is full.
    pub(super) fn new(rate: Rate, max: usize) -> Self {
        Self {
            rate,
            max,
            held: AtomicUsize::new(0),
            shards: Spread::new(SHARDS, Mutex::default),
            shared: Spread::new(SHARED, || Arc::new(V::from(rate))),
            hasher: RandomState::new(),
            overflows: AtomicU64::new(0),
        }
    }

    /// The budget of a key: its own, a new one, or a shared one.
    pub(super) fn entry(&self, key: K, source: SourceKey, now: Monotonic) -> Arc<V> {
        let mut shard = self.shard(&key).lock();
        if let Some(entry) = shard.get_mut(&key) {
            entry.used = now;
            return Arc::clone(&entry.value);
        }
        if !self.take_room() {
            drop(shard);
            self.overflows.fetch_add(1, Ordering::Relaxed);
            return self.shared(source);
        }
        let value = Arc::new(V::from(self.rate));
        shard.insert(key, Entry { value: Arc::clone(&value), used: now });
        value
    }

    /// The budget that a key has by now: its own, or a shared one where it would get no other.
    pub(super) fn find(&self, key: &K, source: SourceKey) -> Option<Arc<V>> {
        let own = self.shard(key).lock().get(key).map(|entry| Arc::clone(&entry.value));
        own.or_else(|| (self.len() >= self.max).then(|| self.shared(source)))
    }

    /// Forgets what is full again. Called now and then, off the request path.
    pub(super) fn maintain(&self, now: Monotonic) {
        let refill = Budget::refill_time(self.rate);
        // Making one costs more than finding it, so there is no haste while there is room.
        let idle = if self.len() > self.max / 2 { refill } else { refill.max(IDLE_MIN) };
        for shard in self.shards.all() {
            let mut entries = shard.lock();
            let before = entries.len();
            entries.retain(|_, entry| Arc::strong_count(&entry.value) > 1 || now.since(entry.used) < idle);
            if entries.capacity() / 4 > entries.len() {
                entries.shrink_to_fit();
            }
            self.held.fetch_sub(before.saturating_sub(entries.len()), Ordering::AcqRel);
        }
    }

    /// How many keys have one of their own.
    pub(super) fn len(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    /// How often a shared one was spent from.
    pub(super) fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }

    fn take_room(&self) -> bool {
        let next = |held: usize| (held < self.max).then_some(held.saturating_add(1));
        self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }

    fn shard(&self, key: &K) -> &Mutex<HashMap<K, Entry<V>>> {
        self.shards.of(self.hasher.hash_one(key))
    }

    fn shared(&self, source: SourceKey) -> Arc<V> {
        Arc::clone(self.shared.of(self.hasher.hash_one(source.network())))
    }
}

/// Several of a kind, at least one, chosen by hash.
#[derive(Debug)]
struct Spread<T> {
    first: T,
    others: Box<[T]>,
}

impl<T> Spread<T> {
    fn new(count: usize, make: impl Fn() -> T) -> Self {
        Self { first: make(), others: (1..count).map(|_| make()).collect() }
    }

    fn of(&self, hash: u64) -> &T {
        let count = u64::try_from(self.others.len()).unwrap_or(u64::MAX).saturating_add(1);
        usize::try_from(hash % count).ok().and_then(|index| self.others.get(index)).unwrap_or(&self.first)
    }

    fn all(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

const SHARDS: usize = 32;
/// Budgets for newcomers of a table that is full.
const SHARED: usize = 256;
/// As long as nobody needs the room.
const IDLE_MIN: Duration = Duration::from_secs(60);
