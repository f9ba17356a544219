//! A switch that was thrown, written down: here by an operator, or at another replica.

use crate::audit::record::{Note, SwitchAction};
use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::time::UnixTime;
use crate::pipeline::site::Site;
use crate::switch::order::{Target, Why};

/// What was thrown, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thrown<'a> {
    pub(crate) action: SwitchAction,
    pub(crate) target: &'a Target,
    pub(crate) why: &'a Why,
    pub(crate) until: Option<UnixTime>,
    /// The replica that it was thrown at; absent where there are none.
    pub(crate) origin: Option<&'a str>,
}

impl Thrown<'_> {
    /// Puts it into the log and the audit log.
    pub(crate) fn write_down(&self, site: &Site) {
        let Self { action, target, why, until, origin } = *self;
        let (integration, secret_id) = parts_of(target);
        let reason = why.as_str().to_owned();
        tracing::warn!(
            ?action,
            integration = integration.as_ref().map_or("all", IntegrationName::as_str),
            secret_id = secret_id.as_ref().map(SecretId::as_str),
            reason,
            until = until.map(|until| until.to_string()),
            origin,
            "switch thrown"
        );
        let origin = origin.map(str::to_owned);
        let note = Note::Switch { action, integration, secret_id, reason, until, origin };
        site.shared.auditor.note(site.shared.clock.now().wall, note);
    }
}

/// The integration and the secret that a target names.
pub(crate) fn parts_of(target: &Target) -> (Option<IntegrationName>, Option<SecretId>) {
    match target {
        Target::All => (None, None),
        Target::Integration(name) => (Some(name.clone()), None),
        Target::Secret(name, id) => (Some(name.clone()), Some(id.clone())),
    }
}
