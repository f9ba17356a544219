//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! No task stands behind it: handing every request to one and every answer back costs two wake-ups, which add to a
//! delivery's time. So an idle connection is looked at only when somebody asks for it; see [`Connection::is_ready`].
//!
//! 1. It reads while it writes: an upstream may answer, and close, before it has read the whole request.
//! 2. A request whose writing fails is not lost yet: the answer may have come before. What the connection says next decides.
//! 3. It may be used again when the request was written, the answer is complete and nothing followed it.
//!
//! Invariant: dropping a connection closes its socket, whatever it was doing.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::answer::{Answer, Reading};
use super::deadline::Deadline;
use super::error::{AnswerFault, Exposure, ForwardError};
use super::outgoing::Writing;
use super::request::Outgoing;
use crate::domain::time::Monotonic;

/// What a connection goes over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection that nobody else holds.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// What arrived and was not read yet.
    arrived: Vec<u8>,
    deadline: Deadline,
    opened: Monotonic,
    /// Whether the last exchange is over on both sides and the next may begin.
    is_free: bool,
}

/// What became of a request that was handed to a connection.
#[derive(Debug)]
pub(super) enum Sent {
    /// The whole answer.
    Answered(Answer),
    /// The connection was closed before the first byte was written.
    Unsent,
    /// Something went wrong after writing began.
    Failed(ForwardError),
}

impl Connection {
    /// A stream that was opened now.
    pub(super) fn new(stream: impl Stream + 'static, now: Monotonic) -> Self {
        Self { stream: Box::new(stream), arrived: Vec::new(), deadline: Deadline::default(), opened: now, is_free: true }
    }

    /// Sends one request and reads the whole answer, until `due`.
    pub(super) async fn send(&mut self, request: &Outgoing, due: Instant) -> Sent {
        if !self.is_ready() {
            return Sent::Unsent;
        }
        self.is_free = false;
        let (mut writing, mut reading) = (Writing::new(request), Reading::new(request.method()));
        let exchanged = poll_fn(|context| {
            // Before the exchange: one that always has something to read would never let it be asked.
            if self.deadline.poll(due, context).is_ready() {
                return Poll::Ready(Err(ForwardError::TimedOut { exposure: Exposure::Unknown }));
            }
            self.poll_exchange(&mut writing, &mut reading, context)
        });
        if let Err(error) = exchanged.await {
            return Sent::Failed(error);
        }
        self.is_free = writing.is_done() && reading.keeps_alive() && self.arrived.is_empty();
        Sent::Answered(reading.into_answer())
    }

    /// Whether the next exchange may begin. Looks at the socket first: of what happened since the last exchange nobody knows
    /// yet.
    pub(super) fn is_ready(&mut self) -> bool {
        self.is_free && self.poll_arrived(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Whether the last exchange left it so that another may begin, as far as is known.
    pub(super) const fn is_free(&self) -> bool {
        self.is_free
    }

    /// How old it is.
    pub(super) fn age(&self, now: Monotonic) -> Duration {
        now.since(self.opened)
    }

    fn poll_exchange(
        &mut self,
        writing: &mut Writing<'_>,
        reading: &mut Reading,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ForwardError>> {
        writing.advance(&mut self.stream, context);
        loop {
            match ready!(self.poll_arrived(context)) {
                Ok(0) => return Poll::Ready(reading.end()),
                Ok(_) if reading.advance(&mut self.arrived)? => return Poll::Ready(Ok(())),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(ForwardError::Broken(AnswerFault::Transport(error)))),
            }
        }
    }

    /// Reads once, and answers how much came; nothing when the peer ended its side.
    fn poll_arrived(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let mut room = [const { MaybeUninit::<u8>::uninit() }; READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        self.arrived.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

/// The most that is read at a time. An answer is a few hundred bytes mostly.
const READ_BYTES: usize = 8 * 1024;
