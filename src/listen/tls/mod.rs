//! TLS of one listener: versions, certificates, the handshake.
//!
//! 1. TLS 1.2 and 1.3 or 1.3 alone; `http/1.1` is the one protocol.
//! 2. No early data: it can be replayed by anyone who saw it.
//! 3. One certificate serves whatever name is asked for. Of several the one that bears the name serves; a name that none
//!    bears ends the handshake; without a name the first serves.
//! 4. A handshake has `header_timeout`, and only so many run at once: peers in the middle of one cannot take every slot.
//!
//! Tickets are made and read by this listener's configuration alone: a session of another listener proves nothing here.

mod certificate;
mod choice;
mod handshake;
mod pem;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use self::choice::{CertificateChoice, Certificates};
pub(super) use self::handshake::Handshakes;
use super::error::TlsError;
use super::spec::{CertificateSpec, TlsSpec, TlsVersion};
use crate::domain::time::UnixTime;

/// The TLS settings that a listener's connections share.
#[derive(Debug)]
pub struct TlsEntry {
    config: Arc<ServerConfig>,
    choice: Arc<CertificateChoice>,
}

/// Certificates that were read and can be served.
#[derive(Debug)]
#[must_use = "certificates serve nobody until they are put in use"]
pub struct FreshCertificates(Arc<Certificates>);

impl FreshCertificates {
    /// The ends of validity, in the order of the configuration.
    #[must_use]
    pub fn not_after(&self) -> Vec<UnixTime> {
        self.0.not_after()
    }
}

impl TlsEntry {
    /// Reads the certificates and prepares the settings.
    pub fn load(spec: &TlsSpec) -> Result<Self, TlsError> {
        let choice = Arc::new(CertificateChoice(ArcSwap::from_pointee(Certificates::load(&spec.certificates)?)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions(spec.min_version))
            .map_err(TlsError::Settings)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&choice) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.max_early_data_size = 0;
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Settings)?;
        Ok(Self { config: Arc::new(config), choice })
    }

    /// Reads certificates, for [`TlsEntry::replace`]. Those in use stay.
    pub fn read(&self, certificates: &[CertificateSpec]) -> Result<FreshCertificates, TlsError> {
        Certificates::load(certificates).map(|fresh| FreshCertificates(Arc::new(fresh)))
    }

    /// Puts certificates in use; the next handshake sees them.
    pub fn replace(&self, fresh: FreshCertificates) {
        self.choice.0.store(fresh.0);
    }

    /// The ends of validity, in the order of the configuration.
    #[must_use]
    pub fn not_after(&self) -> Vec<UnixTime> {
        self.choice.0.load().not_after()
    }
}

fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match min {
        TlsVersion::V12 => &SINCE_12,
        TlsVersion::V13 => &SINCE_13,
    }
}

static SINCE_12: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static SINCE_13: [&SupportedProtocolVersion; 1] = [&TLS13];
