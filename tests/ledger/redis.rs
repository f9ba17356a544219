//! Two gateways on one Redis that is stopped, stands still, comes back empty, takes no writes, has no memory left, evicts, loses its
//! connections and gives way to a replica, over and over; one of the gateways is killed now and then, too.
//!
//! Deliveries whose time is signed, each attempt signed anew or not: what a lost memory cannot know it refuses, so nothing is
//! forwarded twice that somebody was told is taken. (Untimed ones pass blind after a lost memory: `docs/replay.md`.) Taken twice may
//! only be what the sender was answered 502, 503, 504 or nothing for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::book::{End, Ledger, RUN, Random, Receipt, TIMEOUT, attempt, is_replay, mood, number, settle_accounts};
use crate::faults::{Paused, Switch, follow, kill_clients};
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, get};
use crate::support::provider::Provider;
use crate::support::redis::RedisServer;
use crate::support::upstream::Upstream;
use crate::support::{fresh_id, poll, unix_now};

const SENDERS: usize = 6;
const GATEWAYS: usize = 2;

/// When an attempt began, and the status it was answered, if it was.
type Attempt = (usize, Option<u16>);

/// What the senders were told, by the body.
#[derive(Default)]
struct Told(Mutex<BTreeMap<Vec<u8>, Vec<Attempt>>>);

impl Told {
    /// Whether the attempt that a receipt belongs to ended without a word that it is taken.
    fn was_unknown(&self, body: &[u8], receipt: &Receipt) -> bool {
        let told = self.0.lock().unwrap();
        let attempt = told[body].iter().rfind(|(begun, _)| *begun < receipt.at).unwrap();
        matches!(attempt.1, None | Some(502..=504))
    }
}

/// Everything that the threads share.
struct Scene {
    ledger: Ledger,
    told: Told,
    ports: [AtomicU16; GATEWAYS],
    random: Arc<Random>,
    over: AtomicBool,
}

impl Scene {
    fn port(&self) -> &AtomicU16 {
        &self.ports[usize::try_from(self.random.below(GATEWAYS as u64)).unwrap()]
    }

    /// A provider: sends an event to any gateway until it is told that it is taken.
    fn provide(&self) {
        let provider = [Provider::Stripe, Provider::StandardWebhooks][usize::try_from(self.random.below(2)).unwrap()];
        let (id, secret) = (fresh_id(), provider.secret("current"));
        let body = provider.body(&id);
        let mut delivery = provider.sign(&secret, &id, unix_now(), &body);
        self.ledger.sent.lock().unwrap().push(body.clone());
        let (end, mut unknown) = (Instant::now() + Duration::from_secs(600), 0);
        while Instant::now() < end {
            self.ledger.attempts.fetch_add(1, Ordering::SeqCst);
            let begun = self.ledger.tick();
            let answer = attempt(self.port(), &delivery);
            let status = answer.as_ref().ok().map(|answer| answer.status);
            self.told.0.lock().unwrap().entry(body.clone()).or_default().push((begun, status));
            match answer {
                Err(_) => {
                    self.ledger.unanswered.fetch_add(1, Ordering::SeqCst);
                    unknown += 1;
                }
                Ok(answer) if is_replay(&answer) => {
                    assert!(unknown > 0, "a replay of what nobody was told is taken");
                    self.ledger.known_as_replays.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                Ok(answer) if answer.status == 200 => {
                    self.ledger.acknowledged.lock().unwrap().push((self.ledger.tick(), delivery));
                    return;
                }
                Ok(answer) => {
                    unknown += usize::from((502..=504).contains(&answer.status));
                    let known = [302, 404, 409, 429, 500, 502, 503, 504];
                    assert!(known.contains(&answer.status), "{} {}", answer.status, answer.text());
                }
            }
            std::thread::sleep(Duration::from_millis(20 + self.random.below(80)));
            // What was signed before a memory began is refused for good, so providers that sign anew get through.
            if self.random.below(2) == 0 {
                delivery = provider.sign(&secret, &id, unix_now(), &body);
            }
        }
        panic!("never taken: {}", String::from_utf8_lossy(&body));
    }

    /// Somebody who kept what was taken, and sends it again, to any gateway.
    fn replay(&self) {
        std::thread::sleep(Duration::from_millis(5 + self.random.below(20)));
        let captured = {
            let acknowledged = self.ledger.acknowledged.lock().unwrap();
            let Some(count) = u64::try_from(acknowledged.len()).ok().filter(|count| *count > 0) else { return };
            // Mostly the latest ones: those are the ones that are not yet too old.
            let back = self.random.below(count.min(50)) + 1;
            acknowledged[usize::try_from(count - back).unwrap()].1.clone()
        };
        self.ledger.replays.fetch_add(1, Ordering::SeqCst);
        let Ok(answer) = attempt(self.port(), &captured) else { return };
        let refused = is_replay(&answer) || [401, 503].contains(&answer.status);
        assert!(refused, "a replay was answered {} {}", answer.status, answer.text());
        self.ledger.replays_refused.fetch_add(1, Ordering::SeqCst);
    }
}

/// Both gateways can be used again.
fn await_ready(gateways: &[Gateway], what: &str) {
    for gateway in gateways {
        let admin = gateway.ports().admin;
        let ready = poll(Duration::from_secs(30), || get(admin, "/readyz").ok().filter(|answer| answer.status == 200));
        assert!(ready.is_some(), "not ready after {what}: {}", gateway.stderr());
    }
}

/// The server in use, the one that waits, and the address that leads to the first.
struct Servers {
    primary: RedisServer,
    replica: RedisServer,
    switch: Switch,
}

type Fault = (&'static str, fn(&mut Servers));

fn rest(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Each leaves a server that can be used.
const FAULTS: [Fault; 10] = [
    ("stood still for 400 ms", |servers| {
        let paused = Paused::stop(&servers.primary);
        rest(400);
        drop(paused);
    }),
    ("stopped, and restarted empty", |servers| {
        servers.primary.kill();
        rest(300);
        servers.primary.spawn();
    }),
    ("restarted empty before anybody noticed", |servers| {
        servers.primary.kill();
        servers.primary.spawn();
    }),
    ("READONLY", |servers| {
        servers.primary.command(&["REPLICAOF", "127.0.0.1", "1"]);
        rest(500);
        servers.primary.command(&["REPLICAOF", "NO", "ONE"]);
    }),
    ("out of memory", |servers| {
        servers.primary.command(&["CONFIG", "SET", "maxmemory", "100kb"]);
        rest(500);
        servers.primary.command(&["CONFIG", "SET", "maxmemory", "0"]);
    }),
    ("another eviction policy", |servers| {
        servers.primary.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
        servers.primary.command(&["CONFIG", "SET", "maxmemory", "100kb"]);
        rest(500);
        servers.primary.command(&["CONFIG", "SET", "maxmemory", "0"]);
        servers.primary.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    }),
    ("connections cut", |servers| {
        for _ in 0..5 {
            kill_clients(&servers.primary, None);
            rest(60);
        }
    }),
    ("flushed", |servers| {
        servers.primary.command(&["FLUSHALL"]);
    }),
    ("failed over to a replica", |servers| {
        follow(&servers.replica, &servers.primary);
        // What comes in from here on may be lost with the primary.
        servers.replica.command(&["REPLICAOF", "NO", "ONE"]);
        rest(100);
        servers.primary.kill();
        servers.switch.turn(servers.replica.port());
        servers.primary.spawn();
        std::mem::swap(&mut servers.primary, &mut servers.replica);
    }),
    ("stood still for 1500 ms", |servers| {
        let paused = Paused::stop(&servers.primary);
        rest(1500);
        drop(paused);
    }),
];

#[test]
fn rpl_17_rpl_18_and_rpl_20_nothing_is_lost_or_taken_twice_whatever_redis_does() {
    let (rounds, seed) = (number("LEDGER_FAULTS", 1), number("LEDGER_SEED", 20_261_122));
    let random = Arc::new(Random(AtomicU64::new(seed)));
    let (primary, replica) = (RedisServer::start(), RedisServer::start());
    let switch = Switch::to(primary.port());
    let url = format!("redis://127.0.0.1:{}", switch.port);
    let mut servers = Servers { primary, replica, switch };
    let upstream = Upstream::start();
    let config = configuration(&upstream, &url);
    let mut gateways: Vec<Gateway> =
        (0..GATEWAYS).map(|index| Gateway::start(config.clone().file(RUN, &format!("{index}:0")))).collect();
    let ports = std::array::from_fn(|index| AtomicU16::new(gateways[index].ports().public));
    let (ledger, told, over) = (Ledger::default(), Told::default(), AtomicBool::new(false));
    let scene = Arc::new(Scene { ledger, told, ports, random: Arc::clone(&random), over });
    let receiving = Arc::clone(&scene);
    upstream.choose(move |request| {
        let (taken, reply) = mood(&receiving.random);
        receiving.ledger.received(request, taken);
        reply
    });
    let (begun, scene) = (Instant::now(), &*scene);
    let mut suffered = BTreeMap::<&str, usize>::new();
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| while_not_over(scene, Scene::provide));
        }
        scope.spawn(|| while_not_over(scene, Scene::replay));
        let _end = End(&scene.over);
        for round in 0..rounds {
            for (what, fault) in FAULTS {
                rest(300 + random.below(300));
                fault(&mut servers);
                await_ready(&gateways, what);
                *suffered.entry(what).or_default() += 1;
            }
            let killed = usize::try_from(round).unwrap() % GATEWAYS;
            gateways[killed].kill();
            std::fs::write(gateways[killed].directory().join(RUN), format!("{killed}:{}", round + 1)).unwrap();
            gateways[killed].start_again();
            scene.ports[killed].store(gateways[killed].ports().public, Ordering::SeqCst);
            await_ready(&gateways, "SIGKILL of a gateway");
            *suffered.entry("SIGKILL of a gateway").or_default() += 1;
        }
        rest(1000);
    });
    let took = begun.elapsed();
    for (_, captured) in &*scene.ledger.acknowledged.lock().unwrap() {
        let status = gateways[0].deliver(captured).status;
        assert!([401, 409, 503].contains(&status), "{status}");
    }
    let records: usize = gateways.into_iter().map(|gateway| gateway.finish().records.len()).sum();
    let account = settle_accounts(&scene.ledger, |body, earlier, _| scene.told.was_unknown(body, earlier));
    let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
    println!("seed {seed}: {} faults in {took:.0?}: {suffered:?}", suffered.values().sum::<usize>());
    println!(
        "{} deliveries in {} attempts, {} of them without an answer; {} acknowledged, {} known as replays after a lost answer",
        account.deliveries,
        count(&scene.ledger.attempts),
        count(&scene.ledger.unanswered),
        scene.ledger.acknowledged.lock().unwrap().len(),
        count(&scene.ledger.known_as_replays)
    );
    println!(
        "the upstream received {} and took {}; {} twice, each where the sender was not told that it is taken",
        account.received, account.taken, account.twice
    );
    println!(
        "{} replays, {} of them answered, none forwarded",
        count(&scene.ledger.replays),
        count(&scene.ledger.replays_refused)
    );
    println!("{records} records in {GATEWAYS} unbroken chains");
    assert!(account.deliveries > 50 && count(&scene.ledger.replays_refused) > 100, "too little to prove anything");
}

fn while_not_over(scene: &Scene, work: fn(&Scene)) {
    while !scene.over.load(Ordering::SeqCst) {
        work(scene);
    }
}

/// The rule of the cold start stands: that is what a lost memory is judged by.
fn configuration(upstream: &Upstream, url: &str) -> Config {
    let unlimited = "{ rate = \"100000/s\" }";
    let config = [Provider::Stripe, Provider::StandardWebhooks].into_iter().fold(Config::new(), |config, provider| {
        let line = format!("timeout = \"{}s\"\nupstream_headers = {{ X-Run = {{ file = \"{RUN}\" }} }}", TIMEOUT.as_secs());
        config.integration(Integration::new(provider, &upstream.url()).line(&line))
    });
    config.redis(url).unset("replay", "cold_start").set("rate_limit", "per_source", unlimited).set(
        "rate_limit",
        "failures_per_source",
        unlimited,
    )
}
