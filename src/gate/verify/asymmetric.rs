//! Ed25519, verified strictly: no weak keys, no small-order or malleated signatures.

use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{PUBLIC_KEY_LENGTH, Signature, SigningKey, VerifyingKey};

use super::candidate::Candidate;
use super::error::KeyFault;

/// A public key from its bytes.
pub(super) fn public_key(bytes: &[u8]) -> Result<VerifyingKey, KeyFault> {
    let bytes: &[u8; PUBLIC_KEY_LENGTH] = bytes.try_into().map_err(|_| KeyFault::Length { expected: PUBLIC_KEY_LENGTH })?;
    strong(VerifyingKey::from_bytes(bytes).map_err(|_| KeyFault::NoKey)?)
}

/// A public key from a PEM block.
pub(super) fn public_key_pem(text: &str) -> Result<VerifyingKey, KeyFault> {
    strong(VerifyingKey::from_public_key_pem(text).map_err(|_| KeyFault::NoKey)?)
}

fn strong(key: VerifyingKey) -> Result<VerifyingKey, KeyFault> {
    if key.is_weak() { Err(KeyFault::Weak) } else { Ok(key) }
}

/// A private key from a PKCS#8 PEM block.
pub(super) fn private_key_pem(text: &str) -> Result<SigningKey, KeyFault> {
    SigningKey::from_pkcs8_pem(text).map_err(|_| KeyFault::NoKey)
}

/// Whether any candidate is the key's signature over the content. Public data on both sides: no need for constant time.
pub(super) fn any_verifies<'c>(key: &VerifyingKey, content: &[u8], candidates: impl Iterator<Item = &'c Candidate>) -> bool {
    let mut signatures = candidates.filter_map(|candidate| Signature::from_slice(candidate.bytes()).ok());
    signatures.any(|signature| key.verify_strict(content, &signature).is_ok())
}
