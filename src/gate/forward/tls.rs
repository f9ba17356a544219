//! TLS towards upstreams: always verified, against the system's roots or the configured ones.

use std::path::Path;
use std::sync::Arc;

use rustls::client::ClientConfig;
use rustls::{ConfigBuilder, RootCertStore, client::WantsClientCert};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::error::ForwardBuildError;
use super::spec::UpstreamTlsSpec;
use crate::trust;

/// Reads the certificates of a spec. The provider is named, so no other crate's choice can make this panic.
pub(super) fn client_config(spec: &UpstreamTlsSpec) -> Result<Arc<ClientConfig>, ForwardBuildError> {
    let roots = match &spec.ca {
        Some(path) => configured_roots(path)?,
        None => system_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ForwardBuildError::Tls)?
        .with_root_certificates(roots);
    let mut config = with_client(builder, spec.client.as_ref().map(|(chain, key)| (chain.as_path(), key.as_path())))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn with_client(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    client: Option<(&Path, &Path)>,
) -> Result<ClientConfig, ForwardBuildError> {
    let Some((chain_path, key_path)) = client else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(chain_path)?;
    let key = PrivateKeyDer::from_pem_file(key_path)
        .map_err(|source| ForwardBuildError::Pem { path: key_path.to_path_buf(), source })?;
    builder.with_client_auth_cert(chain, key).map_err(ForwardBuildError::Tls)
}

fn configured_roots(path: &Path) -> Result<RootCertStore, ForwardBuildError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(ForwardBuildError::Tls)?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, ForwardBuildError> {
    let roots = trust::system_roots();
    if roots.is_empty() { Err(ForwardBuildError::NoSystemRoots) } else { Ok(roots) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ForwardBuildError> {
    let fault = |source| ForwardBuildError::Pem { path: path.to_path_buf(), source };
    let found = CertificateDer::pem_file_iter(path).map_err(fault)?.collect::<Result<Vec<_>, _>>().map_err(fault)?;
    if found.is_empty() {
        return Err(ForwardBuildError::NoCertificate { path: path.to_path_buf() });
    }
    Ok(found)
}
