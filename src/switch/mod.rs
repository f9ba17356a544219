//! Kill switches: what an operator has turned off, whatever the configuration says.
//!
//! Owns: the positions of all switches, the file that keeps them, the handle that a request asks.
//! Must not know: requests, who may throw a switch, what is written about it.
//!
//! 1. A switch acts on the next request: throwing it is one store of a pointer that every request reads.
//! 2. *All* is a switch of its own. It holds for every integration, also for those that a later reload adds, and throwing it
//!    back leaves each integration as its own switch says.
//! 3. A barred secret verifies nothing; the other secrets of its integration go on.
//! 4. Turning off acts first and is written down then: if writing fails, off stays off, and is written when that is possible.
//!    Turning on is written down first: if that fails, it does not happen.
//! 5. Positions outlive the process and every reload, also of integrations that the configuration does not have just now.
//! 6. Replicas that share a store agree ([`agreement`]): of two positions thrown without knowing of each other the stricter one
//!    stands, so that nobody who comes late turns on what was turned off.
//! 7. A file of positions that cannot be read keeps the gateway from starting: nobody may be turned on by a broken file.
//!
//! Start at [`board`].

pub mod agreement;
pub mod board;
pub mod error;
pub mod order;
pub mod positions;

pub(crate) mod file;
#[cfg(test)]
mod tests;
