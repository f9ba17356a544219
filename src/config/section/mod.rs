//! The sections that stand once, in the main file.
//!
//! Invariants: every key of every section is asked for, so an unknown one is a fault; an absent section is its default.

mod admin;
mod audit;
mod limits;
mod listener;
mod provider;
mod replay;
mod telemetry;
mod tls;

pub(super) use limits::{BODY_BYTES_MAX, Limits};
pub(super) use provider::providers;
pub(super) use replay::UNTIMED_WINDOW;

use std::path::{Path, PathBuf};

use super::plan::{AdminSpec, AllowedLint, IntegrationPlan, Plan};
use super::{allow, value};
use crate::audit::spec::AuditSpec;
use crate::document::{Entry, Fault, Faults, Table};
use crate::gate::admit::spec::SourceLimits;
use crate::gate::replay::spec::ReplaySpec;
use crate::listen::spec::ListenerSpec;
use crate::telemetry::spec::{LogSpec, OtlpSpec};

/// The keys of the root that an included file may not hold.
pub(super) const MAIN_ONLY: [&str; 11] =
    ["include", "state_dir", "listener", "admin", "limits", "rate_limit", "replay", "audit", "log", "telemetry", "allow"];

/// Everything but the integrations.
pub(super) struct Settings {
    pub(super) state_dir: PathBuf,
    pub(super) listeners: Vec<ListenerSpec>,
    pub(super) admin: AdminSpec,
    pub(super) limits: Limits,
    pub(super) source_limits: SourceLimits,
    pub(super) replay: ReplaySpec,
    pub(super) audit: AuditSpec,
    pub(super) log: LogSpec,
    pub(super) otlp: Option<OtlpSpec>,
    pub(super) allow: Vec<AllowedLint>,
}

/// Reads the main file's root.
pub(super) fn read(root: &Table<'_>, base: &Path, notes: &Faults) -> Settings {
    let sockets = listener::Sockets::new();
    Settings {
        state_dir: value::optional(root, "state_dir", |entry| value::path(entry, base))
            .unwrap_or_else(|| PathBuf::from("/var/lib/hookward")),
        listeners: listener::all(root, base, &sockets, notes),
        admin: section(root, "admin", |table| admin::read(table, base, &sockets)).unwrap_or_default(),
        limits: section(root, "limits", limits::read).unwrap_or_default(),
        source_limits: section(root, "rate_limit", limits::by_source).unwrap_or(limits::BY_SOURCE),
        replay: section(root, "replay", |table| replay::read(table, base, notes)).unwrap_or_else(replay::default),
        audit: section(root, "audit", |table| audit::read(table, base, notes)).unwrap_or_else(audit::default),
        log: section(root, "log", audit::log).unwrap_or(audit::LOG),
        otlp: section(root, "telemetry", |table| telemetry::read(table, base)).flatten(),
        allow: allow::read(root),
    }
}

/// Reads `[admin]` alone.
pub(super) fn admin(root: &Table<'_>, base: &Path) -> AdminSpec {
    let sockets = listener::Sockets::new();
    section(root, "admin", |table| admin::read(table, base, &sockets)).unwrap_or_default()
}

fn section<'d, T>(root: &Table<'d>, key: &str, read: impl FnOnce(&Table<'d>) -> T) -> Option<T> {
    root.entry(key).as_ref().and_then(|entry: &Entry<'d>| entry.table(read))
}

impl Settings {
    /// The whole plan.
    pub(super) fn into_plan(self, integrations: Vec<IntegrationPlan>, without_effect: Vec<Fault>, watched: Vec<PathBuf>) -> Plan {
        let largest = integrations.iter().map(|integration| integration.max_body_bytes).max().unwrap_or(0);
        Plan {
            state_dir: self.state_dir,
            listeners: self.listeners,
            admin: self.admin,
            connections: self.limits.connections(largest),
            intake: self.limits.intake,
            drain: self.limits.drain,
            source_limits: self.source_limits,
            replay: self.replay,
            audit: self.audit,
            log: self.log,
            otlp: self.otlp,
            integrations,
            allow: self.allow,
            without_effect,
            watched,
        }
    }
}
