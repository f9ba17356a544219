//! Counts steps of the wall: what NTP, a resumed machine or a hand does to it.

use parking_lot::Mutex;

use super::reckoning::wall_ahead_micros;
use super::store::StoreCounters;
use crate::domain::time::Now;

/// What the two clocks read when they were last compared. Held by the housekeeper for a comparison.
#[derive(Debug)]
pub(super) struct Steps(Mutex<Now>);

impl Steps {
    pub(super) const fn new(now: Now) -> Self {
        Self(Mutex::new(now))
    }

    /// Compares the clocks again. They drift apart slowly; more than a second between two looks is a step.
    pub(super) fn watch(&self, now: Now, counters: &StoreCounters) {
        let before = std::mem::replace(&mut *self.0.lock(), now);
        let step_us = wall_ahead_micros(now).saturating_sub(wall_ahead_micros(before));
        if step_us.unsigned_abs() > STEP_US {
            counters.count_clock_step();
            tracing::warn!(
                step_ms = step_us / 1000,
                "the wall clock was set; what is remembered is kept by the later of both clocks"
            );
        }
    }
}

const STEP_US: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::time::{Clock, UnixTime};

    #[test]
    fn every_step_is_counted_once_and_drift_is_none() {
        let clock = Clock::manual(UnixTime::from_seconds(1_700_000_000));
        let (steps, counters) = (Steps::new(clock.now()), StoreCounters::default());
        let look = |seconds: u64, shift_ms: i64| {
            clock.advance(Duration::from_secs(seconds));
            clock.step_wall(UnixTime::from_micros(clock.now().wall.micros() + shift_ms * 1000));
            steps.watch(clock.now(), &counters);
            counters.clock_steps()
        };
        let table = [
            ("in step", 1, 0, 0),
            ("drift", 1, 900, 0),
            ("drift the other way", 1, -1000, 0),
            ("set ahead", 1, 3_600_000, 1),
            ("as it was left", 1, 0, 1),
            ("set back", 1, -3_600_000, 2),
            ("long between two looks", 3600, 0, 2),
            ("a second and a bit", 1, 1001, 3),
        ];
        for (what, seconds, shift_ms, counted) in table {
            assert_eq!(look(seconds, shift_ms), counted, "{what}");
        }
    }
}
