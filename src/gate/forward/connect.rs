//! From an address to a connection: resolve, connect, TLS, within a share of the deadline.
//!
//! A name is resolved for every new connection, so a changed record counts at once. Its addresses are tried in turn, each
//! with an equal part of the time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::ClientConfig;
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use super::error::{ConnectError, Exposure, ForwardError};
use crate::domain::time::Monotonic;

/// How an upstream is reached, with everything that reaching it needs.
pub(super) enum Address {
    /// Plaintext to a host and port.
    Tcp { host: String, port: u16 },
    /// TLS to a host and port.
    Tls { host: String, port: u16, name: ServerName<'static>, config: Arc<ClientConfig> },
    /// A unix socket.
    Unix(PathBuf),
}

/// Connects, or says that nothing was sent.
pub(super) async fn connect(address: &Address, share: Duration, now: Monotonic) -> Result<Connection, ForwardError> {
    match timeout(share, open(address, share, now)).await {
        Ok(opened) => opened.map_err(ForwardError::Unreachable),
        Err(_) => Err(ForwardError::TimedOut { exposure: Exposure::NeverSent }),
    }
}

async fn open(address: &Address, share: Duration, now: Monotonic) -> Result<Connection, ConnectError> {
    match address {
        Address::Tcp { host, port } => Ok(Connection::new(tcp(host, *port, share).await?, now)),
        Address::Tls { host, port, name, config } => {
            let stream = tcp(host, *port, share).await?;
            let connector = TlsConnector::from(Arc::clone(config));
            Ok(Connection::new(connector.connect(name.clone(), stream).await.map_err(ConnectError::Tls)?, now))
        }
        Address::Unix(path) => Ok(Connection::new(UnixStream::connect(path).await.map_err(ConnectError::Transport)?, now)),
    }
}

async fn tcp(host: &str, port: u16, share: Duration) -> Result<TcpStream, ConnectError> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(ConnectError::Resolve)?;
    any_of(found.take(ADDRESSES_MAX).collect(), share).await
}

/// The first address that accepts; each has an equal part of the time, so that one that is silent leaves some to the others.
pub(super) async fn any_of(addresses: Vec<SocketAddr>, share: Duration) -> Result<TcpStream, ConnectError> {
    let each = share / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut last = ConnectError::NoAddress;
    for address in addresses {
        match try_one(address, each).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn try_one(address: SocketAddr, limit: Duration) -> Result<TcpStream, ConnectError> {
    let connected = timeout(limit, TcpStream::connect(address)).await;
    let stream = connected.unwrap_or_else(|elapsed| Err(elapsed.into())).map_err(ConnectError::Transport)?;
    prepare(&stream).map_err(ConnectError::Transport)?;
    Ok(stream)
}

/// Small requests leave at once, and a peer that vanished is noticed while idle.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))
}

const ADDRESSES_MAX: usize = 8;

const KEEPALIVE: Duration = Duration::from_secs(30);
