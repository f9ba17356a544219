//! Checked settings of replay protection.

use std::path::PathBuf;
use std::time::Duration;

use crate::secrets::spec::SecretSource;

/// The store and its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaySpec {
    /// Which store.
    pub store: StoreSpec,
    /// Claims held at once. Redis has its own bound.
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
    /// In Redis or Valkey, shared by all replicas.
    Redis(RedisSpec),
}

/// Where Redis is, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSpec {
    /// Where its URL is read from: a password may stand in it.
    pub url: SecretSource,
    /// What every key begins with.
    pub prefix: String,
    /// The deadline of every call.
    pub timeout: Duration,
    /// What its certificate is trusted by; the system's roots where absent.
    pub ca: Option<PathBuf>,
}

/// What a store without history does about deliveries that it could have forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColdStart {
    /// Refuse those signed before it began.
    Refuse,
    /// Take them.
    Accept,
}
