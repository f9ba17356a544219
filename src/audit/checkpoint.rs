//! Signed checkpoints: records that prove every line before them to whoever has the public key. pure
//!
//! Rules:
//! 1. A checkpoint is a record of the chain like any other. Its last field is an Ed25519 signature over everything of its line
//!    before that field, under a prefix of its own, so that the key signs nothing that could mean something elsewhere.
//! 2. `prev` of a checkpoint is the head it signs: all lines up to there are proven by it, for the chain binds them.
//! 3. `key` names the key that signed: the first half of the SHA-256 of its 32 bytes. It is a hint, never a proof.
//! 4. `purpose` is `interval` while the log is written, `rotation` after a new file was begun, `stop` as the last line of a run.
//!
//! What a key alone cannot tell: whether lines after the last checkpoint that is left were cut off. A log that was closed ends
//! in a checkpoint of purpose `stop`; to tell that from an older end takes the head.
//!
//! Invariant: the key is not printed by anything here.

use std::fmt;

use data_encoding::HEXLOWER;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::domain::secret::SecretBytes;

/// What stands before the signed part of the line.
const PREFIX: &[u8] = b"hookward audit checkpoint 1\0";
/// What parts the signed text from its signature.
const SEAM: &str = ",\"signature\":\"";
const SEED_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;
const FINGERPRINT_BYTES: usize = 16;

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It is no Ed25519 key in any form that is read.
    #[error("is no Ed25519 key: neither a PEM block nor 32 bytes in hex")]
    NoKey,
    /// Anybody can sign for it.
    #[error("is a weak key, for which anybody can sign")]
    Weak,
}

/// The key that signs checkpoints.
pub struct Signer {
    key: SigningKey,
    fingerprint: String,
}

impl Signer {
    /// Reads a PKCS#8 PEM block, or the seed in hex.
    pub fn parse(secret: &SecretBytes) -> Result<Self, KeyFault> {
        let text = std::str::from_utf8(secret.expose()).map_err(|_| KeyFault::NoKey)?.trim();
        let key = if text.starts_with("-----BEGIN") {
            SigningKey::from_pkcs8_pem(text).map_err(|_| KeyFault::NoKey)?
        } else {
            let seed = zeroize::Zeroizing::new(HEXLOWER.decode(text.as_bytes()).map_err(|_| KeyFault::NoKey)?);
            let seed: &[u8; SEED_BYTES] = seed.as_slice().try_into().map_err(|_| KeyFault::NoKey)?;
            SigningKey::from_bytes(seed)
        };
        Ok(Self { fingerprint: fingerprint(&key.verifying_key()), key })
    }

    /// The half that may be known.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey { fingerprint: self.fingerprint.clone(), key: self.key.verifying_key() }
    }

    /// The name of the key.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Ends a line that was begun: what stands in it is signed.
    pub(super) fn seal(&self, line: &str) -> String {
        let signature = self.key.sign(&[PREFIX, line.as_bytes()].concat());
        HEXLOWER.encode(&signature.to_bytes())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signer({})", self.fingerprint)
    }
}

/// A key that checkpoints are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    fingerprint: String,
}

impl PublicKey {
    /// Reads a PEM block, or the 32 bytes in hex.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let text = text.trim();
        let key = if text.starts_with("-----BEGIN") {
            VerifyingKey::from_public_key_pem(text).ok()
        } else {
            let bytes = HEXLOWER.decode(text.as_bytes()).ok();
            bytes.and_then(|bytes| bytes.try_into().ok()).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        };
        let key = key.ok_or(KeyFault::NoKey)?;
        if key.is_weak() { Err(KeyFault::Weak) } else { Ok(Self { fingerprint: fingerprint(&key), key }) }
    }

    /// The name of the key.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

fn fingerprint(key: &VerifyingKey) -> String {
    let hash = Sha256::digest(key.as_bytes());
    HEXLOWER.encode(hash.get(..FINGERPRINT_BYTES).unwrap_or_default())
}

/// Why a checkpoint was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Something was written since the last one.
    Interval,
    /// A new file was begun.
    Rotation,
    /// The log was closed.
    Stop,
}

impl Purpose {
    /// The word of the record.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Rotation => "rotation",
            Self::Stop => "stop",
        }
    }
}

/// What a line is to somebody who has keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// No checkpoint, or nobody asked.
    None,
    /// A checkpoint that one of the keys signed.
    Sound {
        /// Whether it closes a run.
        closing: bool,
    },
    /// Says that it is a checkpoint, and none of the keys signed it.
    Forged,
}

/// Judges a line. Without keys nothing is a checkpoint.
pub(super) fn mark(line: &[u8], keys: &[PublicKey]) -> Mark {
    if keys.is_empty() || memchr::memmem::find(line, b"\"kind\":\"checkpoint\"").is_none() {
        return Mark::None;
    }
    match std::str::from_utf8(line).ok().and_then(signed_part) {
        Some((signed, signature)) if keys.iter().any(|key| is_signed(signed, &signature, key)) => {
            Mark::Sound { closing: signed.contains(",\"purpose\":\"stop\",") }
        }
        _ => Mark::Forged,
    }
}

fn signed_part(line: &str) -> Option<(&str, Signature)> {
    let (signed, rest) = line.rsplit_once(SEAM)?;
    let bytes = HEXLOWER.decode(rest.strip_suffix("\"}")?.as_bytes()).ok()?;
    let bytes: [u8; SIGNATURE_BYTES] = bytes.try_into().ok()?;
    Some((signed, Signature::from_bytes(&bytes)))
}

fn is_signed(signed: &str, signature: &Signature, key: &PublicKey) -> bool {
    key.key.verify_strict(&[PREFIX, signed.as_bytes()].concat(), signature).is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ed25519_dalek::pkcs8::spki::EncodePublicKey;
    use ed25519_dalek::pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding};

    use super::*;
    use crate::audit::chain::Head;
    use crate::audit::record::Entry;
    use crate::domain::time::UnixTime;

    fn signer(byte: u8) -> Signer {
        Signer::parse(&SecretBytes::new(HEXLOWER.encode(&[byte; 32]).into_bytes())).unwrap()
    }

    fn line(purpose: Purpose) -> String {
        let mut line = String::new();
        Entry::Checkpoint(UnixTime::from_seconds(1_767_225_600), Arc::new(signer(7)), purpose).write(Head::GENESIS, &mut line);
        line
    }

    #[test]
    fn a_key_is_a_pem_block_or_hex_and_nothing_else() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        assert_eq!(Signer::parse(&SecretBytes::new(pem.as_bytes().to_vec())).unwrap().fingerprint(), signer(7).fingerprint());
        let public = key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
        assert_eq!(PublicKey::parse(&public).unwrap(), signer(7).public_key());
        assert_eq!(PublicKey::parse(&HEXLOWER.encode(key.verifying_key().as_bytes())).unwrap(), signer(7).public_key());
        for bad in ["", "00", "zz", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"] {
            assert_eq!(Signer::parse(&SecretBytes::new(bad.into())).unwrap_err(), KeyFault::NoKey);
            assert_eq!(PublicKey::parse(bad).unwrap_err(), KeyFault::NoKey, "{bad}");
        }
        assert_eq!(PublicKey::parse(&format!("01{}", "00".repeat(31))).unwrap_err(), KeyFault::Weak);
        assert!(format!("{:?}", signer(7)).len() < 48);
    }

    #[test]
    fn a_checkpoint_is_sound_under_its_own_key_only_and_every_byte_counts() {
        let keys = [signer(7).public_key()];
        let whole = line(Purpose::Interval);
        assert_eq!(mark(whole.as_bytes(), &keys), Mark::Sound { closing: false });
        assert_eq!(
            mark(line(Purpose::Stop).as_bytes(), &[signer(8).public_key(), signer(7).public_key()]),
            Mark::Sound { closing: true }
        );
        assert_eq!(mark(whole.as_bytes(), &[signer(8).public_key()]), Mark::Forged);
        assert_eq!(mark(whole.as_bytes(), &[]), Mark::None);
        assert_eq!(mark(b"{\"kind\":\"request\"}", &keys), Mark::None);
        for position in 0..whole.len() {
            let mut changed = whole.clone().into_bytes();
            changed[position] ^= 1;
            assert!(matches!(mark(&changed, &keys), Mark::None | Mark::Forged), "byte {position}");
        }
    }
}
