//! Kill switches over replicas that share a Redis: how soon they agree, who wins, what a late, lost or fresh one does.

use std::time::{Duration, Instant};

use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::poll;
use crate::support::provider::Provider;
use crate::support::redis::RedisServer;
use crate::support::upstream::Upstream;

const PROVIDER: Provider = Provider::Stripe;
const DISABLE: &str = "/api/v1/integrations/stripe/disable";
const ENABLE: &str = "/api/v1/integrations/stripe/enable";
const PATIENCE: Duration = Duration::from_secs(20);

fn config(upstream: &Upstream, redis: &RedisServer) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
        .integration(Integration::new(Provider::Github, &upstream.url()))
        .redis(&redis.url())
        .token()
        .set("rate_limit", "per_source", "{ rate = \"100000/s\", burst = 100000 }")
}

/// What a replica says of an integration.
fn entry(gateway: &Gateway, name: &str) -> serde_json::Value {
    let inventory = gateway.admin("/api/v1/integrations").json();
    inventory.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap().clone()
}

fn is_off(gateway: &Gateway, name: &str) -> bool {
    entry(gateway, name)["state"] == "disabled"
}

#[track_caller]
fn await_state(gateway: &Gateway, name: &str, off: bool) {
    let reached = poll(PATIENCE, || (is_off(gateway, name) == off).then_some(()));
    assert!(reached.is_some(), "{name} never turned {}:\n{}", if off { "off" } else { "on" }, gateway.stderr());
}

#[track_caller]
fn throw(gateway: &Gateway, path: &str, body: &str) -> serde_json::Value {
    let answer = gateway.tell(path, body);
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
    answer.json()
}

#[track_caller]
fn await_degraded(gateway: &Gateway, is: bool) {
    let says = || gateway.readiness()["degraded"].to_string().contains("switches_not_shared");
    assert!(poll(PATIENCE, || (says() == is).then_some(())).is_some(), "{}", gateway.readiness());
}

/// Switches of one integration, of all and of one secret, thrown at any of three replicas: when the other two have them.
#[test]
fn a_switch_reaches_every_replica_within_a_second() {
    const ROUNDS: usize = 36;
    let (redis, upstream) = (RedisServer::start(), Upstream::start());
    let replicas: Vec<_> = (0..3).map(|_| Gateway::start(config(&upstream, &redis))).collect();
    let mut delays = Vec::new();
    for round in 0..ROUNDS {
        let (verbs, on_all) = match round % 3 {
            0 => (["/api/v1/integrations/stripe/disable", "/api/v1/integrations/stripe/enable"], false),
            1 => (["/api/v1/integrations/-/disable", "/api/v1/integrations/-/enable"], true),
            _ => (["/api/v1/integrations/github/disable", "/api/v1/integrations/github/enable"], false),
        };
        let name = if round % 3 == 2 || on_all { "github" } else { "stripe" };
        for (verb, off) in verbs.into_iter().zip([true, false]) {
            let at = &replicas[round % replicas.len()];
            let begun = Instant::now();
            assert_eq!(throw(at, verb, r#"{"reason":"drill"}"#)["replicas"], "told");
            for other in &replicas {
                await_state(other, name, off);
                delays.push(begun.elapsed());
            }
        }
    }
    delays.sort_unstable();
    let (median, most) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    eprintln!("{} switches, three replicas: half of them know within {median:?}, all within {most:?}", ROUNDS * 2);
    assert!(ROUNDS * 3 >= 100 && median < Duration::from_millis(500), "{median:?}");
    let late = delays.iter().filter(|delay| **delay > Duration::from_secs(1)).count();
    assert!(late * 100 <= delays.len(), "{late} of {} took longer than a second, one {most:?}", delays.len());
    // Thrown by one, written down by all.
    let ledgers: Vec<_> = replicas.into_iter().map(Gateway::finish).collect();
    for ledger in ledgers {
        let switches: Vec<_> = ledger.records.iter().filter(|record| record.kind() == "switch").collect();
        assert_eq!(switches.len(), ROUNDS * 2);
        assert!(switches.iter().all(|record| record.text("origin").contains('/') && record.text("reason") == "drill"));
    }
}

#[test]
fn a_switch_means_the_same_at_every_replica() {
    let (redis, upstream) = (RedisServer::start(), Upstream::start());
    let (one, other) = (Gateway::start(config(&upstream, &redis)), Gateway::start(config(&upstream, &redis)));
    // With an end: 503, and over everywhere by itself.
    throw(&one, DISABLE, r#"{"reason":"migration","for":"3s"}"#);
    await_state(&other, "stripe", true);
    other.deliver(&PROVIDER.delivery()).refused(503, "unavailable");
    await_state(&other, "stripe", false);
    assert_eq!(other.deliver(&PROVIDER.delivery()).status, 200);
    // Its own answer.
    throw(&one, DISABLE, r#"{"reason":"leaked","answer":503}"#);
    await_state(&other, "stripe", true);
    assert_eq!(
        (entry(&other, "stripe")["disabled"]["answer"].clone(), entry(&other, "stripe")["disabled"]["reason"].clone()),
        (503.into(), "leaked".into())
    );
    throw(&other, ENABLE, r#"{"reason":"over"}"#);
    await_state(&one, "stripe", false);
    // One secret.
    throw(&one, DISABLE, r#"{"reason":"leaked","secret":"current"}"#);
    let barred = poll(PATIENCE, || (entry(&other, "stripe")["secrets"][0]["state"] == "disabled").then_some(()));
    assert!(barred.is_some());
    other.deliver(&PROVIDER.delivery()).refused(401, "unauthorized");
    // All, also by the command line; what is on for all leaves each as it was.
    assert_eq!(one.verb(&["disable", "--all", "--reason", "incident"]).status.code(), Some(0));
    await_state(&other, "github", true);
    other.deliver(&Provider::Github.delivery()).refused(403, "forbidden");
    assert_eq!(other.verb(&["enable", "--all", "--reason", "over"]).status.code(), Some(0));
    await_state(&one, "github", false);
    assert_eq!(one.deliver(&Provider::Github.delivery()).status, 200);
    assert_eq!(entry(&one, "stripe")["secrets"][0]["state"], "disabled");
    one.finish();
    other.finish();
}

#[test]
fn without_redis_each_stands_alone_and_they_agree_when_it_is_back() {
    let (mut redis, upstream) = (RedisServer::start(), Upstream::start());
    let unclaimed = |name: &str| Integration::new(PROVIDER, &upstream.url()).named(name).line("replay = \"off\"");
    let config = || config(&upstream, &redis).integration(unclaimed("always"));
    let (one, other) = (Gateway::start(config()), Gateway::start(config()));
    throw(&one, "/api/v1/integrations/github/disable", r#"{"reason":"before"}"#);
    await_state(&other, "github", true);
    redis.kill();
    await_degraded(&one, true);
    await_degraded(&other, true);
    assert!(is_off(&other, "github"), "what was off stays off");
    // What is thrown here acts here at once.
    let told = throw(&one, "/api/v1/integrations/always/disable", r#"{"reason":"leaked"}"#);
    assert_eq!(told["replicas"], "not told yet");
    one.deliver_to("/hooks/always", &PROVIDER.delivery()).refused(403, "forbidden");
    assert!(!is_off(&other, "always"));
    assert!(one.metrics().sum("hookward_replica_failures_total", &[]) > 0.5);
    // It comes back empty: nobody is turned on by that, and who did not know hears.
    redis.spawn();
    await_state(&other, "always", true);
    await_degraded(&one, false);
    await_degraded(&other, false);
    assert!(is_off(&one, "github") && is_off(&other, "github") && is_off(&one, "always"));
    // Until both have agreed again, what is off at one stands against who turns it on at the other.
    let enabled = poll(PATIENCE, || {
        throw(&other, "/api/v1/integrations/github/enable", r#"{"reason":"over"}"#);
        let both_on = || (!is_off(&one, "github") && !is_off(&other, "github")).then_some(());
        poll(Duration::from_secs(1), both_on)
    });
    assert!(enabled.is_some(), "{} {}", entry(&one, "github"), entry(&other, "github"));
    one.finish();
    other.finish();
}

#[test]
fn of_two_who_did_not_know_of_each_other_the_stricter_wins() {
    let (mut redis, upstream) = (RedisServer::start(), Upstream::start());
    let (one, other) = (Gateway::start(config(&upstream, &redis)), Gateway::start(config(&upstream, &redis)));
    throw(&one, DISABLE, r#"{"reason":"first"}"#);
    await_state(&other, "stripe", true);
    redis.kill();
    await_degraded(&one, true);
    await_degraded(&other, true);
    // One turns on what the other turns off anew; github is off for a while at one, for good at the other.
    throw(&one, ENABLE, r#"{"reason":"seems fine"}"#);
    throw(&other, DISABLE, r#"{"reason":"still leaking"}"#);
    throw(&one, "/api/v1/integrations/github/disable", r#"{"reason":"for good"}"#);
    throw(&other, "/api/v1/integrations/github/disable", r#"{"reason":"a while","for":"1m"}"#);
    redis.spawn();
    await_degraded(&one, false);
    await_degraded(&other, false);
    await_state(&one, "stripe", true);
    let same = poll(PATIENCE, || {
        let reason = |gateway, name| entry(gateway, name)["disabled"]["reason"].clone();
        let agree = [&one, &other]
            .iter()
            .all(|gateway| reason(gateway, "stripe") == "still leaking" && reason(gateway, "github") == "for good");
        agree.then_some(())
    });
    assert!(same.is_some(), "{} {}", entry(&one, "github"), entry(&other, "github"));
    one.finish();
    other.finish();
}

#[test]
fn who_was_away_or_knows_nothing_joins_and_undoes_nothing() {
    let (redis, upstream) = (RedisServer::start(), Upstream::start());
    let one = Gateway::start(config(&upstream, &redis));
    let mut late = Gateway::start(config(&upstream, &redis));
    throw(&one, DISABLE, r#"{"reason":"leaked"}"#);
    await_state(&late, "stripe", true);
    // It goes away knowing that stripe is off and github is on; both are turned meanwhile.
    late.kill();
    throw(&one, ENABLE, r#"{"reason":"rotated"}"#);
    throw(&one, "/api/v1/integrations/github/disable", r#"{"reason":"leaked, too"}"#);
    late.start_again();
    late.wait_until("/readyz");
    late.deliver(&Provider::Github.delivery()).refused(403, "forbidden");
    assert_eq!(late.deliver(&PROVIDER.delivery()).status, 200, "what was turned on stays on");
    assert!(!is_off(&one, "stripe") && is_off(&one, "github"));
    // One that has nothing but the Redis.
    let fresh = Gateway::start(config(&upstream, &redis));
    fresh.deliver(&Provider::Github.delivery()).refused(403, "forbidden");
    assert_eq!(fresh.deliver(&PROVIDER.delivery()).status, 200);
    for gateway in [one, late, fresh] {
        gateway.finish();
    }
}

#[test]
fn status_shows_every_replica() {
    let (redis, upstream) = (RedisServer::start(), Upstream::start());
    let one = Gateway::start(config(&upstream, &redis));
    let mut other = Gateway::start(config(&upstream, &redis));
    throw(&other, DISABLE, r#"{"reason":"leaked"}"#);
    let both = poll(PATIENCE, || {
        let replicas = one.admin("/api/v1/replicas").json();
        let list = replicas.as_array().unwrap().clone();
        let agree = list.iter().all(|replica| replica["off"] == serde_json::json!(["i:stripe"]) && replica["state"] == "heard");
        (list.len() == 2 && agree).then_some(list)
    });
    let both = both.unwrap_or_else(|| panic!("{}", one.admin("/api/v1/replicas").text()));
    assert_eq!(both.iter().filter(|replica| replica["is_self"] == true).count(), 1);
    assert_eq!(both[0]["configuration"], both[1]["configuration"], "the same integrations");
    assert_eq!(both[0]["version"], env!("CARGO_PKG_VERSION"));
    assert!((one.metrics().sum("hookward_replicas", &[]) - 2.0).abs() < 0.5);
    let shown = String::from_utf8(one.verb(&["status"]).stdout).unwrap();
    assert!(shown.contains("REPLICA") && shown.matches("i:stripe").count() == 2, "{shown}");
    let listed = one.verb(&["status", "--replicas", "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    // Who is killed is missed; who ends leaves.
    other.kill();
    let missed = poll(PATIENCE, || one.admin("/api/v1/replicas").text().contains("\"late\"").then_some(()));
    assert!(missed.is_some(), "{}", one.admin("/api/v1/replicas").text());
    let third = Gateway::start(config(&upstream, &redis));
    let count =
        |wanted| poll(PATIENCE, || (one.admin("/api/v1/replicas").json().as_array().unwrap().len() == wanted).then_some(()));
    assert!(count(3).is_some());
    third.finish();
    assert!(count(2).is_some());
    one.finish();
}

#[test]
fn a_right_that_is_missing_costs_no_delivery() {
    // A user with the rights of an earlier version: claims go on, switches are local, and somebody is told.
    let (redis, upstream) = (RedisServer::start(), Upstream::start());
    let rights = "ACL SETUSER gate on >pass ~hookward:* resetchannels -@all +eval +evalsha +info +select +time +get +set +del +pttl +pexpire +hget +hmget +hset +dbsize +client +ping";
    redis.command(&rights.split(' ').collect::<Vec<_>>());
    let url = format!("redis://gate:pass@127.0.0.1:{}", redis.port());
    let gateway = Gateway::start(config(&upstream, &redis).redis(&url));
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    await_degraded(&gateway, true);
    throw(&gateway, DISABLE, r#"{"reason":"leaked"}"#);
    gateway.deliver(&PROVIDER.delivery()).refused(403, "forbidden");
    gateway.finish();
}
