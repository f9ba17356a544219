//! Checked references to secrets: where each one is, never what it is.

use std::path::PathBuf;

use crate::domain::https_url::HttpsUrl;
use crate::domain::name::SecretId;
use crate::domain::time::UnixTime;
use crate::provider::certificate::CertificateUrls;
use crate::provider::scheme::KeyEncoding;

/// Where a secret's text is read from. Closed: a third place would be a variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretSource {
    /// An environment variable.
    Environment(String),
    /// A file; one trailing newline is trimmed.
    File(PathBuf),
    /// A file of the gateway's own, written when the provider hands the secret over.
    Handshake(PathBuf),
    /// A URL that is fetched in the background: public keys only.
    Url(HttpsUrl),
    /// Certificates of a host, each fetched when the first delivery names it.
    Certificates(CertificateUrls),
}

impl SecretSource {
    /// Whether its text may come, or change, while the gateway runs.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        match self {
            Self::Environment(_) | Self::File(_) => false,
            Self::Handshake(_) | Self::Url(_) | Self::Certificates(_) => true,
        }
    }
}

/// One signing secret (or public key) of an integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSpec {
    /// Its id, unique in the integration.
    pub id: SecretId,
    /// Where it is.
    pub source: SecretSource,
    /// The provider's own id of this key, where the request names one.
    pub key_id: Option<String>,
    /// How it is written, where that differs from the scheme's default.
    pub encoding: Option<KeyEncoding>,
    /// Not used before.
    pub not_before: Option<UnixTime>,
    /// Not used from then on.
    pub not_after: Option<UnixTime>,
}
