//! Checked settings of one upstream.

use std::path::PathBuf;
use std::time::Duration;

use crate::secrets::spec::SecretSource;

/// Where an integration's deliveries go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSpec {
    /// How to reach it.
    pub address: UpstreamAddress,
    /// Path and query of every request, beginning with `/`; the delivery's own query is added if the integration forwards it.
    pub path_and_query: String,
    /// The value of `Host`.
    pub authority: String,
    /// Connect, send and the whole answer together.
    pub timeout: Duration,
    /// Whether the query of the delivery is forwarded.
    pub forward_query: bool,
    /// Headers added to every request; the values are secrets.
    pub headers: Vec<(http::HeaderName, SecretSource)>,
}

/// How an upstream is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamAddress {
    /// Plaintext HTTP/1.1 to a host and port.
    Http {
        /// A host name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// HTTP/1.1 over TLS, verified.
    Https {
        /// A host name or an address.
        host: String,
        /// The port.
        port: u16,
        /// Roots and client certificate.
        tls: UpstreamTlsSpec,
    },
    /// Plaintext HTTP/1.1 over a unix socket.
    Unix(PathBuf),
}

/// TLS towards an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTlsSpec {
    /// Roots to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// A client certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
}
