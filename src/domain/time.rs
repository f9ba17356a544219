//! Wall time, monotonic time, and the one clock everything else is handed its `now` from.
//!
//! Invariants: this is the only file that reads a clock. Arithmetic saturates: no timestamp a sender invents can overflow.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

/// Wall time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

impl UnixTime {
    /// From whole microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// From whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Whole microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Later by a duration.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros_of(duration)))
    }

    /// Earlier by a duration.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros_of(duration)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    fn timestamp(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0).ok()
    }

    /// RFC 3339 in UTC with six digits of the second, for the audit log.
    #[must_use]
    pub fn rfc3339_micros(self) -> String {
        self.timestamp().map_or_else(|| self.0.to_string(), |timestamp| format!("{timestamp:.6}"))
    }
}

impl fmt::Display for UnixTime {
    /// RFC 3339 in UTC with as many digits as needed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timestamp() {
            Some(timestamp) => timestamp.fmt(formatter),
            None => self.0.fmt(formatter),
        }
    }
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither Unix seconds nor an RFC 3339 time with an offset")]
pub struct TimeError;

impl FromStr for UnixTime {
    type Err = TimeError;

    /// Unix seconds (digits) or RFC 3339.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Ok(seconds) = text.parse::<i64>() {
            return Ok(Self::from_seconds(seconds));
        }
        let timestamp = text.parse::<jiff::Timestamp>().map_err(|_| TimeError)?;
        Ok(Self(timestamp.as_microsecond()))
    }
}

fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Time that never goes back: since the process's clock was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(Duration);

impl Monotonic {
    /// A reading, as time since the clock was made.
    #[must_use]
    pub const fn from_duration(duration: Duration) -> Self {
        Self(duration)
    }

    /// Time since the clock was made.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// Later by a duration.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// One instant on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall's reading: what timestamps are judged by.
    pub wall: UnixTime,
    /// The monotonic reading: what deadlines and latencies are judged by.
    pub monotonic: Monotonic,
}

/// Where `now` comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clocks, from an anchor.
    System(Instant),
    /// A clock that stands until it is moved: tests and simulations.
    Manual(Arc<Mutex<Now>>),
}

impl Clock {
    /// The machine's clocks.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn system() -> Self {
        Self::System(Instant::now())
    }

    /// A clock that stands at a time.
    #[must_use]
    pub fn manual(wall: UnixTime) -> Self {
        let now = Now { wall, monotonic: Monotonic(Duration::from_secs(1)) };
        Self::Manual(Arc::new(Mutex::new(now)))
    }

    /// The present instant.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> Now {
        match self {
            Self::System(anchor) => {
                Now { wall: wall(SystemTime::now()), monotonic: Monotonic(Instant::now().duration_since(*anchor)) }
            }
            Self::Manual(now) => *now.lock(),
        }
    }

    /// Moves a manual clock on; the machine's own cannot be moved.
    pub fn advance(&self, duration: Duration) {
        if let Self::Manual(now) = self {
            let mut now = now.lock();
            now.wall = now.wall.plus(duration);
            now.monotonic = now.monotonic.plus(duration);
        }
    }

    /// Sets a manual clock's wall only: a step, as NTP or a resumed machine makes.
    pub fn step_wall(&self, wall: UnixTime) {
        if let Self::Manual(now) = self {
            now.lock().wall = wall;
        }
    }
}

fn wall(time: SystemTime) -> UnixTime {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => UnixTime(micros_of(after)),
        Err(before) => UnixTime(micros_of(before.duration()).saturating_neg()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_parse() {
        let expected = UnixTime::from_seconds(1_686_089_971);
        assert_eq!("1686089971".parse(), Ok(expected));
        assert_eq!("2023-06-06T22:19:31Z".parse(), Ok(expected));
        assert_eq!("2023-06-07T00:19:31+02:00".parse(), Ok(expected));
        assert_eq!("yesterday".parse::<UnixTime>(), Err(TimeError));
        assert_eq!(expected.rfc3339_micros(), "2023-06-06T22:19:31.000000Z");
    }

    #[test]
    fn arithmetic_saturates() {
        let last = UnixTime::from_micros(i64::MAX);
        assert_eq!(last.plus(Duration::from_secs(1)), last);
        assert_eq!(UnixTime::from_seconds(5).since(UnixTime::from_seconds(9)), Duration::ZERO);
        assert_eq!(UnixTime::from_micros(-1).seconds(), -1);
    }
}
