//! What the hot path counts with: handles that were looked up when the configuration was loaded.
//!
//! Invariants: counting takes no lock and no look-up (a histogram takes its own short lock); a handle stays valid over reloads,
//! and two handles of one name count into the same series.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::findings::FindingMetrics;
use crate::domain::reason::Reason;
use crate::domain::time::UnixTime;

/// Requests of one integration, or of none: how they ended and how long they took.
#[derive(Clone, Debug)]
pub struct RequestMetrics {
    /// One counter a reason, in the order of [`Reason::ALL`].
    pub(super) ended: [Counter; Reason::ALL.len()],
    pub(super) duration: Histogram,
}

impl RequestMetrics {
    /// Counts one request that ended.
    pub fn count(&self, reason: Reason) {
        if let Some(counter) = self.ended.get(reason as usize) {
            counter.inc();
        }
    }

    /// How many ended for this reason since the process began, or since the integration was last retired.
    #[must_use]
    pub fn counted(&self, reason: Reason) -> u64 {
        self.ended.get(reason as usize).map_or(0, Counter::get)
    }

    /// Notes how long one took, from its head to its answer.
    pub fn took(&self, duration: Duration) {
        self.duration.observe(duration.as_secs_f64());
    }
}

/// Everything counted for one integration.
#[derive(Clone, Debug)]
pub struct IntegrationMetrics {
    /// How its requests ended.
    pub requests: RequestMetrics,
    pub(super) upstream_duration: Histogram,
    pub(super) last_accepted: Gauge,
    /// What somebody should look at.
    pub findings: FindingMetrics,
}

impl IntegrationMetrics {
    /// Notes how long the upstream took.
    pub fn upstream_took(&self, duration: Duration) {
        self.upstream_duration.observe(duration.as_secs_f64());
    }

    /// Notes when a request was last accepted.
    pub fn accepted_at(&self, at: UnixTime) {
        self.last_accepted.set(at.seconds());
    }

    /// When a request was last accepted, since the process began.
    #[must_use]
    pub fn last_accepted(&self) -> Option<UnixTime> {
        Some(self.last_accepted.get()).filter(|seconds| *seconds > 0).map(UnixTime::from_seconds)
    }
}

/// Everything counted for one provider.
#[derive(Clone, Debug)]
pub struct ProviderMetrics {
    pub(super) verify_duration: Histogram,
}

impl ProviderMetrics {
    /// Notes how long a judgement of signature and time took.
    pub fn verification_took(&self, duration: Duration) {
        self.verify_duration.observe(duration.as_secs_f64());
    }
}

/// Everything counted for one secret.
#[derive(Clone, Debug)]
pub struct SecretMetrics {
    pub(super) used: Counter,
    pub(super) exposed: Counter,
}

impl SecretMetrics {
    /// Counts one delivery that this secret verified.
    pub fn used(&self) {
        self.used.inc();
    }

    /// Counts one delivery that carried this secret.
    pub fn exposed(&self) {
        self.exposed.inc();
    }
}
