//! The conformance suite and the model on a real server, and what only a store that is elsewhere must do.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use self::server::RedisServer;
use super::address::Address;
use super::error::{RedisFault, RedisOpenError};
use super::{RedisSettings, RedisStore};
use crate::domain::secret::SecretBytes;
use crate::domain::time::{Clock, UnixTime};
use crate::gate::replay::conformance::{Bench, Beside, KEEP, LEASE, identity, run, suite};
use crate::gate::replay::error::ReplayError;
use crate::gate::replay::fixture::Fixture;
use crate::gate::replay::gate::claim as claim_in_gate;
use crate::gate::replay::model::{replay, step};
use crate::gate::replay::spec::ColdStart;
use crate::gate::replay::store::{Answer, Claim, Owner, ReplayStore, ShareId, Store, StoreError};

#[path = "../../../../tests/it/support/redis.rs"]
mod server;

const START_MS: i64 = 1_700_000_000_000;

fn settings(server: &RedisServer, prefix: &str) -> RedisSettings {
    let address = Address::parse(&SecretBytes::new(server.url().into_bytes())).unwrap();
    RedisSettings { address, reread: Box::new(|| None), prefix: prefix.to_owned(), timeout: Duration::from_secs(2), roots: None }
}

/// The store's own prefix on a server, where the server's clock is a key that tests move.
struct There {
    server: Arc<RedisServer>,
    prefix: String,
}

impl There {
    fn eval(&self, script: &str, argument: &str) -> String {
        self.server.command(&["EVAL", script, "0", &self.prefix, argument])
    }
}

impl Beside for There {
    fn pass(&self, seconds: u64) {
        let script = "redis.call('INCRBY', 'clock:' .. ARGV[1], ARGV[2])
            for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
                local left = redis.call('PTTL', key)
                if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[2]) end
            end
            return 'done'";
        assert_eq!(self.eval(script, &(seconds * 1000).to_string()), "done");
    }

    fn entries(&self) -> Option<u64> {
        self.eval("return #redis.call('KEYS', ARGV[1] .. '*') - 1", "").parse().ok()
    }
}

fn bench(server: &Arc<RedisServer>) -> Bench<RedisStore> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    bench_under(server, format!("bench{}:", NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn bench_under(server: &Arc<RedisServer>, prefix: String) -> Bench<RedisStore> {
    server.command(&["SET", &format!("clock:{prefix}"), &START_MS.to_string()]);
    let clock = Clock::manual(UnixTime::from_millis(START_MS));
    let server_clock = format!("local now = tonumber(redis.call('GET', 'clock:{prefix}'))\n");
    // The watch looks when it is told to: a look between two clocks that a test moves would see one run ahead.
    let opened = RedisStore::open_with(settings(server, &prefix), clock.clone(), &server_clock, Duration::from_secs(3600));
    let store = run(opened).unwrap();
    Bench::beside(store, clock, Box::new(There { server: Arc::clone(server), prefix }))
}

/// A node of a cluster of its own. Its bus would take the port ten thousand above, which may be anybody's.
fn cluster_node() -> RedisServer {
    RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-port", &server::free_port().to_string()])
}

fn open(server: &RedisServer) -> Result<RedisStore, RedisOpenError> {
    run(RedisStore::open(settings(server, "test:"), Clock::system()))
}

/// A claim as the gate makes it, by the machine's clock.
fn claim(number: u64, clock: &Clock) -> Claim {
    Claim {
        identity: identity(number),
        share: ShareId::COMMON,
        keep_until: clock.now().wall.plus(KEEP),
        is_timed: true,
        lease: LEASE,
    }
}

fn fresh(store: &RedisStore, claim: &Claim, clock: &Clock) -> Option<Owner> {
    match run(store.claim(claim, clock.now())) {
        Ok(Answer::Fresh(owner)) => Some(owner),
        _ => None,
    }
}

/// Asks until there is an answer: a store that was told of another generation looks at the server first.
#[track_caller]
fn eventually<T>(ask: impl Fn() -> Option<T>) -> T {
    let found = (0..500).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        ask()
    });
    found.unwrap()
}

#[test]
fn redis_conforms() {
    let server = Arc::new(RedisServer::start());
    suite(|| bench(&server));
}

#[test]
fn random_histories_agree_with_the_model() {
    let server = Arc::new(RedisServer::start());
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let histories = prop::collection::vec(step(), 1..80);
    let run = |steps: Vec<_>| {
        replay(bench(&server), usize::MAX, &steps, |_| false);
        Ok(())
    };
    runner.run(&histories, run).unwrap();
}

/// Whatever our wall does, what is settled is never fresh; and what the server's clock says is over gets no answer.
#[test]
fn clk_03_and_clk_04_a_wall_that_moves_opens_no_hole() {
    let bench = bench(&Arc::new(RedisServer::start()));
    let start = bench.clock.now().wall;
    bench.fresh(1);
    bench.settle(1).unwrap();
    bench.clock.step_wall(start.plus(Duration::from_secs(86_400)));
    assert_eq!(bench.claim(1), Ok(Answer::Settled), "set ahead");
    bench.clock.step_wall(start.minus(Duration::from_secs(600)));
    assert_eq!(bench.claim(1), Ok(Answer::Settled), "set back");
    bench.advance(400);
    assert_eq!(bench.claim(1), Err(StoreError::Unavailable), "by our wall it is acceptable, by the server's it was over");
}

/// Signed in the future, it is known until no clock could accept it, by the server's clock and ours.
#[test]
fn clk_02_a_delivery_from_the_future_is_kept_until_nobody_could_accept_it() {
    let bench = bench(&Arc::new(RedisServer::start()));
    let tolerance = Duration::from_secs(300);
    let claim = Claim { keep_until: bench.clock.now().wall.plus(2 * tolerance), ..bench.request(1) };
    let ask = || run(bench.store.claim(&claim, bench.clock.now()));
    assert!(matches!(ask(), Ok(Answer::Fresh(_))));
    run(bench.store.settle(&claim, bench.clock.now())).unwrap();
    for second in (0..3 * tolerance.as_secs()).step_by(20) {
        let answer = ask();
        let over = second > 2 * tolerance.as_secs();
        assert_eq!(answer, if over { Err(StoreError::Unavailable) } else { Ok(Answer::Settled) }, "after {second} s");
        bench.advance(20);
    }
}

/// The wall is counted here, too, and what is settled meanwhile stays so.
#[test]
fn clk_04_steps_of_the_wall_are_counted() {
    let bench = bench(&Arc::new(RedisServer::start()));
    let start = bench.clock.now().wall;
    bench.fresh(1);
    bench.settle(1).unwrap();
    bench.store.maintain(bench.clock.now());
    bench.clock.step_wall(start.plus(Duration::from_secs(3600)));
    bench.store.maintain(bench.clock.now());
    bench.clock.step_wall(start);
    bench.store.maintain(bench.clock.now());
    assert_eq!(bench.store.counters().clock_steps(), 2);
    assert_eq!(bench.claim(1), Ok(Answer::Settled));
}

/// Two replicas whose walls are four seconds apart, and the server's between them: each knows what the other took, for as long
/// as either could accept it.
#[test]
fn clk_07_replicas_whose_clocks_differ_know_what_the_others_took() {
    let server = Arc::new(RedisServer::start());
    let prefix = "shared:".to_owned();
    let one = bench_under(&server, prefix.clone());
    let wall = |ms: i64| Clock::manual(UnixTime::from_millis(START_MS + ms));
    let (ahead, behind) = (wall(2000), wall(-2000));
    let join = |clock: &Clock| {
        let server_clock = format!("local now = tonumber(redis.call('GET', 'clock:{prefix}'))\n");
        run(RedisStore::open_with(settings(&server, &prefix), clock.clone(), &server_clock, Duration::from_secs(3600))).unwrap()
    };
    let replicas = [(join(&ahead), &ahead), (join(&behind), &behind)];
    let tolerance = Duration::from_secs(300);
    for (number, taker) in [(1, 0), (2, 1)] {
        let claim = Claim { keep_until: UnixTime::from_millis(START_MS).plus(tolerance), ..one.request(number) };
        let (store, clock) = &replicas[taker];
        assert!(matches!(run(store.claim(&claim, clock.now())), Ok(Answer::Fresh(_))), "{number}");
        run(store.settle(&claim, clock.now())).unwrap();
    }
    for second in (0..=310).step_by(10) {
        for (number, (store, clock)) in
            [1, 2].into_iter().flat_map(|number| replicas.iter().map(move |replica| (number, replica)))
        {
            let claim = Claim { keep_until: UnixTime::from_millis(START_MS).plus(tolerance), ..one.request(number) };
            let answer = run(store.claim(&claim, clock.now()));
            // By the slower wall it could be accepted for two seconds after it is over by the server's.
            assert!(
                [Ok(Answer::Settled), Err(StoreError::Unavailable)].contains(&answer),
                "{number} after {second} s: {answer:?}"
            );
            assert!(second >= 300 || answer == Ok(Answer::Settled), "{number} after {second} s: {answer:?}");
        }
        one.advance(10);
        for clock in [&ahead, &behind] {
            clock.advance(Duration::from_secs(10));
        }
    }
}

/// What a server reads late it does not do, and no time to live is below a second.
#[test]
fn rpl_21_and_rpl_23_a_claim_past_its_deadline_is_not_taken() {
    let server = Arc::new(RedisServer::start());
    let bench = bench(&server);
    let claim = Claim { lease: Duration::ZERO, ..bench.request(1) };
    assert!(matches!(run(bench.store.claim(&claim, bench.clock.now())), Ok(Answer::Fresh(_))), "RPL-23");
    assert!(bench.is_in_flight(1), "a lease of nought is one of a second");
    let now = bench.clock.now();
    bench.advance(10);
    // The caller's clock stands ten seconds behind: so does a command that waited for ten seconds.
    let late = run(bench.store.claim(&bench.request(2), now));
    assert_eq!(late, Err(StoreError::Unavailable));
    assert_eq!(bench.entries(), 0, "nothing was written");
}

#[test]
fn rpl_22_owners_are_told_apart_over_stores() {
    let server = RedisServer::start();
    let (one, other) = (open(&server).unwrap(), open(&server).unwrap());
    let clock = Clock::system();
    let claim = claim(1, &clock);
    let Ok(Answer::Fresh(owner)) = run(one.claim(&claim, clock.now())) else { panic!("not fresh") };
    assert!(matches!(run(other.claim(&claim, clock.now())), Ok(Answer::InFlight { .. })));
    server.command(&["FLUSHALL"]);
    let taken = eventually(|| fresh(&other, &claim, &clock));
    assert_ne!(taken, owner);
    run(one.release(&claim.identity, owner, clock.now())).unwrap();
    assert!(matches!(run(other.claim(&claim, clock.now())), Ok(Answer::InFlight { .. })), "it is the other's by now");
    run(other.release(&claim.identity, taken, clock.now())).unwrap();
    let again = eventually(|| fresh(&one, &claim, &clock));
    assert_ne!(again, taken);
}

/// A delivery is judged by one memory and claimed in it, or not at all.
#[test]
fn a_memory_lost_under_a_claim_voids_it() {
    let server = RedisServer::start();
    let mut fixture = Fixture::new("stripe", 1);
    fixture.clock = Clock::system();
    fixture.terms.history.cold_start = ColdStart::Accept;
    fixture.terms.store = Arc::new(Store::Redis(open(&server).unwrap()));
    let since = || fixture.terms.store.knows_since(fixture.clock.now());
    let before = since();
    // From here on the server knows the script: one exchange, and the answer waits to be read.
    drop(fixture.claim("[]").unwrap());
    let scoped = fixture.scoped(fixture.clock.now().wall, "{}", &[]);
    server.command(&["CLIENT", "PAUSE", "300"]);
    let voided = run(async {
        let mut claimed = pin!(claim_in_gate(&fixture.terms, scoped, fixture.clock.now()));
        let first = poll_fn(|context| Poll::Ready(claimed.as_mut().poll(context))).await;
        assert!(first.is_pending(), "it is on its way: {first:?}");
        std::thread::sleep(Duration::from_millis(1200));
        server.command(&["FLUSHALL"]);
        eventually(|| since().filter(|since| Some(*since) != before));
        claimed.await.unwrap_err()
    });
    assert_eq!(voided.error(), ReplayError::StoreUnavailable);
    drop(eventually(|| fixture.claim("{}").ok()));
}

/// An eviction policy, and whatever else waiting will not mend.
#[test]
fn rpl_19_an_unfit_server_refuses_the_start() {
    let evicting = ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"];
    for policy in evicting {
        let server = RedisServer::start_with(&["--maxmemory-policy", policy]);
        let error = open(&server).unwrap_err();
        assert!(matches!(&error, RedisOpenError::Unfit(RedisFault::Evicts { policy: found }) if found == policy), "{error}");
        assert!(error.to_string().contains("noeviction"), "{error}");
    }
    let locked = RedisServer::start_with(&["--requirepass", "hunter2"]);
    let error = open(&locked).unwrap_err();
    assert!(matches!(&error, RedisOpenError::Unfit(RedisFault::Refused { .. })), "{error}");
    assert!(!error.to_string().contains("hunter2"));
    let cluster = cluster_node();
    assert!(matches!(open(&cluster).unwrap_err(), RedisOpenError::Unfit(RedisFault::Cluster)));
}

/// What a cluster would make of the keys: with a hash tag in the prefix every key of every script lies in one slot.
#[test]
fn the_keys_of_a_prefix_with_a_hash_tag_lie_in_one_slot() {
    let (server, cluster) = (RedisServer::start(), cluster_node());
    let slots = |prefix: &str| {
        let store = run(RedisStore::open(settings(&server, prefix), Clock::system())).unwrap();
        let (shared, own) = (&store.shared, (0..50).map(|number| store.shared.key(&identity(number))));
        let keys = own.chain([shared.generation_key.clone(), shared.rehearsal_key.clone()]);
        keys.map(|key| cluster.command(&["CLUSTER", "KEYSLOT", &String::from_utf8(key).unwrap()])).collect::<BTreeSet<_>>()
    };
    assert_eq!(slots("{hookward}:").len(), 1);
    assert!(slots("hookward:").len() > 1, "or this proves nothing");
}

#[test]
fn a_server_that_is_not_there_is_waited_for() {
    let mut server = RedisServer::start();
    server.kill();
    let store = open(&server).unwrap();
    let clock = Clock::system();
    assert!(!store.is_available(clock.now()));
    assert_eq!(run(store.claim(&claim(1, &clock), clock.now())), Err(StoreError::Unavailable));
    server.spawn();
    eventually(|| fresh(&store, &claim(1, &clock), &clock));
    assert!(store.is_available(clock.now()));
}

/// What a healthy server cannot be brought to say.
#[test]
fn rpl_20_a_server_that_says_no_or_nothing_is_waited_for() {
    let answers =
        ["-LOADING Redis is loading the dataset in memory\r\n", "-MASTERDOWN Link is down\r\n", "HTTP/1.1 200 OK\r\n\r\n", ""];
    for answer in answers {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut commands = [0; 1024];
                while stream.read(&mut commands).is_ok_and(|bytes| bytes > 0) && stream.write_all(answer.as_bytes()).is_ok() {}
            }
        });
        let address = Address::parse(&SecretBytes::new(url.into_bytes())).unwrap();
        let (reread, timeout) = (Box::new(|| None), Duration::from_millis(50));
        let settings = RedisSettings { address, reread, prefix: "x:".to_owned(), timeout, roots: None };
        let clock = Clock::system();
        let store = run(RedisStore::open(settings, clock.clone())).unwrap();
        assert!(!store.is_available(clock.now()), "{answer:?}");
        assert_eq!(run(store.claim(&claim(1, &clock), clock.now())), Err(StoreError::Unavailable), "{answer:?}");
        assert_eq!(run(store.settle(&claim(1, &clock), clock.now())), Err(StoreError::Unavailable), "{answer:?}");
    }
}

/// An ACL user with nothing but what the documentation says.
#[test]
fn the_documented_acl_is_enough() {
    let server = RedisServer::start();
    let rights = include_str!("../../../../docs/replay.md").lines().find_map(|line| line.trim().strip_prefix("ACL SETUSER "));
    let words: Vec<&str> = rights.unwrap().split_whitespace().collect();
    server.command(&[&["ACL", "SETUSER"], words.as_slice()].concat());
    let url = format!("redis://hookward:PASSWORD@127.0.0.1:{}", server.port());
    let address = Address::parse(&SecretBytes::new(url.into_bytes())).unwrap();
    let settings = RedisSettings { address, ..settings(&server, "hookward:") };
    let clock = Clock::system();
    let store = run(RedisStore::open(settings, clock.clone())).unwrap();
    let (one, two) = (claim(1, &clock), claim(2, &clock));
    assert!(matches!(run(store.claim(&one, clock.now())), Ok(Answer::Fresh(_))));
    assert_eq!(run(store.settle(&one, clock.now())), Ok(()));
    assert_eq!(run(store.forget(&one.identity, clock.now())), Ok(true));
    let Ok(Answer::Fresh(owner)) = run(store.claim(&two, clock.now())) else { panic!("not fresh") };
    assert_eq!(run(store.lapse(&two.identity, owner, LEASE, clock.now())), Ok(()));
    assert_eq!(run(store.release(&two.identity, owner, clock.now())), Ok(()));
    assert!(store.is_available(clock.now()));
}
