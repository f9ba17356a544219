//! From an address to a connection: resolve, connect, TLS, log in. The caller sets the deadline.
//!
//! The sockets are ours, not the client library's: its own know neither keep-alive nor a user timeout nor our TLS provider,
//! and read the system's roots again for each connection. It speaks the protocol, on the runtime that this is called on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, cmd};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::ReadAddress;
use super::address::{Address, Server, Servers};
use super::error::{RedisFault, RedisOpenError};
use crate::trust;

/// What connections are made with.
pub(super) struct Connector {
    address: Address,
    reread: ReadAddress,
    tls: Option<TlsConnector>,
}

/// A connection that is logged in, to a server that nobody has looked at yet.
pub(super) struct Opened {
    pub(super) connection: MultiplexedConnection,
    pub(super) server: Server,
    pub(super) driver: Arc<Driver>,
}

/// The task behind a connection. Dropped, it ends.
pub(super) struct Driver {
    task: AbortHandle,
    is_given_up: AtomicBool,
}

impl Driver {
    /// Calls under way may still be answered; a new connection is wanted for the next ones.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connector {
    /// Reads the roots, where TLS is asked for.
    pub(super) fn new(address: Address, reread: ReadAddress, roots: Option<&Path>) -> Result<Self, RedisOpenError> {
        let tls = if address.is_tls { Some(tls(roots)?) } else { None };
        Ok(Self { address, reread, tls })
    }

    /// A connection to the primary, as far as is known.
    pub(super) async fn open(&mut self) -> Result<Opened, RedisFault> {
        if let Some(address) = (self.reread)().filter(|address| address.is_tls == self.address.is_tls) {
            self.address = address;
        }
        let server = self.primary().await?;
        let (connection, driver) = self.dial(&server, &self.address.login).await?;
        Ok(Opened { connection, server, driver })
    }

    /// How long asking every sentinel may take.
    pub(super) fn patience(&self) -> Duration {
        match &self.address.servers {
            Servers::Single(_) => Duration::ZERO,
            Servers::Sentinels { sentinels, .. } => {
                SENTINEL_TIMEOUT.saturating_mul(u32::try_from(sentinels.len()).unwrap_or(u32::MAX))
            }
        }
    }

    /// The server that holds the claims: the only one, or what the first sentinel that knows says.
    pub(super) async fn primary(&self) -> Result<Server, RedisFault> {
        let (sentinels, primary) = match &self.address.servers {
            Servers::Single(server) => return Ok(server.clone()),
            Servers::Sentinels { sentinels, primary } => (sentinels, primary),
        };
        let mut last = RedisFault::NoPrimary;
        for sentinel in sentinels {
            match tokio::time::timeout(SENTINEL_TIMEOUT, self.ask(sentinel, primary)).await {
                Ok(Ok(server)) => return Ok(server),
                Ok(Err(fault)) => last = fault,
                Err(_) => last = RedisFault::TimedOut,
            }
        }
        Err(last)
    }

    async fn ask(&self, sentinel: &Server, primary: &str) -> Result<Server, RedisFault> {
        let (mut connection, _driver) = self.dial(sentinel, &RedisConnectionInfo::default()).await?;
        let mut question = cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(primary);
        let answer: Option<(String, u16)> = question.query_async(&mut connection).await?;
        answer.map(|(host, port)| Server { host, port }).ok_or(RedisFault::NoPrimary)
    }

    async fn dial(
        &self,
        server: &Server,
        login: &RedisConnectionInfo,
    ) -> Result<(MultiplexedConnection, Arc<Driver>), RedisFault> {
        let stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
        prepare(&stream)?;
        match &self.tls {
            None => speak(stream, login).await,
            Some(tls) => {
                let name = ServerName::try_from(server.host.clone()).map_err(|_| RedisFault::Garbled)?;
                speak(tls.connect(name, stream).await?, login).await
            }
        }
    }
}

/// Logs in and starts the task behind the connection. No deadlines in there: ours stands around every call.
async fn speak<S>(stream: S, login: &RedisConnectionInfo) -> Result<(MultiplexedConnection, Arc<Driver>), RedisFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let settings = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(QUEUE_MAX);
    let login = login.clone().set_lib_name("hookward", env!("CARGO_PKG_VERSION"));
    let (connection, driver) = MultiplexedConnection::new_with_config(&login, stream, settings).await?;
    let task = tokio::spawn(driver).abort_handle();
    Ok((connection, Arc::new(Driver { task, is_given_up: AtomicBool::new(false) })))
}

/// Small commands leave at once; a peer that vanished is noticed while idle, and what it never acknowledged is given up.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE).with_retries(3))?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
}

/// The provider is named, so no other crate's choice can make this panic.
fn tls(roots: Option<&Path>) -> Result<TlsConnector, RedisOpenError> {
    let roots = roots.map_or_else(system_roots, configured_roots)?;
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn configured_roots(path: &Path) -> Result<RootCertStore, RedisOpenError> {
    let fault = |source| RedisOpenError::Roots { path: path.to_path_buf(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(fault)? {
        roots.add(certificate.map_err(fault)?)?;
    }
    if roots.is_empty() { Err(RedisOpenError::NoRoots) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, RedisOpenError> {
    let roots = trust::system_roots();
    if roots.is_empty() { Err(RedisOpenError::NoRoots) } else { Ok(roots) }
}

/// Commands between the callers and the socket.
const QUEUE_MAX: usize = 1024;
const SENTINEL_TIMEOUT: Duration = Duration::from_millis(500);
const KEEPALIVE: Duration = Duration::from_secs(5);
const USER_TIMEOUT: Duration = Duration::from_secs(5);
