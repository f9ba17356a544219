//! The contract of a store a second time, with a plain map, and random histories that are run on both.

use std::collections::HashMap;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use proptest::prelude::*;

use super::conformance::{Bench, KEEP, LEASE, memory};
use super::disk::DiskStore;
use super::disk::error::DiskError;
use super::store::{Answer, ReplayStore, Store, StoreError};
use crate::domain::time::Now;

/// What happens to a store in a random history.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Claim(u64),
    Settle(u64),
    Release(u64),
    Lapse(u64),
    Forget(u64),
    Advance(u64),
    Maintain,
    /// The process ends and another begins, where the store outlives it.
    Restart,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let number = || 0..12_u64;
    prop_oneof![
        6 => number().prop_map(Step::Claim),
        3 => number().prop_map(Step::Settle),
        2 => number().prop_map(Step::Release),
        2 => number().prop_map(Step::Lapse),
        1 => number().prop_map(Step::Forget),
        3 => prop_oneof![Just(10_u64), Just(20), Just(200)].prop_map(Step::Advance),
        1 => Just(Step::Maintain),
        1 => Just(Step::Restart),
    ]
}

/// The contract, written a second time with a plain map. Times are seconds since the start.
struct Model {
    capacity: usize,
    present: u64,
    entries: HashMap<u64, Entry>,
}

enum Entry {
    InFlight { until: u64, kept_until: u64 },
    Settled { until: u64 },
}

const MODEL_CAPACITY: usize = 7;
const LAPSE_SECONDS: u64 = 25;

impl Model {
    /// What is over is absent.
    fn tidy(&mut self) {
        let present = self.present;
        self.entries.retain(|_, entry| match entry {
            Entry::InFlight { until, .. } | Entry::Settled { until } => present < *until,
        });
    }

    fn claim(&mut self, number: u64) -> Result<&'static str, StoreError> {
        match self.entries.get(&number) {
            Some(Entry::InFlight { .. }) => return Ok("in flight"),
            Some(Entry::Settled { .. }) => return Ok("settled"),
            None if self.entries.len() >= self.capacity => return Err(StoreError::Full),
            None => {}
        }
        let (until, kept_until) = (self.present + LEASE.as_secs(), self.present + KEEP.as_secs());
        self.entries.insert(number, Entry::InFlight { until, kept_until });
        Ok("fresh")
    }

    fn settle(&mut self, number: u64) -> Result<(), StoreError> {
        let until = match self.entries.get(&number) {
            Some(Entry::InFlight { kept_until, .. }) => *kept_until,
            Some(Entry::Settled { .. }) => return Ok(()),
            None if self.entries.len() >= self.capacity => return Err(StoreError::Full),
            None => self.present + KEEP.as_secs(),
        };
        self.entries.insert(number, Entry::Settled { until });
        Ok(())
    }

    /// Claims are gone with the process that made them.
    fn restart(&mut self) {
        self.entries.retain(|_, entry| matches!(entry, Entry::Settled { .. }));
    }

    fn is_in_flight(&self, number: u64) -> bool {
        matches!(self.entries.get(&number), Some(Entry::InFlight { .. }))
    }
}

fn word(answer: Result<Answer, StoreError>) -> Result<&'static str, StoreError> {
    answer.map(|answer| match answer {
        Answer::Fresh(_) => "fresh",
        Answer::Settled => "settled",
        Answer::InFlight { .. } => "in flight",
    })
}

/// Runs a history on both; `restart` says whether it ended the store and opened it again. Only the last owner ends a claim here, and only while the lease runs: a lease that is over counts
/// as absent in the model, and may or may not still be there in a store.
pub(super) fn replay<S: ReplayStore>(
    mut bench: Bench<S>,
    capacity: usize,
    steps: &[Step],
    restart: impl Fn(&mut Bench<S>) -> bool,
) {
    let (mut model, mut owners) = (Model { capacity, present: 0, entries: HashMap::new() }, HashMap::new());
    for step in steps {
        model.tidy();
        match *step {
            Step::Claim(number) => {
                let answer = bench.claim(number);
                assert_eq!(word(answer), model.claim(number), "{number} at {}", model.present);
                if let Ok(Answer::Fresh(owner)) = answer {
                    owners.insert(number, owner);
                }
            }
            Step::Settle(number) if model.is_in_flight(number) => {
                assert_eq!(bench.settle(number), model.settle(number));
            }
            Step::Release(number) if model.is_in_flight(number) => {
                bench.release(number, owners[&number]);
                model.entries.remove(&number);
            }
            Step::Lapse(number) => {
                let until = model.present + LAPSE_SECONDS;
                if let Some(Entry::InFlight { until: lease, .. }) = model.entries.get_mut(&number) {
                    *lease = until;
                    bench.lapse(number, owners[&number], LAPSE_SECONDS);
                }
            }
            Step::Forget(number) => {
                let settled = matches!(model.entries.get(&number), Some(Entry::Settled { .. }));
                assert_eq!(bench.forget(number), settled);
                if settled {
                    model.entries.remove(&number);
                }
            }
            Step::Advance(seconds) => {
                bench.advance(seconds);
                model.present += seconds;
            }
            Step::Maintain => bench.store.maintain(bench.clock.now()),
            Step::Restart => {
                if restart(&mut bench) {
                    model.restart();
                    owners.clear();
                }
            }
            Step::Settle(_) | Step::Release(_) => {}
        }
        let entries = bench.entries();
        assert!(entries >= model.entries.len() as u64 || matches!(step, Step::Advance(_)));
        assert!(entries <= capacity as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_histories_agree_with_the_model(steps in prop::collection::vec(step(), 1..120)) {
        replay(Bench::new(memory, MODEL_CAPACITY as u64), MODEL_CAPACITY, &steps, |_| false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn random_histories_on_disk_agree_with_the_model(steps in prop::collection::vec(step(), 1..120)) {
        let folder = tempfile::tempdir().unwrap();
        let open = |capacity, now| Store::Disk(open_when_let_go(folder.path(), capacity, now));
        let restart = |bench: &mut Bench<Store>| {
            bench.reopen(memory(1, bench.clock.now()), |now| open(MODEL_CAPACITY as u64, now));
            true
        };
        replay(Bench::new(open, MODEL_CAPACITY as u64), MODEL_CAPACITY, &steps, restart);
    }
}

/// A child that another test of this process starts holds the lock of its parent's open files until it is another program.
fn open_when_let_go(folder: &Path, capacity: u64, now: Now) -> DiskStore {
    for _ in 0..1000 {
        match DiskStore::open(folder, capacity, now) {
            Err(DiskError::Held { .. }) => sleep(Duration::from_millis(10)),
            opened => return opened.unwrap(),
        }
    }
    panic!("the folder is held for ten seconds");
}
