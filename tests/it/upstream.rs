//! An upstream that fails in every way: what the sender is told, and whether its retry is taken.

use std::time::{Duration, Instant};

use crate::support::certificate::Certificate;
use crate::support::client::request;
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, free_port};
use crate::support::provider::Provider;
use crate::support::upstream::{Latch, Reply, Upstream};

const PROVIDER: Provider = Provider::Stripe;

fn gateway_to(url: &str, timeout: &str) -> Gateway {
    let line = format!("timeout = \"{timeout}\"");
    Gateway::start(Config::of(Integration::new(PROVIDER, url).line(&line)))
}

#[test]
fn a_sender_that_hangs_up_changes_nothing() {
    // RPL-10: hyper drops the service's future when the peer goes away; the delivery must not go with it.
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "10s");
    for reset in [false, true] {
        let latch = Latch::default();
        let before = upstream.received().len();
        upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
        let delivery = PROVIDER.delivery();
        let mut connection = gateway.connect();
        connection.send_delivery(&PROVIDER.path(), &delivery);
        upstream.wait_for(before + 1);
        if reset {
            connection.reset();
        } else {
            drop(connection);
        }
        std::thread::sleep(Duration::from_millis(100));
        latch.open();
        gateway
            .await_record(|record| record.reason() == "delivered" && record.number("body_bytes") == delivery.body.len() as u64);
        crate::support::poll(Duration::from_secs(5), || (gateway.deliver(&delivery).status == 409).then_some(())).unwrap();
        assert_eq!(upstream.received().len(), before + 1, "finished once, never again");
    }
    gateway.finish();
}

#[test]
fn a_sender_may_leave_at_any_point() {
    // RPL-10: nothing stuck, nothing lost, nothing twice, wherever the connection ends.
    const POINTS: usize = 20;
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "5s");
    let deliveries = (0..=POINTS).map(|_| PROVIDER.delivery()).collect::<Vec<_>>();
    for (point, delivery) in deliveries.iter().enumerate() {
        let whole = request(&PROVIDER.path(), &delivery.headers, &delivery.body);
        let mut connection = gateway.connect();
        connection.send(&whole[..whole.len() * point / POINTS]);
        if point % 2 == 0 {
            connection.reset();
        }
    }
    for (point, delivery) in deliveries.iter().enumerate() {
        let taken = crate::support::poll(Duration::from_secs(5), || {
            let answer = gateway.deliver(delivery);
            (answer.status == 200 || answer.header("retry-after").is_none()).then_some(answer.status)
        });
        let expected: &[u16] = if point < POINTS { &[200] } else { &[200, 409] };
        assert!(taken.is_some_and(|status| expected.contains(&status)), "left at {point} of {POINTS}: {taken:?}");
    }
    let mut bodies = upstream.received().into_iter().map(|request| request.body).collect::<Vec<_>>();
    bodies.sort();
    bodies.dedup();
    assert_eq!((bodies.len(), upstream.received().len()), (POINTS + 1, POINTS + 1), "each once");
    gateway.finish();
}

#[test]
fn ups_10_any_other_complete_answer_is_passed_and_releases_the_claim() {
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "5s");
    for status in [500, 503, 404, 410, 429, 302] {
        let delivery = PROVIDER.delivery();
        let before = upstream.received().len();
        upstream.next(Reply::status(status));
        let answer = gateway.deliver(&delivery);
        assert_eq!((answer.status, answer.text().as_str()), (status, "said no"));
        assert_eq!(gateway.deliver(&delivery).status, 200, "a retry after {status} passes at once");
        gateway.deliver(&delivery).refused(409, "conflict");
        let requests = upstream.received().split_off(before);
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].idempotency_key(), requests[1].idempotency_key());
        assert_ne!(requests[0].header("hookward-request-id"), requests[1].header("hookward-request-id"));
    }
    let ledger = gateway.finish();
    let rejected = ledger.requests().into_iter().filter(|record| record.reason() == "upstream_rejected").collect::<Vec<_>>();
    assert_eq!(rejected.len(), 6);
    assert!(rejected.iter().all(|record| record.text("decision") == "accepted"));
    assert!(rejected.iter().all(|record| record.number("status") == record.number("upstream_status")));
}

#[test]
fn ups_09_redirects_are_passed_and_never_followed() {
    let (upstream, elsewhere) = (Upstream::start(), Upstream::start());
    let gateway = gateway_to(&upstream.url(), "5s");
    let location = format!("Location: {}\r\n", elsewhere.url());
    upstream.next(Reply::Answer(307, Box::leak(location.into_boxed_str()), Vec::new()));
    let answer = gateway.deliver(&PROVIDER.delivery());
    assert_eq!((answer.status, answer.header("location")), (307, Some(elsewhere.url().as_str())));
    elsewhere.saw_nothing();
    gateway.finish();
}

#[test]
fn ups_02_one_that_hangs_is_a_timeout_and_the_claim_lapses() {
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "1s");
    let delivery = PROVIDER.delivery();
    upstream.next(Reply::Hang);
    let begun = Instant::now();
    let id = gateway.deliver(&delivery).refused(504, "gateway_timeout");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");

    let answer = gateway.deliver(&delivery);
    answer.refused(409, "conflict");
    let after = answer.header("retry-after").expect("Retry-After").parse::<u64>().unwrap();
    assert!((1..=2).contains(&after), "{after}");

    let retried = crate::support::poll(Duration::from_secs(5), || Some(gateway.deliver(&delivery)).filter(|a| a.status == 200));
    assert!(retried.is_some(), "a retry after the lapse passes");
    assert!(begun.elapsed() >= Duration::from_millis(1900), "not before `timeout` more");
    let requests = upstream.received();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].idempotency_key(), requests[1].idempotency_key());
    let ledger = gateway.finish();
    assert_eq!(ledger.of(&id).reason(), "upstream_timeout");
    assert_eq!(ledger.only("delivered").number("status"), 200);
}

#[test]
fn ups_04_and_06_what_may_have_been_received_is_not_sent_again() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n".to_vec();
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let faults = [
        ("reset before the answer", Reply::RawThenReset(Vec::new())),
        ("reset inside the head", Reply::RawThenReset(head.clone())),
        ("reset inside the body", Reply::RawThenReset(half.clone())),
        ("closed before the answer", Reply::Raw(Vec::new())),
        ("closed inside the head", Reply::Raw(head)),
        ("closed inside the body", Reply::Raw(half)),
        ("garbage", Reply::Raw(b"\x16\x03\x01 not HTTP at all\r\n\r\n".to_vec())),
        ("an HTTP/0.9 answer", Reply::Raw(b"<html>hello</html>".to_vec())),
        ("two lengths", Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec())),
        ("a broken chunk", Reply::Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec())),
        ("101", Reply::Raw(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n".to_vec())),
        ("a head without end", Reply::Raw([b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-Y: z\r\n".repeat(60_000)].concat())),
    ];
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "2s");
    for (index, (name, fault)) in faults.iter().enumerate() {
        let delivery = PROVIDER.delivery();
        upstream.next(fault.clone());
        let answer = gateway.deliver(&delivery);
        assert_eq!(answer.status, 502, "{name}: {}", answer.text());
        let id = answer.refused(502, "bad_gateway");
        let record = gateway.await_record(|record| record.text("request_id") == id);
        assert_eq!((record.reason(), record.text("decision")), ("upstream_invalid", "refused"), "{name}");
        gateway.deliver(&delivery).refused(409, "conflict");
        assert_eq!(upstream.received().len(), index + 1, "{name}: sent once");
    }
    gateway.finish();
}

#[test]
fn a_lapsed_claim_can_be_taken_again() {
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "1s");
    let delivery = PROVIDER.delivery();
    upstream.next(Reply::RawThenReset(Vec::new()));
    gateway.deliver(&delivery).refused(502, "bad_gateway");
    gateway.deliver(&delivery).refused(409, "conflict");
    std::thread::sleep(Duration::from_millis(1300));
    assert_eq!(gateway.deliver(&delivery).status, 200);
    gateway.deliver(&delivery).refused(409, "conflict");
    let ledger = gateway.finish();
    ledger.holds_exactly(&[("upstream_invalid", 502), ("replay_in_flight", 409), ("delivered", 200), ("replayed", 409)]);
}

#[test]
fn ups_05_interim_answers_pass_and_a_flood_of_them_ends() {
    // UPS-05.
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "1s");
    let few = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    upstream.next(Reply::Raw(few));
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).text(), "ok");
    upstream.next(Reply::Flood(b"HTTP/1.1 103 Early Hints\r\n\r\n"));
    let begun = Instant::now();
    let answer = gateway.deliver(&PROVIDER.delivery());
    assert!([502, 504].contains(&answer.status), "{}", answer.status);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "and nobody else is held up");
    gateway.finish();
}

#[test]
fn ups_07_an_answer_may_have_a_mebibyte_and_no_more() {
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "5s");
    upstream.next(Reply::Answer(200, "", vec![b'x'; 1024 * 1024]));
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).body.len(), 1024 * 1024);
    upstream.next(Reply::Answer(200, "", vec![b'x'; 1024 * 1024 + 1]));
    let declared = gateway.deliver(&PROVIDER.delivery()).refused(502, "bad_gateway");
    upstream.next(Reply::Raw([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 2 * 1024 * 1024]].concat()));
    let endless = gateway.deliver(&PROVIDER.delivery()).refused(502, "bad_gateway");
    let ledger = gateway.finish();
    assert_eq!((ledger.of(&declared).reason(), ledger.of(&endless).reason()), ("upstream_invalid", "upstream_invalid"));
}

#[test]
fn ups_02_one_that_dribbles_is_a_timeout() {
    // UPS-02: the deadline is for the whole answer.
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "1s");
    let late = Reply::After(Duration::from_secs(3), Box::new(Reply::ok()));
    upstream.next(late);
    let begun = Instant::now();
    gateway.deliver(&PROVIDER.delivery()).refused(504, "gateway_timeout");
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    gateway.finish();
}

#[test]
fn ups_01_one_that_is_not_there_releases_the_claim() {
    let port = free_port();
    let gateway = gateway_to(&format!("http://127.0.0.1:{port}/sink"), "5s");
    let delivery = PROVIDER.delivery();
    let id = gateway.deliver(&delivery).refused(502, "bad_gateway");
    let upstream = Upstream::on_port(port);
    assert_eq!(gateway.deliver(&delivery).status, 200, "a retry passes at once");
    assert_eq!(upstream.received().len(), 1);
    let ledger = gateway.finish();
    assert_eq!(ledger.of(&id).reason(), "upstream_unreachable");
    assert!(ledger.of(&id).is_null("upstream_status"));
}

#[test]
fn ups_03_connections_are_kept_and_a_closed_one_costs_no_delivery() {
    // UPS-03.
    let upstream = Upstream::start();
    let gateway = gateway_to(&upstream.url(), "5s");
    let mut connection = gateway.connect();
    for _ in 0..20 {
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        assert_eq!(connection.answer().status, 200);
    }
    assert!(upstream.connections() <= 2, "{} connections for 20 deliveries one after the other", upstream.connections());

    upstream.always(Reply::AnswerThenClose);
    for _ in 0..10 {
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        assert_eq!(connection.answer().status, 200);
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(upstream.received().len(), 30, "each once");
    gateway.finish();
}

#[test]
fn an_https_upstream_is_verified() {
    let (known, stranger) = (Certificate::generate(), Certificate::generate());
    let upstream = Upstream::tls(&known);
    let url = format!("https://localhost:{}/sink", upstream.port());
    let trusted = Integration::new(PROVIDER, &url).line("upstream_tls = { ca = \"known.pem\" }");
    let distrusted = Integration::new(PROVIDER, &url).named("distrusted").line("upstream_tls = { ca = \"stranger.pem\" }");
    let config =
        Config::of(trusted).integration(distrusted).file("known.pem", &known.cert_pem).file("stranger.pem", &stranger.cert_pem);
    let gateway = Gateway::start(config);
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    let delivery = PROVIDER.delivery();
    let id = gateway.deliver_to("/hooks/distrusted", &delivery).refused(502, "bad_gateway");
    gateway.deliver_to("/hooks/distrusted", &delivery).refused(502, "bad_gateway");
    assert_eq!(upstream.received().len(), 1);
    assert_eq!(gateway.finish().of(&id).reason(), "upstream_unreachable");
}

#[test]
fn a_unix_upstream_is_an_upstream() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let upstream = Upstream::unix(&path);
    let gateway = gateway_to(&format!("unix:{}:/stripe", path.display()), "5s");
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    let request = upstream.received().pop().unwrap();
    assert_eq!((request.target.as_str(), request.version.as_str()), ("/stripe", "HTTP/1.1"));
    assert_eq!(request.all("host").len(), 1);
    gateway.finish();
}
