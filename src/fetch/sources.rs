//! What is fetched again and again: when each is due, and whether it came.
//!
//! 1. What is new is due at once; what came is due after [`REFRESH_EVERY`]; what failed is tried again after [`RETRY_FIRST`],
//!    then after twice as long each time, up to [`RETRY_MOST`].
//! 2. What is not wanted any more is forgotten.
//! 3. Nobody waits for any of this: what came last is good until something better comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::https_url::HttpsUrl;
use crate::domain::time::{Monotonic, Now, UnixTime};

/// How old what came may become before it is asked for again.
pub const REFRESH_EVERY: Duration = Duration::from_secs(3600);
/// How soon a failure is followed by another attempt.
pub const RETRY_FIRST: Duration = Duration::from_secs(5);
/// How late at most.
pub const RETRY_MOST: Duration = Duration::from_secs(600);

/// All sources of a gateway; as many as its configuration names.
#[derive(Debug, Default)]
pub struct Sources {
    states: Mutex<BTreeMap<HttpsUrl, State>>,
    failures: AtomicU64,
}

#[derive(Debug)]
struct State {
    due: Monotonic,
    came: Option<UnixTime>,
    failed: Option<String>,
    failures_in_a_row: u32,
}

impl Sources {
    /// What is due of all that is wanted.
    #[must_use]
    pub fn due(&self, wanted: &BTreeSet<HttpsUrl>, now: Monotonic) -> Vec<HttpsUrl> {
        let mut states = self.states.lock();
        states.retain(|url, _| wanted.contains(url));
        for url in wanted {
            let new = || State { due: now, came: None, failed: None, failures_in_a_row: 0 };
            states.entry(url.clone()).or_insert_with(new);
        }
        let is_due = |state: &State| state.due.as_duration() <= now.as_duration();
        states.iter().filter(|(_, state)| is_due(state)).map(|(url, _)| url.clone()).collect()
    }

    /// Notes that it came and is good.
    pub fn came(&self, url: &HttpsUrl, now: Now) {
        if let Some(state) = self.states.lock().get_mut(url) {
            *state = State { due: now.monotonic.plus(REFRESH_EVERY), came: Some(now.wall), failed: None, failures_in_a_row: 0 };
        }
    }

    /// Notes that it did not come, or is not good.
    pub fn failed(&self, url: &HttpsUrl, why: String, now: Monotonic) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if let Some(state) = self.states.lock().get_mut(url) {
            let wait = RETRY_FIRST.saturating_mul(1 << state.failures_in_a_row.min(16)).min(RETRY_MOST);
            state.failures_in_a_row = state.failures_in_a_row.saturating_add(1);
            state.due = now.plus(wait);
            state.failed = Some(why);
        }
    }

    /// Those whose last attempt failed, and why.
    #[must_use]
    pub fn failing(&self) -> Vec<String> {
        let states = self.states.lock();
        let failing = states.iter().filter_map(|(url, state)| Some((url, state.failed.as_ref()?, state.came)));
        let told = failing.map(|(url, why, came)| match came {
            Some(came) => format!("{url}: {why}; what came {came} is used"),
            None => format!("{url}: {why}; nothing came yet"),
        });
        told.collect()
    }

    /// How many attempts failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        let monotonic = Monotonic::from_duration(Duration::from_secs(seconds));
        Now { wall: UnixTime::from_seconds(i64::try_from(seconds).unwrap()), monotonic }
    }

    #[test]
    fn what_is_due_follows_from_what_came() {
        let sources = Sources::default();
        let url: HttpsUrl = "https://keys.example.com/set".parse().unwrap();
        let wanted = BTreeSet::from([url.clone()]);
        let is_due = |second: u64| !sources.due(&wanted, at(second).monotonic).is_empty();
        assert!(is_due(0) && is_due(1));
        let mut second = 1;
        for wait in [5, 10, 20, 40, 80, 160, 320, 600, 600] {
            sources.failed(&url, "no answer".to_owned(), at(second).monotonic);
            assert!(!is_due(second + wait - 1) && is_due(second + wait), "{wait}");
            second += wait;
        }
        assert_eq!(sources.failing(), ["https://keys.example.com/set: no answer; nothing came yet"]);
        sources.came(&url, at(second));
        assert!(sources.failing().is_empty() && !is_due(second + 3599) && is_due(second + 3600));
        sources.failed(&url, "404".to_owned(), at(second).monotonic);
        assert!(sources.failing()[0].contains("404; what came") && is_due(second + 5));
        assert_eq!(sources.failures(), 10);
        assert!(sources.due(&BTreeSet::new(), at(second).monotonic).is_empty() && sources.failing().is_empty());
    }
}
