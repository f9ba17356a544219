//! The ledger under faults: providers that send again until they are told that it is taken, an upstream that fails, hangs, resets
//! and lies, somebody who sends again what was taken long ago, and a gateway that is killed over and over.
//!
//! Every kill is SIGKILL at a random moment, some of them before the gateway is up. What must hold in the end:
//!
//! 1. No delivery was acknowledged and lost: what a provider was told is taken, the upstream took before.
//! 2. No delivery was forwarded after it was acknowledged, whoever sent it again.
//! 3. Every delivery was taken in the end.
//! 4. The upstream took a delivery twice only where the outcome was unknown: the gateway that had sent it was killed.
//! 5. All attempts of one delivery carry the same idempotency key.
//!
//! `LEDGER_KILLS` and `LEDGER_SEED` make it longer and other: `make soak`.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "the outside of the gateway has a clock of its own")]

#[path = "it/support/mod.rs"]
#[expect(dead_code, clippy::expect_used, clippy::print_stderr, reason = "the harness of the integration suite")]
mod support;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::certificate::Certificate;
use support::client::{Answer, Connection, Silence, request};
use support::config::{Config, Integration};
use support::gateway::{Gateway, get};
use support::provider::{Delivery, Provider};
use support::upstream::{Reply, Request, Upstream};
use support::{fresh_id, poll, unix_now};

const PROVIDERS: [Provider; 5] =
    [Provider::Stripe, Provider::Github, Provider::Shopify, Provider::StandardWebhooks, Provider::DiscordEvents];
const SENDERS: usize = 6;
/// Of the upstream, as the configuration says it.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The file with the number of the gateway's life, which it tells the upstream.
const RUN: &str = "run";

/// Random numbers that a seed repeats.
struct Random(AtomicU64);

impl Random {
    fn next(&self) -> u64 {
        // SplitMix64.
        let mut state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    }

    fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// What the upstream made of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// It took it, and said so.
    Yes,
    /// It refused it, and said so.
    No,
    /// It may have taken it; its answer was none.
    Unknown,
}

/// The upstream's mood for one request.
fn mood(random: &Random) -> (Taken, Reply) {
    match random.below(100) {
        0..50 => (Taken::Yes, Reply::ok()),
        50..62 => (Taken::Yes, Reply::ok_after(Duration::from_millis(10 + random.below(50)))),
        62..67 => (Taken::Yes, Reply::AnswerThenClose),
        67..81 => (Taken::No, Reply::status([500, 429, 404, 302][usize::try_from(random.below(4)).unwrap()])),
        81..86 => (Taken::Unknown, Reply::Raw(Vec::new())),
        86..91 => (Taken::Unknown, Reply::RawThenReset(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec())),
        91..95 => (Taken::Unknown, Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok".to_vec())),
        95..98 => (Taken::Unknown, Reply::Raw(b"250 OK, queued\r\n".to_vec())),
        98 => (Taken::Unknown, Reply::ok_after(TIMEOUT + Duration::from_millis(500))),
        _ => (Taken::Unknown, Reply::Hang),
    }
}

/// A request that reached the upstream.
struct Receipt {
    at: usize,
    identity: Vec<u8>,
    key: String,
    /// Which life of the gateway sent it.
    run: String,
    taken: Taken,
}

/// Everything that happened, in one order.
#[derive(Default)]
struct Ledger {
    now: AtomicUsize,
    /// By the body, which names the event.
    receipts: Mutex<BTreeMap<Vec<u8>, Vec<Receipt>>>,
    acknowledged: Mutex<Vec<(usize, Delivery)>>,
    sent: Mutex<Vec<Vec<u8>>>,
    attempts: AtomicUsize,
    unanswered: AtomicUsize,
    known_as_replays: AtomicUsize,
    replays: AtomicUsize,
    replays_refused: AtomicUsize,
}

impl Ledger {
    fn tick(&self) -> usize {
        self.now.fetch_add(1, Ordering::SeqCst)
    }

    fn received(&self, request: &Request, taken: Taken) {
        let header = |provider: &Provider| request.header(provider.signature_header()).map(str::to_owned);
        let signature = PROVIDERS.iter().find_map(header).unwrap();
        let receipt = Receipt {
            at: self.tick(),
            identity: identity(&signature, &request.body),
            key: request.idempotency_key().to_owned(),
            run: request.header("x-run").unwrap().to_owned(),
            taken,
        };
        self.receipts.lock().unwrap().entry(request.body.clone()).or_default().push(receipt);
    }
}

fn identity(signature: &str, body: &[u8]) -> Vec<u8> {
    [signature.as_bytes(), body].concat()
}

/// One attempt on a connection of its own; nothing if there was no whole answer.
fn attempt(port: &AtomicU16, delivery: &Delivery) -> Result<Answer, Silence> {
    let connection = Connection::tls(port.load(Ordering::SeqCst), Ipv4Addr::LOCALHOST, Certificate::shared());
    let mut connection = connection.map_err(|_| Silence::Closed(0))?;
    let bytes = request(&delivery.provider.path(), &delivery.headers, &delivery.body);
    connection.try_send(&bytes).map_err(|_| Silence::Closed(0))?;
    connection.try_answer(TIMEOUT + Duration::from_secs(8))
}

fn is_replay(answer: &Answer) -> bool {
    let refused = answer.status == 409 && answer.header("retry-after").is_none();
    refused || answer.header("hookward-replay") == Some("true")
}

/// A provider: signs an event, sends it until it is told that it is taken. Where a time and a unique id are signed, half sign every
/// attempt anew.
fn provide(ledger: &Ledger, port: &AtomicU16, random: &Random) {
    let provider = PROVIDERS[usize::try_from(random.below(5)).unwrap()];
    let signs_anew = matches!(provider, Provider::Stripe | Provider::StandardWebhooks) && random.below(2) == 0;
    let (id, secret) = (fresh_id(), provider.secret("current"));
    let body = provider.body(&id);
    let mut delivery = provider.sign(&secret, &id, unix_now(), &body);
    ledger.sent.lock().unwrap().push(body.clone());
    let (end, mut unknown) = (Instant::now() + Duration::from_secs(120), 0);
    while Instant::now() < end {
        ledger.attempts.fetch_add(1, Ordering::SeqCst);
        match attempt(port, &delivery) {
            Err(_) => {
                ledger.unanswered.fetch_add(1, Ordering::SeqCst);
                unknown += 1;
            }
            Ok(answer) if is_replay(&answer) => {
                assert!(unknown > 0, "a replay of what nobody was told is taken");
                ledger.known_as_replays.fetch_add(1, Ordering::SeqCst);
                return;
            }
            Ok(answer) if answer.status == 200 => {
                ledger.acknowledged.lock().unwrap().push((ledger.tick(), delivery));
                return;
            }
            Ok(answer) => {
                assert!([302, 404, 409, 429, 500, 502, 503, 504].contains(&answer.status), "{} {}", answer.status, answer.text());
            }
        }
        std::thread::sleep(Duration::from_millis(20 + random.below(80)));
        if signs_anew {
            delivery = provider.sign(&secret, &id, unix_now(), &body);
        }
    }
    panic!("never taken: {}", String::from_utf8_lossy(&body));
}

/// Somebody who kept what was taken, and sends it again.
fn replay(ledger: &Ledger, port: &AtomicU16, random: &Random) {
    std::thread::sleep(Duration::from_millis(5 + random.below(20)));
    let captured = {
        let acknowledged = ledger.acknowledged.lock().unwrap();
        let Some(count) = u64::try_from(acknowledged.len()).ok().filter(|count| *count > 0) else { return };
        acknowledged[usize::try_from(random.below(count)).unwrap()].1.clone()
    };
    ledger.replays.fetch_add(1, Ordering::SeqCst);
    let Ok(answer) = attempt(port, &captured) else { return };
    // Too old after a while, where a time is signed.
    assert!(is_replay(&answer) || answer.status == 401, "a replay was answered {} {}", answer.status, answer.text());
    ledger.replays_refused.fetch_add(1, Ordering::SeqCst);
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Kills the gateway and starts it again, as often as is asked; how long each start took until it was ready.
fn kill_over_and_over(gateway: &mut Gateway, port: &AtomicU16, random: &Random, kills: u64) -> Vec<Duration> {
    let mut starts = Vec::new();
    for run in 1..=kills {
        std::thread::sleep(Duration::from_millis(random.below(200)));
        gateway.kill();
        std::fs::write(gateway.directory().join(RUN), run.to_string()).unwrap();
        let begun = Instant::now();
        gateway.start_again();
        port.store(gateway.ports().public, Ordering::SeqCst);
        // Some are killed while they start.
        if run < kills && random.below(4) == 0 {
            continue;
        }
        let ports = gateway.ports();
        let ready = poll(Duration::from_secs(30), || get(ports.admin, "/readyz").ok().filter(|answer| answer.status == 200));
        assert!(ready.is_some(), "not ready after kill {run}: {}", gateway.stderr());
        starts.push(begun.elapsed());
    }
    starts.sort_unstable();
    starts
}

#[test]
fn rpl_12_nothing_is_lost_or_taken_twice_however_often_it_is_killed() {
    let (kills, seed) = (number("LEDGER_KILLS", 200), number("LEDGER_SEED", 20_261_122));
    let (ledger, random) = (Arc::new(Ledger::default()), Arc::new(Random(AtomicU64::new(seed))));
    let upstream = Upstream::start();
    let (receiving, moods) = (Arc::clone(&ledger), Arc::clone(&random));
    upstream.choose(move |request| {
        let (taken, reply) = mood(&moods);
        receiving.received(request, taken);
        reply
    });
    let integration = |provider| {
        let line = format!("timeout = \"{}s\"\nupstream_headers = {{ X-Run = {{ file = \"{RUN}\" }} }}", TIMEOUT.as_secs());
        Integration::new(provider, &upstream.url()).line(&line)
    };
    // Captured deliveries grow too old in a long run, and each of them is a failure of the one source there is.
    let unlimited = "{ rate = \"100000/s\" }";
    let config =
        Config::new().disk().set("rate_limit", "per_source", unlimited).set("rate_limit", "failures_per_source", unlimited);
    let config = PROVIDERS.into_iter().fold(config, |config, provider| config.integration(integration(provider)));
    let mut gateway = Gateway::start(config.file(RUN, "0"));
    let port = AtomicU16::new(gateway.ports().public);
    let (begun, over) = (Instant::now(), AtomicBool::new(false));
    let (ledger, port, random, over) = (&*ledger, &port, &*random, &over);
    let starts = std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    provide(ledger, port, random);
                }
            });
        }
        scope.spawn(move || {
            while !over.load(Ordering::SeqCst) {
                replay(ledger, port, random);
            }
        });
        // Should this thread fail, the others must end, too.
        let _end = End(over);
        kill_over_and_over(&mut gateway, port, random, kills)
    });
    let took = begun.elapsed();
    for (_, captured) in &*ledger.acknowledged.lock().unwrap() {
        let answer = gateway.deliver(captured);
        assert!(is_replay(&answer) || answer.status == 401, "{} {}", answer.status, answer.text());
    }
    let proven = gateway.finish();
    let account = settle_accounts(ledger);

    let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
    println!(
        "seed {seed}: {kills} kills in {took:.0?}; ready again after {:.0?} (median), {:.0?} (longest)",
        median(&starts),
        starts.last().unwrap()
    );
    println!(
        "{} deliveries in {} attempts, {} of them without an answer; {} acknowledged, {} known as replays after a lost answer",
        account.deliveries,
        count(&ledger.attempts),
        count(&ledger.unanswered),
        ledger.acknowledged.lock().unwrap().len(),
        count(&ledger.known_as_replays)
    );
    println!("the upstream received {} and took {}; {} twice, each after a kill", account.received, account.taken, account.twice);
    println!("{} replays, {} of them answered, none forwarded", count(&ledger.replays), count(&ledger.replays_refused));
    println!("{} records in one unbroken chain", proven.records.len());
    assert!(median(&starts) < Duration::from_millis(1500), "with a history it is ready at once: {starts:?}");
    assert!(
        account.deliveries as u64 > kills && count(&ledger.replays_refused) as u64 > kills / 4,
        "too little to prove anything"
    );
}

/// Ends the other threads.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

struct Account {
    deliveries: usize,
    received: usize,
    taken: usize,
    twice: usize,
}

/// Holds everything that happened to the five rules.
fn settle_accounts(ledger: &Ledger) -> Account {
    let (receipts, acknowledged) = (ledger.receipts.lock().unwrap(), ledger.acknowledged.lock().unwrap());
    let sent = ledger.sent.lock().unwrap();
    for (at, delivery) in &*acknowledged {
        let own = &receipts[&delivery.body];
        assert!(own.iter().any(|receipt| receipt.taken == Taken::Yes && receipt.at < *at), "rule 1: acknowledged and lost");
        let identity = identity(delivery.signature(), &delivery.body);
        let later = own.iter().find(|receipt| receipt.identity == identity && receipt.at > *at);
        assert!(later.is_none(), "rule 2: forwarded after it was acknowledged");
    }
    let is_taken = |body: &&Vec<u8>| receipts.get(*body).is_some_and(|own| own.iter().any(|one| one.taken == Taken::Yes));
    let lost = sent.iter().filter(|body| !is_taken(body)).count();
    assert_eq!(lost, 0, "rule 3: never taken");
    assert_eq!(receipts.len(), sent.len(), "nothing was forged");
    let mut account = Account { deliveries: sent.len(), received: 0, taken: 0, twice: 0 };
    for own in receipts.values() {
        for (index, receipt) in own.iter().enumerate() {
            assert_eq!(receipt.key, own[0].key, "rule 5: one key");
            let earlier = own[..index].iter().find(|earlier| earlier.taken == Taken::Yes && earlier.run == receipt.run);
            assert!(earlier.is_none(), "rule 4: forwarded again by the very gateway that was told it is taken");
        }
        let taken = own.iter().filter(|receipt| receipt.taken == Taken::Yes).count();
        account.received += own.len();
        account.taken += taken;
        account.twice += taken.saturating_sub(1);
    }
    account
}
