//! Connections that have had a request and say nothing: what belongs to them outlives hyper's connection, and no request is
//! lost to the moment in which that is taken apart.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use rustls::version::TLS13;

use super::harness::{Gateway, eventually, limits, listener, post, read_answer, read_to_end, statuses};
use super::tls;
use crate::domain::address::Peer;
use crate::listen::bind::bind_all;
use crate::listen::counters::ListenLimit;
use crate::listen::spec::{ConnectionLimits, EntrySpec, TlsVersion};
use crate::listen::trusted::TrustedProxies;
use crate::listen::workers::Drained;

/// Quiet after that long; everything else takes its time.
const QUIET: Duration = Duration::from_millis(20);

fn patient() -> ConnectionLimits {
    ConnectionLimits {
        header_timeout: Duration::from_secs(9),
        idle_timeout: Duration::from_secs(9),
        quiet_after: QUIET,
        ..limits()
    }
}

/// One request and its answer, which does not announce the end.
#[track_caller]
fn ask(stream: &mut TcpStream, path: &str) {
    stream.write_all(&post(path, "x")).unwrap();
    let answer = read_answer(stream);
    assert_eq!(statuses(&answer), ["200"], "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
}

/// Until the connection is quiet for certain.
fn fall_quiet() {
    sleep(QUIET * 5);
}

#[test]
fn a_request_in_the_very_moment_is_answered_once() {
    const ROUNDS: usize = 150;
    let gateway = Gateway::plaintext(&ConnectionLimits { quiet_after: Duration::from_millis(2), ..patient() });
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let gateway = &gateway;
            scope.spawn(move || {
                let mut stream = gateway.connect();
                stream.set_nodelay(true).unwrap();
                for round in 0..ROUNDS {
                    // From well before the moment to well after it, a few microseconds further each time.
                    let part = u64::try_from((round * 7 + thread) % 40).unwrap();
                    sleep(Duration::from_micros(100 * part));
                    let path = format!("/{thread}/{round}");
                    let request = post(&path, "body");
                    match round % 4 {
                        // In one piece, in two around the moment, and two requests at once.
                        0 | 1 => stream.write_all(&request).unwrap(),
                        2 => {
                            let (head, rest) = request.split_at(round % request.len());
                            stream.write_all(head).unwrap();
                            sleep(Duration::from_millis(2));
                            stream.write_all(rest).unwrap();
                        }
                        _ => stream.write_all(&[request, post(&format!("{path}/next"), "body")].concat()).unwrap(),
                    }
                    let expected = if round % 4 == 3 { 2 } else { 1 };
                    let mut answers = String::new();
                    while statuses(&answers).len() < expected || !answers.ends_with("answered") {
                        answers.push_str(&read_answer(&mut stream));
                    }
                    assert_eq!(statuses(&answers), vec!["200"; expected], "{path}: {answers}");
                    assert!(!answers.to_ascii_lowercase().contains("connection: close"), "{path}: {answers}");
                }
            });
        }
    });
    let mut paths: Vec<_> = gateway.seen().into_iter().map(|seen| (seen.path, seen.body.map(|body| body.len()))).collect();
    let all = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!((all, paths.len()), (6 * (ROUNDS + ROUNDS / 4), all), "each once");
    assert!(paths.iter().all(|(_, body)| *body == Some(4)), "each whole");
}

#[test]
fn the_waits_and_bounds_of_a_connection_go_on() {
    // Idle from the last answer, not from the quiet: ended without a word.
    let gateway = Gateway::plaintext(&ConnectionLimits { idle_timeout: Duration::from_millis(300), ..patient() });
    let mut stream = gateway.connect();
    ask(&mut stream, "/a");
    fall_quiet();
    ask(&mut stream, "/b");
    assert_eq!(read_to_end(&mut stream), "");
    assert_eq!(gateway.counters.hits(ListenLimit::HeaderTimeout), 0);
    // A head has its time from its first byte, though it came to a quiet connection.
    let gateway = Gateway::plaintext(&ConnectionLimits { header_timeout: Duration::from_millis(300), ..patient() });
    let mut stream = gateway.connect();
    ask(&mut stream, "/a");
    sleep(Duration::from_millis(400));
    stream.write_all(b"POST /half HTTP/1.1\r\nHo").unwrap();
    assert_eq!(read_to_end(&mut stream), "");
    assert_eq!((gateway.counters.hits(ListenLimit::HeaderTimeout), gateway.seen().len()), (1, 1));
    // Requests are counted over all of its life.
    let gateway = Gateway::plaintext(&ConnectionLimits { requests_max: 3, ..patient() });
    let mut stream = gateway.connect();
    for path in ["/1", "/2"] {
        ask(&mut stream, path);
        fall_quiet();
    }
    stream.write_all(&post("/3", "x")).unwrap();
    let answer = read_to_end(&mut stream);
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(gateway.counters.hits(ListenLimit::ConnectionRequests), 1);
    // So is its age, which ends it while it is quiet.
    let gateway = Gateway::plaintext(&ConnectionLimits { age_max: Duration::from_millis(400), ..patient() });
    let mut stream = gateway.connect();
    for path in ["/1", "/2"] {
        ask(&mut stream, path);
        fall_quiet();
    }
    assert_eq!(read_to_end(&mut stream), "");
    eventually(|| gateway.counters.hits(ListenLimit::ConnectionAge) == 1 && gateway.counters.open_connections() == 0);
}

#[test]
fn who_is_at_the_other_end_is_remembered() {
    let mut spec = listener("proxied", EntrySpec::TrustedProxy);
    spec.proxy_protocol = true;
    spec.trusted_proxies = TrustedProxies::new(vec!["127.0.0.1/32".parse().unwrap()], false);
    let gateway = Gateway::start(bind_all(&[spec]).unwrap(), &patient());
    let mut stream = gateway.connect();
    stream.write_all(b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n").unwrap();
    for path in ["/a", "/b", "/c"] {
        ask(&mut stream, path);
        fall_quiet();
        assert_eq!(gateway.counters.open_connections(), 1, "it is counted while it is quiet");
    }
    let named = Peer::Tcp("203.0.113.7:4711".parse().unwrap());
    assert!(gateway.seen().iter().all(|seen| seen.context.peer == named));
    assert_eq!(gateway.seen().len(), 3);
}

#[test]
fn a_sender_may_close_its_side() {
    let gateway = Gateway::plaintext(&patient());
    // With its last request, and without one.
    for last in ["/last", ""] {
        let mut stream = gateway.connect();
        ask(&mut stream, "/first");
        fall_quiet();
        if !last.is_empty() {
            stream.write_all(&post(last, "x")).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let expected: &[&str] = if last.is_empty() { &[] } else { &["200"] };
        assert_eq!(statuses(&read_to_end(&mut stream)), expected);
    }
    eventually(|| gateway.counters.open_connections() == 0);
    assert_eq!(gateway.seen().len(), 3);
}

#[test]
fn what_is_no_request_is_refused_as_ever() {
    let gateway = Gateway::plaintext(&patient());
    let mut stream = gateway.connect();
    ask(&mut stream, "/a");
    fall_quiet();
    stream.write_all(b"POST / HTTP/1.1\nHost: a\n\n").unwrap();
    assert_eq!(statuses(&read_to_end(&mut stream)), ["400"]);
    assert_eq!(gateway.seen().len(), 2);
}

#[test]
fn draining_ends_it_at_once_and_answers_what_had_arrived() {
    for _ in 0..20 {
        let gateway = Gateway::plaintext(&patient());
        let mut quiet: Vec<_> = (0..8).map(|_| gateway.connect()).collect();
        for stream in &mut quiet {
            ask(stream, "/first");
        }
        fall_quiet();
        // Half of them send one more, which is answered or was never begun.
        for stream in quiet.iter_mut().step_by(2) {
            stream.write_all(&post("/second", "x")).unwrap();
        }
        let seen = {
            let noted = gateway.noted();
            assert_eq!(gateway.drain(Duration::from_secs(5)), Drained { cut_connections: 0 });
            noted.lock().len()
        };
        let answered: usize = quiet
            .iter_mut()
            .map(|stream| {
                let mut answer = Vec::new();
                match stream.read_to_end(&mut answer) {
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
                }
                statuses(&String::from_utf8(answer).unwrap()).len()
            })
            .sum();
        assert_eq!(8 + answered, seen, "what was begun was answered");
    }
}

#[test]
fn tls_sessions_go_on_and_end_with_a_farewell_of_either_side() {
    let limits = ConnectionLimits { quiet_after: QUIET, idle_timeout: Duration::from_secs(9), ..limits() };
    let tls = tls::start_with(&["one.example", "two.example"], TlsVersion::V12, &limits);
    let mut client = tls.client("two.example", &[&TLS13], &["http/1.1"]);
    for path in ["/a", "/b", "/c"] {
        client.write_all(&post(path, "x")).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"answered") {
            let mut piece = [0; 512];
            let length = client.read(&mut piece).unwrap();
            assert_ne!(length, 0);
            answer.extend_from_slice(&piece[..length]);
        }
        fall_quiet();
    }
    let contexts: Vec<_> = tls.gateway.seen().into_iter().map(|seen| seen.context).collect();
    assert_eq!(contexts.len(), 3);
    assert!(contexts.iter().all(|context| context.tls.is_some() && *context == contexts[0]));
    assert_eq!(tls.gateway.counters.handshakes_ok(), 1);
    // Its farewell is answered with one: an end without it would be an error of reading.
    client.conn.send_close_notify();
    client.flush().unwrap();
    assert_eq!(client.read(&mut [0; 16]).unwrap(), 0);
    eventually(|| tls.gateway.counters.open_connections() == 0);
    // Ours, when a quiet connection is told to end.
    let mut client = tls.client("one.example", &[&TLS13], &["http/1.1"]);
    client.write_all(&post("/d", "x")).unwrap();
    let mut piece = [0; 512];
    assert_ne!(client.read(&mut piece).unwrap(), 0);
    fall_quiet();
    assert_eq!(tls.gateway.drain(Duration::from_secs(5)), Drained { cut_connections: 0 });
    while client.read(&mut piece).unwrap() > 0 {}
}
