//! One connection: who brings it, TLS where the door asks for it, then requests, then the close.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::accept::Accepted;
use super::bind::Door;
use super::context::{Protocol, TlsFacts};
use super::counters::{ListenCounters, ListenLimit};
use super::forwarded::Caller;
use super::guard::{GuardLimits, Guarded, Ledger};
use super::seldom::Seldom;
use super::serve::{Conversation, Handler};
use super::slots::Slot;
use super::socket::Stream;
use super::spec::ConnectionLimits;
use super::tls::{Handshakes, Secured};
use super::{http2, proxied};
use crate::domain::address::Peer;

/// What all connections of one worker share.
pub(super) struct Terms<H> {
    pub(super) handler: Arc<H>,
    pub(super) limits: GuardLimits,
    pub(super) handshakes: Arc<Handshakes>,
    pub(super) counters: Arc<ListenCounters>,
    /// Cancelled when connections are to end after the request they are in.
    pub(super) drain: CancellationToken,
}

impl<H: Handler> Terms<H> {
    pub(super) fn new(
        handler: H,
        limits: &ConnectionLimits,
        handshakes: Arc<Handshakes>,
        counters: Arc<ListenCounters>,
        drain: CancellationToken,
    ) -> Self {
        Self { handler: Arc::new(handler), limits: limits.into(), handshakes, counters, drain }
    }

    /// Serves a connection to its end; its slot and its load go with it.
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted) {
        let Accepted { socket, peer, door, mut slot, load: _load } = accepted;
        let Ok(mut socket) = Stream::attach(socket) else { return };
        // What takes turns is boxed each by itself: thousands of connections wait in the last of them, none in all.
        let farewell = Farewell { drain: self.drain.clone(), door: Arc::clone(&door) };
        let introduced = if door.proxy_protocol {
            let introduction = Box::pin(self.introduce(&mut socket, peer, &door, &mut slot));
            farewell.unless_told(introduction).await.flatten()
        } else {
            Some(Caller { peer, trusted: door.trusted_proxies.contains(peer.source()) })
        };
        let Some(caller) = introduced else { return };
        let conversation = |tls: Option<TlsFacts>, name: Option<Box<str>>| {
            let (handler, door) = (Arc::clone(&self.handler), Arc::clone(&door));
            let (requests_max, counters) = (self.limits.requests_max, Arc::clone(&self.counters));
            Conversation { handler, door, caller, tls, name, requests_max, counters }
        };
        let Some(entry) = &door.tls else {
            return Box::pin(self.converse(socket, conversation(None, None), &farewell)).await;
        };
        let handshake = Box::pin(self.handshakes.end_tls(entry, socket));
        let ended = farewell.unless_told(handshake).await.flatten();
        let Some(Secured { stream, facts, name }) = ended else { return };
        let conversation = conversation(Some(facts), name);
        match facts.protocol {
            Protocol::Http1 => Box::pin(self.converse(stream, conversation, &farewell)).await,
            Protocol::Http2 => {
                let counters = Arc::clone(&self.counters);
                Box::pin(http2::converse(stream, self.limits, counters, conversation, &farewell)).await;
            }
        }
    }

    /// Who is at the other end, by what a PROXY header says; nothing when the connection is to be closed.
    async fn introduce(&self, socket: &mut Stream, peer: Peer, door: &Door, slot: &mut Slot) -> Option<Caller> {
        let header = timeout(self.limits.header_timeout, proxied::read(socket, peer, &door.trusted_proxies)).await;
        let Ok(Ok(caller)) = header else {
            self.counters.reached(ListenLimit::ProxyHeader);
            return None;
        };
        let counted = caller.trusted || slot.count_for(caller.peer.source().limit_key());
        counted.then_some(caller)
    }

    async fn converse<S>(&self, stream: S, conversation: Conversation<H>, farewell: &Farewell)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let ledger = Arc::new(Ledger::default());
        let mut guarded = Guarded::new(stream, self.limits, Arc::clone(&ledger), Arc::clone(&self.counters));
        tokio::select! {
            // Once more at the end: a head that has arrived is answered.
            biased;
            () = guarded.first_head() => {}
            () = farewell.told() => {
                // An error is the peer's, who is told nothing else.
                let _farewell = guarded.shutdown().await;
                return;
            }
        }
        let service = service_fn(move |request| {
            // In a box that is there while a request is answered: hyper keeps room for what it is given as long as it lives.
            let answer = Box::pin(conversation.answer(&ledger, request));
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // The guard keeps the time of heads: it starts with their first byte, and ends without an answer.
            .header_read_timeout(None)
            .keep_alive(true)
            // A sender may close its side with its last byte: its request is whole, and is answered and recorded as any other.
            .half_close(true)
            .pipeline_flush(false)
            .max_buf_size(read_buffer_bytes(self.limits.max_header_bytes))
            .serve_connection(TokioIo::new(guarded), service);
        let mut connection = pin!(connection);
        let old = self.limits.age_max;
        let ending = Seldom::new(async move { timeout(old, farewell.told()).await });
        tokio::select! {
            // An answer that is ready when it is told already says that it is the last one.
            biased;
            told = ending => if told.is_err() {
                self.counters.reached(ListenLimit::ConnectionAge);
            },
            // An error is the peer's: it hung up or was too slow. What it had begun has its own record.
            _ended = connection.as_mut() => return,
        }
        connection.as_mut().graceful_shutdown();
        let _ended = connection.await;
    }
}

/// When a connection is to end after the request it is in: its worker drains, or its listener is gone or has other rules.
pub(super) struct Farewell {
    drain: CancellationToken,
    door: Arc<Door>,
}

impl Farewell {
    /// Ready when it is told.
    pub(super) async fn told(&self) {
        tokio::select! {
            () = self.drain.cancelled() => {}
            () = self.door.leaving.cancelled() => {}
        }
    }

    /// What comes of a future, unless it is told before.
    async fn unless_told<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.told() => None,
            output = future => Some(output),
        }
    }
}

/// Room for the largest head that the guard lets through, and for a TLS record of a body behind it. A connection keeps its
/// buffer for as long as it lives, whatever it was needed for, and ten thousand of them add up.
fn read_buffer_bytes(max_header_bytes: usize) -> usize {
    max_header_bytes.saturating_add(8192)
}
