//! An upstream that follows a script, byte by byte, and writes down what it received.

use std::future::Future;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// A request as it stood on the wire.
#[derive(Clone, Debug)]
pub(super) struct Captured {
    /// Request line and header lines, without the empty line.
    pub(super) lines: Vec<String>,
    pub(super) body: Vec<u8>,
}

impl Captured {
    /// The values of a header, in order.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.lines
            .iter()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .collect()
    }
}

/// What a scripted upstream saw.
#[derive(Clone, Default)]
pub(super) struct Log {
    requests: Arc<Mutex<Vec<Captured>>>,
    connections: Arc<Mutex<usize>>,
}

impl Log {
    pub(super) fn requests(&self) -> Vec<Captured> {
        self.requests.lock().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock()
    }
}

/// One connection, as the script sees it.
pub(super) struct Conversation<S> {
    stream: S,
    unread: Vec<u8>,
    log: Log,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    pub(super) fn new(stream: S, log: &Log) -> Self {
        *log.connections.lock() += 1;
        Self { stream, unread: Vec::new(), log: log.clone() }
    }

    /// Reads one request with its body and writes it down; `None` when the other end has closed.
    pub(super) async fn receive(&mut self) -> Option<Captured> {
        let head = self.read_head().await?;
        let lines = head.split("\r\n").map(str::to_owned).collect();
        let mut captured = Captured { lines, body: Vec::new() };
        let length = captured.values("content-length").first().map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            self.read_more().await?;
        }
        captured.body = self.unread.drain(..length).collect();
        self.log.requests.lock().push(captured.clone());
        Some(captured)
    }

    pub(super) async fn read_head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).collect::<Vec<_>>();
                return Some(String::from_utf8(head[..end].to_vec()).unwrap());
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.unread).await.ok()?;
        (read > 0).then_some(())
    }

    pub(super) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Waits until the other end closes, and reads nothing into memory that matters.
    pub(super) async fn until_closed(&mut self) {
        while self.read_more().await.is_some() {}
    }
}

pub(super) type TcpConversation = Conversation<tokio::net::TcpStream>;

/// Runs the script on every connection; the port and what was seen.
pub(super) async fn upstream<F, W>(script: F) -> (u16, Log)
where
    F: Fn(TcpConversation) -> W + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Log::default();
    let seen = log.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(Conversation::new(stream, &seen)));
        }
    });
    (port, log)
}

/// Answers every request with the same bytes and keeps the connection.
pub(super) async fn answering(answer: &'static [u8]) -> (u16, Log) {
    upstream(move |mut conversation| async move {
        while conversation.receive().await.is_some() {
            if conversation.say(answer).await.is_err() {
                return;
            }
        }
    })
    .await
}

pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
