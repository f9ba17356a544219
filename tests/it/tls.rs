//! TLS in front: which versions, which certificate for which name, and that a failed handshake costs nobody else anything.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};

use crate::support::certificate::Certificate;
use crate::support::client::{Connection, Silence, request};
use crate::support::config::{Config, Integration};
use crate::support::frames::{ACK, Http2, NO_TABLE, PREFACE, SETTINGS, as_pairs, head_of};
use crate::support::gateway::Gateway;
use crate::support::provider::Provider;
use crate::support::siege::Siege;
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
    let begun = Instant::now();
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

/// A delivery that names a host, over a connection that asked for a certificate by another name, or by none.
fn delivery_to(host: &str) -> Vec<u8> {
    let delivery = PROVIDER.delivery();
    let bytes = String::from_utf8(request(&PROVIDER.path(), &delivery.headers, &delivery.body)).unwrap();
    bytes.replacen("Host: localhost", &format!("Host: {host}"), 1).into_bytes()
}

#[test]
fn tls_08_a_host_behind_another_certificate_than_the_connection_s() {
    let (one, two) = (Certificate::of(&["one.example", "also-one.example"]), Certificate::of(&["two.example"]));
    let mut siege = Siege::begin(PROVIDER, |upstream| with_two(upstream, &one, &two).plain());
    let port = siege.gateway.ports().public;
    // Asked for, named in the request, and whether it passes. A host that no certificate bears is nobody else's.
    let cases = [
        ("one.example", "one.example", true),
        ("one.example", "ONE.example:8443", true),
        ("one.example", "also-one.example", true),
        ("one.example", "two.example", false),
        ("one.example", "Two.Example.:443", false),
        ("one.example", "three.example", true),
        ("two.example", "two.example", true),
        ("two.example", "one.example", false),
        ("two.example", "also-one.example", false),
        // An address asks for no name, and gets the first certificate.
        ("127.0.0.1", "one.example", true),
    ];
    for (asked, host, passes) in cases {
        let name = format!("{host} over {asked}");
        let mut connection =
            Connection::tls_as(port, Ipv4Addr::LOCALHOST, asked, Certificate::careless_client()).expect("a connection");
        connection.send(&delivery_to(host));
        let answer = connection.answer();
        if passes {
            siege.passes(&name, &answer, 200);
        } else {
            assert!(siege.saw(&name, Ok(answer)).expecting(400, "malformed_request").closed, "{name}");
        }
    }
    // The same by HTTP/2, where one connection may be used for several hosts by whoever believes that they are one server.
    for (host, passes) in [("one.example", true), ("two.example", false), ("also-one.example", true)] {
        let mut client = (*one.client()).clone();
        client.alpn_protocols = vec![b"h2".to_vec()];
        let connection = Connection::tls_as(port, Ipv4Addr::LOCALHOST, "one.example", client.into()).expect("a connection");
        let mut http2 = Http2 { connection };
        http2.send(PREFACE);
        http2.frame(SETTINGS, 0, 0, NO_TABLE);
        http2.frame(SETTINGS, ACK, 0, b"");
        let delivery = PROVIDER.delivery();
        let mut head = head_of(&delivery, &PROVIDER.path());
        head.iter_mut().filter(|(name, _)| name == ":authority").for_each(|(_, value)| host.clone_into(value));
        http2.request(1, &as_pairs(&head), Some(&delivery.body));
        let end = http2.end_of(1);
        if passes {
            siege.passes(host, &end.answer(), 200);
        } else {
            siege.saw_stream(host, end).expecting(400, "malformed_request");
        }
    }
    let mut connection =
        Connection::tls_as(port, Ipv4Addr::LOCALHOST, "two.example", Certificate::careless_client()).expect("a connection");
    connection.send(&delivery_to("two.example"));
    siege.passes("an honest one", &connection.answer(), 200);
    siege.end();
}

#[test]
fn tls_08_one_certificate_serves_whatever_was_asked_for() {
    // A load balancer that ends TLS and begins it anew asks for its own name and passes the sender's host.
    let mut siege = Siege::begin(PROVIDER, config);
    for host in ["hooks.example.com", "other.example"] {
        let answer = siege.send(host, &delivery_to(host)).answered();
        siege.passes(host, &answer, 200);
    }
    siege.lift();
}

#[test]
fn tls_06_a_flood_of_handshakes() {
    // Places for 16 handshakes at once: what is over them waits, and whoever has made his own does not notice.
    let limits = |upstream: &Upstream| {
        config(upstream).set("limits", "max_connections", "32").set("limits", "max_connections_per_source", "32").set(
            "limits",
            "header_timeout",
            "\"2s\"",
        )
    };
    let mut siege = Siege::begin(PROVIDER, limits);
    let gateway = &siege.gateway;
    let mut established = gateway.connect();
    let halves = (0..24)
        .map(|_| {
            let mut half = gateway.connect_raw();
            half.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
            half
        })
        .collect::<Vec<_>>();
    let waiting = || gateway.metrics().sum("hookward_limit_reached_total", &[("limit", "handshake_places")]) > 0.5;
    assert!(crate::support::poll(Duration::from_secs(5), || waiting().then_some(())).is_some(), "{}", gateway.metrics().text);
    for _ in 0..5 {
        established.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        assert_eq!(established.answer().status, 200, "beside handshakes that are not made");
    }
    drop(halves);
    // Full handshakes without a session to resume, one after the other, from two sides.
    let over = AtomicBool::new(false);
    let (worst, made) = std::thread::scope(|scope| {
        let flood = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut made = 0;
                while !over.load(Ordering::SeqCst) {
                    made += u64::from(gateway.try_connect(Ipv4Addr::new(127, 0, 6, 1)).is_ok());
                }
                made
            })
        });
        let mut worst = Duration::ZERO;
        for _ in 0..50 {
            let begun = Instant::now();
            established.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
            assert_eq!(established.answer().status, 200);
            worst = worst.max(begun.elapsed());
            std::thread::sleep(Duration::from_millis(20));
        }
        over.store(true, Ordering::SeqCst);
        (worst, flood.map(|flood| flood.join().unwrap()).iter().sum::<u64>())
    });
    eprintln!("{made} handshakes beside 50 deliveries, of which the slowest took {worst:?}");
    assert!(made > 0 && worst < Duration::from_secs(2), "{worst:?}");
    drop(established);
    siege.served(55);
    siege.saw("handshakes", Err(Silence::Closed(0))).expecting_no_answer();
    siege.lift();
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
