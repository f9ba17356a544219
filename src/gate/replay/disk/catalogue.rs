//! The segments there are, and when each is over.
//!
//! 1. A segment is over when both clocks have passed the end of its slot, as for every single entry in it: where the wall was
//!    set between two entries, by the later of their reckonings.
//! 2. Numbers only rise, also over restarts: no name is ever used twice.

use parking_lot::Mutex;

use super::name::{SegmentName, Slot};
use crate::domain::time::{Now, UnixTime};
use crate::gate::replay::reckoning::{Offsets, Until};

/// Shared by the writer, which makes segments, and by the housekeeper, which unlinks them; held for a look through the list.
#[derive(Debug, Default)]
pub(super) struct Catalogue(Mutex<Listed>);

#[derive(Debug, Default)]
struct Listed {
    live: Vec<Live>,
    offsets: Offsets,
    next_number: u64,
}

/// A segment in the folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    pub(super) name: SegmentName,
    /// The latest second at which a timed entry in it is over.
    pub(super) timed_until: u32,
    until: Until,
}

impl Catalogue {
    /// No number up to this one is given out any more.
    pub(super) fn number_after(&self, number: u64) {
        let mut listed = self.0.lock();
        listed.next_number = listed.next_number.max(number.saturating_add(1));
    }

    /// The number that the next segment will have.
    pub(super) fn next_number(&self) -> u64 {
        self.0.lock().next_number
    }

    /// A name that no segment had before.
    pub(super) fn name(&self, slot: Slot) -> SegmentName {
        let mut listed = self.0.lock();
        let number = listed.next_number;
        listed.next_number = number.saturating_add(1);
        SegmentName { slot, number }
    }

    pub(super) fn add(&self, name: SegmentName, now: Now) {
        let mut listed = self.0.lock();
        let until = listed.offsets.until(UnixTime::from_seconds(i64::from(name.slot.end)), now);
        listed.live.push(Live { name, timed_until: 0, until });
    }

    /// Something was added to it now; a timed entry in it, if there is one, is over only then.
    pub(super) fn appends(&self, name: &SegmentName, timed_until: Option<u32>, now: Now) {
        let mut listed = self.0.lock();
        let Listed { live, offsets, .. } = &mut *listed;
        if let Some(live) = live.iter_mut().find(|live| live.name == *name) {
            live.timed_until = live.timed_until.max(timed_until.unwrap_or(0));
            live.until = offsets.later(live.until, now);
        }
    }

    pub(super) fn has(&self, name: &SegmentName) -> bool {
        self.0.lock().live.iter().any(|live| live.name == *name)
    }

    pub(super) fn remove(&self, name: &SegmentName) {
        self.0.lock().live.retain(|live| live.name != *name);
    }

    /// The segments that are over; they stay listed.
    pub(super) fn over(&self, now: Now) -> Vec<Live> {
        let listed = self.0.lock();
        listed.live.iter().filter(|live| listed.offsets.is_over(live.until, now)).copied().collect()
    }
}
