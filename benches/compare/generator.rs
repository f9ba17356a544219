//! The generator: closed loops, new connections, and an open loop that sends when it is time.

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
use crate::scenario::Connections;
use crate::upstream::length;

/// Numbers of requests: never the same twice, in this run or the next one.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// What to send where.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub tls: Option<TlsConnector>,
    pub kind: Kind,
    pub status: u16,
    pub body_bytes: usize,
    pub requests: usize,
    pub connections: Connections,
}

/// What came of it.
#[derive(Default, Clone)]
pub struct Sent {
    pub answered: usize,
    pub seconds: f64,
    pub latencies_us: Vec<u32>,
}

/// Sends everything on the calling thread, within a minute.
pub fn run(load: &Load) -> io::Result<Sent> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let left = Arc::new(AtomicUsize::new(load.requests));
    let began = Instant::now();
    let lanes = match load.connections {
        Connections::Kept(count) | Connections::New(count) | Connections::Paced { connections: count, .. } => count,
    };
    let all = local.block_on(&runtime, async {
        let tasks: Vec<_> =
            (0..lanes).map(|index| tokio::task::spawn_local(lane(load.clone(), Arc::clone(&left), began, index))).collect();
        let mut all = Sent::default();
        for task in tasks {
            let joined = tokio::time::timeout(Duration::from_secs(60), task).await;
            let sent =
                joined.map_err(|_| io::Error::other("a connection took longer than a minute"))?.map_err(io::Error::other)??;
            all.answered += sent.answered;
            all.latencies_us.extend(sent.latencies_us);
        }
        io::Result::Ok(all)
    })?;
    Ok(Sent { seconds: began.elapsed().as_secs_f64(), ..all })
}

pub trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

pub async fn connect(address: SocketAddr, tls: Option<&TlsConnector>) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    match tls {
        None => Ok(Box::new(stream)),
        Some(tls) => {
            let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
            Ok(Box::new(tls.connect(name, stream).await?))
        }
    }
}

async fn lane(load: Load, left: Arc<AtomicUsize>, began: Instant, index: usize) -> io::Result<Sent> {
    let mut maker = Maker::new(load.kind, load.body_bytes);
    let mut sent = Sent::default();
    let mut connection = None;
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut turn = 0;
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let request = maker.make(NUMBER.fetch_add(1, Ordering::Relaxed));
        let due = match load.connections {
            Connections::Paced { connections, per_second } => {
                let due = began + Duration::from_secs_f64((turn * connections + index) as f64 / per_second as f64);
                tokio::time::sleep_until(due.into()).await;
                turn += 1;
                // What is late because the last answer was late counts as late.
                due
            }
            Connections::Kept(_) | Connections::New(_) => Instant::now(),
        };
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => connect(load.address, load.tls.as_ref()).await?,
        };
        let (status, keeps) = exchange(&mut stream, &request, &mut buffer).await?;
        if status != load.status {
            return Err(io::Error::other(format!("answered {status} instead of {}", load.status)));
        }
        sent.latencies_us.push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
        sent.answered += 1;
        connection = (keeps && !matches!(load.connections, Connections::New(_))).then_some(stream);
    }
    Ok(sent)
}

/// One request and its answer.
pub async fn exchange(stream: &mut Box<dyn Stream>, request: &[u8], buffer: &mut Vec<u8>) -> io::Result<(u16, bool)> {
    // A refusal may come, and close, before the request is out: what counts is the answer.
    let _cut_short = stream.write_all(request).await;
    let _cut_short = stream.flush().await;
    answer(stream, buffer).await
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
