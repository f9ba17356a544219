//! What reaches the handler, and what the sender is answered.

use std::io::{Read, Write};
use std::thread::sleep;
use std::time::Duration;

use super::harness::{Gateway, limits, post, read_answer, read_to_end, statuses};
use crate::domain::address::Peer;
use crate::listen::context::Entry;
use crate::listen::wire::{FaultKind, FaultPlace, WireFault};

const BAD_HEAD: WireFault = WireFault { kind: FaultKind::Malformed, place: FaultPlace::Head };

#[test]
fn requests_of_one_connection_are_answered_in_turn() {
    let gateway = Gateway::plaintext(&limits());
    let mut stream = gateway.connect();
    for body in ["one", "two"] {
        stream.write_all(&post("/a?b", body)).unwrap();
        assert_eq!(statuses(&read_answer(&mut stream)), ["200"]);
    }
    let seen = gateway.seen();
    assert_eq!(seen.iter().map(|seen| seen.body.clone().unwrap()).collect::<Vec<_>>(), [b"one", b"two"]);
    let context = &seen[0].context;
    assert_eq!((context.listener.as_str(), context.entry, context.tls), ("public", Entry::PlaintextReject, None));
    assert_eq!(context.peer, Peer::Tcp(stream.local_addr().unwrap()));
    assert_eq!(context.fault, None);
}

#[test]
fn heads_and_bodies_may_come_in_pieces() {
    let gateway = Gateway::plaintext(&limits());
    let mut stream = gateway.connect();
    stream.set_nodelay(true).unwrap();
    let request =
        b"POST /pieces HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n4;x\r\n you\r\n0\r\nX: y\r\n\r\n";
    for piece in request.chunks(9) {
        stream.write_all(piece).unwrap();
        sleep(Duration::from_millis(2));
    }
    assert_eq!(statuses(&read_answer(&mut stream)), ["200"]);
    // Two at once, the second cut off in its head.
    let two = [post("/first", "1"), post("/second", "2")].concat();
    stream.write_all(&two[..two.len() - 20]).unwrap();
    sleep(Duration::from_millis(50));
    stream.write_all(&two[two.len() - 20..]).unwrap();
    read_answer(&mut stream);
    let bodies: Vec<_> = gateway.seen().into_iter().map(|seen| seen.body.unwrap()).collect();
    assert_eq!(bodies[..2], [b"hello you".to_vec(), b"1".to_vec()]);
}

#[test]
fn a_bad_head_is_answered_once_and_the_connection_closed() {
    let flood = vec![b'a'; 20_000];
    let cases: [(&[u8], &str); 8] = [
        (b"POST / HTTP/1.1\nHost: a\n\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX", "400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400"),
        (b"POST / HTTP/1.1\r\n\r\n", "400"),
        (b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"),
        (&flood, "431"),
    ];
    for (bytes, status) in cases {
        let gateway = Gateway::plaintext(&limits());
        let answer = gateway.exchange(bytes);
        assert_eq!(statuses(&answer), [status], "{}", bytes.escape_ascii());
        assert!(answer.contains("connection: close"), "{answer}");
        let seen = gateway.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].context.fault.unwrap().place, FaultPlace::Head);
    }
}

#[test]
fn a_fault_belongs_to_the_request_it_stands_in() {
    let gateway = Gateway::plaintext(&limits());
    // Sent at once: the fault is known long before the first request is answered.
    let answer = gateway.exchange(&[post("/slow", "x"), b"POST / HTTP/1.1\r\nbad line\r\n\r\n".to_vec()].concat());
    assert_eq!(statuses(&answer), ["200", "400"], "{answer}");
    let faults: Vec<_> = gateway.seen().iter().map(|seen| (seen.path.clone(), seen.context.fault)).collect();
    assert_eq!(faults, [("/slow".to_owned(), None), ("/".to_owned(), Some(BAD_HEAD))]);
}

#[test]
fn what_follows_a_bad_head_is_no_request() {
    let gateway = Gateway::plaintext(&limits());
    let answer = gateway.exchange(&[b"GET /\r\n\r\n".to_vec(), post("/smuggled", "")].concat());
    assert_eq!(statuses(&answer), ["400"]);
    assert!(gateway.seen().iter().all(|seen| seen.path != "/smuggled"));
}

#[test]
fn a_bad_chunk_fails_the_body() {
    let head = "POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in ["1\nx\r\n0\r\n\r\n", "0x1\r\nx\r\n0\r\n\r\n", "1\r\nxy\r\n0\r\n\r\n", "3\r\nabc\r\n;\r\n"] {
        let gateway = Gateway::plaintext(&limits());
        let answer = gateway.exchange(format!("{head}{body}").as_bytes());
        assert_eq!(statuses(&answer), ["400"], "{body}");
        let seen = gateway.seen();
        assert_eq!((seen.len(), seen[0].body.is_none(), seen[0].context.fault), (1, true, None), "{body}");
    }
}

#[test]
fn a_body_cut_short_fails() {
    let gateway = Gateway::plaintext(&limits());
    let mut stream = gateway.connect();
    stream.write_all(b"POST /cut HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nshort").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    read_to_end(&mut stream);
    assert!(gateway.seen()[0].body.is_none());
}

#[test]
fn continue_is_said_only_when_the_body_is_wanted() {
    let head = |path: &str| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    let gateway = Gateway::plaintext(&limits());
    let answer = gateway.exchange(head("/early").as_bytes());
    assert_eq!(statuses(&answer), ["413"]);
    assert!(answer.contains("connection: close"), "{answer}");
    let mut stream = gateway.connect();
    stream.write_all(head("/wanted").as_bytes()).unwrap();
    let mut said = [0; 25];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ok").unwrap();
    assert_eq!(statuses(&read_answer(&mut stream)), ["200"]);
}

#[test]
fn a_sender_in_the_middle_of_its_body_sees_the_answer() {
    let gateway = Gateway::plaintext(&limits());
    let megabytes = 5 << 20;
    let head = format!("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: {megabytes}\r\n\r\n");
    for _ in 0..5 {
        let mut stream = gateway.connect();
        stream.write_all(head.as_bytes()).unwrap();
        // Writes all of it before it looks for an answer, as most senders do.
        stream.write_all(&vec![b'x'; megabytes]).unwrap();
        let answer = read_to_end(&mut stream);
        assert_eq!(statuses(&answer), ["413"]);
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[test]
fn what_is_thrown_away_is_bounded() {
    let gateway = Gateway::plaintext(&crate::listen::spec::ConnectionLimits { linger_bytes: 1 << 20, ..limits() });
    let mut stream = gateway.connect();
    stream.write_all(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n").unwrap();
    let piece = vec![b'x'; 1 << 16];
    let pieces = (0..1600).take_while(|_| stream.write_all(&piece).is_ok()).count();
    assert!(pieces < 1600, "100 MiB were taken");
}

#[test]
fn a_panic_ends_one_connection_only() {
    let gateway = Gateway::plaintext(&limits());
    let mut stream = gateway.connect();
    stream.write_all(&post("/panic", "")).unwrap();
    assert_eq!(read_to_end(&mut stream), "");
    assert_eq!(statuses(&gateway.exchange(&[post("/a", "x"), b"bad\r\n\r\n".to_vec()].concat())), ["200", "400"]);
}
