//! deploy/prometheus and deploy/grafana: the rules tell what they should, and both ask for what is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The binary on the path, or the one that `make test` unpacked.
fn promtool() -> PathBuf {
    let kept = root().join("target/promtool/usr/bin/promtool");
    if kept.exists() { kept } else { PathBuf::from("promtool") }
}

#[track_caller]
fn promtool_says_yes(arguments: &[&str], directory: &Path) -> String {
    let output = Command::new(promtool()).args(arguments).current_dir(directory).output();
    let output = output.expect("promtool: `.ci/promtool` fetches it");
    let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn the_rules_tell_what_is_wrong_and_nothing_else() {
    let directory = root().join("deploy/prometheus");
    let said = promtool_says_yes(&["check", "rules", "hookward.rules.yml"], &directory);
    assert!(said.contains("17 rules found"), "{said}");
    promtool_says_yes(&["test", "rules", "hookward.rules.test.yml"], &directory);
}

#[test]
fn what_is_scraped_is_lint_free() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    gateway.deliver(&Provider::Github.delivery());
    let scrape = gateway.directory().join("scrape");
    fs::write(&scrape, gateway.admin("/metrics").body).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" check metrics < scrape"]).arg(promtool()).current_dir(gateway.directory());
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn every_label_and_metric_that_is_asked_for_is_scraped() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let scraped = gateway.admin("/metrics").text();
    let names = |text: &str| {
        let parts = text.split(|byte: char| !byte.is_ascii_lowercase() && byte != '_').map(str::to_owned);
        parts.filter(|name| name.starts_with("hookward_")).collect::<BTreeSet<_>>()
    };
    let there = names(&scraped);
    for file in ["prometheus/hookward.rules.yml", "prometheus/hookward.rules.test.yml", "grafana/hookward.json"] {
        let asked = names(&fs::read_to_string(root().join("deploy").join(file)).unwrap());
        assert!(asked.len() > 10, "{file}: {asked:?}");
        let missing = asked.difference(&there).filter(|name| !name.starts_with("hookward_secret_expiry")).collect::<Vec<_>>();
        assert!(missing.is_empty(), "{file} asks for {missing:?}");
    }
    for reason in ["signature_mismatch", "timestamp_too_old", "secret_unavailable", "replay_store_full", "audit_unavailable"] {
        assert!(scraped.contains(&format!("reason=\"{reason}\"")), "{reason}");
    }
}

#[test]
fn the_dashboard_is_whole() {
    let text = fs::read_to_string(root().join("deploy/grafana/hookward.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(ids.len(), panels.len(), "an id stands twice");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{}", panel["title"]);
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{}", panel["title"]);
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            // What Grafana puts in before it asks.
            let asked = expression.replace("$__rate_interval", "5m").replace("$integration", ".*");
            let rule = format!("groups: [{{ name: g, rules: [{{ record: \"r:r\", expr: {} }}] }}]", serde_json::json!(asked));
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("rule.yml"), rule).unwrap();
            promtool_says_yes(&["check", "rules", "rule.yml"], directory.path());
        }
    }
}
