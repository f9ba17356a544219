//! HTTP/2, spoken where ALPN agreed on it and nowhere else.
//!
//! Owns: the bounds of one HTTP/2 connection, its streams, its end.
//! Must not know: what a request means. To the handler it looks like one of HTTP/1: origin form, one `Host`.
//!
//! 1. `h2` judges frames, header compression and the shape of messages; what it refuses never becomes a request, and ends
//!    the stream or the connection. Its own caps on resets and on continuation frames are left as they are.
//! 2. What it does not bound is counted here before it sees it ([`frames`], [`guard`]): frames that carry no message
//!    (`PING`, `SETTINGS`, `PRIORITY`, unknown ones, empty data), and resets. Over the budget the connection ends.
//! 3. A head has exactly one authority, scheme `https`, and the bounds of an HTTP/1 head ([`strict`]).
//! 4. Waiting ends: for the preface and the rest of a head after `header_timeout`, for a request after `idle_timeout`, for
//!    the sender to take an answer after `answer_timeout`. A connection has an age and a number of requests; at their end its
//!    sender is asked to make another one, and what is under way is answered.
//! 5. Windows bound what a connection may send ahead of its readers, whatever the number of its streams.

mod frames;
mod guard;
mod serve;
mod streams;
mod strict;

pub(super) use self::serve::converse;

use std::time::Duration;

/// Requests of one connection at once.
const STREAMS_MAX: u32 = 64;
/// What may be sent ahead on one stream.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
/// What may be sent ahead on all streams together.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// The largest frame taken.
const FRAME_BYTES_MAX: u32 = 16 << 10;
/// What is buffered of an answer that its sender does not take.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// How often a peer is asked whether it is still there, and how long it may think about it.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
