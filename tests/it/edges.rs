//! What stands in front: trusted proxies, the PROXY protocol, unix sockets, client certificates.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::support::certificate::Certificate;
use crate::support::client::{Answer, Connection, HOST, request};
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, hookward, hookward_output};
use crate::support::poll;
use crate::support::provider::{Delivery, Provider};
use crate::support::siege::Siege;
use crate::support::upstream::Upstream;

const PROVIDER: Provider = Provider::Stripe;
/// A proxy on loopback that is trusted, and a stranger that is not.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 99);
const TRUSTED: &str = "trusted_proxies = [\"127.0.0.10/32\", \"10.0.0.0/8\"]\n";

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
}

fn behind_proxy(upstream: &Upstream) -> Config {
    config(upstream).plain_with(&format!("plaintext = \"trusted-proxy\"\n{TRUSTED}"))
}

fn plain_from(gateway: &Gateway, from: Ipv4Addr, delivery: &Delivery) -> Answer {
    let mut connection = Connection::plain(gateway.ports().plain, from).expect("a connection");
    connection.send_delivery(&PROVIDER.path(), delivery);
    connection.answer()
}

fn with(headers: &[(&str, &str)]) -> Delivery {
    headers.iter().fold(PROVIDER.delivery(), |delivery, (name, value)| delivery.and(name, value))
}

#[test]
fn a_trusted_proxy_speaks_for_its_clients() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(behind_proxy(&upstream));
    let said = [("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "198.51.100.9, 203.0.113.7, 10.0.0.2")];
    assert_eq!(plain_from(&gateway, PROXY, &with(&said)).status, 200);
    let request = upstream.received().pop().unwrap();
    assert_eq!(request.all("x-forwarded-for"), ["203.0.113.7"]);
    assert_eq!(request.all("x-forwarded-proto"), ["https"]);
    assert_eq!(request.all("x-forwarded-host"), [HOST]);
    let ledger = gateway.finish();
    let record = ledger.only("delivered");
    assert_eq!((record.text("source"), record.text("listener")), ("203.0.113.7", "plain"));
    assert!(record.text("peer").starts_with("127.0.0.10:"), "{record:?}");
    assert!(record.is_null("tls"));
}

#[test]
fn whoever_does_not_say_https_is_in_the_clear() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(behind_proxy(&upstream));
    let cases: [&[(&str, &str)]; 8] = [
        &[],
        &[("X-Forwarded-Proto", "http")],
        &[("X-Forwarded-Proto", "")],
        &[("X-Forwarded-Proto", "https, http")],
        &[("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")],
        &[("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "https")],
        &[("X-Forwarded-Proto", "https,")],
        &[("Forwarded", "for=203.0.113.7;proto=https"), ("X-Forwarded-Ssl", "on"), ("X-Url-Scheme", "https")],
    ];
    for case in cases {
        let answer = plain_from(&gateway, PROXY, &with(case));
        answer.refused(403, "forbidden");
        assert!(answer.closed, "{case:?}");
    }
    upstream.saw_nothing();
    gateway.finish().holds_exactly(&[("plaintext", 403); 8]);
}

#[test]
fn rl_01_a_stranger_speaks_for_nobody() {
    let mut siege = Siege::begin(PROVIDER, |upstream| behind_proxy(upstream).public_with(TRUSTED));
    let forged = [("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "203.0.113.7"), ("X-Real-IP", "203.0.113.8")];
    let answer = plain_from(&siege.gateway, STRANGER, &with(&forged));
    siege.saw("a stranger in the clear", Ok(answer)).expecting(403, "plaintext");
    // Over TLS a stranger is welcome, and what it says is dropped: even that it came in the clear.
    let forged = [
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-For", "3.18.12.63"),
        ("X-Forwarded-Proto", "http"),
        ("Forwarded", "for=203.0.113.7"),
        ("X-Real-IP", "203.0.113.8"),
    ];
    let answer = siege.gateway.deliver_from(STRANGER, &with(&forged));
    siege.passes("a stranger over TLS", &answer, 200);
    let request = siege.upstream.received().pop().unwrap();
    assert_eq!((request.all("x-forwarded-for"), request.all("x-forwarded-proto")), (vec!["127.0.0.99"], vec!["https"]));
    assert_eq!((request.header("forwarded"), request.header("x-real-ip")), (None, None));
    // More of it than a head may have is a head that is too large, whoever says it.
    let many = "203.0.113.7,".repeat(10_000);
    let answer = siege.gateway.deliver_from(STRANGER, &with(&[("X-Forwarded-For", &many)]));
    siege.saw("10 000 entries", Ok(answer)).expecting(431, "headers_too_large");
    let ledger = siege.end();
    assert!(ledger.requests().iter().all(|record| record.text("source") == "127.0.0.99"));
}

#[test]
fn rl_01_beside_tls_a_trusted_proxy_names_the_source() {
    let mut siege = Siege::begin(PROVIDER, |upstream| config(upstream).public_with(TRUSTED));
    let chains: [(&[(&str, &str)], &str); 6] = [
        (&[], "127.0.0.10"),
        (&[("X-Forwarded-For", "203.0.113.7")], "203.0.113.7"),
        (&[("X-Forwarded-For", "::ffff:203.0.113.7"), ("X-Forwarded-Proto", "https")], "203.0.113.7"),
        (&[("X-Forwarded-For", "203.0.113.1"), ("X-Forwarded-For", "203.0.113.7, 10.1.1.1")], "203.0.113.7"),
        (&[("X-Forwarded-For", "unknown, [2001:db8::7]:443")], "2001:db8::7"),
        (&[("X-Forwarded-For", "10.0.0.7, 10.0.0.8")], "10.0.0.7"),
    ];
    for (chain, source) in chains {
        let answer = siege.gateway.deliver_from(PROXY, &with(chain));
        siege.passes(source, &answer, 200);
        assert_eq!(siege.upstream.received().pop().unwrap().all("x-forwarded-for"), [source]);
    }
    let answer = siege.gateway.deliver_from(PROXY, &with(&[("X-Forwarded-Proto", "http")]));
    siege.saw("said to be in the clear", Ok(answer)).expecting(403, "plaintext");
    let many = "10.0.0.1,".repeat(1000) + "10.0.0.1";
    for junk in ["unknown", "203.0.113.7,", "", "203.0.113.7, evil", "\u{e9}", &many] {
        let answer = siege.gateway.deliver_from(PROXY, &with(&[("X-Forwarded-For", junk)]));
        siege.saw(junk, Ok(answer)).expecting(400, "malformed_request");
    }
    let ledger = siege.lift();
    let malformed = ledger.requests().into_iter().filter(|record| record.reason() == "malformed_request").collect::<Vec<_>>();
    assert_eq!(malformed.len(), 6);
    assert!(malformed.iter().all(|record| record.text("source") == "127.0.0.10"), "nobody else is known");
}

#[test]
fn limits_count_whom_a_proxy_names_and_lists_judge_them() {
    let upstream = Upstream::start();
    let integration = Integration::new(PROVIDER, &upstream.url()).line("sources.allow = [\"203.0.113.0/24\"]");
    let config = Config::of(integration)
        .public_with(TRUSTED)
        .set("rate_limit", "per_source", "{ rate = \"1/m\", burst = 1 }")
        .set("limits", "max_connections_per_source", "2");
    let gateway = Gateway::start(config);
    let from = |source: &str| gateway.deliver_from(PROXY, &with(&[("X-Forwarded-For", source)]));
    assert_eq!(from("203.0.113.7").status, 200);
    from("203.0.113.7").refused(429, "rate_limited");
    assert_eq!(from("203.0.113.8").status, 200, "another source has its own budget");
    from("192.0.2.1").refused(403, "forbidden");
    // The proxy's own connections are as many as it needs; a stranger's are not.
    let _held = (0..10).map(|_| gateway.connect_from(PROXY)).collect::<Vec<_>>();
    let strangers = (0..2).map(|_| gateway.connect_from(STRANGER)).collect::<Vec<_>>();
    assert!(gateway.try_connect(STRANGER).is_err());
    drop(strangers);
    assert_eq!(upstream.received().len(), 2);
    gateway.finish().holds_exactly(&[
        ("delivered", 200),
        ("delivered", 200),
        ("rate_limited_source", 429),
        ("source_not_allowed", 403),
    ]);
}

#[test]
fn rl_02_one_network_of_ipv6_is_one_source() {
    // RL-03: the mapped address is the IPv4 one.
    let strict = "{ rate = \"1/m\", burst = 2 }";
    let mut siege =
        Siege::begin(PROVIDER, |upstream| config(upstream).public_with(TRUSTED).set("rate_limit", "per_source", strict));
    let cases = [
        ("2001:db8:1:2::1", true),
        ("2001:db8:1:2:ffff::9", true),
        ("2001:db8:1:2:3:4:5:6", false),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", false),
        // Others, though of the same /56 and /48.
        ("2001:db8:1:3::1", true),
        ("2001:db8:1:ff02::1", true),
        ("203.0.113.7", true),
        ("::ffff:203.0.113.7", true),
        ("::ffff:203.0.113.7", false),
        ("203.0.113.7", false),
        ("203.0.113.8", true),
    ];
    for (source, passes) in cases {
        let answer = siege.gateway.deliver_from(PROXY, &with(&[("X-Forwarded-For", source)]));
        if passes {
            siege.passes(source, &answer, 200);
        } else {
            siege.saw(source, Ok(answer)).expecting(429, "rate_limited_source");
        }
    }
    siege.lift();
}

/// A PROXY header of version 1.
fn v1(source: &str) -> Vec<u8> {
    format!("PROXY TCP4 {source} 192.0.2.1 4711 443\r\n").into_bytes()
}

/// A PROXY header of version 2 for an IPv4 source.
fn v2(command: u8, source: [u8; 4]) -> Vec<u8> {
    let start = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, 0x11, 0, 12]].concat();
    [start.as_slice(), &source, &[192, 0, 2, 1, 0x12, 0x67, 1, 187]].concat()
}

fn proxied(upstream: &Upstream) -> Gateway {
    let config = config(upstream).public_with(&format!("proxy_protocol = true\n{TRUSTED}"));
    Gateway::start(config.set("limits", "header_timeout", "\"1s\""))
}

fn tls_behind(gateway: &Gateway, from: Ipv4Addr, prologue: &[u8]) -> std::io::Result<Connection> {
    Connection::tls_behind(gateway.ports().public, from, prologue, HOST, Certificate::shared().client())
}

#[test]
fn a_proxy_header_names_the_peer_before_tls() {
    let upstream = Upstream::start();
    let gateway = proxied(&upstream);
    let cases = [
        (v1("203.0.113.7"), "203.0.113.7:4711", "203.0.113.7"),
        (v2(0x21, [203, 0, 113, 8]), "203.0.113.8:4711", "203.0.113.8"),
        (v2(0x20, [203, 0, 113, 8]), "127.0.0.10:", "127.0.0.10"),
    ];
    for (header, peer, source) in &cases {
        let mut connection = tls_behind(&gateway, PROXY, header).expect("a connection");
        for _ in 0..2 {
            connection.send_delivery(&PROVIDER.path(), &with(&[]));
            assert_eq!(connection.answer().status, 200);
        }
        let record = gateway.await_record(|record| record.text("source") == *source);
        assert!(record.text("peer").starts_with(peer), "{record:?}");
    }
    // A client behind a proxy of connections says what it likes; one that is a trusted proxy itself is believed.
    let mut forged = tls_behind(&gateway, PROXY, &v1("203.0.113.9")).expect("a connection");
    forged.send_delivery(&PROVIDER.path(), &with(&[("X-Forwarded-For", "198.51.100.1")]));
    assert_eq!(forged.answer().status, 200);
    let mut nested = tls_behind(&gateway, PROXY, &v1("10.0.0.9")).expect("a connection");
    nested.send_delivery(&PROVIDER.path(), &with(&[("X-Forwarded-For", "198.51.100.2")]));
    assert_eq!(nested.answer().status, 200);
    let sources = upstream.received().iter().map(|request| request.all("x-forwarded-for").concat()).collect::<Vec<_>>();
    assert_eq!(sources[6..], ["203.0.113.9", "198.51.100.2"]);
    gateway.finish();
}

#[test]
fn lst_08_a_proxy_header_is_required_bounded_and_believed_of_the_trusted_only() {
    let upstream = Upstream::start();
    let gateway = proxied(&upstream);
    let long = format!("PROXY UNKNOWN {}\r\n", "a".repeat(200));
    let mut huge = v2(0x21, [203, 0, 113, 7])[..14].to_vec();
    huge.extend_from_slice(&[0xff, 0xff]);
    huge.extend_from_slice(&[0; 600]);
    // Less than the addresses of its family take, and a version that is none.
    let mut short = v2(0x21, [203, 0, 113, 7]);
    short[15] = 4;
    let mut third = v2(0x21, [203, 0, 113, 7]);
    third[12] = 0x31;
    let bad: [(&str, Ipv4Addr, &[u8]); 9] = [
        ("a length too small", PROXY, &short),
        ("version 3", PROXY, &third),
        ("from a stranger", STRANGER, &v1("203.0.113.7")),
        ("missing", PROXY, b""),
        ("garbage", PROXY, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("overlong", PROXY, long.as_bytes()),
        ("a length beyond all bounds", PROXY, &huge),
        ("no address", PROXY, b"PROXY TCP4 203.0.113.777 192.0.2.1 1 2\r\n"),
        ("twice", PROXY, &[v1("203.0.113.7"), v1("203.0.113.7")].concat()),
    ];
    for (name, from, header) in bad {
        assert!(tls_behind(&gateway, from, header).is_err(), "{name}");
    }
    // Slowly, and not to its end.
    for start in [&b"PROXY TCP4 203"[..], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb"] {
        let mut slow = Connection::plain(gateway.ports().public, PROXY).expect("a connection");
        slow.send(start);
        assert!(slow.closes_within(Duration::from_secs(4)), "{}", start.escape_ascii());
    }
    let mut honest = tls_behind(&gateway, PROXY, &v1("203.0.113.7")).expect("still served");
    honest.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    assert_eq!(honest.answer().status, 200);
    gateway.finish().holds_exactly(&[("delivered", 200)]);
}

#[test]
fn lst_08_where_it_is_off_a_proxy_header_is_no_http() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(behind_proxy(&upstream));
    let mut connection = Connection::plain(gateway.ports().plain, PROXY).expect("a connection");
    let delivery = with(&[("X-Forwarded-Proto", "https")]);
    connection.send(&[v1("203.0.113.7"), request(&PROVIDER.path(), &delivery.headers, &delivery.body)].concat());
    connection.answer().refused(400, "bad_request");
    assert!(tls_behind(&gateway, PROXY, &v1("203.0.113.7")).is_err());
    upstream.saw_nothing();
    gateway.finish().holds_exactly(&[("malformed_request", 400)]);
}

#[test]
fn connections_are_counted_under_whom_the_header_names() {
    let upstream = Upstream::start();
    let config = config(&upstream).public_with(&format!("proxy_protocol = true\n{TRUSTED}"));
    let gateway = Gateway::start(config.set("limits", "max_connections_per_source", "3"));
    let held = (0..3).map(|_| tls_behind(&gateway, PROXY, &v1("203.0.113.7")).expect("a connection")).collect::<Vec<_>>();
    assert!(tls_behind(&gateway, PROXY, &v1("203.0.113.7")).is_err(), "it has all its own");
    assert!(tls_behind(&gateway, PROXY, &v1("203.0.113.8")).is_ok(), "another one");
    drop(held);
    let again = || tls_behind(&gateway, PROXY, &v1("203.0.113.7")).ok();
    assert!(poll(Duration::from_secs(5), again).is_some());
    gateway.finish();
}

/// A gateway with a unix socket beside its public listener.
fn on_unix(upstream: &Upstream, lines: &str) -> Gateway {
    let lines = format!("name = \"app\"\nbind = \"unix:in.sock\"\n{lines}");
    Gateway::start(config(upstream).listener(&lines))
}

#[test]
fn a_unix_peer_is_a_source_of_its_own_or_what_it_forwards() {
    let upstream = Upstream::start();
    let gateway = on_unix(&upstream, "tls = { cert = \"tls.crt\", key = \"tls.key\" }");
    let socket = gateway.directory().join("in.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    let mut connection = Connection::unix(&socket).expect("a connection");
    connection.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!connection.drain(Duration::from_secs(6)).starts_with(b"HTTP"), "TLS is spoken here, too");
    let mut gateway = gateway;
    gateway.signal("TERM");
    gateway.exit_cleanly();
    assert!(!socket.exists(), "removed at the end");

    let rejecting = on_unix(&upstream, "mode = \"0600\"");
    let socket = rejecting.directory().join("in.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let mut connection = Connection::unix(&socket).expect("a connection");
    connection.send_delivery(&PROVIDER.path(), &with(&[("X-Forwarded-Proto", "https")]));
    connection.answer().refused(403, "forbidden");
    upstream.saw_nothing();
    let ledger = rejecting.finish();
    assert_eq!((ledger.only("plaintext").text("source"), ledger.only("plaintext").text("peer")), ("unix", "unix"));

    let trusting = on_unix(&upstream, "plaintext = \"trusted-proxy\"\ntrusted_proxies = [\"unix\"]");
    let socket = trusting.directory().join("in.sock");
    for (said, source) in [(None, "unix"), (Some("203.0.113.7"), "203.0.113.7")] {
        let delivery = with(&[("X-Forwarded-Proto", "https")]);
        let delivery = said.map_or(delivery.clone(), |address| delivery.and("X-Forwarded-For", address));
        let mut connection = Connection::unix(&socket).expect("a connection");
        connection.send_delivery(&PROVIDER.path(), &delivery);
        assert_eq!(connection.answer().status, 200);
        let record = trusting.await_record(|record| record.text("source") == source);
        assert_eq!((record.text("peer"), record.text("listener")), ("unix", "app"));
    }
    trusting.finish();
}

#[test]
fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let upstream = Upstream::start();
    let gateway = on_unix(&upstream, "plaintext = \"trusted-proxy\"\ntrusted_proxies = [\"unix\"]");
    let socket = gateway.directory().join("in.sock");
    let toml = fs::read_to_string(gateway.directory().join("hookward.toml")).unwrap();
    // A second gateway on the same socket, with other ports and another state.
    let second = toml.replace("\"state\"", "\"other\"").replace("audit.jsonl", "other.jsonl");
    let second = second.replace("bind = \"127.0.0.1:", "bind = \"127.0.0.3:");
    fs::write(gateway.directory().join("second.toml"), second).unwrap();
    let output = hookward_output(gateway.directory(), &["serve", "--config", "second.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("in.sock"), "{output:?}");
    assert!(Connection::unix(&socket).is_ok(), "the first is as it was");

    let gateway = gateway.restart_after_kill();
    let mut connection = Connection::unix(&gateway.directory().join("in.sock")).expect("the file of the dead was replaced");
    connection.send_delivery(&PROVIDER.path(), &with(&[("X-Forwarded-Proto", "https")]));
    assert_eq!(connection.answer().status, 200);
    gateway.finish();
}

#[test]
fn a_client_without_the_right_certificate_is_not_heard() {
    let upstream = Upstream::start();
    let (issuer, other) = (Certificate::of(&["sender.example"]), Certificate::of(&["sender.example"]));
    let config = config(&upstream)
        .tls("cert = \"tls.crt\", key = \"tls.key\", client_ca = \"clients.pem\"")
        .file("clients.pem", &issuer.cert_pem);
    let gateway = Gateway::start(config);
    let server = Certificate::shared();
    let deliver = |client| -> std::io::Result<u16> {
        let mut connection = Connection::tls_as(gateway.ports().public, Ipv4Addr::LOCALHOST, HOST, client)?;
        let delivery = PROVIDER.delivery();
        connection.try_send(&request(&PROVIDER.path(), &delivery.headers, &delivery.body))?;
        // In TLS 1.3 the client has finished its side before it hears that it is refused.
        connection.try_answer(Duration::from_secs(5)).map(|answer| answer.status).map_err(|_| std::io::ErrorKind::Other.into())
    };
    assert_eq!(deliver(server.client_showing(&issuer)).expect("it shows the right one"), 200);
    assert!(deliver(server.client()).is_err(), "none");
    assert!(deliver(server.client_showing(&other)).is_err(), "the same name by another issuer");
    assert_eq!(upstream.received().len(), 1);
    gateway.finish().holds_exactly(&[("delivered", 200)]);
}

#[test]
fn tls_11_a_session_without_a_certificate_is_not_resumed_where_one_is_due() {
    let upstream = Upstream::start();
    let issuer = Certificate::of(&["sender.example"]);
    let plain = crate::support::gateway::free_port();
    let open = format!("name = \"open\"\nbind = \"127.0.0.1:{plain}\"\ntls = {{ cert = \"tls.crt\", key = \"tls.key\" }}");
    let config = config(&upstream)
        .tls("cert = \"tls.crt\", key = \"tls.key\", client_ca = \"clients.pem\"")
        .file("clients.pem", &issuer.cert_pem)
        .listener(&open);
    let gateway = Gateway::start(config);
    // One client for both: what it was given by the open listener it offers to the other one.
    for client in [Certificate::shared().client_of_version(&rustls::version::TLS12), Certificate::shared().client()] {
        for _ in 0..2 {
            let mut connection = Connection::tls_as(plain, Ipv4Addr::LOCALHOST, HOST, Arc::clone(&client)).expect("open");
            connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
            assert_eq!(connection.answer().status, 200);
        }
        let closed = Connection::tls_as(gateway.ports().public, Ipv4Addr::LOCALHOST, HOST, client);
        let refused = closed.map_or(true, |mut connection| {
            let delivery = PROVIDER.delivery();
            let _ = connection.try_send(&request(&PROVIDER.path(), &delivery.headers, &delivery.body));
            connection.try_answer(Duration::from_secs(5)).is_err()
        });
        assert!(refused);
    }
    assert_eq!(upstream.received().len(), 4);
    gateway.finish();
}

#[test]
fn the_admin_listener_may_be_a_socket_of_its_owner() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    // The same gateway once more, asked over a socket instead of an address.
    let toml = fs::read_to_string(gateway.directory().join("hookward.toml")).unwrap();
    let admin = format!("bind = \"127.0.0.1:{}\"", gateway.ports().admin);
    let second = toml.replace(&admin, "bind = \"unix:admin.sock\"").replace("\"state\"", "\"other\"");
    let second = second.replace("audit.jsonl", "other.jsonl").replace("bind = \"127.0.0.1:", "bind = \"127.0.0.3:");
    fs::write(gateway.directory().join("second.toml"), second).unwrap();
    let mut child = hookward(gateway.directory()).args(["serve", "--config", "second.toml"]).spawn().expect("it starts");
    let ask = |verb: &[&str]| hookward_output(gateway.directory(), &[verb, &["--config", "second.toml"]].concat());
    let ready = poll(Duration::from_secs(10), || ask(&["health", "--ready"]).status.success().then_some(()));
    let mode = fs::metadata(gateway.directory().join("admin.sock")).map(|file| file.permissions().mode() & 0o777);
    let inventory = ask(&["status", "--format", "json"]);
    let ended = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().expect("a shell");
    let status = child.wait().expect("it ends");
    assert!(ready.is_some() && ended.success() && status.success());
    assert_eq!(mode.unwrap(), 0o600);
    assert!(String::from_utf8_lossy(&inventory.stdout).contains("stripe"), "{inventory:?}");
    assert!(!gateway.directory().join("admin.sock").exists(), "removed at the end");
    assert_eq!(ask(&["health"]).status.code(), Some(1), "nobody is there any more");
}
