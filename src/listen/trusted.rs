//! The proxies whose word about a request's source is taken. Pure.

use ipnet::IpNet;

use crate::domain::address::Source;

/// Ranges of addresses, and whether unix peers are among them. Empty: nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// IPv4-mapped ranges stand here as the IPv4 ranges that they mean: sources are folded, too.
    networks: Vec<IpNet>,
    unix: bool,
}

impl TrustedProxies {
    /// These ranges, and unix peers or not.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>, unix: bool) -> Self {
        Self { networks, unix }
    }

    /// Whether this source is one of them.
    #[must_use]
    pub fn contains(&self, source: Source) -> bool {
        source.address().map_or(self.unix, |address| self.networks.iter().any(|network| network.contains(&address)))
    }

    /// Whether nobody is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether unix peers are.
    #[must_use]
    pub const fn unix(&self) -> bool {
        self.unix
    }

    /// The ranges.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.networks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_their_ipv4_addresses_and_unix_must_be_named() {
        let proxies = |unix| TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()], unix);
        let from = |text: &str| Source::new(text.parse().unwrap());
        for (address, trusted) in [
            ("10.9.9.9", true),
            ("::ffff:10.0.0.1", true),
            ("11.0.0.1", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
            ("::10.0.0.1", false),
        ] {
            assert_eq!(proxies(false).contains(from(address)), trusted, "{address}");
        }
        assert!(proxies(true).contains(Source::Unix) && !proxies(false).contains(Source::Unix));
        assert!(!TrustedProxies::default().contains(from("127.0.0.1")) && TrustedProxies::default().is_empty());
    }
}
