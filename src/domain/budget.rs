//! A budget: a rate with a burst, spent one by one. GCRA by `governor`, with the present instant as an argument.
//!
//! Invariants:
//! 1. Never more than `burst` at once, and never more than `rate × time + burst` over any time.
//! 2. The budget reads no clock: it is told the time, and a time earlier than one it was told counts as that one.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};

use super::retry_after::RetryAfter;
use super::size::Rate;
use super::time::Monotonic;

type Limiter = RateLimiter<NotKeyed, InMemoryState, ToldTime, StateInformationMiddleware>;

/// One rate's budget. Shared by reference; spending is one atomic exchange.
#[derive(Debug)]
pub struct Budget {
    limiter: Limiter,
    interval: Duration,
    /// Until when nothing can be spent, in nanoseconds of the monotonic clock; zero when there is something.
    empty_until: AtomicU64,
}

/// The budget has nothing left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget is spent for another {retry_after} s")]
pub struct Spent {
    /// When there is one again.
    pub retry_after: RetryAfter,
}

impl Budget {
    /// A full budget.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let interval = interval(rate);
        let limiter = RateLimiter::direct_with_clock(quota(interval, rate.burst), ToldTime::default());
        Self { limiter: limiter.with_middleware(), interval, empty_until: AtomicU64::new(0) }
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`Spent`] when there is none; nothing is taken then.
    pub fn spend(&self, now: Monotonic) -> Result<(), Spent> {
        let told = self.limiter.clock().tell(now);
        match self.limiter.check() {
            Ok(left) => {
                if left.remaining_burst_capacity() == 0 {
                    self.mark_empty(told, self.interval);
                }
                Ok(())
            }
            Err(refusal) => Err(self.refuse(&refusal, told)),
        }
    }

    /// Whether nothing could be spent now.
    #[must_use]
    pub fn is_empty(&self, now: Monotonic) -> bool {
        nanos(now.as_duration()) < self.empty_until.load(Ordering::Relaxed)
    }

    /// How long an untouched budget takes to be full again, so that forgetting it changes nothing.
    #[must_use]
    pub fn refill_time(rate: Rate) -> Duration {
        quota(interval(rate), rate.burst).burst_size_replenished_in()
    }

    fn refuse(&self, refusal: &NotUntil<Duration>, told: Duration) -> Spent {
        let wait = refusal.wait_time_from(told);
        self.mark_empty(told, wait);
        Spent { retry_after: RetryAfter::new(wait) }
    }

    fn mark_empty(&self, told: Duration, wait: Duration) {
        self.empty_until.fetch_max(nanos(told.saturating_add(wait)), Ordering::Relaxed);
    }
}

impl From<Rate> for Budget {
    fn from(rate: Rate) -> Self {
        Self::new(rate)
    }
}

/// Time between two of a rate; a rate faster than one a nanosecond is one a nanosecond.
fn interval(rate: Rate) -> Duration {
    (rate.period / rate.count.max(1)).max(Duration::from_nanos(1))
}

/// Ten years of burst bound the limiter's own arithmetic far below its limits.
fn quota(interval: Duration, burst: u32) -> Quota {
    const TEN_YEARS_NANOS: u64 = 10 * 366 * 86_400 * 1_000_000_000;
    let bound = TEN_YEARS_NANOS / nanos(interval).max(1);
    let burst = burst.min(u32::try_from(bound).unwrap_or(u32::MAX));
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(interval).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The clock the limiter sees: the latest instant it was told.
#[derive(Debug, Default)]
struct ToldTime(AtomicU64);

impl ToldTime {
    fn tell(&self, now: Monotonic) -> Duration {
        let now = nanos(now.as_duration());
        Duration::from_nanos(self.0.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

impl Clock for ToldTime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(count: u32, seconds: u64, burst: u32) -> Rate {
        Rate { count, period: Duration::from_secs(seconds), burst }
    }

    fn at(millis: u64) -> Monotonic {
        Monotonic::from_duration(Duration::from_millis(millis))
    }

    #[test]
    fn a_burst_then_one_an_interval() {
        let budget = Budget::new(rate(2, 1, 3));
        assert!((0..3).all(|_| budget.spend(at(5000)).is_ok()));
        assert!(budget.is_empty(at(5000)));
        assert_eq!(budget.spend(at(5000)), Err(Spent { retry_after: RetryAfter::new(Duration::from_millis(500)) }));
        assert!(!budget.is_empty(at(5500)));
        assert_eq!(budget.spend(at(5500)), Ok(()));
        assert!(budget.spend(at(5600)).is_err());
        assert!((0..3).all(|_| budget.spend(at(60_000)).is_ok()));
        assert!(budget.spend(at(60_000)).is_err());
    }

    #[test]
    fn it_is_empty_as_soon_as_the_last_is_spent() {
        let budget = Budget::new(rate(1, 60, 2));
        assert_eq!(budget.spend(at(1000)), Ok(()));
        assert!(!budget.is_empty(at(1000)));
        assert_eq!(budget.spend(at(1000)), Ok(()));
        assert!(budget.is_empty(at(1000)));
        let refusal = budget.spend(at(1000)).unwrap_err();
        assert_eq!(refusal.retry_after.seconds(), 60);
    }

    #[test]
    fn rl_09_a_time_that_goes_back_earns_nothing() {
        let budget = Budget::new(rate(1, 1, 1));
        assert_eq!(budget.spend(at(10_000)), Ok(()));
        assert!(budget.spend(at(1000)).is_err());
        assert!(budget.spend(at(10_999)).is_err());
        assert_eq!(budget.spend(at(11_000)), Ok(()));
    }

    #[test]
    fn extreme_rates_do_not_overflow() {
        for extreme in [rate(u32::MAX, 1, u32::MAX), rate(1, 3600, u32::MAX), rate(1, 1, 1)] {
            let budget = Budget::new(extreme);
            assert_eq!(budget.spend(at(1)), Ok(()), "{extreme:?}");
            assert!(Budget::refill_time(extreme) > Duration::ZERO, "{extreme:?}");
        }
    }
}
