//! Checked settings of reading bodies.

use std::time::Duration;

/// Bounds of all bodies together and of each one's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntakeLimits {
    /// All buffered bodies together; one source holds at most an eighth of it unverified.
    pub max_inflight_bytes: u64,
    /// From the first poll of a body to its last byte; and at least 4 KiB/s after 2 s.
    pub body_timeout: Duration,
}
