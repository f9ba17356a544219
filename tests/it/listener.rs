//! Connections that cost more than they bring: silent, slow, half open, far too many. Each is bounded in time and number,
//! an honest sender is served meanwhile, and everything is as it was when they are gone.
//!
//! The same with ten thousand connections is `make soak`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::support::certificate::Certificate;
use crate::support::client::{Answer, Connection, HOST, Silence, header_lines, request};
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::process::{processor_ticks, resident_kib};
use crate::support::provider::{Delivery, Provider};
use crate::support::siege::Siege;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{fresh_id, poll, unix_now};

const PROVIDER: Provider = Provider::StandardWebhooks;
/// As many as a test may hold open beside the others that run.
const CROWD: usize = 300;

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
        .set("limits", "header_timeout", "\"1s\"")
        .set("limits", "body_timeout", "\"2s\"")
        .set("limits", "idle_timeout", "\"2s\"")
}

/// What a connection that was ended unread is answered.
const NOTHING: Result<Answer, Silence> = Err(Silence::Closed(0));

/// A crowd comes from several sources, for none may hold so many connections alone.
fn source(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(index % 4).unwrap() + 1)
}

fn head_only(delivery: &Delivery, length: usize) -> Vec<u8> {
    let mut bytes = format!("POST {} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n", PROVIDER.path()).into_bytes();
    bytes.extend_from_slice(&header_lines(&delivery.headers));
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn sized(bytes: usize) -> Delivery {
    PROVIDER.sign(&PROVIDER.secret("current"), &fresh_id(), unix_now(), &vec![b'a'; bytes])
}

/// An honest delivery passes, and soon.
#[track_caller]
fn serves(gateway: &Gateway, within: Duration) {
    let begun = Instant::now();
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    assert!(begun.elapsed() < within, "{:?}", begun.elapsed());
}

/// Waits until so many connections are open and no more.
#[track_caller]
fn settles_at(gateway: &Gateway, connections: f64) {
    let open = || gateway.metrics().sum("hookward_connections", &[]);
    let settled = poll(Duration::from_secs(10), || (open() <= connections).then_some(()));
    assert!(settled.is_some(), "{} open", open());
}

/// Holds a crowd of connections that were opened in some way, asserts that honest senders are served meanwhile, and that
/// the crowd is gone by its deadline.
#[track_caller]
fn crowd(gateway: &Gateway, mut open: impl FnMut(usize) -> Connection) {
    let held = (0..CROWD).map(&mut open).collect::<Vec<_>>();
    serves(gateway, Duration::from_secs(2));
    settles_at(gateway, 1.5);
    drop(held);
    serves(gateway, Duration::from_secs(1));
}

/// Waits until so many handshakes are counted as failed: the alert goes out before the count.
#[track_caller]
fn await_failed_handshakes(gateway: &Gateway, least: f64) {
    let failed = || {
        let metrics = gateway.metrics();
        metrics.sum("hookward_tls_handshakes_total", &[]) - metrics.sum("hookward_tls_handshakes_total", &[("result", "ok")])
    };
    assert!(poll(Duration::from_secs(10), || (failed() > least - 0.5).then_some(())).is_some(), "{} of {least}", failed());
}

#[test]
fn tls_01_older_versions() {
    let mut siege = Siege::begin(PROVIDER, config);
    for version in [0x00_u8, 0x01, 0x02] {
        // A whole ClientHello of SSL 3.0, TLS 1.0 and TLS 1.1: version, random, no session, two suites, no compression.
        let body = [&[3, version][..], &[7; 32], &[0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0]].concat();
        let length = u8::try_from(body.len()).unwrap();
        let hello = [&[0x16, 3, version.min(1), 0, length + 4, 1, 0, 0, length][..], &body].concat();
        let mut connection = siege.gateway.connect_raw();
        connection.send(&hello);
        let said = connection.drain(Duration::from_secs(4));
        assert_eq!((said.first(), said.get(5)), (Some(&0x15), Some(&2)), "a fatal alert, not {said:?}");
        siege.saw(&format!("3.{version}"), NOTHING).expecting_no_answer();
    }
    await_failed_handshakes(&siege.gateway, 3.0);
    siege.lift();
}

#[test]
fn tls_02_plaintext_on_a_tls_port() {
    let mut siege = Siege::begin(PROVIDER, config);
    let delivery = PROVIDER.delivery();
    let mut connection = siege.gateway.connect_raw();
    connection.send(&request(&PROVIDER.path(), &delivery.headers, &delivery.body));
    let said = connection.drain(Duration::from_secs(4));
    assert!(said.is_empty() || said.first() == Some(&0x15), "an alert or nothing, never HTTP: {said:?}");
    siege.saw("a delivery in the clear", NOTHING).expecting_no_answer();
    let answer = siege.gateway.deliver(&delivery);
    siege.passes("nothing was burnt by it", &answer, 200);
    siege.lift();
}

#[test]
fn tls_03_no_route_on_plaintext() {
    let mut siege = Siege::begin(PROVIDER, |upstream| config(upstream).plain());
    let delivery = PROVIDER.delivery();
    for host in [HOST, "hooks.example.com"] {
        let bytes = request(&PROVIDER.path(), &delivery.headers, &delivery.body);
        let bytes = String::from_utf8(bytes).unwrap().replace(HOST, host).into_bytes();
        // The whole request, and its head alone: the body is not waited for.
        for bytes in [bytes.as_slice(), &bytes[..bytes.len() - delivery.body.len()]] {
            let mut connection = siege.gateway.connect_plain();
            connection.send(bytes);
            let outcome = connection.try_answer(Duration::from_secs(8));
            let answer = siege.saw(host, outcome).expecting(403, "plaintext");
            assert!(answer.closed && answer.header("location").is_none());
        }
    }
    let answer = siege.gateway.deliver(&delivery);
    siege.passes("nothing was burnt by it", &answer, 200);
    siege.lift();
}

#[test]
fn tls_05_handshakes_that_are_not_made() {
    let mut siege = Siege::begin(PROVIDER, config);
    let gateway = &siege.gateway;
    let hello: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    crowd(gateway, |index| {
        let mut connection = Connection::plain(gateway.ports().public, source(index)).expect("a connection");
        // Silence, a byte, half a hello.
        let said = [&hello[..0], &hello[..1], hello][index % 3];
        connection.send(said);
        connection
    });
    // A byte now and then does not stretch the deadline.
    let mut slow = gateway.connect_raw();
    let begun = Instant::now();
    for byte in hello.iter().cycle().take(60) {
        if slow.try_send(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    await_failed_handshakes(gateway, 300.0);
    siege.served(2);
    siege.saw("connections without a handshake", NOTHING).expecting_no_answer();
    siege.lift();
}

#[test]
fn tls_10_early_data() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let mut client = (*Certificate::shared().client()).clone();
    client.enable_early_data = true;
    let client = std::sync::Arc::new(client);
    for attempt in 0..3 {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, gateway.ports().public)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let name = rustls::pki_types::ServerName::try_from(HOST).unwrap();
        let mut session = rustls::ClientConnection::new(std::sync::Arc::clone(&client), name).unwrap();
        assert!(session.early_data().is_none(), "attempt {attempt}: no ticket allows it");
        let mut stream = rustls::Stream::new(&mut session, &mut socket);
        let delivery = PROVIDER.delivery();
        stream.write_all(&request(&PROVIDER.path(), &delivery.headers, &delivery.body)).unwrap();
        // The tickets come with the answer.
        let mut answer = [0; 1024];
        let read = stream.read(&mut answer).unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
        if attempt > 0 {
            assert_eq!(session.handshake_kind(), Some(rustls::HandshakeKind::Resumed), "there was a ticket");
        }
    }
    gateway.finish();
}

#[test]
fn tls_12_a_flood_of_empty_records() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let before = processor_ticks(gateway.pid());
    let mut connection = gateway.connect_raw();
    let empty_records = [0x16, 3, 1, 0, 0].repeat(20_000);
    let _ = connection.try_send(&empty_records);
    let _alert = connection.drain(Duration::from_secs(4));
    assert!(processor_ticks(gateway.pid()) - before < 100);
    serves(&gateway, Duration::from_secs(1));
    gateway.finish();
}

#[test]
fn lst_01_descriptors_run_out() {
    let few = ["sh", "-c", "ulimit -n 96; exec \"$0\" \"$@\""];
    let mut siege = Siege::begin(PROVIDER, |upstream| config(upstream).set("limits", "idle_timeout", "\"60s\"").launcher(&few));
    let gateway = &siege.gateway;
    assert!(gateway.stderr().contains("limit of open files"), "said at the start: {}", gateway.stderr());
    let mut established = gateway.connect();
    established.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    assert_eq!(established.answer().status, 200);
    // As many connections as anybody likes: some descriptors are kept for what is behind the gateway.
    let crowd = (0..CROWD).map(|index| Connection::plain(gateway.ports().public, source(index))).collect::<Vec<_>>();
    established.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    assert_eq!(established.answer().status, 200, "work that is under way goes on");
    drop(crowd);
    // The admin listener has a bound of its own: together with it they do run out.
    let (mut admin, mut public) = (Vec::new(), Vec::new());
    for _ in 0..64 {
        admin.extend(Connection::plain(gateway.ports().admin, Ipv4Addr::LOCALHOST));
        public.extend(Connection::plain(gateway.ports().public, Ipv4Addr::LOCALHOST));
    }
    std::thread::sleep(Duration::from_millis(200));
    let before = processor_ticks(gateway.pid());
    std::thread::sleep(Duration::from_millis(700));
    let used = processor_ticks(gateway.pid()) - before;
    assert!(used < 35, "{used} hundredths in 0.7 s: it spins");
    drop((admin, public));
    let recovered = poll(Duration::from_secs(10), || gateway.try_connect(Ipv4Addr::LOCALHOST).ok());
    assert!(recovered.is_some(), "{}", gateway.stderr());
    drop((established, recovered));
    siege.served(2);
    siege.saw("connections beyond the descriptors", NOTHING).expecting_no_answer();
    siege.lift();
}

#[test]
fn lst_02_more_connections_than_there_are_slots() {
    let mut siege = Siege::begin(PROVIDER, |upstream| {
        let limits = [("max_connections", "200"), ("max_connections_per_source", "60"), ("header_timeout", "\"3s\"")];
        limits.iter().fold(config(upstream), |config, (key, value)| config.set("limits", key, value))
    });
    let gateway = &siege.gateway;
    let before = processor_ticks(gateway.pid());
    let mut crowd = (0..CROWD)
        .map(|index| Connection::plain(gateway.ports().public, source(index)).expect("the kernel takes it"))
        .collect::<Vec<_>>();
    let open = poll(Duration::from_secs(3), || {
        let open = gateway.metrics().sum("hookward_connections", &[]);
        (open > 199.5).then_some(open)
    });
    assert!(open.is_some_and(|open| open < 200.5), "{open:?}");
    // What is over the bound is closed at once, not at a deadline.
    let begun = Instant::now();
    let closed =
        crowd.iter_mut().skip(240).filter_map(|connection| connection.closes_within(Duration::from_secs(1)).then_some(()));
    assert!(closed.count() >= 59, "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(gateway.admin("/readyz").status, 200, "the probes are served meanwhile");
    assert!(processor_ticks(gateway.pid()) - before < 200);
    settles_at(gateway, 0.5);
    siege.saw("connections beyond the slots", NOTHING).expecting_no_answer();
    siege.lift();
}

#[test]
fn lst_03_connections_that_say_nothing() {
    let mut siege = Siege::begin(PROVIDER, |upstream| config(upstream).plain());
    let gateway = &siege.gateway;
    // Behind a handshake, and without one; the first bytes of another protocol say no more than nothing.
    crowd(gateway, |index| match index % 3 {
        0 if index < 60 => gateway.connect_from(source(index)),
        1 => {
            let mut connection = Connection::plain(gateway.ports().plain, source(index)).expect("a connection");
            connection.send(b"PRI * HT");
            connection
        }
        _ => Connection::plain(gateway.ports().plain, source(index)).expect("a connection"),
    });
    siege.served(2);
    siege.saw("connections that say nothing", NOTHING).expecting_no_answer();
    siege.lift();
}

#[test]
fn lst_04_slow_heads() {
    let mut siege = Siege::begin(PROVIDER, |upstream| config(upstream).plain());
    let gateway = &siege.gateway;
    let mut slow = (0..CROWD)
        .map(|index| {
            let mut connection = Connection::plain(gateway.ports().plain, source(index)).expect("a connection");
            connection.send(b"POST /hooks/standard-webhooks HTTP/1.1\r\n");
            connection
        })
        .collect::<Vec<_>>();
    let begun = Instant::now();
    let mut alive = CROWD;
    while alive > 0 && begun.elapsed() < Duration::from_secs(5) {
        alive = slow.iter_mut().filter_map(|connection| connection.try_send(b"a").ok()).count();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(alive, 0, "the deadline is one for the whole head");
    siege.saw("heads without an end", NOTHING).expecting_no_answer();
    siege.lift();
}

#[test]
fn lst_05_slow_bodies() {
    // MEM-01, MEM-02: what is announced is not reserved, and what arrives is given back.
    let mut siege = Siege::begin(PROVIDER, config);
    let gateway = &siege.gateway;
    let before = resident_kib(gateway.pid());
    let begun = Instant::now();
    let mut slow = (0..CROWD)
        .map(|index| {
            let mut connection = gateway.connect_from(source(index));
            connection.send(&head_only(&PROVIDER.delivery(), 1_000_000));
            connection
        })
        .collect::<Vec<_>>();
    // One that keeps well above the least rate has the same deadline.
    let mut steady = gateway.connect_from(source(0));
    steady.send(&head_only(&PROVIDER.delivery(), 1_000_000));
    for _ in 0..4 {
        for connection in &mut slow {
            let _ = connection.try_send(b"a");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    while begun.elapsed() < Duration::from_secs(8) && steady.try_send(&[b'a'; 1000]).is_ok() {
        if let Ok(answer) = steady.try_answer(Duration::from_millis(100)) {
            answer.refused(408, "timeout");
            break;
        }
    }
    let grown = resident_kib(gateway.pid()).saturating_sub(before);
    assert!(grown < 60_000, "{CROWD} slow bodies took {grown} KiB");
    serves(gateway, Duration::from_secs(2));
    let mut refused = 0;
    for mut connection in slow {
        if let Ok(answer) = connection.try_answer(Duration::from_secs(8)) {
            answer.refused(408, "timeout");
            refused += 1;
        }
    }
    assert_eq!(refused, CROWD);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    gateway.comes_to("hookward_inflight_bytes", &[], 0.0);
    siege.served(1);
    siege.expecting_of_each("slow bodies", CROWD as u64 + 1, "body_timeout");
    siege.lift();
}

#[test]
fn lst_06_answers_that_are_not_read() {
    let upstream = Upstream::start();
    upstream.always(Reply::Answer(200, "", vec![b'x'; 1 << 20]));
    let gateway = Gateway::start(config(&upstream).set("limits", "max_connections_per_source", "500"));
    let before = resident_kib(gateway.pid());
    let held = (0..40)
        .map(|_| {
            let mut connection = gateway.connect();
            for _ in 0..4 {
                connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
            }
            connection
        })
        .collect::<Vec<_>>();
    std::thread::sleep(Duration::from_secs(2));
    let grown = resident_kib(gateway.pid()).saturating_sub(before);
    assert!(grown < 200_000, "40 connections with an unread answer took {grown} KiB");
    upstream.always(Reply::ok());
    serves(&gateway, Duration::from_secs(2));
    // Ten seconds without a byte taken, and they are closed.
    let settled = poll(Duration::from_secs(20), || (gateway.metrics().sum("hookward_connections", &[]) < 0.5).then_some(()));
    assert!(settled.is_some());
    drop(held);
    gateway.finish();
}

#[test]
fn lst_07_idle_connections_are_closed_whatever_they_did() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let mut connections = (0..20).map(|_| gateway.connect()).collect::<Vec<_>>();
    for connection in &mut connections {
        for _ in 0..5 {
            connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
            assert_eq!(connection.answer().status, 200);
        }
    }
    let begun = Instant::now();
    assert!(connections.iter_mut().all(|connection| connection.closes_within(Duration::from_secs(5))));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    gateway.finish();
}

#[test]
fn rl_04_sources_beyond_number() {
    let trusted = "plaintext = \"trusted-proxy\"\ntrusted_proxies = [\"127.0.0.0/8\"]";
    let mut siege = Siege::begin(PROVIDER, |upstream| config(upstream).plain_with(trusted));
    let gateway = &siege.gateway;
    let mut connection = Connection::plain(gateway.ports().plain, Ipv4Addr::LOCALHOST).expect("a connection");
    let ask = |connection: &mut Connection, network: usize| {
        let (high, low) = (network / 65_536, network % 65_536);
        let from = format!("X-Forwarded-For: 2001:db8:{high:x}:{low:x}::1\r\nX-Forwarded-Proto: https\r\n");
        let path = PROVIDER.path();
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{from}\r\n").as_bytes());
        connection.answer()
    };
    let before = resident_kib(gateway.pid());
    for network in 0..3000 {
        let answer = ask(&mut connection, network);
        answer.refused(405, "method_not_allowed");
        if answer.closed {
            connection = Connection::plain(gateway.ports().plain, Ipv4Addr::LOCALHOST).expect("a connection");
        }
    }
    let grown = resident_kib(gateway.pid()).saturating_sub(before);
    assert!(grown < 30_000, "3000 sources took {grown} KiB");
    drop(connection);
    siege.expecting_of_each("requests of 3000 sources", 3000, "method_not_allowed");
    siege.lift();
}

#[test]
fn rl_05_junk_that_names_a_provider_spends_nothing_of_its_budget() {
    let mut siege = Siege::begin(PROVIDER, |upstream| {
        Config::of(Integration::new(PROVIDER, &upstream.url()).line("rate_limit = { rate = \"1/m\", burst = 20 }"))
            .integration(Integration::new(Provider::Stripe, &upstream.url()))
    });
    for index in 0..200 {
        let junk = PROVIDER.delivery().with_tampered_body();
        let status = siege.gateway.deliver_from(source(index), &junk).status;
        assert!([401, 429].contains(&status), "{status}");
    }
    assert_eq!(siege.decides_only("junk", &["signature_mismatch", "rate_limited_failures"]), 200);
    for _ in 0..20 {
        let answer = siege.gateway.deliver(&PROVIDER.delivery());
        siege.passes("the whole budget is there", &answer, 200);
    }
    let answer = siege.gateway.deliver(&PROVIDER.delivery());
    siege.saw("one more than the budget", Ok(answer)).expecting(429, "rate_limited_integration");
    assert_eq!(siege.upstream.received().len(), 20);
    siege.end();
}

#[test]
fn rl_06_junk_behind_the_same_address_as_the_provider() {
    let strict = "{ rate = \"1/m\", burst = 5 }";
    let mut siege = Siege::begin(PROVIDER, |upstream| config(upstream).set("rate_limit", "failures_per_source", strict));
    let gateway = &siege.gateway;
    std::thread::scope(|scope| {
        let junk = scope.spawn(|| {
            for _ in 0..100 {
                let status = gateway.deliver(&PROVIDER.delivery().with_tampered_body()).status;
                assert!([401, 429].contains(&status), "{status}");
            }
        });
        for _ in 0..50 {
            assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "an honest one is verified whatever the others do");
        }
        junk.join().unwrap();
    });
    assert_eq!(siege.upstream.received().len(), 50);
    siege.served(50);
    assert_eq!(siege.decides_only("junk", &["signature_mismatch", "rate_limited_failures"]), 100);
    siege.lift();
}

#[test]
fn honest_senders_are_served_through_all_of_it() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).plain());
    let deadline = Instant::now() + Duration::from_secs(4);
    let worst = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut held = Vec::new();
            for index in 0.. {
                if Instant::now() > deadline {
                    return;
                }
                let port = if index % 2 == 0 { gateway.ports().public } else { gateway.ports().plain };
                if let Ok(mut connection) = Connection::plain(port, source(index)) {
                    let _ = connection.try_send(b"POST / HTTP/1.1\r\n");
                    held.push(connection);
                }
                if held.len() > CROWD {
                    held.drain(..50);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let mut worst = Duration::ZERO;
        while Instant::now() < deadline {
            let begun = Instant::now();
            assert_eq!(gateway.deliver(&sized(2000)).status, 200);
            worst = worst.max(begun.elapsed());
            std::thread::sleep(Duration::from_millis(10));
        }
        worst
    });
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    settles_at(&gateway, 0.5);
    gateway.finish();
}
