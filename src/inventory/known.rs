//! A bounded list of what was seen, each with when and how often. pure
//!
//! Invariants: what was seen before costs a comparison or a few and no memory; when the list is full the one that was not seen
//! for longest makes room, and that is counted.

use std::borrow::Borrow;

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<K> {
    /// What.
    pub key: K,
    /// When first, in Unix seconds.
    pub first: i64,
    /// When last.
    pub last: i64,
    /// How often.
    pub count: u64,
}

/// The list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<K> {
    entries: Vec<Seen<K>>,
    most: usize,
    /// How many had to make room.
    forgotten: u64,
    /// Where the last one was found: the next one often is the same.
    recent: usize,
}

impl<K> Known<K> {
    /// An empty list of at most so many.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { entries: Vec::new(), most, forgotten: 0, recent: 0 }
    }

    /// The list as it was kept.
    pub(super) fn restored(most: usize, entries: Vec<Seen<K>>, forgotten: u64) -> Self {
        Self { entries, most, forgotten, recent: 0 }
    }

    /// Everything seen, in no order.
    #[must_use]
    pub fn entries(&self) -> &[Seen<K>] {
        &self.entries
    }

    /// How many had to make room.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many were first seen from a time on.
    #[must_use]
    pub fn first_seen_since(&self, time: i64) -> usize {
        self.entries.iter().filter(|seen| seen.first >= time).count()
    }

    /// Notes one that was seen; `true` when it never was before, as far as the list goes.
    pub(super) fn see<Q>(&mut self, key: &Q, at: i64) -> bool
    where
        K: Borrow<Q> + for<'q> From<&'q Q>,
        Q: PartialEq + ?Sized,
    {
        let is_recent = self.entries.get(self.recent).is_some_and(|seen| seen.key.borrow() == key);
        if !is_recent {
            let Some(index) = self.entries.iter().position(|seen| seen.key.borrow() == key) else {
                self.insert(K::from(key), at);
                return true;
            };
            self.recent = index;
        }
        if let Some(seen) = self.entries.get_mut(self.recent) {
            (seen.last, seen.count) = (seen.last.max(at), seen.count.saturating_add(1));
        }
        false
    }

    fn insert(&mut self, key: K, at: i64) {
        let seen = Seen { key, first: at, last: at, count: 1 };
        if self.entries.len() < self.most {
            self.recent = self.entries.len();
            self.entries.push(seen);
            return;
        }
        let oldest = self.entries.iter().enumerate().min_by_key(|(_, seen)| seen.last).map_or(0, |(index, _)| index);
        if let Some(place) = self.entries.get_mut(oldest) {
            *place = seen;
            (self.recent, self.forgotten) = (oldest, self.forgotten.saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_again_is_counted_and_the_oldest_makes_room() {
        let mut known: Known<Box<str>> = Known::new(2);
        assert!(known.see("a", 1) && known.see("b", 2) && !known.see("a", 3) && !known.see("a", 2));
        assert!(known.see("c", 4), "b makes room");
        let seen: Vec<_> = known.entries().iter().map(|seen| (&*seen.key, seen.first, seen.last, seen.count)).collect();
        assert_eq!(seen, [("a", 1, 3, 3), ("c", 4, 4, 1)]);
        assert_eq!((known.forgotten(), known.first_seen_since(4)), (1, 1));
    }
}
