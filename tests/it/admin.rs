//! The admin listener: health, readiness, metrics and inventory; who may ask, and that asking changes nothing.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::client::PATIENCE;
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, get};
use crate::support::operator::TOKEN;
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
    ("hookward_key_fetch_failures_total", &[]),
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
fn log_03_nothing_of_a_request_becomes_a_label() {
    // Methods, paths, events, agents, server names, ids: a thousand of each kind are no series more.
    let upstream = Upstream::start();
    let config = with_expiry(&upstream).set("rate_limit", "per_source", "{ rate = \"100000/s\", burst = 100000 }");
    let gateway = Gateway::start(config);
    let before = gateway.metrics();
    let mut connection = gateway.connect();
    for number in 0..1000 {
        let made_up = format!("made-up-{number}");
        let delivery = Provider::Github
            .delivery()
            .with("X-GitHub-Event", &made_up)
            .with("X-GitHub-Delivery", &made_up)
            .and("User-Agent", &made_up)
            .and("X-Forwarded-For", &made_up);
        let (path, method) = match number % 4 {
            0 => (format!("/{made_up}"), "POST".to_owned()),
            1 => (Provider::Github.path(), format!("MADEUP{number}")),
            2 => (format!("{}?{made_up}", Provider::Github.path()), "POST".to_owned()),
            _ => (format!("{}/{made_up}", Provider::Github.path()), format!("MADEUP{number}")),
        };
        let bytes = crate::support::client::request(&path, &delivery.headers, &delivery.body);
        let bytes = [method.as_bytes(), &bytes["POST".len()..]].concat();
        connection.send(&bytes);
        let answer = connection.answer();
        assert!([200, 404, 405].contains(&answer.status), "{number}: {}", answer.status);
        if answer.closed {
            connection = gateway.connect();
        }
    }
    let after = gateway.metrics();
    assert_eq!(after.series(), before.series());
    assert!(!after.text.contains("made-up") && !after.text.contains("MADEUP"));
    assert_eq!(upstream.received().len(), 250);
    let counted = after.by_label("hookward_requests_total", "reason").into_iter().filter(|(_, count)| *count > 0);
    let expected = [("delivered", 250), ("method_not_allowed", 250), ("unknown_route", 500)];
    assert_eq!(counted.collect::<Vec<_>>(), expected.map(|(reason, count)| (reason.to_owned(), count)));
    drop(connection);
    gateway.finish();
}

#[test]
fn every_series_exists_from_the_start_and_no_request_adds_one() {
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
    let rested = crate::support::poll(Duration::from_secs(5), rest);
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
        for path in ["/api/v1/integrations", "/", "/metrics", "/api/v1/events", "/api/v1/replicas", "/status.js", "/status.css"] {
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
fn adm_02_pages_of_other_sites_get_nothing() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream).token());
    let ask = |method: &str, path: &str, headers: &str| {
        let mut connection = gateway.connect_admin();
        let body = r#"{"reason":"forged"}"#;
        let length = if method == "POST" { body.len() } else { 0 };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n");
        connection.send(format!("{head}{}", &body[..length]).as_bytes());
        connection.answer().status
    };
    for site in ["cross-site", "same-site", "", "same-origin, cross-site"] {
        let headers = format!("Sec-Fetch-Site: {site}\r\n");
        for path in ["/api/v1/integrations", "/api/v1/replicas", "/api/v1/events"] {
            assert_eq!(ask("GET", path, &headers), 403, "{site} {path}");
        }
        let token = format!("{headers}Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
        assert_eq!(ask("POST", "/api/v1/integrations/stripe/disable", &token), 403, "{site}");
        assert_eq!(ask("GET", "/", &headers), 200, "a link may lead here");
    }
    for site in ["same-origin", "none"] {
        assert_eq!(ask("GET", "/api/v1/integrations", &format!("Sec-Fetch-Site: {site}\r\n")), 200, "{site}");
    }
    assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200, "nothing changed");
    gateway.finish();
}

/// Opens the stream of what changes and reads until a text was seen.
fn listen(gateway: &Gateway, until: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.ports().admin)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    while !text.contains(until) {
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    (stream, text)
}

#[test]
fn what_changes_is_told_as_it_happens() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(with_expiry(&upstream));
    assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200);
    let (_stream, text) = listen(&gateway, "event: decisions\ndata: [{");
    assert!(text.contains("content-type: text/event-stream") && text.contains("retry: "), "{text}");
    assert!(text.contains("event: state\ndata: {") && text.contains("\"whole\":true"), "{text}");
    for label in ["current", "ends"] {
        assert!(!text.contains(&Provider::Stripe.secret(label).configured));
    }
    assert!((gateway.metrics().sum("hookward_event_streams", &[]) - 1.0).abs() < 0.5);
    gateway.finish();
}

#[test]
fn who_listens_is_bounded_and_who_does_not_read_is_let_go() {
    const LISTENERS_MAX: usize = 16;
    let upstream = Upstream::start();
    // Many integrations, so that what is told soon fills what waits in the kernel.
    let many = (0..300).map(|index| Integration::new(Provider::Stripe, &upstream.url()).named(&format!("many-{index}")));
    let gateway = Gateway::start(many.fold(with_expiry(&upstream), Config::integration));
    let listening: Vec<_> = (0..LISTENERS_MAX).map(|_| listen(&gateway, "event: state")).collect();
    let one_more = gateway.admin("/api/v1/events");
    assert_eq!((one_more.status, one_more.header("retry-after")), (503, Some("5")));
    let count = |name| gateway.metrics().sum(name, &[]);
    let dropped = crate::support::poll(Duration::from_secs(60), || {
        // Every one of them changes, so that every frame has all of them.
        for index in 0..300 {
            gateway.deliver_to(&format!("/hooks/many-{index}"), &Provider::Stripe.delivery().with_tampered_body());
        }
        (count("hookward_event_streams_dropped_total") > 0.5).then_some(())
    });
    assert!(dropped.is_some(), "{}", count("hookward_event_streams_dropped_total"));
    drop(listening);
    let (_stream, _text) = listen(&gateway, "event: state");
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200);
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
