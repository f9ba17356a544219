//! The grammar of `upstream`: `https://…`, `http://…`, `unix:SOCKET:/PATH`.
//!
//! Pure. Invariants: the host is a name or an address and nothing that a resolver or an HTTP client could read otherwise; no
//! user, no fragment; what is sent as the request target begins with `/` and is printable ASCII.

use std::net::{IpAddr, Ipv6Addr};

use super::route;

/// Where deliveries go, as the URL says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Upstream {
    pub(in crate::config) transport: Transport,
    pub(in crate::config) path_and_query: String,
    /// The value of `Host`.
    pub(in crate::config) authority: String,
}

/// By what it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum Transport {
    Http { host: String, port: u16 },
    Https { host: String, port: u16 },
    Unix(String),
}

/// Why a text is no upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::config) enum UpstreamError {
    #[error("must begin with `https://`, `http://` or `unix:`")]
    Scheme,
    #[error("must not hold a user or password")]
    User,
    #[error("must not hold a fragment")]
    Fragment,
    #[error("must name a host, or an address with IPv6 in brackets")]
    Host,
    #[error("must have a port from 1 to 65535")]
    Port,
    #[error("must have a path of printable ASCII without spaces")]
    Path,
    #[error("must name a socket of 1 to {max} bytes, then `:` and a path that begins with `/`")]
    Socket { max: usize },
}

/// What the kernel holds of a socket's path.
const SOCKET_BYTES_MAX: usize = 107;

/// Parses the whole.
pub(in crate::config) fn parse(text: &str) -> Result<Upstream, UpstreamError> {
    if let Some(rest) = text.strip_prefix("unix:") {
        return parse_unix(rest);
    }
    let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        (None, None) => return Err(UpstreamError::Scheme),
    };
    let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = parse_authority(authority)?;
    let path_and_query = parse_target(target)?;
    let standard = if tls { 443 } else { 80 };
    let authority = written(&host, port.filter(|port| *port != standard));
    let port = port.unwrap_or(standard);
    let transport = if tls { Transport::Https { host, port } } else { Transport::Http { host, port } };
    Ok(Upstream { transport, path_and_query, authority })
}

fn parse_unix(rest: &str) -> Result<Upstream, UpstreamError> {
    let fault = UpstreamError::Socket { max: SOCKET_BYTES_MAX };
    let (socket, target) = match rest.find(":/") {
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at.saturating_add(1)..).unwrap_or_default()),
        None if rest.contains(':') => return Err(fault),
        None => (rest, ""),
    };
    if socket.is_empty() || socket.len() > SOCKET_BYTES_MAX || socket.contains(char::is_control) {
        return Err(fault);
    }
    let path_and_query = parse_target(target)?;
    Ok(Upstream { transport: Transport::Unix(socket.to_owned()), path_and_query, authority: "localhost".to_owned() })
}

fn parse_authority(text: &str) -> Result<(String, Option<u16>), UpstreamError> {
    if text.contains('@') {
        return Err(UpstreamError::User);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(UpstreamError::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| UpstreamError::Host)?;
        return Ok((address.to_string(), parse_port(after)?));
    }
    let (host, after) = text.split_at(text.find(':').unwrap_or(text.len()));
    Ok((parse_name(host)?, parse_port(after)?))
}

fn parse_name(host: &str) -> Result<String, UpstreamError> {
    if route::is_host_name(host) { Ok(host.to_ascii_lowercase()) } else { Err(UpstreamError::Host) }
}

/// Nothing, or `:` and a number.
fn parse_port(text: &str) -> Result<Option<u16>, UpstreamError> {
    let Some(digits) = text.strip_prefix(':') else {
        return if text.is_empty() { Ok(None) } else { Err(UpstreamError::Host) };
    };
    let port = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    port.filter(|port| *port != 0).map(Some).ok_or(UpstreamError::Port)
}

fn parse_target(text: &str) -> Result<String, UpstreamError> {
    if text.contains('#') {
        return Err(UpstreamError::Fragment);
    }
    let target = if text.starts_with('/') { text.to_owned() } else { format!("/{text}") };
    let fits = target.bytes().all(|byte| byte.is_ascii_graphic()) && target.parse::<http::uri::PathAndQuery>().is_ok();
    if fits { Ok(target) } else { Err(UpstreamError::Path) }
}

fn written(host: &str, port: Option<u16>) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    port.map_or(host.clone(), |port| format!("{host}:{port}"))
}

/// Whether a host is this machine, whatever any name service says.
pub(in crate::config) fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>().map(|address| address.to_canonical());
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
