//! The window around now in which a signed time must lie: two-sided, both edges inside.
//!
//! Now is rounded down to the timestamp's own unit first (a date counts in milliseconds), so that a delivery of `t` is taken while
//! `|floor(now) - t| <= tolerance`.

use std::time::Duration;

use super::error::VerifyError;
use super::sent_time::SentTime;
use crate::domain::time::UnixTime;

/// Judges a signed time.
pub(super) fn judge(sent_at: &SentTime, tolerance: Duration, now: UnixTime) -> Result<(), VerifyError> {
    let millis = |time: UnixTime| time.micros().div_euclid(1000);
    let (now, sent, tolerance, scale_ms) = if sent_at.is_seconds() {
        (now.seconds(), sent_at.time().seconds(), tolerance.as_secs(), 1000)
    } else {
        (millis(now), millis(sent_at.time()), u64::try_from(tolerance.as_millis()).unwrap_or(u64::MAX), 1)
    };
    let distance = now.abs_diff(sent);
    let distance_ms = distance.saturating_mul(scale_ms);
    let tolerance_ms = tolerance.saturating_mul(scale_ms);
    match (distance <= tolerance, now < sent) {
        (true, _) => Ok(()),
        (false, false) => Err(VerifyError::TimestampTooOld { age_ms: distance_ms, tolerance_ms }),
        (false, true) => Err(VerifyError::TimestampInFuture { ahead_ms: distance_ms, tolerance_ms }),
    }
}

/// From when on no clock could accept a time again: signed time and tolerance, and the second that rounding gives.
pub(super) fn acceptable_until(sent_at: &SentTime, tolerance: Duration) -> UnixTime {
    sent_at.time().plus(tolerance).plus(Duration::from_secs(1))
}
