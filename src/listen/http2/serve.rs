//! One HTTP/2 connection from its preface to its end.

use std::convert::Infallible;
use std::error::Error as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::header::CONNECTION;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::guard::Counted;
use super::streams::{StreamTasks, Streams, answered};
use super::{
    CONNECTION_WINDOW_BYTES, FRAME_BYTES_MAX, PING_INTERVAL, PING_TIMEOUT, SEND_BUFFER_BYTES, STREAM_WINDOW_BYTES, STREAMS_MAX,
    strict,
};
use crate::listen::connection::Farewell;
use crate::listen::counters::{ListenCounters, ListenLimit};
use crate::listen::guard::{GuardLimits, now};
use crate::listen::serve::{Conversation, Handler, ResponseBody};
use crate::listen::wire::{FaultPlace, WireFault};

/// Serves a connection until its peer ends it, it is idle or old, or the worker drains.
pub(in crate::listen) async fn converse<S, H>(
    stream: S,
    limits: GuardLimits,
    counters: Arc<ListenCounters>,
    conversation: Conversation<H>,
    farewell: &Farewell,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let streams = Streams::none();
    let conversation = Arc::new(conversation);
    let (brought, enough) = (AtomicU64::new(0), CancellationToken::new());
    let last = enough.clone();
    let service = service_fn(move |request| {
        if conversation.is_last(brought.fetch_add(1, Relaxed).saturating_add(1)) {
            last.cancel();
        }
        let conversation = Arc::clone(&conversation);
        async move { Ok::<_, Infallible>(answer(&conversation, request).await) }
    });
    let io = TokioIo::new(Counted::new(stream, limits, Arc::clone(&counters)));
    let mut connection = pin!(builder(&streams, &limits, &counters).serve_connection(io, service));
    let mut leaving = false;
    // Nobody is idle before this: a peer that is asked to leave is given time to hear it.
    let mut since = now();
    let mut age = pin!(sleep(limits.age_max));
    loop {
        let patience = if leaving { limits.header_timeout } else { limits.idle_timeout };
        tokio::select! {
            // An error is the peer's: it hung up, was too slow, or said what must not be said.
            ended = connection.as_mut() => {
                if ended.is_err_and(|error| is_flood(&error)) {
                    counters.reached(ListenLimit::Http2Frames);
                }
                return;
            }
            () = streams.idle(since, patience) => if leaving { return },
            () = age.as_mut(), if !leaving => counters.reached(ListenLimit::ConnectionAge),
            () = enough.cancelled(), if !leaving => {}
            () = farewell.told(), if !leaving => {}
        }
        leaving = true;
        since = now();
        connection.as_mut().graceful_shutdown();
    }
}

fn builder(streams: &Arc<Streams>, limits: &GuardLimits, counters: &Arc<ListenCounters>) -> http2::Builder<StreamTasks> {
    let (streams, counters) = (Arc::clone(streams), Arc::clone(counters));
    let mut builder = http2::Builder::new(StreamTasks { streams, answer_timeout: limits.answer_timeout, counters });
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .max_frame_size(FRAME_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Whether `h2` ended the connection by one of its own bounds: resets, continuations, small pieces of bodies.
fn is_flood(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| cause.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM))
}

/// Answers one request; where its head is not sound the handler gets a stand-in.
async fn answer<H: Handler>(conversation: &Conversation<H>, request: Request<Incoming>) -> Response<ResponseBody> {
    let (head, body) = request.into_parts();
    let (head, fault) = match strict::translate(head) {
        Ok(head) => (head, None),
        Err(kind) => (strict::stand_in(), Some(WireFault { kind, place: FaultPlace::Head })),
    };
    let context = conversation.context(&head.headers, fault);
    let mut response = conversation.handler.handle(Request::from_parts(head, body), context).await;
    // It speaks of connections of HTTP/1; here one of many requests ends.
    response.headers_mut().remove(CONNECTION);
    answered();
    response
}
