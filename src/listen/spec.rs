//! Checked settings of listeners and connections.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::trusted::TrustedProxies;
use crate::domain::name::ListenerName;

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerSpec {
    /// Its name in the audit log.
    pub name: ListenerName,
    /// Where it listens.
    pub bind: BindAddress,
    /// What a connection must speak.
    pub entry: EntrySpec,
    /// Whose word about the source of a request is taken.
    pub trusted_proxies: TrustedProxies,
    /// Whether every connection begins with a PROXY header, from a trusted proxy.
    pub proxy_protocol: bool,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindAddress {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl BindAddress {
    /// The address and port, where it has them.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix { .. } => None,
        }
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix { path, .. } => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// What a connection must speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntrySpec {
    /// TLS, ended here.
    Tls(TlsSpec),
    /// Plaintext, on which every request is answered 403.
    PlaintextReject,
    /// Plaintext, behind a trusted proxy that ended TLS and says so.
    TrustedProxy,
}

/// TLS of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSpec {
    /// At least one certificate; several are chosen by SNI.
    pub certificates: Vec<CertificateSpec>,
    /// The oldest version spoken.
    pub min_version: TlsVersion,
    /// Who issues the certificates that clients must show; without it none is asked for.
    pub client_ca: Option<PathBuf>,
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
    /// Without a request, until no more is kept of a connection than it takes to wait.
    pub quiet_after: Duration,
    /// For a peer to take a whole answer.
    pub answer_timeout: Duration,
    /// Requests of one connection; with the last answer its peer is asked to make another one.
    pub requests_max: u64,
    /// How long a connection lives until its peer is asked that.
    pub age_max: Duration,
    /// The most bytes discarded after an early refusal: one and a half times the largest body.
    pub linger_bytes: u64,
}
