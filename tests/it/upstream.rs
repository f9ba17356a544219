//! An upstream that fails in every way: what the sender is told, and whether its retry is taken.

use std::time::{Duration, Instant};

use crate::support::certificate::Certificate;
use crate::support::client::request;
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, free_port};
use crate::support::provider::Provider;
use crate::support::siege::Siege;
use crate::support::upstream::{Latch, Reply, Upstream};

const PROVIDER: Provider = Provider::Stripe;

fn gateway_to(url: &str, timeout: &str) -> Gateway {
    let line = format!("timeout = \"{timeout}\"");
    Gateway::start(Config::of(Integration::new(PROVIDER, url).line(&line)))
}

/// The same under siege: what is refused here has reached the upstream, and how often is counted.
fn besieged(timeout: &str) -> Siege {
    let line = format!("timeout = \"{timeout}\"");
    Siege::begin(PROVIDER, |upstream| Config::of(Integration::new(PROVIDER, &upstream.url()).line(&line)))
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
    let mut siege = besieged("1s");
    let delivery = PROVIDER.delivery();
    siege.upstream.next(Reply::Hang);
    let begun = Instant::now();
    let answer = siege.gateway.deliver(&delivery);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");
    siege.was_sent("it hangs", 1);
    siege.saw("it hangs", Ok(answer)).expecting(504, "upstream_timeout");

    let answer = siege.gateway.deliver(&delivery);
    let answer = siege.saw("at once again", Ok(answer)).expecting(409, "replay_in_flight");
    let after = answer.header("retry-after").expect("Retry-After").parse::<u64>().unwrap();
    assert!((1..=2).contains(&after), "{after}");

    let gateway = &siege.gateway;
    let retried = crate::support::poll(Duration::from_secs(5), || Some(gateway.deliver(&delivery)).filter(|a| a.status == 200));
    assert!(retried.is_some(), "a retry after the lapse passes");
    assert!(begun.elapsed() >= Duration::from_millis(1900), "not before `timeout` more");
    siege.served(1);
    siege.decides_only("retries before the lapse", &["replay_in_flight"]);
    let requests = siege.upstream.received();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].idempotency_key(), requests[1].idempotency_key());
    siege.end();
}

#[test]
fn ups_06_an_answer_that_is_none_is_refused_and_what_it_answers_is_not_sent_again() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n".to_vec();
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let length_beside_chunks = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
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
        ("a length beside chunks", Reply::Raw(length_beside_chunks.to_vec())),
        ("a length that is no number", Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nab".to_vec())),
        ("a status that is none", Reply::Raw(b"HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\nab".to_vec())),
        ("101", Reply::Raw(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n".to_vec())),
        ("a head without end", Reply::Raw([b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-Y: z\r\n".repeat(60_000)].concat())),
    ];
    let mut siege = besieged("2s");
    for (index, (name, fault)) in faults.iter().enumerate() {
        let delivery = PROVIDER.delivery();
        siege.upstream.next(fault.clone());
        let answer = siege.gateway.deliver(&delivery);
        siege.was_sent(name, index + 1);
        siege.saw(name, Ok(answer)).expecting(502, "upstream_invalid");
        let answer = siege.gateway.deliver(&delivery);
        siege.saw(name, Ok(answer)).expecting(409, "replay_in_flight");
    }
    // What follows a whole answer is no answer to the next request, and 204 and 304 have no body whatever they say.
    let whole: [(&str, &[u8], u16); 3] = [
        (
            "one answer and another",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Evil\r\nContent-Length: 0\r\n\r\n",
            200,
        ),
        ("204 with a body", b"HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nevil", 204),
        ("304 with a body", b"HTTP/1.1 304 No\r\nContent-Length: 4\r\n\r\nevil", 304),
    ];
    for (name, raw, status) in whole {
        siege.upstream.next(Reply::Raw(raw.to_vec()));
        let mut connection = siege.gateway.connect();
        for status in [status, 200] {
            connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
            let answer = connection.answer();
            assert!(!answer.text().contains("evil"), "{name}");
            siege.passes(name, &answer, status);
        }
    }
    siege.lift();
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
    let mut siege = besieged("1s");
    let few = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    siege.upstream.next(Reply::Raw(few));
    let answer = siege.gateway.deliver(&PROVIDER.delivery());
    assert_eq!(answer.text(), "ok");
    siege.passes("a few", &answer, 200);
    siege.upstream.next(Reply::Flood(b"HTTP/1.1 103 Early Hints\r\n\r\n"));
    let begun = Instant::now();
    let answer = siege.gateway.deliver(&PROVIDER.delivery());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    siege.was_sent("a flood", 2);
    siege.saw("a flood", Ok(answer)).expecting(504, "upstream_timeout");
    siege.lift();
}

#[test]
fn ups_07_an_answer_may_have_a_mebibyte_and_no_more() {
    let mut siege = besieged("5s");
    siege.upstream.next(Reply::Answer(200, "", vec![b'x'; 1024 * 1024]));
    let answer = siege.gateway.deliver(&PROVIDER.delivery());
    assert_eq!(answer.body.len(), 1024 * 1024);
    siege.passes("a mebibyte", &answer, 200);
    let over = [
        ("a byte more, declared", Reply::Answer(200, "", vec![b'x'; 1024 * 1024 + 1])),
        ("twice as much, undeclared", Reply::Raw([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 2 * 1024 * 1024]].concat())),
        ("10 GB, declared", Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nx".to_vec())),
    ];
    for (index, (name, reply)) in over.into_iter().enumerate() {
        siege.upstream.next(reply);
        let answer = siege.gateway.deliver(&PROVIDER.delivery());
        siege.was_sent(name, index + 2);
        siege.saw(name, Ok(answer)).expecting(502, "upstream_invalid");
    }
    siege.lift();
}

#[test]
fn ups_02_one_that_comes_too_late_is_a_timeout() {
    // UPS-02: the deadline is for the whole answer.
    let mut siege = besieged("1s");
    siege.upstream.next(Reply::After(Duration::from_secs(3), Box::new(Reply::ok())));
    let begun = Instant::now();
    let answer = siege.gateway.deliver(&PROVIDER.delivery());
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    siege.was_sent("late", 1);
    siege.saw("late", Ok(answer)).expecting(504, "upstream_timeout");
    siege.lift();
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
