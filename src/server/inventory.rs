//! The inventory: what `/api/v1/integrations` says of each integration.
//!
//! Invariant: ids of secrets, never anything of their values.

use serde::Serialize;

use crate::domain::reason::{Decision, Reason};
use crate::domain::time::UnixTime;
use crate::pipeline::integration::{Integration, SecretUse};

/// One integration, as people want to see it.
#[derive(Debug, Serialize)]
pub struct InventoryEntry {
    name: String,
    provider: String,
    host: Option<String>,
    path: String,
    owner: Option<String>,
    review_by: Option<String>,
    state: &'static str,
    secrets: Vec<SecretEntry>,
    last_accepted: Option<String>,
    accepted: u64,
    refused: u64,
    refusals: std::collections::BTreeMap<&'static str, u64>,
}

/// One secret of it.
#[derive(Debug, Serialize)]
struct SecretEntry {
    id: String,
    state: &'static str,
    not_before: Option<String>,
    not_after: Option<String>,
    loaded_at: String,
    age_seconds: u64,
    last_used: Option<String>,
}

impl InventoryEntry {
    /// What there is to say of an integration now.
    #[must_use]
    pub fn of(integration: &Integration, now: UnixTime) -> Self {
        let counted = |reason: &Reason| integration.metrics.requests.counted(*reason);
        let of_decision = |decision| Reason::ALL.into_iter().filter(move |reason| reason.decision() == decision);
        let refusals = of_decision(Decision::Refused).map(|reason| (reason.code(), counted(&reason)));
        let refusals: std::collections::BTreeMap<_, _> = refusals.filter(|(_, count)| *count > 0).collect();
        Self {
            name: integration.name.to_string(),
            provider: integration.scheme.name.to_string(),
            host: integration.about.host.clone(),
            path: integration.about.path.clone(),
            owner: integration.about.owner.clone(),
            review_by: integration.about.review_by.clone(),
            state: if integration.enabled { "enabled" } else { "disabled" },
            secrets: integration.secrets.iter().map(|secret| SecretEntry::of(secret, now)).collect(),
            last_accepted: integration.metrics.last_accepted().map(|at| at.to_string()),
            accepted: of_decision(Decision::Accepted).map(|reason| counted(&reason)).sum(),
            refused: refusals.values().sum(),
            refusals,
        }
    }
}

impl SecretEntry {
    fn of(secret: &SecretUse, now: UnixTime) -> Self {
        Self {
            id: secret.id.to_string(),
            state: validity(secret, now),
            not_before: secret.not_before.map(|at| at.to_string()),
            not_after: secret.not_after.map(|at| at.to_string()),
            loaded_at: secret.loaded_at.to_string(),
            age_seconds: now.since(secret.not_before.unwrap_or(secret.loaded_at)).as_secs(),
            last_used: secret.last_used().map(|at| at.to_string()),
        }
    }
}

fn validity(secret: &SecretUse, now: UnixTime) -> &'static str {
    if secret.not_after.is_some_and(|end| now >= end) {
        return "expired";
    }
    if secret.not_before.is_some_and(|begin| now < begin) {
        return "not yet valid";
    }
    "valid"
}
