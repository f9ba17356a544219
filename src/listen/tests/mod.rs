//! Real sockets on loopback: raw bytes in, raw bytes out.

mod harness;
mod quiet;
mod requests;
mod stopping;
mod timing;
mod tls;

pub(super) use harness::block_on;
