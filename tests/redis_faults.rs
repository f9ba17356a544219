//! Redis fails in every way it can, under the real gateway.
//!
//! While it cannot be used: 503 `replay_store_unavailable` within the deadline, nothing forwarded, not ready. Then: it goes on
//! by itself, and what was settled before is never forwarded again. A binary of its own, because it measures time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a failing test shows the gateway's log, a passing one its times")]
#![expect(clippy::disallowed_methods, reason = "the outside of the gateway has a clock of its own")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use faults::{Paused, Switch, as_user, follow, kill_clients};
use support::client::Connection;
use support::config::{Config, Integration};
use support::gateway::Gateway;
use support::poll;
use support::provider::{Delivery, Provider};
use support::redis::RedisServer;
use support::upstream::{Latch, Reply, Upstream};

#[path = "it/support/redis_faults.rs"]
mod faults;
#[path = "it/support/mod.rs"]
#[expect(dead_code, reason = "the integration suite uses the rest")]
mod support;

/// The deadline of a call, as configured by default; what a machine adds to half of them, and what a busy one may to any.
const DEADLINE: Duration = Duration::from_millis(250);
const SLACK: Duration = Duration::from_millis(50);
const STARVED: Duration = Duration::from_secs(1);
/// Deliveries in each fault, one after the other.
const PROBES: usize = 25;

/// One Redis, one gateway, one upstream, and a delivery that was settled before anything failed.
struct Scene {
    redis: RedisServer,
    gateway: Gateway,
    upstream: Upstream,
    settled: Delivery,
}

impl Scene {
    fn new() -> Self {
        let redis = RedisServer::start();
        let url = redis.url();
        Self::on(redis, &url)
    }

    fn on(redis: RedisServer, url: &str) -> Self {
        let upstream = Upstream::start();
        // The rule of the cold start stands: that is what a lost memory is judged by.
        let quick = "{ rate = \"1000000/s\", burst = 1000000 }";
        let config = Config::of(Integration::new(Provider::Stripe, &upstream.url())).set("rate_limit", "per_source", quick);
        let gateway = Gateway::start(config.redis(url).unset("replay", "cold_start"));
        let settled = Provider::Stripe.delivery();
        assert_eq!(gateway.deliver(&settled).status, 200);
        gateway.deliver(&settled).refused(409, "conflict");
        Self { redis, gateway, upstream, settled }
    }

    /// Every delivery is refused in time, none is forwarded, and the gateway is not ready.
    #[track_caller]
    fn is_out(&self, what: &str) {
        let before = self.upstream.received().len();
        let mut connection = self.gateway.connect();
        let mut times = (0..PROBES).map(|_| refusal(&mut connection, &Provider::Stripe.delivery())).collect::<Vec<_>>();
        times.push(refusal(&mut connection, &self.settled));
        times.sort_unstable();
        println!("{what}: {} refusals, median {:?}, longest {:?}", times.len(), times[times.len() / 2], times[times.len() - 1]);
        assert!(times[times.len() / 2] <= DEADLINE + SLACK, "{what}: {times:?}");
        assert!(times[times.len() - 1] <= DEADLINE + STARVED, "{what}: {times:?}");
        assert_eq!(self.upstream.received().len(), before, "{what}: something was forwarded");
        assert_eq!(self.gateway.admin("/readyz").status, 503, "{what}");
        assert!(self.gateway.admin("/readyz").text().contains("replay_store_unavailable"), "{what}");
    }

    /// It goes on by itself, and the settled delivery is not forwarded: known, or refused as from before a cold start.
    #[track_caller]
    fn goes_on(&mut self, what: &str, memory: Memory) {
        let begun = Instant::now();
        let before = self.upstream.received().len();
        let back =
            poll(Duration::from_secs(15), || (self.gateway.deliver(&Provider::Stripe.delivery()).status == 200).then_some(()));
        assert!(back.is_some(), "{what}: it never went on:\n{}", self.gateway.stderr());
        println!("{what}: forwards again after {:?}", begun.elapsed());
        self.gateway.wait_until("/readyz");
        if memory == Memory::Lost {
            self.gateway.deliver(&self.settled).refused(503, "unavailable");
        } else {
            self.comes_to(what, &self.settled, 409);
        }
        let fresh = Provider::Stripe.delivery();
        self.comes_to(what, &fresh, 200);
        self.comes_to(what, &fresh, 409);
        assert_eq!(self.upstream.received().len(), before + 2, "{what}");
        self.settled = fresh;
    }

    /// Asserts that it is answered so in the end: a connection that let calls wait is given up, be it a moment after Redis goes
    /// on, and what was claimed by it is held until that is known. That it is forwarded once at most is counted at the upstream.
    #[track_caller]
    fn comes_to(&self, what: &str, delivery: &Delivery, status: u16) {
        let came = poll(Duration::from_secs(10), || (self.gateway.deliver(delivery).status == status).then_some(()));
        assert!(came.is_some(), "{what}: never {status}:\n{}", self.gateway.stderr());
    }

    /// The end: nothing that was settled was forwarded twice, and the refusals have their reason.
    fn finish(self) {
        let received = self.upstream.received();
        let mut bodies: Vec<_> = received.iter().map(|request| request.body.clone()).collect();
        bodies.sort();
        bodies.dedup();
        assert_eq!(bodies.len(), received.len(), "something was forwarded twice");
        let ledger = self.gateway.finish();
        let of_replay = ["delivered", "replayed", "replay_store_unavailable", "signed_before_start", "replay_in_flight"];
        // A disk that is busy with others may hold up the audit log; what cannot be told is refused.
        let known = [&of_replay[..], &["audit_unavailable"]].concat();
        for (reason, status) in ledger.outcomes() {
            assert!(known.contains(&reason.as_str()), "{reason} {status}");
        }
    }
}

/// Whether what was settled before is still known.
#[derive(Clone, Copy, PartialEq)]
enum Memory {
    Kept,
    Lost,
}

/// How long a refusal takes.
#[track_caller]
fn refusal(connection: &mut Connection, delivery: &Delivery) -> Duration {
    let begun = Instant::now();
    connection.send_delivery(&Provider::Stripe.path(), delivery);
    connection.answer().refused(503, "unavailable");
    begun.elapsed()
}

#[test]
fn rpl_20_gone_and_rpl_17_back_without_its_memory() {
    let mut scene = Scene::new();
    scene.redis.kill();
    scene.is_out("killed");
    scene.redis.spawn();
    scene.goes_on("killed", Memory::Lost);
    // Back before anybody noticed that it was gone.
    scene.redis.kill();
    scene.redis.spawn();
    scene.goes_on("restarted", Memory::Lost);
    scene.finish();
}

#[test]
fn rpl_17_flushed() {
    let mut scene = Scene::new();
    for what in ["FLUSHALL", "FLUSHDB"] {
        scene.redis.command(&[what]);
        scene.gateway.deliver(&scene.settled).refused(503, "unavailable");
        scene.goes_on(what, Memory::Lost);
    }
    scene.finish();
}

#[test]
fn rpl_20_hung_and_rpl_21_the_retry_of_a_lost_claim_passes() {
    let mut scene = Scene::new();
    for (pause_ms, senders) in [(400, 1), (2000, 1), (1200, 48)] {
        let what = format!("hung for {pause_ms} ms, {senders} at once");
        let retried = Mutex::new(Vec::new());
        let paused = Paused::stop(&scene.redis);
        let end = Instant::now() + Duration::from_millis(pause_ms);
        let longest = std::thread::scope(|scope| {
            let send = || {
                let mut connection = scene.gateway.connect();
                let mut longest = Duration::ZERO;
                // What is under way when it goes on again may well be answered: the last one keeps its distance.
                while Instant::now() + DEADLINE + SLACK < end {
                    let delivery = Provider::Stripe.delivery();
                    longest = longest.max(refusal(&mut connection, &delivery));
                    retried.lock().unwrap().push(delivery);
                    std::thread::sleep(Duration::from_millis(5));
                }
                longest
            };
            let threads: Vec<_> = (0..senders).map(|_| scope.spawn(send)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
        });
        // No pile-up: many at once wait no longer than one, but for the processor.
        assert!(longest <= DEADLINE + STARVED, "{what}: {longest:?}");
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        drop(paused);
        scene.goes_on(&what, Memory::Kept);
        let retried = retried.into_inner().unwrap();
        println!("{what}: longest {longest:?}, {} retried", retried.len());
        for delivery in retried.iter().take(20) {
            let taken = poll(Duration::from_secs(5), || (scene.gateway.deliver(delivery).status == 200).then_some(()));
            assert!(taken.is_some(), "{what}: a claim nobody has holds its delivery back");
        }
    }
    scene.finish();
}

#[test]
fn rpl_20_read_only() {
    let mut scene = Scene::new();
    // Of nobody: there is nothing to copy, so its memory stays as it was.
    scene.redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    scene.is_out("read-only");
    scene.redis.command(&["REPLICAOF", "NO", "ONE"]);
    scene.goes_on("read-only", Memory::Lost);
    scene.finish();
}

#[test]
fn rpl_20_out_of_memory() {
    let mut scene = Scene::new();
    scene.redis.command(&["CONFIG", "SET", "maxmemory", "100kb"]);
    scene.is_out("out of memory");
    scene.redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    scene.goes_on("out of memory", Memory::Kept);

    // What is in flight when it fills up is settled nevertheless: that takes no memory.
    let latch = Latch::default();
    scene.upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
    let delivery = Provider::Stripe.delivery();
    let count = scene.upstream.received().len();
    let mut connection = scene.gateway.connect();
    connection.send_delivery(&Provider::Stripe.path(), &delivery);
    scene.upstream.wait_for(count + 1);
    scene.redis.command(&["CONFIG", "SET", "maxmemory", "100kb"]);
    latch.open();
    assert_eq!(connection.answer().status, 200);
    scene.redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let known = poll(Duration::from_secs(5), || (scene.gateway.deliver(&delivery).status == 409).then_some(()));
    assert!(known.is_some());
    scene.finish();
}

#[test]
fn rpl_19_the_policy_changes() {
    let mut scene = Scene::new();
    scene.redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let noticed = poll(Duration::from_secs(5), || (scene.gateway.admin("/readyz").status == 503).then_some(()));
    assert!(noticed.is_some());
    scene.is_out("it may evict");
    scene.redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    scene.goes_on("it may evict", Memory::Kept);

    // However short the time: what was evicted in it is noticed.
    scene.redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    scene.redis.command(&["SET", "another", "key"]);
    scene.redis.command(&["CONFIG", "SET", "maxmemory", "100kb"]);
    let _refused = scene.redis.try_command(&["SET", "one", "more"]);
    scene.redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    scene.redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let evicted = scene.redis.command(&["INFO", "stats"]).lines().any(|line| line.starts_with("evicted_keys:0"));
    assert!(!evicted, "the test evicts something");
    scene.goes_on("it evicted", Memory::Lost);
    scene.finish();
}

#[test]
fn rpl_20_the_password_changes() {
    let mut scene = Scene::new();
    scene.redis.command(&["CONFIG", "SET", "requirepass", "another"]);
    kill_clients(&scene.redis, Some("another"));
    scene.is_out("another password");
    as_user(&scene.redis, "another", &["CONFIG", "SET", "requirepass", ""]);
    scene.goes_on("another password", Memory::Kept);
    // A right that is taken away.
    scene.redis.command(&["ACL", "SETUSER", "default", "-set"]);
    assert_eq!(scene.gateway.deliver(&Provider::Stripe.delivery()).status, 503);
    scene.is_out("a missing right");
    scene.redis.command(&["ACL", "SETUSER", "default", "+set"]);
    scene.goes_on("a missing right", Memory::Kept);
    scene.finish();
}

/// The URL stands in a file, and the file is read again where a connection is wanted.
#[test]
fn a_password_is_exchanged_while_it_runs() {
    let redis = RedisServer::start();
    redis.command(&["ACL", "SETUSER", "gate", "on", ">first", "~*", "+@all"]);
    let port = redis.port();
    let url = |password: &str| format!("redis://gate:{password}@127.0.0.1:{port}");
    let upstream = Upstream::start();
    let config = Config::of(Integration::new(Provider::Stripe, &upstream.url())).file("redis.url", &url("first"));
    let config = config.redis("").set("replay", "redis", "{ url = { file = \"redis.url\" } }");
    let gateway = Gateway::start(config);
    let deliver = || gateway.deliver(&Provider::Stripe.delivery()).status;
    assert_eq!(deliver(), 200);
    redis.command(&["ACL", "SETUSER", "gate", "resetpass", ">second"]);
    kill_clients(&redis, None);
    assert!(poll(Duration::from_secs(5), || (deliver() == 503).then_some(())).is_some(), "the old one is no longer right");
    std::fs::write(gateway.directory().join("redis.url"), "no url").unwrap();
    std::thread::sleep(Duration::from_millis(700));
    std::fs::write(gateway.directory().join("redis.url"), url("second")).unwrap();
    assert!(poll(Duration::from_secs(5), || (deliver() == 200).then_some(())).is_some(), "the new one is read");
    assert!(!gateway.stderr().contains("second"));
    gateway.finish();
}

#[test]
fn rpl_20_somebody_elses_key() {
    let mut scene = Scene::new();
    scene.redis.command(&["SET", "hookward:generation", "what?"]);
    scene.is_out("a generation that is none");
    scene.redis.command(&["DEL", "hookward:generation"]);
    scene.goes_on("a generation that is none", Memory::Lost);
    scene.finish();
}

#[test]
fn the_connection_breaks() {
    let mut scene = Scene::new();
    for _ in 0..5 {
        kill_clients(&scene.redis, None);
        let begun = Instant::now();
        scene.goes_on("connections cut", Memory::Kept);
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    scene.finish();
}

#[test]
fn a_success_that_cannot_be_settled_is_not_passed_on() {
    let mut scene = Scene::new();
    let latch = Latch::default();
    scene.upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
    let delivery = Provider::Stripe.delivery();
    let count = scene.upstream.received().len();
    let mut connection = scene.gateway.connect();
    connection.send_delivery(&Provider::Stripe.path(), &delivery);
    let first = scene.upstream.wait_for(count + 1)[count].clone();
    scene.redis.kill();
    latch.open();
    let id = connection.answer().refused(503, "unavailable");
    scene.redis.spawn();
    scene.goes_on("gone between claim and settlement", Memory::Lost);
    let record = scene.gateway.await_record(|record| record.text("request_id") == id);
    assert_eq!((record.reason(), record.number("upstream_status")), ("replay_store_unavailable", 200));
    // Its memory is gone, so the same bytes are refused; signed anew they pass, under the same key.
    scene.gateway.deliver(&delivery).refused(503, "unavailable");
    assert!(!first.idempotency_key().is_empty());
    assert_eq!(scene.upstream.received().iter().filter(|request| request.body == delivery.body).count(), 1);
    scene.finish();
}

#[test]
fn a_settlement_outlives_a_broken_connection() {
    let scene = Scene::new();
    for _ in 0..10 {
        let latch = Latch::default();
        scene.upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
        let delivery = Provider::Stripe.delivery();
        let count = scene.upstream.received().len();
        let mut connection = scene.gateway.connect();
        connection.send_delivery(&Provider::Stripe.path(), &delivery);
        scene.upstream.wait_for(count + 1);
        kill_clients(&scene.redis, None);
        latch.open();
        assert_eq!(connection.answer().status, 200, "the memory is whole: the settlement is sent again");
        scene.comes_to("settled over another connection", &delivery, 409);
    }
    scene.finish();
}

/// However a flush falls between the judgement of a delivery and its claim.
#[test]
fn rpl_17_flushed_again_and_again() {
    let scene = Scene::new();
    let end = Instant::now() + Duration::from_secs(4);
    let count = std::thread::scope(|scope| {
        let replay = || {
            let mut connection = scene.gateway.connect();
            let mut count = 0_usize;
            while Instant::now() < end {
                connection.send_delivery(&Provider::Stripe.path(), &scene.settled);
                let status = connection.answer().status;
                assert!([409, 503].contains(&status), "{status}");
                count += 1;
                std::thread::sleep(Duration::from_millis(2));
            }
            count
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(replay)).collect();
        while Instant::now() < end {
            scene.redis.command(&["FLUSHALL"]);
            std::thread::sleep(Duration::from_millis(7));
        }
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    println!("{count} replays of one settled delivery between flushes, none forwarded");
    assert_eq!(scene.upstream.received().len(), 1);
    scene.finish();
}

/// A replica that has everything, and takes over behind one address.
#[test]
fn rpl_18_a_replica_takes_over() {
    let (primary, replica) = (RedisServer::start(), RedisServer::start());
    follow(&replica, &primary);
    let switch = Switch::to(primary.port());
    let mut scene = Scene::on(primary, &format!("redis://127.0.0.1:{}", switch.port));
    // What the replica did not get before it took over is the case that matters.
    replica.command(&["REPLICAOF", "NO", "ONE"]);
    let unreplicated = Provider::Stripe.delivery();
    assert_eq!(scene.gateway.deliver(&unreplicated).status, 200);
    switch.turn(replica.port());
    let before = scene.upstream.received().len();
    scene.goes_on("another server", Memory::Lost);
    scene.gateway.deliver(&unreplicated).refused(503, "unavailable");
    assert_eq!(scene.upstream.received().len(), before + 2);
    scene.finish();
}

#[test]
fn rpl_18_sentinels_move_the_primary() {
    let (primary, replica) = (RedisServer::start(), RedisServer::start());
    follow(&replica, &primary);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sentinel.conf");
    let text = format!(
        "sentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n",
        primary.port()
    );
    std::fs::write(&file, text).unwrap();
    let arguments = [&file.display().to_string(), "--sentinel", "--bind", "127.0.0.1"];
    let sentinel = RedisServer::start_as(arguments.map(str::to_owned).to_vec());
    let known = || sentinel.command(&["SENTINEL", "REPLICAS", "main"]).contains(&replica.port().to_string());
    assert!(poll(Duration::from_secs(15), || known().then_some(())).is_some(), "the sentinel knows the replica");
    let url = format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/main", sentinel.port());
    let mut scene = Scene::on(primary, &url);
    scene.redis.kill();
    scene.is_out("the primary is gone");
    scene.goes_on("the sentinel chose the replica", Memory::Lost);
    assert_eq!(replica.command(&["HGET", "hookward:generation", "id"]).len(), 32);
    // Sentinels that are gone take nothing away.
    drop(sentinel);
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(scene.gateway.deliver(&Provider::Stripe.delivery()).status, 200);
    scene.finish();
}
