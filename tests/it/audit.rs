//! The log: exactly one record a decision, a chain that anybody can check, folding that loses no count, rotation that loses no line.

use std::fs;
use std::process::Output;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::support::audit::{Ledger, parse};
use crate::support::client::PATIENCE;
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::provider::Provider;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{poll, unix_now};

const PROVIDER: Provider = Provider::Stripe;

/// Requests of one second that are all refused for one reason.
const FLOOD: u32 = 200;

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
}

/// A log with one of everything that a request can come to.
fn lived(upstream: &Upstream) -> Gateway {
    let gateway = Gateway::start(config(upstream));
    let delivery = PROVIDER.delivery();
    gateway.deliver(&delivery);
    gateway.deliver(&delivery);
    gateway.deliver(&PROVIDER.delivery().with_tampered_body());
    gateway.deliver_to("/nowhere", &PROVIDER.delivery());
    gateway
}

#[test]
fn a_record_says_everything_it_should() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let delivery = PROVIDER.delivery();
    let signed_at = delivery.signature()[2..12].to_owned();
    assert_eq!(gateway.deliver_to("/hooks/stripe?x=1", &delivery).status, 200);
    let ledger = gateway.finish();
    let record = ledger.only("delivered");
    assert_eq!((record.text("listener"), record.text("integration"), record.text("provider")), ("public", "stripe", "stripe"));
    assert_eq!((record.text("source"), record.text("method"), record.text("path")), ("127.0.0.1", "POST", "/hooks/stripe"));
    assert!(record.text("peer").starts_with("127.0.0.1:"));
    assert_eq!((record.text("event"), record.get("event_signed").as_bool()), ("invoice.paid", Some(true)));
    assert!(record.text("delivery_id").starts_with("evt_"));
    assert_eq!(record.text("secret_id"), "current");
    assert_eq!(record.number("body_bytes"), delivery.body.len() as u64);
    assert_eq!(record.text("body_sha256"), HEXLOWER.encode(&Sha256::digest(&delivery.body)));
    assert_eq!((record.text("decision"), record.number("status"), record.number("upstream_status")), ("accepted", 200, 200));
    assert!(record.text("tls").contains("1.3"), "{:?}", record.get("tls"));
    assert!(record.number("latency_us") >= record.number("upstream_us"));
    assert!(record.get("verify_us").is_u64());
    let signed = record.get("signed_at").to_string();
    assert!(signed.contains(&signed_at) || signed.contains("20"), "{signed}");
    let ts = record.text("ts");
    assert!(ts.len() == 27 && ts.ends_with('Z') && &ts[19..20] == ".", "RFC 3339 with microseconds: {ts}");
}

#[test]
fn what_was_signed_is_recorded_of_refusals_and_of_forgeries_the_body_s_digest() {
    let upstream = Upstream::start();
    let integration = Integration::new(PROVIDER, &upstream.url())
        .line("events.allow = [\"invoice.*\"]\nrate_limit = { rate = \"1/m\", burst = 1 }");
    let gateway = Gateway::start(Config::of(integration));
    let now = unix_now();
    let signed = |at, body: &str| PROVIDER.sign(&PROVIDER.secret("current"), "x", at, body.as_bytes());
    let first = PROVIDER.delivery_at(now);
    assert_eq!(gateway.deliver(&first).status, 200);
    let cases = [
        (first.clone(), "replayed", Some(now), true),
        (signed(now, r#"{"id":"evt_1","type":"charge.failed"}"#), "event_not_allowed", Some(now), true),
        (PROVIDER.delivery_at(now), "rate_limited_integration", Some(now), true),
        (PROVIDER.delivery_at(now - 900), "timestamp_too_old", Some(now - 900), false),
        (PROVIDER.delivery_at(now + 900), "timestamp_in_future", Some(now + 900), false),
        (PROVIDER.delivery_at(now).with_tampered_body(), "signature_mismatch", None, false),
        (PROVIDER.delivery_at(now).with_tampered_signature(), "signature_mismatch", None, false),
    ];
    for (delivery, reason, signed_at, verified) in cases {
        let answer = gateway.deliver(&delivery);
        let record = gateway.await_record(|record| answer.text().contains(record.text("request_id")));
        assert_eq!(record.reason(), reason, "{record:?}");
        assert_eq!(record.text("body_sha256"), HEXLOWER.encode(&Sha256::digest(&delivery.body)), "{record:?}");
        let time = signed_at.map_or_else(String::new, |at| jiff::Timestamp::from_second(at).unwrap().to_string());
        assert_eq!(record.text("signed_at"), time, "{record:?}");
        assert_eq!(record.text("secret_id"), if verified { "current" } else { "" }, "{record:?}");
        assert_eq!(record.number("body_bytes"), delivery.body.len() as u64);
    }
    assert_eq!(upstream.received().len(), 1);
    gateway.finish();
}

#[test]
fn every_decision_has_one_record_between_start_and_stop() {
    let upstream = Upstream::start();
    let ledger = lived(&upstream).finish();
    ledger.holds_exactly(&[("delivered", 200), ("replayed", 409), ("signature_mismatch", 401), ("unknown_route", 404)]);
    assert_eq!(ledger.records.first().unwrap().kind(), "start");
    assert_eq!(ledger.records.last().unwrap().kind(), "stop");
    let mut ids = ledger.requests().iter().map(|record| record.text("request_id").to_owned()).collect::<Vec<_>>();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn what_comes_from_the_request_is_escaped_and_cut() {
    // LOG-01.
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::of(Integration::new(Provider::Github, &upstream.url())));
    let long = "e".repeat(2000);
    let nasty = "a\u{202e}\"},{\"kind\":\"request";
    let delivery = Provider::Github.delivery().with("X-GitHub-Event", &long).with("X-GitHub-Delivery", nasty);
    gateway.deliver(&delivery);
    let path = format!("/nowhere/{}", "p".repeat(1000));
    gateway.deliver_to(&path, &Provider::Github.delivery()).refused(404, "not_found");
    let ledger = gateway.finish();
    assert_eq!(ledger.requests().len(), 2);
    for record in ledger.requests() {
        for key in ["event", "delivery_id", "path"] {
            assert!(record.text(key).len() <= 256, "{key}: {}", record.text(key).len());
        }
    }
}

#[test]
fn floods_are_folded_with_their_counts() {
    // Contract 8: beyond 10 a second and reason, before verification.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let mut connection = gateway.connect();
    for _ in 0..FLOOD {
        connection.send(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        let answer = connection.answer();
        answer.refused(404, "not_found");
        if answer.closed {
            connection = gateway.connect();
        }
    }
    std::thread::sleep(Duration::from_millis(1200));
    let counted = gateway.metrics().sum("hookward_requests_total", &[("reason", "unknown_route")]);
    assert!((counted - f64::from(FLOOD)).abs() < 0.5, "metrics fold nothing: {counted}");
    let ledger = gateway.finish();
    let single = ledger.requests().iter().filter(|record| record.reason() == "unknown_route").count();
    let folded = ledger.records.iter().filter(|record| record.kind() == "folded").collect::<Vec<_>>();
    let in_folds = folded.iter().map(|record| record.number("count")).sum::<u64>();
    assert!(single < 200 && !folded.is_empty(), "{single} single records");
    assert_eq!(single as u64 + in_folds, u64::from(FLOOD), "no count is lost");
    assert!(folded.iter().all(|record| record.reason() == "unknown_route"));
}

#[test]
fn verified_deliveries_are_never_folded() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let delivery = PROVIDER.delivery();
    let mut connection = gateway.connect();
    for _ in 0..60 {
        connection.send_delivery(&PROVIDER.path(), &delivery);
        connection.answer();
    }
    let ledger = gateway.finish();
    assert_eq!(ledger.requests().len(), 60);
}

#[test]
fn the_chain_goes_on_over_restarts() {
    let upstream = Upstream::start();
    let gateway = lived(&upstream);
    gateway.await_record(|record| record.reason() == "unknown_route");
    let gateway = gateway.restart_after_kill();
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    let ledger = gateway.finish();
    assert_eq!(ledger.records.iter().filter(|record| record.kind() == "start").count(), 2);
}

#[test]
fn a_torn_last_line_is_closed_by_the_next_start() {
    // AUD-05.
    let upstream = Upstream::start();
    let gateway = lived(&upstream);
    gateway.await_record(|record| record.reason() == "unknown_route");
    let path = gateway.audit_path();
    gateway.signal("KILL");
    std::thread::sleep(Duration::from_millis(200));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    let gateway = gateway.restart_after_kill();
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    // The torn line stays where it is, so the log is read line by line here.
    let delivered = |text: &String| text.lines().last().is_some_and(|line| line.contains("\"delivered\""));
    let text = poll(PATIENCE, || fs::read_to_string(&path).ok().filter(delivered)).expect("the log goes on");
    let recovered = text.lines().any(|line| line.contains("\"kind\":\"start\"") && line.contains("\"recovered\":true"));
    assert!(recovered, "{text}");
    let verified = verify(&gateway, &["audit.jsonl"]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
}

#[test]
fn rotation_loses_no_line() {
    // AUD-06.
    let upstream = Upstream::start();
    upstream.always(Reply::status(204));
    let mut gateway = Gateway::start(config(&upstream).set("audit", "max_size", "\"64KiB\"").set("audit", "keep", "8"));
    let mut connection = gateway.connect();
    for _ in 0..250 {
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        assert_eq!(connection.answer().status, 204);
    }
    gateway.signal("TERM");
    assert_eq!(gateway.wait_exit(PATIENCE).code(), Some(0));
    let directory = gateway.directory().to_owned();
    let mut files = audit_files(&directory);
    assert!(files.len() >= 2, "{files:?}");
    let texts = files.iter().map(|name| fs::read_to_string(directory.join(name)).unwrap()).collect::<Vec<_>>();
    let count = texts.iter().flat_map(|text| parse(text)).filter(|record| record.kind() == "request").count();
    assert_eq!(count, 250);
    // The oldest first: that is the order of the chain.
    files.sort_by_key(|name| parse(&fs::read_to_string(directory.join(name)).unwrap())[0].number("seq"));
    let text = files.iter().map(|name| fs::read_to_string(directory.join(name)).unwrap()).collect::<String>();
    Ledger::read(&text);
    let names = files.iter().map(String::as_str).collect::<Vec<_>>();
    let verified = verify(&gateway, &names);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
}

fn audit_files(directory: &std::path::Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("audit")).collect()
}

fn verify(gateway: &Gateway, files: &[&str]) -> Output {
    hookward_output(gateway.directory(), &[&["audit", "verify"], files].concat())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_kind_of_tampering_is_found_and_its_line_named() {
    // AUD-04.
    let upstream = Upstream::start();
    let mut gateway = lived(&upstream);
    gateway.signal("TERM");
    gateway.exit_cleanly();
    let text = gateway.audit_text();
    let lines = text.lines().collect::<Vec<_>>();
    assert!(lines.len() >= 6);
    let check = |lines: &[String]| {
        fs::write(gateway.directory().join("copy.jsonl"), lines.join("\n") + "\n").unwrap();
        verify(&gateway, &["copy.jsonl"])
    };
    let owned = || lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();

    let honest = check(&owned());
    assert_eq!(honest.status.code(), Some(0), "{}", said(&honest));

    let mut changed = owned();
    changed[2] = changed[2].replace("127.0.0.1", "127.0.0.9");
    let mut removed = owned();
    removed.remove(2);
    let mut added = owned();
    added.insert(2, lines[1].to_owned());
    let mut moved = owned();
    moved.swap(2, 3);
    for (name, lines) in [("changed", changed), ("removed", removed), ("added", added), ("moved", moved)] {
        let verdict = check(&lines);
        assert_eq!(verdict.status.code(), Some(1), "{name}: {}", said(&verdict));
        assert!(said(&verdict).contains('3') || said(&verdict).contains('4'), "{name}: {}", said(&verdict));
    }
    let missing = hookward_output(gateway.directory(), &["audit", "verify", "no-such-file.jsonl"]);
    assert_eq!(missing.status.code(), Some(2), "{}", said(&missing));
}

#[test]
fn a_cut_tail_is_found_with_the_head() {
    let upstream = Upstream::start();
    let mut gateway = lived(&upstream);
    gateway.signal("TERM");
    gateway.exit_cleanly();
    let text = gateway.audit_text();
    let lines = text.lines().collect::<Vec<_>>();
    let head = HEXLOWER.encode(&Sha256::digest(lines.last().unwrap()));
    fs::write(gateway.directory().join("cut.jsonl"), lines[..lines.len() - 1].join("\n") + "\n").unwrap();

    let alone = verify(&gateway, &["cut.jsonl"]);
    assert_eq!(alone.status.code(), Some(0), "{}", said(&alone));
    assert!(said(&alone).contains("unproven"), "without a head it says so: {}", said(&alone));
    let by_head = hookward_output(gateway.directory(), &["audit", "verify", "--head", &head, "cut.jsonl"]);
    assert_eq!(by_head.status.code(), Some(1), "{}", said(&by_head));
    let by_state = hookward_output(gateway.directory(), &["audit", "verify", "--state-dir", "state", "cut.jsonl"]);
    assert_eq!(by_state.status.code(), Some(1), "{}", said(&by_state));
    let whole = hookward_output(gateway.directory(), &["audit", "verify", "--state-dir", "state", "audit.jsonl"]);
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
}

#[test]
fn without_a_log_nothing_new_is_taken() {
    // AUD-01: a device that is always full.
    let upstream = Upstream::start();
    let gateway = Gateway::start_unready(config(&upstream).set("audit", "output", "\"/dev/full\""));
    let refused = poll(Duration::from_secs(8), || {
        let answer = gateway.deliver(&PROVIDER.delivery());
        (answer.status == 503).then_some(answer)
    });
    let answer = refused.expect("deliveries are refused once the log cannot be written");
    answer.refused(503, "unavailable");
    let before = upstream.received().len();
    for _ in 0..5 {
        gateway.deliver(&PROVIDER.delivery()).refused(503, "unavailable");
    }
    assert_eq!(upstream.received().len(), before);
    assert_eq!(gateway.admin("/readyz").status, 503);
    assert_eq!(gateway.admin("/healthz").status, 200);
    assert!(gateway.metrics().sum("hookward_audit_errors_total", &[]) >= 1.0);
}

#[test]
fn a_log_that_may_be_lost_stops_nothing() {
    let upstream = Upstream::start();
    let lossy = config(&upstream).set("audit", "output", "\"/dev/full\"").set("audit", "on_failure", "\"continue\"");
    let gateway = Gateway::start_unready(lossy);
    for _ in 0..5 {
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    }
    let counted =
        poll(Duration::from_secs(5), || (gateway.metrics().sum("hookward_audit_errors_total", &[]) >= 1.0).then_some(()));
    assert!(counted.is_some(), "counted");
}

#[test]
fn without_a_section_the_log_is_standard_output() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).unset("audit", "output"));
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    let found = poll(Duration::from_secs(5), || {
        parse(&gateway.stdout()).into_iter().find(|record| record.kind() == "request" && record.reason() == "delivered")
    });
    assert!(found.is_some(), "{}", gateway.stdout());
}
