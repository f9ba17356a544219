//! What the status page shows at one moment, and what of it changed since the last.
//!
//! Invariants: ids of secrets, never anything of their values; ages are left out of what is compared, or nothing would ever
//! be the same.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::traffic::{Hour, Traffic};
use crate::domain::reason::{Decision, Reason};
use crate::gate::replay::store::{ReplayStore as _, Store};
use crate::pipeline::site::Site;
use crate::server::inventory::InventoryEntry;
use crate::server::observe::Observed;
use crate::server::readiness::Readiness;
use crate::server::replicas::peer::Peer;

/// One integration on the page.
#[derive(Debug, Serialize)]
pub(crate) struct Item {
    #[serde(flatten)]
    pub(crate) entry: InventoryEntry,
    pub(crate) traffic: Hour,
}

/// Everything else on it.
#[derive(Debug, Serialize)]
pub(crate) struct Frame {
    pub(crate) at: String,
    pub(crate) version: &'static str,
    pub(crate) readiness: Readiness,
    pub(crate) can_change: bool,
    pub(crate) inflight: u64,
    pub(crate) replay: ReplayFill,
    /// Refused before an integration was found, by reason.
    pub(crate) unrouted: BTreeMap<&'static str, u64>,
    /// The order for all, if there is one.
    pub(crate) all_off: Option<String>,
    /// Everybody who shares the store; empty where nobody can.
    pub(crate) replicas: Vec<Peer>,
}

/// How full the replay store is.
#[derive(Debug, Serialize)]
pub(crate) struct ReplayFill {
    pub(crate) store: &'static str,
    pub(crate) entries: u64,
    /// Nought where the server's own memory is the bound.
    pub(crate) capacity: u64,
}

impl Frame {
    pub(crate) fn of(observed: &Observed, can_change: bool) -> Self {
        let site = observed.site();
        let now = site.shared.clock.now();
        Self {
            at: now.wall.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            readiness: observed.readiness(),
            can_change,
            inflight: site.shared.inflight.count(),
            replay: ReplayFill::of(&site),
            unrouted: unrouted(&site),
            replicas: observed.replicas().map(|replicas| replicas.peers()).unwrap_or_default(),
            all_off: site.shared.switches.all_off(now.wall).map(|order| order.why.as_str().to_owned()),
        }
    }
}

impl ReplayFill {
    fn of(site: &Site) -> Self {
        let store = &site.shared.store;
        let kind = match **store {
            Store::Memory(_) => "memory",
            Store::Disk(_) => "disk",
            Store::Redis(_) => "redis",
        };
        Self { store: kind, entries: store.entries(), capacity: store.capacity() }
    }
}

fn unrouted(site: &Site) -> BTreeMap<&'static str, u64> {
    let refused = Reason::ALL.into_iter().filter(|reason| reason.decision() == Decision::Refused);
    let counted = refused.map(|reason| (reason.code(), site.shared.unrouted.counted(reason)));
    counted.filter(|(_, count)| *count > 0).collect()
}

/// All integrations with their traffic.
pub(crate) fn items(observed: &Observed, traffic: &Traffic) -> Vec<Item> {
    let with_traffic = |entry: InventoryEntry| Item { traffic: traffic.hour(&entry.name), entry };
    observed.inventory().into_iter().map(with_traffic).collect()
}

/// What was sent last of each integration.
#[derive(Debug, Default)]
pub(crate) struct Sent(HashMap<String, u64>);

/// What there is to send.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Every integration, as it is now.
    pub(crate) all: Vec<Box<RawValue>>,
    /// Where those that changed stand among them.
    pub(crate) changed: Vec<usize>,
    /// Those that are gone.
    pub(crate) removed: Vec<String>,
}

impl Sent {
    /// Compares with what was sent, and takes it as sent.
    pub(crate) fn changes(&mut self, items: &[Item]) -> Changes {
        let mut changes = Changes::default();
        let mut present = HashMap::with_capacity(items.len());
        for item in items {
            let Ok(value) = serde_json::to_value(item) else { continue };
            let Ok(text) = serde_json::value::to_raw_value(&value) else { continue };
            let mark = mark(value);
            if self.0.remove(&item.entry.name) != Some(mark) {
                changes.changed.push(changes.all.len());
            }
            present.insert(item.entry.name.clone(), mark);
            changes.all.push(text);
        }
        changes.removed = std::mem::replace(&mut self.0, present).into_keys().collect();
        changes
    }
}

/// What must differ for a change to be one.
fn mark(mut value: Value) -> u64 {
    if let Some(Value::Array(secrets)) = value.get_mut("secrets") {
        for secret in secrets.iter_mut().filter_map(Value::as_object_mut) {
            secret.remove("age_seconds");
        }
    }
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}
