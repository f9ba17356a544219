//! The table of metrics: every name, label and help text there is. pure
//!
//! Invariants: names and labels are the interface; no other file spells one.

/// One metric of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name as rendered.
    pub name: &'static str,
    /// What it tells, without a full stop.
    pub help: &'static str,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
}

impl Definition {
    /// The encoder appends the suffix of a counter itself.
    pub(super) fn family(self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }
}

macro_rules! definitions {
    ($($constant:ident = $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(super) const $constant: Definition = Definition { name: $name, help: $help, labels: &[$($label),*] };)*

        /// Every metric there is.
        pub const DEFINITIONS: &[Definition] = &[$($constant),*];
    };
}

definitions! {
    REQUESTS = "hookward_requests_total" ["integration", "provider", "outcome", "reason"]
        "Requests whose head was read, by how they ended";
    REQUEST_DURATION = "hookward_request_duration_seconds" ["integration"]
        "Time from a request's head to its answer";
    VERIFY_DURATION = "hookward_verify_duration_seconds" ["provider"]
        "Time to judge a signature and its time window";
    UPSTREAM_DURATION = "hookward_upstream_duration_seconds" ["integration"]
        "Time from sending to an upstream to its whole answer";
    INFLIGHT_REQUESTS = "hookward_inflight_requests" []
        "Requests being handled";
    INFLIGHT_BYTES = "hookward_inflight_bytes" []
        "Bytes of bodies held in memory";
    REPLAY_ENTRIES = "hookward_replay_entries" []
        "Deliveries the replay store remembers";
    REPLAY_CAPACITY = "hookward_replay_capacity" []
        "Deliveries the replay store can remember";
    REPLAY_BLIND = "hookward_replay_blind_total" []
        "Deliveries without a signed time that passed while the replay store had no history";
    REPLAY_ABANDONED = "hookward_replay_abandoned_total" []
        "Claims that nobody ended; each is left to its lease";
    REPLAY_WRITE_FAILURES = "hookward_replay_write_failures_total" []
        "Settlements that the replay store could not keep in time; each was answered 503";
    CLOCK_STEPS = "hookward_clock_steps_total" []
        "Times that the wall clock was set by more than a second";
    KEY_FETCH_FAILURES = "hookward_key_fetch_failures_total" []
        "Key sets that could not be fetched, or were none; the last good ones stay in use";
    SECRET_USED = "hookward_secret_used_total" ["integration", "secret_id"]
        "Deliveries that a secret verified";
    SECRET_EXPIRY = "hookward_secret_expiry_timestamp_seconds" ["integration", "secret_id"]
        "When a secret ends; absent for secrets without an end";
    SECRET_EXPOSED = "hookward_secret_exposed_total" ["integration", "secret_id"]
        "Deliveries that carried a secret of ours, by whose it is";
    UNSCANNED = "hookward_unscanned_deliveries_total" []
        "Forwarded deliveries that were not looked through for secrets of ours, there being too many";
    OTLP_DROPPED = "hookward_otlp_dropped_total" ["signal"]
        "Spans of requests and audit records that were not sent, there being too many";
    OTLP_FAILURES = "hookward_otlp_failures_total" ["signal"]
        "Attempts to send telemetry that failed";
    LAST_ACCEPTED = "hookward_last_accepted_timestamp_seconds" ["integration"]
        "When a request was last accepted; 0 for never since the start";
    FINDINGS = "hookward_findings" ["integration", "finding"]
        "What somebody should look at, by kind; 0 where there is nothing of it";
    ANOMALIES = "hookward_anomalies_total" ["integration", "anomaly"]
        "Departures of an integration from its own history";
    TLS_HANDSHAKES = "hookward_tls_handshakes_total" ["result"]
        "TLS handshakes with senders";
    CONNECTIONS = "hookward_connections" []
        "Open connections of senders";
    CERTIFICATE_EXPIRY = "hookward_certificate_expiry_timestamp_seconds" ["listener"]
        "When the first of a listener's certificates ends";
    LIMIT_REACHED = "hookward_limit_reached_total" ["limit"]
        "Times a bound was hit that no single request's reason tells of";
    READY = "hookward_ready" []
        "1 while /readyz answers 200, else 0";
    CONFIG_RELOADS = "hookward_config_reloads_total" ["result"]
        "Reloads of the configuration";
    AUDIT_ERRORS = "hookward_audit_errors_total" []
        "Failed attempts to write the audit log, and records lost under on_failure = continue";
    REPLICAS = "hookward_replicas" []
        "Gateways that share the Redis of the replay store and were heard lately; 0 without Redis";
    REPLICA_FAILURES = "hookward_replica_failures_total" []
        "Failed exchanges of kill switches with the other replicas";
    EVENT_STREAMS = "hookward_event_streams" []
        "Status pages that are being told what changes";
    EVENT_STREAMS_DROPPED = "hookward_event_streams_dropped_total" []
        "Status pages that did not keep up and were let go";
}

/// Whether the encoder's name of a family belongs to a counter.
pub(super) fn is_counter(family: &str) -> bool {
    DEFINITIONS.iter().any(|definition| definition.family() == family && definition.name != family)
}
