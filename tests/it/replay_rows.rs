//! The rows of the attack catalogue about attempts and their claims, by name: slow bodies, upstreams that fail, senders that leave,
//! answers that are lost. Each ends with what was forwarded, and with a retry that is judged rightly.

use std::time::{Duration, Instant};

use crate::support::client::{Answer, Connection, request};
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, free_port};
use crate::support::provider::{Delivery, Provider};
use crate::support::upstream::{Latch, Reply, Upstream};
use crate::support::{poll, unix_now};

fn gateway_to(provider: Provider, url: &str, line: &str) -> Gateway {
    Gateway::start(Config::of(Integration::new(provider, url).line(line)))
}

/// Sends a delivery until it is taken; what every attempt was answered.
#[track_caller]
fn persist(gateway: &Gateway, delivery: &Delivery) -> Vec<u16> {
    let mut statuses = Vec::new();
    let taken = poll(Duration::from_secs(30), || {
        let status = gateway.deliver(delivery).status;
        if statuses.last() != Some(&status) {
            statuses.push(status);
        }
        (status == 200).then_some(())
    });
    assert!(taken.is_some(), "never taken: {statuses:?}");
    statuses
}

fn is_in_flight(answer: &Answer) -> bool {
    answer.status == 409 && answer.header("retry-after").is_some()
}

#[test]
fn clk_06_the_window_is_judged_when_the_body_is_whole() {
    let upstream = Upstream::start();
    let gateway = gateway_to(Provider::Stripe, &upstream.url(), "tolerance = \"1s\"");
    // Fresh when its head comes, for the second in which it is sent; too old when its last byte does.
    let delivery = Provider::Stripe.delivery_at(unix_now() - 1);
    let whole = request(&Provider::Stripe.path(), &delivery.headers, &delivery.body);
    let mut connection = gateway.connect();
    connection.send(&whole[..whole.len() - 1]);
    std::thread::sleep(Duration::from_millis(1800));
    connection.send(&whole[whole.len() - 1..]);
    let id = connection.answer().refused(401, "unauthorized");
    upstream.saw_nothing();
    assert_eq!(gateway.finish().of(&id).reason(), "timestamp_too_old");
}

#[test]
fn rpl_09_a_delivery_that_failed_is_taken_by_a_retry_of_the_same_bytes() {
    let port = free_port();
    let gateway = gateway_to(Provider::Shopify, &format!("http://127.0.0.1:{port}/hooks"), "timeout = \"1s\"");
    let delivery = Provider::Shopify.delivery();
    gateway.deliver(&delivery).refused(502, "bad_gateway");
    let upstream = Upstream::on_port(port);
    let faults = [Reply::status(500), Reply::status(503), Reply::status(404), Reply::Hang, Reply::RawThenReset(Vec::new())];
    for fault in faults {
        upstream.next(fault);
    }
    // Refused, it may come again at once; where nobody knows, it waits for the claim to lapse.
    let mut statuses = persist(&gateway, &delivery);
    statuses.retain(|status| *status != 409);
    assert_eq!(statuses, [500, 503, 404, 504, 502, 200]);
    assert_eq!(gateway.deliver(&delivery).header("hookward-replay"), Some("true"), "now it is known");
    let received = upstream.received();
    assert_eq!(received.len(), 6, "five attempts that failed, and the one that did not");
    assert!(received.iter().all(|request| request.idempotency_key() == received[0].idempotency_key()));
    gateway.finish();
}

#[test]
fn rpl_10_a_sender_that_leaves_loses_nothing_and_leaves_nothing_stuck() {
    const POINTS: u64 = 20;
    let upstream = Upstream::start();
    upstream.always(Reply::ok_after(Duration::from_millis(60)));
    let gateway = gateway_to(Provider::Stripe, &upstream.url(), "timeout = \"5s\"");
    let deliveries: Vec<Delivery> = (0..POINTS).map(|_| Provider::Stripe.delivery()).collect();
    for (point, delivery) in (0..).zip(&deliveries) {
        let mut connection = gateway.connect();
        connection.send_delivery(&Provider::Stripe.path(), delivery);
        // Before it is read, while it is forwarded, after it was taken.
        std::thread::sleep(Duration::from_millis(point * 5));
        if point % 2 == 0 {
            connection.reset();
        }
    }
    for (point, delivery) in deliveries.iter().enumerate() {
        let known = poll(Duration::from_secs(10), || Some(gateway.deliver(delivery)).filter(|answer| !is_in_flight(answer)));
        let status = known.expect("not in flight for ever").status;
        assert!([200, 409].contains(&status), "left at {point} of {POINTS}: {status}");
        gateway.deliver(delivery).refused(409, "conflict");
    }
    let mut bodies: Vec<_> = upstream.received().into_iter().map(|request| request.body).collect();
    let forwarded = bodies.len();
    bodies.sort();
    bodies.dedup();
    assert_eq!((bodies.len() as u64, forwarded as u64), (POINTS, POINTS), "each once");
    gateway.finish();
}

#[test]
fn rpl_11_a_sender_that_has_said_everything_is_answered() {
    let upstream = Upstream::start();
    let trusted = "plaintext = \"trusted-proxy\"\ntrusted_proxies = [\"127.0.0.1/32\"]";
    let config = Config::of(Integration::new(Provider::Stripe, &upstream.url())).plain_with(trusted);
    let gateway = Gateway::start(config);
    for _ in 0..10 {
        let delivery = Provider::Stripe.delivery().and("x-forwarded-proto", "https");
        let mut connection = Connection::plain(gateway.ports().plain, std::net::Ipv4Addr::LOCALHOST).unwrap();
        connection.send_delivery(&Provider::Stripe.path(), &delivery);
        connection.finish_sending();
        assert_eq!(connection.answer().status, 200);
        gateway.deliver(&delivery).refused(409, "conflict");
    }
    assert_eq!(upstream.received().len(), 10);
    gateway.finish();
}

#[test]
fn rpl_13_after_a_lost_answer_the_retry_has_the_same_idempotency_key() {
    let upstream = Upstream::start();
    let gateway = gateway_to(Provider::Github, &upstream.url(), "timeout = \"1s\"");
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec();
    for lost in [Reply::RawThenReset(half.clone()), Reply::Raw(half), Reply::Hang] {
        let (before, delivery) = (upstream.received().len(), Provider::Github.delivery());
        upstream.next(lost);
        let begun = Instant::now();
        let first = gateway.deliver(&delivery);
        assert!([502, 504].contains(&first.status), "{}", first.status);
        let statuses = persist(&gateway, &delivery);
        assert!([&[409, 200][..], &[200]].contains(&statuses.as_slice()), "in flight until it lapsed: {statuses:?}");
        assert!(begun.elapsed() >= Duration::from_millis(950), "not at once: {:?}", begun.elapsed());
        let received = &upstream.received()[before..];
        assert_eq!(received.len(), 2);
        assert_eq!(received[0].idempotency_key(), received[1].idempotency_key());
    }
    gateway.finish();
}

#[test]
fn rpl_14_a_duplicate_in_flight_is_never_told_that_it_is_taken() {
    for on_replay in ["reject", "acknowledge"] {
        let upstream = Upstream::start();
        let gateway = gateway_to(Provider::Github, &upstream.url(), &format!("on_replay = \"{on_replay}\"\ntimeout = \"5s\""));
        let (latch, delivery) = (Latch::default(), Provider::Github.delivery());
        upstream.next(Reply::Held(latch.clone(), Box::new(Reply::status(500))));
        let mut first = gateway.connect();
        first.send_delivery(&Provider::Github.path(), &delivery);
        upstream.wait_for(1);
        for _ in 0..20 {
            let duplicate = gateway.deliver(&delivery);
            duplicate.refused(409, "conflict");
            assert!(is_in_flight(&duplicate), "{on_replay}");
        }
        latch.open();
        assert_eq!(first.answer().status, 500);
        assert_eq!(gateway.deliver(&delivery).status, 200, "{on_replay}: the first attempt failed, so the next passes");
        assert_eq!(upstream.received().len(), 2);
        gateway.finish();
    }
}

#[test]
fn rpl_15_what_was_taken_is_answered_as_the_policy_says_and_not_forwarded() {
    for (on_replay, expected) in [("reject", (409, None)), ("acknowledge", (200, Some("true")))] {
        let upstream = Upstream::start();
        let gateway = gateway_to(Provider::Shopify, &upstream.url(), &format!("on_replay = \"{on_replay}\""));
        let delivery = Provider::Shopify.delivery();
        assert_eq!(gateway.deliver(&delivery).status, 200);
        for _ in 0..5 {
            let again = gateway.deliver(&delivery);
            assert_eq!((again.status, again.header("hookward-replay")), expected);
            assert!(!is_in_flight(&again), "nothing to wait for");
        }
        assert_eq!(upstream.received().len(), 1);
        gateway.finish();
    }
}
