//! What stands of the configuration in force, for the next one to go on with.
//!
//! Owns: the rule for each part that holds state: it goes on if, and only if, what it was built from is the same.
//! Invariants: nothing here changes what stands; a part that goes on is shared with the requests that the old site still serves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::plan::{IntegrationPlan, Plan};
use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::time::UnixTime;
use crate::gate::admit::sources::SourceTable;
use crate::gate::admit::spec::SourceLimits;
use crate::gate::intake::gate::Intake;
use crate::gate::intake::spec::IntakeLimits;
use crate::gate::pace::gate::Pace;
use crate::gate::replay::history::ToleranceRaised;
use crate::pipeline::integration::{Integration, Pools, SecretUse};
use crate::pipeline::site::{Shared, Site};
use crate::server::material::{Material, Seal};
use crate::telemetry::metrics::Metrics;

/// What every configuration is built on.
pub(crate) struct Ground {
    /// What outlives configurations.
    pub(crate) shared: Arc<Shared>,
    /// How many workers there are.
    pub(crate) workers: usize,
    /// Tells whether texts changed.
    pub(crate) seal: Seal,
}

/// The configuration in force.
pub(crate) struct Standing {
    /// What was asked for.
    pub(crate) plan: Plan,
    /// What was built.
    pub(crate) site: Arc<Site>,
    materials: BTreeMap<IntegrationName, Material>,
    /// Integrations that are gone, in case they come back while it matters how long their deliveries were remembered.
    gone: BTreeMap<IntegrationName, Gone>,
}

/// An integration that is gone.
#[derive(Clone, Copy)]
struct Gone {
    since: UnixTime,
    tolerance: Duration,
    raised: Option<ToleranceRaised>,
}

/// How many of them are kept; the first names go first.
const GONE_MAX: usize = 10_000;
/// How long they matter: no tolerance is as long.
const GONE_MATTERS: Duration = Duration::from_secs(7 * 86_400);

/// One integration as it stands.
pub(crate) struct Before<'a> {
    plan: &'a IntegrationPlan,
    material: &'a Material,
    built: &'a Integration,
}

impl Standing {
    /// The first configuration of a process.
    pub(crate) fn first(plan: Plan, site: Arc<Site>, materials: BTreeMap<IntegrationName, Material>) -> Self {
        Self { plan, site, materials, gone: BTreeMap::new() }
    }

    /// The next one.
    pub(crate) fn next(&mut self, plan: Plan, site: Arc<Site>, materials: BTreeMap<IntegrationName, Material>, now: UnixTime) {
        let mut gone = std::mem::take(&mut self.gone);
        gone.extend(self.site.integrations.iter().map(|old| (old.name.clone(), Gone::of(old, now))));
        gone.retain(|name, gone| !materials.contains_key(name) && now.since(gone.since) < GONE_MATTERS);
        while gone.len() > GONE_MAX {
            gone.pop_first();
        }
        *self = Self { plan, site, materials, gone };
    }

    /// What stands of an integration.
    pub(crate) fn integration(&self, name: &IntegrationName) -> Option<Before<'_>> {
        let plan = self.plan.integrations.iter().find(|plan| plan.name == *name)?;
        let built = self.site.integrations.iter().find(|built| built.name == *name)?;
        Some(Before { plan, material: self.materials.get(name)?, built })
    }

    /// The budgets of sources, if their limits stay.
    pub(crate) fn sources(&self, limits: SourceLimits) -> Option<Arc<SourceTable>> {
        (self.site.sources.limits() == limits).then(|| Arc::clone(&self.site.sources))
    }

    /// The budget of bodies, if its limits stay.
    pub(crate) fn intake(&self, limits: IntakeLimits) -> Option<Arc<Intake>> {
        (self.plan.intake == limits).then(|| Arc::clone(&self.site.intake))
    }

    /// What a raised tolerance means for what was remembered until now, also for an integration that was gone for a while.
    pub(crate) fn raised(&self, name: &IntegrationName, tolerance: Duration, now: UnixTime) -> Option<ToleranceRaised> {
        let stands = self.site.integrations.iter().find(|built| built.name == *name).map(|built| Gone::of(built, now));
        let last = stands.or_else(|| self.gone.get(name).copied())?;
        ToleranceRaised::by_reload(last.raised, last.tolerance, tolerance, now)
    }

    /// Retires the metrics of what the next plan does not have. Before the next site is built: what has another provider
    /// begins anew under the same name.
    pub(crate) fn retire(&self, next: &Plan, metrics: &Metrics) {
        for old in &self.plan.integrations {
            let new = next.integrations.iter().find(|new| new.name == old.name);
            if new.is_none_or(|new| new.scheme.name != old.scheme.name) {
                metrics.retire_integration(&old.name, &old.scheme.name);
            }
            let is_kept = |id: &SecretId| new.is_some_and(|new| new.secrets.iter().any(|secret| secret.id == *id));
            for secret in old.secrets.iter().filter(|secret| !is_kept(&secret.id)) {
                metrics.retire_secret(&old.name, &secret.id);
            }
            if next.integrations.iter().all(|new| new.scheme.name != old.scheme.name) {
                metrics.retire_provider(&old.scheme.name);
            }
        }
    }
}

impl Gone {
    fn of(integration: &Integration, now: UnixTime) -> Self {
        Self { since: now, tolerance: integration.tolerance, raised: integration.replay.history.raised }
    }
}

impl Before<'_> {
    /// The budget, if its rate stays.
    pub(crate) fn pace(&self, next: &IntegrationPlan) -> Option<Arc<Pace>> {
        (self.plan.rate_limit == next.rate_limit).then(|| Arc::clone(&self.built.pace))
    }

    /// The connections to the upstream, if everything that a request over them needs stays.
    pub(crate) fn pools(&self, next: &IntegrationPlan, material: &Material) -> Option<Arc<Pools>> {
        let stays =
            self.plan.target == next.target && self.plan.scheme == next.scheme && self.material.upstream == material.upstream;
        stays.then(|| Arc::clone(&self.built.pools))
    }

    /// What is known of the use of a secret.
    pub(crate) fn secret(&self, id: &SecretId) -> Option<&SecretUse> {
        self.built.secrets.iter().find(|secret| secret.id == *id)
    }

    /// Whether a secret's text is what it was.
    pub(crate) fn has_same_text(&self, id: &SecretId, material: &Material) -> bool {
        self.material.secret(id).is_some_and(|sealed| material.secret(id) == Some(sealed))
    }
}
