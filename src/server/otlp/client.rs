//! One POST to a receiver of OTLP: connect, TLS where it is asked for, send, read the status.
//!
//! Invariants: everything is bounded by the timeout; of the answer only the status counts, and at most 64 KiB of it are read;
//! header values are read anew for each request, so that a token can be exchanged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::secrets::spec::SecretSource;
use crate::secrets::{self, SecretError};
use crate::telemetry::otlp::Signal;
use crate::telemetry::spec::{Endpoint, OtlpSpec};
use crate::trust;

const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Why telemetry cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A header's value cannot be read.
    #[error("telemetry.otlp.headers: {0}")]
    Header(SecretError),
    /// A header's value is none.
    #[error("telemetry.otlp.headers: the value of {name} is no value of a header")]
    Value {
        /// Which.
        name: HeaderName,
    },
    /// There are no roots to verify the receiver's certificate against.
    #[error("telemetry.otlp.ca: no certificate can be read")]
    Roots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The receiver's name is no name.
    #[error("the endpoint has no name that a certificate could have")]
    Name,
    /// It cannot be reached.
    #[error("the receiver cannot be reached")]
    Unreachable(#[from] std::io::Error),
    /// It does not speak HTTP.
    #[error("the receiver does not answer as it should")]
    Http(#[from] hyper::Error),
    /// It is too slow.
    #[error("the receiver does not answer in time")]
    TimedOut,
    /// It has too much to do.
    #[error("the receiver asks for patience")]
    Busy,
    /// It wants nothing of this.
    #[error("the receiver refuses what it is sent: {status}")]
    Refused {
        /// How.
        status: StatusCode,
    },
    /// The request cannot be made.
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    Taken,
    /// To be sent again.
    Later,
    Refused(StatusCode),
}

pub(super) struct Client {
    endpoint: Endpoint,
    headers: Vec<(HeaderName, SecretSource)>,
    timeout: Duration,
    tls: Option<TlsConnector>,
}

impl Client {
    /// Reads the roots, where TLS is asked for.
    pub(super) fn new(spec: &OtlpSpec) -> Result<Self, ClientError> {
        let tls = if spec.endpoint.tls { Some(connector(&spec.endpoint)?) } else { None };
        let client = Self { endpoint: spec.endpoint.clone(), headers: spec.headers.clone(), timeout: spec.timeout, tls };
        // What cannot be read now would not be sent with, either.
        client.request(Signal::Traces, Vec::new()).map(|_| client)
    }

    /// Waits no longer than this from now on.
    pub(super) fn hurry(&mut self, timeout: Duration) {
        self.timeout = self.timeout.min(timeout);
    }

    pub(super) async fn post(&self, signal: Signal, body: Vec<u8>) -> Result<Delivered, ClientError> {
        let request = self.request(signal, body)?;
        let status = tokio::time::timeout(self.timeout, self.exchange(request)).await.map_err(|_| ClientError::TimedOut)??;
        Ok(match status.as_u16() {
            200..=299 => Delivered::Taken,
            408 | 429 | 500..=599 => Delivered::Later,
            _ => Delivered::Refused(status),
        })
    }

    fn request(&self, signal: Signal, body: Vec<u8>) -> Result<Request<Full<Bytes>>, ClientError> {
        let target = format!("{}/v1/{}", self.endpoint.path, signal.code());
        let mut request = Request::post(target)
            .header(HOST, &self.endpoint.authority)
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT, concat!("hookward/", env!("CARGO_PKG_VERSION")))
            .body(Full::from(body))?;
        for (name, source) in &self.headers {
            let text = secrets::read(source).map_err(ClientError::Header)?;
            let value = HeaderValue::from_bytes(text.expose());
            let mut value = value.map_err(|_| ClientError::Value { name: name.clone() })?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<StatusCode, ClientError> {
        let host = self.endpoint.host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, self.endpoint.port)).await?;
        match &self.tls {
            None => send(stream, request).await,
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| ClientError::Name)?;
                send(tls.connect(name, stream).await?, request).await
            }
        }
    }
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<StatusCode, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    let status = match answer {
        Ok(answer) => {
            let (head, body) = answer.into_parts();
            // Read to its end, so that the receiver sees no reset; what it says does not matter.
            let _ = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            Ok(head.status)
        }
        Err(error) => Err(error.into()),
    };
    driver.abort();
    status
}

/// The provider is named, so no other crate's choice can make this panic.
fn connector(endpoint: &Endpoint) -> Result<TlsConnector, ClientError> {
    let roots = match &endpoint.ca {
        Some(file) => {
            let certificates = CertificateDer::pem_file_iter(file).map_err(|_| ClientError::Roots)?;
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
            roots
        }
        None => trust::system_roots(),
    };
    if roots.is_empty() {
        return Err(ClientError::Roots);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
