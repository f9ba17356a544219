//! HMAC-SHA-256, keyed once: RFC 2104. Pure.
//!
//! The key is hashed into two midstates when it is taken over. A tag then costs the content and one block.

use std::iter;

use sha2::block_api::compress256;
use zeroize::Zeroizing;

use super::compress::{BLOCK_BYTES, Block, INITIAL, State};
use super::{DIGEST_BYTES, Message, Pieces, digest, digests};

/// A key that makes tags. Nothing prints it, and it is wiped when it is dropped.
pub struct HmacSha256 {
    inner: Zeroizing<State>,
    outer: Zeroizing<State>,
}

impl HmacSha256 {
    /// Takes a key of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        if key.len() > BLOCK_BYTES {
            let short = Zeroizing::new(digest(iter::once(key)));
            block.iter_mut().zip(short.iter()).for_each(|(place, byte)| *place = *byte);
        } else {
            block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
        }
        Self { inner: midstate(&block, 0x36), outer: midstate(&block, 0x5c) }
    }

    /// The first of a tag's two messages, to be hashed beside others. Its digest is no tag yet: see [`Self::finish`].
    pub fn message<'i, 'b>(&'i self, content: &'i mut Pieces<'i, 'b>) -> Message<'i, 'b> {
        behind_key(&self.inner, content)
    }

    /// The tag, from the digest of [`Self::message`].
    #[must_use]
    pub fn finish(&self, inner: &[u8; DIGEST_BYTES]) -> [u8; DIGEST_BYTES] {
        let mut content = iter::once(inner.as_slice());
        let [tag] = digests([behind_key(&self.outer, &mut content)]);
        tag
    }

    /// The tag over a content that comes in pieces.
    #[must_use]
    pub fn tag<'m>(&self, mut content: impl Iterator<Item = &'m [u8]>) -> [u8; DIGEST_BYTES] {
        let [inner] = digests([self.message(&mut content)]);
        self.finish(&inner)
    }
}

impl std::fmt::Debug for HmacSha256 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HmacSha256(..)")
    }
}

fn midstate(key: &Block, pad: u8) -> Zeroizing<State> {
    let padded = Zeroizing::new(key.map(|byte| byte ^ pad));
    let mut state = Zeroizing::new(INITIAL);
    compress256(&mut state, std::slice::from_ref(&*padded));
    state
}

/// The block of the key was hashed into the midstate.
fn behind_key<'i, 'b>(midstate: &'i State, pieces: &'i mut Pieces<'i, 'b>) -> Message<'i, 'b> {
    Message { state: midstate, hashed_bytes: 64, pieces }
}
