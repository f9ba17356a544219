//! One connection: TLS where the door asks for it, then requests one after another, then the close.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::accept::Accepted;
use super::context::TlsFacts;
use super::guard::{GuardLimits, Guarded, Ledger};
use super::serve::{Conversation, Handler};
use super::spec::ConnectionLimits;
use super::tls::Handshakes;
use crate::domain::address::Peer;

/// What all connections of one worker share.
pub(super) struct Terms<H> {
    pub(super) handler: Arc<H>,
    pub(super) limits: GuardLimits,
    pub(super) handshakes: Arc<Handshakes>,
    /// Cancelled when connections are to end after the request they are in.
    pub(super) drain: CancellationToken,
}

impl<H: Handler> Terms<H> {
    pub(super) fn new(handler: H, limits: &ConnectionLimits, handshakes: Arc<Handshakes>, drain: CancellationToken) -> Self {
        Self { handler: Arc::new(handler), limits: limits.into(), handshakes, drain }
    }

    /// Serves a connection to its end; its slot and its load go with it.
    pub(super) async fn serve(self: Arc<Self>, accepted: Accepted) {
        let Accepted { stream, address, door, slot: _slot, load: _load } = accepted;
        let Ok(socket) = TcpStream::from_std(stream) else { return };
        let conversation = |tls: Option<TlsFacts>| Conversation {
            handler: Arc::clone(&self.handler),
            ledger: Arc::new(Ledger::default()),
            door: Arc::clone(&door),
            peer: Peer::Tcp(address),
            tls,
        };
        match &door.tls {
            None => self.converse(socket, conversation(None)).await,
            Some(entry) => {
                let ended = self.drain.run_until_cancelled(self.handshakes.end_tls(entry, socket)).await.flatten();
                let Some((stream, facts)) = ended else { return };
                self.converse(stream, conversation(Some(facts))).await;
            }
        }
    }

    async fn converse<S>(&self, stream: S, conversation: Conversation<H>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let guarded = Guarded::new(stream, self.limits, Arc::clone(&conversation.ledger));
        let service = service_fn(move |request| {
            let answer = conversation.answer(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // The guard keeps the time of heads: it starts with their first byte, and ends without an answer.
            .header_read_timeout(None)
            .keep_alive(true)
            .half_close(false)
            .pipeline_flush(false)
            .max_buf_size(read_buffer_bytes(self.limits.max_header_bytes))
            .serve_connection(TokioIo::new(guarded), service);
        let mut connection = pin!(connection);
        tokio::select! {
            // An error is the peer's: it hung up or was too slow. What it had begun has its own record.
            _ended = connection.as_mut() => return,
            () = self.drain.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        let _ended = connection.await;
    }
}

/// Room for the largest head that the guard lets through, and for reading large bodies in large pieces.
fn read_buffer_bytes(max_header_bytes: usize) -> usize {
    max_header_bytes.saturating_add(8192).max(65536)
}
