//! Writing: progress or the end, and the lingering close.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::{Guarded, Inbound, now};
use crate::listen::counters::ListenLimit;

/// How far the close is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// Not begun.
    Open,
    /// Our side is shut down; so many bytes may still be thrown away.
    Lingering { left: u64 },
    /// Done.
    Closed,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let guarded = self.get_mut();
        let polled = Pin::new(&mut guarded.stream).poll_write(context, bytes);
        guarded.written(polled, context)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let guarded = self.get_mut();
        let polled = Pin::new(&mut guarded.stream).poll_write_vectored(context, slices);
        guarded.written(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let guarded = self.get_mut();
        let polled = Pin::new(&mut guarded.stream).poll_flush(context);
        if polled.is_ready() {
            // hyper flushes when it has nothing left to write: the whole answer is on its way.
            guarded.answer_since = None;
            guarded.answer.stop();
        }
        guarded.within_stall(polled, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let guarded = self.get_mut();
        loop {
            match guarded.closing {
                Closing::Open => {
                    let polled = Pin::new(&mut guarded.stream).poll_shutdown(context);
                    ready!(guarded.within_stall(polled, context))?;
                    let ended = matches!(guarded.inbound, Inbound::Ended | Inbound::Abandoned);
                    let left = guarded.limits.linger_bytes;
                    guarded.closing = if ended { Closing::Closed } else { Closing::Lingering { left } };
                }
                Closing::Lingering { left } => {
                    ready!(guarded.poll_linger(left, context));
                    guarded.closing = Closing::Closed;
                }
                Closing::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    fn written(&mut self, polled: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let now = now();
        if polled.is_ready() {
            // The wait for the next request begins with the answer to this one.
            self.waiting.restart_at(now);
        }
        if self.is_answer_late(polled.is_pending(), now, context) {
            self.counters.reached(ListenLimit::AnswerTimeout);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.within_stall(polled, context)
    }

    /// Whether the peer did not take the whole answer in its time. Looked at with every write, however small the progress.
    fn is_answer_late(&mut self, waits: bool, now: Instant, context: &mut Context<'_>) -> bool {
        let due = *self.answer_since.get_or_insert(now) + self.limits.answer_timeout;
        if waits { self.answer.poll_until(due, context).is_ready() } else { due <= now }
    }

    fn within_stall<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stall.stop();
            return polled;
        }
        ready!(self.stall.poll_after(self.limits.write_stall, context));
        self.counters.reached(ListenLimit::WriteTimeout);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Throws away what still arrives. Where no more is to be expected, what has arrived is enough.
    fn poll_linger(&mut self, mut left: u64, context: &mut Context<'_>) -> Poll<()> {
        let expects_more = self.inbound != Inbound::Open || self.inspector.in_body() || !self.held.is_empty();
        let mut scrap = [const { MaybeUninit::<u8>::uninit() }; 8192];
        loop {
            let mut buffer = ReadBuf::uninit(&mut scrap);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && left > 0 => {
                    left = left.saturating_sub(u64::try_from(buffer.filled().len()).unwrap_or(u64::MAX));
                    self.closing = Closing::Lingering { left };
                }
                Poll::Pending if expects_more => return self.linger.poll_after(self.limits.linger, context),
                Poll::Ready(_) | Poll::Pending => return Poll::Ready(()),
            }
        }
    }
}
