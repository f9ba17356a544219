//! Plan to site: reads secrets, builds keys, upstreams and budgets. Whole or not at all.
//!
//! Everything that can be wrong is found before anything runs, all of it at once; `check` runs this very code and throws
//! the result away.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::checkpoint::{KeyFault, Signer};
use crate::audit::error::AuditError;
use crate::audit::spec::AuditSpec;
use crate::config::plan::{IntegrationPlan, Plan};
use crate::domain::name::IntegrationName;
use crate::gate::admit::sources::SourceTable;
use crate::gate::admit::terms::AdmitTerms;
use crate::gate::forward::error::ForwardBuildError;
use crate::gate::forward::upstream::Upstream;
use crate::gate::intake::gate::Intake;
use crate::gate::pace::gate::Pace;
use crate::gate::replay::disk::error::DiskError;
use crate::gate::replay::history::HistoryTerms;
use crate::gate::replay::redis::error::RedisOpenError;
use crate::gate::replay::store::{ReplayStore as _, ShareId};
use crate::gate::replay::terms::{Protection, ReplayTerms};
use crate::gate::scope::rules::EventRules;
use crate::gate::verify::error::KeyError;
use crate::gate::verify::keys::{KeyMaterial, KeyRing};
use crate::inventory::board::Track;
use crate::inventory::finding::Terms;
use crate::listen::error::ListenError;
use crate::listen::spec::BindAddress;
use crate::pipeline::exposure::{Needle, Needles, needles_of};
use crate::pipeline::integration::{About, Integration, Pools, SecretUse};
use crate::pipeline::keys::Keys;
use crate::pipeline::router::Router;
use crate::pipeline::site::{Shared, Site};
use crate::secrets::spec::{SecretSource, SecretSpec};
use crate::secrets::{self, SecretError, SecretFault};
use crate::server::material::{Material, Seal, Sealed, SealedSecrets};
use crate::server::otlp::{self, ClientError};
use crate::server::standing::{Before, Ground, Standing};
use crate::server::state_directory::StateDirectoryError;
use crate::server::watch::print::Print;
use crate::server::watch::targets;
use crate::switch::error::SwitchError;
use crate::telemetry::spec::OtlpSpec;

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
        address: BindAddress,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state directory cannot be had.
    #[error(transparent)]
    State(#[from] StateDirectoryError),
    /// The positions of the kill switches cannot be had.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// The replay store on disk cannot be opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The audit log cannot be opened.
    #[error("audit log: {0}")]
    Audit(#[from] AuditError),
    /// The key of the audit log's checkpoints cannot be had.
    #[error("audit.signing_key: {0}")]
    SigningKey(#[from] SigningKeyError),
    /// Telemetry cannot be sent with what there is.
    #[error(transparent)]
    Telemetry(#[from] ClientError),
    /// The URL of Redis cannot be read.
    #[error("replay.redis.url: {fault}")]
    RedisUrl {
        /// What is wrong with it.
        fault: SecretError,
    },
    /// Redis cannot hold the claims.
    #[error("replay.redis: {0}")]
    Redis(#[from] RedisOpenError),
    /// The process cannot be set up.
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Why there is no key for the audit log's checkpoints.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// It cannot be read.
    #[error(transparent)]
    Unread(SecretError),
    /// It is no key.
    #[error("{from} {fault}")]
    NoKey {
        /// The variable or the file.
        from: SecretSource,
        /// What is wrong with it.
        fault: KeyFault,
    },
}

/// Reads the key that signs the audit log's checkpoints, if there is to be one.
pub fn audit_signer(spec: &AuditSpec) -> Result<Option<Signer>, SigningKeyError> {
    let Some(source) = &spec.signing_key else { return Ok(None) };
    let text = secrets::read(source).map_err(SigningKeyError::Unread)?;
    Signer::parse(&text).map(Some).map_err(|fault| SigningKeyError::NoKey { from: source.clone(), fault })
}

/// Whether telemetry can be sent with what the spec names.
pub fn examine_telemetry(spec: &OtlpSpec) -> Result<(), BuildError> {
    Ok(otlp::examine(spec)?)
}

/// One integration with its secrets read and its upstream built, not yet tied to a running gateway.
pub(crate) struct Prepared {
    plan: IntegrationPlan,
    keys: KeyRing,
    upstream: Upstream,
    material: Material,
    needles: Vec<Needle>,
}

impl Prepared {
    /// Whose it is, and what it was built from.
    pub(crate) fn material(&self) -> (IntegrationName, Material) {
        (self.plan.name.clone(), self.material.clone())
    }
}

/// Reads and builds everything that the plan's integrations need, or says everything that is wrong.
pub(crate) fn prepare(plan: &Plan, seal: &Seal) -> Result<Vec<Prepared>, Vec<BuildError>> {
    let mut prepared = Vec::with_capacity(plan.integrations.len());
    let mut faults = Vec::new();
    for integration in &plan.integrations {
        match prepare_one(integration, seal) {
            Ok(one) => prepared.push(one),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(prepared) } else { Err(faults) }
}

fn prepare_one(plan: &IntegrationPlan, seal: &Seal) -> Result<Prepared, Vec<BuildError>> {
    let keys = keys(plan, seal);
    let upstream = upstream(plan, seal).map_err(|fault| vec![fault]);
    match (keys, upstream) {
        (Ok((keys, secrets, needles)), Ok((upstream, sealed))) => {
            let material = Material { secrets, upstream: sealed };
            Ok(Prepared { plan: plan.clone(), keys, upstream, material, needles })
        }
        (keys, upstream) => Err(keys.err().into_iter().chain(upstream.err()).flatten().collect()),
    }
}

fn keys(plan: &IntegrationPlan, seal: &Seal) -> Result<(KeyRing, SealedSecrets, Vec<Needle>), Vec<BuildError>> {
    let unread = |fault| BuildError::Secret { integration: plan.name.clone(), fault };
    let loaded = secrets::load_all(&plan.secrets).map_err(|faults| faults.into_iter().map(unread).collect::<Vec<_>>())?;
    let sealed = loaded.iter().map(|secret| (secret.spec.id.clone(), seal.bytes(secret.text.expose()))).collect();
    let is_secret = !plan.scheme.signature.algorithm.is_asymmetric();
    let kept = loaded.iter().filter(|_| is_secret);
    let needles = kept.flat_map(|secret| needles_of(&plan.name, &secret.spec.id, secret.text.expose())).collect();
    let material = loaded.into_iter().map(|secret| KeyMaterial {
        id: secret.spec.id,
        key_id: secret.spec.key_id,
        encoding: secret.spec.encoding,
        text: secret.text,
        not_before: secret.spec.not_before,
        not_after: secret.spec.not_after,
    });
    let unfit = |fault| BuildError::Key { integration: plan.name.clone(), fault };
    let keys = KeyRing::build(&plan.scheme, material.collect());
    keys.map(|keys| (keys, sealed, needles)).map_err(|faults| faults.into_iter().map(unfit).collect())
}

fn upstream(plan: &IntegrationPlan, seal: &Seal) -> Result<(Upstream, Sealed), BuildError> {
    let mut headers = Vec::with_capacity(plan.target.headers.len());
    for (name, source) in &plan.target.headers {
        let value = secrets::read(source);
        headers.push((name.clone(), value.map_err(|fault| BuildError::Header { integration: plan.name.clone(), fault })?));
    }
    let values: Vec<_> = headers.iter().map(|(_, value)| seal.bytes(value.expose())).collect();
    let files: Vec<_> = targets::of_upstream(&plan.target).iter().map(|file| Print::of(file)).collect();
    let sealed = seal.of(&(values, files));
    let built = Upstream::build(&plan.target, &plan.scheme, headers);
    built.map(|upstream| (upstream, sealed)).map_err(|fault| BuildError::Upstream { integration: plan.name.clone(), fault })
}

/// Builds a site on what was made for it, for whoever runs one without sockets and never changes it.
pub fn first_site(plan: &Plan, shared: &Arc<Shared>, workers: usize) -> Result<Site, Vec<BuildError>> {
    let seal = Seal::default();
    let prepared = prepare(plan, &seal)?;
    Ok(site(plan, prepared, &Ground { shared: Arc::clone(shared), workers, seal }, None))
}

/// Ties prepared integrations to what outlives them. What stands already goes on wherever nothing about it differs.
pub(crate) fn site(plan: &Plan, prepared: Vec<Prepared>, ground: &Ground, standing: Option<&Standing>) -> Site {
    let shared = &ground.shared;
    let names: Vec<_> = prepared.iter().map(|one| one.plan.name.clone()).collect();
    let parts = shared.store.divide(&names);
    let mut router = Router::default();
    let needles = Needles::new(prepared.iter().flat_map(|one| one.needles.iter().cloned()).collect());
    let mut integrations = Vec::with_capacity(prepared.len());
    for (index, (one, share)) in prepared.into_iter().zip(parts).enumerate() {
        router.insert(one.plan.host.as_deref(), &one.plan.path, index);
        let terms = replay_terms(plan, &one.plan, share, ground, standing);
        let before = standing.and_then(|standing| standing.integration(&one.plan.name));
        integrations.push(Arc::new(integration(one, terms, ground, before.as_ref())));
    }
    let sources = standing.and_then(|standing| standing.sources(plan.source_limits));
    let intake = standing.and_then(|standing| standing.intake(plan.intake));
    Site {
        router,
        integrations,
        cold_start: plan.replay.cold_start,
        sources: sources.unwrap_or_else(|| Arc::new(SourceTable::new(plan.source_limits))),
        intake: intake.unwrap_or_else(|| Arc::new(Intake::new(plan.intake))),
        needles,
        shared: Arc::clone(shared),
    }
}

fn integration(one: Prepared, replay: ReplayTerms, ground: &Ground, before: Option<&Before<'_>>) -> Integration {
    let shared = &ground.shared;
    let pace = before.and_then(|before| before.pace(&one.plan));
    let pools = before.and_then(|before| before.pools(&one.plan, &one.material));
    let track = shared.inventory.track(&one.plan.name, shared.clock.now().wall);
    track.expect_secrets(one.plan.secrets.iter().map(|secret| &secret.id), shared.clock.now().wall);
    let secrets = secret_uses(&one, &track, shared, before);
    let Prepared { plan: own, keys, upstream, .. } = one;
    let switch = shared.switches.switch(&own.name);
    let terms = terms(&own);
    let keys = keys.less(Arc::clone(switch.barred()));
    let keys = Keys::new(keys, Arc::clone(&own.scheme), &own.secrets, Arc::clone(&shared.texts));
    Integration {
        replay,
        admission: AdmitTerms::new(own.sources_allow.as_deref(), &own.scheme),
        events: EventRules { allow: own.events_allow },
        pace: pace.unwrap_or_else(|| Arc::new(Pace::new(own.rate_limit))),
        pools: pools.unwrap_or_else(|| Arc::new(connections(&upstream, ground))),
        metrics: shared.metrics.integration(&own.name, &own.scheme.name),
        provider_metrics: shared.metrics.provider(&own.scheme.name),
        secrets,
        about: About {
            upstream: own.target.authority.as_str().into(),
            route: own.path.as_str().into(),
            host: own.host,
            path: own.path,
            owner: own.owner,
            review_by: own.review_by,
        },
        track,
        terms,
        max_body_bytes: own.max_body_bytes,
        tolerance: own.tolerance,
        on_replay: own.on_replay,
        on_event_denied: own.on_event_denied,
        enabled: own.enabled,
        name: own.name,
        scheme: own.scheme,
        keys,
        switch,
    }
}

/// What may be seen of it.
fn terms(own: &IntegrationPlan) -> Terms {
    Terms {
        expect_every: own.expect_every,
        review_by: own.review_by.clone(),
        events: own.events_allow.clone(),
        sources: own.sources_allow.clone(),
        secrets: own.secrets.iter().map(|secret| (secret.id.clone(), secret.not_after)).collect(),
    }
}

fn connections(upstream: &Upstream, ground: &Ground) -> Pools {
    let pool = || upstream.pool(&ground.shared.clock);
    Pools { workers: (0..ground.workers).map(|_| pool()).collect(), common: pool() }
}

/// A secret that this process never had is as old as its id is known; one with another text under the same id begins anew.
fn secret_uses(one: &Prepared, track: &Track, shared: &Shared, before: Option<&Before<'_>>) -> Vec<SecretUse> {
    let now = shared.clock.now().wall;
    let fresh = |secret: &SecretSpec, loaded_at| {
        let metrics = shared.metrics.secret(&one.plan.name, &secret.id, secret.not_after);
        SecretUse::new(secret.id.clone(), (secret.not_before, secret.not_after), loaded_at, metrics)
    };
    let known = |secret: &SecretSpec| match before.and_then(|before| before.secret(&secret.id)) {
        Some(last) => {
            // What comes while the gateway runs is noted when it comes.
            let is_live = secret.source.is_live();
            let is_same_text = is_live || before.is_some_and(|before| before.has_same_text(&secret.id, &one.material));
            if !is_same_text {
                track.renew_secret(&secret.id, now);
            }
            fresh(secret, now).after(last, is_same_text)
        }
        None => fresh(secret, track.secret_since(&secret.id).unwrap_or(now)),
    };
    one.plan.secrets.iter().map(known).collect()
}

fn replay_terms(plan: &Plan, own: &IntegrationPlan, share: ShareId, ground: &Ground, standing: Option<&Standing>) -> ReplayTerms {
    let timeout = own.target.timeout;
    let now = ground.shared.clock.now().wall;
    let raised = standing.and_then(|standing| standing.raised(&own.name, own.tolerance, now));
    ReplayTerms {
        store: Arc::clone(&ground.shared.store),
        protection: if own.replay { Protection::On } else { Protection::Off },
        share,
        lease: timeout.saturating_add(LEASE_MARGIN),
        lapse: timeout,
        history: HistoryTerms { cold_start: plan.replay.cold_start, untimed_window: own.untimed_window, raised },
    }
}

/// A claim must outlast its attempt: the upstream's timeout, and what a busy machine adds to it.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
