//! Blocks into states: which code does it. Pure.
//!
//! The code for several lanes calls instructions that not every CPU has. `multiversion` compiles it beside plain code, asks the
//! CPU once and remembers which to call.

use multiversion::multiversion;
use multiversion::target::match_target;
use sha2::block_api::compress256;

#[cfg(target_arch = "x86_64")]
use super::interleaved;

/// Bytes of a block.
pub(super) const BLOCK_BYTES: usize = 64;

/// What is hashed at a time.
pub(super) type Block = [u8; BLOCK_BYTES];

/// What a message was hashed into so far: the words a to h.
pub(super) type State = [u32; 8];

/// FIPS 180-4, 5.3.3.
pub(super) const INITIAL: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Blocks and the state that they are hashed into.
pub(super) struct Job<'j> {
    pub(super) state: &'j mut State,
    pub(super) blocks: &'j [Block],
}

/// Hashes the same number of blocks for each job.
pub(super) type Compress = fn(&mut [Job<'_>]);

/// By whatever is fastest here.
pub(super) fn fastest(jobs: &mut [Job<'_>]) {
    match jobs {
        [one, two] => pair([one.state, two.state], [one.blocks, two.blocks]),
        [one, two, three] => trio([one.state, two.state, three.state], [one.blocks, two.blocks, three.blocks]),
        _ => singly(jobs),
    }
}

/// One after the other.
pub(super) fn singly(jobs: &mut [Job<'_>]) {
    for job in jobs {
        compress256(job.state, job.blocks);
    }
}

#[multiversion(targets("x86_64+sha+sse4.1"))]
fn pair(states: [&mut State; 2], blocks: [&[Block]; 2]) {
    match_target! {
        "x86_64+sha+sse4.1" => interleaved::compress(states, blocks),
        _ => each(states, blocks),
    }
}

#[multiversion(targets("x86_64+sha+sse4.1"))]
fn trio(states: [&mut State; 3], blocks: [&[Block]; 3]) {
    match_target! {
        "x86_64+sha+sse4.1" => interleaved::compress(states, blocks),
        _ => each(states, blocks),
    }
}

fn each<const N: usize>(states: [&mut State; N], blocks: [&[Block]; N]) {
    for (state, blocks) in states.into_iter().zip(blocks) {
        compress256(state, blocks);
    }
}
