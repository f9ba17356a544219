//! A certificate that a delivery names by its URL: what must hold before its key verifies anything. Pure.
//!
//! 1. It came from a URL of [`CertificateUrls`]; whoever fetched it made sure of that, and of TLS to exactly that host.
//! 2. The first block is the leaf. It is valid now, is no authority, bears one of the host's names as an alternative name, and
//!    has a key of the scheme's algorithm, for RSA of at least 2048 bits.
//! 3. More blocks are its chain, and then it must lead to a root that is trusted, for that name. A leaf that is served alone
//!    is trusted for where it came from: the provider's own libraries do no more.
//! 4. It verifies for deliveries that name its URL, while it is valid, and for nothing else.

use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::server::ParsedCertificate;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime as TlsTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::KeyFault;
use super::public_key::{self, PublicKey};
use crate::domain::https_url::HttpsUrl;
use crate::domain::time::UnixTime;
use crate::provider::certificate::CertificateUrls;
use crate::provider::scheme::SignatureRule;

/// The longest chain: a leaf, two authorities, a root, and one to spare.
const CHAIN_MAX: usize = 5;

/// A certificate that is fit to verify with.
pub struct Certificate {
    url: HttpsUrl,
    key: PublicKey,
    not_before: UnixTime,
    not_after: UnixTime,
}

/// Why what came is no certificate to verify with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is no PEM, or holds no certificate that can be read.
    #[error("it is no certificate in PEM")]
    Unreadable,
    /// There are too many.
    #[error("it holds more than {CHAIN_MAX} certificates")]
    TooMany,
    /// It is valid at another time.
    #[error("it is not valid now")]
    NotNow,
    /// It is an authority's.
    #[error("it is an authority's")]
    Authority,
    /// It bears none of the names.
    #[error("it bears none of the provider's names")]
    Name,
    /// Its chain leads nowhere that is trusted.
    #[error("its chain leads to no root of the system")]
    Chain,
    /// Its key is not of the scheme.
    #[error("its key {0}")]
    Key(#[from] KeyFault),
}

impl Certificate {
    /// Reads what came from a URL.
    ///
    /// # Errors
    /// [`CertificateError`] for the first thing that does not hold.
    pub fn read(
        rule: &SignatureRule,
        (urls, url): (&CertificateUrls, &HttpsUrl),
        pem: &[u8],
        roots: &RootCertStore,
        now: UnixTime,
    ) -> Result<Self, CertificateError> {
        let blocks = CertificateDer::pem_slice_iter(pem).take(CHAIN_MAX.saturating_add(1));
        let blocks = blocks.collect::<Result<Vec<_>, _>>().map_err(|_| CertificateError::Unreadable)?;
        if blocks.len() > CHAIN_MAX {
            return Err(CertificateError::TooMany);
        }
        let (leaf, chain) = blocks.split_first().ok_or(CertificateError::Unreadable)?;
        let (rest, parsed) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::Unreadable)?;
        if !rest.is_empty() {
            return Err(CertificateError::Unreadable);
        }
        let validity = parsed.validity();
        let not_before = UnixTime::from_seconds(validity.not_before.timestamp());
        // The second that it names is its last.
        let not_after = UnixTime::from_seconds(validity.not_after.timestamp()).plus(Duration::from_secs(1));
        if now < not_before || now >= not_after {
            return Err(CertificateError::NotNow);
        }
        if parsed.is_ca() {
            return Err(CertificateError::Authority);
        }
        let name = borne_name(leaf, urls).ok_or(CertificateError::Name)?;
        if !chain.is_empty() {
            verify_chain(leaf, chain, &name, roots, now)?;
        }
        let key = public_key::from_der(rule, parsed.public_key().raw)?;
        Ok(Self { url: url.clone(), key, not_before, not_after })
    }

    /// Where it came from.
    #[must_use]
    pub const fn url(&self) -> &HttpsUrl {
        &self.url
    }

    /// From when on it verifies nothing.
    #[must_use]
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Its key, for the host's deliveries while it is valid.
    pub(super) fn key(&self, urls: &CertificateUrls, now: UnixTime) -> Option<&PublicKey> {
        let is_valid = self.not_before <= now && now < self.not_after;
        (is_valid && self.url.host() == urls.host()).then_some(&self.key)
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Certificate({})", self.url)
    }
}

/// The first of the names that the leaf bears.
fn borne_name(leaf: &CertificateDer<'_>, urls: &CertificateUrls) -> Option<ServerName<'static>> {
    let parsed = ParsedCertificate::try_from(leaf).ok()?;
    let names = urls.names().iter().filter_map(|name| ServerName::try_from(name.clone()).ok());
    names.into_iter().find(|name| verify_server_name(&parsed, name).is_ok())
}

fn verify_chain(
    leaf: &CertificateDer<'_>,
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    roots: &RootCertStore,
    now: UnixTime,
) -> Result<(), CertificateError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots.clone()), provider).build();
    let seconds = u64::try_from(now.seconds()).map_err(|_| CertificateError::NotNow)?;
    let at = TlsTime::since_unix_epoch(Duration::from_secs(seconds));
    let judged = built.map(|verifier| verifier.verify_server_cert(leaf, chain, name, &[], at));
    if matches!(judged, Ok(Ok(_))) { Ok(()) } else { Err(CertificateError::Chain) }
}
