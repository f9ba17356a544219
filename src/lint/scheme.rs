//! Lints of what a provider's scheme is worth. pure

use std::time::Duration;

use super::Scene;
use super::finding::Finding;
use super::table::{LEGACY_ALGORITHM, LONG_TOLERANCE, UNPROVEN_PROVIDER, UNSIGNED_PROVIDER};
use crate::config::plan::IntegrationPlan;
use crate::domain::size::format_duration;
use crate::provider::scheme::Evidence;

/// Longer than any clock that is kept.
const TOLERANCE_MAX: Duration = Duration::from_secs(600);

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let of = |integration| [tolerance(integration), unsigned(integration), unproven(integration), legacy(integration)];
    scene.plan.integrations.iter().flat_map(of).flatten().collect()
}

fn tolerance(integration: &IntegrationPlan) -> Option<Finding> {
    let is_long = integration.scheme.is_timed() && integration.tolerance > TOLERANCE_MAX;
    let saw = || format!("{} in both directions", format_duration(integration.tolerance));
    is_long.then(|| Finding::of(&LONG_TOLERANCE, integration, &["tolerance"], saw()))
}

fn unsigned(integration: &IntegrationPlan) -> Option<Finding> {
    let scheme = &integration.scheme;
    let saw = || format!("{} shows a secret in {} and signs nothing", scheme.title, scheme.signature.place);
    scheme.is_unsigned().then(|| Finding::of(&UNSIGNED_PROVIDER, integration, &["provider"], saw()))
}

fn unproven(integration: &IntegrationPlan) -> Option<Finding> {
    let is_unproven = integration.scheme.origin.evidence == Evidence::Secondary;
    let saw = || format!("the preset {} rests on others' words", integration.scheme.name);
    is_unproven.then(|| Finding::of(&UNPROVEN_PROVIDER, integration, &["provider"], saw()))
}

fn legacy(integration: &IntegrationPlan) -> Option<Finding> {
    let scheme = &integration.scheme;
    let saw = || format!("{} uses {}", scheme.title, scheme.signature.algorithm.code());
    scheme.is_legacy().then(|| Finding::of(&LEGACY_ALGORITHM, integration, &["provider"], saw()))
}
