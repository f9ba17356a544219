//! Claims that should have ended and may not have: the server did not say. Bounded; what does not fit is left to its lease.
//!
//! A claim whose answer never came was never forwarded, but may be held; its sender's retry would wait for the lease. So it is
//! given back later, once every command that was under way then is past its deadline.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::domain::time::{Monotonic, Now};
use crate::gate::replay::key::Identity;
use crate::gate::replay::store::Owner;

/// A claim that is still to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LooseEnd {
    pub(super) identity: Identity,
    pub(super) owner: Owner,
    /// Until when it is to stay in flight; at once, where it is to be given back.
    pub(super) in_flight_until: Monotonic,
    /// Not tried before.
    pub(super) due: Monotonic,
}

/// The claims that are still to be ended, in the order of their making. Filled by callers, emptied by the watch.
#[derive(Default)]
pub(super) struct LooseEnds(Mutex<VecDeque<LooseEnd>>);

impl LooseEnds {
    pub(super) fn add(&self, end: LooseEnd) {
        let mut ends = self.0.lock();
        if ends.len() < ENDS_MAX {
            ends.push_back(end);
        }
    }

    /// The next one that is due.
    pub(super) fn take_due(&self, now: Now) -> Option<LooseEnd> {
        let mut ends = self.0.lock();
        let is_due = ends.front().is_some_and(|end| end.due <= now.monotonic);
        if is_due { ends.pop_front() } else { None }
    }
}

const ENDS_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::time::UnixTime;

    fn seconds(seconds: u64) -> Monotonic {
        Monotonic::from_duration(Duration::from_secs(seconds))
    }

    fn end(due: u64) -> LooseEnd {
        let (identity, owner) = (Identity::from_bytes([7; 32]), Owner::new(1));
        LooseEnd { identity, owner, in_flight_until: seconds(0), due: seconds(due) }
    }

    #[test]
    fn ends_are_due_in_order_and_bounded() {
        let ends = LooseEnds::default();
        (0..ENDS_MAX + 5).for_each(|_| ends.add(end(10)));
        assert_eq!(ends.0.lock().len(), ENDS_MAX);
        let now = |at| Now { wall: UnixTime::from_seconds(0), monotonic: seconds(at) };
        assert_eq!(ends.take_due(now(9)), None);
        assert_eq!(ends.take_due(now(10)), Some(end(10)));
    }
}
