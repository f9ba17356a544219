//! How many body bytes are held, by all requests together and by each source before it has proven anything.
//!
//! The table of sources holds only those with unverified bytes, so it is never longer than there are requests.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::error::{BudgetScope, IntakeError};
use crate::domain::address::SourceKey;

/// Counts bytes. Shared by every request of every worker.
#[derive(Debug)]
pub(super) struct Budget {
    max: u64,
    max_of_source: u64,
    /// What everybody together may hold while a source that wants more holds more than `modest` unverified.
    max_of_all_but_modest: u64,
    modest: u64,
    reader: u64,
    held: AtomicU64,
    /// By source. Locked by the requests of all workers, for a look-up each.
    unverified: Mutex<HashMap<SourceKey, u64>>,
    refused: AtomicU64,
    refused_of_source: AtomicU64,
}

impl Budget {
    pub(super) fn new(max_bytes: u64) -> Arc<Self> {
        let reader = if max_bytes >= READERS_AT_LEAST.saturating_mul(READER_BYTES) { READER_BYTES } else { 0 };
        Arc::new(Self {
            max: max_bytes,
            max_of_source: max_bytes / SOURCES_AT_LEAST,
            max_of_all_but_modest: max_bytes.saturating_sub(max_bytes / SOURCES_AT_LEAST),
            reader,
            modest: (max_bytes / MODEST_SOURCES).max(MODEST_BYTES).saturating_add(reader),
            held: AtomicU64::new(0),
            unverified: Mutex::default(),
            refused: AtomicU64::new(0),
            refused_of_source: AtomicU64::new(0),
        })
    }

    pub(super) fn held_bytes(&self) -> u64 {
        self.held.load(Relaxed)
    }

    /// How often a budget was used up.
    pub(super) fn refusals(&self, scope: BudgetScope) -> u64 {
        self.counter(scope).load(Relaxed)
    }

    const fn counter(&self, scope: BudgetScope) -> &AtomicU64 {
        match scope {
            BudgetScope::Global => &self.refused,
            BudgetScope::Source => &self.refused_of_source,
        }
    }

    fn overloaded(&self, scope: BudgetScope) -> IntakeError {
        self.counter(scope).fetch_add(1, Relaxed);
        IntakeError::Overloaded { scope }
    }

    fn take(&self, source: SourceKey, bytes: u64) -> Result<(), IntakeError> {
        let Some(of_source) = self.take_of_source(source, bytes) else {
            return Err(self.overloaded(BudgetScope::Source));
        };
        let max = if of_source > self.modest { self.max_of_all_but_modest } else { self.max };
        let within = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= max);
        if self.held.fetch_update(Relaxed, Relaxed, within).is_err() {
            self.give_back_to_source(source, bytes);
            return Err(self.overloaded(BudgetScope::Global));
        }
        Ok(())
    }

    /// Takes it of the source's share; answers what the source holds then, if it fits.
    fn take_of_source(&self, source: SourceKey, bytes: u64) -> Option<u64> {
        let mut unverified = self.unverified.lock();
        let sum = unverified.get(&source).copied().unwrap_or(0).saturating_add(bytes);
        let fits = sum <= self.max_of_source;
        if fits && sum > 0 {
            unverified.insert(source, sum);
        }
        fits.then_some(sum)
    }

    fn give_back_to_source(&self, source: SourceKey, bytes: u64) {
        if let Entry::Occupied(mut held) = self.unverified.lock().entry(source) {
            match held.get().saturating_sub(bytes) {
                0 => drop(held.remove()),
                less => *held.get_mut() = less,
            }
        }
    }
}

/// What one request holds of the budget; given back when dropped. Keep it as long as the body.
#[derive(Debug)]
#[must_use]
pub struct Holding {
    budget: Arc<Budget>,
    source: SourceKey,
    bytes: u64,
    unverified: bool,
}

impl Holding {
    pub(super) fn new(budget: &Arc<Budget>, source: SourceKey) -> Self {
        Self { budget: Arc::clone(budget), source, bytes: 0, unverified: true }
    }

    /// Takes more of the budget.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), IntakeError> {
        self.budget.take(self.source, bytes)?;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Takes what reading a body costs that does not come at once: the buffer it is read into stays for as long.
    pub(super) fn take_reader(&mut self) -> Result<(), IntakeError> {
        self.take(self.budget.reader)
    }

    /// How many bytes are held.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The body has been verified: its source's share is free again, the memory is not.
    pub fn verified(&mut self) {
        if std::mem::replace(&mut self.unverified, false) {
            self.budget.give_back_to_source(self.source, self.bytes);
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.verified();
        self.budget.held.fetch_sub(self.bytes, Relaxed);
    }
}

/// The last eighth of the budget is for sources that hold next to nothing: an honest sender's delivery finds room though
/// others fill theirs as slowly as they are allowed to. So many of such sources fit into the whole budget.
const MODEST_SOURCES: u64 = 4096;
/// What a body that comes slowly takes besides its bytes, as measured with ten thousand of them: buffers of the TLS record, of the
/// connection that is read from, and of the pieces that are gathered. Counted only where the budget has room for a thousand of
/// them: with less, one body must still fit.
const READER_BYTES: u64 = 40 << 10;
const READERS_AT_LEAST: u64 = 1024;
/// What any source may hold as one of those, besides one such reader.
const MODEST_BYTES: u64 = 16 << 10;

/// One source may take this part of the budget before it has proven anything: so many sources can, at the same time.
const SOURCES_AT_LEAST: u64 = 8;
