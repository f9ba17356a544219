//! Scope: whether an integration may send an event of this type at all.
//!
//! Owns: the rules and their judgement.
//! Must not know: keys, stores, sockets.
//! An event type that the signature does not cover may still be judged: a rule can only narrow, never widen.

pub mod error;
pub mod gate;
pub mod rules;
