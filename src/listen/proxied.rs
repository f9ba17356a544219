//! The PROXY protocol, versions 1 and 2: a trusted proxy says in front of everything else whose connection it brings.
//!
//! 1. Where it is on, every connection begins with it and comes from a trusted proxy; any other is closed without a word.
//! 2. Not a byte behind it is read: what follows is TLS or HTTP.
//! 3. It is bounded: 107 bytes in version 1, 536 in version 2, and the caller's deadline.
//! 4. Whom it names is the peer from then on, and trusted only if it is a trusted proxy itself: what such a connection
//!    says in `X-Forwarded-*` was written by whoever is named, or by somebody before them.
//! 5. `LOCAL` is the proxy's own connection: the socket's peer, trusted. Where no address is named (`UNKNOWN`, unspecified,
//!    a unix path) the peer is the socket's, but its word does not count: a stranger may be behind it.

use std::io;
use std::net::SocketAddr;

use proxy_header::{ParseConfig, Protocol, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::forwarded::Caller;
use super::trusted::TrustedProxies;
use crate::domain::address::Peer;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proxied {
    /// The connection is this one's.
    From(SocketAddr),
    /// The connection is the proxy's own.
    Local,
    /// The connection is somebody's.
    Unknown,
}

/// Reads the header that a trusted proxy must send; an error means that the connection is closed.
pub(super) async fn read<S>(stream: &mut S, peer: Peer, trusted: &TrustedProxies) -> io::Result<Caller>
where
    S: AsyncRead + Unpin,
{
    if !trusted.contains(peer.source()) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(match proxied(stream).await? {
        Proxied::From(address) => {
            let peer = Peer::Tcp(address);
            Caller { peer, trusted: trusted.contains(peer.source()) }
        }
        Proxied::Local => Caller { peer, trusted: true },
        Proxied::Unknown => Caller { peer, trusted: false },
    })
}

async fn proxied<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Proxied> {
    let mut header = vec![0; START_BYTES];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        return binary(stream, header).await;
    }
    if !header.starts_with(b"PROXY ") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    text(stream, header).await
}

/// Version 2: the rest's length stands in front.
async fn binary<S: AsyncRead + Unpin>(stream: &mut S, mut header: Vec<u8>) -> io::Result<Proxied> {
    let mut rest = [0; 4];
    stream.read_exact(&mut rest).await?;
    let [command, _, high, low] = rest;
    let length = usize::from(u16::from_be_bytes([high, low]));
    header.extend_from_slice(&rest);
    let start = header.len();
    let whole = start.saturating_add(length);
    if whole > BINARY_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    header.resize(whole, 0);
    stream.read_exact(header.get_mut(start..).unwrap_or_default()).await?;
    let named = named(&header)?;
    Ok(if command & COMMAND_BITS == LOCAL { Proxied::Local } else { named })
}

/// Version 1: byte by byte to the end of the line, for nothing says how long it is and the byte behind it is not ours.
async fn text<S: AsyncRead + Unpin>(stream: &mut S, mut header: Vec<u8>) -> io::Result<Proxied> {
    while !header.ends_with(b"\n") {
        if header.len() >= TEXT_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        header.push(stream.read_u8().await?);
    }
    // The parser takes a sign in front of a port; nobody writes one.
    if header.contains(&b'+') {
        return Err(io::ErrorKind::InvalidData.into());
    }
    named(&header)
}

/// Whom a whole header names.
fn named(header: &[u8]) -> io::Result<Proxied> {
    let config = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    let (parsed, length) = ProxyHeader::parse(header, config).map_err(|_| io::ErrorKind::InvalidData)?;
    match parsed.proxied_address() {
        _ if length != header.len() => Err(io::ErrorKind::InvalidData.into()),
        None => Ok(Proxied::Unknown),
        Some(address) if address.protocol == Protocol::Stream => Ok(Proxied::From(address.source)),
        Some(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The first bytes of version 2; a header of version 1 has at least as many.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const START_BYTES: usize = SIGNATURE.len();
const COMMAND_BITS: u8 = 0x0f;
const LOCAL: u8 = 0;

/// The longest line of version 1.
const TEXT_BYTES_MAX: usize = 107;
/// Two unix paths and room for extensions, which nobody here reads.
const BINARY_BYTES_MAX: usize = 536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::tests::block_on;

    fn trusted() -> TrustedProxies {
        TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()], true)
    }

    fn read_from(peer: Peer, bytes: &[u8]) -> io::Result<(Caller, Vec<u8>)> {
        let mut stream = bytes;
        let caller = block_on(read(&mut stream, peer, &trusted()))?;
        Ok((caller, stream.to_vec()))
    }

    fn proxy() -> Peer {
        Peer::Tcp("10.0.0.1:5".parse().unwrap())
    }

    /// A version 2 header: command and version, family and protocol, the rest.
    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    const FOUR: &[u8] = &[203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 187];
    const ZERO: &[u8] = &[0; 216];

    #[test]
    fn whom_it_names_is_the_peer_and_nothing_behind_it_is_read() {
        let from = |address: &str, trusted| Caller { peer: Peer::Tcp(address.parse().unwrap()), trusted };
        let six = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7], &[0; 16], &[0x12, 0x67, 1, 187]].concat();
        let cases: [(Vec<u8>, Caller); 12] = [
            (b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n".to_vec(), from("203.0.113.7:4711", false)),
            (b"PROXY TCP4 10.9.9.9 192.0.2.1 4711 443\r\n".to_vec(), from("10.9.9.9:4711", true)),
            (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n".to_vec(), from("[2001:db8::7]:4711", false)),
            (b"PROXY UNKNOWN\r\n".to_vec(), Caller { peer: proxy(), trusted: false }),
            (b"PROXY UNKNOWN 10.0.0.1 10.0.0.2 1 2\r\n".to_vec(), Caller { peer: proxy(), trusted: false }),
            (v2(0x21, 0x11, FOUR), from("203.0.113.7:4711", false)),
            (v2(0x21, 0x21, &six), from("[2001:db8::7]:4711", false)),
            (v2(0x21, 0x11, &[FOUR, &[0xea, 0, 3, 1, 2, 3]].concat()), from("203.0.113.7:4711", false)),
            (v2(0x20, 0x00, &[]), Caller { peer: proxy(), trusted: true }),
            (v2(0x20, 0x11, FOUR), Caller { peer: proxy(), trusted: true }),
            (v2(0x21, 0x00, &[]), Caller { peer: proxy(), trusted: false }),
            (v2(0x21, 0x31, ZERO), Caller { peer: proxy(), trusted: false }),
        ];
        for (header, expected) in cases {
            let bytes = [header.as_slice(), b"behind"].concat();
            let (caller, behind) = read_from(proxy(), &bytes).unwrap_or_else(|error| panic!("{error}: {header:?}"));
            assert_eq!((caller, behind.as_slice()), (expected, b"behind".as_slice()), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_header_is_an_error() {
        let long = format!("PROXY UNKNOWN {}\r\n", "a".repeat(100));
        let cases = [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0\0".to_vec(),
            b"PROXYxTCP4 203.0.113.7 192.0.2.1 1 2\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 192.0.2.1 +1 2\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 192.0.2.1 1 2\n".to_vec(),
            b"PROXY TCP4 203.0.113.007 192.0.2.1 1 2\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::7 ::1 1 2\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 192.0.2.1 99999 2\r\n".to_vec(),
            b"PROXY UDP4 203.0.113.7 192.0.2.1 1 2\r\n".to_vec(),
            b"PROXY  TCP4 203.0.113.7 192.0.2.1 1 2\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 192.0.2.1 1".to_vec(),
            long.into_bytes(),
            v2(0x21, 0x12, FOUR),
            v2(0x22, 0x11, FOUR),
            v2(0x11, 0x11, FOUR),
            v2(0x21, 0x44, FOUR),
            v2(0x21, 0x11, &FOUR[..8]),
            v2(0x21, 0x11, &[0; BINARY_BYTES_MAX]),
            v2(0x21, 0x11, FOUR)[..20].to_vec(),
            SIGNATURE.to_vec(),
            Vec::new(),
        ];
        for bytes in cases {
            assert!(read_from(proxy(), &bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn only_a_trusted_proxy_may_say_so() {
        let header = v2(0x21, 0x11, FOUR);
        let stranger = Peer::Tcp("192.0.2.1:5".parse().unwrap());
        assert_eq!(read_from(stranger, &header).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(read_from(Peer::Unix, &header).is_ok());
    }
}
