//! One connection: who brings it, TLS where the door asks for it, then requests, then the close.

use std::sync::Arc;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::accept::Accepted;
use super::bind::Door;
use super::context::{Protocol, TlsFacts};
use super::counters::{ListenCounters, ListenLimit};
use super::forwarded::Caller;
use super::guard::GuardLimits;
use super::serve::{Conversation, Handler};
use super::slots::Slot;
use super::socket::Stream;
use super::spec::ConnectionLimits;
use super::tls::{Handshakes, Secured};
use super::{http1, http2, proxied};
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
            let conversation = conversation(None, None);
            return Box::pin(http1::converse(socket, self.limits, &self.counters, conversation, &farewell)).await;
        };
        let handshake = Box::pin(self.handshakes.end_tls(entry, socket));
        let ended = farewell.unless_told(handshake).await.flatten();
        let Some(Secured { stream, facts, name }) = ended else { return };
        let conversation = conversation(Some(facts), name);
        match facts.protocol {
            Protocol::Http1 => {
                Box::pin(http1::converse(stream, self.limits, &self.counters, conversation, &farewell)).await;
            }
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

    /// Whether it is told already.
    pub(super) fn is_told(&self) -> bool {
        self.drain.is_cancelled() || self.door.leaving.is_cancelled()
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
