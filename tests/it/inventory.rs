//! What was seen of each integration: who came, with what, from where; what follows; and that it outlives the process.

use std::fs;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::support::client::PATIENCE;
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::provider::Provider;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{audit, poll, unix_now};

const DAY: i64 = 86_400;

fn config(upstream: &Upstream) -> Config {
    let provider = Provider::Github;
    let integration = Integration::new(provider, &upstream.url())
        .secret("old", &provider.secret("old").configured, "")
        .line("expect_every = \"24h\"")
        .line("events.allow = [\"push\", \"release\"]")
        .line("sources.allow = [\"127.0.0.0/8\", \"203.0.113.0/24\"]");
    Config::of(integration)
}

fn entry(gateway: &Gateway) -> Value {
    let answer: Value = serde_json::from_slice(&gateway.admin("/api/v1/integrations").body).unwrap();
    answer[0].clone()
}

fn names(list: &Value) -> Vec<String> {
    let mut names: Vec<_> =
        list["seen"].as_array().unwrap().iter().map(|seen| seen["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn findings(entry: &Value) -> Vec<String> {
    entry["findings"].as_array().unwrap().iter().map(|finding| finding["finding"].as_str().unwrap().to_owned()).collect()
}

/// The file of the one integration.
fn file(gateway: &Gateway) -> std::path::PathBuf {
    gateway.directory().join("state/inventory/github.json")
}

/// Ends the gateway in order, changes what it has written down, and starts it again.
fn changed(mut gateway: Gateway, change: impl FnOnce(&mut Value)) -> Gateway {
    gateway.signal("TERM");
    gateway.exit_cleanly();
    let mut life: Value = serde_json::from_slice(&fs::read(file(&gateway)).unwrap()).unwrap();
    change(&mut life);
    fs::write(file(&gateway), life.to_string()).unwrap();
    gateway.start_again();
    gateway.wait_until("/readyz");
    gateway
}

/// A life of twenty days with many deliveries, all from elsewhere and of another kind.
fn long_life(life: &mut Value) {
    let begin = unix_now() - 20 * DAY;
    life["since"] = json!(begin);
    life["deliveries"] = json!(500);
    life["last_delivery"] = json!(unix_now() - 2 * DAY);
    life["events"]["seen"] = json!([["release", begin, unix_now() - 2 * DAY, 500]]);
    life["networks"]["seen"] = json!([["203.0.113.0/24", begin, unix_now() - 2 * DAY, 500]]);
    life["secrets"] = json!([["current", begin, null], ["old", begin, unix_now() - 3 * DAY]]);
}

#[test]
fn what_was_seen_is_shown_and_survives_a_restart() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200);
    assert_eq!(gateway.deliver_from(Ipv4Addr::new(127, 9, 9, 9), &Provider::Github.delivery()).status, 200);
    assert_eq!(gateway.deliver(&Provider::Github.delivery().with_tampered_body()).status, 401);
    let before = entry(&gateway);
    assert_eq!(
        (names(&before["events"]), names(&before["sources"])),
        (vec!["push".into()], vec!["127.0.0.0/24".into(), "127.9.9.0/24".into()])
    );
    assert_eq!(before["events"]["allowed"], json!(["push", "release"]));
    assert_eq!(before["events"]["seen"][0]["count"], 2);
    assert_eq!((&before["last_refused"]["reason"], &before["upstream"]["state"]), (&json!("signature_mismatch"), &json!("ok")));
    assert_eq!((&before["expect_every"], findings(&before)), (&json!("1d"), vec![]));
    let gateway = changed(gateway, |_| ());
    let after = entry(&gateway);
    for member in ["events", "sources", "last_accepted", "last_refused", "known_since", "upstream"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(after["secrets"][0]["last_used"], after["last_accepted"]);
    let status = String::from_utf8(hookward_output(gateway.directory(), &["status"]).stdout).unwrap();
    assert!(status.contains("last signature_mismatch") && status.contains("LAST USED"), "{status}");
    gateway.finish();
}

#[test]
fn a_file_that_cannot_be_read_is_set_aside() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(config(&upstream));
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200);
    gateway.signal("TERM");
    gateway.exit_cleanly();
    fs::write(file(&gateway), "{\"version\":1,").unwrap();
    gateway.start_again();
    gateway.wait_until("/readyz");
    assert_eq!(names(&entry(&gateway)["events"]), Vec::<String>::new());
    assert!(file(&gateway).with_extension("json.unreadable").exists());
    assert!(gateway.stderr().contains("begins anew"));
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200);
    gateway.finish();
}

#[test]
fn silence_and_a_left_secret_are_findings_everywhere() {
    let upstream = Upstream::start();
    let gateway = changed(Gateway::start(config(&upstream)), long_life);
    let quiet = entry(&gateway);
    assert_eq!(findings(&quiet), ["silent"]);
    assert_eq!(quiet["findings"][0]["text"], "the last delivery was 2 days ago, one is expected every 1 day");
    let counted = |kind| gateway.metrics().sum("hookward_findings", &[("integration", "github"), ("finding", kind)]);
    assert!(poll(PATIENCE, || (counted("silent") > 0.5).then_some(())).is_some(), "an alert can be made of it");
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200);
    let spoken = entry(&gateway);
    assert!(!findings(&spoken).contains(&"silent".to_owned()));
    assert_eq!(spoken["secrets"][1]["advice"], "`old` last used 3 days ago, `current` is in use: safe to remove");
    let status = String::from_utf8(hookward_output(gateway.directory(), &["status"]).stdout).unwrap();
    assert!(status.contains("unused-secret") && status.contains("safe to remove"), "{status}");
    let json: Value =
        serde_json::from_slice(&hookward_output(gateway.directory(), &["status", "--format", "json"]).stdout).unwrap();
    assert!(findings(&json[0]).contains(&"unused-secret".to_owned()));
    assert!(poll(PATIENCE, || (counted("silent") < 0.5).then_some(())).is_some(), "and it ends");
    gateway.finish();
}

#[test]
fn what_never_was_before_is_an_anomaly_and_passes() {
    let upstream = Upstream::start();
    let gateway = changed(Gateway::start(config(&upstream)), long_life);
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200, "a finding refuses nothing");
    let found = findings(&entry(&gateway));
    assert!(found.contains(&"new-source".to_owned()) && found.contains(&"new-event".to_owned()), "{found:?}");
    let told = |kind: &str| {
        let is_it = |record: &audit::Record| record.kind() == "anomaly" && record.text("anomaly") == kind;
        poll(PATIENCE, || audit::parse(&gateway.audit_text()).into_iter().find(is_it)).unwrap()
    };
    assert_eq!((told("new-source").text("about"), told("new-event").text("about")), ("127.0.0.0/24", "push"));
    assert!(told("new-source").is_null("observed") && told("new-source").text("integration") == "github");
    let counted = gateway.metrics().sum("hookward_anomalies_total", &[("integration", "github"), ("anomaly", "new-source")]);
    assert!((counted - 1.0).abs() < 0.1);
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200);
    let ledger = gateway.finish();
    assert_eq!(ledger.records.iter().filter(|record| record.kind() == "anomaly").count(), 2, "each once");
}

#[test]
fn an_upstream_that_fails_is_a_finding() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    for _ in 0..3 {
        upstream.next(Reply::status(500));
        assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 500);
    }
    let failing = entry(&gateway);
    assert_eq!((findings(&failing), &failing["upstream"]["state"]), (vec!["upstream-failing".to_owned()], &json!("failing")));
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200);
    assert_eq!(findings(&entry(&gateway)), Vec::<String>::new());
    gateway.finish();
}
