//! Checked settings of replay protection.

use std::time::Duration;

/// The store and its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaySpec {
    /// Which store.
    pub store: StoreSpec,
    /// Claims held at once.
    pub capacity: u64,
    /// How long a delivery without a signed time is remembered, unless its integration says otherwise.
    pub untimed_window: Duration,
    /// What happens to deliveries signed before a store without history began.
    pub cold_start: ColdStart,
}

/// Which store remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSpec {
    /// In this process, until it ends.
    Memory,
    /// In files under the state directory.
    Disk,
}

/// What a store without history does about deliveries that it could have forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColdStart {
    /// Refuse those signed before it began.
    Refuse,
    /// Take them.
    Accept,
}
