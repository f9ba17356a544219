//! Lints of secrets: ending, weak, readable, left over, shared. pure

use std::cmp::Reverse;
use std::time::Duration;

use super::Scene;
use super::facts::SecretFacts;
use super::finding::Finding;
use super::table::{Lint, SECRET_EXPIRED, SECRET_EXPIRING, SECRET_PERMISSIONS, SHARED_SECRET, STALE_SECRET, WEAK_SECRET};
use crate::config::plan::IntegrationPlan;
use crate::domain::time::UnixTime;
use crate::secrets::spec::SecretSpec;

/// How soon an end is told.
const EXPIRING: Duration = Duration::from_secs(14 * 86_400);
/// Fewer bytes can be guessed offline.
const STRONG_BYTES: usize = 16;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let by_integration = scene
        .plan
        .integrations
        .iter()
        .flat_map(|integration| [ends(integration, scene.facts.now), stale(integration)].into_iter().flatten());
    let by_secret = scene.facts.secrets.iter().flat_map(|secret| [weak(scene, secret), shared(scene, secret)]).flatten();
    let exposed = scene.facts.exposed.iter().map(|file| Finding {
        lint: &SECRET_PERMISSIONS,
        integration: file.integration.clone(),
        at: file.at.clone(),
        saw: format!("{} has mode {:04o}: everybody can read it", file.path, file.mode & 0o7777),
    });
    by_integration.chain(by_secret).chain(exposed).collect()
}

fn at_secret(lint: &'static Lint, integration: &IntegrationPlan, index: usize, saw: String) -> Finding {
    Finding::of(lint, integration, &["secrets", &index.to_string()], saw)
}

fn ends(integration: &IntegrationPlan, now: UnixTime) -> Vec<Finding> {
    let end = |(index, secret): (usize, &SecretSpec)| {
        let end = secret.not_after?;
        if end <= now {
            return Some(at_secret(&SECRET_EXPIRED, integration, index, format!("\"{}\" ended {end}", secret.id)));
        }
        let soon = end.since(now) <= EXPIRING;
        soon.then(|| at_secret(&SECRET_EXPIRING, integration, index, format!("\"{}\" ends {end}", secret.id)))
    };
    integration.secrets.iter().enumerate().filter_map(end).collect()
}

/// All without an end but the newest: the one that begins last, else the first of the list. A scheme whose requests name
/// their key may have several for ever.
fn stale(integration: &IntegrationPlan) -> Vec<Finding> {
    let endless = || integration.secrets.iter().enumerate().filter(|(_, secret)| secret.not_after.is_none());
    if integration.scheme.signature.names_keys() {
        return Vec::new();
    }
    let newest = endless().max_by_key(|(index, secret)| (secret.not_before, Reverse(*index))).map(|(index, _)| index);
    let old = endless().filter(|(index, _)| Some(*index) != newest);
    let say = |(index, secret): (usize, &SecretSpec)| {
        at_secret(&STALE_SECRET, integration, index, format!("\"{}\" stands beside a newer one and never ends", secret.id))
    };
    old.map(say).collect()
}

/// The integration and index of a secret.
fn place<'p>(scene: &Scene<'p>, secret: &SecretFacts) -> Option<(&'p IntegrationPlan, usize)> {
    let integration = scene.plan.integrations.iter().find(|integration| integration.name == secret.integration)?;
    let index = integration.secrets.iter().position(|spec| spec.id == secret.id)?;
    Some((integration, index))
}

fn weak(scene: &Scene<'_>, secret: &SecretFacts) -> Option<Finding> {
    let bytes = secret.bytes.filter(|bytes| *bytes < STRONG_BYTES)?;
    let (integration, index) = place(scene, secret)?;
    Some(at_secret(&WEAK_SECRET, integration, index, format!("\"{}\" has {bytes} bytes", secret.id)))
}

/// At the later of two: a public key is everybody's.
fn shared(scene: &Scene<'_>, secret: &SecretFacts) -> Option<Finding> {
    secret.bytes?;
    let is_same = |other: &&SecretFacts| other.likeness == secret.likeness && other.bytes.is_some();
    let first = scene.facts.secrets.iter().find(is_same)?;
    if first.integration == secret.integration {
        return None;
    }
    let (integration, index) = place(scene, secret)?;
    let saw = format!("\"{}\" is the same as \"{}\" of integration {}", secret.id, first.id, first.integration);
    Some(at_secret(&SHARED_SECRET, integration, index, saw))
}
