//! Sends a signed request: `sign --send`.
//!
//! https is verified against the system's roots, or against `--cacert` alone, as curl does. Redirects are not followed:
//! a signature is for one receiver.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::header::{CONTENT_LENGTH, HOST, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Full;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::cli::destination::Destination;
use crate::cli::exchange::{self, Answer};
use crate::cli::outgoing::Outgoing;
use crate::trust;

/// From the connection's start to the answer's last byte: longer than any provider waits.
const DEADLINE: Duration = Duration::from_secs(60);

/// Sends the request and reads the answer.
pub(crate) fn transmit(outgoing: &Outgoing) -> Result<Answer> {
    let destination = &outgoing.destination;
    let roots = if destination.tls { Some(roots(outgoing.cacert.as_deref())?) } else { None };
    let request = request(outgoing)?;
    let sending = async {
        let address = (destination.host.as_str(), destination.port);
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        match roots {
            None => exchange::exchange(stream, request).await,
            Some(roots) => exchange::exchange(secured(destination, roots, stream).await?, request).await,
        }
    };
    exchange::within(DEADLINE, sending).with_context(|| format!("cannot send to {destination}"))
}

fn request(outgoing: &Outgoing) -> Result<Request<Full<bytes::Bytes>>> {
    let Destination { authority, target, .. } = &outgoing.destination;
    let mut request = Request::builder().method(&outgoing.method).uri(target).body(Full::new(outgoing.body.clone()))?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(authority)?);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("hookward/", env!("CARGO_PKG_VERSION"))));
    headers.extend(outgoing.headers.clone());
    headers.insert(CONTENT_LENGTH, outgoing.body.len().into());
    Ok(request)
}

async fn secured(
    to: &Destination,
    roots: RootCertStore,
    stream: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(to.host.clone()).context("the host is no name that a certificate can carry")?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.context("TLS failed")
}

fn roots(cacert: Option<&Path>) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    match cacert {
        Some(file) => add_file(&mut store, file)?,
        // What is missing shows as a certificate that does not verify.
        None => store = trust::system_roots(),
    }
    if store.is_empty() {
        bail!("there are no roots to verify the receiver's certificate against; name them with --cacert FILE");
    }
    Ok(store)
}

fn add_file(store: &mut RootCertStore, file: &Path) -> Result<()> {
    let unreadable = || format!("cannot read certificates from {}", file.display());
    for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
        store.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use http::{HeaderMap, Method};

    use super::*;

    #[test]
    fn framing_and_host_are_ours_and_other_headers_the_callers() {
        let mut headers = HeaderMap::new();
        headers.append(USER_AGENT, HeaderValue::from_static("GitHub-Hookshot/1"));
        headers.append(CONTENT_LENGTH, HeaderValue::from_static("999"));
        let outgoing = Outgoing {
            method: Method::POST,
            destination: "https://example.com:8443/a?b".parse().unwrap(),
            headers,
            body: "{}".into(),
            body_file: None,
            cacert: None,
        };
        let request = request(&outgoing).unwrap();
        assert_eq!(request.uri(), "/a?b");
        for (name, value) in [("host", "example.com:8443"), ("content-length", "2"), ("user-agent", "GitHub-Hookshot/1")] {
            let values: Vec<_> = request.headers().get_all(name).iter().collect();
            assert_eq!(values, [value], "{name}");
        }
    }

    #[test]
    fn roots_come_from_the_named_file_alone() {
        let mut empty = tempfile::NamedTempFile::new().unwrap();
        assert!(roots(Some(empty.path())).unwrap_err().to_string().contains("no roots"));
        assert!(roots(Some(Path::new("/does/not/exist"))).is_err());
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        empty.write_all(key.cert.pem().as_bytes()).unwrap();
        assert_eq!(roots(Some(empty.path())).unwrap().len(), 1);
    }

    /// A receiver that speaks TLS and answers once; its port and its certificate.
    fn receiver() -> (u16, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::new(config)).unwrap(), socket);
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        });
        (port, made.cert.pem())
    }

    fn outgoing(port: u16, cacert: &Path) -> Outgoing {
        Outgoing {
            method: Method::POST,
            destination: format!("https://localhost:{port}/").parse().unwrap(),
            headers: HeaderMap::new(),
            body: "{}".into(),
            body_file: None,
            cacert: Some(cacert.to_owned()),
        }
    }

    #[test]
    fn a_receiver_is_trusted_by_its_named_root_and_no_other() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (port, certificate) = receiver();
        std::fs::write(file.path(), certificate).unwrap();
        assert_eq!(transmit(&outgoing(port, file.path())).unwrap().body, "ok");
        let (port, _) = receiver();
        let error = format!("{:#}", transmit(&outgoing(port, file.path())).unwrap_err());
        assert!(error.contains("TLS failed"), "{error}");
    }
}
