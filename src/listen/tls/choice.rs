//! Which certificate serves a handshake. Replaced whole when the files change.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;
use crate::domain::time::UnixTime;
use crate::listen::error::TlsError;
use crate::listen::spec::CertificateSpec;

/// The certificates in use. Held by the settings and by whoever reloads.
#[derive(Debug)]
pub(super) struct CertificateChoice(pub(super) ArcSwap<Certificates>);

impl ResolvesServerCert for CertificateChoice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.load();
        let certificate = certificates.choose(hello.server_name())?;
        Some(Arc::clone(&certificate.certified))
    }
}

/// At least one certificate, in the order of the configuration.
#[derive(Debug)]
pub(super) struct Certificates {
    first: Certificate,
    others: Vec<Certificate>,
}

impl Certificates {
    /// Reads all of them or none.
    pub(super) fn load(specs: &[CertificateSpec]) -> Result<Self, TlsError> {
        let (first, others) = specs.split_first().ok_or(TlsError::NoneNamed)?;
        let first = Certificate::load(first)?;
        let others = others.iter().map(Certificate::load).collect::<Result<_, _>>()?;
        Ok(Self { first, others })
    }

    /// The certificate for a name, or for none.
    pub(super) fn choose(&self, name: Option<&str>) -> Option<&Certificate> {
        let Some(name) = name.filter(|_| !self.others.is_empty()) else {
            return Some(&self.first);
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.all().find(|certificate| certificate.bears(&name))
    }

    /// Whether a host lives behind another certificate than the one that a name has chosen: that one does not bear the host,
    /// and another one does.
    pub(super) fn is_misdirected(&self, name: &str, host: &str) -> bool {
        let chosen = self.choose(Some(name)).is_some_and(|certificate| certificate.bears(host));
        !chosen && self.all().any(|certificate| certificate.bears(host))
    }

    /// Whether a name has to choose.
    pub(super) const fn is_one(&self) -> bool {
        self.others.is_empty()
    }

    pub(super) fn not_after(&self) -> Vec<UnixTime> {
        self.all().map(|certificate| certificate.not_after).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.first).chain(&self.others)
    }
}
