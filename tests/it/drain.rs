//! The end: every request is answered or was never taken, and the process leaves in time with exit code 0.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::client::Silence;
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::provider::Provider;
use crate::support::upstream::{Latch, Reply, Upstream};

const PROVIDER: Provider = Provider::Stripe;

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
}

#[test]
fn shd_01_under_load_every_request_is_answered_or_was_never_taken() {
    let upstream = Upstream::start();
    upstream.always(Reply::ok_after(Duration::from_millis(15)));
    let mut gateway = Gateway::start(config(&upstream));
    let over = AtomicBool::new(false);
    let taken: Mutex<Vec<Vec<u8>>> = Mutex::default();
    let unanswered: Mutex<Vec<Vec<u8>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let Ok(mut connection) = gateway.try_connect(Ipv4Addr::LOCALHOST) else { return };
                    loop {
                        let delivery = PROVIDER.delivery();
                        let bytes = crate::support::client::request(&PROVIDER.path(), &delivery.headers, &delivery.body);
                        if connection.try_send(&bytes).is_err() {
                            unanswered.lock().unwrap().push(delivery.body);
                            break;
                        }
                        match connection.try_answer(Duration::from_secs(10)) {
                            Ok(answer) if answer.status == 200 => taken.lock().unwrap().push(delivery.body),
                            Ok(answer) => assert_eq!(answer.refused(503, "unavailable").len(), 26),
                            // Ended before one byte of an answer: then it must not have been taken.
                            Err(Silence::Closed(0)) => {
                                unanswered.lock().unwrap().push(delivery.body);
                                break;
                            }
                            Err(silence) => panic!("{silence:?}"),
                        }
                        if over.load(Ordering::SeqCst) {
                            break;
                        }
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(400));
        gateway.signal("TERM");
        std::thread::sleep(Duration::from_millis(700));
        over.store(true, Ordering::SeqCst);
    });
    let ledger = gateway.exit_cleanly();
    let (taken, unanswered) = (taken.into_inner().unwrap(), unanswered.into_inner().unwrap());
    let received = upstream.received().into_iter().map(|request| request.body).collect::<Vec<_>>();
    assert!(taken.len() > 20, "only {}", taken.len());
    assert!(unanswered.iter().all(|body| !received.contains(body)), "taken and not answered");
    assert_eq!(received.len(), taken.len(), "each once, and nobody's answer was lost");
    let delivered = ledger.requests().iter().filter(|record| record.reason() == "delivered").count();
    assert_eq!(delivered, taken.len());
}

#[test]
fn what_is_under_way_is_finished() {
    let upstream = Upstream::start();
    for signal in ["TERM", "INT"] {
        let mut gateway = Gateway::start(config(&upstream));
        let latch = Latch::default();
        upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
        let before = upstream.received().len();
        let mut connection = gateway.connect();
        connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
        upstream.wait_for(before + 1);
        gateway.signal(signal);
        std::thread::sleep(Duration::from_millis(300));
        latch.open();
        let answer = connection.answer();
        assert_eq!((answer.status, answer.closed), (200, true), "{signal}");
        let ledger = gateway.exit_cleanly();
        ledger.holds_exactly(&[("delivered", 200)]);
        assert_eq!(ledger.records.last().unwrap().kind(), "stop");
    }
}

#[test]
fn a_sender_that_left_does_not_take_its_delivery_along() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(config(&upstream));
    let latch = Latch::default();
    upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
    let mut connection = gateway.connect();
    connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    upstream.wait_for(1);
    drop(connection);
    gateway.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    latch.open();
    gateway.exit_cleanly().holds_exactly(&[("delivered", 200)]);
}

#[test]
fn shd_02_nobody_can_hold_up_the_end() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(config(&upstream).set("limits", "drain_timeout", "\"2s\""));
    let idle = gateway.connect();
    let silent = gateway.connect_raw();
    let mut half_head = gateway.connect();
    half_head.send(b"POST /hooks/stripe HTTP/1.1\r\nHost:");
    let mut half_body = gateway.connect();
    let delivery = PROVIDER.delivery();
    let whole = crate::support::client::request(&PROVIDER.path(), &delivery.headers, &delivery.body);
    half_body.send(&whole[..whole.len() - 3]);
    upstream.next(Reply::Hang);
    let mut held = gateway.connect();
    held.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    upstream.wait_for(1);
    let begun = Instant::now();
    gateway.signal("TERM");
    gateway.wait_exit(Duration::from_secs(6));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop((idle, silent, half_head, half_body, held));
}

#[test]
fn readiness_goes_first() {
    let upstream = Upstream::start();
    let config = config(&upstream).set("limits", "drain_delay", "\"2s\"");
    let mut gateway = Gateway::start(config);
    assert_eq!(gateway.admin("/readyz").status, 200);
    gateway.signal("TERM");
    let off = crate::support::poll(Duration::from_secs(1), || (gateway.admin("/readyz").status == 503).then_some(()));
    assert!(off.is_some(), "not ready any more");
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "but still serving");
    assert_eq!(gateway.admin("/healthz").status, 200, "and alive");
    gateway.exit_cleanly().holds_exactly(&[("delivered", 200)]);
}

#[test]
fn an_idle_gateway_ends_at_once() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(config(&upstream));
    let _keep_alive = gateway.connect();
    let begun = Instant::now();
    gateway.signal("TERM");
    gateway.exit_cleanly();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(gateway.try_connect(Ipv4Addr::LOCALHOST).is_err());
}

#[test]
fn the_port_is_free_afterwards() {
    let upstream = Arc::new(Upstream::start());
    let mut gateway = Gateway::start(config(&upstream));
    let port = gateway.ports().public;
    assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200);
    gateway.signal("TERM");
    gateway.exit_cleanly();
    let again = Upstream::on_port(port);
    again.saw_nothing();
}
