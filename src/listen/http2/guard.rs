//! The stream between TLS and hyper's HTTP/2: counts frames, and keeps the deadlines of heads and writes.
//!
//! Bytes pass unchanged. A fault, a flood or a deadline is an error of reading: hyper gives the connection up, and every
//! stream of it with it. Requests that were verified have a task of their own and go on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::frames::{FrameFault, Frames};
use crate::listen::counters::{ListenCounters, ListenLimit};
use crate::listen::guard::{Deadline, GuardLimits, now};

/// A guarded stream.
pub(super) struct Counted<S> {
    stream: S,
    limits: GuardLimits,
    frames: Frames,
    began: Instant,
    /// Runs while a head or a frame is incomplete; `waited` says which one it is about.
    head: Deadline,
    waited: u64,
    stall: Deadline,
    counters: Arc<ListenCounters>,
}

impl<S> Counted<S> {
    /// Guards a connection that just began.
    pub(super) fn new(stream: S, limits: GuardLimits, counters: Arc<ListenCounters>) -> Self {
        Self {
            stream,
            limits,
            frames: Frames::new(),
            began: now(),
            head: Deadline::default(),
            waited: 0,
            stall: Deadline::default(),
            counters,
        }
    }

    /// Ready when the rest of a head has been waited for too long.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.frames.is_incomplete() || self.waited != self.frames.complete() {
            self.waited = self.frames.complete();
            self.head.stop();
        }
        if !self.frames.is_incomplete() {
            return Poll::Pending;
        }
        self.head.poll_after(self.limits.header_timeout, context)
    }

    fn refuse(&self, fault: FrameFault) -> io::Error {
        match fault {
            FrameFault::Flood => self.counters.reached(ListenLimit::Http2Frames),
            FrameFault::Resets => self.counters.reached(ListenLimit::Http2Resets),
            FrameFault::Foreign => {}
        }
        io::Error::new(io::ErrorKind::InvalidData, fault)
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
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let counted = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut counted.stream).poll_read(context, buffer) {
            Poll::Pending => {
                ready!(counted.poll_late(context));
                counted.counters.reached(ListenLimit::HeaderTimeout);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                let fresh = buffer.filled().get(before..).unwrap_or_default();
                let judged = counted.frames.feed(fresh, now().saturating_duration_since(counted.began));
                Poll::Ready(judged.map_err(|fault| counted.refuse(fault)))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let counted = self.get_mut();
        let polled = Pin::new(&mut counted.stream).poll_write(context, bytes);
        counted.within_stall(polled, context)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let counted = self.get_mut();
        let polled = Pin::new(&mut counted.stream).poll_write_vectored(context, slices);
        counted.within_stall(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let counted = self.get_mut();
        let polled = Pin::new(&mut counted.stream).poll_flush(context);
        counted.within_stall(polled, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let counted = self.get_mut();
        let polled = Pin::new(&mut counted.stream).poll_shutdown(context);
        counted.within_stall(polled, context)
    }
}
