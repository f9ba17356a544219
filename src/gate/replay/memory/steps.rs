//! Counts steps of the wall: what NTP, a resumed machine or a hand does to it.

use parking_lot::Mutex;

use crate::domain::time::Now;
use crate::gate::replay::store::StoreCounters;

/// What the two clocks read when they were last compared.
#[derive(Debug)]
pub(super) struct Steps(Mutex<Now>);

impl Steps {
    pub(super) const fn new(now: Now) -> Self {
        Self(Mutex::new(now))
    }

    /// Compares the clocks again. They drift apart slowly; more than a second between two looks is a step.
    pub(super) fn watch(&self, now: Now, counters: &StoreCounters) {
        let before = std::mem::replace(&mut *self.0.lock(), now);
        let expected = before.wall.plus(now.monotonic.since(before.monotonic));
        let step_us = now.wall.micros().saturating_sub(expected.micros());
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
