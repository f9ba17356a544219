//! A presented JSON Web Token (RFC 7515 compact form, RFC 7519), read strictly. Pure.
//!
//! 1. Three parts of URL-safe base64 without padding, in their one spelling; header and claims are JSON objects, no name twice.
//! 2. `alg` must be the scheme's algorithm to the letter: it chooses nothing. `crit` is refused, since nothing of it is known;
//!    but one that is detached must say `"b64": false` and `"crit": ["b64"]` and no more, for that is how it is read (RFC 7797).
//!    Its middle part is empty, its header is what it claims, and the body as sent is its payload.
//! 3. `kid` only picks among the keys that are configured. `jwk`, `jku`, `x5c` and `x5u` are not looked at.
//! 4. What it claims is judged behind its signature ([`super::claims`]), and its identity is what was signed.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::{BASE64URL_NOPAD, Encoding};
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::candidate::Candidate;
use crate::provider::scheme::{Algorithm, SignatureRule};

/// The longest token that is read. Providers' are below two thousand bytes.
const TOKEN_BYTES_MAX: usize = 8192;

/// The longest id of a key.
const KEY_ID_BYTES_MAX: usize = 256;

/// A well-formed token whose signature nobody has looked at yet.
pub(super) struct Token {
    signed: Vec<u8>,
    key_id: Option<String>,
    claims: Object,
}

impl Token {
    /// Header and claims as sent, or the header alone: what of it is signed.
    pub(super) fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// The id of the key that it says it is for.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// What it claims under a name.
    pub(super) fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.0.get(name)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

/// Reads a token; `None` for anything that is not exactly one of the scheme.
pub(super) fn read(rule: &SignatureRule, is_detached: bool, text: &[u8]) -> Option<(Token, Candidate)> {
    if text.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let end = text.iter().rposition(|byte| *byte == b'.')?;
    let (signed, signature) = (text.get(..end)?, text.get(end.checked_add(1)?..)?);
    let mut parts = signed.split(|byte| *byte == b'.');
    let (header, claims) = (parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let signed = if is_detached { header } else { signed };
    let header = object(header)?;
    if !says(&header, rule.algorithm) || is_detached != says_detached(&header) || is_detached != claims.is_empty() {
        return None;
    }
    let key_id = header.0.get("kid").and_then(Value::as_str).map(str::to_owned);
    let claims = if is_detached { header } else { object(claims)? };
    let token = Token { signed: signed.to_vec(), key_id, claims };
    Some((token, Candidate::decode(rule, 0, signature)?))
}

/// Whether a header says that the payload is not encoded, and that this must be understood.
fn says_detached(header: &Object) -> bool {
    let says = |name: &str, value: &Value| header.0.get(name) == Some(value);
    says("b64", &Value::Bool(false)) && says("crit", &Value::Array(vec!["b64".into()]))
}

/// Whether a header says what the scheme says, and nothing that must be understood but [`says_detached`].
fn says(header: &Object, algorithm: Algorithm) -> bool {
    let names_it = header.0.get("alg").and_then(Value::as_str).is_some_and(|said| Some(said) == name(algorithm));
    let key_id_fits = header.0.get("kid").is_none_or(|id| id.as_str().is_some_and(|id| id.len() <= KEY_ID_BYTES_MAX));
    names_it && key_id_fits && (!header.0.contains_key("crit") || says_detached(header))
}

/// What RFC 7518 calls an algorithm.
pub(super) const fn name(algorithm: Algorithm) -> Option<&'static str> {
    Some(match algorithm {
        Algorithm::HmacSha256 => "HS256",
        Algorithm::HmacSha512 => "HS512",
        Algorithm::EcdsaP256 => "ES256",
        Algorithm::RsaSha256 => "RS256",
        Algorithm::RsaSha512 => "RS512",
        Algorithm::RsaPssSha512 => "PS512",
        Algorithm::Ed25519 => "EdDSA",
        _ => return None,
    })
}

fn object(part: &[u8]) -> Option<Object> {
    members(&BASE64URL_NOPAD, part)
}

/// The JSON object that a text is, in the one spelling of its encoding.
pub(super) fn members(encoding: &Encoding, part: &[u8]) -> Option<Object> {
    if part.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let json = encoding.decode(part).ok()?;
    let is_spelling = encoding.encode(&json).as_bytes() == part;
    let mut reader = serde_json::Deserializer::from_slice(&json);
    let read = reader.deserialize_map(Members).ok()?;
    (reader.end().is_ok() && is_spelling).then_some(read)
}

/// A JSON object in which no name stands twice: two readers would disagree about it.
#[derive(Debug)]
pub(super) struct Object(BTreeMap<String, Value>);

impl Object {
    /// How many members it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The text of a member.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
        let mut read = BTreeMap::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if read.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Object(read))
    }
}
