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
use crate::support::siege::Siege;
use crate::support::upstream::{Latch, Reply, Upstream};

const PROVIDER: Provider = Provider::Stripe;
/// Beyond every deadline under test, on a machine that does other things, too.
const SOON: Duration = Duration::from_secs(8);

fn gateway_to(url: &str, timeout: &str) -> Gateway {
    let line = format!("timeout = \"{timeout}\"");
    Gateway::start(Config::of(Integration::new(PROVIDER, url).line(&line)))
}

/// The same under siege: what is refused here has reached the upstream, and how often is counted.
fn besieged(timeout: &str) -> Siege {
    let line = format!("timeout = \"{timeout}\"");
    Siege::begin(PROVIDER, |upstream| Config::of(Integration::new(PROVIDER, &upstream.url()).line(&line)))
}

/// Asserts that one delivery reaches the upstream once and ends so, within a time.
#[track_caller]
fn ends_as(siege: &mut Siege, name: &str, status: u16, reason: &str) {
    let (before, begun) = (siege.upstream.received().len(), Instant::now());
    let answer = siege.gateway.deliver(&PROVIDER.delivery());
    assert!(begun.elapsed() < SOON, "{name}: {:?}", begun.elapsed());
    siege.was_sent(name, before + 1);
    siege.saw(name, Ok(answer)).expecting(status, reason);
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
    let (_listener, _queued, port) = black_hole();
    // A name that cannot be: RFC 6761 keeps `.invalid` for that. A network that nobody routes: RFC 5737.
    let nowhere = [
        ("unnamed", "http://nobody.invalid:80/sink".to_owned(), "4s"),
        ("silent", format!("http://127.0.0.1:{port}/sink"), "2s"),
        ("unrouted", "http://192.0.2.1:80/sink".to_owned(), "2s"),
    ];
    let mut siege = Siege::begin(Provider::Github, |upstream| {
        let config = Config::of(Integration::new(Provider::Github, &upstream.url()));
        nowhere.iter().fold(config, |config, (name, url, timeout)| {
            let integration = Integration::new(PROVIDER, url).named(name).line(&format!("timeout = \"{timeout}\""));
            config.integration(if url.contains("127.") { integration } else { integration.line("upstream_plaintext = true") })
        })
    });
    for (name, ..) in &nowhere {
        let delivery = PROVIDER.delivery();
        for _ in 0..2 {
            // Half of the deadline is for connecting. Nothing was sent, so the claim is released and the retry is no replay.
            let begun = Instant::now();
            let answer = siege.gateway.deliver_to(&format!("/hooks/{name}"), &delivery);
            assert!(begun.elapsed() < SOON, "{name}: {:?}", begun.elapsed());
            // Whether a resolver says no at once, or a network says nothing, is not ours to choose.
            let (status, reason) = match answer.status {
                504 => (504, "upstream_timeout"),
                _ => (502, "upstream_unreachable"),
            };
            siege.saw(name, Ok(answer)).expecting(status, reason);
        }
    }
    let ledger = siege.lift();
    let refused = ledger.requests().into_iter().filter(|record| record.text("decision") == "refused").collect::<Vec<_>>();
    assert_eq!(refused.len(), nowhere.len() * 2);
    assert!(refused.iter().all(|record| record.is_null("upstream_status")));
}

#[test]
fn ups_02_an_answer_that_stalls_in_its_head_or_its_body() {
    let mut siege = besieged("1s");
    let stall = |said: &[u8]| Reply::RawThenHang(said.to_vec());
    let slowly = |said| Reply::Dribble(said, Duration::from_millis(50));
    let stalls = [
        ("inside the head", stall(b"HTTP/1.1 200 OK\r\nContent-Le")),
        ("inside the body", stall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")),
        ("a head byte by byte", slowly(b"HTTP/1.1 200 OK\r\nX-Slow: ")),
        ("a body byte by byte", slowly(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")),
    ];
    for (name, reply) in stalls {
        siege.upstream.next(reply);
        ends_as(&mut siege, name, 504, "upstream_timeout");
    }
    siege.lift();
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
    let mut siege = besieged("1s");
    for status in [500, 502, 503, 504] {
        siege.upstream.next(Reply::status(status));
        let answer = siege.gateway.deliver(&PROVIDER.delivery());
        siege.passes("the upstream's own no", &answer, status);
    }
    let faults = [
        ("a reset", Reply::RawThenReset(Vec::new()), 502, "upstream_invalid"),
        ("a close", Reply::Raw(Vec::new()), 502, "upstream_invalid"),
        ("silence", Reply::Hang, 504, "upstream_timeout"),
    ];
    for (name, reply, status, reason) in faults {
        siege.upstream.next(reply);
        ends_as(&mut siege, name, status, reason);
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(siege.upstream.received().len(), 7, "once each");
    siege.lift();
}

#[test]
fn ups_07_an_answer_without_an_end_is_not_kept() {
    let mut siege = besieged("5s");
    let before = siege.gateway.resident_kib();
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    for _ in 0..4 {
        // It goes on sending for as long as anybody reads.
        let sent = siege.upstream.received().len();
        siege.upstream.next(Reply::RawThenFlood(head.clone(), b"0123456789abcdef0123456789abcdef"));
        ends_as(&mut siege, "without an end", 502, "upstream_invalid");
        assert_eq!(siege.upstream.received().len(), sent + 1);
    }
    let grown = siege.gateway.resident_kib().saturating_sub(before);
    assert!(grown < 30 * 1024, "{grown} KiB");
    siege.lift();
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
    let mut siege = besieged("5s");
    let answers: [(&[u8], bool); 5] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\rX-Evil: 1\r\n\r\nok", false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\0c\r\n\r\nok", false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n c: folded\r\n\r\nok", false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 4\r\n\r\nevil", true),
        (b"HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok", false),
    ];
    for (index, (raw, passes)) in answers.into_iter().enumerate() {
        let name = raw.escape_ascii().to_string();
        siege.upstream.next(Reply::Raw(raw.to_vec()));
        let mut connection = siege.gateway.connect();
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        let answer = connection.answer();
        assert!(answer.header("x-evil").is_none(), "{name}: {:?}", answer.headers);
        if passes {
            siege.passes(&name, &answer, 200);
        } else {
            siege.was_sent(&name, 2 * index + 1);
            siege.saw(&name, Ok(answer)).expecting(502, "upstream_invalid");
        }
        // One answer to one request: what follows on this connection belongs to the next one.
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        let next = connection.answer();
        assert_eq!(next.text(), "taken", "{name}");
        siege.passes(&name, &next, 200);
        assert!(find(&connection.drain(Duration::from_millis(100)), b"evil").is_none(), "{name}");
    }
    siege.lift();
}

/// A server that answers whatever is said first with some bytes, such as the alert of one that speaks TLS 1.1 only.
fn answers_hellos_with(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let mut hello = [0; 2048];
            let _ = std::io::Read::read(&mut socket, &mut hello);
            let _ = std::io::Write::write_all(&mut socket, bytes);
        }
    });
    port
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
    let antique = answers_hellos_with(b"\x15\x03\x02\x00\x02\x02\x46");
    config = config.integration(
        Integration::new(PROVIDER, &format!("https://localhost:{antique}/sink")).named("older-tls-only").line("timeout = \"4s\""),
    );
    let proven = Upstream::tls_asking_for(&known, &own);
    let url = format!("https://localhost:{}/sink", proven.port());
    let line = "upstream_tls = { ca = \"mutual.pem\", cert = \"own.pem\", key = \"own.key\" }";
    config = config
        .integration(Integration::new(PROVIDER, &url).named("mutual").line(line))
        .file("mutual.pem", &known.cert_pem)
        .file("own.pem", &own.cert_pem)
        .file("own.key", &own.key_pem);
    let mut siege =
        Siege::begin(Provider::Github, |upstream| config.integration(Integration::new(Provider::Github, &upstream.url())));
    for (name, upstream, _) in &servers {
        let delivery = PROVIDER.delivery();
        let path = format!("/hooks/{name}");
        // What was never sent is released at once. A server that asks for our certificate refuses us behind its own end of the
        // handshake: whether we hear that before we send is a race, and if not, the claim lapses.
        let answer = siege.gateway.deliver_to(&path, &delivery);
        let record = siege.gateway.await_record(|record| answer.text().contains(record.text("request_id")));
        let heard = record.reason() == "upstream_unreachable";
        assert!(heard || *name == "no-certificate-of-ours", "{name}: {record:?}");
        siege.saw(name, Ok(answer)).expecting(502, if heard { "upstream_unreachable" } else { "upstream_invalid" });
        let again = siege.gateway.deliver_to(&path, &delivery);
        match again.status {
            409 if !heard => drop(siege.saw(name, Ok(again)).expecting(409, "replay_in_flight")),
            _ if *name == "no-certificate-of-ours" => {
                siege.decides_only(name, &["upstream_unreachable", "upstream_invalid"]);
            }
            _ => drop(siege.saw(name, Ok(again)).expecting(502, "upstream_unreachable")),
        }
        assert!(upstream.received().is_empty(), "{name}");
    }
    for _ in 0..2 {
        let answer = siege.gateway.deliver_to("/hooks/older-tls-only", &PROVIDER.delivery());
        siege.saw("older TLS only", Ok(answer)).expecting(502, "upstream_unreachable");
    }
    let answer = siege.gateway.deliver_to("/hooks/mutual", &PROVIDER.delivery());
    siege.passes("mutual TLS", &answer, 200);
    assert_eq!(proven.received().len(), 1);
    siege.lift();
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
