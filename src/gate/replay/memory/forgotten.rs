//! Up to which second of the wall timed deliveries may have been forgotten. Pure but for two atomics.
//!
//! What is over is forgotten, rightly: no clock could accept it again. A wall that is set back afterwards could. A timed
//! delivery that would be over by a second up to which others were forgotten may be one of them, so it is not let in again.
//!
//! 1. The mark rises with every entry that is dropped because it is over, never falls, and never passes the latest timed entry:
//!    what is remembered by a window of its own says nothing about clocks, and must not keep timed deliveries out.
//! 2. While the wall goes right the mark lies in the past, and nobody notices it.

use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Debug, Default)]
pub(in crate::gate::replay) struct Forgotten {
    /// The latest second at which any timed entry is over.
    latest_timed: AtomicU32,
    mark: AtomicU32,
}

impl Forgotten {
    /// A timed entry is remembered until then.
    pub(super) fn remembers(&self, second: u32) {
        self.latest_timed.fetch_max(second, Ordering::Relaxed);
    }

    /// An entry that was over then is dropped.
    pub(super) fn drops(&self, second: u32) {
        let second = second.min(self.latest_timed.load(Ordering::Relaxed));
        self.mark.fetch_max(second, Ordering::Relaxed);
    }

    /// Timed entries up to then were dropped, by this process or one before it.
    pub(super) fn raise(&self, second: u32) {
        self.mark.fetch_max(second, Ordering::Relaxed);
    }

    /// Whether a timed delivery that is over then may have been dropped.
    pub(super) fn may_hold(&self, second: u32) -> bool {
        second <= self.mark.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_follows_what_is_dropped_and_stops_at_what_is_timed() {
        let forgotten = Forgotten::default();
        forgotten.drops(900);
        assert!(!forgotten.may_hold(1), "nothing timed was ever remembered");
        forgotten.remembers(500);
        forgotten.drops(300);
        assert!(forgotten.may_hold(300) && !forgotten.may_hold(301));
        forgotten.drops(900);
        assert!(forgotten.may_hold(500) && !forgotten.may_hold(501));
        forgotten.raise(700);
        forgotten.raise(600);
        assert!(forgotten.may_hold(700) && !forgotten.may_hold(701));
    }
}
