//! Claim, settle, release and sweep in every order that threads can bring them into: a scheduler that stands at each lock runs
//! small histories again and again: at random, by few unlucky preemptions, and systematically up to a bound.
//!
//! RPL-03 and RPL-22 for the store of this process. What is explored is the code that ships, lock by lock; between two locks
//! there are only counters that rise.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::lock::explore;
use super::{MemoryStore, ReplayStore};
use crate::domain::time::{Clock, Now, UnixTime};
use crate::gate::replay::key::Identity;
use crate::gate::replay::store::{Answer, Claim, Owner, ShareId, StoreError};

/// Runs of each model and scheduler. All of them together are seconds.
const RUNS: usize = 2000;
const LEASE: Duration = Duration::from_secs(10);
const KEEP: Duration = Duration::from_secs(300);

/// A store, the instant at which everything happens, and who holds the claim by his own account.
struct Scene {
    store: MemoryStore,
    clock: Clock,
    share: ShareId,
    holders: AtomicUsize,
    fresh: AtomicUsize,
    settled: AtomicUsize,
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a memory store never waits"),
    }
}

impl Scene {
    fn new(capacity: u64) -> Arc<Self> {
        let clock = Clock::manual(UnixTime::from_seconds(1_700_000_000));
        let store = MemoryStore::new(capacity, clock.now());
        let share = store.divide(&["only".parse().unwrap()])[0];
        let counter = AtomicUsize::default;
        Arc::new(Self { store, clock, share, holders: counter(), fresh: counter(), settled: counter() })
    }

    fn request(&self, number: u8, now: Now) -> Claim {
        let identity = Identity::from_bytes([number; 32]);
        Claim { identity, share: self.share, keep_until: now.wall.plus(KEEP), is_timed: true, lease: LEASE }
    }

    fn claim_at(&self, number: u8, now: Now) -> Result<Answer, StoreError> {
        ready(self.store.claim(&self.request(number, now), now))
    }

    /// Claims and becomes the one holder, unless somebody else has it.
    fn hold(&self, number: u8) -> Option<Owner> {
        let Ok(Answer::Fresh(owner)) = self.claim_at(number, self.clock.now()) else { return None };
        assert_eq!(self.holders.fetch_add(1, Ordering::SeqCst), 0, "two hold one delivery");
        assert_eq!(self.settled.load(Ordering::SeqCst), 0, "fresh after it was settled");
        self.fresh.fetch_add(1, Ordering::SeqCst);
        Some(owner)
    }

    fn settle(&self, number: u8) {
        self.holders.fetch_sub(1, Ordering::SeqCst);
        ready(self.store.settle(&self.request(number, self.clock.now()), self.clock.now())).unwrap();
        self.settled.fetch_add(1, Ordering::SeqCst);
    }

    fn release(&self, number: u8, owner: Owner) {
        self.holders.fetch_sub(1, Ordering::SeqCst);
        ready(self.store.release(&Identity::from_bytes([number; 32]), owner, self.clock.now())).unwrap();
    }
}

type Thread = fn(&Scene);

/// Every thread of a model at once, in many orders; then what must hold.
fn explored(capacity: u64, prepare: Thread, threads: &'static [Thread], holds: Thread) {
    let model = move || {
        let mut scene = None;
        explore(|| scene = Some(Scene::new(capacity)));
        let scene = scene.unwrap();
        prepare(&scene);
        let running: Vec<_> = threads
            .iter()
            .map(|thread| {
                let scene = Arc::clone(&scene);
                shuttle::thread::spawn(move || thread(&scene))
            })
            .collect();
        for thread in running {
            thread.join().unwrap();
        }
        holds(&scene);
    };
    shuttle::check_random(model, RUNS);
    shuttle::check_pct(model, RUNS, 3);
    shuttle::check_dfs(model, Some(10 * RUNS));
}

fn nothing(_: &Scene) {}

#[test]
fn rpl_03_a_claim_has_one_holder_however_it_ends() {
    let settles: Thread = |scene| {
        if scene.hold(1).is_some() {
            scene.settle(1);
        }
    };
    let releases: Thread = |scene| {
        if let Some(owner) = scene.hold(1) {
            scene.release(1, owner);
        }
    };
    let threads: &'static [Thread] = Box::leak(Box::new([settles, releases, releases]));
    explored(100, nothing, threads, |scene| {
        let settled = scene.settled.load(Ordering::SeqCst);
        assert!(settled <= 1 && scene.fresh.load(Ordering::SeqCst) >= 1);
        assert_eq!(scene.store.entries(), settled as u64, "every place was given back but the one that is remembered");
        let answer = scene.claim_at(1, scene.clock.now());
        assert_eq!(answer == Ok(Answer::Settled), settled == 1, "{answer:?}");
    });
}

#[test]
fn rpl_22_a_late_owner_ends_nobody_elses_claim() {
    static LATE: parking_lot::Mutex<Option<Owner>> = parking_lot::Mutex::new(None);
    let prepare: Thread = |scene| {
        let Ok(Answer::Fresh(owner)) = scene.claim_at(1, scene.clock.now()) else { panic!("fresh") };
        *LATE.lock() = Some(owner);
        scene.clock.advance(LEASE * 2);
    };
    let late: Thread = |scene| {
        let owner = LATE.lock().unwrap();
        let identity = Identity::from_bytes([1; 32]);
        ready(scene.store.lapse(&identity, owner, Duration::ZERO, scene.clock.now())).unwrap();
        ready(scene.store.release(&identity, owner, scene.clock.now())).unwrap();
    };
    let successor: Thread = |scene| {
        let _held = scene.hold(1);
    };
    let sweeps: Thread = |scene| scene.store.maintain(scene.clock.now());
    let threads: &'static [Thread] = Box::leak(Box::new([late, successor, successor, sweeps]));
    explored(100, prepare, threads, |scene| {
        assert_eq!(scene.fresh.load(Ordering::SeqCst), 1, "the successor keeps it");
        assert!(matches!(scene.claim_at(1, scene.clock.now()), Ok(Answer::InFlight { .. })));
        assert_eq!(scene.store.entries(), 1);
    });
}

/// Takes one of two places.
fn takes(scene: &Scene, number: u8) {
    if matches!(scene.claim_at(number, scene.clock.now()), Ok(Answer::Fresh(_))) {
        assert!(scene.fresh.fetch_add(1, Ordering::SeqCst) < 2, "three in two places");
    }
    assert!(scene.store.entries() <= 2);
}

#[test]
fn rpl_07_places_are_counted_exactly_while_they_come_and_go() {
    // Two places, one of them taken by what is over.
    let prepare: Thread = |scene| {
        assert!(matches!(scene.claim_at(9, scene.clock.now()), Ok(Answer::Fresh(_))));
        scene.clock.advance(LEASE * 2);
    };
    let sweeps: Thread = |scene| scene.store.maintain(scene.clock.now());
    let threads: &'static [Thread] =
        Box::leak(Box::new([|scene| takes(scene, 1), |scene| takes(scene, 2), |scene| takes(scene, 3), sweeps] as [Thread; 4]));
    explored(2, prepare, threads, |scene| {
        // Who asked while another swept was told that it is full; a second later there is room for as many as there are places.
        scene.clock.advance(Duration::from_secs(2));
        (4..8).for_each(|number| takes(scene, number));
        assert_eq!(scene.fresh.load(Ordering::SeqCst), 2, "what is over makes room");
        assert_eq!(scene.store.entries(), 2);
        assert_eq!(scene.claim_at(8, scene.clock.now()), Err(StoreError::Full));
    });
}

#[test]
fn what_is_being_written_down_is_nobody_elses_meanwhile() {
    // As the journal does it: the lease is over when the receiver answers, and writing takes its time.
    let prepare: Thread = |scene| {
        assert!(matches!(scene.claim_at(1, scene.clock.now()), Ok(Answer::Fresh(_))));
        scene.clock.advance(LEASE * 2);
    };
    let writes: Thread = |scene| {
        let (now, claim) = (scene.clock.now(), scene.request(1, scene.clock.now()));
        let entry = scene.store.secure(&claim, now).unwrap();
        let fresh = scene.fresh.load(Ordering::SeqCst);
        shuttle::thread::yield_now();
        assert!(entry.is_some());
        assert_eq!(scene.fresh.load(Ordering::SeqCst), fresh, "claimed while its settlement is written");
        ready(scene.store.settle(&claim, now)).unwrap();
        scene.settled.fetch_add(1, Ordering::SeqCst);
    };
    let claims: Thread = |scene| {
        let _held = scene.hold(1);
    };
    let sweeps: Thread = |scene| scene.store.maintain(scene.clock.now());
    let threads: &'static [Thread] = Box::leak(Box::new([writes, claims, sweeps]));
    explored(100, prepare, threads, |scene| {
        assert_eq!(scene.claim_at(1, scene.clock.now()), Ok(Answer::Settled));
        assert_eq!(scene.store.entries(), 1);
    });
}

#[test]
fn clk_03_what_is_swept_while_the_wall_is_set_back_is_never_fresh() {
    // Remembered, over, and offered again by a wall that was set back, in the moment in which it is dropped.
    let prepare: Thread = |scene| {
        assert!(scene.hold(1).is_some());
        scene.settle(1);
    };
    let sweeps: Thread = |scene| {
        let Now { wall, monotonic } = scene.clock.now();
        let over = Now { wall: wall.plus(KEEP * 2), monotonic: monotonic.plus(KEEP * 2) };
        (0..8).for_each(|_| scene.store.maintain(over));
    };
    let offers: Thread = |scene| {
        let now = scene.clock.now();
        let set_back = Now { wall: now.wall, monotonic: now.monotonic.plus(KEEP * 2) };
        let answer = scene.claim_at(1, set_back);
        assert!([Ok(Answer::Settled), Err(StoreError::Unavailable)].contains(&answer), "{answer:?}");
    };
    let threads: &'static [Thread] = Box::leak(Box::new([sweeps, offers, offers]));
    explored(100, prepare, threads, nothing);
}
