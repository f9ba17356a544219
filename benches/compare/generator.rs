//! The closed-loop generator: so many connections, each sends its next request when the last one is answered.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::requests::{Kind, Maker};
use crate::upstream::length;

/// Numbers of requests: never the same twice in a run.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// What to send where.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub tls: Option<TlsConnector>,
    pub kind: Kind,
    pub body_bytes: usize,
    pub requests: usize,
    pub connections: usize,
}

/// What came of it.
#[derive(Default, Clone)]
pub struct Sent {
    pub answered: usize,
    pub passed: usize,
    pub seconds: f64,
    pub latencies_us: Vec<u32>,
}

/// Sends everything on the calling thread, within a minute.
pub fn run(load: &Load) -> io::Result<Sent> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let left = Arc::new(AtomicUsize::new(load.requests));
    let began = Instant::now();
    let all = local.block_on(&runtime, async {
        let tasks: Vec<_> =
            (0..load.connections).map(|_| tokio::task::spawn_local(lane(load.clone(), Arc::clone(&left)))).collect();
        let mut all = Sent::default();
        for task in tasks {
            match tokio::time::timeout(Duration::from_secs(60), task).await {
                Ok(Ok(Ok(sent))) => {
                    all.answered += sent.answered;
                    all.passed += sent.passed;
                    all.latencies_us.extend(sent.latencies_us);
                }
                Ok(Ok(Err(error))) => return Err(error),
                Ok(Err(_)) | Err(_) => return Err(io::Error::other("a connection took longer than a minute")),
            }
        }
        Ok(all)
    })?;
    Ok(Sent { seconds: began.elapsed().as_secs_f64(), ..all })
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

async fn connect(load: &Load) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    match &load.tls {
        None => Ok(Box::new(stream)),
        Some(tls) => {
            let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
            Ok(Box::new(tls.connect(name, stream).await?))
        }
    }
}

async fn lane(load: Load, left: Arc<AtomicUsize>) -> io::Result<Sent> {
    let mut maker = Maker::new(load.kind, load.body_bytes);
    let mut sent = Sent::default();
    let mut connection = None;
    let mut buffer = Vec::with_capacity(16 * 1024);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let request = maker.make(NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => connect(&load).await?,
        };
        let began = Instant::now();
        // A refusal may come, and close, before the request is out: what counts is the answer.
        let _cut_short = stream.write_all(&request).await;
        let _cut_short = stream.flush().await;
        let (status, keeps) = answer(&mut stream, &mut buffer).await?;
        sent.latencies_us.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        sent.answered += 1;
        sent.passed += usize::from(status == 200);
        connection = keeps.then_some(stream);
    }
    Ok(sent)
}

/// Reads one answer: its status, and whether the connection stays.
async fn answer(stream: &mut Box<dyn Stream>, buffer: &mut Vec<u8>) -> io::Result<(u16, bool)> {
    buffer.clear();
    let head_end = loop {
        if let Some(at) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = &buffer[..head_end];
    let status = std::str::from_utf8(&head[9..12]).ok().and_then(|text| text.parse().ok());
    let closes = memchr::memmem::find(&head.to_ascii_lowercase(), b"connection: close").is_some();
    let length = length(head);
    let whole = head_end + length.unwrap_or(0);
    while buffer.len() < whole {
        if stream.read_buf(buffer).await? == 0 {
            break;
        }
    }
    Ok((status.unwrap_or(0), !closes && length.is_some()))
}
