//! Until when an entry is kept: by the later of the wall's and the monotonic clock's reckoning. Pure.
//!
//! 1. By the wall: until its reading reaches the entry's second.
//! 2. By the monotonic clock: for as long as that was away when the entry was made. A wall that jumps ahead and back
//!    has forgotten nothing in between; a wall that is set back keeps everything for longer.
//! 3. Never early; late by two seconds at most, because entries hold whole seconds and offsets half ones.

use crate::domain::time::{Now, UnixTime};

const MICROS: i64 = 1_000_000;
const HALF_SECOND: i64 = MICROS / 2;

/// When an entry is over. Six bytes, because there are millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Until {
    /// Unix seconds, as bytes because those need no padding; the last one there is means never.
    second: [u8; 4],
    /// Which of the offsets held when the entry was made.
    offset: u16,
}

impl Until {
    pub(super) const fn second(self) -> u32 {
        u32::from_ne_bytes(self.second)
    }
}

/// The offsets of the wall to the monotonic clock that the entries of one list were made under: one, unless the wall was set.
#[derive(Debug, Default)]
pub(super) struct Offsets(Vec<i64>);

impl Offsets {
    /// When something kept until `time` is over, reckoned from now.
    pub(super) fn until(&mut self, time: UnixTime, now: Now) -> Until {
        self.until_second(last_second(time), now)
    }

    /// The same for what was kept by its second.
    pub(super) fn until_second(&mut self, second: u32, now: Now) -> Until {
        Until { second: second.to_ne_bytes(), offset: self.current(now) }
    }

    /// The same second, reckoned from now or as before: whichever is later.
    pub(super) fn later(&mut self, until: Until, now: Now) -> Until {
        let anew = self.until_second(until.second(), now);
        // A lower offset takes the monotonic clock longer.
        if self.offset(anew) < self.offset(until) { anew } else { until }
    }

    fn offset(&self, until: Until) -> i64 {
        self.0.get(usize::from(until.offset)).copied().unwrap_or(0)
    }

    /// Whether both clocks have passed it.
    pub(super) fn is_over(&self, until: Until, now: Now) -> bool {
        let second = i64::from(until.second());
        if until.second() == u32::MAX || now.wall.seconds() < second {
            return false;
        }
        let reckoned = monotonic_micros(now).saturating_add(self.offset(until));
        reckoned >= second * MICROS
    }

    /// No entry refers to any of them.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    /// The present offset's index. Noted half a second low, and good until the true one has moved half a second either way:
    /// a lower offset keeps an entry longer, so it is always safe.
    fn current(&mut self, now: Now) -> u16 {
        let offset = wall_ahead_micros(now);
        let noted = offset.saturating_sub(HALF_SECOND);
        if self.0.last().is_none_or(|last| !(0..MICROS).contains(&offset.saturating_sub(*last))) {
            self.note(noted);
        }
        u16::try_from(self.0.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    fn note(&mut self, noted: i64) {
        if u16::try_from(self.0.len()).is_ok() {
            self.0.push(noted);
        } else if let Some(last) = self.0.last_mut() {
            *last = noted.min(*last);
        }
    }
}

/// The second at which something kept until `time` is over; the last one there is means never.
pub(super) fn last_second(time: UnixTime) -> u32 {
    let second = time.micros().saturating_add(MICROS - 1).div_euclid(MICROS).max(0);
    u32::try_from(second).unwrap_or(u32::MAX)
}

/// How far the wall reads ahead of the monotonic clock.
pub(super) fn wall_ahead_micros(now: Now) -> i64 {
    now.wall.micros().saturating_sub(monotonic_micros(now))
}

fn monotonic_micros(now: Now) -> i64 {
    i64::try_from(now.monotonic.as_duration().as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::time::Monotonic;

    fn now(wall_ms: i64, monotonic_ms: u64) -> Now {
        Now { wall: UnixTime::from_millis(wall_ms), monotonic: Monotonic::from_duration(Duration::from_millis(monotonic_ms)) }
    }

    const START_MS: i64 = 1_700_000_000_000;

    fn sixty_seconds() -> (Offsets, Until) {
        let mut offsets = Offsets::default();
        let until = offsets.until(UnixTime::from_millis(START_MS + 60_000), now(START_MS, 1000));
        (offsets, until)
    }

    #[test]
    fn never_early_and_at_most_two_seconds_late() {
        let (offsets, until) = sixty_seconds();
        assert!(!offsets.is_over(until, now(START_MS + 59_999, 60_999)));
        assert!(offsets.is_over(until, now(START_MS + 62_000, 63_000)));
    }

    #[test]
    fn a_wall_set_ahead_forgets_nothing() {
        let (offsets, until) = sixty_seconds();
        assert!(!offsets.is_over(until, now(START_MS + 3_600_000, 2000)));
        assert!(offsets.is_over(until, now(START_MS + 3_660_000, 62_000)));
    }

    #[test]
    fn a_wall_set_back_keeps_for_longer() {
        let (offsets, until) = sixty_seconds();
        assert!(!offsets.is_over(until, now(START_MS - 3_600_000, 3_600_000)));
        assert!(offsets.is_over(until, now(START_MS + 60_000, 7_200_000)));
    }

    #[test]
    fn of_two_reckonings_the_later_holds() {
        let (mut offsets, until) = sixty_seconds();
        let hour_back = now(START_MS - 3_600_000, 2000);
        let later = offsets.later(until, hour_back);
        assert!(offsets.is_over(until, now(START_MS + 60_000, 62_000)));
        assert!(!offsets.is_over(later, now(START_MS + 60_000, 62_000)), "the wall was set back, then right again");
        assert!(offsets.is_over(later, now(START_MS + 60_000, 3_663_000)));
        assert_eq!(offsets.later(later, now(START_MS, 1000)), later);
    }

    #[test]
    fn slow_drift_notes_few_offsets_and_a_step_notes_one() {
        let mut offsets = Offsets::default();
        for step in 0..4000 {
            offsets.until(UnixTime::from_seconds(0), now(START_MS + step, 1000));
        }
        assert!(offsets.0.len() <= 8, "{}", offsets.0.len());
        let before = offsets.0.len();
        for _ in 0..3 {
            offsets.until(UnixTime::from_seconds(0), now(START_MS - 60_000, 1000));
        }
        assert_eq!(offsets.0.len(), before + 1);
    }

    #[test]
    fn past_the_last_index_offsets_only_fall() {
        let mut offsets = Offsets((0..=i64::from(u16::MAX)).map(|index| index * 10 * MICROS).collect());
        let until = offsets.until(UnixTime::from_millis(START_MS + 60_000), now(START_MS, 1000));
        assert!(!offsets.is_over(until, now(START_MS + 60_000, 60_000)));
        assert_eq!(offsets.0.len(), 1 << 16);
    }

    #[test]
    fn times_outside_the_range_are_kept_for_good_or_not_at_all() {
        let mut offsets = Offsets::default();
        let start = now(START_MS, 1000);
        let beyond = offsets.until(UnixTime::from_seconds(1 << 40), start);
        assert!(!offsets.is_over(beyond, now(i64::from(u32::MAX) * 1000 + 5000, u64::MAX / 4)));
        let past = offsets.until(UnixTime::from_seconds(-5), start);
        assert!(offsets.is_over(past, start));
    }
}
