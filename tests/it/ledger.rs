//! Nothing lost, nothing twice: providers that send again what was not taken, against an upstream that fails at random.
//!
//! 1. What a sender was told is taken, the upstream processed.
//! 2. What the upstream processed, a provider signed.
//! 3. It processed something twice only where an attempt ended unknown, and then under one idempotency key.
//! 4. Every delivery is taken in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::provider::{Delivery, Provider};
use crate::support::upstream::{Reply, Upstream};

/// Deliveries of each sender.
const EVENTS: usize = 25;
/// Senders at once.
const SENDERS: usize = 8;

/// The upstream's moods: of ten requests about six are taken.
fn moods() -> Vec<Reply> {
    let unknown = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec();
    let turns = [
        Reply::ok(),
        Reply::status(500),
        Reply::ok(),
        Reply::RawThenReset(unknown),
        Reply::ok_after(Duration::from_millis(30)),
        Reply::AnswerThenClose,
        Reply::Raw(Vec::new()),
        Reply::status(429),
        Reply::ok(),
        Reply::ok_after(Duration::from_millis(700)),
    ];
    turns.into_iter().cycle().take(EVENTS * SENDERS * 2).collect()
}

/// Sends one delivery until it is taken or known; how often it was tried, and whether an attempt ended unknown.
fn persist(gateway: &Gateway, delivery: &Delivery) -> (usize, bool) {
    let end = Instant::now() + Duration::from_secs(30);
    let mut unknown = false;
    for attempt in 1.. {
        let answer = gateway.deliver(delivery);
        match answer.status {
            // A replay was taken by an attempt whose answer we were told was unknown; nothing else makes it one.
            200 => return (attempt, unknown),
            409 if answer.header("retry-after").is_none() => panic!("a replay of what nobody was told is taken"),
            502 | 504 => unknown = true,
            409 | 429 | 500 => {}
            other => panic!("{other} {}", answer.text()),
        }
        assert!(Instant::now() < end, "never taken: {}", answer.text());
        std::thread::sleep(Duration::from_millis(100));
    }
    unreachable!("attempts do not run out")
}

#[test]
fn every_delivery_is_taken_once_or_under_one_key() {
    let upstream = Upstream::start();
    for mood in moods() {
        upstream.next(mood);
    }
    let providers = [Provider::Stripe, Provider::Github, Provider::StandardWebhooks, Provider::Discord];
    let config = providers.into_iter().fold(Config::new(), |config, provider| {
        config.integration(Integration::new(provider, &upstream.url()).line("timeout = \"500ms\""))
    });
    let gateway = Gateway::start(config);
    let tried = AtomicUsize::new(0);
    let sent: Mutex<BTreeMap<Vec<u8>, bool>> = Mutex::default();
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (gateway, tried, sent) = (&gateway, &tried, &sent);
            scope.spawn(move || {
                for event in 0..EVENTS {
                    let delivery = providers[(sender + event) % providers.len()].delivery();
                    let (attempts, unknown) = persist(gateway, &delivery);
                    tried.fetch_add(attempts, Ordering::SeqCst);
                    sent.lock().unwrap().insert(delivery.body, unknown);
                }
            });
        }
    });
    let sent = sent.into_inner().unwrap();
    assert_eq!(sent.len(), EVENTS * SENDERS);

    let mut seen: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for request in upstream.received() {
        let key = request.idempotency_key().to_owned();
        seen.entry(request.body).or_default().push(key);
    }
    assert_eq!(seen.keys().collect::<BTreeSet<_>>(), sent.keys().collect::<BTreeSet<_>>(), "forged or lost");
    for keys in seen.values() {
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "one delivery, one key: {keys:?}");
    }
    let ledger = gateway.finish();
    let count = |reason: &str| ledger.requests().iter().filter(|record| record.reason() == reason).count();
    assert_eq!(ledger.requests().len(), tried.load(Ordering::SeqCst), "one record an attempt");
    assert_eq!(count("delivered"), EVENTS * SENDERS, "each taken once");
    let reached = count("delivered") + count("upstream_rejected") + count("upstream_invalid") + count("upstream_timeout");
    assert_eq!(upstream.received().len(), reached, "the upstream saw what the log says it saw");
    assert!(sent.values().any(|unknown| *unknown), "some attempts ended unknown, or this proves little");
}
