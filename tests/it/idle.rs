//! Connections between two requests: next to nothing is kept of them, and their senders do not notice.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::support::certificate::Certificate;
use crate::support::client::{Connection, Silence};
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::operator::replace;
use crate::support::poll;
use crate::support::process::resident_kib;
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

const PROVIDER: Provider = Provider::Stripe;
/// Longer than a connection stays as it is without a request.
const QUIET: Duration = Duration::from_millis(1400);

fn config(upstream: &Upstream) -> Config {
    Config::of(Integration::new(PROVIDER, &upstream.url()))
}

#[track_caller]
fn deliver(connection: &mut Connection) {
    connection.send_delivery(&PROVIDER.path(), &PROVIDER.delivery());
    let answer = connection.answer();
    assert_eq!((answer.status, answer.closed), (200, false), "{}", answer.text());
}

#[test]
fn requests_around_the_moment_of_quiet_are_taken_once() {
    const SENDERS: u64 = 24;
    const ROUNDS: u64 = 4;
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let gateway = &gateway;
            scope.spawn(move || {
                let mut connection = gateway.connect();
                deliver(&mut connection);
                for round in 0..ROUNDS {
                    // Each a little further, from before the moment to behind it.
                    std::thread::sleep(Duration::from_millis(985 + (sender * ROUNDS + round) % 40));
                    deliver(&mut connection);
                }
            });
        }
    });
    let all = usize::try_from(SENDERS * (ROUNDS + 1)).unwrap();
    assert_eq!(upstream.received().len(), all);
    assert!((gateway.metrics().sum("hookward_connections", &[]) - 1.0).abs() < 1.5, "the senders are gone");
    let delivered = gateway.finish();
    assert_eq!(delivered.requests().iter().filter(|record| record.reason() == "delivered").count(), all);
}

#[test]
fn a_quiet_connection_outlives_its_certificate_and_ends_with_the_gateway() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(config(&upstream));
    let mut quiet: Vec<_> = (0..4).map(|_| gateway.connect()).collect();
    quiet.iter_mut().for_each(deliver);
    std::thread::sleep(QUIET);
    let next = Certificate::generate();
    replace(&gateway.directory().join("tls.key"), &next.key_pem);
    replace(&gateway.directory().join("tls.crt"), &next.cert_pem);
    let exchanged = poll(Duration::from_secs(20), || {
        Connection::tls(gateway.ports().public, Ipv4Addr::LOCALHOST, &next).is_ok().then_some(())
    });
    assert!(exchanged.is_some(), "the next certificate serves");
    quiet.iter_mut().for_each(deliver);
    std::thread::sleep(QUIET);
    gateway.signal("TERM");
    for connection in &mut quiet {
        assert_eq!(connection.try_answer(Duration::from_secs(10)).unwrap_err(), Silence::Closed(0));
    }
    gateway.exit_cleanly().holds_exactly(&[("delivered", 200); 8]);
}

#[test]
fn what_a_request_took_is_given_back_when_its_connection_is_quiet() {
    const CROWD: u64 = 300;
    /// In a debug build. As long as hyper's buffers stay it is 50 and more.
    const KIB_EACH: u64 = 30;
    let upstream = Upstream::start();
    let gateway = Gateway::start(config(&upstream));
    deliver(&mut gateway.connect());
    let before = resident_kib(gateway.pid());
    let crowd: Vec<_> = (0..CROWD)
        .map(|index| {
            let mut connection = gateway.connect_from(Ipv4Addr::new(127, 0, 1, u8::try_from(index / 40 + 1).unwrap()));
            deliver(&mut connection);
            connection
        })
        .collect();
    let grown = || resident_kib(gateway.pid()).saturating_sub(before);
    let given_back = poll(Duration::from_secs(20), || (grown() < KIB_EACH * CROWD).then_some(()));
    assert!(given_back.is_some(), "{} KiB for {CROWD} connections", grown());
    drop(crowd);
    gateway.finish();
}
