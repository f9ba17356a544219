//! The registry: hands out handles by name and renders all series.
//!
//! Invariants:
//! 1. All series of the configuration exist from the moment it is loaded; asking again for the same names returns the same
//!    series, so a reload neither resets nor doubles anything.
//! 2. No label comes from a request: the look-ups take names of the configuration and closed enums only.
//! 3. What other rooms already count as atomics is handed in when a scrape comes, not counted twice.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::domain::name::{IntegrationName, ListenerName, ProviderName, SecretId};
use crate::domain::reason::Reason;
use crate::domain::time::UnixTime;

use super::exposition::prometheus_text;
use super::findings::Families;
use super::handles::{IntegrationMetrics, ProviderMetrics, RequestMetrics, SecretMetrics};
use super::labels::{
    IntegrationLabel, LimitLabel, ListenerLabel, NONE, ProviderLabel, RequestLabels, ResultLabel, SecretLabels, SignalLabel,
};
use super::otlp::Signal;
use super::table::{
    AUDIT_ERRORS, CERTIFICATE_EXPIRY, CLOCK_STEPS, CONFIG_RELOADS, CONNECTIONS, Definition, EVENT_STREAMS, EVENT_STREAMS_DROPPED,
    INFLIGHT_BYTES, INFLIGHT_REQUESTS, KEY_FETCH_FAILURES, LAST_ACCEPTED, LIMIT_REACHED, OTLP_DROPPED, OTLP_FAILURES, READY,
    REPLAY_ABANDONED, REPLAY_BLIND, REPLAY_CAPACITY, REPLAY_ENTRIES, REPLAY_WRITE_FAILURES, REPLICA_FAILURES, REPLICAS,
    REQUEST_DURATION, REQUESTS, SECRET_EXPIRY, SECRET_EXPOSED, SECRET_USED, TLS_HANDSHAKES, UNSCANNED, UPSTREAM_DURATION,
    VERIFY_DURATION, is_counter,
};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Numbers that other rooms keep, read when a scrape comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveReadings {
    /// Requests being handled.
    pub inflight_requests: u64,
    /// Bytes of bodies held.
    pub inflight_bytes: u64,
    /// Deliveries remembered.
    pub replay_entries: u64,
    /// Deliveries that can be remembered.
    pub replay_capacity: u64,
    /// Claims that nobody ended, since the start.
    pub replay_abandoned: u64,
    /// Settlements that were not kept, since the start.
    pub replay_write_failures: u64,
    /// Steps of the wall clock, since the start.
    pub clock_steps: u64,
    /// Fetches of keys that failed, since the start.
    pub key_fetch_failures: u64,
    /// Handshakes that ended well, since the start.
    pub tls_handshakes_ok: u64,
    /// Handshakes that failed, since the start.
    pub tls_handshakes_failed: u64,
    /// Open connections.
    pub connections: u64,
    /// Failures of the audit log, since the start.
    pub audit_errors: u64,
    /// How often each bound was hit, by the bound's name in a closed enum.
    pub limits_reached: Vec<(&'static str, u64)>,
    /// Replicas that share the store and were heard lately.
    pub replicas: u64,
    /// Exchanges with them that failed, since the start.
    pub replica_failures: u64,
    /// Status pages that are being told.
    pub event_streams: u64,
    /// Those that did not keep up, since the start.
    pub event_streams_dropped: u64,
    /// Whether it can serve.
    pub ready: bool,
    /// When the first certificate of each listener that ends TLS ends.
    pub certificates_end: Vec<(ListenerName, UnixTime)>,
}

/// How a reload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadResult {
    /// The new configuration is in force.
    Applied,
    /// The old one stays.
    Refused,
}

impl ReloadResult {
    const fn code(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
        }
    }
}

type Level = Gauge<u64, AtomicU64>;
type Timings<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_duration: Timings<IntegrationLabel>,
    verify_duration: Timings<ProviderLabel>,
    upstream_duration: Timings<IntegrationLabel>,
    last_accepted: Family<IntegrationLabel, Gauge>,
    secret_used: Family<SecretLabels, Counter>,
    secret_expiry: Family<SecretLabels, Gauge>,
    secret_exposed: Family<SecretLabels, Counter>,
    unscanned: Counter,
    otlp_dropped: Family<SignalLabel, Counter>,
    otlp_failures: Family<SignalLabel, Counter>,
    replay_blind: Counter,
    findings: Families,
    replay_abandoned: Counter,
    replay_write_failures: Counter,
    clock_steps: Counter,
    key_fetch_failures: Counter,
    config_reloads: Family<ResultLabel, Counter>,
    tls_handshakes: Family<ResultLabel, Counter>,
    limit_reached: Family<LimitLabel, Counter>,
    certificate_expiry: Family<ListenerLabel, Gauge>,
    audit_errors: Counter,
    event_streams: Level,
    replicas: Level,
    replica_failures: Counter,
    event_streams_dropped: Counter,
    inflight_requests: Level,
    inflight_bytes: Level,
    replay_entries: Level,
    replay_capacity: Level,
    connections: Level,
    ready: Level,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry with every metric and the series that no configuration names.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let known = &mut registry;
        let metrics = Self {
            requests: register(known, REQUESTS, Family::default()),
            request_duration: register(known, REQUEST_DURATION, Family::new_with_constructor(network_histogram)),
            verify_duration: register(known, VERIFY_DURATION, Family::new_with_constructor(processor_histogram)),
            upstream_duration: register(known, UPSTREAM_DURATION, Family::new_with_constructor(network_histogram)),
            last_accepted: register(known, LAST_ACCEPTED, Family::default()),
            secret_used: register(known, SECRET_USED, Family::default()),
            secret_expiry: register(known, SECRET_EXPIRY, Family::default()),
            secret_exposed: register(known, SECRET_EXPOSED, Family::default()),
            unscanned: register(known, UNSCANNED, Counter::default()),
            otlp_dropped: register(known, OTLP_DROPPED, Family::default()),
            otlp_failures: register(known, OTLP_FAILURES, Family::default()),
            replay_blind: register(known, REPLAY_BLIND, Counter::default()),
            findings: Families::register(known),
            replay_abandoned: register(known, REPLAY_ABANDONED, Counter::default()),
            replay_write_failures: register(known, REPLAY_WRITE_FAILURES, Counter::default()),
            clock_steps: register(known, CLOCK_STEPS, Counter::default()),
            key_fetch_failures: register(known, KEY_FETCH_FAILURES, Counter::default()),
            config_reloads: register(known, CONFIG_RELOADS, Family::default()),
            tls_handshakes: register(known, TLS_HANDSHAKES, Family::default()),
            certificate_expiry: register(known, CERTIFICATE_EXPIRY, Family::default()),
            limit_reached: register(known, LIMIT_REACHED, Family::default()),
            audit_errors: register(known, AUDIT_ERRORS, Counter::default()),
            event_streams: register(known, EVENT_STREAMS, Level::default()),
            replicas: register(known, REPLICAS, Level::default()),
            replica_failures: register(known, REPLICA_FAILURES, Counter::default()),
            event_streams_dropped: register(known, EVENT_STREAMS_DROPPED, Counter::default()),
            inflight_requests: register(known, INFLIGHT_REQUESTS, Level::default()),
            inflight_bytes: register(known, INFLIGHT_BYTES, Level::default()),
            replay_entries: register(known, REPLAY_ENTRIES, Level::default()),
            replay_capacity: register(known, REPLAY_CAPACITY, Level::default()),
            connections: register(known, CONNECTIONS, Level::default()),
            ready: register(known, READY, Level::default()),
            registry,
        };
        metrics.prepare();
        metrics
    }

    fn prepare(&self) {
        let _ = self.unrouted();
        for signal in Signal::ALL {
            self.count_otlp_dropped(signal, 0);
            self.otlp_failures.get_or_create_owned(&SignalLabel { signal: signal.code() });
        }
        for result in [ReloadResult::Applied, ReloadResult::Refused] {
            self.config_reloads.get_or_create_owned(&ResultLabel { result: result.code() });
        }
    }

    /// The handles of one integration; its series exist from here on.
    #[must_use]
    pub fn integration(&self, integration: &IntegrationName, provider: &ProviderName) -> IntegrationMetrics {
        let label = IntegrationLabel::new(integration.as_str());
        IntegrationMetrics {
            requests: self.requests_of(integration.as_str(), provider.as_str()),
            upstream_duration: self.upstream_duration.get_or_create_owned(&label),
            last_accepted: self.last_accepted.get_or_create_owned(&label),
            findings: self.findings.of(integration),
        }
    }

    /// The handles of requests that reached no integration.
    #[must_use]
    pub fn unrouted(&self) -> RequestMetrics {
        self.requests_of(NONE, NONE)
    }

    fn requests_of(&self, integration: &str, provider: &str) -> RequestMetrics {
        let counter = |reason| self.requests.get_or_create_owned(&RequestLabels::new(integration, provider, reason));
        RequestMetrics {
            ended: Reason::ALL.map(counter),
            duration: self.request_duration.get_or_create_owned(&IntegrationLabel::new(integration)),
        }
    }

    /// The handles of one provider.
    #[must_use]
    pub fn provider(&self, provider: &ProviderName) -> ProviderMetrics {
        ProviderMetrics { verify_duration: self.verify_duration.get_or_create_owned(&ProviderLabel::new(provider)) }
    }

    /// The handles of one secret, and the end it has now.
    #[must_use]
    pub fn secret(&self, integration: &IntegrationName, id: &SecretId, not_after: Option<UnixTime>) -> SecretMetrics {
        let labels = SecretLabels::new(integration, id);
        match not_after {
            Some(end) => {
                self.secret_expiry.get_or_create_owned(&labels).set(end.seconds());
            }
            None => {
                self.secret_expiry.remove(&labels);
            }
        }
        SecretMetrics {
            used: self.secret_used.get_or_create_owned(&labels),
            exposed: self.secret_exposed.get_or_create_owned(&labels),
        }
    }

    /// Forgets the series of an integration that the configuration no longer has, or has with another provider.
    pub fn retire_integration(&self, integration: &IntegrationName, provider: &ProviderName) {
        for reason in Reason::ALL {
            self.requests.remove(&RequestLabels::new(integration.as_str(), provider.as_str(), reason));
        }
        let label = IntegrationLabel::new(integration.as_str());
        self.request_duration.remove(&label);
        self.upstream_duration.remove(&label);
        self.last_accepted.remove(&label);
        self.findings.retire(integration);
    }

    /// Forgets the series of a provider that no integration has any more.
    pub fn retire_provider(&self, provider: &ProviderName) {
        self.verify_duration.remove(&ProviderLabel::new(provider));
    }

    /// Forgets the series of a secret that the configuration no longer has.
    pub fn retire_secret(&self, integration: &IntegrationName, id: &SecretId) {
        let labels = SecretLabels::new(integration, id);
        self.secret_used.remove(&labels);
        self.secret_expiry.remove(&labels);
        self.secret_exposed.remove(&labels);
    }

    /// Counts a delivery that was not looked through for secrets of ours.
    pub fn count_unscanned(&self) {
        self.unscanned.inc();
    }

    /// Counts what could not be kept until it was sent.
    pub fn count_otlp_dropped(&self, signal: Signal, count: u64) {
        self.otlp_dropped.get_or_create_owned(&SignalLabel { signal: signal.code() }).inc_by(count);
    }

    /// Counts an attempt to send that failed.
    pub fn count_otlp_failure(&self, signal: Signal) {
        self.otlp_failures.get_or_create_owned(&SignalLabel { signal: signal.code() }).inc();
    }

    /// Counts a delivery that passed while the replay store had no history.
    pub fn count_replay_blind(&self) {
        self.replay_blind.inc();
    }

    /// Counts a reload.
    pub fn count_reload(&self, result: ReloadResult) {
        self.config_reloads.get_or_create_owned(&ResultLabel { result: result.code() }).inc();
    }

    /// All series as Prometheus text, with the numbers of other rooms as they are now.
    #[must_use]
    pub fn render(&self, live: &LiveReadings) -> String {
        self.read(live);
        let mut text = String::new();
        // Writing to a String cannot fail, and no metric here refuses to be encoded.
        if encode_registry(&mut text, &self.registry).is_err() {
            tracing::error!("a metric could not be rendered; the scrape is incomplete");
        }
        prometheus_text(&text, is_counter)
    }

    fn read(&self, live: &LiveReadings) {
        self.inflight_requests.set(live.inflight_requests);
        self.inflight_bytes.set(live.inflight_bytes);
        self.replay_entries.set(live.replay_entries);
        self.replay_capacity.set(live.replay_capacity);
        self.connections.set(live.connections);
        overwrite(&self.replay_abandoned, live.replay_abandoned);
        overwrite(&self.replay_write_failures, live.replay_write_failures);
        overwrite(&self.clock_steps, live.clock_steps);
        overwrite(&self.key_fetch_failures, live.key_fetch_failures);
        self.ready.set(live.ready.into());
        overwrite(&self.audit_errors, live.audit_errors);
        self.event_streams.set(live.event_streams);
        self.replicas.set(live.replicas);
        overwrite(&self.replica_failures, live.replica_failures);
        overwrite(&self.event_streams_dropped, live.event_streams_dropped);
        let handshakes = |result| self.tls_handshakes.get_or_create_owned(&ResultLabel { result });
        overwrite(&handshakes("ok"), live.tls_handshakes_ok);
        overwrite(&handshakes("failed"), live.tls_handshakes_failed);
        // A listener that is gone has no certificate.
        self.certificate_expiry.clear();
        for (listener, end) in &live.certificates_end {
            let listener = listener.to_string();
            self.certificate_expiry.get_or_create_owned(&ListenerLabel { listener }).set(end.seconds());
        }
        for (limit, hits) in &live.limits_reached {
            overwrite(&self.limit_reached.get_or_create_owned(&LimitLabel { limit }), *hits);
        }
    }
}

pub(super) fn register<M: Metric + Clone>(registry: &mut Registry, definition: Definition, metric: M) -> M {
    registry.register(definition.family(), definition.help, metric.clone());
    metric
}

/// A counter whose truth is kept elsewhere takes over the number.
fn overwrite(counter: &Counter, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

/// What waits for a network: 100 µs to 30 s.
fn network_histogram() -> Histogram {
    Histogram::new([0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

/// What only computes: 5 µs to 100 ms.
fn processor_histogram() -> Histogram {
    Histogram::new([0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1])
}

#[cfg(test)]
mod tests;
