//! The rows of the attack catalogue that need a clock which can be set, or a hundred thousand tries: deliveries signed, verified
//! and claimed for real, with each store of this process behind the gate.

use std::path::Path;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::conformance::identity;
use super::disk::DiskStore;
use super::error::ReplayError;
use super::fixture::{Fixture, TOLERANCE, run};
use super::memory::MemoryStore;
use super::settlement::Settlement;
use super::store::{Answer, Claim, ReplayStore, ShareId, Store, StoreError};
use crate::domain::identity::Preamble;
use crate::domain::reason::Reason;
use crate::domain::time::{Clock, Now, UnixTime};

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;
const KINDS: [&str; 2] = ["memory", "disk"];

fn open(kind: &str, folder: &Path, capacity: u64, now: Now) -> Store {
    match kind {
        "memory" => Store::Memory(MemoryStore::new(capacity, now)),
        _ => Store::Disk(DiskStore::open(folder, capacity, now).unwrap()),
    }
}

/// The same on every store of this process.
fn on_each(provider: &str, check: impl Fn(&Fixture, &str)) {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        check(&Fixture::on(provider, |now| open(kind, folder.path(), 1000, now)), kind);
    }
}

/// What becomes of a delivery of that time now: the audit reason of its refusal, or none.
fn fate(fixture: &Fixture, signed_at: UnixTime) -> Option<Reason> {
    let scoped = match fixture.try_scoped(signed_at, BODY, &[]) {
        Ok(scoped) => scoped,
        Err(error) => return Some(error.reason()),
    };
    match fixture.claim_scoped(scoped) {
        Ok(claimed) => {
            let (_, settled) = run(claimed.settle(Settlement::Settle, fixture.clock.now()));
            assert_eq!(settled, Ok(()));
            None
        }
        Err(unclaimed) => Some(unclaimed.error().reason()),
    }
}

fn maintain(fixture: &Fixture) {
    (0..8).for_each(|_| fixture.terms.store.maintain(fixture.clock.now()));
}

fn at(time: UnixTime, seconds: i64) -> UnixTime {
    UnixTime::from_micros(time.micros() + seconds * 1_000_000)
}

#[test]
fn clk_01_the_window_has_two_edges() {
    let tolerance = i64::try_from(TOLERANCE.as_secs()).unwrap();
    for provider in ["stripe", "slack"] {
        let table = [
            (-tolerance - 1, Some(Reason::TimestampTooOld)),
            (-tolerance, None),
            (0, None),
            (tolerance, None),
            (tolerance + 1, Some(Reason::TimestampInFuture)),
        ];
        for (seconds, expected) in table {
            let fixture = Fixture::new(provider, 10);
            assert_eq!(fate(&fixture, at(fixture.clock.now().wall, seconds)), expected, "{provider} {seconds}");
        }
    }
}

#[test]
fn clk_02_signed_in_the_future_it_is_a_replay_for_as_long_as_it_could_be_accepted() {
    on_each("stripe", |fixture, kind| {
        let signed_at = fixture.clock.now().wall.plus(TOLERANCE);
        assert_eq!(fate(fixture, signed_at), None, "{kind}");
        for second in 0..=3 * TOLERANCE.as_secs() {
            maintain(fixture);
            let acceptable = second <= 2 * TOLERANCE.as_secs();
            let expected = if acceptable { Reason::Replayed } else { Reason::TimestampTooOld };
            assert_eq!(fate(fixture, signed_at), Some(expected), "{kind}: after {second} s");
            fixture.clock.advance(Duration::from_secs(1));
        }
    });
}

#[test]
fn clk_03_a_wall_set_back_makes_nothing_new_that_was_forgotten() {
    on_each("stripe", |fixture, kind| {
        let start = fixture.clock.now().wall;
        assert_eq!(fate(fixture, start), None);
        fixture.clock.advance(TOLERANCE + Duration::from_secs(100));
        maintain(fixture);
        assert_eq!(fixture.terms.store.entries(), 0, "{kind}: rightly forgotten");
        assert_eq!(fate(fixture, start), Some(Reason::TimestampTooOld));
        // Ten minutes back, second by second until the wall is where it was: never a second time.
        fixture.clock.step_wall(fixture.clock.now().wall.minus(Duration::from_secs(600)));
        for second in 0..600 {
            let found = fate(fixture, start);
            let refused = [Reason::TimestampInFuture, Reason::ReplayStoreUnavailable, Reason::TimestampTooOld];
            assert!(found.is_some_and(|reason| refused.contains(&reason)), "{kind}: {found:?} {second} s after the step");
            maintain(fixture);
            fixture.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(fixture.terms.store.counters().clock_steps(), 1, "{kind}");
        assert_eq!(fate(fixture, fixture.clock.now().wall), None, "{kind}: what is signed now passes");
    });
}

#[test]
fn clk_03_a_wall_set_back_between_two_lives_makes_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    let mut fixture = Fixture::on("stripe", |now| open("disk", folder.path(), 1000, now));
    let start = fixture.clock.now().wall;
    assert_eq!(fate(&fixture, start), None);
    fixture.clock.advance(TOLERANCE + Duration::from_secs(300));
    maintain(&fixture);
    fixture.terms.store = open("memory", folder.path(), 1, fixture.clock.now()).into();
    fixture.clock.step_wall(start.plus(Duration::from_secs(5)));
    fixture.terms.store = open("disk", folder.path(), 1000, fixture.clock.now()).into();
    fixture.terms.share = ShareId::COMMON;
    assert_eq!(fate(&fixture, start), Some(Reason::ReplayStoreUnavailable));
}

#[test]
fn clk_04_a_wall_set_ahead_refuses_is_counted_and_forgets_nothing() {
    on_each("stripe", |fixture, kind| {
        let start = fixture.clock.now().wall;
        assert_eq!(fate(fixture, start), None);
        fixture.clock.step_wall(start.plus(Duration::from_secs(3600)));
        maintain(fixture);
        assert_eq!(fixture.terms.store.counters().clock_steps(), 1, "{kind}");
        assert_eq!(fate(fixture, at(start, 1)), Some(Reason::TimestampTooOld), "{kind}: closed");
        fixture.clock.step_wall(start.plus(Duration::from_secs(2)));
        maintain(fixture);
        assert_eq!(fixture.terms.store.counters().clock_steps(), 2, "{kind}");
        assert_eq!(fate(fixture, start), Some(Reason::Replayed), "{kind}: remembered over it");
        assert_eq!(fate(fixture, at(start, 1)), None, "{kind}");
    });
}

#[test]
fn clk_05_before_1970_and_after_a_sleep_nothing_is_forgotten() {
    for (wall, kind) in [-200_000, -1, 0, 86_400].into_iter().flat_map(|wall| KINDS.map(|kind| (wall, kind))) {
        let folder = tempfile::tempdir().unwrap();
        let mut fixture = Fixture::on("github", |now| open(kind, folder.path(), 1000, now));
        fixture.clock = Clock::manual(UnixTime::from_seconds(wall));
        assert_eq!(fate(&fixture, fixture.clock.now().wall), None, "{kind} at {wall}");
        // The wall runs on while the machine sleeps, its monotonic clock does not; then both for most of the window.
        fixture.clock.step_wall(UnixTime::from_seconds(wall + 80_000));
        maintain(&fixture);
        assert_eq!(fate(&fixture, fixture.clock.now().wall), Some(Reason::Replayed), "{kind} at {wall}");
        fixture.clock.advance(Duration::from_secs(86_000));
        maintain(&fixture);
        assert_eq!(fate(&fixture, fixture.clock.now().wall), Some(Reason::Replayed), "{kind} at {wall}");
    }
    let fixture = Fixture::new("stripe", 10);
    let signed_at = fixture.clock.now().wall;
    fixture.clock.step_wall(UnixTime::from_seconds(-5));
    assert_eq!(fate(&fixture, signed_at), Some(Reason::TimestampInFuture), "a clock that was never set");
}

/// A store of this process never waits, but for a disk.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a memory store never waits"),
    }
}

fn request(number: u64, share: ShareId, now: Now) -> Claim {
    let (keep_until, lease) = (now.wall.plus(Duration::from_secs(601)), Duration::from_secs(3600));
    Claim { identity: identity(number), share, keep_until, is_timed: true, lease }
}

#[test]
fn rpl_03_of_eight_claims_at_once_one_is_fresh_a_hundred_thousand_times() {
    const ROUNDS: usize = 100_000;
    const THREADS: usize = 8;
    let now = Clock::manual(UnixTime::from_seconds(1_700_000_000)).now();
    let store = MemoryStore::new(2 * ROUNDS as u64, now);
    let fresh: Vec<AtomicU8> = (0..ROUNDS).map(|_| AtomicU8::new(0)).collect();
    let barrier = Barrier::new(THREADS);
    let racer = || {
        for (number, winners) in (0..).zip(&fresh) {
            barrier.wait();
            let claim = request(number, ShareId::COMMON, now);
            match ready(store.claim(&claim, now)) {
                Ok(Answer::Fresh(_)) => {
                    winners.fetch_add(1, Ordering::Relaxed);
                    // Half are settled while the others still race, half stay in flight.
                    if number % 2 == 0 {
                        ready(store.settle(&claim, now)).unwrap();
                    }
                }
                answer => assert!(matches!(answer, Ok(Answer::Settled | Answer::InFlight { .. })), "{answer:?}"),
            }
        }
    };
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(racer))));
    assert!(fresh.iter().all(|winners| winners.load(Ordering::Relaxed) == 1));
    assert_eq!(store.entries(), ROUNDS as u64);
    println!("{ROUNDS} rounds of {THREADS} threads: one fresh claim in each");
}

#[test]
fn rpl_05_a_full_store_forgets_nothing_under_ten_times_its_capacity() {
    const CAPACITY: u64 = 2000;
    for kind in KINDS {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(UnixTime::from_seconds(1_700_000_000)));
        let store = open(kind, folder.path(), CAPACITY, clock.now());
        let share = store.divide(&["only".parse().unwrap()])[0];
        let (now, mut taken) = (clock.now(), 0);
        for number in 0..10 * CAPACITY {
            let claim = request(number, share, now);
            let expected = number < CAPACITY;
            let answer = run(store.claim(&claim, now));
            assert_eq!(matches!(answer, Ok(Answer::Fresh(_))), expected, "{kind} {number}: {answer:?}");
            assert!(expected || answer == Err(StoreError::Full), "{kind} {number}: {answer:?}");
            taken += u64::from(expected);
            // The disk is asked for the first few only: the rest are in flight, which nothing may evict either.
            if expected && (kind == "memory" || number < 100) {
                run(store.settle(&claim, now)).unwrap();
            }
        }
        assert_eq!((taken, store.entries()), (CAPACITY, CAPACITY), "{kind}: exact");
        for number in 0..CAPACITY {
            let answer = run(store.claim(&request(number, share, now), now));
            assert!(matches!(answer, Ok(Answer::Settled | Answer::InFlight { .. })), "{kind} {number}: {answer:?}");
        }
    }
}

#[test]
fn rpl_06_one_integration_cannot_crowd_out_another() {
    for kind in KINDS {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(UnixTime::from_seconds(1_700_000_000)));
        let (store, now) = (open(kind, folder.path(), 1000, clock.now()), clock.now());
        let shares = store.divide(&["flood".parse().unwrap(), "other".parse().unwrap()]);
        assert!(matches!(run(store.claim(&request(0, shares[1], now), now)), Ok(Answer::Fresh(_))));
        run(store.settle(&request(0, shares[1], now), now)).unwrap();
        let fill = |share, from| {
            (from..from + 2000)
                .filter(|number| matches!(run(store.claim(&request(*number, share, now), now)), Ok(Answer::Fresh(_))))
                .count()
        };
        assert_eq!(fill(shares[0], 10_000), 899 + 50, "{kind}: what is common, and its own half of the last tenth");
        assert_eq!(fill(shares[1], 20_000), 50, "{kind}: the other half");
        assert_eq!(store.entries(), 1000, "{kind}");
        assert_eq!(run(store.claim(&request(0, shares[1], now), now)), Ok(Answer::Settled), "{kind}: no flood makes it new");
    }
}

#[test]
fn rpl_07_threads_fill_a_store_to_its_capacity_and_not_one_further() {
    const CAPACITY: u64 = 5000;
    let now = Clock::manual(UnixTime::from_seconds(1_700_000_000)).now();
    let store = MemoryStore::new(CAPACITY, now);
    let share = store.divide(&["only".parse().unwrap()])[0];
    let (next, taken) = (AtomicU64::new(0), AtomicU64::new(0));
    let filler = || {
        for _ in 0..CAPACITY {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if matches!(ready(store.claim(&request(number, share, now), now)), Ok(Answer::Fresh(_))) {
                taken.fetch_add(1, Ordering::Relaxed);
            }
            assert!(store.entries() <= CAPACITY);
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(filler))));
    assert_eq!((taken.into_inner(), store.entries()), (CAPACITY, CAPACITY));
}

#[test]
fn rpl_24_no_name_and_no_content_can_be_moved_into_the_other() {
    let of = |name: &str, content: &[u8]| -> Vec<u8> {
        let preamble = Preamble::new(&name.parse().unwrap(), None);
        preamble.pieces(std::iter::once(content)).flatten().copied().collect()
    };
    let huge = vec![b'a'; 64 * 1024];
    let contents: [&[u8]; 6] = [b"b:1", b"1", b"\r\nb:1", b"", b"\0", &huge];
    let mut seen = std::collections::HashSet::new();
    for name in ["a", "ab", "a-b", "b"] {
        for content in contents {
            assert!(seen.insert(of(name, content)), "{name} {:?}", content.get(..content.len().min(8)));
        }
    }
}

#[test]
fn rpl_25_a_tolerance_raised_by_reload_resurrects_nothing() {
    use super::history::ToleranceRaised;
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let mut fixture = Fixture::on("stripe", |now| open(kind, folder.path(), 1000, now));
        let signed_at = fixture.clock.now().wall;
        // Taken while the tolerance was a minute, so remembered for a minute.
        let claimed = fixture.claim_scoped(fixture.scoped(signed_at, BODY, &[])).unwrap();
        let (identity, keep_until) = (*claimed.identity(), signed_at.plus(Duration::from_secs(60)));
        assert_eq!(run(claimed.settle(Settlement::Release, fixture.clock.now())).1, Ok(()));
        let claim = Claim { identity, keep_until, ..request(1, fixture.terms.share, fixture.clock.now()) };
        assert!(matches!(run(fixture.terms.store.claim(&claim, fixture.clock.now())), Ok(Answer::Fresh(_))));
        run(fixture.terms.store.settle(&claim, fixture.clock.now())).unwrap();
        fixture.clock.advance(Duration::from_secs(63));
        maintain(&fixture);
        assert_eq!(fixture.terms.store.entries(), 0, "{kind}: rightly forgotten");
        let before = Duration::from_secs(60);
        fixture.terms.history.raised = ToleranceRaised::by_reload(None, before, TOLERANCE, fixture.clock.now().wall);
        let again = fixture.claim_scoped(fixture.scoped(signed_at, BODY, &[])).unwrap_err().error();
        assert!(matches!(again, ReplayError::SignedBeforeStart { .. }), "{kind}: {again:?}");
        assert_eq!(fate(&fixture, fixture.clock.now().wall), None, "{kind}");
    }
}

#[test]
fn rpl_26_nobody_outside_knows_which_identities_meet() {
    let now = Clock::manual(UnixTime::from_seconds(1_700_000_000)).now();
    let (one, other) = (MemoryStore::new(1 << 20, now), MemoryStore::new(1 << 20, now));
    let places = |store: &MemoryStore| (0..64).map(|number| store.shard_of(&identity(number))).collect::<Vec<_>>();
    assert_eq!(places(&one), places(&one));
    assert_ne!(places(&one), places(&other), "each process has a seed of its own");
    let mut spread = places(&one);
    spread.sort_unstable();
    spread.dedup();
    assert!(spread.len() > 32, "{spread:?}");
}
