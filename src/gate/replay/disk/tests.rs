//! What only a store on disk can get wrong: what a crash, a fault or a hand leaves in its folder.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;

use super::catalogue::Catalogue;
use super::cell::CELL_BYTES;
use super::error::DiskError;
use super::folder::{Fault, Folder};
use super::recovery::Recovery;
use super::{DiskStore, FOLDER};
use crate::domain::time::{Clock, UnixTime};
use crate::gate::replay::conformance::{identity, run};
use crate::gate::replay::memory::MemoryStore;
use crate::gate::replay::store::{Answer, Claim, ReplayStore, ShareId, StoreError};

const START: i64 = 1_700_000_000;
const KEEP: Duration = Duration::from_secs(300);

/// A state directory, a clock, and what happens in between.
struct Place {
    directory: TempDir,
    clock: Clock,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), clock: Clock::manual(UnixTime::from_seconds(START)) }
    }

    /// A place whose store began an hour ago.
    fn with_history() -> Self {
        let place = Self::new();
        drop(place.open());
        place.clock.advance(Duration::from_secs(3600));
        place
    }

    fn open(&self) -> DiskStore {
        DiskStore::open(self.directory.path(), 1000, self.clock.now()).unwrap()
    }

    fn folder(&self) -> PathBuf {
        self.directory.path().join(FOLDER)
    }

    fn request(&self, number: u64) -> Claim {
        let keep_until = self.clock.now().wall.plus(KEEP);
        let (share, lease) = (ShareId::COMMON, Duration::from_secs(30));
        Claim { identity: identity(number), share, keep_until, is_timed: true, lease }
    }

    fn claim(&self, store: &DiskStore, number: u64) -> Result<Answer, StoreError> {
        run(store.claim(&self.request(number), self.clock.now()))
    }

    fn settle(&self, store: &DiskStore, number: u64) -> Result<(), StoreError> {
        assert!(matches!(self.claim(store, number), Ok(Answer::Fresh(_))), "{number}");
        run(store.settle(&self.request(number), self.clock.now()))
    }

    fn settle_all(&self, store: &DiskStore, numbers: Range<u64>) {
        numbers.for_each(|number| self.settle(store, number).unwrap());
    }

    /// Which of some are remembered.
    fn remembered(&self, store: &DiskStore, among: Range<u64>) -> BTreeSet<u64> {
        let is_settled = |number: &u64| self.claim(store, *number) == Ok(Answer::Settled);
        among.filter(is_settled).collect()
    }

    fn segments(&self) -> Vec<PathBuf> {
        segments(&self.folder())
    }

    /// Whether the history reaches back to before this process.
    fn is_whole(&self, store: &DiskStore) -> bool {
        store.knows_since(self.clock.now()) == Some(UnixTime::from_seconds(START + 2))
    }
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "segment")).collect();
    files.sort();
    files
}

fn only(mut paths: Vec<PathBuf>) -> PathBuf {
    assert_eq!(paths.len(), 1, "{paths:?}");
    paths.remove(0)
}

#[test]
fn rpl_16_a_restart_remembers_what_was_settled_and_nothing_else() {
    let place = Place::with_history();
    let store = place.open();
    place.settle_all(&store, 0..5);
    assert!(matches!(place.claim(&store, 5), Ok(Answer::Fresh(_))), "in flight when the process ends");
    drop(store);
    let store = place.open();
    assert!(place.is_whole(&store) && store.is_available(place.clock.now()));
    assert_eq!(store.entries(), 5);
    assert_eq!(place.remembered(&store, 0..10), (0..5).collect());
}

#[test]
fn one_process_at_a_time() {
    let place = Place::new();
    let store = place.open();
    let second = DiskStore::open(place.directory.path(), 1000, place.clock.now());
    assert!(matches!(&second, Err(DiskError::Held { .. })), "{second:?}");
    drop(store);
    drop(place.open());
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_what_is_torn() {
    const COUNT: u64 = 5;
    const CELLS: usize = 6;
    let place = Place::with_history();
    let store = place.open();
    place.settle_all(&store, 0..COUNT);
    drop(store);
    let path = only(place.segments());
    let whole = fs::read(&path).unwrap();
    assert_eq!(whole.len(), CELLS * CELL_BYTES);
    for length in 0..=whole.len() {
        for tail in [&[][..], &[0; 3 * CELL_BYTES], &[0xa5; CELL_BYTES + 1]] {
            place.segments().into_iter().for_each(|path| fs::remove_file(path).unwrap());
            fs::write(&path, [&whole[..length], tail].concat()).unwrap();
            let expected = (0..(length / CELL_BYTES).saturating_sub(1) as u64).collect::<BTreeSet<_>>();
            for round in ["at once", "and ever after"] {
                let store = place.open();
                assert_eq!(store.entries(), expected.len() as u64);
                assert_eq!(place.remembered(&store, 0..COUNT), expected, "{length} bytes, {} more, {round}", tail.len());
                assert!(place.is_whole(&store), "nobody was told that the tail was durable");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_ruined_costs_only_itself_and_is_noticed(flips in prop::collection::btree_set((0..9_usize, 0..CELL_BYTES * 8), 1..5)) {
        const COUNT: u64 = 8;
        let place = Place::with_history();
        let store = place.open();
        place.settle_all(&store, 0..COUNT);
        drop(store);
        let path = only(place.segments());
        let mut bytes = fs::read(&path).unwrap();
        for (cell, bit) in &flips {
            bytes[cell * CELL_BYTES + bit / 8] ^= 1 << (bit % 8);
        }
        fs::write(&path, bytes).unwrap();
        let hit: BTreeSet<u64> = flips.iter().map(|(cell, _)| *cell as u64).collect();
        let expected: BTreeSet<u64> = (0..COUNT).filter(|number| !hit.contains(&(number + 1))).collect();
        // Cells after the last good one are torn; all others are ruined.
        let last_good = (0..=COUNT).rev().find(|cell| !hit.contains(cell));
        let is_ruined = last_good.is_some_and(|last| hit.iter().any(|cell| *cell < last));

        let store = place.open();
        prop_assert_eq!(place.remembered(&store, 0..COUNT), expected.clone());
        prop_assert_eq!(place.is_whole(&store), !is_ruined);
        let since = store.knows_since(place.clock.now());
        drop(store);
        place.clock.advance(Duration::from_secs(10));
        let store = place.open();
        prop_assert_eq!(place.remembered(&store, 0..COUNT), expected);
        prop_assert_eq!(store.knows_since(place.clock.now()), since, "damage is noticed once");
    }
}

#[test]
fn a_lost_history_is_a_cold_start_and_keeps_what_there_is() {
    for ruin in [None, Some("hookward-replay-history 1\nsince 5\n")] {
        let place = Place::with_history();
        let store = place.open();
        place.settle_all(&store, 0..3);
        drop(store);
        let path = place.folder().join("history");
        match ruin {
            None => fs::remove_file(&path).unwrap(),
            Some(text) => fs::write(&path, text).unwrap(),
        }
        let store = place.open();
        assert_eq!(store.knows_since(place.clock.now()), Some(UnixTime::from_seconds(START + 3602)));
        assert_eq!(place.remembered(&store, 0..3).len(), 3);
    }
}

#[test]
fn segments_of_another_version_are_not_guessed_at() {
    use super::cell::Cell;
    use super::name::{Kind, SegmentName, Slot};

    let place = Place::with_history();
    let name = SegmentName { slot: Slot { kind: Kind::Settled, exponent: 7, end: 1_700_100_096 }, number: 1 };
    let path = place.folder().join(name.to_string());
    fs::write(&path, Cell::First { version: 2 }.encode(&name, 0)).unwrap();
    let opened = DiskStore::open(place.directory.path(), 1000, place.clock.now());
    assert!(matches!(&opened, Err(DiskError::Version { path: found }) if *found == path), "{opened:?}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let opened = DiskStore::open(place.directory.path(), 1000, place.clock.now());
    assert!(matches!(&opened, Err(DiskError::Read { .. })), "{opened:?}");
}

#[test]
fn a_folder_that_cannot_be_had_is_named() {
    let place = Place::new();
    fs::write(place.folder(), "in the way").unwrap();
    let opened = DiskStore::open(place.directory.path(), 1000, place.clock.now());
    assert!(matches!(&opened, Err(DiskError::Create { path, .. }) if *path == place.folder()), "{opened:?}");
    fs::remove_file(place.folder()).unwrap();
    fs::create_dir_all(place.folder().join("lock")).unwrap();
    let opened = DiskStore::open(place.directory.path(), 1000, place.clock.now());
    assert!(matches!(&opened, Err(DiskError::Lock { .. })), "{opened:?}");
    fs::remove_dir(place.folder().join("lock")).unwrap();
    fs::create_dir(place.folder().join("history.new")).unwrap();
    let opened = DiskStore::open(place.directory.path(), 1000, place.clock.now());
    assert!(matches!(&opened, Err(DiskError::Write { .. })), "{opened:?}");
}

#[test]
fn a_disk_that_fails_refuses_and_recovers_by_itself() {
    for fault in [Fault::Full, Fault::SyncFails, Fault::ReadOnly] {
        let place = Place::with_history();
        let store = place.open();
        if fault != Fault::ReadOnly {
            // A read-only disk is noticed when a segment has to be made.
            place.settle_all(&store, 0..2);
        }
        let Ok(Answer::Fresh(owner)) = place.claim(&store, 2) else { panic!("fresh") };
        *store.folder.fault.lock() = Some(fault);
        let request = place.request(2);
        assert_eq!(run(store.settle(&request, place.clock.now())), Err(StoreError::Unavailable), "{fault:?}");
        run(store.lapse(&request.identity, owner, Duration::from_secs(10), place.clock.now())).unwrap();
        assert!(!store.is_available(place.clock.now()));
        assert_eq!(place.claim(&store, 3), Err(StoreError::Unavailable), "{fault:?}: new work is refused");
        assert_eq!(store.counters().write_failures(), 1);

        *store.folder.fault.lock() = None;
        wait_for("the writer to try again", || store.is_available(place.clock.now()));
        assert!(matches!(place.claim(&store, 2), Ok(Answer::InFlight { .. })), "{fault:?}: it lapsed");
        place.clock.advance(Duration::from_secs(11));
        place.settle(&store, 2).unwrap();
        drop(store);
        let store = place.open();
        assert!(place.is_whole(&store), "{fault:?}: what a failed write leaves is torn, not ruined");
        let expected = if fault == Fault::ReadOnly { 2..3 } else { 0..3 };
        assert_eq!(place.remembered(&store, 0..4), expected.collect(), "{fault:?}");
    }
}

#[test]
fn nothing_is_written_behind_a_failed_sync() {
    let place = Place::with_history();
    let store = place.open();
    place.settle_all(&store, 0..1);
    let first = only(place.segments());
    *store.folder.fault.lock() = Some(Fault::SyncFails);
    assert_eq!(place.settle(&store, 1), Err(StoreError::Unavailable));
    let length = fs::metadata(&first).unwrap().len();
    *store.folder.fault.lock() = None;
    wait_for("the writer to try again", || store.is_available(place.clock.now()));
    place.settle_all(&store, 2..4);
    assert_eq!(place.segments().len(), 2, "another segment");
    assert_eq!(fs::metadata(&first).unwrap().len(), length);
    drop(store);
    assert_eq!(place.remembered(&place.open(), 0..4), (0..4).collect(), "the receiver took them all");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_power_loss_takes_nothing_that_was_acknowledged(works in prop::collection::vec(0..4_u8, 1..25)) {
        let place = Place::with_history();
        let store = place.open();
        let mut acknowledged = BTreeSet::new();
        for (number, work) in (0..).zip(works) {
            *store.folder.fault.lock() = match work {
                0 => Some(Fault::SyncFails),
                1 => Some(Fault::Full),
                _ => None,
            };
            if place.settle(&store, number).is_ok() {
                acknowledged.insert(number);
            }
            *store.folder.fault.lock() = None;
            wait_for("the writer to try again", || store.is_available(place.clock.now()));
        }
        power_loss(&place, store);
        let store = place.open();
        prop_assert!(place.is_whole(&store));
        prop_assert_eq!(place.remembered(&store, 0..30), acknowledged);
    }
}

/// Takes away what was never synced, and with it what was written behind it.
fn power_loss(place: &Place, store: DiskStore) {
    let durable = store.folder.durable.lock().clone();
    drop(store);
    for path in place.segments() {
        let length = durable.get(&fs::metadata(&path).unwrap().ino()).copied().unwrap_or(0);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
    }
}

#[test]
fn what_is_written_together_with_a_delivery_allowed_again_is_durable_too() {
    let place = Place::with_history();
    let store = place.open();
    place.settle_all(&store, 0..2);
    let (clock, requests) = (&place.clock, (2..6).map(|number| place.request(number)).collect::<Vec<_>>());
    for request in &requests {
        assert!(matches!(run(store.claim(request, clock.now())), Ok(Answer::Fresh(_))));
    }
    // The writer is busy with the first; meanwhile the others queue up behind one that is allowed again.
    *store.folder.fault.lock() = Some(Fault::Slow(Duration::from_millis(200)));
    let settle = |index: usize| store.settle(&requests[index], clock.now());
    let (first, forgotten, rest) = run(async {
        let later = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let first = identity(0);
            tokio::join!(store.forget(&first, clock.now()), async { tokio::join!(settle(1), settle(2), settle(3)) })
        };
        let (first, (forgotten, rest)) = tokio::join!(settle(0), later);
        (first, forgotten, rest)
    });
    assert_eq!((first, forgotten, rest), (Ok(()), Ok(true), (Ok(()), Ok(()), Ok(()))));
    power_loss(&place, store);
    assert_eq!(place.remembered(&place.open(), 0..6), (1..6).collect(), "all but the one that was allowed again");
}

#[test]
fn a_segment_is_kept_by_the_later_of_both_clocks_for_all_that_is_in_it() {
    let place = Place::with_history();
    let (start, minutes) = (place.clock.now().wall, |minutes: u64| Duration::from_secs(60 * minutes));
    let until = start.plus(minutes(300));
    let settle = |store: &DiskStore, number| {
        let claim = Claim { keep_until: until, is_timed: false, ..place.request(number) };
        assert!(matches!(run(store.claim(&claim, place.clock.now())), Ok(Answer::Fresh(_))));
        run(store.settle(&claim, place.clock.now())).unwrap();
    };
    let store = place.open();
    settle(&store, 1);
    // An hour passes while the wall stands still: the next one, in the same slot, is to be kept an hour longer.
    place.clock.advance(minutes(60));
    place.clock.step_wall(start);
    settle(&store, 2);
    assert_eq!(place.segments().len(), 1);
    // Then the wall is set right, and the slot is over by the wall.
    place.clock.advance(minutes(280));
    place.clock.step_wall(start.plus(minutes(340)));
    store.maintain(place.clock.now());
    assert_eq!(place.claim(&store, 2), Ok(Answer::Settled));
    assert_eq!(place.segments().len(), 1, "twenty minutes are left of the second by the monotonic clock");
    place.clock.advance(minutes(60));
    (0..8).for_each(|_| store.maintain(place.clock.now()));
    assert!(place.segments().is_empty());
}

#[test]
fn a_start_that_cannot_make_what_it_read_durable_is_refused() {
    let place = Place::with_history();
    let store = place.open();
    place.settle_all(&store, 0..3);
    drop(store);
    let folder = Folder::open(&place.folder()).unwrap();
    *folder.fault.lock() = Some(Fault::SyncFails);
    let (catalogue, now) = (Catalogue::default(), place.clock.now());
    let memory = MemoryStore::new(1000, now);
    let recovery = Recovery { folder: &folder, catalogue: &catalogue, memory: &memory, now };
    let (_, untidy) = recovery.run().unwrap();
    let tidied = recovery.tidy_all(&untidy);
    assert!(matches!(&tidied, Err(DiskError::Write { .. })), "{tidied:?}");
    drop(folder);
    assert_eq!(place.remembered(&place.open(), 0..4), (0..3).collect());
}

#[test]
fn what_was_ruined_is_noticed_however_often_the_start_fails() {
    let place = Place::with_history();
    let store = place.open();
    place.settle_all(&store, 0..4);
    drop(store);
    let path = only(place.segments());
    let mut bytes = fs::read(&path).unwrap();
    bytes[2 * CELL_BYTES] ^= 1;
    fs::write(&path, &bytes).unwrap();
    // The history cannot be written: as if it were killed before that.
    let obstacle = place.folder().join("history.new");
    fs::create_dir(&obstacle).unwrap();
    for _ in 0..2 {
        let opened = DiskStore::open(place.directory.path(), 1000, place.clock.now());
        assert!(matches!(&opened, Err(DiskError::Write { .. })), "{opened:?}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is written anew before that");
    }
    fs::remove_dir(&obstacle).unwrap();
    assert!(!place.is_whole(&place.open()), "what was signed before is refused");
    assert!(!place.is_whole(&place.open()), "and stays so");
}

#[test]
fn a_disk_that_hangs_is_a_refusal_in_time() {
    let place = Place::with_history();
    let store = place.open();
    *store.folder.fault.lock() = Some(Fault::Slow(Duration::from_secs(4)));
    let begun = now();
    assert_eq!(place.settle(&store, 1), Err(StoreError::Unavailable));
    assert!(begun.elapsed() < Duration::from_millis(3900), "{:?}", begun.elapsed());
    assert!(!store.is_available(place.clock.now()));
    assert_eq!(place.claim(&store, 2), Err(StoreError::Unavailable));
    *store.folder.fault.lock() = None;
    wait_for("the disk to come round", || store.is_available(place.clock.now()));
    place.settle_all(&store, 2..3);
}

#[test]
fn segments_are_unlinked_whole_when_they_are_over_and_not_before() {
    let place = Place::with_history();
    let store = place.open();
    place.settle_all(&store, 0..50);
    let long =
        Claim { keep_until: place.clock.now().wall.plus(Duration::from_secs(86_400)), is_timed: false, ..place.request(90) };
    assert!(matches!(run(store.claim(&long, place.clock.now())), Ok(Answer::Fresh(_))));
    run(store.settle(&long, place.clock.now())).unwrap();
    assert_eq!(place.segments().len(), 2);
    let bytes: u64 = place.segments().iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(bytes <= 51 * 48, "{bytes} bytes for 51");
    let maintain = || (0..8).for_each(|_| store.maintain(place.clock.now()));
    place.clock.advance(Duration::from_secs(290));
    maintain();
    assert_eq!((place.segments().len(), store.entries()), (2, 51));
    place.clock.step_wall(place.clock.now().wall.plus(Duration::from_secs(500)));
    maintain();
    assert_eq!((place.segments().len(), store.entries()), (2, 51), "by the later of both clocks");
    place.clock.advance(Duration::from_secs(150));
    maintain();
    assert_eq!((place.segments().len(), store.entries()), (1, 1));
    place.clock.advance(Duration::from_secs(90_000));
    maintain();
    assert_eq!((place.segments().len(), store.entries()), (0, 0));
    place.settle_all(&store, 100..101);
    assert_eq!(place.segments().len(), 1, "the writer has let go of what was unlinked");
}

#[test]
fn clk_03_a_wall_set_back_while_it_was_off_opens_no_hole() {
    let place = Place::with_history();
    let start = place.clock.now().wall;
    let old = place.request(1);
    let store = place.open();
    place.settle_all(&store, 1..2);
    place.clock.advance(Duration::from_secs(600));
    (0..8).for_each(|_| store.maintain(place.clock.now()));
    assert!(place.segments().is_empty());
    drop(store);
    place.clock.step_wall(start.plus(Duration::from_secs(10)));
    let store = place.open();
    assert_eq!(run(store.claim(&old, place.clock.now())), Err(StoreError::Unavailable));
    place.settle_all(&store, 2..3);
    drop(store);

    // The same where the wall stood ahead when it was started, and the segment is still there.
    let ahead = start.plus(Duration::from_secs(400));
    place.clock.step_wall(ahead);
    let store = place.open();
    assert_eq!(store.entries(), 0, "over by the wall");
    place.clock.step_wall(start.plus(Duration::from_secs(20)));
    let again = Claim { keep_until: start.plus(Duration::from_secs(310)), ..place.request(2) };
    assert_eq!(run(store.claim(&again, place.clock.now())), Err(StoreError::Unavailable));
    drop(store);
    assert_eq!(place.remembered(&place.open(), 2..3).len(), 1, "what is not over by the wall is remembered again");
}

#[test]
fn a_beginning_moves_with_a_wall_that_is_set_right() {
    let place = Place::new();
    let store = place.open();
    place.clock.advance(Duration::from_secs(5));
    place.clock.step_wall(UnixTime::from_seconds(START + 86_400));
    store.maintain(place.clock.now());
    drop(store);
    assert_eq!(place.open().knows_since(place.clock.now()), Some(UnixTime::from_seconds(START + 86_400 - 5 + 2)));
}

#[test]
fn allowed_again_stays_so_and_settles_again() {
    let place = Place::with_history();
    let store = place.open();
    place.settle_all(&store, 0..4);
    let forget = |store: &DiskStore, number| run(store.forget(&identity(number), place.clock.now()));
    assert_eq!((forget(&store, 1), forget(&store, 2), forget(&store, 9)), (Ok(true), Ok(true), Ok(false)));
    place.settle_all(&store, 2..3);
    drop(store);
    for round in 0..3 {
        let store = place.open();
        assert_eq!(place.remembered(&store, 0..4), [0, 2, 3].into(), "restart {round}");
    }
}

#[test]
fn restarts_leave_few_files() {
    let place = Place::with_history();
    for number in 0..30 {
        let store = place.open();
        place.settle_all(&store, number..number + 1);
        assert!(place.segments().len() <= 2, "{:?}", place.segments());
    }
    assert_eq!(place.remembered(&place.open(), 0..40), (0..30).collect());
}

#[test]
fn a_smaller_capacity_forgets_nothing() {
    let place = Place::with_history();
    let store = place.open();
    place.settle_all(&store, 0..20);
    drop(store);
    let store = DiskStore::open(place.directory.path(), 10, place.clock.now()).unwrap();
    assert_eq!((store.entries(), store.capacity()), (20, 10));
    assert_eq!(place.remembered(&store, 0..20).len(), 20);
    assert_eq!(place.claim(&store, 20), Err(StoreError::Full));
    place.clock.advance(Duration::from_secs(310));
    assert!(matches!(place.claim(&store, 20), Ok(Answer::Fresh(_))));
}

#[test]
fn many_at_once_are_written_together() {
    let place = Place::with_history();
    let store = place.open();
    let (clock, requests) = (&place.clock, (0..500).map(|number| place.request(number)).collect::<Vec<_>>());
    run(async {
        let mut settling = Vec::new();
        for request in &requests {
            assert!(matches!(store.claim(request, clock.now()).await, Ok(Answer::Fresh(_))));
            settling.push(Box::pin(store.settle(request, clock.now())));
        }
        // All are handed over before the first is waited for.
        for future in &mut settling {
            std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await;
        }
    });
    drop(store);
    assert_eq!(place.remembered(&place.open(), 0..500).len(), 500, "nobody waited, and nothing was dropped");
}

#[expect(clippy::disallowed_methods, reason = "the disk has a clock of its own")]
fn now() -> Instant {
    Instant::now()
}

#[track_caller]
fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let begun = now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
