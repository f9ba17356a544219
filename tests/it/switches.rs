//! Kill switches and one delivery more: what they do, when, for how long, and who may throw them.

use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::operator::{TOKEN, flow};
use crate::support::poll;
use crate::support::provider::Provider;
use crate::support::siege::Siege;
use crate::support::upstream::Upstream;

const PROVIDER: Provider = Provider::Stripe;
const DISABLE: &str = "/api/v1/integrations/stripe/disable";
const ENABLE: &str = "/api/v1/integrations/stripe/enable";
const LEAKED: &str = r#"{"reason":"leaked"}"#;

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
        .integration(Integration::new(Provider::Github, &upstream.url()))
        .token()
        .set("rate_limit", "per_source", "{ rate = \"100000/s\", burst = 100000 }")
}

#[test]
fn a_switch_acts_on_the_next_request_and_is_kept() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let output = gateway.verb(&["disable", "stripe", "--reason", "secret leaked in chat"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let id = gateway.deliver(&PROVIDER.delivery()).refused(403, "forbidden");
    assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200, "the others go on");
    let entry = |gateway: &Gateway| gateway.admin("/api/v1/integrations").json()[1].clone();
    assert_eq!((entry(&gateway)["name"].clone(), entry(&gateway)["state"].clone()), ("stripe".into(), "disabled".into()));
    assert_eq!(entry(&gateway)["disabled"]["reason"], "secret leaked in chat");
    assert!(String::from_utf8_lossy(&gateway.verb(&["status"]).stdout).contains("disabled: secret leaked in chat"));
    gateway.reload_applied();
    gateway.deliver(&PROVIDER.delivery()).refused(403, "forbidden");
    gateway.await_record(|record| record.text("request_id") == id);
    let gateway = gateway.restart_after_kill();
    gateway.deliver(&PROVIDER.delivery()).refused(403, "forbidden");
    assert_eq!(entry(&gateway)["disabled"]["by"], "integration");
    let output = gateway.verb(&["enable", "stripe", "--reason", "rotated"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    let ledger = gateway.finish();
    assert_eq!(ledger.of(&id).reason(), "integration_disabled");
    assert_eq!(ledger.of(&id).text("integration"), "stripe");
    let thrown = ledger.records.iter().filter(|record| record.kind() == "switch").collect::<Vec<_>>();
    assert_eq!(thrown.len(), 2);
    assert_eq!((thrown[0].text("action"), thrown[0].text("reason")), ("disable", "secret leaked in chat"));
    assert_eq!((thrown[1].text("action"), thrown[1].text("integration")), ("enable", "stripe"));
    assert_eq!(upstream.received().len(), 2);
}

#[test]
fn with_an_end_senders_are_asked_to_come_again() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let output = gateway.verb(&["disable", "stripe", "--reason", "migration", "--for", "2s", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((said["answer"].as_u64(), said["state"].as_str()), (Some(503), Some("disabled")));
    let answer = gateway.deliver(&PROVIDER.delivery());
    answer.refused(503, "unavailable");
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() <= 2);
    let over = poll(Duration::from_secs(5), || (gateway.deliver(&PROVIDER.delivery()).status == 200).then_some(()));
    assert!(over.is_some(), "it ends by itself");
    for (body, status, class) in [
        (r#"{"reason":"x","for":"1h","answer":403}"#, 403, "forbidden"),
        (r#"{"reason":"x","answer":503}"#, 503, "unavailable"),
        (r#"{"reason":"x","for":"1h"}"#, 503, "unavailable"),
        (r#"{"reason":"x"}"#, 403, "forbidden"),
    ] {
        assert_eq!(gateway.tell(DISABLE, body).status, 200, "{body}");
        gateway.deliver(&PROVIDER.delivery()).refused(status, class);
    }
    gateway.finish();
}

#[test]
fn all_means_all_also_what_comes_later() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    assert_eq!(gateway.tell(DISABLE, LEAKED).status, 200);
    assert_eq!(gateway.verb(&["disable", "--all", "--reason", "incident"]).status.code(), Some(0));
    let slack = Provider::Slack;
    gateway.rewrite(&config(&upstream).integration(Integration::new(slack, &upstream.url())));
    gateway.reload_applied();
    for provider in [PROVIDER, Provider::Github, slack] {
        gateway.deliver(&provider.delivery()).refused(403, "forbidden");
    }
    let told = gateway.tell("/api/v1/integrations/slack/enable", r#"{"reason":"only this one"}"#);
    assert_eq!((told.status, told.json()["state"].as_str()), (200, Some("disabled")), "{}", told.text());
    gateway.deliver(&slack.delivery()).refused(403, "forbidden");
    assert_eq!(gateway.verb(&["enable", "--all", "--reason", "over"]).status.code(), Some(0));
    assert_eq!(gateway.deliver(&slack.delivery()).status, 200);
    gateway.deliver(&PROVIDER.delivery()).refused(403, "forbidden");
    gateway.finish();
}

#[test]
fn the_switch_stands_before_everything_a_stranger_could_learn_from() {
    let upstream = Upstream::start();
    let elsewhere = Integration::new(PROVIDER, &upstream.url()).line("sources.allow = [\"192.0.2.1/32\"]");
    let gateway = Gateway::start(Config::of(elsewhere).token());
    let before = gateway.deliver(&PROVIDER.delivery()).refused(403, "forbidden");
    assert_eq!(gateway.tell(DISABLE, LEAKED).status, 200);
    let after = gateway.deliver(&PROVIDER.delivery().with_tampered_body()).refused(403, "forbidden");
    let ledger = gateway.finish();
    assert_eq!(ledger.of(&before).reason(), "source_not_allowed");
    assert_eq!(ledger.of(&after).reason(), "integration_disabled");
}

#[test]
fn nothing_begun_after_the_answer_is_forwarded() {
    const SWITCHES: usize = 50;
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let over = AtomicBool::new(false);
    // When each switch was asked for, and when that was answered.
    let thrown: Mutex<Vec<(Instant, Instant, Instant)>> = Mutex::default();
    let tallies = std::thread::scope(|scope| {
        let senders = [0, 1].map(|_| {
            let (gateway, over) = (&gateway, &over);
            scope.spawn(move || flow(gateway, over, Duration::from_micros(200), || PROVIDER.delivery()))
        });
        for _ in 0..SWITCHES {
            std::thread::sleep(Duration::from_millis(15));
            let asked = Instant::now();
            assert_eq!(gateway.tell(DISABLE, LEAKED).status, 200);
            let answered = Instant::now();
            std::thread::sleep(Duration::from_millis(15));
            thrown.lock().unwrap().push((asked, answered, Instant::now()));
            assert_eq!(gateway.tell(ENABLE, LEAKED).status, 200);
        }
        over.store(true, Ordering::SeqCst);
        senders.map(|sender| sender.join().unwrap())
    });
    let taken = tallies.iter().flat_map(|tally| tally.taken.iter().copied()).collect::<Vec<_>>();
    let mut last = Vec::new();
    for (asked, answered, back) in thrown.into_inner().unwrap() {
        // One that ends later may have been judged after it was on again.
        let begun_after = taken.iter().filter(|(begun, ended)| *begun > answered && *ended < back).count();
        assert_eq!(begun_after, 0, "begun while it was off, and taken");
        let ended =
            taken.iter().filter(|(begun, _)| *begun < answered).map(|(_, ended)| *ended).filter(|ended| *ended < back).max();
        last.push(ended.map_or(Duration::ZERO, |ended| ended.saturating_duration_since(asked)));
    }
    last.sort();
    let at = |share: usize| last[(last.len() - 1) * share / 100];
    eprintln!(
        "{SWITCHES} switches, {} deliveries taken: from `disable` to the last forwarded one p50 {:?}, p99 {:?}",
        taken.len(),
        at(50),
        at(99)
    );
    assert!(tallies.iter().all(|tally| tally.broken.is_empty()));
    assert!(tallies.iter().flat_map(|tally| &tally.refused).all(|(status, _)| *status == 403));
    assert!(taken.len() > 100, "{}", taken.len());
    assert!(at(99) < Duration::from_millis(500), "{last:?}");
    gateway.finish();
}

#[test]
fn one_delivery_more_and_then_no_more() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let delivery = PROVIDER.delivery();
    assert_eq!(gateway.deliver(&delivery).status, 200);
    let replay = gateway.deliver(&delivery).refused(409, "conflict");
    let record = gateway.await_record(|record| record.reason() == "delivered");
    let id = record.text("request_id").to_owned();
    let output = gateway.verb(&["allow-again", &id, "--reason", "the receiver lost it"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(gateway.deliver(&delivery).status, 200, "once more");
    gateway.deliver(&delivery).refused(409, "conflict");
    assert_eq!(upstream.received().len(), 2);
    for unknown in [replay.as_str(), "01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
        let output = gateway.verb(&["allow-again", unknown, "--reason", "x"]);
        assert_eq!(output.status.code(), Some(1), "{unknown}");
    }
    assert_eq!(gateway.tell("/api/v1/allow-again", r#"{"request_id":"not one","reason":"x"}"#).status, 400);
    let ledger = gateway.finish();
    let switches = ledger.records.iter().filter(|record| record.kind() == "switch").collect::<Vec<_>>();
    assert_eq!(switches.len(), 1);
    assert_eq!((switches[0].text("action"), switches[0].text("request_id")), ("allow_again", id.as_str()));
    assert_eq!(switches[0].text("integration"), "stripe");
}

#[test]
fn adm_01_the_public_listener_knows_nothing_of_the_admin_one() {
    let mut siege = Siege::begin(PROVIDER, config);
    let paths =
        ["/", "/metrics", "/healthz", "/readyz", "/api/v1/integrations", "/api/v1/reload", DISABLE, "/admin/reload", "/debug"];
    for path in paths {
        for method in ["GET", "POST"] {
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
            );
            siege.send(&format!("{method} {path}"), head.as_bytes()).expecting(404, "unknown_route");
        }
    }
    siege.lift();
}

/// What somebody tries, what it is answered, and the headers it is tried with.
type Attempt<'a> = (&'a str, u16, Vec<(&'a str, &'a str)>);

#[test]
fn adm_02_only_an_operator_changes_anything() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let bearer = format!("Bearer {TOKEN}");
    let (token, json) = (("Authorization", bearer.as_str()), ("Content-Type", "application/json"));
    let own = format!("http://localhost:{}", gateway.ports().admin);
    let own_host = format!("localhost:{}", gateway.ports().admin);
    let cases: Vec<Attempt<'_>> = vec![
        ("no token", 401, vec![json]),
        ("another token", 401, vec![("Authorization", "Bearer wrong"), json]),
        ("basic", 401, vec![("Authorization", "Basic b3A6b3A="), json]),
        ("a foreign host", 403, vec![("Host", "evil.example"), token, json]),
        ("a foreign origin", 403, vec![("Origin", "https://evil.example"), token, json]),
        ("an origin of nobody", 403, vec![("Origin", "null"), token, json]),
        ("another port's origin", 403, vec![("Host", own_host.as_str()), ("Origin", "http://localhost:1"), token, json]),
        ("a form", 415, vec![token, ("Content-Type", "text/plain")]),
        ("no type", 415, vec![token]),
    ];
    for (name, status, headers) in &cases {
        for path in [DISABLE, ENABLE, "/api/v1/reload", "/api/v1/allow-again", "/api/v1/integrations/-/disable"] {
            let answer = gateway.tell_as(path, LEAKED, headers);
            assert_eq!(answer.status, *status, "{name} {path}: {}", answer.text());
        }
    }
    let bodies: [(&str, u16); 8] = [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        ("{}", 400),
        (r#"{"reason":""}"#, 400),
        (r#"{"reason":"x","because":"y"}"#, 400),
        (r#"{"reason":"x","for":"soon"}"#, 400),
        (r#"{"reason":"x","answer":200}"#, 400),
    ];
    for (body, status) in bodies {
        assert_eq!(gateway.tell(DISABLE, body).status, status, "{body}");
    }
    assert_eq!(gateway.tell(DISABLE, &format!("{{\"reason\":\"{}\"}}", "x".repeat(20_000))).status, 413);
    for path in
        ["/api/v1/integrations/nobody/disable", "/api/v1/integrations/NOBODY/disable", "/api/v1/integrations/nobody/enable"]
    {
        assert_eq!(gateway.tell(path, LEAKED).status, 404, "{path}");
    }
    let mut connection = gateway.connect_admin();
    connection.send(format!("GET {DISABLE} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
    assert_eq!(connection.answer().status, 405);
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "nothing of all that changed anything");
    let same_site = [("Host", own_host.as_str()), ("Origin", own.as_str()), token, json];
    assert_eq!(gateway.tell_as(DISABLE, LEAKED, &same_site).status, 200);
    gateway.deliver(&PROVIDER.delivery()).refused(403, "forbidden");
    let ledger = gateway.finish();
    assert_eq!(ledger.records.iter().filter(|record| record.kind() == "switch").count(), 1);
}

#[test]
fn adm_02_without_a_token_nothing_can_be_changed_and_that_is_said() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::of(Integration::new(PROVIDER, &upstream.url())));
    let answer = gateway.tell(DISABLE, LEAKED);
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("no admin token is configured"), "{}", answer.text());
    let output = gateway.verb(&["disable", "stripe", "--reason", "x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no admin token is configured"));
    assert_eq!(gateway.verb(&["disable", "--reason", "x"]).status.code(), Some(2), "usage");
    assert_eq!(gateway.verb(&["disable", "stripe", "--all", "--reason", "x"]).status.code(), Some(2), "usage");
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.finish();
}

#[test]
fn adm_03_readiness_says_what_is_true() {
    let upstream = Upstream::start();
    // A secret that ends in a moment, at the only integration there is.
    let end = jiff_text(crate::support::unix_now() + 4);
    let ends = Integration::new(PROVIDER, &upstream.url()).without_secrets();
    let ends = ends.secret("ends", &PROVIDER.secret("current").configured, &format!(", not_after = {end}"));
    let gateway = Gateway::start(Config::of(ends).token().probe());
    let gone = poll(Duration::from_secs(8), || (gateway.admin("/readyz").status == 503).then_some(()));
    assert!(gone.is_some(), "without a secret nothing can be verified");
    assert_eq!(gateway.readiness()["causes"][0], "secrets_unavailable");
    assert_eq!(gateway.admin("/healthz").status, 200, "restarting it would mend nothing");
    // One of two: the other still serves.
    gateway.rewrite(&config(&upstream).probe());
    gateway.reload_applied();
    let probed = crate::support::gateway::get(gateway.ports().probe, "/readyz").unwrap();
    assert_eq!((probed.status, probed.json()["status"].as_str()), (200, Some("ready")));
    gateway.tell(DISABLE, r#"{"reason":"x","secret":"current"}"#);
    assert_eq!(gateway.readiness()["status"], "degraded");
    assert_eq!(gateway.readiness()["degraded"][0]["details"][0], "stripe");
    let probed = crate::support::gateway::get(gateway.ports().probe, "/readyz").unwrap();
    assert!(
        probed.status == 200 && probed.text().contains("secret_unavailable") && !probed.text().contains("stripe"),
        "{}",
        probed.text()
    );
    gateway.finish();
}

/// A time as TOML writes it.
fn jiff_text(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

#[test]
fn the_status_page_is_self_contained() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    gateway.tell(DISABLE, r#"{"reason":"<script>alert(1)</script>"}"#);
    let answer = gateway.admin("/");
    assert_eq!(answer.status, 200);
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    let text = answer.text();
    assert!(!text.contains("http://") && !text.contains("https://") && text.matches("<script").count() == 1, "{text}");
    assert!(text.contains("<script src=\"/status.js\" defer></script>"), "{text}");
    assert!(text.contains("stripe") && text.contains("disabled"));
    assert!(gateway.try_connect(Ipv4Addr::LOCALHOST).is_ok());
    gateway.finish();
}
