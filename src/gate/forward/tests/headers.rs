//! Which headers pass, and that nothing a sender writes removes or imitates ours.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{attestation, names, scheme};
use crate::domain::address::Source;
use crate::gate::forward::attestation::{Attestation, Field};
use crate::gate::forward::head_text::HeadText;
use crate::gate::forward::headers::{HeaderRules, downstream_headers, headers_of, write_headers};

fn rules() -> HeaderRules {
    HeaderRules {
        protected: headers_of(&scheme()),
        stripped: scheme().strip_headers,
        host: HeaderValue::from_static("app.internal"),
        added: vec![(HeaderName::from_static("authorization"), HeaderValue::from_static("Bearer app"))],
    }
}

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn sent(lines: &[(&str, &str)]) -> HeaderMap {
    upstream_headers(&map(lines), &attestation(&names()), &rules())
}

/// What an upstream reads of the written head.
fn upstream_headers(inbound: &HeaderMap, facts: &Attestation<'_>, rules: &HeaderRules) -> HeaderMap {
    let mut text = HeadText::begin(&Method::POST, "/in");
    write_headers(inbound, facts, rules, &mut text);
    let text = text.end();
    let mut lines = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut lines);
    assert!(head.parse(&text).unwrap().is_complete());
    let mut headers = HeaderMap::new();
    for line in head.headers {
        headers.append(line.name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(line.value).unwrap());
    }
    headers
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

/// What is there without any inbound header.
const OURS: [(&str, &str); 13] = [
    ("hookward-integration", "payments"),
    ("hookward-provider", "acme"),
    ("hookward-request-id", "01JD0000000000000000000000"),
    ("hookward-secret-id", "2026-q4"),
    ("hookward-verified-at", "2027-01-15T08:00:00Z"),
    ("hookward-event", "invoice.paid"),
    ("hookward-delivery-id", "evt_1"),
    ("hookward-unsigned", "event"),
    ("hookward-idempotency-key", "ab01"),
    ("x-forwarded-for", "192.0.2.7"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "hooks.example.com"),
    ("authorization", "Bearer app"),
];

#[test]
fn exactly_ours_are_set() {
    let headers = sent(&[]);
    for (name, value) in OURS {
        assert_eq!(values(&headers, name), [value], "{name}");
    }
    assert_eq!(headers.len(), OURS.len());
}

#[test]
fn imitations_are_replaced_and_what_is_not_the_providers_is_dropped() {
    let dropped = [
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
        "content-length",
        "host",
        "http2-settings",
        "hookward-verified",
        "Hookward-Integration",
        "hookward_integration",
        "HOOKWARD-REPLAY",
        "any_underscore",
        "acme_signature",
        "forwarded",
        "x-real-ip",
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-http-method-override",
        "x-original-url",
        "acme-signature-old",
        "authorization",
    ];
    for name in dropped {
        assert_eq!(sent(&[(name, "forged"), (name, "twice")]), sent(&[]), "{name}");
    }
}

#[test]
fn the_providers_headers_pass_unchanged_and_repeated() {
    let lines = [("acme-signature", "00ff"), ("acme-extra", "b"), ("acme-extra", "a"), ("content-type", "text/plain; x=\u{e9}")];
    let headers = sent(&lines);
    assert_eq!(values(&headers, "acme-extra"), ["b", "a"]);
    assert_eq!(headers["content-type"], HeaderValue::from_str("text/plain; x=\u{e9}").unwrap());
    assert_eq!(headers.len(), OURS.len() + lines.len());
}

#[test]
fn nomination_removes_only_what_is_the_senders() {
    let protected = [
        "content-type",
        "content-encoding",
        "acme-signature",
        "acme-timestamp",
        "acme-id",
        "acme-signed",
        "acme-event",
        "acme-delivery",
        "acme-version",
    ];
    let all = "close, ACME-Extra ,, @bad, host, hookward-integration, hookward-event, x-forwarded-for, authorization, \
               content-type,content-encoding,acme-signature,acme-timestamp,acme-id,acme-signed,acme-event,acme-delivery,acme-version";
    let mut lines = vec![("connection", "keep-alive"), ("connection", all), ("acme-extra", "gone")];
    lines.extend(protected.map(|name| (name, "kept")));
    let headers = sent(&lines);
    for name in protected {
        assert_eq!(values(&headers, name), ["kept"], "{name}");
    }
    for (name, value) in OURS {
        assert_eq!(values(&headers, name), [value], "{name}");
    }
    assert_eq!(headers.len(), OURS.len() + protected.len());
}

#[test]
fn unsigned_names_those_present_that_the_signature_does_not_cover() {
    let cases = [
        (Some(false), Some(false), Some("event, delivery-id")),
        (Some(false), Some(true), Some("event")),
        (Some(true), Some(false), Some("delivery-id")),
        (None, Some(false), Some("delivery-id")),
        (Some(true), Some(true), None),
        (None, None, None),
    ];
    let names = names();
    for (event, delivery_id, expected) in cases {
        let field = |signed: Option<bool>| signed.map(|signed| Field { text: "x", signed });
        let facts = Attestation { event: field(event), delivery_id: field(delivery_id), ..attestation(&names) };
        let headers = upstream_headers(&HeaderMap::new(), &facts, &rules());
        assert_eq!(headers.get("hookward-unsigned").map(|value| value.to_str().unwrap()), expected);
        assert_eq!(headers.contains_key("hookward-event"), event.is_some());
    }
}

#[test]
fn texts_that_are_no_safe_header_are_not_repeated() {
    let names = names();
    let long = "a".repeat(257);
    for text in ["", "a\r\nx: y", "a\0", "é", " a", "a\t", &long] {
        let field = Some(Field { text, signed: false });
        let facts = Attestation { event: field, delivery_id: field, ..attestation(&names) };
        let headers = upstream_headers(&map(&[("hookward-event", "forged")]), &facts, &rules());
        for name in ["hookward-event", "hookward-delivery-id"] {
            assert!(!headers.contains_key(name), "{text:?} {name}");
        }
        // The provider's own header passes on: that nobody signed it is said all the same.
        assert_eq!(headers["hookward-unsigned"], "event, delivery-id", "{text:?}");
    }
}

#[test]
fn the_origin_is_what_we_know() {
    let names = names();
    let facts = Attestation { source: Source::Unix, tls: false, host: None, ..attestation(&names) };
    let headers = upstream_headers(&map(&[("x-forwarded-host", "forged")]), &facts, &rules());
    assert_eq!(values(&headers, "x-forwarded-for"), ["unix"]);
    assert_eq!(values(&headers, "x-forwarded-proto"), ["http"]);
    assert!(!headers.contains_key("x-forwarded-host"));
}

#[test]
fn an_answer_loses_its_connections_headers_and_ours() {
    let passed =
        [("content-type", "a/b"), ("location", "/elsewhere"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("retry-after", "5")];
    let mut lines = vec![
        ("connection", "close, x-internal, content-type"),
        ("x-internal", "1"),
        ("server", "app/1"),
        ("hookward-replay", "true"),
        ("transfer-encoding", "chunked"),
        ("content-length", "5"),
        ("trailer", "x"),
        ("proxy-authenticate", "Basic"),
        ("upgrade", "h2c"),
        ("keep-alive", "timeout=5"),
    ];
    lines.extend(passed);
    assert_eq!(downstream_headers(map(&lines)), map(&passed));
}
