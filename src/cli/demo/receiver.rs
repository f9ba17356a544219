//! The receiver behind the gateway: remembers what it saw, and fails once when told to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;

/// One request as the receiver got it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What the receiver saw, and whether it is to fail.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    seen: Mutex<Vec<Seen>>,
    fails_next: AtomicBool,
}

impl Receiver {
    /// Starts it on a port of the system's choice.
    pub(super) async fn start() -> Result<(Arc<Self>, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("the receiver cannot listen")?;
        let address = listener.local_addr()?;
        let receiver = Arc::new(Self::default());
        tokio::spawn(serve(listener, Arc::clone(&receiver)));
        Ok((receiver, address))
    }

    /// Answers 500 to the next request.
    pub(super) fn fail_next(&self) {
        self.fails_next.store(true, Ordering::Relaxed);
    }

    /// Everything seen since the last call.
    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock())
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        self.seen.lock().push(Seen { headers: head.headers, body });
        let mut response = Response::new(Full::new(Bytes::from_static(b"taken\n")));
        if self.fails_next.swap(false, Ordering::Relaxed) {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        response
    }
}

async fn serve(listener: TcpListener, receiver: Arc<Receiver>) {
    while let Ok((stream, _)) = listener.accept().await {
        let receiver = Arc::clone(&receiver);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let receiver = Arc::clone(&receiver);
                async move { Ok::<_, Infallible>(receiver.answer(request).await) }
            });
            // A connection that breaks is the gateway's to notice.
            let _ended = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
