//! The seam to whoever answers: one call a request.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use super::context::{RequestContext, TlsFacts};
use super::guard::Ledger;
use crate::domain::address::Peer;
use crate::listen::bind::Door;

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
    pub(super) ledger: Arc<Ledger>,
    pub(super) door: Arc<Door>,
    pub(super) peer: Peer,
    pub(super) tls: Option<TlsFacts>,
}

impl<H: Handler> Conversation<H> {
    /// Answers the connection's next request.
    pub(super) fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<ResponseBody>> + Send + use<H> {
        let (answering, fault) = self.ledger.begin();
        let context =
            RequestContext { listener: self.door.name.clone(), peer: self.peer, tls: self.tls, entry: self.door.entry(), fault };
        let handler = Arc::clone(&self.handler);
        async move {
            let mut response = handler.handle(request, context).await;
            if fault.is_some() || answering.body_is_open() {
                // The connection ends with this answer, and the sender is told so.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}
