//! What one integration admits. Pure.

use std::net::IpAddr;

use http::Method;
use ipnet::{IpNet, Ipv4Net};

use crate::domain::address::Source;
use crate::provider::scheme::{HandshakeShape, Scheme};

/// The sources and methods of one integration.
#[derive(Clone, Debug)]
pub struct AdmitTerms {
    /// All when absent.
    sources: Option<Vec<IpNet>>,
    methods: Vec<Method>,
    allow: String,
}

impl AdmitTerms {
    /// From the configured ranges and the scheme.
    #[must_use]
    pub fn new(sources_allow: Option<&[IpNet]>, scheme: &Scheme) -> Self {
        let methods = methods(scheme);
        let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        Self { sources: sources_allow.map(|ranges| ranges.iter().copied().map(canonical).collect()), methods, allow }
    }

    /// Whether the source is on the list. A unix peer is in no range: where there is a list, it is not on it.
    pub(super) fn allows_source(&self, source: Source) -> bool {
        let Some(ranges) = &self.sources else { return true };
        source.address().is_some_and(|address| ranges.iter().any(|range| range.contains(&address)))
    }

    pub(super) fn allows_method(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    /// The value of `Allow`.
    pub(super) fn allow(&self) -> &str {
        &self.allow
    }
}

/// Deliveries' methods, and those of handshakes that come unsigned; their exact shape is judged after this gate.
fn methods(scheme: &Scheme) -> Vec<Method> {
    let mut methods = scheme.methods.clone();
    for handshake in &scheme.handshakes {
        if let HandshakeShape::Unsigned { method, .. } = &handshake.shape
            && !methods.contains(method)
        {
            methods.push(method.clone());
        }
    }
    methods
}

/// A range of IPv4-mapped addresses as the IPv4 range it means: sources are folded, so it would match none of them.
fn canonical(range: IpNet) -> IpNet {
    let IpNet::V6(mapped) = range else { return range };
    let prefix = mapped.prefix_len().checked_sub(96);
    match (IpAddr::V6(mapped.network()).to_canonical(), prefix) {
        (IpAddr::V4(network), Some(prefix)) => Ipv4Net::new(network, prefix).map_or(range, IpNet::V4),
        (IpAddr::V4(_) | IpAddr::V6(_), _) => range,
    }
}
