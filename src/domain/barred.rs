//! Secrets that must not be used though the configuration has them. Thrown by an operator, asked by the judgement.
//!
//! Invariants: asking takes no lock, and next to nothing until the first bar; what is barred is barred for every request that
//! asks after [`Barred::set`] returned.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use super::name::SecretId;
use super::time::UnixTime;

/// The barred secrets of one integration. Shared by its keys, whatever configuration they came with, and its switch.
#[derive(Debug, Default)]
pub struct Barred {
    bars: ArcSwap<Vec<Bar>>,
    /// Whether there ever were any: set before the list is, and never cleared, so that no order of two changes can hide a bar.
    any: AtomicBool,
}

/// One barred secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which one.
    pub id: SecretId,
    /// Usable again from then on; never when absent.
    pub until: Option<UnixTime>,
}

impl Barred {
    /// Replaces the whole list.
    pub fn set(&self, bars: Vec<Bar>) {
        if !bars.is_empty() {
            self.any.store(true, Ordering::SeqCst);
        }
        self.bars.store(Arc::new(bars));
    }

    /// Whether a secret is barred now.
    #[must_use]
    pub fn has(&self, id: &SecretId, now: UnixTime) -> bool {
        self.any.load(Ordering::SeqCst)
            && self.bars.load().iter().any(|bar| bar.id == *id && bar.until.is_none_or(|until| now < until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_holds_until_its_end() {
        let (one, other): (SecretId, SecretId) = ("one".parse().unwrap(), "other".parse().unwrap());
        let barred = Barred::default();
        assert!(!barred.has(&one, UnixTime::from_seconds(0)));
        barred.set(vec![Bar { id: one.clone(), until: Some(UnixTime::from_seconds(10)) }]);
        assert!(barred.has(&one, UnixTime::from_seconds(9)));
        assert!(!barred.has(&one, UnixTime::from_seconds(10)));
        assert!(!barred.has(&other, UnixTime::from_seconds(0)));
        barred.set(vec![Bar { id: one.clone(), until: None }]);
        assert!(barred.has(&one, UnixTime::from_seconds(i64::MAX / 2_000_000)));
        barred.set(Vec::new());
        assert!(!barred.has(&one, UnixTime::from_seconds(0)));
    }
}
