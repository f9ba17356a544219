//! Verification: whether a delivery is the producer's, as sent, and fresh.
//!
//! A delivery is [`gate::Verified`] iff
//! 1. every header of the scheme stands once and is well formed ([`presented`], judged before the body is read),
//! 2. a key of the integration that is valid now made one of the presented signatures over exactly the bytes received
//!    ([`gate::verify`], compared in constant time),
//! 3. the signed time, where the scheme has one, lies inside the window on both sides (`window.rs`). A time means nothing
//!    before the signature over it holds, so it is judged last.
//!
//! Owns: presented signatures, keys, MACs and signatures, the window, and their counterpart [`sign`].
//! Must not know: clocks, sockets, where secrets come from.
//! Caveat: for a scheme that signs no time this proves origin, not freshness; only the replay gate stands against a
//! captured delivery then.

mod asymmetric;
mod body_fields;
mod candidate;
pub mod certificate;
mod claims;
mod envelope;
pub mod error;
pub mod gate;
mod hashing;
mod jwks;
pub mod keys;
mod lone_headers;
mod mac;
mod php_form;
mod pieces;
pub mod presented;
mod private_key;
mod proof;
mod public_key;
mod sent_time;
pub mod sign;
mod sorted_query;
mod sorted_request;
mod spelling;
mod token;
mod unverified;
mod url;
mod window;

#[cfg(test)]
mod tests;
