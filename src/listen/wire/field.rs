//! One field line, and what the fields of a head say together about its framing.

use super::fault::FaultKind;
use super::request_line::Version;

/// How the bytes after a head are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// What was seen of the fields that decide; each may stand once.
#[derive(Debug, Default)]
pub(super) struct Fields {
    content_length: Option<u64>,
    chunked: bool,
    host: bool,
    expect: bool,
}

impl Fields {
    /// Takes one field line without its CR LF.
    pub(super) fn take(&mut self, line: &[u8]) -> Result<(), FaultKind> {
        let (name, value) = split(line)?;
        // Told apart by length first: most fields of a webhook are compared with nothing.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host(value),
            6 if name.eq_ignore_ascii_case(b"expect") => self.expect(value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => Err(FaultKind::Malformed),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value),
            14 if name.eq_ignore_ascii_case(b"http2-settings") => Err(FaultKind::Malformed),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.transfer_encoding(value),
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8]) -> Result<(), FaultKind> {
        once(std::mem::replace(&mut self.host, true), is_authority(trim(value)))
    }

    fn expect(&mut self, value: &[u8]) -> Result<(), FaultKind> {
        once(std::mem::replace(&mut self.expect, true), trim(value).eq_ignore_ascii_case(b"100-continue"))
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), FaultKind> {
        let length = parse_length(value.trim_ascii_start()).ok_or(FaultKind::Malformed)?;
        once(self.content_length.replace(length).is_some(), true)
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), FaultKind> {
        once(std::mem::replace(&mut self.chunked, true), value.trim_ascii_start().eq_ignore_ascii_case(b"chunked"))
    }

    /// The verdict at the end of the head.
    pub(super) fn framing(&self, version: Version) -> Result<Framing, FaultKind> {
        match (self.chunked, self.content_length) {
            _ if !self.host => Err(FaultKind::Malformed),
            (true, None) if version == Version::Http11 => Ok(Framing::Chunked),
            (true, _) => Err(FaultKind::Malformed),
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

fn once(seen: bool, sound: bool) -> Result<(), FaultKind> {
    if seen || !sound { Err(FaultKind::Malformed) } else { Ok(()) }
}

/// Name and value of a field line. A line that begins with white space would be a folded one: its name is no token.
pub(super) fn split(line: &[u8]) -> Result<(&[u8], &[u8]), FaultKind> {
    let colon = memchr::memchr(b':', line).ok_or(FaultKind::Malformed)?;
    let (name, value) = line.split_at_checked(colon).ok_or(FaultKind::Malformed)?;
    if !is_token(name) {
        return Err(FaultKind::Malformed);
    }
    Ok((name, value.get(1..).unwrap_or_default()))
}

/// Whether these bytes are a token of RFC 9110.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| TOKEN.get(usize::from(*byte)) == Some(&true))
}

/// The bytes of a token: one look instead of fifteen comparisons.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 0x7f {
        let (is_token, place) = (byte.is_ascii_alphanumeric() || is_mark(byte), table.split_at_mut(byte as usize).1);
        if let [first, ..] = place {
            *first = is_token;
        }
        byte += 1;
    }
    table
};

const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

/// White space around a value: spaces and tabs are all that reach here.
const fn trim(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

/// Digits without a sign, a leading zero or white space behind them; below 2^63, so that sums with it stay far from the edge.
pub(in crate::listen) fn parse_length(value: &[u8]) -> Option<u64> {
    let plain = value.iter().all(u8::is_ascii_digit) && (value.len() == 1 || value.first() != Some(&b'0'));
    let length = std::str::from_utf8(value).ok().filter(|_| plain)?.parse::<u64>().ok()?;
    i64::try_from(length).is_ok().then_some(length)
}

/// A name, an IPv4 address or a bracketed IPv6 address, with an optional port; nothing that two readers could split differently.
pub(in crate::listen) fn is_authority(value: &[u8]) -> bool {
    let Some((host, port)) = split_authority(value) else { return false };
    !host.is_empty() && (port.is_empty() || is_port(port))
}

/// The host without brackets, and the port with its colon.
fn split_authority(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(bracketed) = value.strip_prefix(b"[") else {
        let name = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)).count();
        return value.split_at_checked(name);
    };
    let (address, port) = bracketed.split_at_checked(memchr::memchr(b']', bracketed)?)?;
    let plain = address.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte));
    plain.then_some((address, port.get(1..)?))
}

fn is_port(with_colon: &[u8]) -> bool {
    let digits = with_colon.strip_prefix(b":").filter(|digits| digits.iter().all(u8::is_ascii_digit));
    digits.and_then(|digits| std::str::from_utf8(digits).ok()).is_some_and(|digits| digits.parse::<u16>().is_ok())
}
