//! SHA-256 of several lanes, interleaved instruction by instruction. Pure.
//!
//! After Intel's "New Instructions Supporting the Secure Hash Algorithm on Intel Architecture Processors" (2013), and the notes
//! on its three instructions in the Intrinsics Guide. The state is held as they want it: a, b, e, f in one register, c, d, g, h
//! in the other, the first of them in the highest place.
//!
//! The intrinsics take and give values, never addresses, so nothing here can go wrong but the arithmetic. A function that has
//! not asked the CPU for `sha` and `sse4.1` cannot call this one.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x, _mm_setzero_si128,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};

use super::compress::{Block, State};

/// One of the messages.
#[derive(Clone, Copy)]
struct Lane {
    abef: __m128i,
    cdgh: __m128i,
    /// The sixteen words that come next, four in each.
    words: [__m128i; 4],
    /// The four at hand, with the constants of their rounds.
    sums: __m128i,
}

/// Hashes as many blocks of each message as all have.
#[target_feature(enable = "sha,sse4.1")]
pub(super) fn compress<const N: usize>(states: [&mut State; N], blocks: [&[Block]; N]) {
    let mut lanes = [Lane::empty(); N];
    for (lane, state) in lanes.iter_mut().zip(&states) {
        lane.read(state);
    }
    let mut blocks = blocks.map(<[Block]>::iter);
    'blocks: loop {
        let before = lanes;
        for (lane, blocks) in lanes.iter_mut().zip(&mut blocks) {
            let Some(block) = blocks.next() else { break 'blocks };
            lane.load(block);
        }
        rounds(&mut lanes);
        for (lane, before) in lanes.iter_mut().zip(&before) {
            lane.abef = _mm_add_epi32(lane.abef, before.abef);
            lane.cdgh = _mm_add_epi32(lane.cdgh, before.cdgh);
        }
    }
    for (lane, state) in lanes.iter().zip(states) {
        *state = lane.state();
    }
}

/// The 64 rounds of a block.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn rounds<const N: usize>(lanes: &mut [Lane; N]) {
    let [most @ .., last] = &ROUND_CONSTANTS;
    // Sixteen a turn: after them each register of words is at its place again, and nothing is moved.
    for [one, two, three, four] in most {
        four_rounds(lanes, one);
        schedule(lanes);
        four_rounds(lanes, two);
        schedule(lanes);
        four_rounds(lanes, three);
        schedule(lanes);
        four_rounds(lanes, four);
        schedule(lanes);
    }
    for constants in last {
        four_rounds(lanes, constants);
        for lane in lanes.iter_mut() {
            lane.words.rotate_left(1);
        }
    }
}

/// FIPS 180-4, 6.2.2, step 3, for the words at hand.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn four_rounds<const N: usize>(lanes: &mut [Lane; N], constants: &[u32; 4]) {
    let constants = register(*constants);
    for lane in lanes.iter_mut() {
        let [words, ..] = lane.words;
        lane.sums = _mm_add_epi32(words, constants);
        lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, lane.sums);
    }
    for lane in lanes.iter_mut() {
        lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32::<0x0E>(lane.sums));
    }
}

/// FIPS 180-4, 6.2.2, step 1: the four words after the sixteen, in place of those that are done.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn schedule<const N: usize>(lanes: &mut [Lane; N]) {
    for lane in lanes.iter_mut() {
        let [done, second, third, fourth] = lane.words;
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(done, second), _mm_alignr_epi8::<4>(fourth, third));
        lane.words = [second, third, fourth, _mm_sha256msg2_epu32(sum, fourth)];
    }
}

/// Four words, the first in the lowest place.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn register([first, second, third, fourth]: [u32; 4]) -> __m128i {
    _mm_set_epi32(fourth.cast_signed(), third.cast_signed(), second.cast_signed(), first.cast_signed())
}

impl Lane {
    #[inline]
    #[target_feature(enable = "sha,sse4.1")]
    fn empty() -> Self {
        let zero = _mm_setzero_si128();
        Self { abef: zero, cdgh: zero, words: [zero; 4], sums: zero }
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1")]
    #[expect(clippy::many_single_char_names, reason = "what FIPS 180-4 calls them")]
    fn read(&mut self, state: &State) {
        let [a, b, c, d, e, f, g, h] = *state;
        self.abef = register([f, e, b, a]);
        self.cdgh = register([h, g, d, c]);
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1")]
    fn state(&self) -> State {
        let (abef, cdgh) = (self.abef, self.cdgh);
        [
            _mm_extract_epi32::<3>(abef),
            _mm_extract_epi32::<2>(abef),
            _mm_extract_epi32::<3>(cdgh),
            _mm_extract_epi32::<2>(cdgh),
            _mm_extract_epi32::<1>(abef),
            _mm_extract_epi32::<0>(abef),
            _mm_extract_epi32::<1>(cdgh),
            _mm_extract_epi32::<0>(cdgh),
        ]
        .map(i32::cast_unsigned)
    }

    /// A block's words, which are big-endian.
    #[inline]
    #[target_feature(enable = "sha,sse4.1")]
    fn load(&mut self, block: &Block) {
        let big_endian = _mm_set_epi64x(0x0C0D_0E0F_0809_0A0B, 0x0405_0607_0001_0203);
        for (words, bytes) in self.words.iter_mut().zip(block.as_chunks::<16>().0) {
            let low = bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
            let high = bytes.last_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
            *words = _mm_shuffle_epi8(_mm_set_epi64x(high, low), big_endian);
        }
    }
}

/// FIPS 180-4, 4.2.2.
const ROUND_CONSTANTS: [[[u32; 4]; 4]; 4] = [
    [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
        [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
        [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    ],
    [
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
        [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
        [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    ],
    [
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
        [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
        [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    ],
    [
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
        [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
        [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ],
];
