//! What only the machine knows about a plan: whether its secrets and certificates are there and are what they should be.
//!
//! Every fault of every part is found in one pass, so that nobody mends them one by one.

use std::path::Path;

use crate::cli::places::fault;
use crate::cli::{certificates, directories, key_rings};
use crate::config::plan::{IntegrationPlan, Plan};
use crate::config::{Examined, UnplannedSecret};
use crate::document::Fault;
use crate::gate::forward::spec::UpstreamAddress;
use crate::gate::replay::redis::address::Address;
use crate::gate::replay::spec::{RedisSpec, StoreSpec};
use crate::listen::spec::{EntrySpec, ListenerSpec};
use crate::secrets;
use crate::server::build::{audit_signer, examine_telemetry};

/// What to do about a certificate that cannot be used.
const CERTIFICATE_HINT: &str = "PEM files, whose relative paths start at the file that names them";

const SIGNING_KEY_HINT: &str = "an Ed25519 key: `openssl genpkey -algorithm ed25519` makes one";
const REDIS_URL_HINT: &str = "such as rediss://user:password@host:6379/0, in the environment or in a file";

/// Every fault of a configuration: what its text says wrong, and what the machine does not have, all at once. Where the text
/// has a fault already, the machine is not asked about a stand-in.
pub(super) fn of_everything(examined: &Examined, file: &Path) -> Vec<Fault> {
    let mut all = examined.faults.clone();
    let told = |fault: &Fault| examined.faults.iter().any(|known| is_about(known, &fault.key));
    let of_plan = examined.plan.iter().flat_map(|plan| [faults(plan, file), directories::faults(plan, file)]).flatten();
    let unplanned = examined.unplanned.iter().filter_map(unreadable);
    all.extend(of_plan.chain(unplanned).filter(|fault| !told(fault)));
    all.sort();
    all.dedup();
    all
}

/// Whether a fault is one of a key, or of something in it.
fn is_about(fault: &Fault, key: &str) -> bool {
    fault.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn unreadable(secret: &UnplannedSecret) -> Option<Fault> {
    let error = secrets::read(&secret.source).err()?;
    let keys: Vec<&str> = secret.keys.iter().map(String::as_str).collect();
    Some(fault(&secret.file, &keys, error).hint(key_rings::SECRET_HINT))
}

/// Every fault of what the plan refers to. `file` is the main file of the configuration.
pub(super) fn faults(plan: &Plan, file: &Path) -> Vec<Fault> {
    let file = file.display().to_string();
    let listeners = plan.listeners.iter().enumerate().flat_map(|(index, listener)| listener_faults(&file, index, listener));
    let mut faults: Vec<Fault> = listeners.chain(plan.integrations.iter().flat_map(integration_faults)).collect();
    if let Some(Err(error)) = plan.admin.token.as_ref().map(secrets::read) {
        faults.push(fault(&file, &["admin", "token"], error).hint(key_rings::SECRET_HINT));
    }
    if let Err(error) = audit_signer(&plan.audit) {
        faults.push(fault(&file, &["audit", "signing_key"], error).hint(SIGNING_KEY_HINT));
    }
    if let Some(Err(error)) = plan.otlp.as_ref().map(examine_telemetry) {
        faults.push(fault(&file, &["telemetry", "otlp"], error).hint(key_rings::SECRET_HINT));
    }
    if let StoreSpec::Redis(spec) = &plan.replay.store {
        faults.extend(redis_faults(&file, spec));
    }
    faults.sort();
    faults.dedup();
    faults
}

fn redis_faults(file: &str, spec: &RedisSpec) -> Vec<Fault> {
    let url = secrets::read(&spec.url).map_err(|error| error.to_string());
    let address = url.and_then(|url| Address::parse(&url).map_err(|error| format!("the URL {error}")));
    let address = address.err().map(|error| fault(file, &["replay", "redis", "url"], error).hint(REDIS_URL_HINT));
    let roots = spec.ca.as_ref().and_then(|ca| certificates::chain(ca).err());
    let roots = roots.map(|error| fault(file, &["replay", "redis", "ca"], error).hint(CERTIFICATE_HINT));
    address.into_iter().chain(roots).collect()
}

fn listener_faults(file: &str, index: usize, listener: &ListenerSpec) -> Vec<Fault> {
    let EntrySpec::Tls(tls) = &listener.entry else { return Vec::new() };
    let pairs = tls.certificates.iter().filter_map(|pair| certificates::pair(&pair.cert, &pair.key).err());
    let issuer = tls.client_ca.as_ref().and_then(|ca| certificates::chain(ca).err());
    pairs.chain(issuer).map(|error| fault(file, &["listener", &index.to_string(), "tls"], error).hint(CERTIFICATE_HINT)).collect()
}

fn integration_faults(integration: &IntegrationPlan) -> Vec<Fault> {
    let mut faults = key_rings::read(integration).err().unwrap_or_default();
    let file = &integration.place.file;
    let name = integration.name.as_str();
    for (header, source) in &integration.target.headers {
        if let Err(error) = secrets::read(source) {
            let keys = ["integration", name, "upstream_headers"];
            faults.push(fault(file, &keys, format_args!("{header}: {error}")).hint(key_rings::SECRET_HINT));
        }
    }
    let errors = upstream_certificate_errors(&integration.target.address);
    faults.extend(errors.map(|error| fault(file, &["integration", name, "upstream_tls"], error).hint(CERTIFICATE_HINT)));
    faults
}

fn upstream_certificate_errors(address: &UpstreamAddress) -> impl Iterator<Item = certificates::CertificateError> {
    let tls = match address {
        UpstreamAddress::Https { tls, .. } => Some(tls),
        UpstreamAddress::Http { .. } | UpstreamAddress::Unix(_) => None,
    };
    let roots = tls.and_then(|tls| tls.ca.as_ref()).and_then(|ca| certificates::chain(ca).err());
    let client = tls.and_then(|tls| tls.client.as_ref()).and_then(|(cert, key)| certificates::pair(cert, key).err());
    roots.into_iter().chain(client)
}
