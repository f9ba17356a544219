//! Checked settings of listeners and connections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::name::ListenerName;

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerSpec {
    /// Its name in the audit log.
    pub name: ListenerName,
    /// Where it listens.
    pub bind: SocketAddr,
    /// What a connection must speak.
    pub entry: EntrySpec,
}

/// What a connection must speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntrySpec {
    /// TLS, ended here.
    Tls(TlsSpec),
    /// Plaintext, on which every request is answered 403.
    PlaintextReject,
}

/// TLS of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSpec {
    /// At least one certificate; several are chosen by SNI.
    pub certificates: Vec<CertificateSpec>,
    /// The oldest version spoken.
    pub min_version: TlsVersion,
}

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSpec {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 and later.
    V12,
    /// TLS 1.3 only.
    V13,
}

/// Bounds of every connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The largest request head.
    pub max_header_bytes: usize,
    /// Connections at once, all together.
    pub max_connections: usize,
    /// Connections at once of one source.
    pub max_connections_per_source: usize,
    /// From the first byte of a head to its last; also the TLS handshake.
    pub header_timeout: Duration,
    /// Without a request.
    pub idle_timeout: Duration,
    /// The most bytes discarded after an early refusal: one and a half times the largest body.
    pub linger_bytes: u64,
}
