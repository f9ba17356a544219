//! What sources have left: requests of each, failures of each at each integration.
//!
//! Owns: the two tables, shared by all integrations and kept over reloads that leave the limits as they are.
//! Must not know: requests, integrations' settings.
//! Invariants: a source's budget exists once; one that is forgotten because it was idle would be full again.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::spec::SourceLimits;
use super::table::Table;
use crate::domain::address::SourceKey;
use crate::domain::budget::{Budget, Spent};
use crate::domain::name::IntegrationName;
use crate::domain::size::Rate;
use crate::domain::time::{Monotonic, Now};

/// What sources have left.
#[derive(Debug)]
pub struct SourceTable {
    limits: SourceLimits,
    sources: Table<SourceKey, SourceState>,
    failures: Table<(SourceKey, IntegrationName), Budget>,
}

/// One source.
#[derive(Debug)]
pub(super) struct SourceState {
    requests: Budget,
    /// How many of its requests are being verified though a budget of failures of it is empty.
    pub(super) verifying: AtomicUsize,
}

impl From<Rate> for SourceState {
    fn from(rate: Rate) -> Self {
        Self { requests: Budget::new(rate), verifying: AtomicUsize::new(0) }
    }
}

impl SourceTable {
    /// Empty tables: every budget is full.
    #[must_use]
    pub fn new(limits: SourceLimits) -> Self {
        Self::bounded(limits, SOURCES_MAX)
    }

    /// Empty tables with a bound of their own.
    #[must_use]
    pub fn bounded(limits: SourceLimits, sources_max: usize) -> Self {
        let (sources, failures) = (limits.per_source, limits.failures_per_source);
        Self { limits, sources: Table::new(sources, sources_max), failures: Table::new(failures, sources_max) }
    }

    /// The limits it was built for: a reload that does not change them keeps the table.
    #[must_use]
    pub const fn limits(&self) -> SourceLimits {
        self.limits
    }

    /// How often newcomers had to share a budget because a table was full.
    #[must_use]
    pub fn overflows(&self) -> u64 {
        self.sources.overflows().saturating_add(self.failures.overflows())
    }

    /// How many budgets are held.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.sources.len().saturating_add(self.failures.len())
    }

    /// Forgets budgets that are full again. Called now and then, off the request path.
    pub fn maintain(&self, now: Now) {
        self.sources.maintain(now.monotonic);
        self.failures.maintain(now.monotonic);
    }

    /// Spends one of the source's requests.
    pub(super) fn spend_request(&self, source: SourceKey, now: Monotonic) -> Result<(), Spent> {
        self.source(source, now).requests.spend(now)
    }

    /// Spends one of the source's failures at an integration.
    pub(super) fn spend_failure(&self, source: SourceKey, integration: &IntegrationName, now: Monotonic) -> Result<(), Spent> {
        self.failures.entry((source, integration.clone()), source, now).spend(now)
    }

    /// Whether the source has no failures left at an integration. One that never failed has no entry.
    pub(super) fn is_failure_spent(&self, source: SourceKey, integration: &IntegrationName, now: Monotonic) -> bool {
        self.failures.find(&(source, integration.clone()), source).is_some_and(|budget| budget.is_empty(now))
    }

    pub(super) fn source(&self, source: SourceKey, now: Monotonic) -> Arc<SourceState> {
        self.sources.entry(source, source, now)
    }
}

/// Some 20 MB of budgets at most.
const SOURCES_MAX: usize = 100_000;
