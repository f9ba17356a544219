//! The first line of a head.

use super::TARGET_BYTES_MAX;
use super::fault::FaultKind;
use super::field::is_token;

/// The two versions spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// HTTP/1.0: never chunked.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// Judges a request line without its CR LF.
pub(super) fn parse(line: &[u8]) -> Result<Version, FaultKind> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(FaultKind::Malformed);
    };
    if !is_token(method) || method == b"CONNECT" || !is_target(target) {
        return Err(FaultKind::Malformed);
    }
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        _ => Err(FaultKind::Malformed),
    }
}

/// Origin form only: absolute form and `*` name what only the configuration may name, a fragment would be cut off unseen.
pub(in crate::listen) fn is_target(target: &[u8]) -> bool {
    target.first() == Some(&b'/')
        && target.len() <= TARGET_BYTES_MAX
        && target.iter().fold(true, |sound, byte| sound & is_target_byte(*byte))
}

/// Visible ASCII without those bytes that no URI holds and that hyper would refuse by itself, unseen by the audit.
const fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'#' | b'<' | b'>' | b'`' | b'"' | b'^')
}
