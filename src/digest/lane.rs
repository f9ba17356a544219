//! One message on its way into its state, and several of them side by side. Pure.

use smallvec::SmallVec;
use zeroize::Zeroizing;

use super::compress::{BLOCK_BYTES, Block, Compress, Job, State};
use super::{DIGEST_BYTES, Message, Pieces, spelled};

/// A message, and how far it is.
pub(super) struct Lane<'i, 'b> {
    state: Zeroizing<State>,
    length_bytes: u64,
    pieces: &'i mut Pieces<'i, 'b>,
    /// What is left of the piece at hand.
    rest: &'b [u8],
    /// A block that does not lie in one piece, or the last one or two with the padding.
    held: [u8; 2 * BLOCK_BYTES],
    /// How many bytes of the block being gathered are there.
    gathered_bytes: usize,
    /// How many whole blocks are held.
    held_blocks: usize,
    is_padded: bool,
}

/// Hashes all lanes to their ends.
pub(super) fn run(lanes: &mut [Lane<'_, '_>], compress: Compress) {
    loop {
        let mut open: SmallVec<[&mut Lane<'_, '_>; 3]> = lanes.iter_mut().filter_map(Lane::with_block).collect();
        let mut jobs: SmallVec<[Job<'_>; 3]> = open.iter_mut().map(|lane| lane.job()).collect();
        let Some(blocks) = jobs.iter().map(|job| job.blocks.len()).min() else { return };
        for job in &mut jobs {
            job.blocks = job.blocks.get(..blocks).unwrap_or_default();
        }
        compress(&mut jobs);
        drop(jobs);
        open.into_iter().for_each(|lane| lane.advance(blocks));
    }
}

impl<'i, 'b> Lane<'i, 'b> {
    pub(super) fn new(Message { state, hashed_bytes, pieces }: Message<'i, 'b>) -> Self {
        Self {
            state: Zeroizing::new(*state),
            length_bytes: hashed_bytes,
            pieces,
            rest: &[],
            held: [0; 2 * BLOCK_BYTES],
            gathered_bytes: 0,
            held_blocks: 0,
            is_padded: false,
        }
    }

    /// The lane, if it has a whole block to be hashed; else it is finished.
    fn with_block(&mut self) -> Option<&mut Self> {
        loop {
            if self.held_blocks > 0 || (self.gathered_bytes == 0 && self.rest.len() >= BLOCK_BYTES) {
                return Some(self);
            }
            if !self.rest.is_empty() {
                self.gather();
            } else if let Some(piece) = self.pieces.next() {
                self.rest = piece;
                self.length_bytes = self.length_bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            } else if self.is_padded {
                return None;
            } else {
                self.pad();
            }
        }
    }

    /// Takes what is left of the piece, up to the end of the block.
    fn gather(&mut self) {
        let room = self.held.get_mut(self.gathered_bytes..BLOCK_BYTES).unwrap_or_default();
        let (now, later) = self.rest.split_at(room.len().min(self.rest.len()));
        if let Some(place) = room.get_mut(..now.len()) {
            place.copy_from_slice(now);
        }
        self.rest = later;
        self.gathered_bytes = self.gathered_bytes.saturating_add(now.len());
        if self.gathered_bytes == BLOCK_BYTES {
            (self.gathered_bytes, self.held_blocks) = (0, 1);
        }
    }

    /// FIPS 180-4, 5.1.1: a one, zeros, and the length in bits at the end of a block.
    fn pad(&mut self) {
        self.is_padded = true;
        let (_, padding) = self.held.split_at_mut(self.gathered_bytes);
        padding.fill(0);
        padding.iter_mut().take(1).for_each(|byte| *byte = 0x80);
        self.held_blocks = if self.gathered_bytes < LENGTH_AT { 1 } else { 2 };
        self.gathered_bytes = 0;
        let last = self.held.as_chunks_mut::<BLOCK_BYTES>().0.get_mut(..self.held_blocks).and_then(<[Block]>::last_mut);
        if let Some(length) = last.and_then(|block| block.last_chunk_mut()) {
            *length = self.length_bytes.saturating_mul(8).to_be_bytes();
        }
    }

    fn job(&mut self) -> Job<'_> {
        let (held, _) = self.held.as_chunks();
        let blocks = if self.held_blocks > 0 { held.get(..self.held_blocks) } else { Some(self.rest.as_chunks().0) };
        Job { state: &mut self.state, blocks: blocks.unwrap_or_default() }
    }

    /// Leaves blocks behind that were hashed.
    fn advance(&mut self, blocks: usize) {
        if self.held_blocks > 0 {
            self.held_blocks = self.held_blocks.saturating_sub(blocks);
            self.held.copy_within(BLOCK_BYTES.., 0);
        } else {
            self.rest = self.rest.get(blocks.saturating_mul(BLOCK_BYTES)..).unwrap_or_default();
        }
    }

    /// What it came to.
    pub(super) fn digest(&self) -> [u8; DIGEST_BYTES] {
        spelled(&self.state)
    }
}

/// Where in a block the length stands, if there is room for it and the one before it.
const LENGTH_AT: usize = BLOCK_BYTES - size_of::<u64>();
