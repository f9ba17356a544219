//! The requests of one HTTP/1 connection: hyper while something is said, next to nothing while nobody says a word.
//!
//! hyper keeps the buffers of the largest request for as long as its connection lives, and most connections wait most of the
//! time. So its connection lives from one silence to the next:
//!
//! 1. It is built when a head has arrived. A peer that ends before, or is too slow, never costs one.
//! 2. It is taken apart when all that came is answered, the answer is taken and nothing followed for `quiet_after`. The guard,
//!    which sees every byte, says so; hyper, asked to end, agrees by ending at once. Then it holds no byte that was read, and
//!    what arrives from then on waits in the socket or the TLS session.
//! 3. What belongs to the connection outlives it: the guard with its deadlines, the ledger with the number of requests, the
//!    age, the conversation with who is at the other end.
//! 4. Told to end in between, a head that has arrived is still answered, as the last one; else the connection ends at once.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Connection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::sleep;

use super::connection::Farewell;
use super::counters::{ListenCounters, ListenLimit};
use super::guard::{GuardLimits, Guarded, Ledger};
use super::seldom::Seldom;
use super::serve::{Conversation, Handler, ResponseBody};

/// Serves a connection until its peer ends it, it is idle or old, or the worker drains.
pub(super) async fn converse<S, H>(
    stream: S,
    limits: GuardLimits,
    counters: &Arc<ListenCounters>,
    conversation: Conversation<H>,
    farewell: &Farewell,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let ledger = Arc::new(Ledger::default());
    let mut guarded = Guarded::new(stream, limits, Arc::clone(&ledger), Arc::clone(counters));
    let entries = Arc::clone(&ledger);
    // In a box that is there while a request is answered: hyper keeps room for what it is given as long as it lives.
    let mut service = service_fn(move |request: Request<Incoming>| Box::pin(conversation.answer(&entries, request)));
    // One for the connection's whole life: each of its requests would set it up anew.
    let mut ending = Seldom::new(end(farewell, limits.age_max, counters));
    let buffer_bytes = read_buffer_bytes(limits.max_header_bytes);
    loop {
        let is_spoken_to = tokio::select! {
            biased;
            is_spoken_to = guarded.head() => is_spoken_to,
            () = &mut ending => false,
        };
        if !is_spoken_to {
            // An error is the peer's, who is told nothing else.
            let _farewell = guarded.shutdown().await;
            return;
        }
        let spoken = Box::pin(speak(guarded, service, &ledger, farewell, &mut ending, buffer_bytes));
        let Some(quiet) = spoken.await else { return };
        (guarded, service) = quiet;
    }
}

/// Ready when the connection is to end after the request it is in: it was told, or it is old, which is counted.
async fn end(farewell: &Farewell, age_max: Duration, counters: &ListenCounters) {
    tokio::select! {
        () = farewell.told() => {}
        () = sleep(age_max) => counters.reached(ListenLimit::ConnectionAge),
    }
}

/// Why hyper's connection is left.
enum Pause {
    /// It is over.
    Over,
    /// Nobody says anything.
    Quiet,
    /// What it is in is the last.
    Leave,
}

/// Answers what comes, until nothing comes any more: then the stream and the service are handed back, unless it was the end.
async fn speak<S, V>(
    guarded: Guarded<S>,
    service: V,
    ledger: &Ledger,
    farewell: &Farewell,
    ending: &mut (impl Future<Output = ()> + Unpin),
    read_buffer_bytes: usize,
) -> Option<(Guarded<S>, V)>
where
    S: AsyncRead + AsyncWrite + Unpin,
    V: HttpService<Incoming, ResBody = ResponseBody, Error = Infallible>,
{
    // Told already: what is there is answered, and the answer says that it is the last one.
    let is_last = farewell.is_told();
    let mut connection = builder(read_buffer_bytes, is_last).serve_connection(TokioIo::new(guarded), service);
    // Once before anything may end it: the head that is there has been read.
    let begun = poll_fn(|context| Poll::Ready(poll_pause(&mut connection, ledger, context))).await;
    let pause = match begun {
        Poll::Ready(pause) => pause,
        Poll::Pending => tokio::select! {
            // An answer that is ready when it is told already says that it is the last one.
            biased;
            () = ending => Pause::Leave,
            pause = poll_fn(|context| poll_pause(&mut connection, ledger, context)) => pause,
        },
    };
    if let Pause::Over = pause {
        return None;
    }
    Pin::new(&mut connection).graceful_shutdown();
    if let Pause::Leave = pause {
        // An error is the peer's: it hung up or was too slow. What it had begun has its own record.
        let _ended = Pin::new(&mut connection).await;
        return None;
    }
    let parts = connection.without_shutdown().await.ok()?;
    parts.read_buf.is_empty().then(|| (parts.io.into_inner(), parts.service))
}

fn poll_pause<S, V>(
    connection: &mut Connection<TokioIo<Guarded<S>>, V>,
    ledger: &Ledger,
    context: &mut Context<'_>,
) -> Poll<Pause>
where
    S: AsyncRead + AsyncWrite + Unpin,
    V: HttpService<Incoming, ResBody = ResponseBody, Error = Infallible>,
{
    match Pin::new(connection).poll(context) {
        // An error is the peer's: it hung up or was too slow. What it had begun has its own record.
        Poll::Ready(_ended) => Poll::Ready(Pause::Over),
        Poll::Pending if ledger.take_quiet() => Poll::Ready(Pause::Quiet),
        Poll::Pending => Poll::Pending,
    }
}

fn builder(read_buffer_bytes: usize, is_last: bool) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // The guard keeps the time of heads: it starts with their first byte, and ends without an answer.
        .header_read_timeout(None)
        .keep_alive(!is_last)
        // A sender may close its side with its last byte: its request is whole, and is answered and recorded as any other.
        .half_close(true)
        .pipeline_flush(false)
        .max_buf_size(read_buffer_bytes);
    builder
}

/// Room for the largest head that the guard lets through, and for a TLS record of a body behind it. A connection keeps its
/// buffer from one silence to the next, whatever it was needed for, and ten thousand of them add up.
fn read_buffer_bytes(max_header_bytes: usize) -> usize {
    max_header_bytes.saturating_add(8192)
}
