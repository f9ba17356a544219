//! The listener without TLS: whatever is said on it is refused, and nothing said on it is forwarded.

use std::time::Duration;

use crate::support::client::{find, request};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

#[test]
fn every_request_in_the_clear_is_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()).plain());
    for provider in Provider::ALL {
        let delivery = provider.delivery();
        let mut connection = gateway.connect_plain();
        connection.send_delivery(&provider.path(), &delivery);
        let answer = connection.answer();
        answer.refused(403, "forbidden");
        assert_eq!(answer.header("location"), None, "a redirect would have the body sent twice in the clear");
        assert_eq!(gateway.deliver(&delivery).status, 200, "{provider:?}: nothing was burnt by it");
    }
    assert_eq!(upstream.received().len(), Provider::ALL.len());
    let ledger = gateway.finish();
    let refused = ledger.requests().into_iter().filter(|record| record.reason() == "plaintext").collect::<Vec<_>>();
    assert_eq!(refused.len(), Provider::ALL.len());
    assert!(refused.iter().all(|record| record.text("listener") == "plain" && record.number("status") == 403));
}

#[test]
fn neither_path_nor_method_nor_headers_change_that() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()).plain());
    let delivery = Provider::Stripe.delivery().and("X-Forwarded-Proto", "https").and("Forwarded", "proto=https");
    let requests = [
        request("/hooks/stripe", &delivery.headers, &delivery.body),
        request("/nowhere", &delivery.headers, &delivery.body),
        b"GET /hooks/stripe HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
    ];
    for bytes in requests {
        let mut connection = gateway.connect_plain();
        connection.send(&bytes);
        connection.answer().refused(403, "forbidden");
    }
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn the_body_is_neither_waited_for_nor_asked_for() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()).plain());
    let mut connection = gateway.connect_plain();
    connection.send(b"POST /hooks/stripe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\nExpect: 100-continue\r\n\r\n");
    let answer = connection.answer();
    answer.refused(403, "forbidden");
    assert_eq!((answer.interim.len(), answer.closed), (0, true));
    gateway.finish();
}

#[test]
fn the_two_languages_do_not_mix() {
    // TLS-02 and H1-25.
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()).plain());
    let mut clear_on_tls = gateway.connect_raw();
    clear_on_tls.send(b"POST /hooks/stripe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    let said = clear_on_tls.drain(Duration::from_secs(7));
    assert!(find(&said, b"HTTP/").is_none(), "no HTTP on the TLS port: {said:?}");

    let mut tls_on_clear = gateway.connect_plain();
    tls_on_clear.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    tls_on_clear.send(&[0; 600]);
    let said = tls_on_clear.drain(Duration::from_secs(7));
    let refused = said.starts_with(b"HTTP/1.1 400") || said.starts_with(b"HTTP/1.1 403");
    assert!(said.is_empty() || refused, "{:?}", String::from_utf8_lossy(&said));
    upstream.saw_nothing();
    gateway.finish();
}
