//! How long a refused sender is asked to wait: what `Retry-After` says.
//!
//! Invariants: whole seconds, rounded up, at least one; a sender that waits so long does not come back too early.

use std::fmt;
use std::time::Duration;

/// Whole seconds, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryAfter(u64);

impl RetryAfter {
    /// One second.
    pub const MIN: Self = Self(1);
    /// One minute.
    pub const MINUTE: Self = Self(60);

    /// Rounds a wait up.
    #[must_use]
    pub fn new(wait: Duration) -> Self {
        let begun = u64::from(wait.subsec_nanos() > 0);
        Self(wait.as_secs().saturating_add(begun).max(1))
    }

    /// The value of the header.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_round_up_and_are_never_zero() {
        let cases = [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_500, 60)];
        for (wait_ms, seconds) in cases {
            assert_eq!(RetryAfter::new(Duration::from_millis(wait_ms)).seconds(), seconds, "{wait_ms} ms");
        }
        assert_eq!(RetryAfter::new(Duration::MAX).seconds(), u64::MAX);
        assert_eq!(RetryAfter::new(Duration::ZERO).to_string(), "1");
    }
}
