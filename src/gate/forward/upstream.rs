//! One upstream, built: where it is, how it is trusted, what every request to it carries.
//!
//! Immutable and shared by all workers; each worker takes a pool of its own from it.

use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use rustls_pki_types::ServerName;

use super::connect::Address;
use super::error::ForwardBuildError;
use super::headers::{self, HeaderRules};
use super::pool::{IDLE_TIMEOUT, UpstreamPool};
use super::spec::{TargetSpec, UpstreamAddress, UpstreamTlsSpec};
use super::tls;
use crate::domain::secret::SecretBytes;
use crate::domain::time::Clock;
use crate::provider::scheme::Scheme;

/// Where an integration's deliveries go. Cloning shares it.
#[derive(Clone)]
pub struct Upstream {
    target: Arc<Target>,
}

/// What a request to an upstream needs.
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) path_and_query: PathAndQuery,
    pub(super) forward_query: bool,
    pub(super) rules: HeaderRules,
    pub(super) timeout: Duration,
}

impl Upstream {
    /// Builds an upstream from its spec, its integration's scheme, and the values of its configured headers. Reads the files
    /// that the spec names.
    pub fn build(spec: &TargetSpec, scheme: &Scheme, headers: Vec<(HeaderName, SecretBytes)>) -> Result<Self, ForwardBuildError> {
        let rules = HeaderRules {
            protected: headers::headers_of(scheme),
            stripped: scheme.strip_headers.clone(),
            host: HeaderValue::from_str(&spec.authority).map_err(|_| ForwardBuildError::Authority)?,
            added: headers.into_iter().map(configured_header).collect::<Result<_, _>>()?,
        };
        let target = Target {
            address: address(&spec.address)?,
            path_and_query: path_and_query(&spec.path_and_query)?,
            forward_query: spec.forward_query,
            rules,
            timeout: spec.timeout,
        };
        Ok(Self { target: Arc::new(target) })
    }

    /// A pool for one worker. The clock judges how long a connection was idle.
    #[must_use]
    pub fn pool(&self, clock: &Clock) -> UpstreamPool {
        UpstreamPool::new(Arc::clone(&self.target), clock.clone(), IDLE_TIMEOUT)
    }
}

impl Target {
    /// The request target of a delivery: the upstream's own, and behind it the delivery's query if it is forwarded.
    pub(super) fn with_query(&self, query: Option<&str>) -> Option<PathAndQuery> {
        let Some(query) = query.filter(|_| self.forward_query) else {
            return Some(self.path_and_query.clone());
        };
        let mark = if self.path_and_query.query().is_some() { '&' } else { '?' };
        PathAndQuery::try_from(format!("{}{mark}{query}", self.path_and_query)).ok()
    }

    /// How much of the deadline may pass in waiting for a connection, and again in opening one.
    pub(super) fn connect_share(&self) -> Duration {
        CONNECT_MAX.min(self.timeout / 2)
    }
}

fn configured_header((name, secret): (HeaderName, SecretBytes)) -> Result<(HeaderName, HeaderValue), ForwardBuildError> {
    if headers::is_reserved(&name) {
        return Err(ForwardBuildError::HeaderReserved { name });
    }
    let Ok(mut value) = HeaderValue::from_bytes(secret.expose()) else {
        return Err(ForwardBuildError::HeaderValue { name });
    };
    value.set_sensitive(true);
    Ok((name, value))
}

fn path_and_query(text: &str) -> Result<PathAndQuery, ForwardBuildError> {
    let fault = ForwardBuildError::Path { max_bytes: PATH_BYTES_MAX };
    match text.parse() {
        Ok(path) if text.starts_with('/') && text.len() <= PATH_BYTES_MAX => Ok(path),
        _ => Err(fault),
    }
}

fn address(spec: &UpstreamAddress) -> Result<Address, ForwardBuildError> {
    match spec {
        UpstreamAddress::Http { host, port } => Ok(Address::Tcp { host: bare(host).to_owned(), port: *port }),
        UpstreamAddress::Https { host, port, tls } => tls_address(bare(host), *port, tls),
        UpstreamAddress::Unix(path) => Ok(Address::Unix(path.clone())),
    }
}

fn tls_address(host: &str, port: u16, spec: &UpstreamTlsSpec) -> Result<Address, ForwardBuildError> {
    let host = host.to_owned();
    let Ok(name) = ServerName::try_from(host.clone()) else {
        return Err(ForwardBuildError::ServerName { host });
    };
    Ok(Address::Tls { host, port, name, config: tls::client_config(spec)? })
}

/// An IPv6 address without the brackets of a URL.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host)
}

/// A host that does not even accept within this is down, however patient the deadline is.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// Leaves room for the longest query of a head inside what a request target may be.
const PATH_BYTES_MAX: usize = 8 * 1024;
