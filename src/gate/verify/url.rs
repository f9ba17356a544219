//! The URL as part of the content: the integration's own, and the request's query.
//!
//! Rules, so that no byte can be moved between a URL and the body that it touches:
//! 1. The query holds only what a URL may hold (RFC 3986), as sent.
//! 2. A body directly behind a URL with a query begins with a byte that no URL may hold, as every JSON object or list does.
//! 3. A query in which the URL stands again could end a longer body; it is refused.
//!
//! Nothing is taken from `Host`, and nothing is normalised: another port, case or slash is another URL.

use super::envelope::Around;
use super::error::VerifyError;
use crate::domain::head::Received;
use crate::provider::scheme::Part;

/// Appends the URL.
pub(super) fn append(base: &str, content: &[Part], received: &Received, bytes: &mut Around) -> Result<(), VerifyError> {
    if base.is_empty() {
        return Err(VerifyError::Unbound);
    }
    bytes.extend_from_slice(base.as_bytes());
    let Some(query) = received.head.query() else { return Ok(()) };
    let body_begins = received.body.chunks().first().and_then(|chunk| chunk.first());
    let may_touch = !touches_body(content) || body_begins.is_none_or(|byte| !may_stand(*byte));
    if !query.bytes().all(may_stand) || query.contains(base) || !may_touch {
        return Err(VerifyError::UrlMalformed);
    }
    bytes.push(b'?');
    bytes.extend_from_slice(query.as_bytes());
    Ok(())
}

/// The same with the query escaped as a whole and then once more: each byte that is no letter, digit or one of `-_.!~*'()` becomes
/// `%25` and its hex.
pub(super) fn append_escaped(base: &str, content: &[Part], received: &Received, bytes: &mut Around) -> Result<(), VerifyError> {
    let mut plain = Around::new();
    append(base, content, received, &mut plain)?;
    let (plain, query) = plain.split_at_checked(base.len()).unwrap_or((&plain, &[]));
    bytes.extend_from_slice(plain);
    bytes.extend(escaped(query));
    Ok(())
}

/// A query with its question mark, escaped so.
pub(super) fn escaped(query: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(query.len());
    for (index, byte) in query.iter().copied().enumerate() {
        if index == 0 || byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            bytes.push(byte);
        } else {
            bytes.extend_from_slice(format!("%25{byte:02X}").as_bytes());
        }
    }
    bytes
}

fn touches_body(content: &[Part]) -> bool {
    let pairs = content.iter().zip(content.iter().skip(1));
    pairs.into_iter().any(|(left, right)| matches!(left, Part::Url(_) | Part::UrlOtherPort(_)) && *right == Part::Body)
}

fn may_stand(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte)
}
