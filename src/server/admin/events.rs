//! The stream of what changes, as server-sent events, and the bodies of this listener.
//!
//! Invariants: a stream that nobody reads ends: its listener is let go, and the connection with it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{Either, Full};

use super::{guard_headers, text};
use crate::pipeline::answer::Answer;
use crate::server::live::hub::{Frames, Hub};

/// What an answer's body is: bytes, or a stream.
pub(super) type AdminBody = Either<Full<Bytes>, EventStream>;

/// Frames as they come.
pub(super) struct EventStream {
    /// What comes before all frames.
    opening: Option<Bytes>,
    frames: Frames,
    /// Whether the connection must live on for it.
    streaming: Arc<AtomicBool>,
}

/// How soon a browser comes again after the stream ended.
const RETRY: &str = "retry: 1000\n\n";

/// Opens a stream, or says that there are enough.
pub(super) fn stream(hub: &Hub, streaming: &Arc<AtomicBool>) -> Response<AdminBody> {
    let Some(frames) = hub.listen() else {
        let enough = text(StatusCode::SERVICE_UNAVAILABLE, "enough status pages are open\n");
        return plain(enough.with(RETRY_AFTER, HeaderValue::from_static("5")));
    };
    streaming.store(true, Ordering::Relaxed);
    let head = guard_headers(Answer::new(StatusCode::OK, Bytes::new()), "text/event-stream");
    let body = EventStream { opening: Some(Bytes::from_static(RETRY.as_bytes())), frames, streaming: Arc::clone(streaming) };
    head.into_response().map(|_| Either::Right(body))
}

/// An answer that is whole.
pub(super) fn plain(answer: Answer) -> Response<AdminBody> {
    answer.into_response().map(Either::Left)
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(Ok(Frame::data(opening))));
        }
        let next = self.frames.receiver().poll_recv(context);
        next.map(|frame| frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.streaming.store(false, Ordering::Relaxed);
    }
}
