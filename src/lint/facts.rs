//! What only the machine knows about a plan, for the lints to look at. pure

use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::time::UnixTime;
use crate::lint::finding::At;

/// What was found on the machine. What could not be read is not here: that is a fault, not a finding.
#[derive(Debug)]
pub struct Facts {
    /// The time.
    pub now: UnixTime,
    /// The integrations' secrets.
    pub secrets: Vec<SecretFacts>,
    /// Files of secrets and private keys that everybody on the machine can read, and that are not in memory only.
    pub exposed: Vec<ExposedFile>,
    /// Certificates of listeners and upstreams.
    pub certificates: Vec<CertificateFacts>,
}

impl Facts {
    /// Nothing but the time.
    #[must_use]
    pub const fn at(now: UnixTime) -> Self {
        Self { now, secrets: Vec::new(), exposed: Vec::new(), certificates: Vec::new() }
    }
}

/// What may be said of a secret.
#[derive(Debug)]
pub struct SecretFacts {
    /// Whose.
    pub integration: IntegrationName,
    /// Which.
    pub id: SecretId,
    /// How many bytes it has once it is decoded; `None` for a public key.
    pub bytes: Option<usize>,
    /// The same number for the same secret, and for no other.
    pub likeness: usize,
}

/// A file that too many can read.
#[derive(Debug)]
pub struct ExposedFile {
    /// Where the configuration names it.
    pub at: At,
    /// Whose it is; absent for the gateway's own.
    pub integration: Option<IntegrationName>,
    /// Its path.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
}

/// What a certificate says.
#[derive(Debug)]
pub struct CertificateFacts {
    /// Where the configuration names it.
    pub at: At,
    /// Whose it is; absent for a listener's.
    pub integration: Option<IntegrationName>,
    /// Which listener serves it, by its index.
    pub listener: Option<usize>,
    /// The file.
    pub path: String,
    /// When it ends.
    pub not_after: UnixTime,
    /// The DNS names it bears, in lower case; a wildcard begins with `*.`.
    pub names: Vec<String>,
}

impl CertificateFacts {
    /// Whether it bears a name, given in lower case: exactly, or by a wildcard for the first label.
    #[must_use]
    pub fn bears(&self, name: &str) -> bool {
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|own| own == name || own.strip_prefix("*.").is_some_and(|rest| parent == Some(rest)))
    }
}
