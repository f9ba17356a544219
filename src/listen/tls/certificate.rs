//! One certificate with its key, the names it bears and its end.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::pem;
use crate::domain::time::UnixTime;
use crate::listen::error::TlsError;
use crate::listen::spec::CertificateSpec;

/// A certificate that can be served.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) not_after: UnixTime,
    /// DNS names it bears, in lower case; `*.` first for a wildcard.
    names: Vec<String>,
}

impl Certificate {
    /// Reads both files and makes sure that they belong together.
    pub(super) fn load(spec: &CertificateSpec) -> Result<Self, TlsError> {
        let chain = pem::chain(&spec.cert)?;
        let bad_certificate = || TlsError::BadCertificate { path: spec.cert.clone() };
        let (names, not_after) = chain.first().and_then(|leaf| facts(leaf)).ok_or_else(bad_certificate)?;
        let key = any_supported_type(&pem::key(&spec.key)?);
        let key = key.map_err(|_| TlsError::BadKey { path: spec.key.clone() })?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(|_| TlsError::KeyMismatch { cert: spec.cert.clone(), key: spec.key.clone() })?;
        Ok(Self { certified: Arc::new(certified), not_after, names })
    }

    /// Whether it bears this name, given in lower case: exactly, or by a wildcard for the first label.
    pub(super) fn bears(&self, name: &str) -> bool {
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|own| own == name || own.strip_prefix("*.").is_some_and(|rest| parent == Some(rest)))
    }
}

fn facts(leaf: &[u8]) -> Option<(Vec<String>, UnixTime)> {
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    let not_after = UnixTime::from_seconds(certificate.validity().not_after.timestamp());
    let alternative = certificate.subject_alternative_name().ok()?;
    let names = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    Some((names.collect(), not_after))
}
