//! TLS on real sockets, with certificates made for the test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use super::harness::{Gateway, eventually, limits, listener, post, statuses};
use crate::listen::bind::bind_all;
use crate::listen::context::{Entry, Protocol, TlsFacts};
use crate::listen::spec::{CertificateSpec, ConnectionLimits, EntrySpec, TlsSpec, TlsVersion};
use crate::listen::tls::tests::certificate_files;

pub(super) struct TlsGateway {
    pub(super) gateway: Gateway,
    certificates: Vec<CertificateSpec>,
    _directory: tempfile::TempDir,
}

fn start(names: &[&str], min_version: TlsVersion) -> TlsGateway {
    start_with(names, min_version, &limits())
}

pub(super) fn start_with(names: &[&str], min_version: TlsVersion, limits: &ConnectionLimits) -> TlsGateway {
    let directory = tempfile::tempdir().unwrap();
    let certificates: Vec<_> = names.iter().map(|name| certificate_files(directory.path(), name)).collect();
    let entry = EntrySpec::Tls(TlsSpec { certificates: certificates.clone(), min_version, client_ca: None });
    let gateway = Gateway::start(bind_all(&[listener("tls", entry)]).unwrap(), limits);
    TlsGateway { gateway, certificates, _directory: directory }
}

impl TlsGateway {
    pub(super) fn client(
        &self,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        for certificate in &self.certificates {
            roots.add(CertificateDer::from_pem_file(&certificate.cert).unwrap()).unwrap();
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let mut config = builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), self.gateway.connect())
    }

    /// One request; the answer, or why there is none.
    fn ask(&self, name: &str, versions: &[&'static SupportedProtocolVersion], protocols: &[&str]) -> std::io::Result<String> {
        let mut client = self.client(name, versions, protocols);
        client.write_all(&post("/early", &"x".repeat(70_000)))?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

#[test]
fn requests_are_answered_over_both_versions() {
    let tls = start(&["one.example"], TlsVersion::V12);
    for (version, fact) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let answer = tls.ask("one.example", &[version], &["http/1.1"]).unwrap();
        assert_eq!(statuses(&answer), ["413"]);
        let context = tls.gateway.seen().pop().unwrap().context;
        assert_eq!((context.entry, context.tls), (Entry::Tls, Some(TlsFacts { version: fact, protocol: Protocol::Http1 })));
    }
    assert!(tls.ask("one.example", &[&TLS13], &[]).is_ok(), "without a protocol it is HTTP/1.1");
    eventually(|| tls.gateway.counters.handshakes_ok() == 3);
    assert!(tls.ask("one.example", &[&TLS13], &["spdy/3"]).is_err(), "no protocol in common");
    eventually(|| tls.gateway.counters.handshakes_failed() == 1);
}

#[test]
fn the_oldest_version_is_kept() {
    let tls = start(&["one.example"], TlsVersion::V13);
    assert!(tls.ask("one.example", &[&TLS12], &[]).is_err());
    assert!(tls.ask("one.example", &[&TLS13], &[]).is_ok());
}

#[test]
fn several_certificates_are_chosen_by_name() {
    let tls = start(&["one.example", "*.two.example"], TlsVersion::V12);
    for name in ["one.example", "a.two.example", "A.TWO.example"] {
        assert!(tls.ask(name, &[&TLS13], &[]).is_ok(), "{name}");
    }
    for name in ["three.example", "two.example", "a.b.two.example"] {
        assert!(tls.ask(name, &[&TLS13], &[]).is_err(), "{name}");
    }
    eventually(|| tls.gateway.counters.handshakes_failed() == 3);
}

#[test]
fn plaintext_and_silence_on_a_tls_port_end_without_http() {
    let tls = start(&["one.example"], TlsVersion::V12);
    let mut stream = tls.gateway.connect();
    stream.write_all(&post("/a", "x")).unwrap();
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", answer.escape_ascii());
    for bytes in [&b""[..], b"\x16\x03\x01\x02\x00"] {
        let mut stream = tls.gateway.connect();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _closed = stream.read_to_end(&mut answer);
        assert_eq!(answer, b"");
    }
    eventually(|| tls.gateway.counters.handshakes_failed() == 3 && tls.gateway.counters.open_connections() == 0);
    assert!(tls.gateway.seen().is_empty());
}

#[test]
fn a_body_cut_off_without_a_farewell_fails() {
    let tls = start(&["one.example"], TlsVersion::V12);
    let mut client = tls.client("one.example", &[&TLS13], &[]);
    client.write_all(b"POST /cut HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nshort").unwrap();
    drop(client);
    eventually(|| tls.gateway.counters.handshakes_ok() == 1 && tls.gateway.counters.open_connections() == 0);
    assert!(tls.gateway.seen().iter().all(|seen| seen.body.is_none()));
}
