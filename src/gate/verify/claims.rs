//! What a token whose signature holds must claim. Pure.
//!
//! 1. Every claim of the scheme is there and says what the scheme, the integration and the request say.
//! 2. `exp` and `nbf` are whole seconds wherever they stand, and hold within [`LEEWAY_SECONDS`]: of another type they are refused,
//!    never passed over.
//! 3. A list counts as its one element; of two nobody could say which is meant.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::envelope::Around;
use super::error::VerifyError;
use super::token::Token;
use super::url;
use crate::domain::head::Received;
use crate::domain::time::UnixTime;
use crate::provider::canonical;
use crate::provider::scheme::{Claim, ClaimValue, DigestEncoding, Scheme};

/// How far clocks may differ about the life of a token.
const LEEWAY_SECONDS: i64 = 60;

/// Judges the claims.
pub(super) fn judge(scheme: &Scheme, token: &Token, received: &Received, now: UnixTime) -> Result<(), VerifyError> {
    for claim in scheme.token().iter().flat_map(|rule| &rule.claims) {
        if !holds(claim, token, scheme, received)? {
            return Err(VerifyError::ClaimRefused { claim: claim.name.clone() });
        }
    }
    let now = now.seconds();
    if let Some(end) = seconds(token, "exp")?.filter(|end| now >= end.saturating_add(LEEWAY_SECONDS)) {
        return Err(VerifyError::TimestampTooOld { age_ms: milliseconds(now.abs_diff(end)), tolerance_ms: LEEWAY_MS });
    }
    if let Some(start) = seconds(token, "nbf")?.filter(|start| now.saturating_add(LEEWAY_SECONDS) < *start) {
        return Err(VerifyError::TimestampInFuture { ahead_ms: milliseconds(start.abs_diff(now)), tolerance_ms: LEEWAY_MS });
    }
    Ok(())
}

const LEEWAY_MS: u64 = LEEWAY_SECONDS.unsigned_abs() * 1000;

const fn milliseconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}

/// A claim in whole seconds.
fn seconds(token: &Token, name: &str) -> Result<Option<i64>, VerifyError> {
    match token.claim(name) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or(VerifyError::TimestampMalformed),
    }
}

fn holds(claim: &Claim, token: &Token, scheme: &Scheme, received: &Received) -> Result<bool, VerifyError> {
    let Some(said) = token.claim(&claim.name) else { return Ok(false) };
    let said = match said {
        Value::Array(list) if list.len() == 1 => list.first().unwrap_or(said),
        said => said,
    };
    if let (Value::Bool(said), ClaimValue::Text(expected)) = (said, &claim.value) {
        return Ok(*expected == said.to_string());
    }
    let Some(said) = said.as_str() else { return Ok(false) };
    Ok(match &claim.value {
        ClaimValue::Text(expected) => said == expected,
        ClaimValue::Option(_) => return Err(VerifyError::Unbound),
        ClaimValue::Url(base) => said.as_bytes() == &*address(base, scheme, received)?,
        ClaimValue::UrlSha256(base) => said == HEXLOWER.encode(&Sha256::digest(address(base, scheme, received)?)),
        ClaimValue::CanonicalRequest { path, .. } => said == canonical_request(path, received)?,
        ClaimValue::BodySha256(encoding) => is_digest(*encoding, said, received),
    })
}

/// The digest of the canonical request behind a path.
fn canonical_request(path: &str, received: &Received) -> Result<String, VerifyError> {
    if path.is_empty() {
        return Err(VerifyError::Unbound);
    }
    let query = canonical::query(received.head.query().unwrap_or_default()).ok_or(VerifyError::UrlMalformed)?;
    Ok(HEXLOWER.encode(&Sha256::digest(format!("{}&{path}&{query}", received.head.method))))
}

fn address(base: &str, scheme: &Scheme, received: &Received) -> Result<Around, VerifyError> {
    let mut bytes = Around::new();
    url::append(base, &scheme.content, received, &mut bytes)?;
    Ok(bytes)
}

fn is_digest(encoding: DigestEncoding, said: &str, received: &Received) -> bool {
    let mut digest = Sha256::new();
    received.body.chunks().iter().for_each(|chunk| digest.update(chunk));
    said_digest(encoding, said) == written_digest(encoding, &digest.finalize())
}

/// Padding says nothing in the URL-safe alphabet.
fn said_digest(encoding: DigestEncoding, said: &str) -> &str {
    if encoding == DigestEncoding::Base64Url { said.trim_end_matches('=') } else { said }
}

/// A digest as a claim holds it.
pub(super) fn written_digest(encoding: DigestEncoding, digest: &[u8]) -> String {
    match encoding {
        DigestEncoding::Hex => HEXLOWER.encode(digest),
        DigestEncoding::Base64 => BASE64.encode(digest),
        DigestEncoding::Base64Url => BASE64URL_NOPAD.encode(digest),
    }
}
