//! A time as sent: its text goes into the content, its value into the window.
//!
//! Invariants: exactly ten digits for seconds, thirteen for milliseconds, the first not zero: one spelling of each time, a
//! fixed width, and nothing that could overflow.

use crate::domain::time::UnixTime;
use crate::provider::scheme::TimestampUnit;

const SECONDS_DIGITS: usize = 10;
const MILLISECONDS_DIGITS: usize = 13;

/// A well-formed timestamp.
#[derive(Clone, Debug)]
pub(super) struct SentTime {
    text: [u8; MILLISECONDS_DIGITS],
    length: usize,
    unit: TimestampUnit,
    value: i64,
}

impl SentTime {
    /// Reads the digits; `None` for anything else.
    pub(super) fn parse(text: &[u8], unit: TimestampUnit) -> Option<Self> {
        let length = match unit {
            TimestampUnit::Seconds => SECONDS_DIGITS,
            TimestampUnit::Milliseconds => MILLISECONDS_DIGITS,
        };
        if text.len() != length || !text.iter().all(u8::is_ascii_digit) || text.starts_with(b"0") {
            return None;
        }
        let value = std::str::from_utf8(text).ok()?.parse().ok()?;
        let mut digits = [0; MILLISECONDS_DIGITS];
        digits.get_mut(..length)?.copy_from_slice(text);
        Some(Self { text: digits, length, unit, value })
    }

    /// As sent.
    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// The unit of [`Self::value`].
    pub(super) const fn unit(&self) -> TimestampUnit {
        self.unit
    }

    /// In its unit.
    pub(super) const fn value(&self) -> i64 {
        self.value
    }

    /// As a time.
    pub(super) const fn time(&self) -> UnixTime {
        match self.unit {
            TimestampUnit::Seconds => UnixTime::from_seconds(self.value),
            TimestampUnit::Milliseconds => UnixTime::from_millis(self.value),
        }
    }
}
