//! What an integration's deliveries are claimed with.

use std::sync::Arc;
use std::time::Duration;

use super::history::HistoryTerms;
use super::store::{ShareId, Store};

/// The store and one integration's settings of it.
#[derive(Clone, Debug)]
pub struct ReplayTerms {
    /// Shared by all integrations, and kept over reloads that leave its settings as they are.
    pub store: Arc<Store>,
    /// Its part of the capacity, as [`super::store::ReplayStore::divide`] gave it.
    pub share: ShareId,
    /// Whether replays are refused at all.
    pub protection: Protection,
    /// How long a claim is in flight if nobody ends it: longer than any attempt can last.
    pub lease: Duration,
    /// How long a claim whose attempt ended without an answer stays in flight: the upstream's timeout.
    pub lapse: Duration,
    /// What happens to deliveries from before the store's memory.
    pub history: HistoryTerms,
}

/// Whether an integration's replays are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// They are.
    On,
    /// They are not: the configuration says so, and `check` finds it.
    Off,
}
