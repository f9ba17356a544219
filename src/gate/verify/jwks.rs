//! Public keys as JSON Web Keys (RFC 7517), read from what the operator configured; nothing is fetched. Pure.
//!
//! 1. A set, or one key by itself. Keys of another kind, curve or use are passed over; one must remain.
//! 2. A key becomes a `SubjectPublicKeyInfo` and is judged like any other: the same lengths, the same curve.
//! 3. Two keys of one id are both tried. Symmetric keys are no public keys, and are passed over.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::error::KeyFault;
use super::public_key::{self, PublicKey};
use crate::provider::scheme::SignatureRule;

/// The most keys of a set: providers publish two or three.
const KEYS_MAX: usize = 32;

/// All keys of a text that are for the scheme.
pub(super) fn read(rule: &SignatureRule, text: &str) -> Result<Vec<PublicKey>, KeyFault> {
    let algorithm = rule.algorithm;
    let no_set = KeyFault::NoKeySet { algorithm };
    let text: Value = serde_json::from_str(text).map_err(|_| no_set)?;
    let keys = match text.get("keys") {
        Some(keys) => keys.as_array().ok_or(no_set)?.as_slice(),
        None => std::slice::from_ref(&text),
    };
    if keys.len() > KEYS_MAX {
        return Err(KeyFault::TooManyKeys { max: KEYS_MAX });
    }
    let fitting = keys.iter().filter(|key| is_for(rule, key));
    let keys = fitting.map(|key| public_key(rule, key)).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() { Err(no_set) } else { Ok(keys) }
}

fn is_for(rule: &SignatureRule, key: &Value) -> bool {
    let is_elliptic = rule.algorithm.is_p256();
    let kind_fits = text(key, "kty") == Some(if is_elliptic { "EC" } else { "RSA" });
    let curve_fits = !is_elliptic || text(key, "crv") == Some("P-256");
    let absent_or = |name: &str, expected: Option<&str>| key.get(name).is_none() || text(key, name) == expected;
    kind_fits && curve_fits && absent_or("use", Some("sig")) && absent_or("alg", super::token::name(rule.algorithm))
}

fn text<'k>(key: &'k Value, name: &str) -> Option<&'k str> {
    key.get(name)?.as_str()
}

fn public_key(rule: &SignatureRule, key: &Value) -> Result<PublicKey, KeyFault> {
    let no_set = KeyFault::NoKeySet { algorithm: rule.algorithm };
    let bytes = |name: &str| BASE64URL_NOPAD.decode(text(key, name)?.as_bytes()).ok();
    let info = match rule.algorithm {
        algorithm if algorithm.is_p256() => bytes("x").zip(bytes("y")).and_then(|(x, y)| p256_info(&x, &y)),
        _ => bytes("n").zip(bytes("e")).and_then(|(modulus, exponent)| rsa_info(&modulus, &exponent)),
    };
    Ok(public_key::from_der(rule, &info.ok_or(no_set)?)?.named(text(key, "kid").map(str::to_owned)))
}

/// `id-ecPublicKey`, `prime256v1`, and an uncompressed point.
const P256_HEADER: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

fn p256_info(x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    (x.len() == 32 && y.len() == 32).then(|| [&P256_HEADER[..], x, y].concat())
}

/// `rsaEncryption` with no parameters.
const RSA_ALGORITHM: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

fn rsa_info(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let key = tagged(0x30, &[integer(modulus)?, integer(exponent)?].concat())?;
    let bits = tagged(0x03, &[&[0][..], &key].concat())?;
    tagged(0x30, &[&RSA_ALGORITHM[..], &bits].concat())
}

/// A positive integer in DER.
fn integer(bytes: &[u8]) -> Option<Vec<u8>> {
    let first = bytes.iter().position(|byte| *byte != 0)?;
    let bytes = bytes.get(first..)?;
    let sign: &[u8] = if bytes.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
    tagged(0x02, &[sign, bytes].concat())
}

/// A DER value of up to 65535 bytes.
fn tagged(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let [high, low] = u16::try_from(content.len()).ok()?.to_be_bytes();
    let length: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[low],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    Some([&[tag], length, content].concat())
}
