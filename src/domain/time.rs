//! Wall time, monotonic time, and the one clock everything else is handed its `now` from.
//!
//! Invariants: this is the only file that reads a clock. Arithmetic saturates: no timestamp a sender invents can overflow.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use super::short_text::ShortText;

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
        match (self.usual(), self.timestamp()) {
            (Some(text), _) => text.as_str().to_owned(),
            (None, Some(timestamp)) => format!("{timestamp:.6}"),
            (None, None) => self.0.to_string(),
        }
    }

    /// RFC 3339 in UTC with six digits of the second, without an allocation.
    #[must_use]
    pub fn short_micros(self) -> ShortText {
        self.usual().unwrap_or_else(|| spelled(&self.rfc3339_micros()))
    }

    /// What `Display` writes, without an allocation.
    #[must_use]
    pub fn short(self) -> ShortText {
        let Some(mut text) = self.usual() else { return spelled(&self.to_string()) };
        text.cut(b"Z".len());
        text.trim_zeros();
        if text.as_bytes().ends_with(b".") {
            text.cut(b".".len());
        }
        text.byte(b'Z');
        text
    }

    /// A time from 1970 to 9999, which is any that a clock says.
    fn usual(self) -> Option<ShortText> {
        let micros = u64::try_from(self.0).ok()?;
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (days, of_day) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
        let (year, month, day) = civil(days);
        if year > 9999 {
            return None;
        }
        let mut text = ShortText::new();
        text.padded::<4>(year);
        for (mark, number) in [(b'-', month), (b'-', day), (b'T', of_day / 3600), (b':', of_day / 60 % 60), (b':', of_day % 60)] {
            text.byte(mark);
            text.padded::<2>(number);
        }
        text.byte(b'.');
        text.padded::<6>(fraction);
        text.byte(b'Z');
        Some(text)
    }
}

const DAY_SECONDS: u64 = 86_400;

/// Year, month and day of a day since 1970, in years that begin in March: the day that comes and goes is their last.
const fn civil(days: u64) -> (u64, u64, u64) {
    const ERA_DAYS: u64 = 146_097;
    let day = days.saturating_add(719_468);
    let of_era = day % ERA_DAYS;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = day / ERA_DAYS * 400 + year_of_era + (month <= 2) as u64;
    (year, month, of_year - (153 * march_month + 2) / 5 + 1)
}

fn spelled(text: &str) -> ShortText {
    let mut short = ShortText::new();
    short.put(text.as_bytes());
    short
}

impl fmt::Display for UnixTime {
    /// RFC 3339 in UTC with as many digits as needed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.usual(), self.timestamp()) {
            (Some(_), _) => formatter.write_str(self.short().as_str()),
            (None, Some(timestamp)) => timestamp.fmt(formatter),
            (None, None) => self.0.fmt(formatter),
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

    proptest::proptest! {
        #[test]
        fn times_are_spelled_as_the_library_spells_them(micros in -70_000_000_000_000_000_i64..260_000_000_000_000_000, whole: bool) {
            let time = UnixTime::from_micros(if whole { micros / 1_000_000 * 1_000_000 } else { micros });
            let library = time.timestamp();
            let expected = library.map_or_else(|| time.0.to_string(), |timestamp| timestamp.to_string());
            proptest::prop_assert_eq!(time.to_string(), &*expected);
            proptest::prop_assert!(time.short().as_str() == expected);
            let expected = library.map_or_else(|| time.0.to_string(), |timestamp| format!("{timestamp:.6}"));
            proptest::prop_assert_eq!(time.rfc3339_micros(), &*expected);
            proptest::prop_assert!(time.short_micros().as_str() == expected);
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let last = UnixTime::from_micros(i64::MAX);
        assert_eq!(last.plus(Duration::from_secs(1)), last);
        assert_eq!(UnixTime::from_seconds(5).since(UnixTime::from_seconds(9)), Duration::ZERO);
        assert_eq!(UnixTime::from_micros(-1).seconds(), -1);
    }
}
