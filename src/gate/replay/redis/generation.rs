//! One unbroken memory of Redis, and since when it remembers. Pure.
//!
//! 1. A generation begins when the server's memory may have been lost: by its own clock, in the moment its key was written.
//!    All replicas read the same moment, each by its own wall: the age is what they share.
//! 2. The age is never more than the time since this process last saw another generation whole, whatever the server's clock
//!    says, and never less than nothing.
//! 3. A server's clock that runs ahead of both of ours between two readings has let claims expire early: that memory is over.

use std::time::Duration;

use crate::domain::time::{Now, UnixTime};

/// The server's clock, read between two instants of ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) server_ms: i64,
    pub(super) sent: Now,
    pub(super) received: Now,
}

impl Reading {
    /// The server's clock at an instant of ours: not earlier than it is, and later by one exchange at most.
    pub(super) fn server_ms_at(&self, now: Now) -> i64 {
        self.server_ms.saturating_add(millis(now.monotonic.since(self.sent.monotonic)))
    }

    /// Whether the server's clock went further than both of ours since an earlier reading.
    pub(super) fn ran_ahead_since(&self, earlier: &Self) -> bool {
        let monotonic = millis(self.received.monotonic.since(earlier.sent.monotonic));
        let wall = millis(self.received.wall.since(earlier.sent.wall));
        let server = self.server_ms.saturating_sub(earlier.server_ms);
        server.saturating_sub(monotonic.max(wall)) > JUMP_MS
    }
}

/// One unbroken memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) id: String,
    observed: Now,
    age: Duration,
}

impl Generation {
    /// As a reading shows it; `whole` is when this process last saw another one.
    pub(super) fn new(id: String, born_ms: i64, reading: &Reading, whole: Option<Now>) -> Self {
        let age_ms = reading.server_ms.saturating_sub(born_ms);
        let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
        let at_most = whole.map(|whole| reading.received.monotonic.since(whole.monotonic));
        Self { id, observed: reading.received, age: at_most.map_or(age, |at_most| age.min(at_most)) }
    }

    /// The second of its beginning, as the present wall would have read it, and two more.
    pub(super) fn knows_since(&self, now: Now) -> UnixTime {
        let running = now.monotonic.since(self.observed.monotonic);
        let observed = self.observed.wall.max(now.wall.minus(running));
        UnixTime::from_seconds(observed.minus(self.age).seconds().saturating_add(2))
    }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Less than claims are kept longer than they must be.
const JUMP_MS: i64 = 900;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Monotonic;

    fn now(wall_ms: i64, monotonic_ms: u64) -> Now {
        Now { wall: UnixTime::from_millis(wall_ms), monotonic: Monotonic::from_duration(Duration::from_millis(monotonic_ms)) }
    }

    fn reading(server_ms: i64, wall_ms: i64, monotonic_ms: u64) -> Reading {
        Reading { server_ms, sent: now(wall_ms, monotonic_ms), received: now(wall_ms + 10, monotonic_ms + 10) }
    }

    #[test]
    fn it_remembers_since_its_beginning_by_our_wall() {
        let table = [
            ("just begun", 50_000, None, 1002),
            ("begun before we came", 20_000, None, 972),
            ("by a clock that was set back", 70_000, None, 1002),
            ("not before the other was seen whole", 20_000, Some(now(995_000, 5_000)), 997),
        ];
        for (what, born_ms, whole, expected) in table {
            // Our wall reads 1000 s where the server's reads 50 s.
            let generation = Generation::new("a".to_owned(), born_ms, &reading(50_000, 1_000_000, 10_000), whole);
            assert_eq!(generation.knows_since(now(1_500_000, 510_000)), UnixTime::from_seconds(expected), "{what}");
        }
    }

    #[test]
    fn a_wall_set_right_later_moves_the_beginning_later() {
        let generation = Generation::new("a".to_owned(), 0, &reading(0, 1_000_000, 10_000), None);
        let later = generation.knows_since(now(5_000_000, 20_010));
        assert_eq!(later, UnixTime::from_seconds(5_000 - 10 + 2));
        assert_eq!(generation.knows_since(now(0, 20_010)), UnixTime::from_seconds(1002));
    }

    #[test]
    fn a_server_that_runs_ahead_is_noticed() {
        let first = reading(0, 1_000_000, 10_000);
        let table = [
            ("in step", reading(1_000, 1_001_000, 11_000), false),
            ("a slow answer", Reading { received: now(1_004_000, 14_000), ..reading(3_900, 1_001_000, 11_000) }, false),
            ("ahead", reading(3_000, 1_001_000, 11_000), true),
            ("behind", reading(-50_000, 1_001_000, 11_000), false),
            ("we were asleep", reading(60_000, 1_060_000, 11_000), false),
            ("our wall was set back", reading(1_000, 0, 11_000), false),
        ];
        for (what, second, expected) in table {
            assert_eq!(second.ran_ahead_since(&first), expected, "{what}");
        }
        assert_eq!(first.server_ms_at(now(0, 12_500)), 2_500);
    }
}
