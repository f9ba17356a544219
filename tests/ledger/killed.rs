//! A gateway on disk that is killed with SIGKILL at random moments, some of them before it is up. Taken twice may only be what the
//! gateway that was killed had sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::book::{End, Ledger, PROVIDERS, RUN, Random, TIMEOUT, attempt, is_replay, median, mood, number, settle_accounts};
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, get};
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;
use crate::support::{fresh_id, poll, unix_now};

const SENDERS: usize = 6;

/// A provider: signs an event, sends it until it is told that it is taken. Where a time and a unique id are signed, half sign every
/// attempt anew.
fn provide(ledger: &Ledger, port: &AtomicU16, random: &Random) {
    let provider = PROVIDERS[usize::try_from(random.below(5)).unwrap()];
    let signs_anew = matches!(provider, Provider::Stripe | Provider::StandardWebhooks) && random.below(2) == 0;
    let (id, secret) = (fresh_id(), provider.secret("current"));
    let body = provider.body(&id);
    let mut delivery = provider.sign(&secret, &id, unix_now(), &body);
    ledger.sent.lock().unwrap().push(body.clone());
    let (end, mut unknown) = (Instant::now() + Duration::from_secs(600), 0);
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
    // The outcome is unknown where the gateway that was told it is no more.
    let account = settle_accounts(ledger, |_, earlier, later| earlier.run != later.run);

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
