//! A time as sent: its text goes into the content, its value into the window.
//!
//! Invariants: exactly ten digits for seconds, thirteen for milliseconds, the first not zero; or RFC 3339 in its one strict
//! spelling: upper-case letters, a zone unless the scheme can do without, at most nine digits of the second. One spelling of
//! each time in digits, nothing that could overflow, and no time that is the beginning or end of another.

use super::error::VerifyError;
use crate::domain::head::Received;
use crate::domain::time::UnixTime;
use crate::provider::locate::{self, Pointer};
use crate::provider::scheme::{Locator, TimestampUnit};

const SECONDS_DIGITS: usize = 10;
const MILLISECONDS_DIGITS: usize = 13;

/// `2026-11-22T01:02:03.123456789+00:00`.
const TEXT_BYTES_MAX: usize = 35;

/// The shape of a date and time of day: a zero stands for any digit.
const DATE_TIME: &[u8] = b"0000-00-00T00:00:00";

/// A well-formed timestamp.
#[derive(Clone, Debug)]
pub(super) struct SentTime {
    text: [u8; TEXT_BYTES_MAX],
    length: usize,
    unit: TimestampUnit,
    time: UnixTime,
}

impl SentTime {
    /// Reads the text; `None` for anything else.
    pub(super) fn parse(text: &[u8], unit: TimestampUnit) -> Option<Self> {
        let time = match unit {
            TimestampUnit::Seconds => UnixTime::from_seconds(digits(text, SECONDS_DIGITS)?),
            TimestampUnit::Milliseconds => UnixTime::from_millis(digits(text, MILLISECONDS_DIGITS)?),
            TimestampUnit::Rfc3339 => date(text, false)?,
            TimestampUnit::Rfc3339Utc => date(text, true)?,
        };
        let mut own = [0; TEXT_BYTES_MAX];
        own.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { text: own, length: text.len(), unit, time })
    }

    /// As sent.
    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// Whether it is in whole seconds; else it is judged by milliseconds.
    pub(super) const fn is_seconds(&self) -> bool {
        matches!(self.unit, TimestampUnit::Seconds)
    }

    /// As a time.
    pub(super) const fn time(&self) -> UnixTime {
        self.time
    }
}

fn digits(text: &[u8], length: usize) -> Option<i64> {
    if text.len() != length || !text.iter().all(u8::is_ascii_digit) || text.starts_with(b"0") {
        return None;
    }
    Some(text.iter().fold(0, |number: i64, digit| number.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0')))))
}

fn date(text: &[u8], may_lack_zone: bool) -> Option<UnixTime> {
    let (date_time, rest) = text.split_at_checked(DATE_TIME.len())?;
    let zone = match rest.strip_prefix(b".") {
        None => rest,
        Some(rest) => {
            let fraction = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            rest.get(fraction..).filter(|_| (1..=9).contains(&fraction))?
        }
    };
    if !has_shape(date_time, DATE_TIME) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    match zone {
        b"" if may_lack_zone => format!("{text}Z").parse().ok(),
        b"Z" => text.parse().ok(),
        [b'+' | b'-', offset @ ..] if has_shape(offset, b"00:00") => text.parse().ok(),
        _ => None,
    }
}

fn has_shape(text: &[u8], shape: &[u8]) -> bool {
    let fits = |(byte, like): (&u8, &u8)| if *like == b'0' { byte.is_ascii_digit() } else { byte == like };
    text.len() == shape.len() && text.iter().zip(shape).all(fits)
}

/// The time in a member of the body, which the signature covers with the rest of it.
pub(super) fn member_time(pointer: &Pointer, unit: TimestampUnit, received: &Received) -> Result<Option<SentTime>, VerifyError> {
    parsed(locate::member(pointer, &received.body), unit)
}

/// The time in a field of the body, which the signature covers by itself or with the rest of it.
pub(super) fn field_time(place: &Locator, unit: TimestampUnit, received: &Received) -> Result<Option<SentTime>, VerifyError> {
    parsed(locate::find(&[place], &received.head, &received.body).pop().flatten(), unit)
}

fn parsed(text: Option<String>, unit: TimestampUnit) -> Result<Option<SentTime>, VerifyError> {
    let Some(text) = text else { return Ok(None) };
    SentTime::parse(text.as_bytes(), unit).map(Some).ok_or(VerifyError::TimestampMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_one_strict_shape() {
        let cases = [
            ("2026-11-22T01:02:03Z", Some(1_795_309_323_000_000)),
            ("2026-11-22T01:02:03.5Z", Some(1_795_309_323_500_000)),
            ("2026-11-22T01:02:03.123456789+01:00", Some(1_795_305_723_123_456)),
            ("2026-11-22T01:02:03", None),
            ("2026-11-22t01:02:03Z", None),
            ("2026-11-22 01:02:03Z", None),
            ("2026-11-22T01:02:03z", None),
            ("2026-11-22T01:02:03.Z", None),
            ("2026-11-22T01:02:03.1234567890Z", None),
            ("2026-11-22T01:02:03+0100", None),
            ("2026-13-22T01:02:03Z", None),
            ("2026-11-22T25:02:03Z", None),
            ("02026-11-22T01:02:03Z", None),
            ("1795309323", None),
            ("", None),
        ];
        for (text, micros) in cases {
            let sent_at = SentTime::parse(text.as_bytes(), TimestampUnit::Rfc3339);
            assert_eq!(sent_at.as_ref().map(|sent_at| sent_at.time().micros()), micros, "{text}");
            assert!(sent_at.is_none_or(|sent_at| sent_at.text() == text.as_bytes()));
        }
        let zoneless = SentTime::parse(b"2026-11-22T01:02:03.5", TimestampUnit::Rfc3339Utc).unwrap();
        assert_eq!((zoneless.time().micros(), zoneless.text()), (1_795_309_323_500_000, &b"2026-11-22T01:02:03.5"[..]));
    }
}
