//! How often something may begin within a minute. Pure.

use std::time::Duration;

use crate::domain::time::Monotonic;

const MINUTE: Duration = Duration::from_secs(60);

/// The minute at hand, which begins with the first that asks.
#[derive(Debug, Default)]
pub(super) struct Minute {
    began: Option<Monotonic>,
    count: u32,
}

impl Minute {
    /// Whether one more may begin, of so many a minute.
    pub(super) fn take(&mut self, most: u32, now: Monotonic) -> bool {
        if self.began.is_none_or(|began| now.since(began) >= MINUTE) {
            *self = Self { began: Some(now), count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= most
    }
}
