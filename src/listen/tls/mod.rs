//! TLS of one listener: versions, certificates, the handshake.
//!
//! 1. TLS 1.2 and 1.3 or 1.3 alone; `h2` and `http/1.1` are the protocols, and HTTP/1.1 is spoken where none is agreed on.
//! 2. No early data: it can be replayed by anyone who saw it.
//! 3. One certificate serves whatever name is asked for. Of several the one that bears the name serves; a name that none
//!    bears ends the handshake; without a name the first serves.
//!    A request on a connection made for one of several must not be for a host of another: hosts behind different
//!    certificates are different houses. Trusted proxies may bring what they like over one connection.
//! 4. A handshake has `header_timeout`, and only so many run at once: peers in the middle of one cannot take every slot.
//!
//! 5. With `client_ca` a client shows a certificate that it issued, or there is no handshake.
//!
//! Tickets are made and read by this listener's configuration alone: a session of another listener proves nothing here, so
//! none that was begun without a client's certificate can be resumed where one is asked for. Reading the client CA anew
//! makes new tickets, too: a session that an earlier one vouched for ends with it.

mod certificate;
mod choice;
mod handshake;
mod pem;
#[cfg(test)]
pub(super) mod tests;

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use self::choice::{CertificateChoice, Certificates};
pub(super) use self::handshake::{Handshakes, Secured};
use super::error::TlsError;
use super::spec::{CertificateSpec, TlsSpec, TlsVersion};
use crate::domain::time::UnixTime;

/// The TLS settings that a listener's connections share.
#[derive(Debug)]
pub struct TlsEntry {
    config: ArcSwap<ServerConfig>,
    choice: Arc<CertificateChoice>,
    spec: TlsSpec,
}

/// Certificates that were read and can be served.
#[derive(Debug)]
#[must_use = "certificates serve nobody until they are put in use"]
pub struct FreshCertificates {
    certificates: Arc<Certificates>,
    /// New settings where clients must show certificates, because who issues those is part of them.
    config: Option<Arc<ServerConfig>>,
}

impl FreshCertificates {
    /// The ends of validity, in the order of the configuration.
    #[must_use]
    pub fn not_after(&self) -> Vec<UnixTime> {
        self.certificates.not_after()
    }
}

impl TlsEntry {
    /// Reads the certificates and prepares the settings.
    pub fn load(spec: &TlsSpec) -> Result<Self, TlsError> {
        let choice = Arc::new(CertificateChoice(ArcSwap::from_pointee(Certificates::load(&spec.certificates)?)));
        Ok(Self { config: ArcSwap::from_pointee(settings(spec, &choice)?), choice, spec: spec.clone() })
    }

    /// Reads certificates and the client CA, for [`TlsEntry::replace`]. Those in use stay.
    pub fn read(&self, certificates: &[CertificateSpec]) -> Result<FreshCertificates, TlsError> {
        let certificates = Arc::new(Certificates::load(certificates)?);
        let is_mutual = self.spec.client_ca.is_some();
        let config = is_mutual.then(|| settings(&self.spec, &self.choice).map(Arc::new)).transpose()?;
        Ok(FreshCertificates { certificates, config })
    }

    /// Puts certificates in use; the next handshake sees them.
    pub fn replace(&self, fresh: FreshCertificates) {
        if let Some(config) = fresh.config {
            self.config.store(config);
        }
        self.choice.0.store(fresh.certificates);
    }

    /// Whether a request for a host, given in lower case and without a port, came over a connection that was made for another
    /// name whose certificate does not bear the host, though another one of this listener does.
    pub(super) fn is_misdirected(&self, name: &str, host: &str) -> bool {
        self.choice.0.load().is_misdirected(name, host)
    }

    /// The settings for the next handshake.
    fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// The ends of validity, in the order of the configuration.
    #[must_use]
    pub fn not_after(&self) -> Vec<UnixTime> {
        self.choice.0.load().not_after()
    }
}

fn settings(spec: &TlsSpec, choice: &Arc<CertificateChoice>) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions(spec.min_version))
        .map_err(TlsError::Settings)?;
    let builder = match &spec.client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => builder.with_client_cert_verifier(client_verifier(ca)?),
    };
    let mut config = builder.with_cert_resolver(Arc::clone(choice) as _);
    config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Settings)?;
    // Each connection brings the ticket of the next one; a second is made, sealed and sent to be thrown away.
    config.send_tls13_tickets = 1;
    Ok(config)
}

/// Asks for a certificate that one of these issued, and takes none for an answer from nobody.
fn client_verifier(ca: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    let unfit = || TlsError::BadClientCa { path: ca.to_owned() };
    for certificate in pem::chain(ca)? {
        roots.add(certificate).map_err(|_| unfit())?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(|_| unfit())
}

/// HTTP/2 in ALPN.
const HTTP2: &[u8] = b"h2";

fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match min {
        TlsVersion::V12 => &SINCE_12,
        TlsVersion::V13 => &SINCE_13,
    }
}

static SINCE_12: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static SINCE_13: [&SupportedProtocolVersion; 1] = [&TLS13];
