//! One record of a segment: thirty-two bytes that are right where they stand, or nothing. Pure.
//!
//! ```text
//! settled     half of the identity (16)  over at second (4)  share (7)     kind (1)  check (4)
//! forgotten   half of the identity (16)  over at second (4)  before (7)    kind (1)  check (4)
//! first       magic (16)                 version (4)         zeros (7)     kind (1)  check (4)
//! ```
//!
//! 1. The check is a digest of the record, of the segment's name and of the place in it. A block that was lost, doubled, put
//!    elsewhere or left over from another file is not taken for a record.
//! 2. All are of one length, so one that is ruined hides no other; and they divide a sector, so none is torn by a disk that
//!    writes sectors whole.

use sha2::{Digest, Sha256};

use super::name::SegmentName;
use crate::gate::replay::memory::{JournalEntry, ShareTag};

/// Bytes of a record.
pub(super) const CELL_BYTES: usize = 32;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// The first of a segment.
    First {
        /// Of how the others are to be read.
        version: u32,
    },
    /// A delivery was taken.
    Settled(JournalEntry),
    /// It was allowed again: segments before this number do not count.
    Forgotten {
        /// The half of its identity that the index knows.
        half: [u8; 16],
        /// What it would have been over at.
        second: u32,
        /// The number of the first segment that counts.
        before: u64,
    },
}

/// The version that is written.
pub(super) const VERSION: u32 = 1;

const MAGIC: [u8; 16] = *b"hookward/replay\0";
const FIRST: u8 = b'V';
const SETTLED_TIMED: u8 = b'T';
const SETTLED_UNTIMED: u8 = b'U';
const FORGOTTEN: u8 = b'F';

impl Cell {
    /// The record as it stands at a place of a segment.
    pub(super) fn encode(&self, name: &SegmentName, place: u64) -> [u8; CELL_BYTES] {
        let (half, word, rest, kind) = match self {
            Self::First { version } => (MAGIC, *version, [0; 7], FIRST),
            Self::Settled(entry) => {
                (entry.half, entry.second, entry.share.0, if entry.is_timed { SETTLED_TIMED } else { SETTLED_UNTIMED })
            }
            Self::Forgotten { half, second, before } => (*half, *second, seven_bytes(*before), FORGOTTEN),
        };
        let mut cell = [0; CELL_BYTES];
        let parts = half.into_iter().chain(word.to_be_bytes()).chain(rest).chain([kind]);
        cell.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        let check = check(name, place, &cell);
        cell.iter_mut().rev().zip(check.into_iter().rev()).for_each(|(to, from)| *to = from);
        cell
    }

    /// The record at a place of a segment, if there is one.
    pub(super) fn decode(name: &SegmentName, place: u64, cell: &[u8; CELL_BYTES]) -> Option<Self> {
        let (half, rest) = cell.split_first_chunk::<16>()?;
        let (word, rest) = rest.split_first_chunk::<4>()?;
        let (seven, rest) = rest.split_first_chunk::<7>()?;
        let (kind, found) = rest.split_first()?;
        if *found != check(name, place, cell) {
            return None;
        }
        let (half, word, share) = (*half, u32::from_be_bytes(*word), ShareTag(*seven));
        match *kind {
            FIRST if half == MAGIC => Some(Self::First { version: word }),
            SETTLED_TIMED => Some(Self::Settled(JournalEntry { half, second: word, share, is_timed: true })),
            SETTLED_UNTIMED => Some(Self::Settled(JournalEntry { half, second: word, share, is_timed: false })),
            FORGOTTEN => Some(Self::Forgotten { half, second: word, before: number(*seven) }),
            _ => None,
        }
    }

    /// The second at which it is over, if it is a timed delivery.
    pub(super) fn timed_until(&self) -> Option<u32> {
        match self {
            Self::Settled(entry) if entry.is_timed => Some(entry.second),
            Self::First { .. } | Self::Settled(_) | Self::Forgotten { .. } => None,
        }
    }
}

/// Four bytes of a digest over the segment, the place, and everything of the record but the check itself.
fn check(name: &SegmentName, place: u64, cell: &[u8; CELL_BYTES]) -> [u8; 4] {
    let mut digest = Sha256::new();
    digest.update(name.digest_input());
    digest.update(place.to_be_bytes());
    digest.update(cell.first_chunk::<{ CELL_BYTES - 4 }>().copied().unwrap_or_default());
    let digest: [u8; 32] = digest.finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// Segments are numbered one by one: seven bytes last.
fn seven_bytes(number: u64) -> [u8; 7] {
    number.to_be_bytes().last_chunk().copied().unwrap_or_default()
}

fn number(seven: [u8; 7]) -> u64 {
    seven.into_iter().fold(0, |number, byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::replay::disk::name::{Kind, Slot};

    fn name(number: u64) -> SegmentName {
        SegmentName { slot: Slot { kind: Kind::Settled, exponent: 7, end: 1_700_000_128 }, number }
    }

    fn cells() -> [Cell; 4] {
        let entry = JournalEntry { half: [7; 16], second: 1_700_000_100, share: ShareTag([1, 2, 3, 4, 5, 6, 7]), is_timed: true };
        let untimed = JournalEntry { share: ShareTag::COMMON, is_timed: false, ..entry };
        let forgotten = Cell::Forgotten { half: [9; 16], second: u32::MAX, before: 0x00ab_cdef_0123_4567 & ((1 << 56) - 1) };
        [Cell::First { version: VERSION }, Cell::Settled(entry), Cell::Settled(untimed), forgotten]
    }

    #[test]
    fn what_is_written_is_read_at_its_own_place_only() {
        for (place, cell) in (0..).zip(cells()) {
            let bytes = cell.encode(&name(3), place);
            assert_eq!(Cell::decode(&name(3), place, &bytes), Some(cell));
            assert_eq!(Cell::decode(&name(3), place + 1, &bytes), None, "another place");
            assert_eq!(Cell::decode(&name(4), place, &bytes), None, "another segment");
        }
    }

    #[test]
    fn no_bit_may_change() {
        for cell in cells() {
            let bytes = cell.encode(&name(3), 5);
            for bit in 0..CELL_BYTES * 8 {
                let mut ruined = bytes;
                ruined[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Cell::decode(&name(3), 5, &ruined), None, "bit {bit} of {cell:?}");
            }
        }
        assert_eq!(Cell::decode(&name(3), 5, &[0; CELL_BYTES]), None);
        assert_eq!(Cell::decode(&name(3), 5, &[0xff; CELL_BYTES]), None);
    }
}
