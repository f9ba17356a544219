//! What the admin listener may see: readiness, metrics, inventory. Read only.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::gate::replay::history::ready_at;
use crate::gate::replay::store::ReplayStore as _;
use crate::listen::counters::ListenCounters;
use crate::pipeline::site::Site;
use crate::server::inventory::InventoryEntry;
use crate::server::readiness::{Conditions, Readiness};
use crate::telemetry::metrics::LiveReadings;

/// The gateway as seen from outside the request path.
pub(crate) struct Observed {
    site: Arc<ArcSwap<Site>>,
    connections: Arc<ListenCounters>,
}

impl Observed {
    pub(crate) const fn new(site: Arc<ArcSwap<Site>>, connections: Arc<ListenCounters>) -> Self {
        Self { site, connections }
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let site = self.site.load();
        let shared = &site.shared;
        let now = shared.clock.now();
        Readiness::judge(&Conditions {
            replay_ready: ready_at(shared.store.knows_since(now), site.cold_start, now).is_none(),
            replay_available: shared.store.is_available(now),
            audit_writable: shared.auditor.is_healthy(),
            draining: shared.ending.is_leaving(),
        })
    }

    pub(crate) fn metrics(&self) -> String {
        let site = self.site.load();
        let shared = &site.shared;
        shared.metrics.render(&LiveReadings {
            inflight_requests: shared.inflight.count(),
            inflight_bytes: shared.intake.inflight_bytes(),
            replay_entries: shared.store.entries(),
            replay_capacity: shared.store.capacity(),
            tls_handshakes_ok: self.connections.handshakes_ok(),
            tls_handshakes_failed: self.connections.handshakes_failed(),
            connections: self.connections.open_connections(),
            audit_errors: shared.auditor.errors(),
        })
    }

    pub(crate) fn inventory(&self) -> Vec<InventoryEntry> {
        let site = self.site.load();
        let now = site.shared.clock.now().wall;
        site.integrations.iter().map(|integration| InventoryEntry::of(integration, now)).collect()
    }
}
