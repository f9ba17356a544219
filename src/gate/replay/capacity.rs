//! How long a capacity lasts at given rates. Pure.
//!
//! 1. A delivery has a place for as long as it is remembered. At a steady rate an integration needs a place for each delivery of
//!    that time, and for its burst.
//! 2. Rates that need no more places than there are can go on for good. Others fill the store, the fastest and longest
//!    remembered first, and the time until then is known to the second.
//! 3. The division of the last tenth is left out: it decides who is refused first, not when there is no place.

use std::time::Duration;

use crate::domain::size::Rate;

/// What one integration asks of the store at its full rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// How often it takes a place.
    pub rate: Rate,
    /// How long each place is taken: the tolerance where a time is signed, else the window.
    pub remembered: Duration,
}

/// How long a capacity lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// It is never full.
    ForGood {
        /// The most places that are taken at once.
        places: u64,
    },
    /// It is full after so long.
    For(Duration),
}

/// How long a capacity lasts if every integration takes deliveries at its full rate from now on.
#[must_use]
pub fn lasting(capacity: u64, demands: &[Demand]) -> Lasting {
    let longest = demands.iter().map(|demand| whole_seconds(demand.remembered)).max().unwrap_or(0);
    let most = places_after(longest, demands);
    if most <= u128::from(capacity) {
        return Lasting::ForGood { places: u64::try_from(most).unwrap_or(u64::MAX) };
    }
    // Places only grow with time: the last second at which there is room lies between.
    let (mut fits, mut full) = (0, longest);
    while full - fits > 1 {
        let middle = u64::midpoint(fits, full);
        if places_after(middle, demands) <= u128::from(capacity) {
            fits = middle;
        } else {
            full = middle;
        }
    }
    Lasting::For(Duration::from_secs(fits))
}

/// The places that are taken after so many seconds at full rate.
fn places_after(seconds: u64, demands: &[Demand]) -> u128 {
    demands.iter().map(|demand| demand.places_after(seconds)).fold(0, u128::saturating_add)
}

impl Demand {
    fn places_after(&self, seconds: u64) -> u128 {
        let seconds = u128::from(seconds.min(whole_seconds(self.remembered)));
        let period = u128::from(self.rate.period.as_secs().max(1));
        let steady = u128::from(self.rate.count).saturating_mul(seconds).div_ceil(period);
        steady.saturating_add(u128::from(self.rate.burst))
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(count: u32, period: u64, burst: u32, remembered: u64) -> Demand {
        let rate = Rate { count, period: Duration::from_secs(period), burst };
        Demand { rate, remembered: Duration::from_secs(remembered) }
    }

    #[test]
    fn what_fits_lasts_for_good_and_what_does_not_is_timed() {
        let (day, minutes) = (86_400, 300);
        let hours = |hours: u64| Lasting::For(Duration::from_secs(3600 * hours));
        let table = [
            ("nobody", 10, vec![], Lasting::ForGood { places: 0 }),
            ("timed", 10_000_000, vec![demand(500, 1, 1000, minutes)], Lasting::ForGood { places: 151_000 }),
            ("exactly", 864_001, vec![demand(10, 1, 1, day)], Lasting::ForGood { places: 864_001 }),
            ("one short", 864_000, vec![demand(10, 1, 1, day)], Lasting::For(Duration::from_secs(day - 1))),
            ("an hour of a day", 36_001, vec![demand(10, 1, 1, day)], hours(1)),
            ("by the minute", 6001, vec![demand(100, 60, 1, day)], hours(1)),
            // The timed one is level after five minutes at 3000 places; the other takes the rest.
            ("both", 3002 + 7200, vec![demand(10, 1, 1, minutes), demand(1, 1, 1, day)], hours(2)),
            ("a burst is too much", 4, vec![demand(1, 3600, 5, day)], Lasting::For(Duration::ZERO)),
            ("no places", 0, vec![demand(1, 3600, 1, 1)], Lasting::For(Duration::ZERO)),
        ];
        for (what, capacity, demands, expected) in table {
            assert_eq!(lasting(capacity, &demands), expected, "{what}");
        }
    }

    #[test]
    fn the_ends_of_the_numbers_have_answers() {
        let most = demand(u32::MAX, 1, u32::MAX, u64::MAX);
        assert!(matches!(lasting(u64::MAX, &[most; 4]), Lasting::For(time) if time > Duration::from_secs(1 << 29)));
        let never = demand(1, 0, 1, 0);
        assert_eq!(lasting(1, &[never]), Lasting::ForGood { places: 1 });
        let part = Demand { remembered: Duration::from_millis(1), ..demand(1, 1, 1, 0) };
        assert_eq!(lasting(9, &[part]), Lasting::ForGood { places: 2 });
    }
}
