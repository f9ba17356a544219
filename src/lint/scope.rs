//! Lints of scope: which events and sources may come, and whether anything can. pure

use super::Scene;
use super::finding::Finding;
use super::table::{BROAD_SOURCE, NO_EVENT_SCOPE, UNREACHABLE_ROUTE};
use crate::config::plan::IntegrationPlan;
use crate::listen::spec::EntrySpec;

/// A shorter prefix is wider than any provider.
pub(super) const BROAD_PREFIX: u8 = 8;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let of = |integration| {
        let route = unreachable(scene, integration).map(|saw| Finding::of(&UNREACHABLE_ROUTE, integration, &["path"], saw));
        broad(integration).into_iter().chain(events(integration)).chain(route)
    };
    scene.plan.integrations.iter().flat_map(of).collect()
}

fn broad(integration: &IntegrationPlan) -> Vec<Finding> {
    let ranges = integration.sources_allow.iter().flatten().filter(|range| range.prefix_len() < BROAD_PREFIX);
    let say = |range| {
        let saw = format!("{range} is wider than /{BROAD_PREFIX}");
        Finding::of(&BROAD_SOURCE, integration, &["sources", "allow"], saw)
    };
    ranges.map(say).collect()
}

/// A provider that names no event has none that could be allowed.
fn events(integration: &IntegrationPlan) -> Option<Finding> {
    let has_events = !integration.scheme.event.is_empty();
    let open = has_events && integration.events_allow.is_none();
    open.then(|| Finding::of(&NO_EVENT_SCOPE, integration, &["events"], "every event passes"))
}

/// Why no request can reach it. Certificates that are not known, or bear no DNS name, prove nothing.
fn unreachable(scene: &Scene<'_>, integration: &IntegrationPlan) -> Option<String> {
    let serving = || scene.plan.listeners.iter().enumerate().filter(|(_, listener)| listener.entry != EntrySpec::PlaintextReject);
    if serving().next().is_none() {
        return Some("every listener refuses plaintext and has no tls".to_owned());
    }
    let host = integration.host.as_deref()?;
    let cannot = |index: usize| {
        let mut own = scene.facts.certificates.iter().filter(|certificate| certificate.listener == Some(index)).peekable();
        own.peek().is_some() && own.all(|certificate| !certificate.names.is_empty() && !certificate.bears(host))
    };
    let none = serving().all(|(index, listener)| matches!(listener.entry, EntrySpec::Tls(_)) && cannot(index));
    none.then(|| format!("no certificate of any listener bears its host {host}"))
}
