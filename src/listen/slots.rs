//! Connection slots: how many connections there may be at once, all together and of one source.
//!
//! Taken before a byte is read, given back when dropped. The table of sources holds only those that have a connection, so
//! it is never longer than all slots.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;

use super::counters::ListenCounters;
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
    pub(super) fn take(self: &Arc<Self>, source: SourceKey) -> Option<Slot> {
        if !self.taken.lock().try_take(source, self.max, self.max_per_source) {
            self.counters.refused();
            return None;
        }
        self.counters.opened();
        Some(Slot { slots: Arc::clone(self), source })
    }
}

impl Taken {
    fn try_take(&mut self, source: SourceKey, max: usize, max_per_source: usize) -> bool {
        let held = self.by_source.get(&source).copied().unwrap_or(0);
        if self.all >= max || held >= max_per_source {
            return false;
        }
        self.by_source.insert(source, held.saturating_add(1));
        self.all = self.all.saturating_add(1);
        true
    }

    fn give_back(&mut self, source: SourceKey) {
        self.all = self.all.saturating_sub(1);
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
    source: SourceKey,
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
            linger_bytes: 0,
        };
        let counters = Arc::new(ListenCounters::default());
        (Slots::new(&limits, Arc::clone(&counters)), counters)
    }

    fn key(text: &str) -> SourceKey {
        Source::new(text.parse().unwrap()).limit_key()
    }

    #[test]
    fn a_source_and_all_together_are_bounded_and_slots_come_back() {
        let (slots, counters) = slots(3, 2);
        let first = slots.take(key("192.0.2.1")).unwrap();
        let _second = slots.take(key("::ffff:192.0.2.1")).unwrap();
        assert!(slots.take(key("192.0.2.1")).is_none(), "its own are taken");
        let _third = slots.take(key("192.0.2.2")).unwrap();
        assert!(slots.take(key("192.0.2.3")).is_none(), "all are taken");
        drop(first);
        let fourth = slots.take(key("192.0.2.1")).unwrap();
        assert_eq!((counters.open_connections(), counters.refused_connections()), (3, 2));
        drop(fourth);
        assert_eq!(slots.taken.lock().by_source.len(), 2);
    }
}
