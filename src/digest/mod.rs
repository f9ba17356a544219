//! Several SHA-256 digests at once, and HMAC-SHA-256 on top of them. Pure.
//!
//! Owns: FIPS 180-4 (the block, the padding) over messages that come in pieces; RFC 2104 for SHA-256; which instructions do it.
//! Must not know: what is hashed, and why.
//!
//! A delivery is hashed three times over nearly the same bytes: for its HMAC, for its identity, for its record. One digest after
//! the other keeps the CPU waiting: each round needs the one before, and the instruction for two rounds takes four cycles where
//! another could begin after two. Digests that do not depend on each other fill the gaps of one another: on an AMD EPYC
//! (Zen 5) two take 1.38 times, three 2.11 times as long as one.
//!
//! 1. Each message has its own lane: its state, its length, its place in its pieces. Lanes start and end where they like, and no
//!    byte is copied but those of a block that does not lie in one piece.
//! 2. As many blocks are compressed at once as every lane that is not finished has at hand. Whoever is left alone goes on alone.
//! 3. Two and three lanes are interleaved where the CPU has the SHA instructions, which is asked when the program runs. One
//!    lane, more than three, and other CPUs are the business of the `sha2` crate, block by block.
//! 4. What depends on a key is wiped when it is dropped: midstates, and the states that start from them.

mod compress;
mod hmac;
#[cfg(target_arch = "x86_64")]
mod interleaved;
mod lane;

pub use hmac::HmacSha256;

use compress::{Compress, INITIAL, State};
use lane::Lane;

/// How many bytes a digest has.
pub const DIGEST_BYTES: usize = 32;

/// The pieces of a message, in order.
pub type Pieces<'i, 'b> = dyn Iterator<Item = &'b [u8]> + 'i;

/// A message to be hashed.
pub struct Message<'i, 'b> {
    /// What it starts from. Lent, for it may depend on a key: nobody has a copy of it to wipe but the lane.
    state: &'i State,
    /// Whole blocks that were hashed into the state before.
    hashed_bytes: u64,
    pieces: &'i mut Pieces<'i, 'b>,
}

impl<'i, 'b> Message<'i, 'b> {
    /// A message that is its pieces and nothing else.
    pub fn new(pieces: &'i mut Pieces<'i, 'b>) -> Self {
        Self { state: &INITIAL, hashed_bytes: 0, pieces }
    }
}

impl std::fmt::Debug for Message<'_, '_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Message(..)")
    }
}

/// The digest of each message.
#[must_use]
pub fn digests<const N: usize>(messages: [Message<'_, '_>; N]) -> [[u8; DIGEST_BYTES]; N] {
    digests_by(compress::fastest, messages)
}

/// The digest of one message.
#[must_use]
pub fn digest<'m>(mut pieces: impl Iterator<Item = &'m [u8]>) -> [u8; DIGEST_BYTES] {
    let [digest] = digests([Message::new(&mut pieces)]);
    digest
}

fn digests_by<const N: usize>(compress: Compress, messages: [Message<'_, '_>; N]) -> [[u8; DIGEST_BYTES]; N] {
    let mut lanes = messages.map(Lane::new);
    lane::run(&mut lanes, compress);
    lanes.map(|lane| lane.digest())
}

/// A state as it is written.
fn spelled(state: &State) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

#[cfg(test)]
mod tests;
