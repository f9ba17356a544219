//! A stream between the socket and hyper that lets only strict framing through and keeps time.
//!
//! Owns: what was read and may not pass yet, the deadlines of one connection, the lingering close.
//! Must not know: what a request means, who answers it.
//!
//! 1. Bytes are read straight into hyper's buffer and inspected there; an incomplete head is taken back and held, so hyper
//!    sees whole heads only and its own header deadline has nothing to do.
//! 2. In place of a bad head hyper is given [`STAND_IN`], and the [`Ledger`] says at which request the fault stands: hyper
//!    calls the service, which answers, and closes. Behind a fault nothing is read as a message again.
//! 3. A fault in a chunked body is an error of reading that body.
//! 4. Waiting ends quietly: for a first head after `header_timeout`, for another one after `idle_timeout`, for the rest of
//!    a head `header_timeout` after its first byte, however many reads that took. No such deadline runs while a request is
//!    being answered: its answer must not be lost to what its sender does meanwhile.
//! 5. Under hyper, a silence of `quiet_after` between two messages is written into the ledger: all is answered, the answer was
//!    taken, not a byte of another request is here. The time of rule 4 goes on.
//! 6. A write that makes no progress for `write_stall` ends the connection, and so does an answer that is not taken whole
//!    within `answer_timeout`, however steadily.
//! 7. Closing while the sender may still be sending: our side is shut down first, then what arrives is thrown away until the
//!    sender ends, `linger_bytes` are through or `linger` is over. Closing at once would reset the connection, and the
//!    sender would lose the answer that says why.

mod deadline;
mod ledger;
mod reading;
#[cfg(test)]
mod tests;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

use self::deadline::Waiting;
pub(super) use self::deadline::{Deadline, now};
pub(crate) use self::ledger::Ledger;
use self::writing::Closing;
use super::counters::ListenCounters;
use super::spec::ConnectionLimits;
use super::wire::Inspector;

/// The bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuardLimits {
    /// The largest head.
    pub(crate) max_header_bytes: usize,
    /// For a head, from its first byte; for the first head, from the connection's start.
    pub(crate) header_timeout: Duration,
    /// Between two requests.
    pub(crate) idle_timeout: Duration,
    /// Between two requests, until it is said that nobody says anything.
    pub(crate) quiet_after: Duration,
    /// For a write without progress.
    pub(crate) write_stall: Duration,
    /// For a peer to take a whole answer.
    pub(crate) answer_timeout: Duration,
    /// Requests of one connection.
    pub(crate) requests_max: u64,
    /// How long a connection lives before its peer is asked to make another one.
    pub(crate) age_max: Duration,
    /// The most bytes thrown away at the end.
    pub(crate) linger_bytes: u64,
    /// The longest time spent on that.
    pub(crate) linger: Duration,
}

impl From<&ConnectionLimits> for GuardLimits {
    fn from(limits: &ConnectionLimits) -> Self {
        Self {
            max_header_bytes: limits.max_header_bytes,
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
            quiet_after: limits.quiet_after,
            write_stall: Duration::from_secs(10),
            answer_timeout: limits.answer_timeout,
            requests_max: limits.requests_max,
            age_max: limits.age_max,
            linger_bytes: limits.linger_bytes,
            linger: Duration::from_secs(1),
        }
    }
}

/// A guarded stream. hyper owns it; the service holds the ledger's other end.
pub(crate) struct Guarded<S> {
    stream: S,
    limits: GuardLimits,
    inspector: Inspector,
    /// Read and not passed: `cleared` bytes that may pass, then at most one incomplete head.
    held: BytesMut,
    cleared: usize,
    inbound: Inbound,
    /// Whether hyper reads: somebody else waits for a head without its buffers.
    is_driven: bool,
    waiting: Waiting,
    stall: Deadline,
    /// Since the first byte of an answer, until the last one is taken; the timer runs only while the peer keeps us waiting.
    answer_since: Option<Instant>,
    answer: Deadline,
    /// Apart from `stall`, which every flush of an emptied buffer stops.
    linger: Deadline,
    closing: Closing,
    ledger: Arc<Ledger>,
    counters: Arc<ListenCounters>,
}

/// What can still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inbound {
    /// Messages.
    Open,
    /// The stand-in for a bad head comes next.
    BadHead,
    /// The body's next read fails.
    BadBody,
    /// Nothing, but more may be arriving: a fault was reported.
    Refused,
    /// The peer ended its side.
    Ended,
    /// A deadline passed: nobody waits for the peer any more.
    Abandoned,
}

impl<S> Guarded<S> {
    /// Guards a connection that just began.
    pub(crate) fn new(stream: S, limits: GuardLimits, ledger: Arc<Ledger>, counters: Arc<ListenCounters>) -> Self {
        Self {
            stream,
            limits,
            inspector: Inspector::new(limits.max_header_bytes),
            held: BytesMut::new(),
            cleared: 0,
            inbound: Inbound::Open,
            is_driven: false,
            waiting: Waiting::begin(),
            stall: Deadline::default(),
            answer_since: None,
            answer: Deadline::default(),
            linger: Deadline::default(),
            closing: Closing::Open,
            ledger,
            counters,
        }
    }
}

/// What hyper reads in place of a head that must not reach it. Nothing of it reaches an answer or an upstream.
const STAND_IN: &[u8] = b"POST / HTTP/1.1\r\nhost: refused.invalid\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
