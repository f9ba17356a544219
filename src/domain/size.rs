//! Sizes, durations and rates as the configuration writes them.
//!
//! Invariants: a value that exists is inside the bounds of its grammar; arithmetic does not overflow.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Why a text is no size, duration or rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The number is missing, not whole, or too large.
    #[error("must start with a whole number that fits")]
    Number,
    /// The unit is unknown.
    #[error("must end in {units}")]
    Unit {
        /// The units that exist.
        units: &'static str,
    },
    /// Zero where zero has no meaning.
    #[error("must not be zero")]
    Zero,
}

/// A number of bytes: `<int>(B|KiB|MiB|GiB)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// As a length in memory.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (number, unit) = split(text)?;
        let scale = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(QuantityError::Unit { units: "B, KiB, MiB or GiB" }),
        };
        number.checked_mul(scale).map(Self).ok_or(QuantityError::Number)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.iter().find(|(scale, _)| self.0 >= *scale && self.0.is_multiple_of(*scale)) {
            Some((scale, unit)) => write!(formatter, "{}{unit}", self.0 / scale),
            None => write!(formatter, "{}B", self.0),
        }
    }
}

/// Parses `<int>(ms|s|m|h|d)`.
///
/// # Errors
/// [`QuantityError`] when the number or the unit is wrong.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let (number, unit) = split(text)?;
    let scale_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(QuantityError::Unit { units: "ms, s, m, h or d" }),
    };
    let total_ms = number.checked_mul(scale_ms).ok_or(QuantityError::Number)?;
    // A century bounds every sum made of durations far below what time arithmetic holds.
    if total_ms > 100 * 366 * 86_400_000 {
        return Err(QuantityError::Number);
    }
    Ok(Duration::from_millis(total_ms))
}

/// Writes a duration in the grammar that [`parse_duration`] reads, in the largest unit that is exact.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let total_ms = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    match units.iter().find(|(scale, _)| total_ms >= *scale && total_ms.is_multiple_of(*scale)) {
        Some((scale, unit)) => format!("{}{unit}", total_ms / scale),
        None => format!("{total_ms}ms"),
    }
}

/// A rate: so many in a period, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many, at least one.
    pub count: u32,
    /// In what time.
    pub period: Duration,
    /// How many at once, at least one.
    pub burst: u32,
}

/// Parses `<int>/(s|m|h)` into a count and a period.
///
/// # Errors
/// [`QuantityError`] when the number is zero or the unit is wrong.
pub fn parse_rate(text: &str) -> Result<(u32, Duration), QuantityError> {
    let (number, unit) = split(text)?;
    let seconds = match unit {
        "/s" => 1,
        "/m" => 60,
        "/h" => 3600,
        _ => return Err(QuantityError::Unit { units: "/s, /m or /h" }),
    };
    let count = u32::try_from(number).map_err(|_| QuantityError::Number)?;
    if count == 0 {
        return Err(QuantityError::Zero);
    }
    Ok((count, Duration::from_secs(seconds)))
}

fn split(text: &str) -> Result<(u64, &str), QuantityError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(QuantityError::Number)?;
    let number = number.parse().map_err(|_| QuantityError::Number)?;
    Ok((number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_durations_and_rates_follow_their_grammar() {
        assert_eq!("1MiB".parse(), Ok(ByteSize(1 << 20)));
        assert_eq!(ByteSize(1536).to_string(), "1536B");
        assert_eq!(ByteSize(25 << 20).to_string(), "25MiB");
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(format_duration(Duration::from_secs(300)), "5m");
        assert_eq!(parse_rate("1/s"), Ok((1, Duration::from_secs(1))));
        for bad in ["", "5", "m", "-5m", "5 m", "5M", "1.5m", "99999999999999999999m", "99999999d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_rate("0/s"), Err(QuantityError::Zero));
        assert!("1MB".parse::<ByteSize>().is_err());
    }
}
