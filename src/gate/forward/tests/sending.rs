//! What leaves, byte by byte.

use bytes::Bytes;
use tokio::net::UnixListener;

use super::scripted::{Conversation, Log, OK, answering};
use super::{attestation, delivery, head, names, pool, pool_on, send, target};
use crate::domain::body::RawBody;
use crate::gate::forward::error::{Exposure, ForwardError};
use crate::gate::forward::request::outgoing;
use crate::gate::forward::spec::{TargetSpec, UpstreamAddress};

const HEAD: [&str; 18] = [
    "POST /in?v=1&a=b%20c HTTP/1.1",
    "acme-signature: 00ff",
    "authorization: Bearer app",
    "content-length: 260",
    "content-type: application/json",
    "hookward-delivery-id: evt_1",
    "hookward-event: invoice.paid",
    "hookward-idempotency-key: ab01",
    "hookward-integration: payments",
    "hookward-provider: acme",
    "hookward-request-id: 01JD0000000000000000000000",
    "hookward-secret-id: 2026-q4",
    "hookward-unsigned: event",
    "hookward-verified-at: 2027-01-15T08:00:00Z",
    "host: app.internal:3000",
    "x-forwarded-for: 192.0.2.7",
    "x-forwarded-host: hooks.example.com",
    "x-forwarded-proto: https",
];

#[tokio::test]
async fn the_request_is_exact() {
    let (port, log) = answering(OK).await;
    let pool = pool_on(port);
    let mut body = RawBody::from(Bytes::from_static(b"\r\n\r\n"));
    body.push(Bytes::from((0..=255).collect::<Vec<u8>>()));
    let lines = [
        ("host", "hooks.example.com"),
        ("content-length", "5"),
        ("content-length", "7"),
        ("transfer-encoding", "chunked"),
        ("expect", "100-continue"),
        ("connection", "close, acme-signature, content-type, host"),
        ("content-type", "application/json"),
        ("acme-signature", "00ff"),
    ];
    let request = outgoing(&pool.target, &head("?a=b%20c", &lines), &body, &attestation(&names())).unwrap();
    let answer = send(&pool, request).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"ok"[..]));

    let captured = log.requests().remove(0);
    assert_eq!(captured.body, body.contiguous().as_ref());
    let mut lines = captured.lines;
    lines.sort();
    assert_eq!(lines, HEAD);
}

#[tokio::test]
async fn an_empty_body_has_a_length_too() {
    let (port, log) = answering(OK).await;
    let pool = pool_on(port);
    send(&pool, delivery(&pool, "")).await.unwrap();
    assert_eq!(log.requests()[0].values("content-length"), ["0"]);
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let (port, log) = answering(OK).await;
    let pool = pool_on(port);
    let mut body = RawBody::default();
    for chunk in 0..300_u32 {
        body.push(Bytes::from(vec![u8::try_from(chunk % 251).unwrap(); 10_007]));
    }
    let request = outgoing(&pool.target, &head("", &[]), &body, &attestation(&names())).unwrap();
    send(&pool, request).await.unwrap();
    assert!(log.requests()[0].body == body.contiguous().as_ref());
}

#[tokio::test]
async fn the_query_is_forwarded_only_if_asked_for() {
    let cases = [
        ("/in", true, "?a=1", "/in?a=1"),
        ("/in?v=1", true, "?a=1", "/in?v=1&a=1"),
        ("/in?v=1", true, "", "/in?v=1"),
        ("/in?v=1", false, "?a=1", "/in?v=1"),
        ("/in", false, "?a=1", "/in"),
    ];
    for (path, forward_query, query, expected) in cases {
        let spec = TargetSpec { path_and_query: path.into(), forward_query, ..target(super::http(1)) };
        let request = outgoing(&pool(&spec).target, &head(query, &[]), &RawBody::default(), &attestation(&names()));
        let line = format!("POST {expected} HTTP/1.1\r\n");
        assert!(request.unwrap().head().starts_with(line.as_bytes()), "{path} {query}");
    }
}

#[tokio::test]
async fn a_query_that_does_not_fit_is_refused_unsent() {
    let pool = pool_on(1);
    let query = format!("?{}", "a".repeat(65_000));
    let error = outgoing(&pool.target, &head(&query, &[]), &RawBody::default(), &attestation(&names()));
    let fits_not_behind = TargetSpec { path_and_query: format!("/{}", "a".repeat(8000)), ..target(super::http(1)) };
    assert!(error.is_ok());
    let error = outgoing(&self::pool(&fits_not_behind).target, &head(&query, &[]), &RawBody::default(), &attestation(&names()));
    let error = error.err().unwrap();
    assert!(matches!(error, ForwardError::QueryTooLong));
    assert_eq!((error.reason().code(), error.exposure()), ("malformed_request", Exposure::NeverSent));
}

#[tokio::test]
async fn a_unix_socket_is_an_upstream_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let log = Log::default();
    let seen = log.clone();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut conversation = Conversation::new(stream, &seen);
        conversation.receive().await.unwrap();
        conversation.say(OK).await.unwrap();
    });
    let pool = pool(&target(UpstreamAddress::Unix(path)));
    send(&pool, delivery(&pool, "x")).await.unwrap();
    assert_eq!(log.requests()[0].body, b"x");
}
