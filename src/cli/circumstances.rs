//! What only the machine knows, for the lints: how long secrets are and which are the same, who may read their files, what
//! certificates say.
//!
//! Invariant: of a secret its length and its likeness to another leave this file, nothing else.

use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::certificates;
use crate::config::plan::{IntegrationPlan, Plan};
use crate::domain::name::IntegrationName;
use crate::domain::time::UnixTime;
use crate::gate::forward::spec::UpstreamAddress;
use crate::gate::replay::spec::StoreSpec;
use crate::gate::verify::keys::shared_secret_bytes;
use crate::lint::facts::{CertificateFacts, ExposedFile, Facts, SecretFacts};
use crate::lint::finding::At;
use crate::listen::spec::{CertificateSpec, EntrySpec, ListenerSpec};
use crate::secrets;
use crate::secrets::spec::SecretSource;

/// Everybody else on the machine may read it.
const READABLE_BY_OTHERS: u32 = 0o004;
/// Everybody else may go through it.
const PASSABLE_BY_OTHERS: u32 = 0o001;

/// A file that should be private, and where the configuration names it.
struct PrivateFile<'p> {
    at: At,
    integration: Option<&'p IntegrationName>,
    path: &'p Path,
}

/// Everything the lints want to know of the machine.
pub(super) fn facts(plan: &Plan, now: UnixTime) -> Facts {
    let mounts = mounts();
    let private = of_gateway(plan).into_iter().chain(plan.integrations.iter().flat_map(of_integration));
    Facts {
        now,
        secrets: secret_facts(plan),
        exposed: private.filter_map(|file| exposed(file, &mounts)).collect(),
        certificates: certificate_facts(plan),
    }
}

fn secret_facts(plan: &Plan) -> Vec<SecretFacts> {
    let (hash, mut known) = (RandomState::new(), HashMap::new());
    let mut facts = Vec::new();
    for integration in &plan.integrations {
        for secret in &integration.secrets {
            let Ok(text) = secrets::read(&secret.source) else { continue };
            let next = known.len();
            let likeness = *known.entry(hash.hash_one(text.expose())).or_insert(next);
            let bytes = shared_secret_bytes(&integration.scheme, secret.encoding, text.expose());
            facts.push(SecretFacts { integration: integration.name.clone(), id: secret.id.clone(), bytes, likeness });
        }
    }
    facts
}

fn of_gateway(plan: &Plan) -> Vec<PrivateFile<'_>> {
    let own = |keys: &[&str], source| file_of(source).map(|path| PrivateFile { at: At::main(keys), integration: None, path });
    let token = plan.admin.token.as_ref().and_then(|token| own(&["admin", "token"], token));
    let redis = match &plan.replay.store {
        StoreSpec::Redis(redis) => own(&["replay", "redis", "url"], &redis.url),
        StoreSpec::Memory | StoreSpec::Disk => None,
    };
    let keys = plan.listeners.iter().enumerate().flat_map(|(index, listener)| {
        let pairs = tls_of(listener);
        let at = At::main(&["listener", &index.to_string(), "tls"]);
        pairs.map(move |pair| PrivateFile { at: at.clone(), integration: None, path: &pair.key })
    });
    keys.chain(token).chain(redis).collect()
}

fn of_integration(integration: &IntegrationPlan) -> Vec<PrivateFile<'_>> {
    let own = |keys: &[&str], path| PrivateFile { at: At::of(integration, keys), integration: Some(&integration.name), path };
    // A public key is everybody's.
    let is_private = !integration.scheme.signature.algorithm.is_asymmetric();
    let secrets = integration.secrets.iter().enumerate().filter(|_| is_private);
    let secrets = secrets.filter_map(|(index, secret)| Some(own(&["secrets", &index.to_string()], file_of(&secret.source)?)));
    let headers = integration.target.headers.iter().filter_map(|(_, source)| Some(own(&["upstream_headers"], file_of(source)?)));
    let client = client_of(integration).map(|(_, key)| own(&["upstream_tls"], key));
    secrets.chain(headers).chain(client).collect()
}

fn tls_of(listener: &ListenerSpec) -> impl Iterator<Item = &CertificateSpec> {
    let tls = match &listener.entry {
        EntrySpec::Tls(tls) => Some(tls),
        EntrySpec::PlaintextReject | EntrySpec::TrustedProxy => None,
    };
    tls.into_iter().flat_map(|tls| &tls.certificates)
}

fn client_of(integration: &IntegrationPlan) -> Option<(&Path, &Path)> {
    match &integration.target.address {
        UpstreamAddress::Https { tls, .. } => tls.client.as_ref().map(|(cert, key)| (cert.as_path(), key.as_path())),
        UpstreamAddress::Http { .. } | UpstreamAddress::Unix(_) => None,
    }
}

fn file_of(source: &SecretSource) -> Option<&Path> {
    match source {
        SecretSource::File(path) | SecretSource::Handshake(path) => Some(path),
        SecretSource::Environment(_) | SecretSource::Url(_) | SecretSource::Certificates(_) => None,
    }
}

fn certificate_facts(plan: &Plan) -> Vec<CertificateFacts> {
    let of = |at: At, integration: Option<&IntegrationName>, listener, path: &Path| {
        let leaf = certificates::leaf(path)?;
        let (path, integration) = (path.display().to_string(), integration.cloned());
        Some(CertificateFacts { at, integration, listener, path, not_after: leaf.not_after, names: leaf.names })
    };
    let listeners = plan.listeners.iter().enumerate().flat_map(|(index, listener)| {
        let at = At::main(&["listener", &index.to_string(), "tls"]);
        tls_of(listener).filter_map(move |pair| of(at.clone(), None, Some(index), &pair.cert))
    });
    let upstreams = plan.integrations.iter().filter_map(|integration| {
        let (cert, _) = client_of(integration)?;
        of(At::of(integration, &["upstream_tls"]), Some(&integration.name), None, cert)
    });
    listeners.chain(upstreams).collect()
}

fn exposed(file: PrivateFile<'_>, mounts: &[Mount]) -> Option<ExposedFile> {
    let real = fs::canonicalize(file.path).ok()?;
    let mode = fs::metadata(&real).ok()?.permissions().mode();
    let is_open = mode & READABLE_BY_OTHERS != 0 && real.ancestors().skip(1).all(is_passable);
    if !is_open || is_in_memory(&real, mounts) {
        return None;
    }
    Some(ExposedFile { at: file.at, integration: file.integration.cloned(), path: file.path.display().to_string(), mode })
}

fn is_passable(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|found| found.permissions().mode() & PASSABLE_BY_OTHERS != 0)
}

/// Where a file system is mounted, and whether it is in memory: what a kubelet or systemd puts there is readable in its own
/// namespace only.
type Mount = (PathBuf, bool);

/// By the innermost mount that it is in; of several at one place the last one counts.
fn is_in_memory(file: &Path, mounts: &[Mount]) -> bool {
    let around = mounts.iter().filter(|(at, _)| file.starts_with(at));
    around.max_by_key(|(at, _)| at.components().count()).is_some_and(|(_, in_memory)| *in_memory)
}

fn mounts() -> Vec<Mount> {
    fs::read_to_string("/proc/self/mountinfo").map(|text| parse_mounts(&text)).unwrap_or_default()
}

/// `ID PARENT DEVICE ROOT MOUNT OPTIONS… - TYPE SOURCE OPTIONS`.
fn parse_mounts(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let in_memory = matches!(after.split(' ').next()?, "tmpfs" | "ramfs");
        Some((PathBuf::from(before.split(' ').nth(4)?), in_memory))
    };
    text.lines().filter_map(mount).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_by_the_type_of_its_mount() {
        let text = "22 1 0:2 / / rw,relatime - ext4 /dev/sda rw\n\
                    23 22 0:3 / /run/credentials rw,nosuid shared:1 master:2 - tmpfs tmpfs rw\n\
                    24 22 0:4 / /var rw - ext4 /dev/sdb rw\nbroken\n25 22 0:5 / /secret ro - ramfs x rw\n";
        let mounts = parse_mounts(text);
        assert_eq!(mounts.len(), 4);
        assert!(is_in_memory(Path::new("/run/credentials/unit/key"), &mounts));
        assert!(is_in_memory(Path::new("/secret"), &mounts));
        assert!(!is_in_memory(Path::new("/run/credentialsx"), &mounts) && !is_in_memory(Path::new("/var/lib/x"), &mounts));
    }

    #[test]
    fn a_file_is_exposed_when_everything_that_leads_to_it_is_open() {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "x").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let told =
            || exposed(PrivateFile { at: At::main(&[]), integration: None, path: &path }, &[]).map(|file| file.mode & 0o777);
        for (folder_mode, mode, expected) in
            [(0o755, 0o644, Some(0o644)), (0o755, 0o640, None), (0o700, 0o644, None), (0o711, 0o604, Some(0o604))]
        {
            set(folder.path(), folder_mode);
            set(&path, mode);
            assert_eq!(told(), expected, "{folder_mode:o} {mode:o}");
        }
        assert!(exposed(PrivateFile { at: At::main(&[]), integration: None, path: &path }, &[("/var".into(), true)]).is_none());
    }
}
