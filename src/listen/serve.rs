//! The seam to whoever answers: one call a request.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use super::bind::Door;
use super::context::{RequestContext, TlsFacts};
use super::counters::{ListenCounters, ListenLimit};
use super::forwarded::Caller;
use super::guard::Ledger;
use super::wire::{FaultKind, FaultPlace, WireFault};

/// An answer's body: whole, in memory.
pub type ResponseBody = Full<Bytes>;

/// Answers requests. Every worker has its own, made on the worker's thread inside its runtime.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. The future is dropped when the sender hangs up: what must go on has to be a task of its own.
    ///
    /// Where the context has a fault, the request is a stand-in and the answer a refusal.
    fn handle(&self, request: Request<Incoming>, context: RequestContext) -> impl Future<Output = Response<ResponseBody>> + Send;

    /// Ready when the handler's own tasks have ended. Awaited when the worker's connections are gone, within the drain's deadline.
    fn finish(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// What all requests of one connection have in common.
pub(super) struct Conversation<H> {
    pub(super) handler: Arc<H>,
    pub(super) door: Arc<Door>,
    pub(super) caller: Caller,
    pub(super) tls: Option<TlsFacts>,
    /// The name that it was made for, where that chose among several certificates.
    pub(super) name: Option<Box<str>>,
    /// How many requests it may bring.
    pub(super) requests_max: u64,
    pub(super) counters: Arc<ListenCounters>,
}

/// Answered like a head that is not sound: nothing of it is judged.
const MISDIRECTED: WireFault = WireFault { kind: FaultKind::Malformed, place: FaultPlace::Head };

impl<H: Handler> Conversation<H> {
    /// What is known of a request with these headers.
    pub(super) fn context(&self, headers: &HeaderMap, fault: Option<WireFault>) -> RequestContext {
        let door = &self.door;
        let fault = fault.or_else(|| self.is_misdirected(headers).then_some(MISDIRECTED));
        let origin = match fault {
            None => self.caller.origin(door.entry, &door.trusted_proxies, headers),
            Some(_) => self.caller.origin_unread(door.entry),
        };
        let (peer, tls, entry) = (self.caller.peer, self.tls, door.entry);
        RequestContext { listener: door.name.clone(), peer, origin, trusted: self.caller.trusted, tls, entry, fault }
    }

    /// Whether a request is for a host behind another certificate than the one its connection was made with.
    fn is_misdirected(&self, headers: &HeaderMap) -> bool {
        let (Some(name), Some(entry), false) = (&self.name, &self.door.tls, self.caller.trusted) else { return false };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host = host.split_once(':').map_or(host, |(host, _port)| host).trim_end_matches('.');
        entry.is_misdirected(name, &host.to_ascii_lowercase())
    }

    /// Whether the request with this number, from 1, is the last one; counted when it is.
    pub(super) fn is_last(&self, number: u64) -> bool {
        if number == self.requests_max {
            self.counters.reached(ListenLimit::ConnectionRequests);
        }
        number >= self.requests_max
    }

    /// Answers the next request of an HTTP/1 connection. As hyper wants it: a future around this one would hold it twice.
    pub(super) fn answer(
        &self,
        ledger: &Arc<Ledger>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> + Send + use<H> {
        let (answering, fault) = ledger.begin();
        let context = self.context(request.headers(), fault);
        let handler = Arc::clone(&self.handler);
        let is_last = self.is_last(answering.number());
        async move {
            let mut response = handler.handle(request, context).await;
            if is_last || fault.is_some() || answering.body_is_open() {
                // The connection ends with this answer, and the sender is told so.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    }
}
