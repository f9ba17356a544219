//! The sockets of an admin listener: few, bounded, slow ones cut.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Admin;
use super::events::AdminBody;
use crate::listen::socket_file::SocketFile;
use crate::listen::spec::BindAddress;

/// How many admin connections are served at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 64;
/// How many may wait in that queue of a unix socket.
const BACKLOG: i32 = 128;
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may last, and how often one that streams is looked at.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How often one that streams may be looked at: a status page that is open for longer comes again by itself.
const STREAM_LOOKS_MAX: u32 = 60;

/// Where an admin listener listens.
pub(crate) enum AdminSocket {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "held for its drop: the file goes with its socket")] SocketFile),
}

impl AdminSocket {
    pub(crate) async fn bind(address: &BindAddress) -> io::Result<Self> {
        match address {
            BindAddress::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            BindAddress::Unix { path, mode } => {
                let (socket, file) = SocketFile::listen(path, *mode, BACKLOG)?;
                Ok(Self::Unix(UnixListener::from_std(socket)?, file))
            }
        }
    }

    /// The address with the port that the system chose; nothing for a unix socket, which has what it was given.
    pub(crate) fn address(&self) -> Option<BindAddress> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok().map(BindAddress::Tcp),
            Self::Unix(..) => None,
        }
    }

    /// Accepts one connection and serves it beside the next ones.
    async fn accept(&self, place: OwnedSemaphorePermit, admin: Arc<Admin>) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => drop(tokio::spawn(limited(socket.accept().await?.0, place, admin))),
            Self::Unix(socket, _) => drop(tokio::spawn(limited(socket.accept().await?.0, place, admin))),
        }
        Ok(())
    }
}

/// Serves an admin listener until the task is dropped.
pub(crate) async fn serve(socket: AdminSocket, admin: Arc<Admin>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        if socket.accept(place, Arc::clone(&admin)).await.is_err() {
            // Out of descriptors: wait for some to be closed rather than spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn limited<S>(stream: S, place: OwnedSemaphorePermit, admin: Arc<Admin>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let _place = place;
    let streaming = Arc::new(AtomicBool::new(false));
    let mut served = pin!(serve_connection(stream, admin, Arc::clone(&streaming)));
    for _ in 0..STREAM_LOOKS_MAX {
        let ended = tokio::time::timeout(CONNECTION_TIMEOUT, served.as_mut()).await;
        if ended.is_ok() || !streaming.load(Ordering::Relaxed) {
            return;
        }
    }
}

async fn serve_connection<S>(stream: S, admin: Arc<Admin>, streaming: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (admin, streaming) = (Arc::clone(&admin), Arc::clone(&streaming));
        async move { Ok::<Response<AdminBody>, Infallible>(admin.respond(request, &streaming).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(16 * 1024);
    // An error here is the peer's own connection ending; there is nobody left to tell.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
