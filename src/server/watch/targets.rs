//! Which files a configuration rests on, and which directories show that one of them changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::plan::{IntegrationPlan, Plan};
use crate::gate::forward::spec::{TargetSpec, UpstreamAddress};
use crate::listen::spec::{EntrySpec, ListenerSpec};
use crate::secrets::spec::SecretSource;

/// The files, by absolute paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Targets(BTreeSet<PathBuf>);

impl Targets {
    /// Everything that a plan was read from and names.
    pub(crate) fn of(plan: &Plan) -> Self {
        let listeners = plan.listeners.iter().flat_map(of_listener);
        let integrations = plan.integrations.iter().flat_map(of_integration);
        let token = plan.admin.token.iter().chain(&plan.audit.signing_key).filter_map(of_secret);
        let all = plan.watched.iter().map(PathBuf::as_path).chain(listeners).chain(integrations).chain(token);
        Self(all.map(absolute).collect())
    }

    /// These and those.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The files.
    pub(crate) const fn files(&self) -> &BTreeSet<PathBuf> {
        &self.0
    }

    /// Every directory in which a name could come to mean another file: the file's own, that of every link on the way, and
    /// that of what it leads to.
    pub(crate) fn directories(&self) -> BTreeSet<PathBuf> {
        let mut directories = BTreeSet::new();
        for file in &self.0 {
            let real = fs::canonicalize(file).ok();
            for path in std::iter::once(file).chain(&real) {
                directories.extend(path.parent().map(Path::to_owned));
                if path.is_dir() {
                    directories.insert(path.clone());
                }
            }
            let links = file.ancestors().skip(1).filter(|path| path.is_symlink());
            directories.extend(links.filter_map(Path::parent).map(Path::to_owned));
        }
        directories
    }
}

/// The files of an upstream's TLS.
pub(crate) fn of_upstream(target: &TargetSpec) -> Vec<&Path> {
    let UpstreamAddress::Https { tls, .. } = &target.address else { return Vec::new() };
    let client = tls.client.iter().flat_map(|(cert, key)| [cert, key]);
    tls.ca.iter().chain(client).map(PathBuf::as_path).collect()
}

fn of_listener(listener: &ListenerSpec) -> Vec<&Path> {
    let EntrySpec::Tls(tls) = &listener.entry else { return Vec::new() };
    let pairs = tls.certificates.iter().flat_map(|pair| [&pair.cert, &pair.key]);
    pairs.chain(&tls.client_ca).map(PathBuf::as_path).collect()
}

fn of_integration(integration: &IntegrationPlan) -> Vec<&Path> {
    let secrets = integration.secrets.iter().filter_map(|secret| of_secret(&secret.source));
    let headers = integration.target.headers.iter().filter_map(|(_, source)| of_secret(source));
    secrets.chain(headers).chain(of_upstream(&integration.target)).collect()
}

fn of_secret(source: &SecretSource) -> Option<&Path> {
    match source {
        SecretSource::File(path) => Some(path),
        // What is handed over or fetched is published by whoever does it.
        SecretSource::Environment(_) | SecretSource::Handshake(_) | SecretSource::Url(_) | SecretSource::Certificates(_) => None,
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
impl Targets {
    pub(super) fn from_paths(paths: &[&Path]) -> Self {
        Self(paths.iter().map(|path| absolute(path)).collect())
    }
}
