//! Who sent a request, when proxies stand between. pure
//!
//! 1. Only the word of a trusted peer counts; what anybody else says in `X-Forwarded-*` is not looked at. `Forwarded`,
//!    `X-Real-IP` and their like are read from nobody.
//! 2. On a plaintext listener for trusted proxies a peer that is none is refused, and every element of every
//!    `X-Forwarded-Proto` line must be `https`; none at all is none too few.
//! 3. Where TLS ends here a trusted peer may leave `X-Forwarded-Proto` out; what it says must be `https` nevertheless.
//! 4. The source is the right-most element of all `X-Forwarded-For` lines together that is no trusted proxy: each proxy
//!    appends whom it saw, so everything left of that element is that stranger's own text and is not read. If all are
//!    trusted it is the left-most one, if there is none it is the peer.
//! 5. An element that must be read and is no address (`unknown`, nothing between two commas, a zone), and more than
//!    [`ELEMENTS_MAX`] of them, are malformed: the source cannot be known, so the request is refused.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::HeaderName;

use super::context::{Entry, Origin};
use super::trusted::TrustedProxies;
use crate::domain::address::{Peer, Source};

/// Who is at the other end of a connection, and whether its word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// The socket's other end, or whom a PROXY header names.
    pub(super) peer: Peer,
    /// Whether it is one of the trusted proxies.
    pub(super) trusted: bool,
}

impl Caller {
    /// Where a request comes from whose head was not understood: nothing it says counts.
    pub(super) fn origin_unread(self, entry: Entry) -> Origin {
        match entry {
            Entry::Tls => Origin::Secure(self.peer.source()),
            Entry::TrustedProxy if self.trusted => Origin::Secure(self.peer.source()),
            Entry::TrustedProxy | Entry::PlaintextReject => Origin::Plaintext,
        }
    }

    /// Where a request comes from.
    pub(super) fn origin(self, entry: Entry, trusted: &TrustedProxies, headers: &HeaderMap) -> Origin {
        let unread = self.origin_unread(entry);
        if !self.trusted || unread == Origin::Plaintext {
            return unread;
        }
        match (says_https(headers), entry) {
            (Some(true), _) | (None, Entry::Tls) => {}
            (Some(false) | None, _) => return Origin::Plaintext,
        }
        match farthest(headers, trusted) {
            Ok(source) => Origin::Secure(source.unwrap_or_else(|| self.peer.source())),
            Err(Malformed) => Origin::Malformed,
        }
    }
}

/// Whether every element of `X-Forwarded-Proto` is `https`; nothing where there is no such line.
fn says_https(headers: &HeaderMap) -> Option<bool> {
    let mut lines = headers.get_all(PROTO).iter().peekable();
    lines.peek()?;
    let is_https = |element: &[u8]| element.trim_ascii().eq_ignore_ascii_case(b"https");
    Some(lines.all(|line| line.as_bytes().split(|byte| *byte == b',').all(is_https)))
}

/// An element that is no address.
struct Malformed;

/// The right-most element that is no trusted proxy, or the left-most one; nothing where there is none.
fn farthest(headers: &HeaderMap, trusted: &TrustedProxies) -> Result<Option<Source>, Malformed> {
    let lines = headers.get_all(FOR).iter().rev();
    let elements = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let mut nearest = None;
    for (index, element) in elements.enumerate() {
        if index >= ELEMENTS_MAX {
            return Err(Malformed);
        }
        let source = address(element.trim_ascii()).map(Source::new).ok_or(Malformed)?;
        nearest = Some(source);
        if !trusted.contains(source) {
            break;
        }
    }
    Ok(nearest)
}

/// An address, or one with a port as some load balancers write it. A zone means something on another machine only.
fn address(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok().filter(|text| !text.contains('%'))?;
    let bare = || text.parse::<IpAddr>().ok();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    bare().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())).or_else(bracketed)
}

/// More proxies than any request passes.
const ELEMENTS_MAX: usize = 32;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn trusted() -> TrustedProxies {
        TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()], true)
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(line) {
            headers.append(name, value);
        }
        headers
    }

    fn origin_from(peer: Peer, entry: Entry, lines: &[(&'static str, &str)]) -> Origin {
        let caller = Caller { peer, trusted: trusted().contains(peer.source()) };
        caller.origin(entry, &trusted(), &headers(lines))
    }

    fn peer(address: &str) -> Peer {
        Peer::Tcp(SocketAddr::new(address.parse().unwrap(), 1))
    }

    fn secure(address: &str) -> Origin {
        Origin::Secure(Source::new(address.parse().unwrap()))
    }

    #[test]
    fn every_proto_of_every_line_must_be_https() {
        let cases: [(&[&str], Origin, Origin); 10] = [
            (&["https"], secure("10.0.0.1"), secure("10.0.0.1")),
            (&["HTTPS , https"], secure("10.0.0.1"), secure("10.0.0.1")),
            (&["https", "https"], secure("10.0.0.1"), secure("10.0.0.1")),
            (&[], Origin::Plaintext, secure("10.0.0.1")),
            (&[""], Origin::Plaintext, Origin::Plaintext),
            (&["http"], Origin::Plaintext, Origin::Plaintext),
            (&["https, http"], Origin::Plaintext, Origin::Plaintext),
            (&["https", "http"], Origin::Plaintext, Origin::Plaintext),
            (&["https,"], Origin::Plaintext, Origin::Plaintext),
            (&["httpss"], Origin::Plaintext, Origin::Plaintext),
        ];
        for (protos, behind_proxy, beside_tls) in cases {
            let lines = protos.iter().map(|proto| ("x-forwarded-proto", *proto)).collect::<Vec<_>>();
            assert_eq!(origin_from(peer("10.0.0.1"), Entry::TrustedProxy, &lines), behind_proxy, "{protos:?}");
            assert_eq!(origin_from(peer("10.0.0.1"), Entry::Tls, &lines), beside_tls, "{protos:?}");
        }
    }

    #[test]
    fn the_source_is_the_right_most_stranger() {
        let cases: [(&[&str], Origin); 20] = [
            (&[], secure("10.0.0.1")),
            (&["203.0.113.7"], secure("203.0.113.7")),
            (&["198.51.100.1, 203.0.113.7"], secure("203.0.113.7")),
            (&["203.0.113.7, 10.0.0.2, 10.0.0.3"], secure("203.0.113.7")),
            (&["203.0.113.7", "10.0.0.2"], secure("203.0.113.7")),
            (&["10.0.0.9", "203.0.113.7"], secure("203.0.113.7")),
            (&["10.0.0.9, 10.0.0.2"], secure("10.0.0.9")),
            (&["::ffff:203.0.113.7"], secure("203.0.113.7")),
            (&["203.0.113.7, ::ffff:10.0.0.2"], secure("203.0.113.7")),
            (&["203.0.113.7:4711"], secure("203.0.113.7")),
            (&["[2001:db8::7]:4711, [fd00::1]"], secure("2001:db8::7")),
            (&["2001:db8::7"], secure("2001:db8::7")),
            // What a stranger wrote before the first proxy saw it is not read.
            (&["unknown, ,%%%, 203.0.113.7"], secure("203.0.113.7")),
            (&["\u{e9}, 203.0.113.7"], secure("203.0.113.7")),
            (&["203.0.113.7, unknown"], Origin::Malformed),
            (&["203.0.113.7,"], Origin::Malformed),
            (&[""], Origin::Malformed),
            (&["203.0.113.7", ""], Origin::Malformed),
            (&["203.0.113.007"], Origin::Malformed),
            (&["fe80::1%eth0"], Origin::Malformed),
        ];
        for (chain, expected) in cases {
            let mut lines = vec![("x-forwarded-proto", "https")];
            lines.extend(chain.iter().map(|line| ("x-forwarded-for", *line)));
            assert_eq!(origin_from(peer("10.0.0.1"), Entry::TrustedProxy, &lines), expected, "{chain:?}");
            assert_eq!(origin_from(peer("10.0.0.1"), Entry::Tls, &lines), expected, "{chain:?}");
        }
    }

    #[test]
    fn a_chain_is_read_to_its_bound() {
        let chain = |proxies: usize| format!("203.0.113.7{}", ", 10.0.0.2".repeat(proxies));
        let judged = |proxies| origin_from(peer("10.0.0.1"), Entry::Tls, &[("x-forwarded-for", &chain(proxies))]);
        assert_eq!(judged(ELEMENTS_MAX - 1), secure("203.0.113.7"));
        assert_eq!(judged(ELEMENTS_MAX), Origin::Malformed);
        // However long what lies beyond the source.
        let long = format!("{}203.0.113.7", "1.2.3.4,".repeat(1500));
        assert_eq!(origin_from(peer("10.0.0.1"), Entry::Tls, &[("x-forwarded-for", &long)]), secure("203.0.113.7"));
    }

    #[test]
    fn strangers_say_nothing_and_unix_peers_are_trusted_when_named() {
        let forged = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")];
        assert_eq!(origin_from(peer("192.0.2.1"), Entry::Tls, &forged), secure("192.0.2.1"));
        assert_eq!(origin_from(peer("192.0.2.1"), Entry::TrustedProxy, &forged), Origin::Plaintext);
        assert_eq!(origin_from(peer("10.0.0.1"), Entry::PlaintextReject, &forged), Origin::Plaintext);
        assert_eq!(origin_from(Peer::Unix, Entry::TrustedProxy, &forged), secure("203.0.113.7"));
        assert_eq!(origin_from(Peer::Unix, Entry::Tls, &[]), Origin::Secure(Source::Unix));
        let other = [("forwarded", "for=203.0.113.7;proto=https"), ("x-real-ip", "203.0.113.7"), ("x-forwarded-host", "evil")];
        assert_eq!(origin_from(peer("10.0.0.1"), Entry::TrustedProxy, &other), Origin::Plaintext);
        assert_eq!(origin_from(peer("10.0.0.1"), Entry::Tls, &other), secure("10.0.0.1"));
    }

    #[test]
    fn of_a_head_that_was_not_understood_only_the_socket_counts() {
        let caller = |trusted| Caller { peer: peer("10.0.0.1"), trusted };
        assert_eq!(caller(true).origin_unread(Entry::TrustedProxy), secure("10.0.0.1"));
        assert_eq!(caller(false).origin_unread(Entry::TrustedProxy), Origin::Plaintext);
        assert_eq!(caller(true).origin_unread(Entry::PlaintextReject), Origin::Plaintext);
        assert_eq!(caller(false).origin_unread(Entry::Tls), secure("10.0.0.1"));
    }
}
