//! One presented signature, decoded.
//!
//! Invariants: a candidate is exactly as long as its algorithm makes signatures, where that is one length, and came in the one spelling of its bytes:
//! no other case, alphabet, padding or joint of two texts.

use data_encoding::{BASE64, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};
use sha2::{Digest, Sha256};

use crate::provider::scheme::{SignatureEncoding, SignatureRule};

/// The longest signature of an algorithm whose signatures have one length.
pub(super) const MAX_SIGNATURE_BYTES: usize = 64;

/// The longest spelling: base64 of hex.
const MAX_TEXT_BYTES: usize = (MAX_SIGNATURE_BYTES * 2).div_ceil(3) * 4;

/// The longest signature whose length follows from its key: that of an RSA key of 8192 bits.
const MAX_LONG_BYTES: usize = 1024;

/// A signature that a request presents.
pub(super) struct Candidate {
    bytes: [u8; MAX_SIGNATURE_BYTES],
    length: usize,
    /// The signature in place of the bytes, where its length follows from the key.
    long: Option<Vec<u8>>,
    /// Which of the scheme's headers it stands in.
    pub(super) header: u8,
    /// The provider's own id of the key that it is for, where it stands beside it.
    pub(super) key_id: Option<String>,
}

impl Candidate {
    /// Decodes the text of one signature; `None` for any but the one spelling of a signature of the algorithm.
    pub(super) fn decode(rule: &SignatureRule, header: u8, text: &[u8]) -> Option<Self> {
        let Some(expected) = rule.algorithm.signature_bytes() else { return Self::decode_long(rule, header, text) };
        // Base64 asks for room in whole groups before it looks at the padding: up to two bytes more than the signature.
        let mut buffer = [0; MAX_SIGNATURE_BYTES + 2];
        let length = match rule.encoding {
            SignatureEncoding::Hex => decode_strictly(&HEXLOWER, text, &mut buffer)?,
            SignatureEncoding::HexUpper => decode_strictly(&HEXUPPER, text, &mut buffer)?,
            SignatureEncoding::Base64 => decode_strictly(&BASE64, text, &mut buffer)?,
            SignatureEncoding::Base64Url => decode_strictly(&BASE64URL_NOPAD, text, &mut buffer)?,
            // What is shown may be of any length; its digest is compared.
            SignatureEncoding::Plain => {
                buffer.get_mut(..32)?.copy_from_slice(&Sha256::digest(text));
                32
            }
            SignatureEncoding::Base64OfHex => {
                let mut hex = [0; MAX_SIGNATURE_BYTES * 2 + 2];
                let length = decode_strictly(&BASE64, text, &mut hex)?;
                decode_strictly(&HEXLOWER, hex.get(..length)?, &mut buffer)?
            }
        };
        let candidate = Self { bytes: *buffer.first_chunk()?, length, long: None, header, key_id: None };
        (length == expected).then_some(candidate)
    }

    /// The same for signatures of any length: strict about the spelling, and whoever verifies is about the bytes.
    fn decode_long(rule: &SignatureRule, header: u8, text: &[u8]) -> Option<Self> {
        let encoding = match rule.encoding {
            SignatureEncoding::Hex => &HEXLOWER,
            SignatureEncoding::HexUpper => &HEXUPPER,
            SignatureEncoding::Base64Url => &BASE64URL_NOPAD,
            SignatureEncoding::Base64 | SignatureEncoding::Base64OfHex | SignatureEncoding::Plain => &BASE64,
        };
        if text.is_empty() || text.len() > encoding.encode_len(MAX_LONG_BYTES) {
            return None;
        }
        let long = encoding.decode(text).ok()?;
        let is_spelling = encoding.encode(&long).as_bytes() == text;
        is_spelling.then_some(Self { bytes: [0; MAX_SIGNATURE_BYTES], length: 0, long: Some(long), header, key_id: None })
    }

    /// The same for the key of an id.
    pub(super) fn of_key(self, key_id: &str) -> Self {
        Self { key_id: Some(key_id.to_owned()), ..self }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.long.as_deref().unwrap_or_else(|| self.bytes.get(..self.length).unwrap_or_default())
    }
}

/// How many bytes a text is the one spelling of. Decoding alone does not say so: base64 with its padding in the middle, as if
/// two texts were joined, decodes too.
fn decode_strictly(encoding: &Encoding, text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let room = bytes.get_mut(..encoding.decode_len(text.len()).ok()?)?;
    let length = encoding.decode_mut(text, room).ok()?;
    let mut buffer = [0; MAX_TEXT_BYTES];
    let spelling = buffer.get_mut(..encoding.encode_len(length))?;
    encoding.encode_mut(bytes.get(..length)?, spelling);
    (spelling == text).then_some(length)
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Candidate(..)")
    }
}
