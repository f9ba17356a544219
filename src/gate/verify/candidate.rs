//! One presented signature, decoded. What hardly any scheme has stands behind a pointer: candidates are moved and dropped for
//! every delivery.
//!
//! Invariants: a candidate is exactly as long as its algorithm makes signatures, where that is one length, and came in the one spelling of its bytes:
//! no other case (unless the scheme says that either is one), alphabet, padding or joint of two texts.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE, HEXUPPER};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use super::spelling::{HEX, HEX_UPPER, STANDARD, URL, decode_base64, decode_hex};
use crate::provider::scheme::{SignatureEncoding, SignatureRule};

/// The candidates of a request: nearly always one.
pub(super) type Candidates = SmallVec<[Candidate; 1]>;

/// The longest signature of an algorithm whose signatures have one length.
pub(super) const MAX_SIGNATURE_BYTES: usize = 64;

/// The longest signature whose length follows from its key: that of an RSA key of 8192 bits.
const MAX_LONG_BYTES: usize = 1024;

/// A signature that a request presents.
pub(super) struct Candidate {
    bytes: [u8; MAX_SIGNATURE_BYTES],
    length: u8,
    /// Which of the scheme's headers it stands in.
    pub(super) header: u8,
    /// The signature in place of the bytes, where its length follows from the key.
    long: Option<Box<[u8]>>,
    key_id: Option<Box<str>>,
}

impl Candidate {
    /// Decodes the text of one signature; `None` for any but the one spelling of a signature of the algorithm.
    pub(super) fn decode(rule: &SignatureRule, header: u8, text: &[u8]) -> Option<Self> {
        let Some(expected) = rule.algorithm.signature_bytes() else { return Self::decode_long(rule, header, text) };
        let mut buffer = [0; MAX_SIGNATURE_BYTES];
        let length = match rule.encoding {
            SignatureEncoding::Hex => decode_hex(HEX, text, &mut buffer)?,
            SignatureEncoding::HexUpper => decode_hex(HEX_UPPER, text, &mut buffer)?,
            SignatureEncoding::HexAnyCase => decode_any_case(text, &mut buffer)?,
            SignatureEncoding::Base64 => decode_base64(STANDARD, text, &mut buffer)?,
            SignatureEncoding::Base64Url => decode_base64(URL, text, &mut buffer)?,
            // What is shown may be of any length; its digest is compared.
            SignatureEncoding::Plain => {
                buffer.get_mut(..32)?.copy_from_slice(&Sha256::digest(text));
                32
            }
            SignatureEncoding::Base64OfHex => {
                let mut hex = [0; MAX_SIGNATURE_BYTES * 2];
                let length = decode_base64(STANDARD, text, &mut hex)?;
                decode_hex(HEX, hex.get(..length)?, &mut buffer)?
            }
        };
        if length != expected {
            return None;
        }
        Some(Self { bytes: buffer, length: u8::try_from(length).ok()?, header, long: None, key_id: None })
    }

    /// The same for signatures of any length: strict about the spelling, and whoever verifies is about the bytes.
    fn decode_long(rule: &SignatureRule, header: u8, text: &[u8]) -> Option<Self> {
        let encoding = match rule.encoding {
            SignatureEncoding::Hex => &HEXLOWER,
            SignatureEncoding::HexUpper => &HEXUPPER,
            SignatureEncoding::HexAnyCase => &HEXLOWER_PERMISSIVE,
            SignatureEncoding::Base64Url => &BASE64URL_NOPAD,
            SignatureEncoding::Base64 | SignatureEncoding::Base64OfHex | SignatureEncoding::Plain => &BASE64,
        };
        if text.is_empty() || text.len() > encoding.encode_len(MAX_LONG_BYTES) {
            return None;
        }
        let long = encoding.decode(text).ok()?;
        let long = Some(long.into_boxed_slice());
        is_one_text(text).then_some(Self { bytes: [0; MAX_SIGNATURE_BYTES], length: 0, header, long, key_id: None })
    }

    /// The same behind the id of its key, which ends where what stands between them begins.
    pub(super) fn decode_named(rule: &SignatureRule, entry: &[u8], between: &[u8]) -> Option<Self> {
        let end = entry.iter().position(|byte| Some(byte) == between.first())?;
        let (key_id, rest) = entry.split_at_checked(end)?;
        let key_id = std::str::from_utf8(key_id).ok().filter(|key_id| !key_id.is_empty())?;
        Self::decode(rule, 0, rest.strip_prefix(between)?).map(|candidate| candidate.of_key(key_id))
    }

    /// The same for the key of an id.
    pub(super) fn of_key(self, key_id: &str) -> Self {
        Self { key_id: Some(key_id.into()), ..self }
    }

    /// The provider's own id of the key that it is for, where it stands beside it.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The room for a signature of at most [`MAX_SIGNATURE_BYTES`], zero behind the last byte of one.
    pub(super) const fn room(&self) -> &[u8; MAX_SIGNATURE_BYTES] {
        &self.bytes
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.long.as_deref().unwrap_or_else(|| self.bytes.get(..usize::from(self.length)).unwrap_or_default())
    }
}

/// As many bytes as there is room for.
fn decode_any_case(text: &[u8], room: &mut [u8]) -> Option<usize> {
    let length = HEXLOWER_PERMISSIVE.decode_len(text.len()).ok()?;
    HEXLOWER_PERMISSIVE.decode_mut(text, room.get_mut(..length)?).ok()
}

/// Decoding alone does not say so: base64 with its padding in the middle, as if two texts were joined, decodes too.
fn is_one_text(text: &[u8]) -> bool {
    let end = text.len().saturating_sub(2);
    let (inside, end) = text.split_at(end);
    !inside.contains(&b'=') && (end.first() != Some(&b'=') || end.last() == Some(&b'='))
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Candidate(..)")
    }
}
