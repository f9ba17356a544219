//! TCP and unix sockets under one name: listening, accepted, connected.
//!
//! An accepted socket is taken off the accepting thread's reactor and attached to its worker's, where that is another one. What
//! concerns every connection alike is set on the listening socket, whose connections inherit it (Linux), and pay nothing for it.

use std::io::{self, IoSlice};
use std::net::{TcpListener as StdTcpListener, TcpStream as StdTcpStream};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::socket_file::SocketFile;
use crate::domain::address::Peer;

/// A socket that is bound and not served yet.
#[derive(Debug)]
pub(super) enum BoundSocket {
    Tcp(StdTcpListener),
    Unix(StdUnixListener, SocketFile),
}

/// A socket that connections are accepted from. A unix socket's file goes with it.
#[derive(Debug)]
pub(super) enum ListeningSocket {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "held for its drop")] SocketFile),
}

/// A connection on its way to its worker.
#[derive(Debug)]
pub(super) enum Arriving {
    /// On the worker's reactor, for the worker accepted it.
    Attached(Stream),
    Tcp(StdTcpStream),
    Unix(StdUnixStream),
}

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl ListeningSocket {
    /// On this thread's reactor.
    pub(super) fn attach(socket: BoundSocket) -> io::Result<Self> {
        match socket {
            BoundSocket::Tcp(socket) => {
                let options = SockRef::from(&socket);
                options.set_tcp_nodelay(true)?;
                options.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))?;
                TcpListener::from_std(socket).map(Self::Tcp)
            }
            BoundSocket::Unix(socket, file) => Ok(Self::Unix(UnixListener::from_std(socket)?, file)),
        }
    }

    /// The next connection.
    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        match self {
            Self::Tcp(socket) => {
                socket.poll_accept(context).map_ok(|(stream, address)| (Stream::Tcp(stream), Peer::Tcp(address)))
            }
            Self::Unix(socket, _) => socket.poll_accept(context).map_ok(|(stream, _)| (Stream::Unix(stream), Peer::Unix)),
        }
    }
}

impl Stream {
    /// Takes the socket off this thread's reactor.
    pub(super) fn detach(self) -> io::Result<Arriving> {
        match self {
            Self::Tcp(stream) => stream.into_std().map(Arriving::Tcp),
            Self::Unix(stream) => stream.into_std().map(Arriving::Unix),
        }
    }

    /// On this thread's reactor.
    pub(super) fn attach(arriving: Arriving) -> io::Result<Self> {
        match arriving {
            Arriving::Attached(stream) => Ok(stream),
            Arriving::Tcp(stream) => TcpStream::from_std(stream).map(Self::Tcp),
            Arriving::Unix(stream) => UnixStream::from_std(stream).map(Self::Unix),
        }
    }

    /// Waits until the peer says something, or ends.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

const KEEPALIVE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_connection_inherits_what_its_listener_was_set_to() {
        let bound = StdTcpListener::bind("127.0.0.1:0").unwrap();
        bound.set_nonblocking(true).unwrap();
        let address = bound.local_addr().unwrap();
        let listening = ListeningSocket::attach(BoundSocket::Tcp(bound)).unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let (accepted, _) = poll_fn(|context| listening.poll_accept(context)).await.unwrap();
        let Stream::Tcp(stream) = Stream::attach(accepted.detach().unwrap()).unwrap() else { panic!("a TCP connection") };
        let options = SockRef::from(&stream);
        assert!(options.tcp_nodelay().unwrap() && options.keepalive().unwrap());
        assert_eq!(options.tcp_keepalive_time().unwrap(), KEEPALIVE);
        assert_eq!(options.tcp_keepalive_interval().unwrap(), KEEPALIVE);
    }
}
