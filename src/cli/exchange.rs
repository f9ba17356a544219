//! One HTTP/1.1 request over one connection, and its whole answer.
//!
//! Owns: the deadline and the bound of what the command line asks over the network. A connection is never reused.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

/// Runs a future on a runtime of its own, ended at a deadline.
pub(crate) fn within<T>(deadline: Duration, future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    let result = runtime.block_on(async { tokio::time::timeout(deadline, future).await });
    // A name lookup that hangs must not hold the process.
    runtime.shutdown_background();
    result.with_context(|| format!("no answer within {} s", deadline.as_secs()))?
}

/// Sends one request over a connected stream and reads the answer.
pub(crate) async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("the connection broke")?;
    // The connection is driven beside the request; its end shows in the answer.
    let driver = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.context("no HTTP answer")?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    driver.abort();
    let body = body.map_err(anyhow::Error::from_boxed).context("the answer broke off or is too large")?;
    Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;

    fn answered(answer: Vec<u8>) -> Result<Answer> {
        within(Duration::from_secs(5), async {
            let (near, far) = tokio::io::duplex(64 << 10);
            tokio::spawn(serve(far, answer));
            exchange(near, Request::get("/").header("host", "x").body(Full::default())?).await
        })
    }

    async fn serve(mut far: DuplexStream, answer: Vec<u8>) {
        let mut head = [0; 1024];
        let _ = far.read(&mut head).await;
        let _ = far.write_all(&answer).await;
    }

    #[test]
    fn an_answer_is_read_whole() {
        let answer = answered(b"HTTP/1.1 503 Busy\r\na: b\r\ncontent-length: 2\r\n\r\nno".to_vec()).unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (503, b"no".as_slice()));
        assert_eq!(answer.headers.get("a").unwrap(), "b");
    }

    #[test]
    fn broken_large_and_late_answers_are_failures() {
        assert!(answered(b"garbage\r\n\r\n".to_vec()).is_err());
        assert!(answered(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nno".to_vec()).is_err());
        let large = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(ANSWER_BYTES_MAX + 1));
        assert!(answered(large.into_bytes()).is_err());
        let late = within(Duration::from_millis(5), std::future::pending::<Result<()>>());
        assert!(late.unwrap_err().to_string().contains("no answer within"));
    }
}
