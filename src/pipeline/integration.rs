//! One integration, built: what it needs at each gate.
//!
//! Immutable but for what is counted. All workers share it; each has a pool of its own in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::domain::finding::FindingKind;
use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::time::UnixTime;
use crate::gate::admit::terms::AdmitTerms;
use crate::gate::forward::pool::UpstreamPool;
use crate::gate::pace::gate::Pace;
use crate::gate::replay::terms::ReplayTerms;
use crate::gate::scope::rules::EventRules;
use crate::inventory::board::Track;
use crate::inventory::finding::{Finding, Terms};
use crate::pipeline::keys::Keys;
use crate::provider::scheme::{OnRefusal, Scheme};
use crate::switch::board::Switch;
use crate::telemetry::handles::{IntegrationMetrics, ProviderMetrics, SecretMetrics};

/// One integration, ready to judge.
pub struct Integration {
    /// Its name.
    pub name: IntegrationName,
    /// Its scheme.
    pub scheme: Arc<Scheme>,
    /// Its secrets, keyed.
    pub keys: Keys,
    /// Who may come, and how.
    pub admission: AdmitTerms,
    /// The largest body.
    pub max_body_bytes: u64,
    /// How far a signed time may lie from now.
    pub tolerance: Duration,
    /// Event types in scope.
    pub events: EventRules,
    /// How its deliveries are claimed.
    pub replay: ReplayTerms,
    /// Its own budget. Kept by the next site unless its rate differs.
    pub pace: Arc<Pace>,
    /// Its upstream. Kept by the next site unless anything about it differs.
    pub pools: Arc<Pools>,
    /// What a replay is answered.
    pub on_replay: OnRefusal,
    /// What an event out of scope is answered.
    pub on_event_denied: OnRefusal,
    /// Whether the configuration lets it take deliveries at all.
    pub enabled: bool,
    /// What an operator says to that; the same for every site.
    pub switch: Arc<Switch>,
    /// What is counted.
    pub metrics: IntegrationMetrics,
    /// What is counted for its provider.
    pub provider_metrics: ProviderMetrics,
    /// The use of each secret.
    pub secrets: Vec<SecretUse>,
    /// What people want to know of it.
    pub about: About,
    /// What was seen of it; the same for every site.
    pub track: Arc<Track>,
    /// What the configuration says of what may be seen.
    pub terms: Terms,
}

/// What people want to know of an integration, and no gate does.
#[derive(Clone, Debug)]
pub struct About {
    /// The host it is reached by.
    pub host: Option<String>,
    /// The path it is reached by.
    pub path: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When it is to be looked at again.
    pub review_by: Option<String>,
    /// The authority of its upstream.
    pub upstream: Arc<str>,
    /// The path again, for many hands.
    pub route: Arc<str>,
}

/// The connections to one upstream: one pool a worker.
pub struct Pools {
    /// One a worker.
    pub workers: Vec<UpstreamPool>,
    /// For whoever is no worker.
    pub common: UpstreamPool,
}

/// When a secret was last used, and its counter.
pub struct SecretUse {
    /// Which secret.
    pub id: SecretId,
    /// Not used before.
    pub not_before: Option<UnixTime>,
    /// Not used from then on.
    pub not_after: Option<UnixTime>,
    metrics: SecretMetrics,
    /// Since when it is known to have this text.
    loaded_micros: Arc<AtomicI64>,
    /// Shared with the site before this one: requests that it still serves use the secret, too.
    last_used_micros: Arc<AtomicI64>,
    /// When a delivery last carried it.
    exposed_micros: Arc<AtomicI64>,
}

impl SecretUse {
    /// A secret that was not used yet.
    #[must_use]
    pub fn new(
        id: SecretId,
        validity: (Option<UnixTime>, Option<UnixTime>),
        loaded_at: UnixTime,
        metrics: SecretMetrics,
    ) -> Self {
        let (not_before, not_after) = validity;
        let loaded_micros = Arc::new(AtomicI64::new(loaded_at.micros()));
        Self { id, not_before, not_after, metrics, loaded_micros, last_used_micros: never(), exposed_micros: never() }
    }

    /// The same secret in the next site: what is known of its use goes along. `is_same_text` says that its value is, too.
    #[must_use]
    pub fn after(self, before: &Self, is_same_text: bool) -> Self {
        let loaded_micros = if is_same_text { Arc::clone(&before.loaded_micros) } else { self.loaded_micros };
        // Another value under the same name was not seen yet.
        let exposed_micros = if is_same_text { Arc::clone(&before.exposed_micros) } else { never() };
        Self { loaded_micros, last_used_micros: Arc::clone(&before.last_used_micros), exposed_micros, ..self }
    }

    /// Since when it is known to have the text that it has.
    #[must_use]
    pub fn loaded_at(&self) -> UnixTime {
        UnixTime::from_micros(self.loaded_micros.load(Ordering::Relaxed))
    }

    /// When it last verified a delivery.
    #[must_use]
    pub fn last_used(&self) -> Option<UnixTime> {
        moment(&self.last_used_micros)
    }

    /// When a delivery last carried it, which makes it known to more than two.
    #[must_use]
    pub fn last_exposed(&self) -> Option<UnixTime> {
        moment(&self.exposed_micros)
    }
}

impl SecretUse {
    /// What follows where a delivery carried it.
    fn exposure(&self) -> Option<Finding> {
        let since = self.last_exposed()?;
        let text = format!("a delivery carried `{}`, last {since}: rotate it", self.id);
        Some(Finding { kind: FindingKind::SecretInDelivery, about: Some(self.id.to_string()), since: Some(since), text })
    }
}

fn never() -> Arc<AtomicI64> {
    Arc::new(AtomicI64::new(NEVER))
}

fn moment(micros: &AtomicI64) -> Option<UnixTime> {
    let micros = micros.load(Ordering::Relaxed);
    (micros != NEVER).then(|| UnixTime::from_micros(micros))
}

const NEVER: i64 = i64::MIN;

impl Integration {
    /// The pool of a worker.
    #[must_use]
    pub fn pool(&self, worker: usize) -> &UpstreamPool {
        self.pools.workers.get(worker).unwrap_or(&self.pools.common)
    }

    /// Whether it takes deliveries now, as far as its operators say.
    #[must_use]
    pub fn is_taking(&self, now: UnixTime) -> bool {
        self.enabled && self.switch.off(now).is_none()
    }

    /// What somebody should look at.
    #[must_use]
    pub fn findings(&self, now: UnixTime) -> Vec<Finding> {
        let exposed = self.secrets.iter().filter_map(SecretUse::exposure);
        exposed.chain(self.track.findings(&self.terms, now, self.is_taking(now))).collect()
    }

    /// Notes that a secret verified a delivery.
    pub fn secret_used(&self, id: &SecretId, at: UnixTime) {
        if let Some(secret) = self.secrets.iter().find(|secret| secret.id == *id) {
            secret.metrics.used();
            secret.last_used_micros.fetch_max(at.micros(), Ordering::Relaxed);
        }
    }

    /// Notes that a secret has another text from now on: nobody was seen to carry that one.
    pub fn secret_renewed(&self, id: &SecretId, at: UnixTime) {
        if let Some(secret) = self.secrets.iter().find(|secret| secret.id == *id) {
            secret.loaded_micros.store(at.micros(), Ordering::Relaxed);
            secret.exposed_micros.store(NEVER, Ordering::Relaxed);
        }
        self.track.renew_secret(id, at);
    }

    /// Notes that a delivery carried a secret.
    pub fn secret_exposed(&self, id: &SecretId, at: UnixTime) {
        if let Some(secret) = self.secrets.iter().find(|secret| secret.id == *id) {
            secret.metrics.exposed();
            secret.exposed_micros.fetch_max(at.micros(), Ordering::Relaxed);
        }
    }
}
