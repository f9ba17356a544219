//! The client against a stand-in with a root of its own.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::client::{ANSWER_BYTES_MAX, Detour, Fetcher, PER_MINUTE, PLACES};
use super::error::FetchError;
use crate::domain::https_url::HttpsUrl;
use crate::domain::time::Monotonic;

/// What the stand-in answers each connection with; `None` for nothing, ever.
async fn stand_in(names: &[&str], answer: Option<Vec<u8>>) -> Detour {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::new(Vec::<String>::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_certificate = root.self_signed(&root_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(root_certificate.der().clone()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                match answer {
                    Some(answer) => drop(stream.write_all(&answer).await),
                    None => tokio::time::sleep(Duration::from_secs(60)).await,
                }
                let _ = stream.shutdown().await;
            });
        }
    });
    Detour { address, roots }
}

fn url() -> HttpsUrl {
    "https://keys.example.com/set".parse().unwrap()
}

fn at(seconds: u64) -> Monotonic {
    Monotonic::from_duration(Duration::from_secs(seconds))
}

fn answer(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_whole_answer_of_200_and_nothing_else() {
    let full = vec![b'a'; ANSWER_BYTES_MAX];
    let fetcher = Fetcher::new(Some(stand_in(&["keys.example.com"], Some(answer("200 OK", "", &full))).await));
    assert_eq!(fetcher.get(&url(), at(0)).await.unwrap().len(), ANSWER_BYTES_MAX);
    let over = vec![b'a'; ANSWER_BYTES_MAX + 1];
    let fetcher = Fetcher::new(Some(stand_in(&["keys.example.com"], Some(answer("200 OK", "", &over))).await));
    assert!(matches!(fetcher.get(&url(), at(0)).await, Err(FetchError::Body { .. })));
    for status in ["301 Moved", "302 Found", "307 Again", "404 None", "500 Broken", "204 Nothing"] {
        let elsewhere = "Location: https://keys.example.com/other\r\n";
        let fetcher = Fetcher::new(Some(stand_in(&["keys.example.com"], Some(answer(status, elsewhere, b""))).await));
        assert!(matches!(fetcher.get(&url(), at(0)).await, Err(FetchError::Status { .. })), "{status}");
    }
    let cut = Some(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec());
    let fetcher = Fetcher::new(Some(stand_in(&["keys.example.com"], cut).await));
    assert!(matches!(fetcher.get(&url(), at(0)).await, Err(FetchError::Body { .. })));
    let fetcher = Fetcher::new(Some(stand_in(&["keys.example.com"], Some(b"SSH-2.0\r\n\r\n".to_vec())).await));
    assert!(matches!(fetcher.get(&url(), at(0)).await, Err(FetchError::Http { .. })));
}

#[tokio::test]
async fn whoever_has_no_certificate_for_the_name_is_not_asked() {
    let other = stand_in(&["other.example.com"], Some(answer("200 OK", "", b"{}"))).await;
    assert!(matches!(Fetcher::new(Some(other.clone())).get(&url(), at(0)).await, Err(FetchError::Unreachable { .. })));
    let stranger = stand_in(&["keys.example.com"], Some(answer("200 OK", "", b"{}"))).await;
    let detour = Detour { address: stranger.address, roots: other.roots };
    assert!(matches!(Fetcher::new(Some(detour)).get(&url(), at(0)).await, Err(FetchError::Unreachable { .. })));
    let rootless = Detour { address: stranger.address, roots: RootCertStore::empty() };
    assert!(matches!(Fetcher::new(Some(rootless)).get(&url(), at(0)).await, Err(FetchError::Roots)));
    let closed = Detour { address: "127.0.0.1:1".parse().unwrap(), roots: stranger.roots };
    assert!(matches!(Fetcher::new(Some(closed)).get(&url(), at(0)).await, Err(FetchError::Unreachable { .. })));
}

#[tokio::test]
async fn time_places_and_rate_are_bounded() {
    let silent = stand_in(&["keys.example.com"], None).await;
    let fetcher = Arc::new(Fetcher::new(Some(silent)));
    let asking: Vec<_> = (0..PLACES)
        .map(|_| {
            let fetcher = Arc::clone(&fetcher);
            tokio::spawn(async move { fetcher.get(&url(), at(0)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(matches!(fetcher.get(&url(), at(0)).await, Err(FetchError::Busy)), "every place is taken");
    for asking in asking {
        assert!(matches!(asking.await.unwrap(), Err(FetchError::TimedOut { .. })));
    }
    let fetcher = Fetcher::new(Some(stand_in(&["keys.example.com"], Some(answer("200 OK", "", b"{}"))).await));
    for _ in 0..PER_MINUTE {
        fetcher.get(&url(), at(1)).await.unwrap();
    }
    assert!(matches!(fetcher.get(&url(), at(60)).await, Err(FetchError::Busy)), "the minute is spent");
    fetcher.get(&url(), at(61)).await.unwrap();
}
