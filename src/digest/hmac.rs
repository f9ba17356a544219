//! HMAC-SHA-256, keyed once: RFC 2104. Pure.
//!
//! The key is hashed into two midstates when it is taken over. A tag then costs the content and one block.

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::compress::{BLOCK_BYTES, Block, INITIAL, State};
use super::{DIGEST_BYTES, Message, Pieces, digests, spelled};

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
            let short: Zeroizing<[u8; DIGEST_BYTES]> = Zeroizing::new(Sha256::digest(key).into());
            block.iter_mut().zip(short.iter()).for_each(|(place, byte)| *place = *byte);
        } else {
            block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
        }
        Self { inner: midstate(&block, 0x36), outer: midstate(&block, 0x5c) }
    }

    /// The first of a tag's two messages, to be hashed beside others. Its digest is no tag yet: see [`Self::finish`].
    pub fn message<'i, 'b>(&'i self, content: &'i mut Pieces<'i, 'b>) -> Message<'i, 'b> {
        // The block of the key was hashed into the midstate.
        Message { state: &self.inner, hashed_bytes: 64, pieces: content }
    }

    /// The tag, from the digest of [`Self::message`]: the second message, which is one block behind that of the key.
    #[must_use]
    pub fn finish(&self, inner: &[u8; DIGEST_BYTES]) -> [u8; DIGEST_BYTES] {
        let mut state = self.outer.clone();
        let mut block = BLOCK_BEHIND_KEY;
        block.iter_mut().zip(inner).for_each(|(place, byte)| *place = *byte);
        compress256(&mut state, std::slice::from_ref(&block));
        spelled(&state)
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

/// Room for a digest, and its padding: the length is that of a block and a digest, 768 bits.
const BLOCK_BEHIND_KEY: Block = {
    let mut block = [0; BLOCK_BYTES];
    block[DIGEST_BYTES] = 0x80;
    block[BLOCK_BYTES - 2] = 3;
    block
};
