//! Whether certificate files hold what they are named for. Nothing of a key ever reaches a message.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::domain::time::UnixTime;

/// Why a certificate or its key is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    /// The certificate file cannot be read.
    #[error("the certificate {file} cannot be read: {source}")]
    Certificate {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file holds no certificate.
    #[error("{file} holds no certificate")]
    Empty {
        /// The file.
        file: String,
    },
    /// The key file cannot be read.
    #[error("the private key {file} cannot be read: {source}")]
    Key {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The two do not belong together, or one is of a kind that TLS does not take.
    #[error("certificate and key cannot be used together: {source}")]
    Pair {
        /// What rustls says.
        source: rustls::Error,
    },
}

/// Reads a chain.
pub(super) fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let name = || file.display().to_string();
    let unreadable = |source| CertificateError::Certificate { file: name(), source };
    let chain = CertificateDer::pem_file_iter(file).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if chain.is_empty() { Err(CertificateError::Empty { file: name() }) } else { Ok(chain) }
}

/// Reads a chain and its key, and holds the one against the other.
pub(super) fn pair(cert: &Path, key: &Path) -> Result<(), CertificateError> {
    let chain = chain(cert)?;
    let key =
        PrivateKeyDer::from_pem_file(key).map_err(|source| CertificateError::Key { file: key.display().to_string(), source })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    CertifiedKey::from_der(chain, key, &provider).map(drop).map_err(|source| CertificateError::Pair { source })
}

/// What a certificate says of itself.
pub(super) struct Leaf {
    pub(super) not_after: UnixTime,
    /// The DNS names it bears, in lower case.
    pub(super) names: Vec<String>,
}

/// The first certificate of a file, if it can be read.
pub(super) fn leaf(file: &Path) -> Option<Leaf> {
    let chain = chain(file).ok()?;
    let (_, certificate) = X509Certificate::from_der(chain.first()?).ok()?;
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|extension| &extension.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    Some(Leaf { not_after: UnixTime::from_seconds(certificate.validity().not_after.timestamp()), names: names.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_compared() {
        use CertificateError as E;
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let [ours, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());
        let cert = file("cert", &ours.cert.pem());
        let key = file("key", &ours.signing_key.serialize_pem());
        let foreign = file("foreign", &other.signing_key.serialize_pem());
        let empty = file("empty", "");
        assert!(pair(&cert, &key).is_ok());
        assert!(matches!(pair(&cert, &foreign), Err(E::Pair { .. })));
        assert!(matches!(pair(&empty, &key), Err(E::Empty { .. })));
        assert!(matches!(pair(&cert, &cert), Err(E::Key { .. })));
        assert!(matches!(pair(&folder.path().join("absent"), &key), Err(E::Certificate { .. })));
    }
}
