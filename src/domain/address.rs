//! Who is at the other end: the socket's peer, and the source that limits and allow-lists judge.
//!
//! Invariants: an IPv4-mapped IPv6 address never exists inside a [`Source`]; it is folded to IPv4 before any comparison,
//! so that `::ffff:192.0.2.1` cannot dodge a rule for `192.0.2.1`.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::short_text::ShortText;

/// The other end of a socket, as the kernel names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A TCP peer: address and port.
    Tcp(SocketAddr),
    /// A peer on a unix socket.
    Unix,
}

impl Peer {
    /// The source this peer is when no trusted proxy speaks for another.
    #[must_use]
    pub fn source(self) -> Source {
        match self {
            Self::Tcp(address) => Source::new(address.ip()),
            Self::Unix => Source::Unix,
        }
    }

    /// What `Display` writes, without an allocation.
    #[must_use]
    pub fn short(self) -> ShortText {
        let mut text = ShortText::new();
        match self {
            Self::Tcp(SocketAddr::V4(address)) => {
                put(*address.ip(), &mut text);
                text.byte(b':');
                text.number(address.port().into());
            }
            Self::Tcp(SocketAddr::V6(address)) => shown(address, &mut text),
            Self::Unix => text.put(b"unix"),
        }
        text
    }
}

fn shown(address: impl fmt::Display, text: &mut ShortText) {
    // Writing to it cannot fail.
    let _ = write!(text, "{address}");
}

fn put(address: Ipv4Addr, text: &mut ShortText) {
    let [first, rest @ ..] = address.octets();
    text.number(first.into());
    for octet in rest {
        text.byte(b'.');
        text.number(octet.into());
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix => formatter.write_str("unix"),
        }
    }
}

/// Where a request comes from, after trusted proxies are looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A canonical address: never IPv4-mapped IPv6.
    Ip(CanonicalIp),
    /// A peer on a unix socket that named nobody else.
    Unix,
}

/// An address with IPv4-mapped IPv6 folded to IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalIp(IpAddr);

impl CanonicalIp {
    /// The folded address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }
}

impl Source {
    /// Folds an address into a source.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self::Ip(CanonicalIp(address.to_canonical()))
    }

    /// The address, where there is one.
    #[must_use]
    pub const fn address(self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(ip.address()),
            Self::Unix => None,
        }
    }

    /// What `Display` writes, without an allocation.
    #[must_use]
    pub fn short(self) -> ShortText {
        let mut text = ShortText::new();
        match self.address() {
            Some(IpAddr::V4(address)) => put(address, &mut text),
            Some(IpAddr::V6(address)) => shown(address, &mut text),
            None => text.put(b"unix"),
        }
        text
    }

    /// The key under which limits count this source: an IPv4 address, an IPv6 /64, or all unix peers together.
    #[must_use]
    pub fn limit_key(self) -> SourceKey {
        match self.address() {
            Some(IpAddr::V4(address)) => SourceKey(1, u64::from(address.to_bits())),
            Some(IpAddr::V6(address)) => SourceKey(2, network_half(address)),
            None => SourceKey(0, 0),
        }
    }
}

fn network_half(address: Ipv6Addr) -> u64 {
    let [a, b, c, d, ..] = address.segments();
    (u64::from(a) << 48) | (u64::from(b) << 32) | (u64::from(c) << 16) | u64::from(d)
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.address().fmt(formatter),
            Self::Unix => formatter.write_str("unix"),
        }
    }
}

/// What limits count by: IPv4 /32, IPv6 /64, or unix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceKey(u8, u64);

impl SourceKey {
    /// The network around it, as large as one owner often has: IPv4 /16, IPv6 /32.
    #[must_use]
    pub const fn network(self) -> Self {
        match self {
            Self(1, address) => Self(1, address & !0xffff),
            Self(kind, half) => Self(kind, half & !0xffff_ffff),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SourceKey {
        Source::new(text.parse().unwrap()).limit_key()
    }

    #[test]
    fn rl_03_mapped_addresses_fold_before_they_are_compared() {
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.2"), key("192.0.2.1"));
    }

    #[test]
    fn short_texts_are_the_same_texts() {
        let sockets = ["0.0.0.0:0", "255.255.255.255:65535", "[2001:db8::1]:443", "[::ffff:192.0.2.1]:80"];
        for peer in sockets.map(|text| Peer::Tcp(text.parse().unwrap())).into_iter().chain([Peer::Unix]) {
            assert_eq!(peer.short().as_str(), peer.to_string().as_str());
            assert_eq!(peer.source().short().as_str(), peer.source().to_string());
        }
        let longest: SocketAddr = format!("[{}%4294967295]:65535", ["ffff"; 8].join(":")).parse().unwrap();
        assert_eq!(Peer::Tcp(longest).short().as_str(), longest.to_string());
    }

    #[test]
    fn networks_are_what_one_owner_may_have() {
        assert_eq!(key("2001:db8:1:2::1").network(), key("2001:db8:ffff:9::2").network());
        assert_ne!(key("2001:db8::1").network(), key("2001:db9::1").network());
        assert_eq!(key("192.0.2.1").network(), key("192.0.99.1").network());
        assert_ne!(key("192.0.2.1").network(), key("192.1.2.1").network());
        assert_ne!(key("0.0.0.1").network(), Source::Unix.limit_key().network());
    }

    #[test]
    fn ipv6_counts_by_64() {
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("::1"), SourceKey(0, 0));
    }
}
