//! HMAC: keyed once when the configuration is loaded, computed once for each key and request.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use super::candidate::{Candidate, MAX_SIGNATURE_BYTES};
use crate::provider::scheme::Algorithm;

/// An HMAC that has taken its key: cloning it is nine times cheaper than keying it again.
pub(super) enum MacKey {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

/// Gives content piece by piece to what it is handed.
pub(super) type Feed<'f> = dyn Fn(&mut dyn FnMut(&[u8])) + 'f;

impl MacKey {
    /// Keys the algorithm; `None` for one that is no HMAC.
    pub(super) fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::HmacSha1 => Hmac::new_from_slice(key).ok().map(Self::Sha1),
            Algorithm::HmacSha256 => Hmac::new_from_slice(key).ok().map(Self::Sha256),
            Algorithm::HmacSha512 => Hmac::new_from_slice(key).ok().map(Self::Sha512),
            Algorithm::Ed25519 => None,
        }
    }

    /// The tag over a content.
    pub(super) fn tag(&self, feed: &Feed<'_>) -> Tag {
        match self {
            Self::Sha1(keyed) => Tag::of(keyed.clone(), feed),
            Self::Sha256(keyed) => Tag::of(keyed.clone(), feed),
            Self::Sha512(keyed) => Tag::of(keyed.clone(), feed),
        }
    }
}

/// A computed tag. Compared in constant time only, and never printed.
pub(super) struct Tag {
    bytes: [u8; MAX_SIGNATURE_BYTES],
    length: usize,
}

impl Tag {
    fn of<M: Mac>(mut mac: M, feed: &Feed<'_>) -> Self {
        feed(&mut |piece| mac.update(piece));
        let output = mac.finalize().into_bytes();
        let mut tag = Self { bytes: [0; MAX_SIGNATURE_BYTES], length: output.len() };
        for (to, from) in tag.bytes.iter_mut().zip(output) {
            *to = from;
        }
        tag
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether any candidate is this tag. All are compared, so that the time does not tell which.
    pub(super) fn is_any_of<'c>(&self, candidates: impl Iterator<Item = &'c Candidate>) -> bool {
        let compare = |found: Choice, candidate: &Candidate| found | self.bytes().ct_eq(candidate.bytes());
        candidates.fold(Choice::from(0), compare).into()
    }
}
