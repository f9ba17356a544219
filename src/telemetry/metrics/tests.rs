//! The rendered text is the interface: names, labels, types and the series that exist from the start.

use std::time::Duration;

use crate::telemetry::table::DEFINITIONS;

use super::*;

const INTERFACE: [(&str, &str); 33] = [
    ("hookward_requests_total", "counter"),
    ("hookward_request_duration_seconds", "histogram"),
    ("hookward_verify_duration_seconds", "histogram"),
    ("hookward_upstream_duration_seconds", "histogram"),
    ("hookward_inflight_requests", "gauge"),
    ("hookward_inflight_bytes", "gauge"),
    ("hookward_replay_entries", "gauge"),
    ("hookward_replay_capacity", "gauge"),
    ("hookward_replay_blind_total", "counter"),
    ("hookward_replay_abandoned_total", "counter"),
    ("hookward_replay_write_failures_total", "counter"),
    ("hookward_clock_steps_total", "counter"),
    ("hookward_key_fetch_failures_total", "counter"),
    ("hookward_secret_used_total", "counter"),
    ("hookward_secret_expiry_timestamp_seconds", "gauge"),
    ("hookward_secret_exposed_total", "counter"),
    ("hookward_unscanned_deliveries_total", "counter"),
    ("hookward_otlp_dropped_total", "counter"),
    ("hookward_otlp_failures_total", "counter"),
    ("hookward_last_accepted_timestamp_seconds", "gauge"),
    ("hookward_findings", "gauge"),
    ("hookward_anomalies_total", "counter"),
    ("hookward_tls_handshakes_total", "counter"),
    ("hookward_connections", "gauge"),
    ("hookward_certificate_expiry_timestamp_seconds", "gauge"),
    ("hookward_limit_reached_total", "counter"),
    ("hookward_ready", "gauge"),
    ("hookward_config_reloads_total", "counter"),
    ("hookward_audit_errors_total", "counter"),
    ("hookward_replicas", "gauge"),
    ("hookward_replica_failures_total", "counter"),
    ("hookward_event_streams", "gauge"),
    ("hookward_event_streams_dropped_total", "counter"),
];

fn integration() -> (IntegrationName, ProviderName, SecretId) {
    ("payments".parse().unwrap(), "stripe".parse().unwrap(), "2026-q4".parse().unwrap())
}

fn configured() -> Metrics {
    let metrics = Metrics::new();
    let (name, provider, secret) = integration();
    let _ = metrics.integration(&name, &provider);
    let _ = metrics.provider(&provider);
    let _ = metrics.secret(&name, &secret, Some(UnixTime::from_seconds(1_800_000_000)));
    metrics
}

fn render(metrics: &Metrics) -> String {
    let end = ("public".parse().unwrap(), UnixTime::from_seconds(1_900_000_000));
    let (limits_reached, certificates_end) = (vec![("connections", 0)], vec![end]);
    metrics.render(&LiveReadings { limits_reached, certificates_end, ..LiveReadings::default() })
}

#[track_caller]
fn assert_line(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "no line {line:?} in\n{text}");
}

#[test]
fn every_name_is_rendered_with_its_type_and_help_and_nothing_else_is() {
    let text = render(&configured());
    for (name, kind) in INTERFACE {
        assert_line(&text, &format!("# TYPE {name} {kind}"));
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
    }
    assert_eq!(text.matches("# TYPE ").count(), INTERFACE.len());
    assert_eq!(DEFINITIONS.iter().map(|definition| definition.name).collect::<Vec<_>>(), INTERFACE.map(|(name, _)| name));
    assert!(!text.contains("# EOF") && !text.contains("_total_total") && !text.contains("# UNIT"));
}

#[test]
fn every_series_of_the_configuration_exists_from_the_start() {
    let text = render(&configured());
    for reason in Reason::ALL {
        let (outcome, code) = (reason.decision().code(), reason.code());
        for (integration, provider) in [("payments", "stripe"), ("-", "-")] {
            let labels = format!("integration=\"{integration}\",provider=\"{provider}\",outcome=\"{outcome}\",reason=\"{code}\"");
            assert_line(&text, &format!("hookward_requests_total{{{labels}}} 0"));
        }
    }
    for line in [
        "hookward_request_duration_seconds_count{integration=\"payments\"} 0",
        "hookward_request_duration_seconds_count{integration=\"-\"} 0",
        "hookward_upstream_duration_seconds_count{integration=\"payments\"} 0",
        "hookward_verify_duration_seconds_count{provider=\"stripe\"} 0",
        "hookward_last_accepted_timestamp_seconds{integration=\"payments\"} 0",
        "hookward_secret_used_total{integration=\"payments\",secret_id=\"2026-q4\"} 0",
        "hookward_secret_expiry_timestamp_seconds{integration=\"payments\",secret_id=\"2026-q4\"} 1800000000",
        "hookward_tls_handshakes_total{result=\"ok\"} 0",
        "hookward_tls_handshakes_total{result=\"failed\"} 0",
        "hookward_config_reloads_total{result=\"applied\"} 0",
        "hookward_config_reloads_total{result=\"refused\"} 0",
        "hookward_replay_blind_total 0",
        "hookward_audit_errors_total 0",
    ] {
        assert_line(&text, line);
    }
}

#[test]
fn labels_are_rendered_as_the_table_says() {
    let text = render(&configured());
    for definition in DEFINITIONS {
        let stem = format!("{}{{", definition.name);
        let bucket = format!("{}_bucket{{", definition.name);
        for line in text.lines().filter(|line| line.starts_with(&stem)) {
            let labels: Vec<&str> = line[stem.len()..].split(',').filter_map(|pair| pair.split('=').next()).collect();
            assert_eq!(labels, definition.labels, "{line}");
        }
        let labelled = text.lines().any(|line| line.starts_with(&stem) || line.starts_with(&bucket));
        assert_eq!(labelled, !definition.labels.is_empty(), "{}", definition.name);
    }
}

#[test]
fn what_is_counted_is_rendered() {
    let metrics = configured();
    let (name, provider, secret) = integration();
    let handles = metrics.integration(&name, &provider);
    handles.requests.count(Reason::Replayed);
    handles.requests.took(Duration::from_millis(3));
    handles.upstream_took(Duration::from_secs(40));
    handles.accepted_at(UnixTime::from_micros(1_700_000_000_900_000));
    metrics.provider(&provider).verification_took(Duration::from_micros(7));
    metrics.secret(&name, &secret, None).used();
    metrics.count_replay_blind();
    metrics.count_reload(ReloadResult::Refused);
    metrics.unrouted().count(Reason::UnknownRoute);
    assert_eq!((handles.requests.counted(Reason::Replayed), handles.requests.counted(Reason::Delivered)), (1, 0));
    assert_eq!(handles.last_accepted(), Some(UnixTime::from_seconds(1_700_000_000)));
    let text = render(&metrics);
    for line in [
        "hookward_requests_total{integration=\"payments\",provider=\"stripe\",outcome=\"refused\",reason=\"replayed\"} 1",
        "hookward_requests_total{integration=\"-\",provider=\"-\",outcome=\"refused\",reason=\"unknown_route\"} 1",
        "hookward_request_duration_seconds_bucket{le=\"0.0025\",integration=\"payments\"} 0",
        "hookward_request_duration_seconds_bucket{le=\"0.005\",integration=\"payments\"} 1",
        "hookward_upstream_duration_seconds_bucket{le=\"30.0\",integration=\"payments\"} 0",
        "hookward_upstream_duration_seconds_bucket{le=\"+Inf\",integration=\"payments\"} 1",
        "hookward_verify_duration_seconds_bucket{le=\"0.00001\",provider=\"stripe\"} 1",
        "hookward_last_accepted_timestamp_seconds{integration=\"payments\"} 1700000000",
        "hookward_secret_used_total{integration=\"payments\",secret_id=\"2026-q4\"} 1",
        "hookward_replay_blind_total 1",
        "hookward_config_reloads_total{result=\"refused\"} 1",
    ] {
        assert_line(&text, line);
    }
    assert!(!text.contains("secret_expiry_timestamp_seconds{"), "a secret that lost its end has no end to show");
}

#[test]
fn live_readings_are_shown_as_they_are() {
    let live = LiveReadings {
        inflight_requests: 1,
        inflight_bytes: 2,
        replay_entries: 3,
        replay_capacity: u64::MAX,
        replay_abandoned: 9,
        replay_write_failures: 10,
        clock_steps: 11,
        key_fetch_failures: 13,
        tls_handshakes_ok: 5,
        tls_handshakes_failed: 6,
        connections: 7,
        audit_errors: 8,
        event_streams: 12,
        event_streams_dropped: 13,
        replicas: 14,
        replica_failures: 15,
        limits_reached: vec![("header_timeout", 9)],
        ready: true,
        certificates_end: vec![("public".parse().unwrap(), UnixTime::from_seconds(10))],
    };
    let metrics = Metrics::new();
    assert_eq!(metrics.render(&live), metrics.render(&live), "a second scrape adds nothing");
    for line in [
        "hookward_inflight_requests 1",
        "hookward_inflight_bytes 2",
        "hookward_replay_entries 3",
        "hookward_replay_capacity 18446744073709551615",
        "hookward_tls_handshakes_total{result=\"ok\"} 5",
        "hookward_tls_handshakes_total{result=\"failed\"} 6",
        "hookward_replay_abandoned_total 9",
        "hookward_replay_write_failures_total 10",
        "hookward_clock_steps_total 11",
        "hookward_key_fetch_failures_total 13",
        "hookward_connections 7",
        "hookward_audit_errors_total 8",
        "hookward_event_streams 12",
        "hookward_event_streams_dropped_total 13",
        "hookward_replicas 14",
        "hookward_replica_failures_total 15",
        "hookward_limit_reached_total{limit=\"header_timeout\"} 9",
        "hookward_ready 1",
        "hookward_certificate_expiry_timestamp_seconds{listener=\"public\"} 10",
    ] {
        assert_line(&metrics.render(&live), line);
    }
}

#[test]
fn registering_again_keeps_the_count_and_retiring_forgets_it() {
    let metrics = configured();
    let (name, provider, secret) = integration();
    metrics.integration(&name, &provider).requests.count(Reason::Delivered);
    let series = render(&metrics).lines().count();
    assert_eq!(metrics.integration(&name, &provider).requests.counted(Reason::Delivered), 1);
    assert_eq!(render(&metrics).lines().count(), series);
    metrics.retire_integration(&name, &provider);
    metrics.retire_secret(&name, &secret);
    assert!(!render(&metrics).contains("payments"));
}
