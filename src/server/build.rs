//! Plan to site: reads secrets, builds keys, upstreams and budgets. Whole or not at all.
//!
//! Everything that can be wrong is found before anything runs, all of it at once; `check` runs this very code and throws
//! the result away.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::error::AuditError;
use crate::config::plan::{IntegrationPlan, Plan};
use crate::domain::name::IntegrationName;
use crate::domain::time::UnixTime;
use crate::gate::admit::terms::AdmitTerms;
use crate::gate::forward::error::ForwardBuildError;
use crate::gate::forward::upstream::Upstream;
use crate::gate::pace::gate::Pace;
use crate::gate::replay::disk::error::DiskError;
use crate::gate::replay::history::HistoryTerms;
use crate::gate::replay::store::{ReplayStore as _, ShareId};
use crate::gate::replay::terms::{Protection, ReplayTerms};
use crate::gate::scope::rules::EventRules;
use crate::gate::verify::error::KeyError;
use crate::gate::verify::keys::{KeyMaterial, KeyRing};
use crate::listen::error::ListenError;
use crate::pipeline::integration::{About, Integration, SecretUse};
use crate::pipeline::router::Router;
use crate::pipeline::site::{Shared, Site};
use crate::secrets::spec::SecretSpec;
use crate::secrets::{self, SecretError, SecretFault};
use crate::server::state_directory::StateDirectoryError;

/// Why a gateway cannot be built from its plan.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A secret cannot be read.
    #[error("integration.{integration}: {fault}")]
    Secret {
        /// Whose.
        integration: IntegrationName,
        /// What is wrong with it.
        fault: SecretFault,
    },
    /// A secret is no key of its scheme.
    #[error("integration.{integration}: {fault}")]
    Key {
        /// Whose.
        integration: IntegrationName,
        /// What is wrong with it.
        fault: KeyError,
    },
    /// The value of an upstream header cannot be read.
    #[error("integration.{integration}: upstream_headers: {fault}")]
    Header {
        /// Whose.
        integration: IntegrationName,
        /// What is wrong with it.
        fault: SecretError,
    },
    /// The upstream cannot be built.
    #[error("integration.{integration}: upstream: {fault}")]
    Upstream {
        /// Whose.
        integration: IntegrationName,
        /// What is wrong with it.
        #[source]
        fault: ForwardBuildError,
    },
    /// The admin token cannot be read.
    #[error("admin.token: {fault}")]
    Token {
        /// What is wrong with it.
        fault: SecretError,
    },
    /// A listener cannot be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The admin listener cannot be opened.
    #[error("admin listener {address}: cannot listen")]
    Admin {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state directory cannot be had.
    #[error(transparent)]
    State(#[from] StateDirectoryError),
    /// The replay store on disk cannot be opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The audit log cannot be opened.
    #[error("audit log: {0}")]
    Audit(#[from] AuditError),
    /// The process cannot be set up.
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// One integration with its secrets read and its upstream built, not yet tied to a running gateway.
pub struct Prepared {
    plan: IntegrationPlan,
    keys: KeyRing,
    upstream: Upstream,
}

/// Reads and builds everything that the plan's integrations need, or says everything that is wrong.
pub fn prepare(plan: &Plan) -> Result<Vec<Prepared>, Vec<BuildError>> {
    let mut prepared = Vec::with_capacity(plan.integrations.len());
    let mut faults = Vec::new();
    for integration in &plan.integrations {
        match prepare_one(integration) {
            Ok(one) => prepared.push(one),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(prepared) } else { Err(faults) }
}

fn prepare_one(plan: &IntegrationPlan) -> Result<Prepared, Vec<BuildError>> {
    let keys = keys(plan);
    let upstream = upstream(plan).map_err(|fault| vec![fault]);
    match (keys, upstream) {
        (Ok(keys), Ok(upstream)) => Ok(Prepared { plan: plan.clone(), keys, upstream }),
        (keys, upstream) => Err(keys.err().into_iter().chain(upstream.err()).flatten().collect()),
    }
}

fn keys(plan: &IntegrationPlan) -> Result<KeyRing, Vec<BuildError>> {
    let unread = |fault| BuildError::Secret { integration: plan.name.clone(), fault };
    let loaded = secrets::load_all(&plan.secrets).map_err(|faults| faults.into_iter().map(unread).collect::<Vec<_>>())?;
    let material = loaded.into_iter().map(|secret| KeyMaterial {
        id: secret.spec.id,
        key_id: secret.spec.key_id,
        encoding: secret.spec.encoding,
        text: secret.text,
        not_before: secret.spec.not_before,
        not_after: secret.spec.not_after,
    });
    let unfit = |fault| BuildError::Key { integration: plan.name.clone(), fault };
    KeyRing::build(&plan.scheme, material.collect()).map_err(|faults| faults.into_iter().map(unfit).collect())
}

fn upstream(plan: &IntegrationPlan) -> Result<Upstream, BuildError> {
    let mut headers = Vec::with_capacity(plan.target.headers.len());
    for (name, source) in &plan.target.headers {
        let value = secrets::read(source);
        headers.push((name.clone(), value.map_err(|fault| BuildError::Header { integration: plan.name.clone(), fault })?));
    }
    let built = Upstream::build(&plan.target, &plan.scheme, headers);
    built.map_err(|fault| BuildError::Upstream { integration: plan.name.clone(), fault })
}

/// Ties prepared integrations to what outlives them.
pub fn site(plan: &Plan, prepared: Vec<Prepared>, shared: &Arc<Shared>, workers: usize) -> Site {
    let names: Vec<_> = prepared.iter().map(|one| one.plan.name.clone()).collect();
    let parts = shared.store.divide(&names);
    let mut router = Router::default();
    let mut integrations = Vec::with_capacity(prepared.len());
    for (index, (one, share)) in prepared.into_iter().zip(parts).enumerate() {
        router.insert(one.plan.host.as_deref(), &one.plan.path, index);
        integrations.push(Arc::new(integration(plan, one, share, shared, workers)));
    }
    Site { router, integrations, cold_start: plan.replay.cold_start, shared: Arc::clone(shared) }
}

fn integration(plan: &Plan, one: Prepared, share: ShareId, shared: &Shared, workers: usize) -> Integration {
    let Prepared { plan: own, keys, upstream } = one;
    let now = shared.clock.now().wall;
    Integration {
        replay: replay_terms(plan, &own, share, shared),
        admission: AdmitTerms::new(own.sources_allow.as_deref(), &own.scheme),
        events: EventRules { allow: own.events_allow.clone() },
        pace: Pace::new(own.rate_limit),
        pools: (0..workers).map(|_| upstream.pool(&shared.clock)).collect(),
        common_pool: upstream.pool(&shared.clock),
        metrics: shared.metrics.integration(&own.name, &own.scheme.name),
        provider_metrics: shared.metrics.provider(&own.scheme.name),
        secrets: secret_uses(&own, shared, now),
        about: About { host: own.host, path: own.path, owner: own.owner, review_by: own.review_by },
        max_body_bytes: own.max_body_bytes,
        tolerance: own.tolerance,
        on_replay: own.on_replay,
        on_event_denied: own.on_event_denied,
        enabled: own.enabled,
        name: own.name,
        scheme: own.scheme,
        keys,
    }
}

fn secret_uses(own: &IntegrationPlan, shared: &Shared, now: UnixTime) -> Vec<SecretUse> {
    let one = |secret: &SecretSpec| {
        let metrics = shared.metrics.secret(&own.name, &secret.id, secret.not_after);
        SecretUse::new(secret.id.clone(), (secret.not_before, secret.not_after), now, metrics)
    };
    own.secrets.iter().map(one).collect()
}

fn replay_terms(plan: &Plan, own: &IntegrationPlan, share: ShareId, shared: &Shared) -> ReplayTerms {
    let timeout = own.target.timeout;
    ReplayTerms {
        store: Arc::clone(&shared.store),
        integration: own.name.clone(),
        protection: if own.replay { Protection::On } else { Protection::Off },
        share,
        lease: timeout.saturating_add(LEASE_MARGIN),
        lapse: timeout,
        history: HistoryTerms { cold_start: plan.replay.cold_start, untimed_window: own.untimed_window, raised: None },
    }
}

/// A claim must outlast its attempt: the upstream's timeout, and what a busy machine adds to it.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
