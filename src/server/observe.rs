//! What the admin listener may see: readiness, metrics, inventory. Read only.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::domain::name::ListenerName;
use crate::domain::time::UnixTime;
use crate::gate::intake::error::BudgetScope;
use crate::gate::replay::history::ready_at;
use crate::gate::replay::store::ReplayStore as _;
use crate::listen::counters::{ListenCounters, ListenLimit};
use crate::listen::listeners::Listeners;
use crate::listen::tls::TlsEntry;
use crate::pipeline::integration::Integration;
use crate::pipeline::site::Site;
use crate::server::inventory::InventoryEntry;
use crate::server::live::hub::Hub;
use crate::server::readiness::{Conditions, Degraded, Readiness};
use crate::server::reload::outcome::Outcome;
use crate::server::replicas::Replicas;
use crate::telemetry::metrics::LiveReadings;

/// The gateway as seen from outside the request path.
pub(crate) struct Observed {
    site: Arc<ArcSwap<Site>>,
    connections: Arc<ListenCounters>,
    listeners: Arc<Listeners>,
    /// The last configuration, if it was refused.
    refused: ArcSwapOption<Outcome>,
    hub: Arc<Hub>,
    replicas: Option<Arc<Replicas>>,
}

impl Observed {
    pub(crate) fn new(site: Arc<ArcSwap<Site>>, connections: Arc<ListenCounters>, listeners: Arc<Listeners>) -> Self {
        let replicas = Replicas::of(&site);
        Self { site, connections, listeners, replicas, refused: ArcSwapOption::empty(), hub: Arc::default() }
    }

    /// The site that serves now.
    pub(crate) fn site(&self) -> Arc<Site> {
        self.site.load_full()
    }

    /// The other replicas, where there may be some.
    pub(crate) const fn replicas(&self) -> Option<&Arc<Replicas>> {
        self.replicas.as_ref()
    }

    /// Where the status page listens.
    pub(crate) const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Notes how the last reload ended.
    pub(crate) fn reloaded(&self, outcome: &Outcome) {
        self.refused.store(outcome.faults().map(|_| Arc::new(outcome.clone())));
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let site = self.site.load();
        let shared = &site.shared;
        let now = shared.clock.now();
        let without_secret = without_secret(&site, now.wall);
        let enabled = site.integrations.iter().filter(|integration| integration.enabled).count();
        Readiness::judge(Conditions {
            replay_ready: ready_at(shared.store.knows_since(now), site.cold_start, now).is_none(),
            replay_available: shared.store.is_available(now),
            audit_writable: shared.auditor.is_healthy(),
            secrets_usable: enabled == 0 || without_secret.len() < enabled,
            draining: shared.ending.is_leaving(),
            degraded: self.degraded(&site, without_secret, now.wall),
        })
    }

    fn degraded(&self, site: &Site, without_secret: Vec<String>, now: UnixTime) -> Vec<Degraded> {
        let refused = self.refused.load_full();
        let refused = refused.iter().filter_map(|outcome| outcome.faults()).flatten().cloned().collect();
        let unkept = (!site.shared.switches.is_kept()).then(|| "positions of kill switches are not written down".to_owned());
        let ends = self.listeners.tls_entries().into_iter().flat_map(|(_, door)| door.not_after());
        let expired = ends.filter(|end| *end <= now).map(|end| format!("a certificate ended {end}")).collect();
        let level = site.shared.store.level();
        let filling = level.is_filling().then(|| level.to_string());
        let out_of_step = self.replicas.as_ref().and_then(|replicas| replicas.out_of_step());
        let all: [(&'static str, Vec<String>); 8] = [
            ("configuration_refused", refused),
            ("switches_not_kept", unkept.into_iter().collect()),
            ("replay_store_filling", filling.into_iter().collect()),
            ("switches_not_shared", out_of_step.into_iter().collect()),
            ("certificate_expired", expired),
            ("secret_unavailable", without_secret),
            ("keys_not_refreshed", [site.shared.key_sources.failing(), site.shared.certificates.failing()].concat()),
            ("secret_in_delivery", exposed(site)),
        ];
        let there = all.into_iter().filter(|(_, details)| !details.is_empty());
        there.map(|(cause, details)| Degraded { cause, details }).collect()
    }

    pub(crate) fn metrics(&self) -> String {
        let site = self.site.load();
        let shared = &site.shared;
        shared.metrics.render(&LiveReadings {
            inflight_requests: shared.inflight.count(),
            inflight_bytes: site.intake.inflight_bytes(),
            replay_entries: shared.store.entries(),
            replay_capacity: shared.store.capacity(),
            replay_abandoned: shared.store.counters().claims_abandoned(),
            replay_write_failures: shared.store.counters().write_failures(),
            key_fetch_failures: shared.key_sources.failures().saturating_add(shared.certificates.failures()),
            clock_steps: shared.store.counters().clock_steps(),
            tls_handshakes_ok: self.connections.handshakes_ok(),
            tls_handshakes_failed: self.connections.handshakes_failed(),
            connections: self.connections.open_connections(),
            audit_errors: shared.auditor.errors(),
            limits_reached: self.limits_reached(&site),
            event_streams: self.hub.listeners(),
            replicas: self.replicas.as_ref().map_or(0, |replicas| replicas.count()),
            replica_failures: self.replicas.as_ref().map_or(0, |replicas| replicas.failures()),
            event_streams_dropped: self.hub.dropped(),
            ready: self.readiness().is_ready(),
            certificates_end: self.certificates_end(),
        })
    }

    fn certificates_end(&self) -> Vec<(ListenerName, UnixTime)> {
        let first = |(name, door): (ListenerName, Arc<TlsEntry>)| door.not_after().into_iter().min().map(|end| (name, end));
        self.listeners.tls_entries().into_iter().filter_map(first).collect()
    }

    /// Every bound whose hits no request's reason tells of.
    fn limits_reached(&self, site: &Site) -> Vec<(&'static str, u64)> {
        let of_connections = ListenLimit::ALL.map(|limit| (limit.code(), self.connections.hits(limit)));
        let of_requests = [
            ("inflight_bytes", site.intake.refusals(BudgetScope::Global)),
            ("inflight_bytes_per_source", site.intake.refusals(BudgetScope::Source)),
            ("sources", site.sources.overflows()),
            ("certificates", site.shared.certificates.refusals()),
        ];
        of_connections.into_iter().chain(of_requests).collect()
    }

    pub(crate) fn inventory(&self) -> Vec<InventoryEntry> {
        let site = self.site.load();
        let now = site.shared.clock.now().wall;
        site.integrations.iter().map(|integration| InventoryEntry::of(integration, &site.shared.handovers, now)).collect()
    }
}

/// The secrets that deliveries carried, until they are exchanged.
fn exposed(site: &Site) -> Vec<String> {
    let of = |integration: &Arc<Integration>| {
        let name = integration.name.clone();
        let told = integration.secrets.iter().filter_map(|secret| secret.last_exposed().map(|at| (secret.id.clone(), at)));
        told.map(|(id, at)| format!("{name}: deliveries carry the secret {id}, last {at}; rotate it")).collect::<Vec<_>>()
    };
    site.integrations.iter().flat_map(of).collect()
}

/// The enabled integrations that can verify nothing now.
fn without_secret(site: &Site, now: UnixTime) -> Vec<String> {
    let cannot = |integration: &&Arc<Integration>| {
        integration.enabled && !integration.keys.is_waiting() && integration.keys.now().usable_ids(now).next().is_none()
    };
    site.integrations.iter().filter(cannot).map(|integration| integration.name.to_string()).collect()
}
