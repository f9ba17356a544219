//! One self-signed certificate for the whole run, and what trusts it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme, SupportedProtocolVersion};

/// A certificate for `localhost` and `127.0.0.1` with its key.
pub(crate) struct Certificate {
    pub(crate) cert_pem: String,
    pub(crate) key_pem: String,
    client: Arc<ClientConfig>,
    roots: RootCertStore,
    server: Arc<ServerConfig>,
}

impl Certificate {
    /// A new one for this machine, trusted by nobody else.
    pub(crate) fn generate() -> Self {
        Self::of(&["localhost", "127.0.0.1"])
    }

    /// A new one for some names.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self::made(&rcgen::CertificateParams::new(owned(names)).expect("names"))
    }

    fn made(parameters: &rcgen::CertificateParams) -> Self {
        let signing_key = rcgen::KeyPair::generate().expect("a key");
        let made = rcgen::CertifiedKey { cert: parameters.self_signed(&signing_key).expect("a certificate"), signing_key };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a root");
        let client = client_of(roots.clone(), rustls::ALL_VERSIONS);
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("certificate and key belong together");
        Self { cert_pem: made.cert.pem(), key_pem: made.signing_key.serialize_pem(), client, roots, server: Arc::new(server) }
    }

    /// One that ended long ago.
    pub(crate) fn expired() -> Self {
        let mut parameters = rcgen::CertificateParams::new(owned(&["localhost"])).expect("names");
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
        Self::made(&parameters)
    }

    /// One that ends in so many seconds.
    pub(crate) fn ending_in(seconds: i64) -> Self {
        let end = u64::try_from(super::unix_now() + seconds).expect("after 1970");
        let mut parameters = rcgen::CertificateParams::new(owned(&["localhost"])).expect("names");
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(end);
        Self::made(&parameters)
    }

    /// The one of this run.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Certificate> = OnceLock::new();
        SHARED.get_or_init(Self::generate)
    }

    /// A client that trusts this certificate and no other.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }

    /// The same, speaking one version only.
    pub(crate) fn client_of_version(&self, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        client_of(self.roots.clone(), &[version])
    }

    /// The same, offering these protocols.
    pub(crate) fn client_speaking(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut client = ClientConfig::clone(&self.client);
        client.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(client)
    }

    /// A client that takes any certificate for any name at any time.
    pub(crate) fn careless_client() -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = builder.expect("versions").dangerous().with_custom_certificate_verifier(Arc::new(Careless(provider)));
        Arc::new(builder.with_no_client_auth())
    }

    /// The same, showing a certificate of its own.
    pub(crate) fn client_showing(&self, own: &Self) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let chain = vec![CertificateDer::from_pem_slice(own.cert_pem.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes()).expect("a key");
        let client = builder.with_root_certificates(self.roots.clone()).with_client_auth_cert(chain, key);
        Arc::new(client.expect("certificate and key belong together"))
    }

    /// A server that shows this certificate and asks for another.
    pub(crate) fn server_asking_for(&self, wanted: &Self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(wanted.roots.clone()), Arc::clone(&provider));
        let chain = vec![CertificateDer::from_pem_slice(self.cert_pem.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("a key");
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let builder = builder.with_client_cert_verifier(verifier.build().expect("a verifier"));
        Arc::new(builder.with_single_cert(chain, key).expect("certificate and key belong together"))
    }

    /// A server that shows this certificate.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn client_of(roots: RootCertStore, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("versions");
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Believes everything, as some senders do.
#[derive(Debug)]
struct Careless(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
