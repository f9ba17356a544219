//! Bounds: sizes, times, rates and connections; what is over them is told so, and what is under them is not held up.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::support::client::{Connection, chunked_request, header_lines, request};
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::provider::{Delivery, Provider};
use crate::support::siege::Siege;
use crate::support::upstream::Upstream;
use crate::support::{fresh_id, unix_now};

const PROVIDER: Provider = Provider::StandardWebhooks;

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
}

fn sized(bytes: usize) -> Delivery {
    let body = vec![b'a'; bytes];
    PROVIDER.sign(&PROVIDER.secret("current"), &fresh_id(), unix_now(), &body)
}

/// A head that announces a body and does not send it.
fn head_only(delivery: &Delivery, length: usize, more: &str) -> Vec<u8> {
    let path = PROVIDER.path();
    let mut bytes = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{more}").into_bytes();
    bytes.extend_from_slice(&header_lines(&delivery.headers));
    bytes.extend_from_slice(b"\r\n");
    bytes
}

#[test]
fn h1_29_a_body_has_its_bound_exactly() {
    // H1-29.
    let mut siege = Siege::begin(PROVIDER, |upstream| config(upstream).set("limits", "max_body", "\"64KiB\""));
    let path = PROVIDER.path();
    let (fits, fits_too) = (sized(64 * 1024), sized(64 * 1024));
    let answer = siege.gateway.deliver(&fits);
    siege.passes("exactly the bound, declared", &answer, 200);
    let mut chunked = siege.gateway.connect();
    chunked.send(&chunked_request(&path, &fits_too.headers, &fits_too.body, 1000));
    siege.passes("exactly the bound, in chunks", &chunked.answer(), 200);

    let (over, large) = (sized(64 * 1024 + 1), sized(90_000));
    let small_and_large = [b"Content-Length: 5\r\n".to_vec(), chunked_request(&path, &large.headers, &large.body, 1000)].concat();
    let attacks = [
        ("one more, declared", request(&path, &over.headers, &over.body), 413, "body_too_large"),
        ("one more, in chunks", chunked_request(&path, &over.headers, &over.body, 1000), 413, "body_too_large"),
        ("far more, declared", request(&path, &large.headers, &large.body), 413, "body_too_large"),
        ("far more, in one chunk", chunked_request(&path, &large.headers, &large.body, 90_000), 413, "body_too_large"),
    ];
    for (name, bytes, status, reason) in attacks {
        assert!(siege.send(name, &bytes).expecting(status, reason).closed, "{name}");
    }
    // A small length beside large chunks is no framing at all.
    let line = format!("POST {path} HTTP/1.1\r\n");
    let bytes = [line.as_bytes(), &small_and_large].concat();
    let bytes = String::from_utf8(bytes).unwrap().replacen(&format!("5\r\n{line}"), "5\r\n", 1);
    assert!(siege.send("small declared, large in chunks", bytes.as_bytes()).expecting(400, "malformed_request").closed);
    assert_eq!(siege.upstream.received().iter().map(|request| request.body.len()).collect::<Vec<_>>(), [64 * 1024; 2]);
    siege.lift();
}

#[test]
fn h1_29_a_declared_excess_is_refused_unread() {
    let mut siege = Siege::begin(PROVIDER, |upstream| config(upstream).set("limits", "max_body", "\"64KiB\""));
    let mut connection = siege.gateway.connect();
    connection.send(&head_only(&PROVIDER.delivery(), 64 * 1024 + 1, "Expect: 100-continue\r\n"));
    // Not a byte of the body is sent: whoever waited for it would wait for the deadline.
    let outcome = connection.try_answer(Duration::from_secs(6));
    let answer = siege.saw("declared", outcome).expecting(413, "body_too_large");
    assert!(answer.interim.is_empty() && answer.closed, "{answer:?}");
    assert!(connection.closes_within(Duration::from_secs(3)));
    siege.lift();
}

#[test]
fn h1_27_a_sender_that_goes_on_sending_can_read_the_refusal() {
    // H1-27: closing with unread bytes would reset the connection and take the answer away.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("limits", "max_body", "\"1MiB\""));
    for _ in 0..5 {
        let over = sized(1024 * 1024 + 300 * 1024);
        let mut connection = gateway.connect();
        connection.try_send(&request(&PROVIDER.path(), &over.headers, &over.body)).expect("what still arrives is discarded");
        connection.answer().refused(413, "too_large");
    }
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn continue_is_said_only_when_the_body_is_wanted() {
    // H1-22.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let delivery = PROVIDER.delivery();
    let mut connection = gateway.connect();
    connection.send(&head_only(&delivery, delivery.body.len(), "Expect: 100-continue\r\n"));
    std::thread::sleep(Duration::from_millis(200));
    connection.send(&delivery.body);
    let answer = connection.answer();
    assert_eq!((answer.status, answer.interim.as_slice()), (200, [100].as_slice()));
    let request = upstream.received().pop().unwrap();
    assert_eq!(request.header("expect"), None);

    let unsigned = delivery.without(PROVIDER.signature_header());
    let mut connection = gateway.connect();
    connection.send(&head_only(&unsigned, 10, "Expect: 100-continue\r\n"));
    let answer = connection.answer();
    answer.refused(401, "unauthorized");
    assert!(answer.interim.is_empty() && answer.closed, "{answer:?}");
    gateway.finish();
}

#[test]
fn a_body_that_never_ends_is_a_timeout() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("limits", "body_timeout", "\"1s\""));
    let mut silent = gateway.connect();
    silent.send(&head_only(&PROVIDER.delivery(), 100, ""));
    let begun = Instant::now();
    let id = silent.answer().refused(408, "timeout");
    assert!(begun.elapsed() >= Duration::from_millis(900) && begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    upstream.saw_nothing();
    assert_eq!(gateway.finish().of(&id).reason(), "body_timeout");
}

#[test]
fn a_body_that_dribbles_is_a_timeout() {
    // LST-05: 4 KiB/s after 2 s.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("limits", "body_timeout", "\"10s\""));
    let delivery = PROVIDER.delivery();
    let mut slow = gateway.connect();
    slow.send(&head_only(&delivery, 1000, ""));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(7) && slow.try_send(b"a").is_ok() {
        std::thread::sleep(Duration::from_millis(50));
        if begun.elapsed() > Duration::from_millis(2500) {
            break;
        }
    }
    slow.answer().refused(408, "timeout");
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn a_body_cut_off_is_no_delivery() {
    // TLS-17 and H1-10: half a body is refused or dropped, never judged.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    let delivery = PROVIDER.delivery();
    let whole = request(&PROVIDER.path(), &delivery.headers, &delivery.body);
    let mut connection = gateway.connect();
    connection.send(&whole[..whole.len() - 5]);
    drop(connection);
    std::thread::sleep(Duration::from_millis(300));
    upstream.saw_nothing();
    assert_eq!(gateway.deliver(&delivery).status, 200, "the retry passes");
    gateway.finish();
}

#[test]
fn heads_have_a_bound() {
    // H1-24.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("limits", "max_header_bytes", "\"16KiB\""));
    let large = [
        ("one of 20 KiB", "X-Large", 1, 20_000),
        ("many small ones", "X-Many", 2000, 10),
        ("far too much", "X-Huge", 1, 500_000),
    ];
    for (name, header, count, bytes) in large {
        let line = format!("{header}: {}\r\n", "a".repeat(bytes));
        let lines = line.repeat(count);
        let mut connection = gateway.connect();
        let _ = connection.try_send(&head_only(&PROVIDER.delivery(), 2, &lines));
        let answer = connection.answer();
        assert_eq!(answer.status, 431, "{name}");
        assert!(answer.closed, "{name}");
    }
    let delivery = PROVIDER.delivery().and("X-Some", &"a".repeat(8000));
    assert_eq!(gateway.deliver(&delivery).status, 200, "below the bound");
    assert_eq!(upstream.received().len(), 1);
    let ledger = gateway.finish();
    assert!(ledger.requests().iter().all(|record| ["headers_too_large", "delivered"].contains(&record.reason())));
}

#[test]
fn a_head_that_never_ends_is_closed() {
    // LST-03, LST-04, TLS-05.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("limits", "header_timeout", "\"1s\""));
    let mut half_head = gateway.connect();
    half_head.send(b"POST /hooks/standard-webhooks HTTP/1.1\r\nHost: lo");
    let mut no_handshake = gateway.connect_raw();
    let mut half_hello = gateway.connect_raw();
    half_hello.send(b"\x16\x03\x01\x02\x00\x01\x00");
    let begun = Instant::now();
    for (name, connection) in [("half a head", &mut half_head), ("silence", &mut no_handshake), ("half a hello", &mut half_hello)]
    {
        let _alert = connection.drain(Duration::from_secs(5));
        assert!(begun.elapsed() < Duration::from_secs(4), "{name} is still open");
    }
    upstream.saw_nothing();
    assert!(gateway.finish().requests().is_empty());
}

#[test]
fn a_head_that_dribbles_is_closed_by_the_same_deadline() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("limits", "header_timeout", "\"1s\""));
    let mut slow = gateway.connect();
    slow.send(b"POST / HTTP/1.1\r\nX: ");
    let begun = Instant::now();
    while slow.try_send(b"a").is_ok() && begun.elapsed() < Duration::from_secs(6) {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    gateway.finish();
}

#[test]
fn an_idle_connection_is_closed() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("limits", "idle_timeout", "\"1s\""));
    let mut connection = gateway.connect();
    for _ in 0..2 {
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        let answer = connection.answer();
        assert_eq!((answer.status, answer.closed), (200, false), "kept for the next one");
    }
    assert!(connection.closes_within(Duration::from_secs(4)));
    gateway.finish();
}

#[test]
fn one_source_has_its_budget_and_another_has_its_own() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("rate_limit", "per_source", "{ rate = \"1/m\", burst = 3 }"));
    let other = Ipv4Addr::new(127, 0, 0, 2);
    for _ in 0..3 {
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    }
    let refused = PROVIDER.delivery();
    let answer = gateway.deliver(&refused);
    let id = answer.refused(429, "rate_limited");
    assert!(answer.closed);
    // A forged address buys nothing: RL-01.
    gateway.deliver(&PROVIDER.delivery().and("X-Forwarded-For", "203.0.113.7")).refused(429, "rate_limited");
    assert_eq!(gateway.deliver_from(other, &refused).status, 200, "another source, and nothing was claimed");
    assert_eq!(upstream.received().len(), 4);
    let ledger = gateway.finish();
    assert_eq!(ledger.of(&id).reason(), "rate_limited_source");
}

#[test]
fn failures_never_mute_an_honest_sender() {
    // RL-05, RL-06: contract 3.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("rate_limit", "failures_per_source", "{ rate = \"1/m\", burst = 3 }"));
    for _ in 0..3 {
        gateway.deliver(&PROVIDER.delivery().with_tampered_body()).refused(401, "unauthorized");
    }
    gateway.deliver(&PROVIDER.delivery().with_tampered_body()).refused(429, "rate_limited");

    let mut unsigned = gateway.connect();
    let mut bare = PROVIDER.delivery();
    bare.headers.clear();
    unsigned.send(&head_only(&bare, 100_000, ""));
    let answer = unsigned.answer();
    answer.refused(429, "rate_limited");
    assert!(answer.closed, "unread");

    for _ in 0..5 {
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "one that verifies passes");
    }
    let other = Ipv4Addr::new(127, 0, 0, 3);
    gateway.deliver_from(other, &PROVIDER.delivery().with_tampered_body()).refused(401, "unauthorized");
    assert_eq!(upstream.received().len(), 5);
    let metrics = gateway.metrics();
    let limited = [("integration", "standard-webhooks"), ("outcome", "refused"), ("reason", "rate_limited_failures")];
    assert!((metrics.sum("hookward_requests_total", &limited) - 2.0).abs() < 0.5, "{}", metrics.text);
    gateway.finish();
}

#[test]
fn an_integration_has_a_budget_that_only_fresh_deliveries_spend() {
    let upstream = Upstream::start();
    let limited = Integration::new(PROVIDER, &upstream.url()).line("rate_limit = { rate = \"1/m\", burst = 2 }");
    let gateway = Gateway::start(Config::of(limited));
    let first = PROVIDER.delivery();
    gateway.deliver(&PROVIDER.delivery().with_tampered_body()).refused(401, "unauthorized");
    assert_eq!(gateway.deliver(&first).status, 200);
    gateway.deliver(&first).refused(409, "conflict");
    gateway.deliver(&first).refused(409, "conflict");
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "neither forgeries nor replays spend");
    let third = PROVIDER.delivery();
    let id = gateway.deliver(&third).refused(429, "rate_limited");
    // The claim was released: the retry meets the budget again, not its own shadow.
    gateway.deliver(&third).refused(429, "rate_limited");
    assert_eq!(upstream.received().len(), 2);
    assert_eq!(gateway.finish().of(&id).reason(), "rate_limited_integration");
}

#[test]
fn one_source_may_hold_so_many_connections() {
    // LST-02.
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream).set("limits", "max_connections_per_source", "3"));
    let held = (0..3).map(|_| gateway.connect()).collect::<Vec<_>>();
    assert!(gateway.try_connect(Ipv4Addr::LOCALHOST).is_err(), "the fourth is not served");
    assert!(gateway.try_connect(Ipv4Addr::new(127, 0, 0, 4)).is_ok(), "another source is");
    drop(held);
    let again = crate::support::poll(Duration::from_secs(5), || gateway.try_connect(Ipv4Addr::LOCALHOST).ok());
    assert!(again.is_some(), "a place given back is a place");
    gateway.finish();
}

#[test]
fn one_source_may_hold_an_eighth_of_the_bytes_unverified() {
    // MEM-01, MEM-02: taken as bytes arrive, so an announcement alone costs nothing.
    let upstream = Upstream::start();
    let limits = config(&upstream).set("limits", "max_body", "\"1MiB\"").set("limits", "max_inflight_bytes", "\"8MiB\"");
    let gateway = Gateway::start(limits);
    let liars = (0..20).map(|_| {
        let mut connection = gateway.connect();
        connection.send(&head_only(&sized(16), 1_000_000, ""));
        connection
    });
    let liars = liars.collect::<Vec<Connection>>();
    assert_eq!(gateway.deliver(&sized(100_000)).status, 200, "announcements hold nothing");
    drop(liars);

    let holder = sized(900_000);
    let whole = request(&PROVIDER.path(), &holder.headers, &holder.body);
    let mut connection = gateway.connect();
    connection.send(&whole[..whole.len() - 1]);
    std::thread::sleep(Duration::from_millis(200));
    let id = gateway.deliver(&sized(400_000)).refused(503, "unavailable");
    let other = Ipv4Addr::new(127, 0, 0, 5);
    assert_eq!(gateway.deliver_from(other, &sized(400_000)).status, 200, "another source has its own share");
    connection.send(&whole[whole.len() - 1..]);
    assert_eq!(connection.answer().status, 200);
    assert_eq!(gateway.deliver(&sized(400_000)).status, 200, "bytes given back are bytes");
    assert_eq!(gateway.finish().of(&id).reason(), "overloaded");
}

#[test]
fn an_integration_that_is_off_takes_nothing() {
    let upstream = Upstream::start();
    let off = Integration::new(PROVIDER, &upstream.url()).line("enabled = false");
    let gateway = Gateway::start(Config::of(off).integration(Integration::new(Provider::Stripe, &upstream.url())));
    let id = gateway.deliver(&PROVIDER.delivery()).refused(403, "forbidden");
    upstream.saw_nothing();
    assert_eq!(gateway.deliver(&Provider::Stripe.delivery()).status, 200);
    assert_eq!(gateway.finish().of(&id).reason(), "integration_disabled");
}
