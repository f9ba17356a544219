//! HMAC and its lesser kin: keyed once when the configuration is loaded, computed once for each key and request.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::candidate::{Candidate, MAX_SIGNATURE_BYTES};
use crate::digest::HmacSha256;
use crate::provider::scheme::{Algorithm, Part, Scheme};

/// A key, taken over once: keying an HMAC again for each request would cost as much as the tag of a short one.
pub(super) enum MacKey {
    Sha1(Hmac<Sha1>),
    Sha256(HmacSha256),
    Sha512(Hmac<Sha512>),
    /// A plain digest over the secret and the content, in this order or the other.
    Digest {
        algorithm: Algorithm,
        secret: Zeroizing<Vec<u8>>,
        secret_first: bool,
    },
    /// The SHA-256 of what must be shown.
    Shown(Tag),
}

impl MacKey {
    /// Keys the scheme's algorithm; `None` for one that has no shared secret.
    pub(super) fn new(scheme: &Scheme, key: &[u8]) -> Option<Self> {
        let algorithm = scheme.signature.algorithm;
        match algorithm {
            Algorithm::HmacSha1 => Hmac::new_from_slice(key).ok().map(Self::Sha1),
            Algorithm::HmacSha256 => Some(Self::Sha256(HmacSha256::new(key))),
            Algorithm::HmacSha512 => Hmac::new_from_slice(key).ok().map(Self::Sha512),
            Algorithm::Sha1 | Algorithm::Sha256 => {
                let secret_first = scheme.content.first() == Some(&Part::Secret);
                Some(Self::Digest { algorithm, secret: Zeroizing::new(key.to_vec()), secret_first })
            }
            Algorithm::Token => Some(Self::Shown(Tag::from_output(&Sha256::digest(key)))),
            Algorithm::Basic => Some(Self::Shown(Tag::from_output(&Sha256::digest(BASE64.encode(key).as_bytes())))),
            _ => None,
        }
    }

    /// Whether it is an HMAC: of nothing else may a tag be shown.
    pub(super) const fn is_hmac(&self) -> bool {
        matches!(self, Self::Sha1(_) | Self::Sha256(_) | Self::Sha512(_))
    }

    /// Whether it is what a request must show, whatever its content is.
    pub(super) const fn is_shown(&self) -> bool {
        matches!(self, Self::Shown(_))
    }

    /// The tag over a content that comes in pieces.
    pub(super) fn tag<'p>(&self, pieces: impl Iterator<Item = &'p [u8]>) -> Tag {
        match self {
            Self::Sha1(keyed) => Tag::of(keyed.clone(), pieces),
            Self::Sha256(keyed) => Tag::from_output(&keyed.tag(pieces)),
            Self::Sha512(keyed) => Tag::of(keyed.clone(), pieces),
            Self::Digest { algorithm: Algorithm::Sha1, secret, secret_first } => digest::<Sha1>(secret, *secret_first, pieces),
            Self::Digest { secret, secret_first, .. } => digest::<Sha256>(secret, *secret_first, pieces),
            Self::Shown(tag) => tag.clone(),
        }
    }
}

fn digest<'p, D: Digest>(secret: &[u8], secret_first: bool, pieces: impl Iterator<Item = &'p [u8]>) -> Tag {
    let mut digest = D::new();
    if secret_first {
        digest.update(secret);
    }
    pieces.for_each(|piece| digest.update(piece));
    if !secret_first {
        digest.update(secret);
    }
    Tag::from_output(&digest.finalize())
}

/// A computed tag. Compared in constant time only, and never printed.
#[derive(Clone)]
pub(super) struct Tag {
    bytes: [u8; MAX_SIGNATURE_BYTES],
    length: usize,
}

impl Tag {
    fn of<'p, M: Mac>(mut mac: M, pieces: impl Iterator<Item = &'p [u8]>) -> Self {
        pieces.for_each(|piece| mac.update(piece));
        Self::from_output(&mac.finalize().into_bytes())
    }

    pub(super) fn from_output(output: &[u8]) -> Self {
        let mut tag = Self { bytes: [0; MAX_SIGNATURE_BYTES], length: 0 };
        if let Some(room) = tag.bytes.get_mut(..output.len()) {
            room.copy_from_slice(output);
            tag.length = output.len();
        }
        tag
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether any candidate is this tag. All are compared, so that the time does not tell which.
    pub(super) fn is_any_of<'c>(&self, candidates: impl Iterator<Item = &'c Candidate>) -> bool {
        candidates.fold(Choice::from(0), |found, candidate| found | self.is(candidate)).into()
    }

    /// Word by word: behind the last byte both are zero.
    fn is(&self, candidate: &Candidate) -> Choice {
        let has_its_length = Choice::from(u8::from(self.length == candidate.bytes().len()));
        let words = self.bytes.as_chunks().0.iter().zip(candidate.room().as_chunks().0);
        words.fold(has_its_length, |same, (own, shown)| same & u64::from_ne_bytes(*own).ct_eq(&u64::from_ne_bytes(*shown)))
    }
}
