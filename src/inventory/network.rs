//! Sources by the network they are in: an IPv4 /24, an IPv6 /48, or the unix peers. pure

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::domain::address::Source;

/// A network that somebody came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The first three bytes of an IPv4 address.
    V4([u8; 3]),
    /// The first three groups of an IPv6 address.
    V6([u16; 3]),
    /// Peers on unix sockets.
    Unix,
}

impl Network {
    /// The network of a source.
    #[must_use]
    pub fn of(source: Source) -> Self {
        match source.address() {
            Some(IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            Some(IpAddr::V6(address)) => {
                let [a, b, c, ..] = address.segments();
                Self::V6([a, b, c])
            }
            None => Self::Unix,
        }
    }

    /// As a range of addresses; the unix peers have none.
    #[must_use]
    pub fn range(self) -> Option<IpNet> {
        match self {
            Self::V4([a, b, c]) => Ipv4Net::new(Ipv4Addr::new(a, b, c, 0), 24).ok().map(IpNet::V4),
            Self::V6([a, b, c]) => Ipv6Net::new(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), 48).ok().map(IpNet::V6),
            Self::Unix => None,
        }
    }

    /// Whether it and a range have an address in common.
    #[must_use]
    pub fn meets(self, other: &IpNet) -> bool {
        self.range().is_some_and(|own| own.contains(other) || other.contains(&own))
    }
}

impl From<&Self> for Network {
    fn from(network: &Self) -> Self {
        *network
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.range() {
            Some(range) => range.fmt(formatter),
            None => formatter.write_str("unix"),
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let range: IpNet = text.parse().map_err(|_| ())?;
        let network = Self::of(Source::new(range.addr()));
        if network.range() == Some(range) { Ok(network) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_fall_into_networks_and_back() {
        for (address, expected) in
            [("192.0.2.77", "192.0.2.0/24"), ("::ffff:192.0.2.9", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48")]
        {
            let network = Network::of(Source::new(address.parse().unwrap()));
            assert_eq!(network.to_string(), expected);
            assert_eq!(expected.parse(), Ok(network));
        }
        assert_eq!(Network::of(Source::Unix).to_string().parse(), Ok(Network::Unix));
        for bad in ["192.0.2.0/25", "192.0.2.1/24", "x", ""] {
            assert_eq!(bad.parse::<Network>(), Err(()), "{bad}");
        }
        let network: Network = "192.0.2.0/24".parse().unwrap();
        for (range, meets) in [("192.0.2.5/32", true), ("192.0.0.0/16", true), ("192.0.3.0/24", false), ("::/0", false)] {
            assert_eq!(network.meets(&range.parse().unwrap()), meets, "{range}");
        }
    }
}
