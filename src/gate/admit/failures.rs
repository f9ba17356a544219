//! The budget of failures, for each source and integration: it slows strangers down and never mutes a provider.
//!
//! 1. A request without the scheme's headers spends one; while there is none left it is refused unread.
//! 2. A request with them is verified even then, but only sixteen of a source at once.
//! 3. One that fails spends one, and learns whether there was one: then it is told why it failed, else only to come later.
//! 4. One that verifies spends nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::AdmitError;
use super::sources::{SourceState, SourceTable};
use crate::domain::address::{Source, SourceKey};
use crate::domain::budget::Spent;
use crate::domain::name::IntegrationName;
use crate::domain::retry_after::RetryAfter;
use crate::domain::time::Now;

/// What a failure is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureVerdict {
    /// The budget had one: the failure's own answer.
    Spent,
    /// The budget was empty: 429, `rate_limited_failures`.
    Empty {
        /// When there is one again.
        retry_after: RetryAfter,
    },
}

/// A verification under way. Ends with [`Attempt::passed`] or [`Attempt::failed`]; dropping it frees its slot, too.
#[must_use = "a failure must be spent"]
#[derive(Debug)]
pub struct Attempt {
    table: Arc<SourceTable>,
    source: SourceKey,
    integration: IntegrationName,
    slot: Option<Slot>,
}

/// Begins to verify a request that has the scheme's headers. Takes a slot only while the budget is empty.
///
/// # Errors
/// [`AdmitError::RateLimitedFailures`] when it is empty and all slots of the source are taken.
pub fn enter(table: &Arc<SourceTable>, source: Source, integration: &IntegrationName, now: Now) -> Result<Attempt, AdmitError> {
    let source = source.limit_key();
    let slot = if table.is_failure_spent(source, integration, now.monotonic) {
        Some(Slot::take(table.source(source, now.monotonic)).ok_or(BUSY)?)
    } else {
        None
    };
    Ok(Attempt { table: Arc::clone(table), source, integration: integration.clone(), slot })
}

/// Judges a request without the scheme's headers.
#[must_use]
pub fn headerless(table: &SourceTable, source: Source, integration: &IntegrationName, now: Now) -> FailureVerdict {
    table.spend_failure(source.limit_key(), integration, now.monotonic).into()
}

impl Attempt {
    /// It did not verify.
    #[must_use]
    pub fn failed(self, now: Now) -> FailureVerdict {
        self.table.spend_failure(self.source, &self.integration, now.monotonic).into()
    }

    /// It verified: the budget is untouched.
    pub fn passed(self) {
        drop(self);
    }

    /// Whether it was entered though the budget was empty.
    #[must_use]
    pub const fn is_on_sufferance(&self) -> bool {
        self.slot.is_some()
    }
}

impl From<Result<(), Spent>> for FailureVerdict {
    fn from(spent: Result<(), Spent>) -> Self {
        match spent {
            Ok(()) => Self::Spent,
            Err(Spent { retry_after }) => Self::Empty { retry_after },
        }
    }
}

/// One of a source's places among those verified on sufferance; free again when dropped.
#[derive(Debug)]
struct Slot(Arc<SourceState>);

impl Slot {
    fn take(source: Arc<SourceState>) -> Option<Self> {
        let next = |taken: usize| (taken < SLOTS).then_some(taken + 1);
        source.verifying.fetch_update(Ordering::AcqRel, Ordering::Relaxed, next).ok()?;
        Some(Self(source))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let verifying: &AtomicUsize = &self.0.verifying;
        verifying.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A verification takes milliseconds: a second later a slot is free.
const BUSY: AdmitError = AdmitError::RateLimitedFailures { retry_after: RetryAfter::MIN };
/// At once, of one source, while its budget is empty.
const SLOTS: usize = 16;
