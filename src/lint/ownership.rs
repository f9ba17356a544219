//! Lints of ownership: who answers for an integration, and when somebody looks at it again. pure

use super::Scene;
use super::finding::Finding;
use super::table::{NO_OWNER, NO_REVIEW_DATE, REVIEW_OVERDUE};
use crate::config::plan::IntegrationPlan;

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let today = scene.facts.now.to_string();
    let today = today.get(..10).unwrap_or(&today);
    scene.plan.integrations.iter().flat_map(|integration| [owner(integration), review(integration, today)]).flatten().collect()
}

fn owner(integration: &IntegrationPlan) -> Option<Finding> {
    let nobody = integration.owner.is_none();
    nobody.then(|| Finding::of(&NO_OWNER, integration, &["owner"], "nobody is named"))
}

/// Days are written so that their order is that of their texts.
fn review(integration: &IntegrationPlan, today: &str) -> Option<Finding> {
    match integration.review_by.as_deref() {
        None => Some(Finding::of(&NO_REVIEW_DATE, integration, &["review_by"], "no date is set")),
        Some(day) if day < today => Some(Finding::of(&REVIEW_OVERDUE, integration, &["review_by"], format!("was due on {day}"))),
        Some(_) => None,
    }
}
