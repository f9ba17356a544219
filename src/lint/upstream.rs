//! Lints of the way behind the gateway. pure

use std::net::IpAddr;

use super::Scene;
use super::finding::Finding;
use super::table::PLAINTEXT_UPSTREAM;
use crate::config::plan::IntegrationPlan;
use crate::gate::forward::spec::UpstreamAddress;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    scene.plan.integrations.iter().filter_map(plaintext).collect()
}

fn plaintext(integration: &IntegrationPlan) -> Option<Finding> {
    let host = match &integration.target.address {
        UpstreamAddress::Http { host, .. } => Some(host).filter(|host| !is_here(host)),
        UpstreamAddress::Https { .. } | UpstreamAddress::Unix(_) => None,
    };
    let saw = |host: &String| format!("http:// to {host}, another machine");
    host.map(|host| Finding::of(&PLAINTEXT_UPSTREAM, integration, &["upstream"], saw(host)))
}

/// Whether a host is this machine, whatever any name service says.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}
