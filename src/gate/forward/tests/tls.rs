//! TLS towards upstreams: the right certificate or nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::scripted::{Conversation, Log, OK, upstream};
use super::{delivery, pool, send, target};
use crate::domain::reason::Reason;
use crate::gate::forward::error::{ConnectError, Exposure, ForwardError};
use crate::gate::forward::pool::UpstreamPool;
use crate::gate::forward::spec::{UpstreamAddress, UpstreamTlsSpec};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue(authority: &Authority, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    (certificate, key)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// An upstream with a certificate for a name; with `clients`, only for holders of its certificates.
async fn tls_upstream(authority: &Authority, name: &str, clients: Option<&Authority>) -> (u16, Log) {
    let (certificate, key) = issue(authority, name);
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Log::default();
    let seen = log.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let mut conversation = Conversation::new(stream, &seen);
            tokio::spawn(async move {
                while conversation.receive().await.is_some() {
                    drop(conversation.say(OK).await);
                }
            });
        }
    });
    (port, log)
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn tls_pool(port: u16, tls: UpstreamTlsSpec) -> UpstreamPool {
    pool(&target(UpstreamAddress::Https { host: "localhost".into(), port, tls }))
}

#[tokio::test]
async fn only_the_right_name_under_the_right_root_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (authority(), authority());
    let trusting = || UpstreamTlsSpec { ca: Some(write(directory.path(), "ca.pem", &ours.pem())), client: None };

    let (port, log) = tls_upstream(&ours, "localhost", None).await;
    let pool = tls_pool(port, trusting());
    for _ in 0..3 {
        send(&pool, delivery(&pool, "x")).await.unwrap();
    }
    assert_eq!((log.requests().len(), log.connections()), (3, 1));

    for (issuer, name) in [(&other, "localhost"), (&ours, "elsewhere.example")] {
        let (port, log) = tls_upstream(issuer, name, None).await;
        let pool = tls_pool(port, trusting());
        let error = send(&pool, delivery(&pool, "x")).await.unwrap_err();
        assert!(matches!(error, ForwardError::Unreachable(ConnectError::Tls(_))), "{name} {error:?}");
        assert_eq!((error.reason(), error.exposure()), (Reason::UpstreamUnreachable, Exposure::NeverSent));
        assert!(log.requests().is_empty());
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, clients) = (authority(), authority());
    let (certificate, key) = issue(&clients, "hookward");
    let chain = write(directory.path(), "client.pem", &certificate.pem());
    let key = write(directory.path(), "client.key", &key.serialize_pem());
    let spec = UpstreamTlsSpec { ca: Some(write(directory.path(), "ca.pem", &ours.pem())), client: Some((chain, key)) };

    let (port, log) = tls_upstream(&ours, "localhost", Some(&clients)).await;
    let pool = tls_pool(port, spec.clone());
    send(&pool, delivery(&pool, "x")).await.unwrap();
    let without = tls_pool(port, UpstreamTlsSpec { client: None, ..spec });
    assert!(send(&without, delivery(&without, "y")).await.is_err());
    assert_eq!(log.requests().len(), 1);
}

#[tokio::test]
async fn an_upstream_that_never_shakes_hands_got_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let ca = write(directory.path(), "ca.pem", &authority().pem());
    let (port, _) = upstream(|mut conversation| async move { conversation.until_closed().await }).await;
    let pool = tls_pool(port, UpstreamTlsSpec { ca: Some(ca), client: None });
    let error = send(&pool, delivery(&pool, "x")).await.unwrap_err();
    assert!(matches!(error, ForwardError::TimedOut { exposure: Exposure::NeverSent }), "{error:?}");
}
