//! The checked configuration: components' specs, no option that means "unset".

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::audit::spec::AuditSpec;
use crate::document::{Fault, Place};
use crate::domain::name::IntegrationName;
use crate::domain::pattern::Pattern;
use crate::domain::size::Rate;
use crate::gate::admit::spec::SourceLimits;
use crate::gate::forward::spec::TargetSpec;
use crate::gate::intake::spec::IntakeLimits;
use crate::gate::replay::spec::ReplaySpec;
use crate::listen::spec::{BindAddress, ConnectionLimits, ListenerSpec};
use crate::provider::scheme::{OnRefusal, Scheme};
use crate::secrets::spec::{SecretSource, SecretSpec};
use crate::telemetry::spec::{LogSpec, OtlpSpec};

/// Everything `serve` needs, checked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where state is kept.
    pub state_dir: PathBuf,
    /// At least one.
    pub listeners: Vec<ListenerSpec>,
    /// The admin listener.
    pub admin: AdminSpec,
    /// Bounds of connections.
    pub connections: ConnectionLimits,
    /// Bounds of bodies.
    pub intake: IntakeLimits,
    /// Draining.
    pub drain: DrainSpec,
    /// Budgets by source.
    pub source_limits: SourceLimits,
    /// Replay protection.
    pub replay: ReplaySpec,
    /// The audit log.
    pub audit: AuditSpec,
    /// The log.
    pub log: LogSpec,
    /// What is sent by OTLP; nothing when absent.
    pub otlp: Option<OtlpSpec>,
    /// At least one, in alphabetical order.
    pub integrations: Vec<IntegrationPlan>,
    /// Lints silenced everywhere.
    pub allow: Vec<AllowedLint>,
    /// Settings that are right and change nothing where they stand, for `check` to say.
    pub without_effect: Vec<Fault>,
    /// The files the plan was read from and the directories that were searched for them, for whoever watches them.
    pub watched: Vec<PathBuf>,
}

/// A finding of `check` that the operator has looked at and accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedLint {
    /// The id of the lint: one of [`super::LINTS`].
    pub lint: &'static str,
    /// Why it is accepted.
    pub reason: String,
}

/// The admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSpec {
    /// Where it listens.
    pub bind: BindAddress,
    /// Probes and metrics only, for those who may not ask more.
    pub probe_bind: Option<SocketAddr>,
    /// The token; on an address that is not loopback every call needs it.
    pub token: Option<SecretSource>,
}

impl Default for AdminSpec {
    /// An absent `[admin]`: loopback, and without a token nothing can be changed through it.
    fn default() -> Self {
        Self { bind: BindAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9901))), probe_bind: None, token: None }
    }
}

impl AdminSpec {
    /// Whether only this machine can reach it: over loopback, or with the permissions of a socket's file.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.bind.tcp().is_none_or(|address| address.ip().is_loopback())
    }
}

/// How the gateway ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainSpec {
    /// Readiness off, still serving.
    pub delay: Duration,
    /// From then until what is left is cut.
    pub timeout: Duration,
}

/// One integration, checked.
#[derive(Clone, Debug)]
pub struct IntegrationPlan {
    /// Its name.
    pub name: IntegrationName,
    /// Where it stands in the configuration.
    pub place: Place,
    /// Its scheme.
    pub scheme: Arc<Scheme>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When it is to be looked at again, `YYYY-MM-DD`.
    pub review_by: Option<String>,
    /// Silence beyond it is a finding; nothing is expected when absent.
    pub expect_every: Option<Duration>,
    /// The host it is reached by, lower-case without port; any when absent.
    pub host: Option<String>,
    /// The exact path.
    pub path: String,
    /// Where deliveries go.
    pub target: TargetSpec,
    /// At least one.
    pub secrets: Vec<SecretSpec>,
    /// How far a signed time may lie from now, in both directions.
    pub tolerance: Duration,
    /// The largest body.
    pub max_body_bytes: u64,
    /// Event types in scope; all when absent.
    pub events_allow: Option<Vec<Pattern>>,
    /// Sources in scope; all when absent.
    pub sources_allow: Option<Vec<IpNet>>,
    /// The integration's own budget, spent by fresh, verified deliveries.
    pub rate_limit: Option<Rate>,
    /// Whether replays are refused.
    pub replay: bool,
    /// How long a delivery without a signed time is remembered.
    pub untimed_window: Duration,
    /// What a replay is answered.
    pub on_replay: OnRefusal,
    /// What an event out of scope is answered.
    pub on_event_denied: OnRefusal,
    /// Whether it takes deliveries at all.
    pub enabled: bool,
    /// Lints silenced here.
    pub allow: Vec<AllowedLint>,
}
