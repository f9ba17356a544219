//! What every store must do: one suite, run on each.
//!
//! Times in here lie several seconds from every boundary, because a store may keep what is settled two seconds longer.

use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;

use super::disk::DiskStore;
use super::key::Identity;
use super::memory::MemoryStore;
use super::store::{Answer, Claim, Owner, ReplayStore, ShareId, Store, StoreError};
use crate::domain::name::IntegrationName;
use crate::domain::time::{Clock, Now, UnixTime};

const START: i64 = 1_700_000_000;
pub(super) const LEASE: Duration = Duration::from_secs(15);
pub(super) const KEEP: Duration = Duration::from_secs(305);

/// A store, its clock, and what tests ask of them.
pub(super) struct Bench<S> {
    pub(super) store: S,
    pub(super) clock: Clock,
    share: ShareId,
    /// What was claimed afresh: a claim is ended as the one that it was.
    claimed: Mutex<HashMap<u64, Claim>>,
    beside: Box<dyn Beside>,
}

/// What of a store is outside of this process.
pub(super) trait Beside: Send + Sync {
    /// Lets time pass there, too.
    fn pass(&self, _seconds: u64) {}

    /// How many entries there are, where the store itself knows it later only.
    fn entries(&self) -> Option<u64> {
        None
    }
}

/// Nothing is.
struct Alone;

impl Beside for Alone {}

pub(super) fn memory(capacity: u64, started: Now) -> Store {
    Store::Memory(MemoryStore::new(capacity, started))
}

/// A folder for stores on disk: each one that is opened has its own.
pub(super) struct Folders {
    root: TempDir,
    opened: AtomicUsize,
}

impl Folders {
    pub(super) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), opened: AtomicUsize::new(0) }
    }

    fn open(&self, capacity: u64, started: Now) -> Store {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        Store::Disk(DiskStore::open(&self.root.path().join(number.to_string()), capacity, started).unwrap())
    }
}

pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn name(text: &str) -> IntegrationName {
    text.parse().unwrap()
}

pub(super) fn identity(number: u64) -> Identity {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Identity::from_bytes(bytes)
}

impl<S: ReplayStore> Bench<S> {
    pub(super) fn new(open: impl Fn(u64, Now) -> S, capacity: u64) -> Self {
        let clock = Clock::manual(UnixTime::from_seconds(START));
        let store = open(capacity, clock.now());
        Self::beside(store, clock, Box::new(Alone))
    }

    /// A store of which a part is elsewhere.
    pub(super) fn beside(store: S, clock: Clock, beside: Box<dyn Beside>) -> Self {
        let share = store.divide(&[name("only")])[0];
        Self { store, clock, share, claimed: Mutex::default(), beside }
    }

    pub(super) fn entries(&self) -> u64 {
        self.beside.entries().unwrap_or_else(|| self.store.entries())
    }

    pub(super) fn request(&self, number: u64) -> Claim {
        let keep_until = self.clock.now().wall.plus(KEEP);
        Claim { identity: identity(number), share: self.share, keep_until, is_timed: true, lease: LEASE }
    }

    /// Puts another store in place of this one, which has let go of everything by then.
    pub(super) fn reopen(&mut self, nothing: S, open: impl FnOnce(Now) -> S) {
        self.store = nothing;
        self.store = open(self.clock.now());
        self.share = self.store.divide(&[name("only")])[0];
    }

    pub(super) fn claim(&self, number: u64) -> Result<Answer, StoreError> {
        let claim = self.request(number);
        let answer = run(self.store.claim(&claim, self.clock.now()));
        if matches!(answer, Ok(Answer::Fresh(_))) {
            self.claimed.lock().insert(number, claim);
        }
        answer
    }

    pub(super) fn fresh(&self, number: u64) -> Owner {
        match self.claim(number) {
            Ok(Answer::Fresh(owner)) => owner,
            answer => panic!("{number} should be fresh, not {answer:?}"),
        }
    }

    fn fill(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.fresh(number);
        }
    }

    pub(super) fn settle(&self, number: u64) -> Result<(), StoreError> {
        let claim = self.claimed.lock().get(&number).copied().unwrap_or_else(|| self.request(number));
        run(self.store.settle(&claim, self.clock.now()))
    }

    pub(super) fn release(&self, number: u64, owner: Owner) {
        run(self.store.release(&identity(number), owner, self.clock.now())).unwrap();
    }

    pub(super) fn lapse(&self, number: u64, owner: Owner, seconds: u64) {
        run(self.store.lapse(&identity(number), owner, Duration::from_secs(seconds), self.clock.now())).unwrap();
    }

    pub(super) fn forget(&self, number: u64) -> bool {
        run(self.store.forget(&identity(number), self.clock.now())).unwrap()
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.beside.pass(seconds);
    }

    pub(super) fn is_in_flight(&self, number: u64) -> bool {
        matches!(self.claim(number), Ok(Answer::InFlight { .. }))
    }
}

type Check<S> = (&'static str, fn(&Bench<S>));

/// What every store does.
pub(super) fn suite<S: ReplayStore>(bench: impl Fn() -> Bench<S>) {
    let checks: [Check<S>; 8] = [
        ("settled is remembered, then vacant", settled_is_remembered_then_vacant),
        ("released is vacant at once", released_is_vacant_at_once),
        ("lapsed is in flight, then vacant", lapsed_is_in_flight_then_vacant),
        ("abandoned is in flight for its lease", abandoned_is_in_flight_for_its_lease),
        ("owners end only their own", owners_end_only_their_own),
        ("a success is a fact", a_success_is_a_fact),
        ("forgotten passes again", forgotten_passes_again),
        ("maintenance drops what is over and nothing else", maintenance_drops_what_is_over),
    ];
    run_all(&checks, bench);
}

/// What a store of this process does, which has a capacity of its own and our clock for its own.
fn suite_in_process<S: ReplayStore>(open: impl Fn(u64, Now) -> S) {
    suite(|| Bench::new(&open, 20));
    let checks: [Check<S>; 6] = [
        ("the capacity is exact", the_capacity_is_exact),
        ("what is over makes room", what_is_over_makes_room),
        ("a wall that moves opens no hole", a_wall_that_moves_opens_no_hole),
        ("what was forgotten is not new when the wall is set back", what_was_forgotten_is_not_new),
        ("shares of a full store stay apart", shares_of_a_full_store_stay_apart),
        ("a new store knows nothing before its start", a_new_store_knows_nothing_before_its_start),
    ];
    run_all(&checks, || Bench::new(&open, 20));
}

fn run_all<S: ReplayStore>(checks: &[Check<S>], bench: impl Fn() -> Bench<S>) {
    for (what, check) in checks {
        println!("{what}");
        check(&bench());
    }
}

#[test]
fn memory_conforms() {
    suite_in_process(memory);
}

#[test]
fn disk_conforms() {
    let folders = Folders::new();
    suite_in_process(|capacity, now| folders.open(capacity, now));
}

fn settled_is_remembered_then_vacant<S: ReplayStore>(bench: &Bench<S>) {
    bench.fresh(1);
    assert_eq!(bench.claim(1), Ok(Answer::InFlight { retry_after: LEASE }));
    assert_eq!(bench.settle(1), Ok(()));
    for _ in 0..30 {
        assert_eq!(bench.claim(1), Ok(Answer::Settled));
        bench.advance(10);
    }
    bench.advance(10);
    bench.fresh(1);
}

fn released_is_vacant_at_once<S: ReplayStore>(bench: &Bench<S>) {
    let owner = bench.fresh(1);
    bench.release(1, owner);
    assert_eq!(bench.entries(), 0);
    let owner = bench.fresh(1);
    bench.settle(1).unwrap();
    bench.release(1, owner);
    assert_eq!(bench.claim(1), Ok(Answer::Settled), "what is settled is not released");
}

fn lapsed_is_in_flight_then_vacant<S: ReplayStore>(bench: &Bench<S>) {
    let owner = bench.fresh(1);
    bench.lapse(1, owner, 35);
    bench.advance(30);
    assert!(bench.is_in_flight(1));
    bench.advance(10);
    bench.fresh(1);
}

fn abandoned_is_in_flight_for_its_lease<S: ReplayStore>(bench: &Bench<S>) {
    bench.fresh(1);
    bench.advance(10);
    assert_eq!(bench.claim(1), Ok(Answer::InFlight { retry_after: Duration::from_secs(5) }));
    bench.advance(10);
    bench.fresh(1);
    assert_eq!(bench.entries(), 1, "the successor has its predecessor's place");
}

fn owners_end_only_their_own<S: ReplayStore>(bench: &Bench<S>) {
    let late = bench.fresh(1);
    bench.advance(20);
    let owner = bench.fresh(1);
    bench.release(1, late);
    bench.lapse(1, late, 500);
    assert_eq!(bench.claim(1), Ok(Answer::InFlight { retry_after: LEASE }));
    bench.release(1, owner);
    bench.release(1, owner);
    assert_eq!(bench.entries(), 0);
    bench.fresh(1);
}

fn a_success_is_a_fact<S: ReplayStore>(bench: &Bench<S>) {
    bench.fresh(1);
    bench.advance(20);
    let successor = bench.fresh(1);
    assert_eq!(bench.settle(1), Ok(()), "settled by the first, though the second holds it");
    bench.release(1, successor);
    assert_eq!(bench.claim(1), Ok(Answer::Settled));
    assert_eq!(bench.settle(1), Ok(()));
    assert_eq!(bench.entries(), 1);
    assert_eq!(bench.settle(2), Ok(()), "settled though nobody claims it any more");
    assert_eq!((bench.claim(2), bench.entries()), (Ok(Answer::Settled), 2));
}

fn forgotten_passes_again<S: ReplayStore>(bench: &Bench<S>) {
    assert!(!bench.forget(1));
    bench.fresh(1);
    assert!(!bench.forget(1), "a claim in flight is not forgotten");
    assert!(bench.is_in_flight(1));
    bench.settle(1).unwrap();
    assert!(bench.forget(1));
    assert_eq!(bench.entries(), 0);
    bench.fresh(1);
}

fn the_capacity_is_exact<S: ReplayStore>(bench: &Bench<S>) {
    let owners: Vec<Owner> = (0..20).map(|number| bench.fresh(number)).collect();
    assert_eq!(bench.claim(20), Err(StoreError::Full));
    assert_eq!(bench.settle(20), Err(StoreError::Full));
    assert_eq!(bench.store.counters().claims_refused_full(), 2);
    assert_eq!((bench.entries(), bench.store.capacity()), (20, 20));
    (0..10).for_each(|number| bench.settle(number).unwrap());
    assert_eq!(bench.claim(20), Err(StoreError::Full));
    assert!((0..10).all(|number| bench.claim(number) == Ok(Answer::Settled)), "full forgets nothing");
    assert!((10..20).all(|number| bench.is_in_flight(number)));
    bench.release(10, owners[10]);
    bench.fresh(20);
    assert_eq!(bench.claim(10), Err(StoreError::Full));
}

fn what_is_over_makes_room<S: ReplayStore>(bench: &Bench<S>) {
    bench.fill(0..20);
    (0..10).for_each(|number| bench.settle(number).unwrap());
    assert_eq!(bench.claim(99), Err(StoreError::Full));
    bench.advance(20);
    bench.fill(100..110);
    assert_eq!(bench.claim(99), Err(StoreError::Full));
    bench.advance(300);
    bench.fill(200..220);
    assert_eq!(bench.claim(99), Err(StoreError::Full));
}

fn a_wall_that_moves_opens_no_hole<S: ReplayStore>(bench: &Bench<S>) {
    bench.fresh(1);
    bench.settle(1).unwrap();
    let start = bench.clock.now().wall;
    bench.clock.step_wall(start.plus(Duration::from_secs(86_400)));
    bench.store.maintain(bench.clock.now());
    assert_eq!(bench.claim(1), Ok(Answer::Settled), "set ahead");
    bench.clock.step_wall(start.minus(Duration::from_secs(600)));
    bench.advance(400);
    assert_eq!(bench.claim(1), Ok(Answer::Settled), "set back");
    bench.advance(520);
    bench.fresh(1);
}

fn what_was_forgotten_is_not_new<S: ReplayStore>(bench: &Bench<S>) {
    let untimed = |number| Claim { is_timed: false, ..bench.request(number) };
    let claim = |claim: &Claim| run(bench.store.claim(claim, bench.clock.now()));
    let old = bench.request(1);
    bench.fresh(1);
    bench.settle(1).unwrap();
    let start = bench.clock.now().wall;
    bench.advance(400);
    (0..16).for_each(|_| bench.store.maintain(bench.clock.now()));
    assert_eq!(bench.store.counters().clock_steps(), 0);
    bench.clock.step_wall(start);
    bench.store.maintain(bench.clock.now());
    assert_eq!(bench.store.counters().clock_steps(), 1);
    assert_eq!(claim(&old), Err(StoreError::Unavailable), "it may be the one that was forgotten");
    assert!(matches!(claim(&untimed(2)), Ok(Answer::Fresh(_))), "an untimed one has its own window");
    bench.advance(10);
    bench.fresh(3);
}

fn maintenance_drops_what_is_over<S: ReplayStore>(bench: &Bench<S>) {
    bench.fill(0..4);
    (0..2).for_each(|number| bench.settle(number).unwrap());
    let maintain = || (0..16).for_each(|_| bench.store.maintain(bench.clock.now()));
    maintain();
    assert_eq!(bench.entries(), 4);
    bench.advance(20);
    maintain();
    assert_eq!(bench.entries(), 2);
    bench.advance(300);
    maintain();
    assert_eq!(bench.entries(), 0);
}

/// A flood at one integration leaves the other's part.
fn shares_of_a_full_store_stay_apart<S: ReplayStore>(bench: &Bench<S>) {
    let shares = bench.store.divide(&[name("only"), name("other")]);
    bench.fill(0..19);
    assert_eq!(bench.claim(19), Err(StoreError::Full));
    let other = Claim { share: shares[1], ..bench.request(19) };
    assert!(matches!(run(bench.store.claim(&other, bench.clock.now())), Ok(Answer::Fresh(_))));
}

fn a_new_store_knows_nothing_before_its_start<S: ReplayStore>(bench: &Bench<S>) {
    let Bench { store, clock, .. } = bench;
    clock.advance(Duration::from_millis(700));
    assert_eq!(store.knows_since(clock.now()), Some(UnixTime::from_seconds(START + 2)));
    clock.advance(Duration::from_secs(60));
    assert_eq!(store.knows_since(clock.now()), Some(UnixTime::from_seconds(START + 2)));
    clock.step_wall(UnixTime::from_seconds(START - 500));
    assert_eq!(store.knows_since(clock.now()), Some(UnixTime::from_seconds(START + 2)));
    clock.step_wall(UnixTime::from_millis((START + 3600) * 1000 + 700));
    assert_eq!(store.knows_since(clock.now()), Some(UnixTime::from_seconds(START + 3600 - 60 + 2)), "set right after the start");
}

#[test]
fn a_race_has_one_winner() {
    race(memory, 2000);
}

#[test]
fn a_race_on_disk_has_one_winner() {
    let folders = Folders::new();
    race(|capacity, now| folders.open(capacity, now), 200);
}

/// Of identical claims at once exactly one is fresh.
fn race(open: impl Fn(u64, Now) -> Store, rounds: u64) {
    const THREADS: usize = 8;
    let bench = Bench::new(open, rounds + 100);
    let (barrier, fresh) = (Barrier::new(THREADS), AtomicUsize::new(0));
    let racer = || {
        for number in 0..rounds {
            barrier.wait();
            let claim = Claim { lease: Duration::from_secs(3600), ..bench.request(number) };
            match run(bench.store.claim(&claim, bench.clock.now())) {
                Ok(Answer::Fresh(_)) => {
                    fresh.fetch_add(1, Ordering::Relaxed);
                    run(bench.store.settle(&claim, bench.clock.now())).unwrap();
                }
                answer => assert!(answer.is_ok(), "{answer:?}"),
            }
        }
    };
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(racer))));
    assert_eq!(fresh.into_inner() as u64, rounds);
    assert_eq!(bench.entries(), rounds);
}
