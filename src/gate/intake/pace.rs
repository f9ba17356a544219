//! How long a body may take. Pure.

use std::time::Duration;

/// When a body of which so much has arrived is too slow, counted from its first poll.
///
/// After a grace of two seconds the average may not fall under 4 KiB a second, so each 4 KiB buys another second, and
/// `body_timeout` ends it all.
pub(super) fn allowed(received_bytes: u64, body_timeout: Duration) -> Duration {
    let bought_ms = received_bytes.saturating_mul(1000) / BYTES_A_SECOND_MIN;
    GRACE.saturating_add(Duration::from_millis(bought_ms)).min(body_timeout)
}

const GRACE: Duration = Duration::from_secs(2);
const BYTES_A_SECOND_MIN: u64 = 4096;
