//! TLS in front: which versions, which certificate for which name, and that a failed handshake costs nobody else anything.

use std::net::Ipv4Addr;
use std::time::Duration;

use rustls::version::{TLS12, TLS13};

use crate::support::certificate::Certificate;
use crate::support::client::{Connection, request};
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

const PROVIDER: Provider = Provider::Stripe;

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
}

#[test]
fn both_versions_are_spoken_and_recorded() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    for version in [&TLS12, &TLS13] {
        let client = Certificate::shared().client_of_version(version);
        let mut connection = Connection::tls_as(gateway.ports().public, Ipv4Addr::LOCALHOST, "localhost", client).unwrap();
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        assert_eq!(connection.answer().status, 200);
    }
    let ledger = gateway.finish();
    let versions = ledger.requests().iter().map(|record| record.text("tls").to_owned()).collect::<Vec<_>>();
    assert!(versions[0].contains("1.2") && versions[1].contains("1.3"), "{versions:?}");
}

#[test]
fn the_older_one_can_be_refused() {
    let upstream = Upstream::start();
    let tls = "cert = \"tls.crt\", key = \"tls.key\", min_version = \"1.3\"";
    let gateway = Gateway::start(config(&upstream).tls(tls));
    let old = Certificate::shared().client_of_version(&TLS12);
    assert!(Connection::tls_as(gateway.ports().public, Ipv4Addr::LOCALHOST, "localhost", old).is_err());
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    let failed = || {
        let metrics = gateway.metrics();
        let all = metrics.sum("hookward_tls_handshakes_total", &[]);
        let ok = metrics.sum("hookward_tls_handshakes_total", &[("result", "ok")]);
        (all - ok > 0.5 && ok > 0.5).then_some(())
    };
    assert!(crate::support::poll(Duration::from_secs(5), failed).is_some(), "{}", gateway.metrics().text);
    gateway.finish();
}

#[test]
fn tls_07_the_name_chooses_the_certificate() {
    let upstream = Upstream::start();
    let (one, two) = (Certificate::of(&["one.example"]), Certificate::of(&["two.example"]));
    let tls = "certificates = [ { cert = \"one.crt\", key = \"one.key\" }, { cert = \"two.crt\", key = \"two.key\" } ]";
    let config = config(&upstream)
        .tls(tls)
        .file("one.crt", &one.cert_pem)
        .file("one.key", &one.key_pem)
        .file("two.crt", &two.cert_pem)
        .file("two.key", &two.key_pem);
    let gateway = Gateway::start(config);
    let connect = |name: &str, trusted: &Certificate| {
        Connection::tls_as(gateway.ports().public, Ipv4Addr::LOCALHOST, name, trusted.client())
    };
    for (name, certificate, other) in [("one.example", &one, &two), ("two.example", &two, &one), ("TWO.example", &two, &one)] {
        let mut connection = connect(name, certificate).expect(name);
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        assert_eq!(connection.answer().status, 200, "{name}");
        assert!(connect(name, other).is_err(), "{name} under the other certificate");
    }
    gateway.finish();
}

#[test]
fn tls_17_a_delivery_over_a_cut_connection_is_none() {
    // TLS-17: an end without a farewell, in the middle of a body in chunks, is no end of the body.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let delivery = PROVIDER.delivery();
    let whole = crate::support::client::chunked_request(&PROVIDER.path(), &delivery.headers, &delivery.body, 16);
    let mut connection = gateway.connect();
    connection.send(&whole[..whole.len() - 5]);
    connection.reset();
    std::thread::sleep(Duration::from_millis(300));
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn silent_strangers_hold_up_nobody() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let strangers = (0..200).map(|_| gateway.connect_raw()).collect::<Vec<_>>();
    let begun = std::time::Instant::now();
    let delivery = PROVIDER.delivery();
    assert_eq!(gateway.post(&PROVIDER.path(), &delivery.headers, &delivery.body).status, 200);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(strangers);
    let mut connection = gateway.connect();
    let another = PROVIDER.delivery();
    connection.send(&request(&PROVIDER.path(), &another.headers, &another.body));
    assert_eq!(connection.answer().status, 200);
    gateway.finish();
}
