//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! No task stands behind it: handing every request to one and every answer back costs two wake-ups, which add to a
//! delivery's time. So an idle connection is looked at only when somebody asks for it; see [`Connection::is_ready`].
//!
//! Invariant: dropping a connection closes its socket, whatever it was doing.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::OutgoingBody;
use super::error::ConnectError;
use crate::domain::time::Monotonic;

/// A connection that nobody else holds.
pub(super) struct Connection {
    sender: SendRequest<OutgoingBody>,
    /// What reads and writes, until the connection has ended.
    exchange: Option<Exchange>,
    opened: Monotonic,
}

type Exchange = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What became of a request that was handed to a connection.
pub(super) enum Sent {
    /// An answer began.
    Answered(Response<Incoming>),
    /// The connection was closed before the first byte was written; here it is again.
    Returned(Request<OutgoingBody>),
    /// It broke after writing began.
    Broken(hyper::Error),
}

impl Connection {
    /// Speaks HTTP/1.1 over a stream that was opened now.
    pub(super) async fn start<S>(stream: S, now: Monotonic) -> Result<Self, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake =
            Builder::new().max_buf_size(HEAD_BYTES_MAX).max_header_size(HEAD_BYTES_MAX).handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(ConnectError::Http)?;
        // An error of the connection reaches whoever waits for an answer on it; here it would be news to nobody.
        let exchange: Exchange = Box::pin(async move { drop(connection.await) });
        Ok(Self { sender, exchange: Some(exchange), opened: now })
    }

    /// Sends one request and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: Request<OutgoingBody>) -> Sent {
        let answer = self.sender.try_send_request(request);
        match drive(&mut self.exchange, answer).await {
            Ok(response) => Sent::Answered(response),
            Err(mut error) => match error.take_message() {
                Some(request) => Sent::Returned(request),
                None => Sent::Broken(error.into_error()),
            },
        }
    }

    /// Does what needs this connection's bytes to come in, and brings them in.
    pub(super) async fn while_driven<T>(&mut self, work: impl Future<Output = T>) -> T {
        drive(&mut self.exchange, work).await
    }

    /// Whether the last exchange is over on both sides and the next may begin. Looks at the socket first: of what happened
    /// since the last exchange nobody knows yet.
    pub(super) fn is_ready(&mut self) -> bool {
        advance(&mut self.exchange, &mut Context::from_waker(Waker::noop()));
        self.exchange.is_some() && self.sender.is_ready() && !self.sender.is_closed()
    }

    /// How old it is.
    pub(super) fn age(&self, now: Monotonic) -> Duration {
        now.since(self.opened)
    }
}

/// Reads and writes whenever the socket allows it, until `work` is done. Everything that `work` waits for comes from there,
/// so it is looked at after that and has no other waker.
async fn drive<T>(exchange: &mut Option<Exchange>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        advance(exchange, context);
        work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    })
    .await
}

/// One that has ended is dropped, so that whoever waits for something of it hears at once that nothing comes.
fn advance(exchange: &mut Option<Exchange>, context: &mut Context<'_>) {
    if let Some(running) = exchange
        && running.as_mut().poll(context) == Poll::Ready(())
    {
        *exchange = None;
    }
}

/// The largest head of an answer, and the most that is buffered of anything.
const HEAD_BYTES_MAX: usize = 64 * 1024;
