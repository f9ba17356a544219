//! The admin listener: health, readiness, metrics and inventory; who may ask, and that asking changes nothing.

use std::collections::BTreeMap;

use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, get};
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

/// Every metric of the interface with its labels, in alphabetical order; a histogram by its count.
const METRICS: &[(&str, &[&str])] = &[
    ("hookward_anomalies_total", &["anomaly", "integration"]),
    ("hookward_audit_errors_total", &[]),
    ("hookward_certificate_expiry_timestamp_seconds", &["listener"]),
    ("hookward_clock_steps_total", &[]),
    ("hookward_config_reloads_total", &["result"]),
    ("hookward_connections", &[]),
    ("hookward_event_streams", &[]),
    ("hookward_event_streams_dropped_total", &[]),
    ("hookward_findings", &["finding", "integration"]),
    ("hookward_inflight_bytes", &[]),
    ("hookward_inflight_requests", &[]),
    ("hookward_last_accepted_timestamp_seconds", &["integration"]),
    ("hookward_limit_reached_total", &["limit"]),
    ("hookward_otlp_dropped_total", &["signal"]),
    ("hookward_otlp_failures_total", &["signal"]),
    ("hookward_ready", &[]),
    ("hookward_replay_abandoned_total", &[]),
    ("hookward_replay_blind_total", &[]),
    ("hookward_replay_capacity", &[]),
    ("hookward_replay_entries", &[]),
    ("hookward_replay_write_failures_total", &[]),
    ("hookward_replica_failures_total", &[]),
    ("hookward_replicas", &[]),
    ("hookward_request_duration_seconds_count", &["integration"]),
    ("hookward_requests_total", &["integration", "outcome", "provider", "reason"]),
    ("hookward_secret_expiry_timestamp_seconds", &["integration", "secret_id"]),
    ("hookward_secret_exposed_total", &["integration", "secret_id"]),
    ("hookward_secret_used_total", &["integration", "secret_id"]),
    ("hookward_tls_expiry_timestamp_seconds", &[]),
    ("hookward_tls_handshakes_total", &["result"]),
    ("hookward_unscanned_deliveries_total", &[]),
    ("hookward_upstream_duration_seconds_count", &["integration"]),
    ("hookward_verify_duration_seconds_count", &["provider"]),
];

fn with_expiry(upstream: &Upstream) -> Config {
    let provider = Provider::Stripe;
    let expiring = Integration::new(provider, &upstream.url()).secret(
        "ends",
        &provider.secret("ends").configured,
        ", not_after = 2100-01-01T00:00:00Z",
    );
    Config::of(expiring).integration(Integration::new(Provider::Github, &upstream.url()))
}

#[test]
fn health_and_readiness_answer() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream));
    assert_eq!(gateway.admin("/healthz").status, 200);
    assert_eq!(gateway.admin("/readyz").status, 200);
    assert_eq!(gateway.admin("/nothing").status, 404);
    gateway.finish();
}

#[test]
fn metrics_have_the_names_and_labels_of_the_interface() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream));
    assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200);
    let shapes: BTreeMap<_, _> = gateway.metrics().shapes();
    let extra = |name: &String| !name.ends_with("_bucket") && !name.ends_with("_sum");
    let found = shapes.iter().filter(|(name, _)| extra(name)).map(|(name, labels)| (name.as_str(), labels.clone()));
    let expected = METRICS.iter().map(|(name, labels)| (*name, labels.iter().map(|label| (*label).to_owned()).collect()));
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<(&str, Vec<String>)>>());
    gateway.finish();
}

#[test]
fn every_series_exists_from_the_start_and_no_request_adds_one() {
    // LOG-03.
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream));
    let before = gateway.metrics();
    let labels = [("integration", "github"), ("outcome", "refused"), ("reason", "signature_mismatch")];
    assert!(before.has("hookward_requests_total", &labels), "{}", before.text);
    assert!(before.has("hookward_requests_total", &[("integration", "-"), ("reason", "unknown_route")]));
    assert!(before.has("hookward_secret_used_total", &[("integration", "stripe"), ("secret_id", "ends")]));

    assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200);
    gateway.deliver(&Provider::Github.delivery().with_tampered_body()).refused(401, "unauthorized");
    gateway.deliver(&Provider::Github.delivery().with("X-GitHub-Event", "made\"up}")).status.to_string();
    for path in ["/unknown-a", "/unknown-b?x=1"] {
        gateway.deliver_to(path, &Provider::Stripe.delivery()).refused(404, "not_found");
    }
    let after = gateway.metrics();
    assert_eq!(after.series(), before.series());
    assert!((after.sum("hookward_requests_total", &labels) - 1.0).abs() < 0.5);
    assert!((after.sum("hookward_requests_total", &[("integration", "stripe"), ("reason", "delivered")]) - 1.0).abs() < 0.5);
    assert!((after.sum("hookward_requests_total", &[("integration", "-"), ("reason", "unknown_route")]) - 2.0).abs() < 0.5);
    assert!((after.sum("hookward_secret_used_total", &[("integration", "stripe"), ("secret_id", "current")]) - 1.0).abs() < 0.5);
    assert!(after.sum("hookward_last_accepted_timestamp_seconds", &[("integration", "stripe")]) > 1.7e9);
    assert!((after.sum("hookward_request_duration_seconds_count", &[("integration", "stripe")]) - 1.0).abs() < 0.5);
    gateway.finish();
}

#[test]
fn gauges_come_back_to_rest() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream));
    for _ in 0..5 {
        gateway.deliver(&Provider::Stripe.delivery());
        gateway.deliver(&Provider::Stripe.delivery().with_tampered_body());
    }
    let rest = || {
        let metrics = gateway.metrics();
        let names = ["hookward_inflight_requests", "hookward_inflight_bytes", "hookward_connections"];
        names.iter().all(|name| metrics.sum(name, &[]).abs() < 0.5).then_some(())
    };
    let rested = crate::support::poll(std::time::Duration::from_secs(5), rest);
    assert!(rested.is_some(), "{}", gateway.metrics().text);
    gateway.finish();
}

#[test]
fn the_inventory_names_everything_but_secrets() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream));
    assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200);
    gateway.deliver(&Provider::Stripe.delivery().with_tampered_body()).refused(401, "unauthorized");
    let answer = gateway.admin("/api/v1/integrations");
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let body = answer.json();
    let list = body.as_array().or_else(|| body["integrations"].as_array()).expect("a list");
    let stripe = list.iter().find(|entry| entry["name"] == "stripe").expect("stripe");
    assert_eq!((stripe["provider"].as_str(), stripe["path"].as_str()), (Some("stripe"), Some("/hooks/stripe")));
    assert_eq!(stripe["owner"], "team@example.com");
    let ids = stripe["secrets"].as_array().expect("secrets").iter().map(|secret| secret["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids, ["current", "ends"]);
    assert!(stripe.get("last_accepted").is_some_and(|value| !value.is_null()), "{stripe}");
    assert_eq!(stripe["refusals"]["signature_mismatch"], 1, "{stripe}");
    for label in ["current", "ends"] {
        assert!(!text.contains(&Provider::Stripe.secret(label).configured));
    }
    gateway.finish();
}

#[test]
fn only_our_own_hosts_are_answered() {
    // ADM-02: a page in a browser that had its own name resolve to us.
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream));
    for host in ["evil.example", "evil.example:9901", "127.0.0.1.evil.example"] {
        for path in ["/api/v1/integrations", "/"] {
            let mut connection = gateway.connect_admin();
            connection.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
            let answer = connection.answer();
            assert!((400..500).contains(&answer.status), "{host} {path}: {}", answer.status);
        }
    }
    for host in
        ["localhost", "127.0.0.1", &format!("127.0.0.1:{}", gateway.ports().admin), &format!("[::1]:{}", gateway.ports().admin)]
    {
        let mut connection = gateway.connect_admin();
        connection.send(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        assert_eq!(connection.answer().status, 200, "{host}");
    }
    gateway.finish();
}

#[test]
fn nothing_can_be_changed_without_a_token() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream));
    let body = r#"{"reason":"test"}"#;
    for path in
        ["/api/v1/integrations/stripe/disable", "/api/v1/integrations/stripe/enable", "/api/v1/reload", "/api/v1/allow-again"]
    {
        let mut connection = gateway.connect_admin();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        connection.send(format!("{head}{body}").as_bytes());
        let answer = connection.answer();
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200, "nothing changed");
    gateway.finish();
}

#[test]
fn the_probe_listener_answers_probes_only() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream).probe());
    let port = gateway.ports().probe;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(port, path).unwrap().status, 200, "{path}");
    }
    for path in ["/", "/api/v1/integrations", "/api/v1/reload"] {
        assert_eq!(get(port, path).unwrap().status, 404, "{path}");
    }
    gateway.finish();
}

#[test]
fn deliveries_are_not_taken_here() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream));
    let delivery = Provider::Stripe.delivery();
    let mut connection = gateway.connect_admin();
    connection.send_delivery(&Provider::Stripe.path(), &delivery);
    let answer = connection.answer();
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    upstream.saw_nothing();
    gateway.finish();
}
