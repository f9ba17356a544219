//! One presented signature, decoded.
//!
//! Invariants: a candidate is exactly as long as its algorithm makes signatures, and came in the one spelling of its bytes:
//! no other case, alphabet, padding or joint of two texts.

use data_encoding::Encoding;

use crate::provider::scheme::{SignatureEncoding, SignatureRule};

/// The longest signature of any algorithm.
pub(super) const MAX_SIGNATURE_BYTES: usize = 64;

/// The longest spelling: hex.
const MAX_TEXT_BYTES: usize = MAX_SIGNATURE_BYTES * 2;

/// A signature that a request presents.
pub(super) struct Candidate {
    bytes: [u8; MAX_SIGNATURE_BYTES],
    length: usize,
}

impl Candidate {
    /// Decodes the text of one signature; `None` for any but the one spelling of a signature of the algorithm.
    pub(super) fn decode(rule: &SignatureRule, text: &[u8]) -> Option<Self> {
        let encoding = match rule.encoding {
            SignatureEncoding::Hex => &data_encoding::HEXLOWER,
            SignatureEncoding::Base64 => &data_encoding::BASE64,
            SignatureEncoding::Base64Url => &data_encoding::BASE64URL_NOPAD,
        };
        // Base64 asks for room in whole groups before it looks at the padding: up to two bytes more than the signature.
        let mut buffer = [0; MAX_SIGNATURE_BYTES + 2];
        let room = buffer.get_mut(..encoding.decode_len(text.len()).ok()?)?;
        let length = encoding.decode_mut(text, room).ok()?;
        let candidate = Self { bytes: *buffer.first_chunk()?, length };
        (length == rule.algorithm.signature_bytes() && is_spelling(encoding, candidate.bytes(), text)).then_some(candidate)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Whether the text is how the bytes are written. Decoding alone does not say so: base64 with its padding in the middle,
/// as if two texts were joined, decodes too.
fn is_spelling(encoding: &Encoding, bytes: &[u8], text: &[u8]) -> bool {
    let mut buffer = [0; MAX_TEXT_BYTES];
    let Some(spelling) = buffer.get_mut(..encoding.encode_len(bytes.len())) else { return false };
    encoding.encode_mut(bytes, spelling);
    spelling == text
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Candidate(..)")
    }
}
