//! A request on its way out: its head and the verified chunks of its body, written together and never copied.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::request::Outgoing;

/// How far a request is written.
pub(super) struct Writing<'r> {
    /// What is left of the piece that is being written, and the pieces behind it.
    current: &'r [u8],
    rest: std::slice::Iter<'r, bytes::Bytes>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Writing,
    Flushing,
    Done,
    Failed,
}

impl<'r> Writing<'r> {
    pub(super) fn new(request: &'r Outgoing) -> Self {
        Self { current: request.head(), rest: request.body().chunks().iter(), stage: Stage::Writing }
    }

    /// Writes what can be written now. One that fails is not tried again: the answer may have come before.
    pub(super) fn advance<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, context: &mut Context<'_>) {
        let failed = match self.stage {
            Stage::Writing => matches!(self.write(stream, context), Poll::Ready(Err(_))),
            Stage::Flushing => matches!(self.flush(stream, context), Poll::Ready(Err(_))),
            Stage::Done | Stage::Failed => false,
        };
        if failed {
            self.stage = Stage::Failed;
        }
    }

    /// Whether the peer was given all of it.
    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    fn write<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.fill() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let pieces = std::iter::once(self.current).chain(self.rest.clone().map(AsRef::as_ref));
            let mut count: usize = 0;
            for (slice, piece) in slices.iter_mut().zip(pieces) {
                *slice = IoSlice::new(piece);
                count = count.saturating_add(1);
            }
            let slices = slices.get(..count).unwrap_or_default();
            match ready!(Pin::new(&mut *stream).poll_write_vectored(context, slices))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.skip(written),
            }
        }
        self.stage = Stage::Flushing;
        self.flush(stream, context)
    }

    fn flush<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(stream).poll_flush(context))?;
        self.stage = Stage::Done;
        Poll::Ready(Ok(()))
    }

    /// Takes the next piece when there is nothing left of this one; whether there is anything.
    fn fill(&mut self) -> bool {
        while self.current.is_empty() {
            let Some(next) = self.rest.next() else { return false };
            self.current = next;
        }
        true
    }

    fn skip(&mut self, written: usize) {
        let mut left = written;
        while left > 0 && self.fill() {
            let here = left.min(self.current.len());
            self.current = self.current.get(here..).unwrap_or_default();
            left = left.saturating_sub(here);
        }
    }
}

/// The most pieces of one write: a head and a body that came in a few.
const SLICES: usize = 16;
