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

/// A listener with two certificates to choose from.
fn with_two(upstream: &Upstream, one: &Certificate, two: &Certificate) -> Config {
    config(upstream)
        .tls("certificates = [ { cert = \"one.crt\", key = \"one.key\" }, { cert = \"two.crt\", key = \"two.key\" } ]")
        .file("one.crt", &one.cert_pem)
        .file("one.key", &one.key_pem)
        .file("two.crt", &two.cert_pem)
        .file("two.key", &two.key_pem)
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
    let gateway = Gateway::start(with_two(&upstream, &one, &two));
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

#[test]
fn tls_04_tls_where_none_is_spoken() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).plain().probe());
    let hello = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03".to_vec();
    let ports = gateway.ports();
    for port in [ports.plain, ports.admin, ports.probe] {
        let mut connection = Connection::plain(port, Ipv4Addr::LOCALHOST).unwrap();
        connection.send(&[hello.as_slice(), &[7; 190]].concat());
        let said = connection.drain(Duration::from_secs(8));
        let fits = said.is_empty() || said.starts_with(b"HTTP/1.1 400") || said.starts_with(b"HTTP/1.1 403");
        assert!(fits, "{port}: {said:?}");
    }
    upstream.saw_nothing();
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.finish();
}

#[test]
fn tls_08_a_host_behind_another_certificate_than_the_connection_s() {
    let upstream = Upstream::start();
    let (one, two) = (Certificate::of(&["one.example"]), Certificate::of(&["two.example"]));
    let gateway = Gateway::start(with_two(&upstream, &one, &two));
    // A host that none of them bears is nobody else's.
    let cases = [
        ("one.example", 200),
        ("ONE.example:8443", 200),
        ("two.example", 400),
        ("Two.Example.:443", 400),
        ("three.example", 200),
    ];
    for (host, expected) in cases {
        let delivery = PROVIDER.delivery();
        let bytes = String::from_utf8(request(&PROVIDER.path(), &delivery.headers, &delivery.body)).unwrap();
        let bytes = bytes.replacen("Host: localhost", &format!("Host: {host}"), 1);
        let connect = || Connection::tls_as(gateway.ports().public, Ipv4Addr::LOCALHOST, "one.example", one.client());
        let mut connection = connect().unwrap();
        connection.send(bytes.as_bytes());
        let answer = connection.answer();
        assert_eq!(answer.status, expected, "{host}: {}", answer.text());
        if expected == 400 {
            answer.refused(400, "bad_request");
        }
    }
    assert_eq!(upstream.received().len(), 3);
    let ledger = gateway.finish();
    let taken = [("delivered", 200); 3];
    ledger.holds_exactly(&[taken.as_slice(), &[("malformed_request", 400); 2]].concat());
}

#[test]
fn tls_14_a_certificate_that_ends_while_it_serves() {
    // The senders that check it are lost anyhow; the others are served, and the operator is told twice.
    let upstream = Upstream::start();
    let ending = Certificate::ending_in(8);
    let gateway = Gateway::start(
        config(&upstream)
            .file("ending.crt", &ending.cert_pem)
            .file("ending.key", &ending.key_pem)
            .tls("cert = \"ending.crt\", key = \"ending.key\""),
    );
    let connect = |client| Connection::tls_as(gateway.ports().public, Ipv4Addr::LOCALHOST, "localhost", client);
    let end = gateway.metrics().sum("hookward_certificate_expiry_timestamp_seconds", &[("listener", "public")]);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let left = end - crate::support::unix_now() as f64;
    assert!(left < 9.0, "{left} seconds are left, says the metric");
    let degraded = crate::support::poll(Duration::from_secs(20), || {
        (gateway.admin("/readyz").text().contains("certificate_expired")).then(|| gateway.admin("/readyz"))
    });
    let degraded = degraded.expect("readiness says so");
    assert_eq!((degraded.status, degraded.json()["status"].as_str()), (200, Some("degraded")));
    let refused = crate::support::poll(Duration::from_secs(10), || connect(ending.client()).is_err().then_some(()));
    assert!(refused.is_some(), "whoever checks it does not come");
    let mut careless = connect(Certificate::careless_client()).unwrap();
    careless.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    assert_eq!(careless.answer().status, 200, "whoever does not is served");
    gateway.finish().holds_exactly(&[("delivered", 200)]);
}

#[test]
fn tls_16_hellos_in_pieces_and_of_all_sizes() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    // Records that announce more than any hello has, that lie about their length, and one hello in records of a byte.
    let record = |payload: &[u8]| {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [&[0x16, 3, 1][..], &length, payload].concat()
    };
    let huge = [&[1, 0, 0xff, 0xff, 3, 3][..], &[7; 16_000]].concat();
    let cases = [
        record(&huge).repeat(5),
        record(&[1, 0, 0, 4, 3, 3]),
        record(&[1, 0xff, 0xff, 0xff]),
        vec![0x16, 3, 1, 0xff, 0xff],
        (0..300_u16).flat_map(|byte| record(&[u8::try_from(byte % 256).unwrap()])).collect(),
        record(b""),
    ];
    for case in cases {
        let mut connection = gateway.connect_raw();
        let _refused = connection.try_send(&case);
        let said = connection.drain(Duration::from_secs(8));
        assert!(said.is_empty() || said[0] == 0x15, "an alert or nothing: {said:?}");
    }
    upstream.saw_nothing();
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.finish().holds_exactly(&[("delivered", 200)]);
}
