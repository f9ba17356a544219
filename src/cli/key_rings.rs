//! An integration's secrets, read and made into keys, with every fault at its place in the configuration.

use crate::cli::places;
use crate::config::plan::IntegrationPlan;
use crate::document::Fault;
use crate::domain::name::SecretId;
use crate::gate::verify::error::KeyError;
use crate::gate::verify::keys::{KeyMaterial, KeyRing};
use crate::secrets::{self, LoadedSecret};

/// What to do about a secret that cannot be read.
pub(super) const SECRET_HINT: &str = "set the variable, or make the file readable; nothing starts without it";

/// The keys of an integration.
pub(super) fn read(integration: &IntegrationPlan) -> Result<KeyRing, Vec<Fault>> {
    let fault = |id: Option<&SecretId>, reason: &str, hint: &str| fault(integration, id, reason).hint(hint);
    let loaded = secrets::load_all(&integration.secrets).map_err(|unread| {
        unread.iter().map(|unread| fault(Some(&unread.id), &unread.error.to_string(), SECRET_HINT)).collect::<Vec<_>>()
    })?;
    KeyRing::build(&integration.scheme, loaded.into_iter().map(material).collect()).map_err(|errors| {
        let hint = format!("`hookward providers {}` says how its keys are written", integration.scheme.name);
        let reason = |error: &KeyError| format!("the key {}", error.fault);
        errors.iter().map(|error| fault(error.secret_id.as_ref(), &reason(error), &hint)).collect()
    })
}

fn fault(integration: &IntegrationPlan, id: Option<&SecretId>, reason: &str) -> Fault {
    let index = integration.secrets.iter().position(|secret| Some(&secret.id) == id).unwrap_or_default();
    let keys = ["integration", integration.name.as_str(), "secrets", &index.to_string()];
    let id = id.map(SecretId::as_str).unwrap_or_default();
    places::fault(&integration.place.file, &keys, format_args!("secret \"{id}\": {reason}"))
}

fn material(secret: LoadedSecret) -> KeyMaterial {
    KeyMaterial {
        id: secret.spec.id,
        key_id: secret.spec.key_id,
        encoding: secret.spec.encoding,
        text: secret.text,
        not_before: secret.spec.not_before,
        not_after: secret.spec.not_after,
    }
}
