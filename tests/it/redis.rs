//! One memory for all replicas: who joins it, who may, and that a delivery is forwarded once whoever it is sent to.

use std::sync::{Barrier, Mutex};
use std::time::Duration;

use crate::support::certificate::Certificate;
use crate::support::client::PATIENCE;
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, hookward_output};
use crate::support::provider::{Delivery, Provider};
use crate::support::redis::{RedisServer, free_port};
use crate::support::unix_now;
use crate::support::upstream::{Reply, Upstream};

fn config(upstream: &Upstream, redis: &RedisServer) -> Config {
    Config::of(Integration::new(Provider::Stripe, &upstream.url())).redis(&redis.url())
}

/// Rounds of each race; `make soak` asks for more.
fn rounds() -> usize {
    std::env::var("HOOKWARD_REDIS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1000)
}

/// Sends one delivery after another, each 64 times at once over all gateways; exactly one of each is forwarded.
fn race(gateways: usize) {
    const SENDERS: usize = 64;
    let (redis, upstream) = (RedisServer::start(), Upstream::start());
    let quick = "{ rate = \"1000000/s\", burst = 1000000 }";
    let config = config(&upstream, &redis)
        .set("replay", "redis", "{ url = { env = \"HOOKWARD_REDIS_URL\" }, timeout = \"5s\" }")
        .set("rate_limit", "per_source", quick);
    let gateways: Vec<Gateway> = (0..gateways).map(|_| Gateway::start(config.clone())).collect();
    let (barrier, delivery) = (Barrier::new(SENDERS), Mutex::new(Provider::Stripe.delivery()));
    // What came back of each round. Nobody panics before the end: the others would wait for ever.
    let outcomes = Mutex::new(vec![Vec::new()]);
    let sender = |number: usize| {
        let mut connection = gateways[number % gateways.len()].connect();
        for _ in 0..rounds() {
            barrier.wait();
            let present = delivery.lock().unwrap().clone();
            barrier.wait();
            connection.send_delivery(&Provider::Stripe.path(), &present);
            let status = connection.try_answer(PATIENCE).map_or(0, |answer| answer.status);
            outcomes.lock().unwrap().last_mut().unwrap().push(status);
            if barrier.wait().is_leader() {
                outcomes.lock().unwrap().push(Vec::new());
                *delivery.lock().unwrap() = Provider::Stripe.delivery();
            }
        }
    };
    let sender = &sender;
    std::thread::scope(|scope| (0..SENDERS).for_each(|number| drop(scope.spawn(move || sender(number)))));
    for (round, statuses) in outcomes.into_inner().unwrap().into_iter().take(rounds()).enumerate() {
        let count = |status| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((count(200), count(409)), (1, SENDERS - 1), "round {round}: {statuses:?}");
    }
    assert_eq!(upstream.received().len(), rounds());
    eprintln!("{} gateways, {SENDERS} senders: {} rounds, one forwarded in each", gateways.len(), rounds());
    for gateway in gateways {
        gateway.finish();
    }
}

#[test]
fn rpl_04_two_gateways_forward_once() {
    race(2);
}

#[test]
fn rpl_04_three_gateways_forward_once() {
    race(3);
}

#[test]
fn what_one_gateway_does_the_others_know() {
    let (redis, upstream) = (RedisServer::start(), Upstream::start());
    let (one, other) = (Gateway::start(config(&upstream, &redis)), Gateway::start(config(&upstream, &redis)));
    let taken = Provider::Stripe.delivery();
    assert_eq!(one.deliver(&taken).status, 200);
    other.deliver(&taken).refused(409, "conflict");

    // In flight at one, in flight at the other; refused by the upstream, and the other may try at once.
    upstream.next(Reply::After(Duration::from_millis(600), Box::new(Reply::status(500))));
    let refused = Provider::Stripe.delivery();
    let mut connection = one.connect();
    connection.send_delivery(&Provider::Stripe.path(), &refused);
    upstream.wait_for(2);
    let waiting = other.deliver(&refused);
    waiting.refused(409, "conflict");
    assert!(waiting.header("retry-after").is_some());
    assert_eq!(connection.answer().status, 500);
    assert_eq!(other.deliver(&refused).status, 200);
    one.deliver(&refused).refused(409, "conflict");
    assert_eq!(upstream.received().len(), 3);

    // What is kept is small, has the prefix, and goes away.
    // Two deliveries, the generation, and what replicas talk over.
    assert_eq!(redis.command(&["DBSIZE"]), "5");
    let keys = redis.command(&["KEYS", "*"]);
    assert!(keys.split(' ').all(|key| key.starts_with("hookward:") && key.len() <= 31), "{keys}");
    let beside = ["hookward:generation", "hookward:switches", "hookward:replicas"];
    for key in keys.split(' ').filter(|key| !beside.contains(key)) {
        assert_eq!(redis.command(&["GET", key]), "s");
        let left: i64 = redis.command(&["TTL", key]).parse().unwrap();
        assert!((1..=302).contains(&left), "{left}");
    }
    let metrics = one.metrics();
    assert!(metrics.sum("hookward_replay_capacity", &[]).abs() < 0.5, "the bound is the server's own");
    one.finish();
    other.finish();
}

#[test]
fn a_gateway_that_joins_has_the_history() {
    let (redis, upstream) = (RedisServer::start(), Upstream::start());
    let cold = |upstream| config(upstream, &redis).unset("replay", "cold_start");
    let mut first = Gateway::start_unready(cold(&upstream));
    assert_eq!(first.admin("/readyz").status, 503, "nobody remembers anything yet");
    let early = Provider::Stripe.delivery_at(unix_now() - 1);
    first.deliver(&early).refused(503, "unavailable");
    first.wait_until("/readyz");
    first.deliver(&early).refused(503, "unavailable");
    let taken = Provider::Stripe.delivery();
    assert_eq!(first.deliver(&taken).status, 200);

    let second = Gateway::start_unready(cold(&upstream));
    assert_eq!(second.admin("/readyz").status, 200, "it joins a memory that began long ago");
    second.deliver(&taken).refused(409, "conflict");
    second.deliver(&early).refused(503, "unavailable");
    assert_eq!(second.deliver(&Provider::Stripe.delivery()).status, 200);

    let second = second.restart_after_kill();
    second.deliver(&taken).refused(409, "conflict");
    assert_eq!(upstream.received().len(), 2);
    let ledger = first.finish();
    assert_eq!(ledger.outcomes()[0], ("signed_before_start".to_owned(), 503));
    second.finish();
}

#[test]
fn prefixes_keep_gateways_apart() {
    let (redis, upstream) = (RedisServer::start(), Upstream::start());
    let prefixed = |prefix: &str| {
        let value = format!("{{ url = {{ env = \"HOOKWARD_REDIS_URL\" }}, prefix = \"{prefix}\" }}");
        Gateway::start(config(&upstream, &redis).set("replay", "redis", &value))
    };
    let (one, other) = (prefixed("one:"), prefixed("{other}:"));
    let delivery = Provider::Stripe.delivery();
    assert_eq!((one.deliver(&delivery).status, other.deliver(&delivery).status), (200, 200));
    one.finish();
    other.finish();
}

#[test]
fn rpl_19_a_server_that_evicts_refuses_the_start() {
    let (redis, upstream) = (RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]), Upstream::start());
    let (status, said) = refused_start(&config(&upstream, &redis));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("allkeys-lru") && said.contains("noeviction"), "{said}");
}

#[test]
fn a_wrong_password_refuses_the_start_and_is_not_said() {
    let (redis, upstream) = (RedisServer::start_with(&["--requirepass", "right"]), Upstream::start());
    let url = format!("redis://:canary-hunter2@127.0.0.1:{}", redis.port());
    let (status, said) = refused_start(&config(&upstream, &redis).redis(&url));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("redis") && !said.contains("hunter2"), "{said}");
}

fn refused_start(config: &Config) -> (Option<i32>, String) {
    let mut gateway = Gateway::start_refused(config.clone());
    let status = gateway.wait_exit(Duration::from_secs(10));
    (status.code(), gateway.stderr())
}

#[test]
fn check_finds_a_url_that_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let write = |url: &str| {
        let text = format!(
            "[[listener]]\nbind = \"127.0.0.1:0\"\n[replay]\nstore = \"redis\"\nredis = {{ url = {{ file = \"{url}\" }} }}\n\
             [integration.a]\nprovider = \"stripe\"\npath = \"/\"\nupstream = \"http://127.0.0.1:1/\"\n\
             secrets = [ {{ id = \"a\", file = \"secret\" }} ]\n"
        );
        std::fs::write(directory.path().join("hookward.toml"), text).unwrap();
    };
    std::fs::write(directory.path().join("secret"), "a secret that is long enough for anybody").unwrap();
    std::fs::write(directory.path().join("good"), "rediss://user:password@redis.internal/1\n").unwrap();
    std::fs::write(directory.path().join("bad"), "hunter2@redis.internal").unwrap();
    for (file, status) in [("good", 0), ("bad", 2), ("missing", 2)] {
        write(file);
        let output = hookward_output(directory.path(), &["check", "--config", "hookward.toml"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(status), "{file}: {said}");
        assert!(status == 0 || said.contains("replay.redis.url"), "{file}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn tls_is_verified() {
    let certificate = Certificate::generate();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (cert, key) = (file("cert.pem", &certificate.cert_pem), file("key.pem", &certificate.key_pem));
    let port = free_port().to_string();
    let settings = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let (redis, upstream) = (RedisServer::start_with(&settings), Upstream::start());
    let over_tls = |ca: &str| {
        let value = format!("{{ url = {{ env = \"HOOKWARD_REDIS_URL\" }}{ca} }}");
        config(&upstream, &redis).redis(&format!("rediss://localhost:{port}")).set("replay", "redis", &value)
    };
    let gateway = Gateway::start(over_tls(&format!(", ca = \"{cert}\"")));
    let delivery: Delivery = Provider::Stripe.delivery();
    assert_eq!(gateway.deliver(&delivery).status, 200);
    gateway.deliver(&delivery).refused(409, "conflict");
    gateway.finish();

    let gateway = Gateway::start_unready(over_tls(""));
    assert_eq!(gateway.admin("/readyz").status, 503, "nobody signed the certificate");
    gateway.deliver(&Provider::Stripe.delivery()).refused(503, "unavailable");
    gateway.finish();
}
