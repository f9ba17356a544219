//! The bounded tables of what sources have left: requests of each, failures of each at each integration.
//!
//! Owns: the tables, shared by all integrations and kept over reloads that leave the limits as they are.
//! Must not know: requests, integrations' settings.
//! Invariants: a source's budget exists once; one that is forgotten because it was idle would be full again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::quality::RandomState;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::spec::SourceLimits;
use crate::domain::address::SourceKey;
use crate::domain::budget::{Budget, Spent};
use crate::domain::name::IntegrationName;
use crate::domain::size::Rate;
use crate::domain::time::Monotonic;

/// What sources have left.
#[derive(Debug)]
pub struct SourceTable {
    limits: SourceLimits,
    sources: Cache<SourceKey, Arc<SourceState>, RandomState>,
    failures: Cache<(SourceKey, IntegrationName), Arc<Budget>, RandomState>,
    /// Counted by the tables' own maintenance, read by the metrics.
    evictions: Arc<AtomicU64>,
}

/// One source.
#[derive(Debug)]
pub(super) struct SourceState {
    requests: Budget,
    /// How many of its requests are being verified though a budget of failures of it is empty.
    pub(super) verifying: AtomicUsize,
}

impl SourceTable {
    /// Empty tables: every budget is full.
    #[must_use]
    pub fn new(limits: SourceLimits) -> Self {
        Self::bounded(limits, SOURCES_MAX)
    }

    /// Empty tables with a bound of their own.
    #[must_use]
    pub fn bounded(limits: SourceLimits, sources_max: u64) -> Self {
        let evictions = Arc::new(AtomicU64::new(0));
        Self {
            limits,
            sources: table(limits.per_source, sources_max, &evictions),
            failures: table(limits.failures_per_source, sources_max, &evictions),
            evictions,
        }
    }

    /// The limits it was built for: a reload that does not change them keeps the table.
    #[must_use]
    pub const fn limits(&self) -> SourceLimits {
        self.limits
    }

    /// How many budgets were forgotten because a table was full.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    /// How many budgets are held, roughly: tables count behind.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.sources.entry_count().saturating_add(self.failures.entry_count())
    }

    /// Drops idle budgets. Called now and then, off the request path.
    pub fn maintain(&self) {
        self.sources.run_pending_tasks();
        self.failures.run_pending_tasks();
    }

    /// Spends one of the source's requests.
    pub(super) fn spend_request(&self, source: SourceKey, now: Monotonic) -> Result<(), Spent> {
        self.source(source).requests.spend(now)
    }

    /// Spends one of the source's failures at an integration.
    pub(super) fn spend_failure(&self, source: SourceKey, integration: &IntegrationName, now: Monotonic) -> Result<(), Spent> {
        let fresh = || Arc::new(Budget::new(self.limits.failures_per_source));
        self.failures.get_with((source, integration.clone()), fresh).spend(now)
    }

    /// Whether the source has no failures left at an integration. One that never failed has no entry.
    pub(super) fn is_failure_spent(&self, source: SourceKey, integration: &IntegrationName, now: Monotonic) -> bool {
        self.failures.get(&(source, integration.clone())).is_some_and(|budget| budget.is_empty(now))
    }

    pub(super) fn source(&self, source: SourceKey) -> Arc<SourceState> {
        let fresh = || Arc::new(SourceState { requests: Budget::new(self.limits.per_source), verifying: AtomicUsize::new(0) });
        self.sources.get_with(source, fresh)
    }
}

/// A bounded table of budgets of one rate; idle ones go when they are full again, so going changes nothing.
fn table<K, V>(rate: Rate, entries_max: u64, evictions: &Arc<AtomicU64>) -> Cache<K, V, RandomState>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let evictions = Arc::clone(evictions);
    Cache::builder()
        .max_capacity(entries_max)
        // The default policy turns newcomers away when full, and a budget that is not kept limits nobody.
        .eviction_policy(EvictionPolicy::lru())
        .time_to_idle(Budget::refill_time(rate).clamp(IDLE_MIN, IDLE_MAX))
        .eviction_listener(move |_, _, cause| {
            if cause == RemovalCause::Size {
                evictions.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build_with_hasher(RandomState::default())
}

/// Some 20 MB of budgets at most.
const SOURCES_MAX: u64 = 100_000;
/// Budgets that refill in no time are kept for a while nevertheless: making one costs more than finding it.
const IDLE_MIN: Duration = Duration::from_secs(60);
/// A table must not be asked to keep entries for longer than it can reckon.
const IDLE_MAX: Duration = Duration::from_secs(30 * 86_400);
