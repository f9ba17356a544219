//! The words that at least two rooms share, and nothing else.
//!
//! Owns: names, addresses, time, sizes, secrets as bytes, the request as it was received, and the closed list of reasons.
//! Must not know: sockets, files, providers, configuration, the order of judgement.
//! Invariants: no I/O, no clock but [`time::Clock`], no randomness but [`request_id`]; a value that exists is valid.

pub mod address;
pub mod barred;
pub mod body;
pub mod budget;
pub mod finding;
pub mod head;
pub mod https_url;
pub mod identity;
pub mod name;
pub mod pattern;
pub mod reason;
pub mod request_id;
pub mod retry_after;
pub mod secret;
pub mod short_text;
pub mod size;
pub mod time;
pub mod trace;
