//! The body on its way out: the verified chunks themselves, and their exact length.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::domain::body::RawBody;

/// A whole body, handed out chunk by chunk without copying.
#[derive(Debug)]
pub(super) struct OutgoingBody {
    body: RawBody,
    next_chunk: usize,
    left_bytes: usize,
}

impl OutgoingBody {
    /// Shares the bytes of a body.
    pub(super) fn new(body: &RawBody) -> Self {
        Self { body: body.clone(), next_chunk: 0, left_bytes: body.len() }
    }
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(chunk) = self.body.chunks().get(self.next_chunk).cloned() else {
            return Poll::Ready(None);
        };
        self.next_chunk = self.next_chunk.saturating_add(1);
        self.left_bytes = self.left_bytes.saturating_sub(chunk.len());
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.left_bytes).unwrap_or(u64::MAX))
    }
}
