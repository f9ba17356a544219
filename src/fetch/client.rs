//! The client: one connection a request, closed behind it.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use super::error::FetchError;
use super::minute::Minute;
use super::public;
use crate::domain::https_url::HttpsUrl;
use crate::domain::time::Monotonic;
use crate::trust::system_roots;

/// The largest answer.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How long all of it may take.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may take while a delivery waits for it.
pub const FETCH_TIMEOUT_DELIVERY: Duration = Duration::from_secs(3);
/// How many may be under way.
pub const PLACES: usize = 8;
/// How many may begin in a minute.
pub const PER_MINUTE: u32 = 60;

const PORT: u16 = 443;

/// Where every connection leads instead, and what is trusted there: for tests that stand in for others. No configuration
/// makes one.
#[derive(Clone, Debug)]
pub struct Detour {
    /// The address of the stand-in.
    pub address: SocketAddr,
    /// The roots that its certificates come of.
    pub roots: RootCertStore,
}

/// The client.
#[derive(Debug)]
pub struct Fetcher {
    detour: Option<Detour>,
    timeout: Duration,
    is_public_only: bool,
    trust: OnceLock<Trust>,
    places: Semaphore,
    minute: Mutex<Minute>,
}

/// The roots, and TLS that trusts nobody else.
#[derive(Clone, Debug)]
struct Trust {
    roots: Arc<RootCertStore>,
    tls: Arc<ClientConfig>,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Fetcher {
    /// A client with its whole budget. Roots are read when the first request needs them.
    #[must_use]
    pub fn new(detour: Option<Detour>) -> Self {
        let (timeout, is_public_only) = (FETCH_TIMEOUT, false);
        let (trust, places, minute) = (OnceLock::new(), Semaphore::new(PLACES), Mutex::default());
        Self { detour, timeout, is_public_only, trust, places, minute }
    }

    /// The same, for what a sender's delivery waits for: in less time, and from public addresses only.
    #[must_use]
    pub fn for_deliveries(self) -> Self {
        Self { timeout: FETCH_TIMEOUT_DELIVERY, is_public_only: true, ..self }
    }

    /// Whose certificates are trusted.
    ///
    /// # Errors
    /// [`FetchError`] when there are none, or TLS cannot be set up.
    pub fn roots(&self) -> Result<Arc<RootCertStore>, FetchError> {
        self.trust().map(|trust| trust.roots)
    }

    /// Gets what stands at a URL.
    ///
    /// # Errors
    /// [`FetchError`] for everything but a whole answer of 200 within all bounds.
    pub async fn get(&self, url: &HttpsUrl, now: Monotonic) -> Result<Bytes, FetchError> {
        let _place = self.places.try_acquire().map_err(|_| FetchError::Busy)?;
        if !self.minute.lock().take(PER_MINUTE, now) {
            return Err(FetchError::Busy);
        }
        let host = url.host().to_owned();
        let exchange = tokio::time::timeout(self.timeout, self.exchange(url));
        exchange.await.map_err(|_| FetchError::TimedOut { host })?
    }

    async fn exchange(&self, url: &HttpsUrl) -> Result<Bytes, FetchError> {
        let host = url.host();
        let unreachable = |source| FetchError::Unreachable { host: host.to_owned(), source };
        let broken = |source| FetchError::Http { host: host.to_owned(), source };
        let request = Request::get(url.target())
            .header(HOST, host)
            .header(ACCEPT, "*/*")
            .header(USER_AGENT, concat!("hookward/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())?;
        let connector = TlsConnector::from(self.trust()?.tls);
        let stream = match &self.detour {
            Some(detour) => TcpStream::connect(detour.address).await,
            None if self.is_public_only => match public::addresses(host, PORT).await {
                Ok(addresses) => TcpStream::connect(&*addresses).await,
                Err(error) => Err(error),
            },
            None => TcpStream::connect((host, PORT)).await,
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| unreachable(std::io::Error::other(error)))?;
        let stream = connector.connect(name, stream.map_err(unreachable)?).await.map_err(unreachable)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let driver = AbortOnDrop(tokio::spawn(connection));
        let answer = sender.send_request(request).await.map_err(broken)?;
        let (head, body) = answer.into_parts();
        if head.status != StatusCode::OK {
            return Err(FetchError::Status { host: host.to_owned(), status: head.status });
        }
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        drop(driver);
        body.map(http_body_util::Collected::to_bytes)
            .map_err(|_| FetchError::Body { host: host.to_owned(), max_bytes: ANSWER_BYTES_MAX })
    }

    /// The provider is named, so no other crate's choice can make this panic.
    fn trust(&self) -> Result<Trust, FetchError> {
        if let Some(known) = self.trust.get() {
            return Ok(known.clone());
        }
        let roots = self.detour.as_ref().map_or_else(system_roots, |detour| detour.roots.clone());
        if roots.is_empty() {
            return Err(FetchError::Roots);
        }
        let roots = Arc::new(roots);
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&roots))
            .with_no_client_auth();
        Ok(self.trust.get_or_init(|| Trust { roots, tls: Arc::new(config) }).clone())
    }
}

/// A connection that nobody waits for any more.
struct AbortOnDrop(tokio::task::JoinHandle<hyper::Result<()>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
