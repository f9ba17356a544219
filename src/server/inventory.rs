//! The inventory: what `/api/v1/integrations` says of each integration.
//!
//! Invariant: ids of secrets, never anything of their values.

mod seen;

use serde::Serialize;

use self::seen::{FindingEntry, RefusalEntry, ScopeEntry, UpstreamEntry};
use crate::domain::finding::FindingKind;
use crate::domain::reason::{Decision, Reason};
use crate::domain::size::format_duration;
use crate::domain::time::UnixTime;
use crate::inventory::finding::Finding;
use crate::inventory::life::Life;
use crate::pipeline::integration::{Integration, SecretUse};
use crate::secrets::handover::Handovers;
use crate::switch::board::Off;

/// One integration, as people want to see it.
#[derive(Debug, Serialize)]
pub struct InventoryEntry {
    pub(crate) name: String,
    pub(crate) provider: String,
    pub(crate) host: Option<String>,
    pub(crate) path: String,
    pub(crate) owner: Option<String>,
    pub(crate) review_by: Option<String>,
    pub(crate) state: &'static str,
    pub(crate) disabled: Option<DisabledEntry>,
    pub(crate) secrets: Vec<SecretEntry>,
    /// Absent where no secret is handed over.
    pub(crate) handover: Option<HandoverEntry>,
    pub(crate) expect_every: Option<String>,
    pub(crate) known_since: String,
    pub(crate) last_accepted: Option<String>,
    pub(crate) last_refused: Option<RefusalEntry>,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) refusals: std::collections::BTreeMap<&'static str, u64>,
    pub(crate) events: ScopeEntry,
    pub(crate) sources: ScopeEntry,
    pub(crate) upstream: UpstreamEntry,
    pub(crate) findings: Vec<FindingEntry>,
}

/// Why an integration takes nothing.
#[derive(Debug, Serialize)]
pub(crate) struct DisabledEntry {
    /// `configuration`, `integration` (its own switch) or `all` (the switch for all).
    pub(crate) by: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) answer: u16,
}

/// How it stands with the secrets that the provider hands over itself.
#[derive(Debug, Serialize)]
pub(crate) struct HandoverEntry {
    /// The secret that is waited for.
    pub(crate) armed: Option<String>,
    pub(crate) until: Option<String>,
    /// Offers that nobody waited for, since the start.
    pub(crate) refused: u64,
    pub(crate) last_refused: Option<String>,
}

impl HandoverEntry {
    fn of(integration: &Integration, handovers: &Handovers, now: UnixTime) -> Option<Self> {
        integration.keys.handed_over().next()?;
        let state = handovers.state(&integration.name, now);
        let (armed, until) = state.armed.map(|(id, until)| (id.to_string(), until.to_string())).unzip();
        Some(Self { armed, until, refused: state.refused, last_refused: state.last_refused.map(|at| at.to_string()) })
    }
}

/// One secret of it.
#[derive(Debug, Serialize)]
pub(crate) struct SecretEntry {
    pub(crate) id: String,
    pub(crate) state: &'static str,
    pub(crate) not_before: Option<String>,
    pub(crate) not_after: Option<String>,
    pub(crate) loaded_at: String,
    pub(crate) age_seconds: u64,
    pub(crate) last_used: Option<String>,
    /// What to do about it, where something is to be done.
    pub(crate) advice: Option<String>,
    /// When a delivery last carried it.
    pub(crate) last_exposed: Option<String>,
}

impl InventoryEntry {
    /// What there is to say of an integration now.
    #[must_use]
    pub fn of(integration: &Integration, handovers: &Handovers, now: UnixTime) -> Self {
        let counted = |reason: &Reason| integration.metrics.requests.counted(*reason);
        let of_decision = |decision| Reason::ALL.into_iter().filter(move |reason| reason.decision() == decision);
        let refusals = of_decision(Decision::Refused).map(|reason| (reason.code(), counted(&reason)));
        let refusals: std::collections::BTreeMap<_, _> = refusals.filter(|(_, count)| *count > 0).collect();
        let disabled = DisabledEntry::of(integration, now);
        let life = integration.track.life();
        let findings = integration.findings(now);
        let last_accepted = integration.metrics.last_accepted().or(life.last_accepted.map(UnixTime::from_seconds));
        let secrets = integration.secrets.iter().map(|secret| SecretEntry::of(secret, integration, &life, &findings, now));
        Self {
            name: integration.name.to_string(),
            provider: integration.scheme.name.to_string(),
            host: integration.about.host.clone(),
            path: integration.about.path.clone(),
            owner: integration.about.owner.clone(),
            review_by: integration.about.review_by.clone(),
            state: if disabled.is_none() { "enabled" } else { "disabled" },
            disabled,
            secrets: secrets.collect(),
            handover: HandoverEntry::of(integration, handovers, now),
            expect_every: integration.terms.expect_every.map(format_duration),
            known_since: UnixTime::from_seconds(life.since).to_string(),
            last_accepted: last_accepted.map(|at| at.to_string()),
            last_refused: life.last_refused.map(RefusalEntry::of),
            accepted: of_decision(Decision::Accepted).map(|reason| counted(&reason)).sum(),
            refused: refusals.values().sum(),
            refusals,
            events: ScopeEntry::of_events(&integration.terms, &life),
            sources: ScopeEntry::of_sources(&integration.terms, &life),
            upstream: UpstreamEntry::of(&life.upstream),
            findings: findings.into_iter().map(FindingEntry::of).collect(),
        }
    }
}

impl DisabledEntry {
    /// Why, if it is.
    pub(crate) fn of(integration: &Integration, now: UnixTime) -> Option<Self> {
        if !integration.enabled {
            return Some(Self { by: "configuration", reason: None, since: None, until: None, answer: 403 });
        }
        integration.switch.off(now).map(|off| Self::by_switch(&off))
    }

    fn by_switch(off: &Off) -> Self {
        Self {
            by: if off.is_for_all { "all" } else { "integration" },
            reason: Some(off.order.why.as_str().to_owned()),
            since: Some(off.order.since.to_string()),
            until: off.order.until.map(|until| until.to_string()),
            answer: off.order.answer.status(),
        }
    }
}

impl SecretEntry {
    fn of(secret: &SecretUse, integration: &Integration, life: &Life, findings: &[Finding], now: UnixTime) -> Self {
        let before = life.secrets.iter().find(|known| known.id == secret.id).and_then(|known| known.last);
        let advice =
            findings.iter().find(|finding| is_of_secret(finding.kind) && finding.about.as_deref() == Some(secret.id.as_str()));
        Self {
            id: secret.id.to_string(),
            state: state(secret, integration, now),
            not_before: secret.not_before.map(|at| at.to_string()),
            not_after: secret.not_after.map(|at| at.to_string()),
            loaded_at: secret.loaded_at().to_string(),
            age_seconds: now.since(secret.not_before.unwrap_or_else(|| secret.loaded_at())).as_secs(),
            last_used: secret.last_used().or(before.map(UnixTime::from_seconds)).map(|at| at.to_string()),
            advice: advice.map(|finding| finding.text.clone()),
            last_exposed: secret.last_exposed().map(|at| at.to_string()),
        }
    }
}

fn state(secret: &SecretUse, integration: &Integration, now: UnixTime) -> &'static str {
    if integration.switch.barred().has(&secret.id, now) {
        return "disabled";
    }
    if integration.keys.now().ids().all(|known| *known != secret.id) {
        return "missing";
    }
    validity(secret, now)
}

const fn is_of_secret(kind: FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::SecretInDelivery | FindingKind::SecretExpired | FindingKind::SecretExpiring | FindingKind::UnusedSecret
    )
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
