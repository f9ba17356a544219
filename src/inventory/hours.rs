//! How much comes in an hour, and how much usually does at that hour of the week. pure
//!
//! 1. Counted are hours of UTC, for four weeks. What is usual for an hour is what the same hour of the week had in the weeks
//!    before, and the hours beside it: at most twelve numbers, at least four, so nothing is said in the first two weeks.
//! 2. Too much is more than three times the most of them, and thirty beside: said as soon as it is so.
//! 3. Too little is less than a tenth of the least of them, where that is at least thirty: said when the hour is over.
//! 4. An hour in which nobody looked for five minutes (the process was not running, the integration was switched off) is
//!    unknown: it is neither judged for too little nor counts as usual.
//! 5. An hour with too much enters the memory as the bound that it broke: a flood cannot teach that floods are usual, and a
//!    change that lasts is learned within weeks.

/// Hours of four weeks.
pub(super) const HOURS: usize = 4 * 168;
/// Hours of a week.
const WEEK: i64 = 168;
const HOUR_SECONDS: i64 = 3600;
/// How long nobody may look at an hour that is to be judged.
const GAP_SECONDS: i64 = 300;
/// An hour that is not known.
pub(super) const UNKNOWN: u32 = u32::MAX;
/// How many hours must be known to say what is usual.
const SAMPLES_MIN: usize = 4;
const TIMES: u32 = 3;
const FLOOR: u32 = 30;

/// An hour that was not as usual: what came, and the bound that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd {
    /// How much came.
    pub observed: u64,
    /// The most, or the least, that would have been usual.
    pub expected: u64,
}

/// The hours of the last weeks, and the one that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    pub(super) counts: Vec<u32>,
    pub(super) hour: i64,
    pub(super) count: u32,
    pub(super) is_whole: bool,
    pub(super) last: i64,
    /// More than this is too much in the hour that runs.
    limit: u32,
}

impl Hours {
    /// No history.
    #[must_use]
    pub fn new(at: i64) -> Self {
        let hour = at.div_euclid(HOUR_SECONDS);
        Self { counts: vec![UNKNOWN; HOURS], hour, count: 0, is_whole: false, last: at, limit: UNKNOWN }
    }

    /// The history as it was kept.
    pub(super) fn restored(counts: Vec<u32>, hour: i64, count: u32, is_whole: bool, last: i64) -> Self {
        let mut hours = Self { counts, hour, count, is_whole, last, limit: UNKNOWN };
        hours.limit = hours.bound();
        hours
    }

    /// Nobody can come now: the hour that runs is not judged for too little.
    pub(super) const fn interrupt(&mut self) {
        self.is_whole = false;
    }

    /// Time passes. Answers with the hour that ended, if too little came in it. A clock that is set back stands still here.
    pub(super) fn advance(&mut self, at: i64) -> Option<Odd> {
        let gap = at.saturating_sub(self.last) > GAP_SECONDS;
        self.last = self.last.max(at);
        let hour = self.last.div_euclid(HOUR_SECONDS);
        if hour == self.hour {
            self.is_whole &= !gap;
            return None;
        }
        self.is_whole &= !gap;
        let odd = self.too_little();
        self.enter(self.hour, if self.is_whole { self.count.min(self.limit) } else { UNKNOWN });
        // Nobody looked at the hours in between; of more than four weeks of them nothing older is left.
        let first = hour.saturating_sub(i64::try_from(HOURS).unwrap_or(i64::MAX)).max(self.hour.saturating_add(1));
        for missed in first..hour {
            self.enter(missed, UNKNOWN);
        }
        (self.hour, self.count, self.is_whole) = (hour, 0, !gap);
        self.limit = self.bound();
        odd
    }

    /// One more came. Answers when that makes the hour one with too much, once.
    pub(super) fn count(&mut self) -> Option<Odd> {
        self.count = self.count.saturating_add(1).min(UNKNOWN - 1);
        let breaks = self.count == self.limit.saturating_add(1) && self.limit != UNKNOWN;
        breaks.then(|| Odd { observed: self.count.into(), expected: self.limit.into() })
    }

    fn too_little(&self) -> Option<Odd> {
        let least = self.usual(self.hour)?.0;
        let is_little = self.is_whole && least >= FLOOR && self.count < least / 10;
        is_little.then(|| Odd { observed: self.count.into(), expected: least.into() })
    }

    fn bound(&self) -> u32 {
        self.usual(self.hour).map_or(UNKNOWN, |(_, most)| most.saturating_mul(TIMES).saturating_add(FLOOR).min(UNKNOWN - 1))
    }

    /// The least and the most that came at this hour of the week.
    fn usual(&self, hour: i64) -> Option<(u32, u32)> {
        let offsets = (1..=4).flat_map(|weeks| [-1, 0, 1].map(|beside| weeks * WEEK - beside));
        let oldest = i64::try_from(HOURS).unwrap_or(i64::MAX);
        let known = offsets.filter(|offset| *offset <= oldest).filter_map(|offset| self.at(hour.saturating_sub(offset)));
        let (number, least, most) = known.fold((0, UNKNOWN, 0), |(number, least, most): (usize, u32, u32), count| {
            (number.saturating_add(1), least.min(count), most.max(count))
        });
        (number >= SAMPLES_MIN).then_some((least, most))
    }

    fn at(&self, hour: i64) -> Option<u32> {
        self.counts.get(place(hour)).copied().filter(|count| *count != UNKNOWN)
    }

    fn enter(&mut self, hour: i64, count: u32) {
        if let Some(cell) = self.counts.get_mut(place(hour)) {
            *cell = count;
        }
    }
}

fn place(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(i64::try_from(HOURS).unwrap_or(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weeks with so much in each hour, looked at every minute.
    fn weeks(number: i64, an_hour: impl Fn(i64) -> u32) -> Hours {
        let mut hours = Hours::new(0);
        for hour in 0..number * WEEK {
            pass(&mut hours, hour, an_hour(hour));
        }
        hours
    }

    /// One hour, and what was said of it and of the one before.
    fn pass(hours: &mut Hours, hour: i64, number: u32) -> (Option<Odd>, Option<Odd>) {
        let little = hours.advance(hour * HOUR_SECONDS);
        let much: Vec<Odd> = (0..number).filter_map(|_| hours.count()).collect();
        assert!(much.len() <= 1, "said once");
        for minute in 1..60 {
            assert_eq!(hours.advance(hour * HOUR_SECONDS + minute * 60), None);
        }
        (little, much.first().copied())
    }

    #[test]
    fn a_flood_is_said_once_and_teaches_little() {
        let mut hours = weeks(2, |_| 100);
        let now = 2 * WEEK;
        assert_eq!(pass(&mut hours, now, 330), (None, None));
        assert_eq!(pass(&mut hours, now + 1, 5000).1, Some(Odd { observed: 331, expected: 330 }));
        let _ = hours.advance((now + 2) * HOUR_SECONDS);
        assert_eq!(hours.at(now + 1), Some(330), "what it broke, not what came");
    }

    #[test]
    fn too_little_is_said_when_the_hour_is_over() {
        let mut hours = weeks(2, |_| 100);
        let now = 2 * WEEK;
        assert_eq!(pass(&mut hours, now, 10).0, None);
        assert_eq!(pass(&mut hours, now + 1, 9), (None, None));
        assert_eq!(pass(&mut hours, now + 2, 100).0, Some(Odd { observed: 9, expected: 100 }));
        let mut quiet = weeks(2, |_| 29);
        let _ = pass(&mut quiet, now, 0);
        assert_eq!(pass(&mut quiet, now + 1, 0).0, None, "of so few nothing is said");
    }

    #[test]
    fn nothing_is_said_in_the_first_two_weeks_nor_of_hours_that_nobody_saw() {
        let mut young = weeks(1, |_| 100);
        assert_eq!(pass(&mut young, WEEK, 5000), (None, None));
        let mut hours = weeks(2, |_| 100);
        // Down for three hours, and back in the middle of one.
        let back = 2 * WEEK + 3;
        assert_eq!(hours.advance(back * HOUR_SECONDS + 1800), None);
        assert_eq!((hours.at(back - 1), hours.at(back - 4), hours.at(back - 5)), (None, None, Some(100)));
        assert_eq!(hours.advance((back + 1) * HOUR_SECONDS), None, "half an hour is not judged");
        let mut off = weeks(2, |_| 100);
        let _ = off.advance(2 * WEEK * HOUR_SECONDS);
        off.interrupt();
        assert_eq!(pass(&mut off, 2 * WEEK + 1, 0).0, None);
    }

    #[test]
    fn clocks_may_jump() {
        let mut hours = weeks(2, |_| 100);
        let before = hours.clone();
        assert_eq!(hours.advance(5), None);
        assert_eq!(hours, before, "a clock that is set back stands still");
        assert_eq!(hours.advance(i64::MAX), None);
        assert!(hours.counts.iter().all(|count| *count == UNKNOWN));
    }
}
