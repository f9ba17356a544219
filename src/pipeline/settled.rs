//! Which delivery a request settled, for an operator who wants it delivered once more.
//!
//! Invariants: the last [`SETTLED_MAX`] are known, those of this process only; the lock is held for moves of memory.

use std::collections::{HashMap, VecDeque};

use foldhash::quality::RandomState;
use parking_lot::Mutex;

use crate::domain::name::IntegrationName;
use crate::domain::request_id::RequestId;
use crate::gate::replay::key::Identity;

/// How many are known: some 15 MB.
pub const SETTLED_MAX: usize = 100_000;

/// The last settled deliveries.
#[derive(Debug)]
pub struct Settled {
    known: Mutex<Known>,
    max: usize,
}

#[derive(Debug, Default)]
struct Known {
    by_request: HashMap<RequestId, SettledDelivery, RandomState>,
    /// Oldest first.
    order: VecDeque<RequestId>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledDelivery {
    /// Whose.
    pub integration: IntegrationName,
    /// What the store knows it by.
    pub identity: Identity,
}

impl Default for Settled {
    fn default() -> Self {
        Self::bounded(SETTLED_MAX)
    }
}

impl Settled {
    /// Knows the last `max`.
    #[must_use]
    pub fn bounded(max: usize) -> Self {
        Self { known: Mutex::default(), max }
    }

    /// Notes one; the oldest makes room.
    pub fn note(&self, request_id: RequestId, delivery: SettledDelivery) {
        let mut known = self.known.lock();
        while known.order.len() >= self.max {
            let Some(oldest) = known.order.pop_front() else { break };
            known.by_request.remove(&oldest);
        }
        known.order.push_back(request_id);
        known.by_request.insert(request_id, delivery);
    }

    /// What a request settled.
    #[must_use]
    pub fn find(&self, request_id: &RequestId) -> Option<SettledDelivery> {
        self.known.lock().by_request.get(request_id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::UnixTime;

    #[test]
    fn the_oldest_makes_room() {
        let settled = Settled::bounded(2);
        let ids = [1, 2, 3].map(|second| RequestId::new(UnixTime::from_seconds(second)));
        let delivery = |byte| SettledDelivery { integration: "a".parse().unwrap(), identity: Identity::from_bytes([byte; 32]) };
        for (id, byte) in ids.iter().zip(1..) {
            settled.note(*id, delivery(byte));
        }
        assert_eq!(settled.find(&ids[0]), None);
        assert_eq!((settled.find(&ids[1]), settled.find(&ids[2])), (Some(delivery(2)), Some(delivery(3))));
        assert_eq!(settled.known.lock().order.len(), 2);
    }
}
