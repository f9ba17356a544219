//! The harness: the real binary over real sockets, an upstream that does as it is told, and signers of our own.
//!
//! Nothing here goes through the library: what it checks must not be able to agree with itself.

pub(crate) mod audit;
pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod config;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod metrics;
pub(crate) mod operator;
pub(crate) mod process;
pub(crate) mod provider;
pub(crate) mod redis;
pub(crate) mod siege;
pub(crate) mod upstream;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The wall clock in whole seconds: what providers sign.
pub(crate) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    i64::try_from(since.as_secs()).expect("fits")
}

/// An id that no other test and no earlier run used.
pub(crate) fn fresh_id() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{:x}{:x}n{count}", since.as_nanos(), std::process::id())
}

/// Asks again and again until there is an answer; `None` when the time is up.
pub(crate) fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = ask() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
