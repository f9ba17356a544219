//! Connection slots: how many connections there may be at once, all together and of one source.
//!
//! Taken before a byte is read, given back when dropped. The table of sources holds only those that have a connection, so
//! it is never longer than all slots. A connection of a trusted proxy is counted under no source, until a PROXY header says
//! whose it is.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;

use super::counters::{ListenCounters, ListenLimit};
use super::spec::ConnectionLimits;
use crate::domain::address::SourceKey;

/// All slots. Shared by every listener.
#[derive(Debug)]
pub(super) struct Slots {
    max: usize,
    max_per_source: usize,
    taken: Mutex<Taken>,
    counters: Arc<ListenCounters>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_source: HashMap<SourceKey, usize>,
}

impl Slots {
    pub(super) fn new(limits: &ConnectionLimits, counters: Arc<ListenCounters>) -> Arc<Self> {
        let (max, max_per_source) = (limits.max_connections, limits.max_connections_per_source);
        Arc::new(Self { max, max_per_source, taken: Mutex::default(), counters })
    }

    /// Takes a slot for a connection of this source, if there is one; else counts a refusal.
    pub(super) fn take(self: &Arc<Self>, source: Option<SourceKey>) -> Option<Slot> {
        let taken = self.taken.lock().try_take(source, self.max, self.max_per_source);
        if let Err(limit) = taken {
            self.counters.reached(limit);
            return None;
        }
        self.counters.opened();
        Some(Slot { slots: Arc::clone(self), source })
    }
}

impl Taken {
    fn try_take(&mut self, source: Option<SourceKey>, max: usize, max_per_source: usize) -> Result<(), ListenLimit> {
        if self.all >= max {
            return Err(ListenLimit::Connections);
        }
        if !source.is_none_or(|source| self.try_count(source, max_per_source)) {
            return Err(ListenLimit::ConnectionsPerSource);
        }
        self.all = self.all.saturating_add(1);
        Ok(())
    }

    fn try_count(&mut self, source: SourceKey, max_per_source: usize) -> bool {
        let held = self.by_source.get(&source).copied().unwrap_or(0);
        if held >= max_per_source {
            return false;
        }
        self.by_source.insert(source, held.saturating_add(1));
        true
    }

    fn give_back(&mut self, source: Option<SourceKey>) {
        self.all = self.all.saturating_sub(1);
        let Some(source) = source else { return };
        if let Entry::Occupied(mut held) = self.by_source.entry(source) {
            match held.get().saturating_sub(1) {
                0 => drop(held.remove()),
                less => *held.get_mut() = less,
            }
        }
    }
}

/// The right to have one connection open.
#[derive(Debug)]
#[must_use]
pub(super) struct Slot {
    slots: Arc<Slots>,
    source: Option<SourceKey>,
}

impl Slot {
    /// Counts a connection that a trusted proxy brought under the source that it named. False when that has all its own.
    pub(super) fn count_for(&mut self, source: SourceKey) -> bool {
        if self.source.is_some() {
            return true;
        }
        if !self.slots.taken.lock().try_count(source, self.slots.max_per_source) {
            self.slots.counters.reached(ListenLimit::ConnectionsPerSource);
            return false;
        }
        self.source = Some(source);
        true
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.taken.lock().give_back(self.source);
        self.slots.counters.closed();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::address::Source;

    fn slots(max: usize, max_per_source: usize) -> (Arc<Slots>, Arc<ListenCounters>) {
        let limits = ConnectionLimits {
            max_header_bytes: 16384,
            max_connections: max,
            max_connections_per_source: max_per_source,
            header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            quiet_after: Duration::from_secs(1),
            answer_timeout: Duration::from_secs(10),
            requests_max: 100_000,
            age_max: Duration::from_secs(3600),
            linger_bytes: 0,
        };
        let counters = Arc::new(ListenCounters::default());
        (Slots::new(&limits, Arc::clone(&counters)), counters)
    }

    /// How often all slots were taken, and how often those of one source.
    fn refused(counters: &ListenCounters) -> (u64, u64) {
        (counters.hits(ListenLimit::Connections), counters.hits(ListenLimit::ConnectionsPerSource))
    }

    fn key(text: &str) -> SourceKey {
        Source::new(text.parse().unwrap()).limit_key()
    }

    #[test]
    fn a_source_and_all_together_are_bounded_and_slots_come_back() {
        let (slots, counters) = slots(3, 2);
        let first = slots.take(Some(key("192.0.2.1"))).unwrap();
        let _second = slots.take(Some(key("::ffff:192.0.2.1"))).unwrap();
        assert!(slots.take(Some(key("192.0.2.1"))).is_none(), "its own are taken");
        let _third = slots.take(Some(key("192.0.2.2"))).unwrap();
        assert!(slots.take(Some(key("192.0.2.3"))).is_none(), "all are taken");
        drop(first);
        let fourth = slots.take(Some(key("192.0.2.1"))).unwrap();
        assert_eq!(counters.open_connections(), 3);
        assert_eq!(refused(&counters), (1, 1));
        drop(fourth);
        assert_eq!(slots.taken.lock().by_source.len(), 2);
    }

    #[test]
    fn trusted_proxies_bring_connections_of_others() {
        let (slots, counters) = slots(4, 1);
        let mut brought = (0..3).map(|_| slots.take(None).unwrap()).collect::<Vec<_>>();
        assert!(brought[0].count_for(key("192.0.2.1")), "named, it is counted");
        assert!(!brought[1].count_for(key("192.0.2.1")), "its own is taken");
        assert!(brought[1].count_for(key("192.0.2.2")));
        assert!(slots.take(Some(key("192.0.2.1"))).is_none(), "whichever way it comes");
        let _fourth = slots.take(None).unwrap();
        assert!(slots.take(None).is_none(), "all together are bounded nevertheless");
        drop(brought);
        assert!(slots.take(Some(key("192.0.2.1"))).is_some());
        assert_eq!(refused(&counters), (1, 2));
        assert!(slots.taken.lock().by_source.is_empty());
    }
}
