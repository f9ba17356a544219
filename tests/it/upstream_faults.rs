//! Upstreams that are not there, stall, race or lie, row by row of the catalogue: what the sender is told, what is recorded,
//! how often the upstream was asked.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::support::certificate::Certificate;
use crate::support::client::find;
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::poll;
use crate::support::provider::Provider;
use crate::support::upstream::{Latch, Reply, Upstream};

const PROVIDER: Provider = Provider::Stripe;
/// Beyond every deadline under test, on a machine that does other things, too.
const SOON: Duration = Duration::from_secs(8);

fn gateway_to(url: &str, timeout: &str) -> Gateway {
    let line = format!("timeout = \"{timeout}\"");
    Gateway::start(Config::of(Integration::new(PROVIDER, url).line(&line)))
}

/// Asserts that one delivery ends so, within a time, and with one record of that reason.
#[track_caller]
fn ends_as(gateway: &Gateway, within: Duration, status: u16, class: &str, reason: &str) {
    let begun = Instant::now();
    let id = gateway.deliver(&PROVIDER.delivery()).refused(status, class);
    assert!(begun.elapsed() < within, "{:?}", begun.elapsed());
    let record = gateway.await_record(|record| record.text("request_id") == id);
    assert_eq!((record.reason(), record.text("decision")), (reason, "refused"));
}

/// A port whose queue of connections is full: the next one's first packet is answered by nobody.
fn black_hole() -> (Socket, Vec<Socket>, u16) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    for _ in 0..16 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let taken = socket.connect_timeout(&address, Duration::from_millis(200)).is_ok();
        queued.push(socket);
        if !taken {
            break;
        }
    }
    (listener, queued, address.as_socket().unwrap().port())
}

#[test]
fn ups_01_no_name_no_route_and_no_answer_to_a_connection() {
    // A name that cannot be: RFC 6761 keeps `.invalid` for that.
    let unnamed = Integration::new(PROVIDER, "http://nobody.invalid:80/sink").line("upstream_plaintext = true");
    let gateway = Gateway::start(Config::of(unnamed.line("timeout = \"4s\"")));
    let begun = Instant::now();
    let answer = gateway.deliver(&PROVIDER.delivery());
    assert!([502, 504].contains(&answer.status) && begun.elapsed() < SOON, "{} {:?}", answer.status, begun.elapsed());
    gateway.finish();

    let (_listener, _queued, port) = black_hole();
    let gateway = gateway_to(&format!("http://127.0.0.1:{port}/sink"), "2s");
    let delivery = PROVIDER.delivery();
    for _ in 0..2 {
        // Half of the deadline is for connecting. Nothing was sent, so the claim is released and the retry is no replay.
        let begun = Instant::now();
        let answer = gateway.deliver(&delivery);
        assert!([502, 504].contains(&answer.status), "{}", answer.text());
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
    let ledger = gateway.finish();
    assert_eq!(ledger.requests().len(), 2);
    for record in ledger.requests() {
        assert!(["upstream_timeout", "upstream_unreachable"].contains(&record.reason()), "{record:?}");
        assert!(record.is_null("upstream_status"));
    }
}

#[test]
fn ups_02_an_answer_that_stalls_in_its_head_or_its_body() {
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "1s");
    let stall = |said: &[u8]| Reply::RawThenHang(said.to_vec());
    for said in [&b"HTTP/1.1 200 OK\r\nContent-Le"[..], b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"] {
        upstream.next(stall(said));
        ends_as(&gateway, SOON, 504, "gateway_timeout", "upstream_timeout");
    }
    upstream.next(Reply::Dribble(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", Duration::from_millis(50)));
    ends_as(&gateway, SOON, 504, "gateway_timeout", "upstream_timeout");
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    assert_eq!(upstream.received().len(), 4, "each was sent once");
    assert_eq!(gateway.finish().requests().len(), 4);
}

#[test]
fn ups_03_a_race_with_connections_that_close_sends_nothing_twice_and_loses_nothing() {
    const ROUNDS: usize = 1500;
    let upstream = Upstream::start();
    // Two answers of three are followed at once by the end of their connection: the next delivery races with it.
    let count = AtomicUsize::new(0);
    upstream.choose(move |_| match count.fetch_add(1, Ordering::SeqCst) % 3 {
        0 => Reply::ok(),
        _ => Reply::AnswerThenClose,
    });
    let patient = Config::of(Integration::new(PROVIDER, &upstream.url()).line("timeout = \"5s\""));
    // Faster than a source may send by default.
    let gateway = Gateway::start(patient.set("rate_limit", "per_source", "{ rate = \"100000/s\", burst = 100000 }"));
    let mut connection = gateway.connect();
    let (mut accepted, mut unknown) = (0, 0);
    for round in 0..ROUNDS {
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        let answer = connection.answer();
        match answer.status {
            200 => accepted += 1,
            // Written and then cut off: nobody can say whether it was received, so it is neither re-sent nor called delivered.
            502 => unknown += 1,
            status => panic!("{round}: {status} {}", answer.text()),
        }
        if answer.closed {
            connection = gateway.connect();
        }
    }
    let received = upstream.received();
    let mut bodies = received.iter().map(|request| request.body.clone()).collect::<Vec<_>>();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), received.len(), "nothing came twice");
    assert_eq!(accepted + unknown, ROUNDS);
    assert!((accepted..=accepted + unknown).contains(&received.len()), "{accepted} accepted, {} received", received.len());
    eprintln!("{ROUNDS} deliveries: {accepted} accepted, {unknown} cut off while sent, {} received", received.len());
    assert!(unknown * 20 < ROUNDS, "{unknown} of {ROUNDS}: closed connections are noticed");
    drop(connection);
    assert_eq!(gateway.finish().requests().iter().filter(|record| record.reason() == "delivered").count(), accepted);
}

#[test]
fn ups_04_nothing_is_sent_again_by_itself() {
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "1s");
    let faults = [
        (Reply::status(500), 500),
        (Reply::status(502), 502),
        (Reply::status(503), 503),
        (Reply::RawThenReset(Vec::new()), 502),
        (Reply::Raw(Vec::new()), 502),
        (Reply::Hang, 504),
    ];
    let count = faults.len();
    for (reply, status) in faults {
        upstream.next(reply);
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, status);
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(upstream.received().len(), count, "once each");
    assert_eq!(gateway.finish().requests().len(), count);
}

#[test]
fn ups_07_an_answer_without_an_end_is_not_kept() {
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "5s");
    let before = gateway.resident_kib();
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    for _ in 0..4 {
        upstream.next(Reply::RawThenFlood(head.clone(), b"0123456789abcdef0123456789abcdef"));
        ends_as(&gateway, SOON, 502, "bad_gateway", "upstream_invalid");
    }
    let grown = gateway.resident_kib().saturating_sub(before);
    assert!(grown < 30 * 1024, "{grown} KiB");
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.finish();
}

#[test]
fn ups_12_a_slow_upstream_piles_up_only_so_far_and_nobody_else_waits() {
    let (slow, quick) = (Upstream::start(), Upstream::start());
    let latch = Latch::default();
    slow.always(Reply::Held(latch.clone(), Box::new(Reply::ok())));
    let other = Integration::new(Provider::Github, &quick.url());
    let config = Config::of(Integration::new(PROVIDER, &slow.url()).line("timeout = \"9s\"")).integration(other);
    let gateway = Gateway::start(config);
    let mut waiting = (0..60)
        .map(|_| {
            let mut connection = gateway.connect();
            connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
            connection
        })
        .collect::<Vec<_>>();
    slow.wait_for(60);
    for _ in 0..5 {
        let begun = Instant::now();
        assert_eq!(gateway.deliver(&Provider::Github.delivery()).status, 200);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    latch.open();
    assert!(waiting.iter_mut().all(|connection| connection.answer().status == 200));
    gateway.finish();
}

#[test]
fn ups_13_an_answer_before_the_body_was_read() {
    // It answers by the head alone and resets: a whole answer is passed on, half of one is not.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let mut head = [0; 64];
            let _ = std::io::Read::read(&mut socket, &mut head);
            let _ =
                std::io::Write::write_all(&mut socket, b"HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        }
    });
    let gateway = gateway_to(&format!("http://127.0.0.1:{port}/sink"), "5s");
    let large =
        PROVIDER.sign(&PROVIDER.secret("current"), &crate::support::fresh_id(), crate::support::unix_now(), &vec![b'a'; 900_000]);
    for _ in 0..5 {
        let answer = gateway.deliver(&large);
        assert!([413, 502, 409].contains(&answer.status), "{}", answer.status);
        if answer.status == 413 {
            assert_eq!(answer.text(), "no");
        }
    }
    let ledger = gateway.finish();
    assert_eq!(ledger.requests().len(), 5);
    assert!(ledger.requests().iter().all(|record| record.reason() != "delivered"));
}

#[test]
fn ups_14_an_upstream_cannot_split_an_answer() {
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "5s");
    let answers: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\rX-Evil: 1\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\0c\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n c: folded\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok",
    ];
    for raw in answers {
        let name = raw.escape_ascii().to_string();
        upstream.next(Reply::Raw(raw.to_vec()));
        let mut connection = gateway.connect();
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        let answer = connection.answer();
        assert!([200, 502].contains(&answer.status), "{name}: {}", answer.status);
        assert!(answer.header("x-evil").is_none(), "{name}: {:?}", answer.headers);
        // One answer to one request: what follows on this connection belongs to the next one.
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        let next = connection.answer();
        assert_eq!((next.status, next.text().as_str()), (200, "taken"), "{name}");
        assert!(find(&connection.drain(Duration::from_millis(100)), b"evil").is_none(), "{name}");
    }
    let ledger = gateway.finish();
    assert_eq!(ledger.requests().len(), answers.len() * 2);
    assert!(ledger.requests().iter().all(|record| ["delivered", "upstream_invalid"].contains(&record.reason())));
}

#[test]
fn tls_15_an_upstream_that_cannot_prove_itself_sees_nothing() {
    let (known, stranger) = (Certificate::generate(), Certificate::generate());
    let (elsewhere, expired) = (Certificate::of(&["other.example"]), Certificate::expired());
    let own = Certificate::of(&["gateway"]);
    let servers = [
        ("self-signed", Upstream::tls(&stranger), &known),
        ("another-name", Upstream::tls(&elsewhere), &elsewhere),
        ("expired", Upstream::tls(&expired), &expired),
        ("no-certificate-of-ours", Upstream::tls_asking_for(&known, &own), &known),
    ];
    let mut config = Config::new();
    for (name, upstream, trusted) in &servers {
        let url = format!("https://localhost:{}/sink", upstream.port());
        let line = format!("upstream_tls = {{ ca = \"{name}.pem\" }}");
        let integration = Integration::new(PROVIDER, &url).named(name).line(&line).line("timeout = \"4s\"");
        config = config.integration(integration).file(&format!("{name}.pem"), &trusted.cert_pem);
    }
    let proven = Upstream::tls_asking_for(&known, &own);
    let url = format!("https://localhost:{}/sink", proven.port());
    let line = "upstream_tls = { ca = \"mutual.pem\", cert = \"own.pem\", key = \"own.key\" }";
    config = config
        .integration(Integration::new(PROVIDER, &url).named("mutual").line(line))
        .file("mutual.pem", &known.cert_pem)
        .file("own.pem", &own.cert_pem)
        .file("own.key", &own.key_pem);
    let gateway = Gateway::start(config);
    for (name, upstream, _) in &servers {
        let delivery = PROVIDER.delivery();
        let path = format!("/hooks/{name}");
        let id = gateway.deliver_to(&path, &delivery).refused(502, "bad_gateway");
        let record = gateway.await_record(|record| record.text("request_id") == id);
        let reason = record.reason().to_owned();
        // What was never sent is released at once. Where a server refuses us behind its own end of the handshake, nobody can
        // say what it read, and the claim lapses.
        let again = gateway.deliver_to(&path, &delivery).status;
        assert!(
            [("upstream_unreachable", 502), ("upstream_invalid", 409)].contains(&(&reason, again)),
            "{name}: {reason} {again}"
        );
        assert!(upstream.received().is_empty(), "{name}");
    }
    assert_eq!(gateway.deliver_to("/hooks/mutual", &PROVIDER.delivery()).status, 200, "mutual TLS");
    assert_eq!(proven.received().len(), 1);
    assert_eq!(gateway.finish().requests().len(), servers.len() * 2 + 1);
}

#[test]
fn ups_11_a_pool_grows_old_and_a_new_address_is_found() {
    // The upstream moves: the old place is gone, the new one answers under the same name.
    let upstream = Upstream::start();
    let port = upstream.port();
    let gateway = gateway_to(&format!("http://localhost:{port}/sink"), "5s");
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    upstream.close_connections();
    drop(upstream);
    let moved = poll(SOON, || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    drop(moved.expect("the port is free again"));
    let gone = gateway.deliver(&PROVIDER.delivery());
    assert!([502, 504].contains(&gone.status), "{}", gone.status);
    let moved = Upstream::on_port(port);
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "nothing remembers that it was gone");
    assert_eq!(moved.received().len(), 1);
    gateway.finish();
}
