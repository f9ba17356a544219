//! How a producer signs: the scheme language, and the catalogue of presets written in it.
//!
//! Owns: the closed description of a signature scheme, its file grammar, where fields stand in a request, what a signature
//! covers, the producer's handshakes.
//! Must not know: keys' values, clocks, sockets, who asks.
//! Invariants: a [`scheme::Scheme`] that exists is consistent; a preset is data, never code.

pub mod scheme;
