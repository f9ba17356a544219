//! One HTTP/1.1 connection and the task that drives it.
//!
//! Invariants: the task ends with the connection, whatever it was doing; dropping a connection closes its socket.

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;

use super::body::OutgoingBody;
use super::error::ConnectError;
use crate::domain::time::Monotonic;

/// A connection that nobody else holds.
pub(super) struct Connection {
    sender: SendRequest<OutgoingBody>,
    driver: AbortHandle,
    opened: Monotonic,
}

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
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { sender, driver, opened: now })
    }

    /// Sends one request and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: Request<OutgoingBody>) -> Sent {
        match self.sender.try_send_request(request).await {
            Ok(response) => Sent::Answered(response),
            Err(mut error) => match error.take_message() {
                Some(request) => Sent::Returned(request),
                None => Sent::Broken(error.into_error()),
            },
        }
    }

    /// Whether the last exchange is over on both sides and the next may begin.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready() && !self.sender.is_closed()
    }

    /// How old it is.
    pub(super) fn age(&self, now: Monotonic) -> Duration {
        now.since(self.opened)
    }

    /// Whether the other end is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The largest head of an answer, and the most that is buffered of anything.
const HEAD_BYTES_MAX: usize = 64 * 1024;
