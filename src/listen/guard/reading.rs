//! Reading: inspect in hyper's buffer, hold back what is incomplete, keep the deadlines of a head.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

use super::{Guarded, Inbound, STAND_IN};
use crate::listen::counters::ListenLimit;
use crate::listen::wire::{FaultPlace, Step};

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let guarded = self.get_mut();
        guarded.is_driven = true;
        loop {
            if guarded.cleared > 0 || buffer.remaining() == 0 {
                guarded.pass_cleared(buffer);
                return Poll::Ready(Ok(()));
            }
            match guarded.inbound {
                Inbound::Open => match guarded.poll_more(context, buffer) {
                    Poll::Ready(Ok(true)) => return Poll::Ready(Ok(())),
                    Poll::Ready(Ok(false)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
                Inbound::BadHead => guarded.hold_stand_in(),
                Inbound::BadBody => {
                    guarded.inbound = Inbound::Refused;
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                // Nothing wakes this: what is under way ends by the answer, not by more to read.
                Inbound::Refused => return Poll::Pending,
                Inbound::Ended | Inbound::Abandoned => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> Guarded<S> {
    /// Waits until a head is there, or what is to be answered in place of one; false when none will come. hyper's buffers are
    /// sixteen times what waiting takes, and a connection may never say a word.
    pub(crate) async fn head(&mut self) -> bool {
        self.is_driven = false;
        poll_fn(|context| self.poll_head(context)).await;
        self.cleared > 0 || self.inbound == Inbound::BadHead
    }

    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [const { MaybeUninit::<u8>::uninit() }; FIRST_READ_BYTES];
        while self.cleared == 0 && self.inbound == Inbound::Open {
            let mut buffer = ReadBuf::uninit(&mut scrap);
            let read = ready!(self.poll_more(context, &mut buffer));
            if read.is_ok_and(|passed| passed) {
                // What may pass goes before what was held back behind it.
                let rest = std::mem::take(&mut self.held);
                self.held.extend_from_slice(buffer.filled());
                self.held.extend_from_slice(&rest);
                self.cleared = buffer.filled().len();
            }
        }
        Poll::Ready(())
    }

    /// Reads once. Answers whether hyper's buffer got something.
    fn poll_more(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.poll_late(context).map(|()| {
                if self.awaits_head() {
                    self.counters.reached(ListenLimit::HeaderTimeout);
                }
                self.inbound = Inbound::Abandoned;
                Ok(false)
            }),
            Poll::Ready(Err(error)) if self.inspector.in_body() => {
                self.inbound = Inbound::Ended;
                Poll::Ready(Err(error))
            }
            Poll::Ready(result) => {
                let fresh = buffer.filled().len().saturating_sub(before);
                if result.is_err() || fresh == 0 {
                    // Between messages an error of the stream says no more than its end does.
                    self.inbound = Inbound::Ended;
                } else {
                    self.take(before, buffer);
                }
                Poll::Ready(Ok(buffer.filled().len() > before))
            }
        }
    }

    /// Judges what stands in `buffer` behind `before`, and leaves there only what may pass.
    fn take(&mut self, before: usize, buffer: &mut ReadBuf<'_>) {
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        if self.held.is_empty() {
            let step = self.inspector.feed(fresh);
            self.settle(&step);
            if step.fault.is_none() && step.pass < fresh.len() {
                self.held.extend_from_slice(fresh.get(step.pass..).unwrap_or_default());
                self.waiting.restart();
            }
            buffer.set_filled(before.saturating_add(step.pass));
        } else {
            self.held.extend_from_slice(fresh);
            buffer.set_filled(before);
            let step = self.inspector.feed(&self.held);
            self.settle(&step);
            self.cleared = step.pass;
            if step.fault.is_none() && step.pass > 0 && step.pass < self.held.len() {
                self.waiting.restart();
            }
        }
    }

    fn settle(&mut self, step: &Step) {
        if step.pass > 0 {
            self.ledger.passed(self.inspector.heads(), self.inspector.in_body());
        }
        if let Some(fault) = step.fault {
            self.ledger.faulted(fault);
            self.inbound = match fault.place {
                FaultPlace::Head => Inbound::BadHead,
                FaultPlace::Body => Inbound::BadBody,
            };
        }
    }

    fn pass_cleared(&mut self, buffer: &mut ReadBuf<'_>) {
        let here = self.cleared.min(buffer.remaining());
        buffer.put_slice(self.held.get(..here).unwrap_or_default());
        self.held.advance(here);
        self.cleared = self.cleared.saturating_sub(here);
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
    }

    fn hold_stand_in(&mut self) {
        self.held.clear();
        self.held.extend_from_slice(STAND_IN);
        self.cleared = STAND_IN.len();
        self.inbound = Inbound::Refused;
    }

    /// Whether a head is due: the connection's first one, or the rest of one.
    fn awaits_head(&self) -> bool {
        self.inspector.heads() == 0 || !self.held.is_empty()
    }

    /// Ready when the peer kept us waiting for a head, or the rest of one, for too long. Bodies have the gate's deadline.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.inspector.in_body() {
            return Poll::Pending;
        }
        let allowed = if self.awaits_head() { self.limits.header_timeout } else { self.limits.idle_timeout };
        let may_be_quiet = self.is_driven && !self.awaits_head() && self.limits.quiet_after < allowed;
        let patience = if may_be_quiet { self.limits.quiet_after } else { allowed };
        let (ledger, is_answer_out) = (&self.ledger, self.answer_since.is_none());
        let is_busy = || ledger.is_answering() || (may_be_quiet && !is_answer_out);
        ready!(self.waiting.poll_over(patience, is_busy, context));
        if may_be_quiet {
            self.ledger.quiet();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

/// Room for most heads. Twice as much spares a new connection with a body a read, and leaves 1.2 KiB more of each idle one: ten
/// thousand over TLS took 203 to 213 MiB instead of 191 to 201.
const FIRST_READ_BYTES: usize = 4096;
