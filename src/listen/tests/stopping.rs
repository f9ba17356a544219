//! Slots, workers, and how it all ends.

use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use super::harness::{Gateway, eventually, limits, listener, post, read_answer, read_to_end, statuses};
use crate::listen::bind::bind_all;
use crate::listen::counters::ListenLimit;
use crate::listen::error::ListenError;
use crate::listen::spec::{ConnectionLimits, EntrySpec, ListenerSpec, TlsSpec, TlsVersion};
use crate::listen::workers::Drained;

/// Limits that no test here runs into.
fn patient() -> ConnectionLimits {
    ConnectionLimits { header_timeout: Duration::from_secs(9), idle_timeout: Duration::from_secs(9), ..limits() }
}

fn is_dropped(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn connections_over_the_bound_are_dropped_and_places_come_back() {
    for gateway in [
        Gateway::plaintext(&ConnectionLimits { max_connections_per_source: 2, ..patient() }),
        Gateway::alone(&ConnectionLimits { max_connections_per_source: 2, ..patient() }),
    ] {
        let mut kept = [gateway.connect(), gateway.connect()];
        for stream in &mut kept {
            stream.write_all(&post("/a", "x")).unwrap();
            read_answer(stream);
        }
        assert!(is_dropped(&mut gateway.connect()));
        assert_eq!((gateway.counters.open_connections(), gateway.counters.hits(ListenLimit::ConnectionsPerSource)), (2, 1));
        drop(kept);
        eventually(|| gateway.counters.open_connections() == 0);
        let mut stream = gateway.connect();
        stream.write_all(&post("/a", "x")).unwrap();
        assert_eq!(statuses(&read_answer(&mut stream)), ["200"]);
    }
}

#[test]
fn connections_go_to_the_worker_with_the_fewest() {
    let gateway = Gateway::plaintext(&patient());
    let mut streams: Vec<_> = (0..6).map(|_| gateway.connect()).collect();
    for stream in &mut streams {
        stream.write_all(&post("/a", "x")).unwrap();
        read_answer(stream);
    }
    let seen = gateway.seen();
    assert_eq!(seen.iter().map(|seen| seen.worker).collect::<HashSet<_>>(), HashSet::from([0, 1]));
    assert_eq!(seen.iter().filter(|seen| seen.worker == 0).count(), 3);
}

#[test]
fn draining_ends_idle_connections_at_once_and_lets_requests_finish() {
    for gateway in [Gateway::plaintext(&patient()), Gateway::alone(&patient())] {
        let (mut silent, mut partial, mut idle, mut busy) =
            (gateway.connect(), gateway.connect(), gateway.connect(), gateway.connect());
        partial.write_all(b"POST / HTT").unwrap();
        idle.write_all(&post("/a", "x")).unwrap();
        read_answer(&mut idle);
        busy.write_all(&post("/slow", "x")).unwrap();
        sleep(Duration::from_millis(100));
        let address = gateway.address;
        let draining = std::thread::spawn(move || gateway.drain(Duration::from_secs(5)));
        for stream in [&mut silent, &mut partial, &mut idle] {
            assert!(is_dropped(stream));
        }
        let answer = read_to_end(&mut busy);
        assert_eq!(statuses(&answer), ["200"]);
        assert!(answer.contains("connection: close"), "{answer}");
        drop((silent, partial, idle, busy));
        assert_eq!(draining.join().unwrap(), Drained { cut_connections: 0 });
        assert!(TcpStream::connect(address).is_err(), "the listener is closed");
    }
}

#[test]
fn draining_cuts_what_is_left_at_the_deadline() {
    for gateway in [Gateway::plaintext(&patient()), Gateway::alone(&patient())] {
        let mut busy = gateway.connect();
        busy.write_all(&post("/slow", "x")).unwrap();
        sleep(Duration::from_millis(100));
        let counters = std::sync::Arc::clone(&gateway.counters);
        assert_eq!(gateway.drain(Duration::from_millis(50)), Drained { cut_connections: 1 });
        assert!(is_dropped(&mut busy));
        assert_eq!(counters.open_connections(), 0);
    }
}

#[test]
fn stopping_to_accept_leaves_what_is_connected() {
    for gateway in [Gateway::plaintext(&patient()), Gateway::alone(&patient())] {
        let mut stream = gateway.connect();
        stream.write_all(&post("/a", "x")).unwrap();
        read_answer(&mut stream);
        gateway.running.stop_accepting();
        sleep(Duration::from_millis(100));
        assert!(TcpStream::connect(gateway.address).is_err());
        stream.write_all(&post("/b", "x")).unwrap();
        assert_eq!(statuses(&read_answer(&mut stream)), ["200"]);
    }
}

#[test]
fn an_address_in_use_is_named() {
    let first = bind_all(&[listener("first", EntrySpec::PlaintextReject)]).unwrap();
    let taken = ListenerSpec { bind: first[0].address().clone(), ..listener("second", EntrySpec::PlaintextReject) };
    let error = bind_all(&[taken]).unwrap_err();
    assert_eq!(error.to_string(), format!("listener second: cannot bind {}", first[0].address()));
    assert!(matches!(error, ListenError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse));
}

#[test]
fn a_listener_whose_certificates_cannot_be_used_is_named() {
    let tls = TlsSpec { certificates: Vec::new(), min_version: TlsVersion::V12, client_ca: None };
    let error = bind_all(&[listener("public", EntrySpec::Tls(tls))]).unwrap_err();
    assert_eq!(error.to_string(), "listener public: TLS cannot be set up");
    assert!(matches!(error, ListenError::Tls { .. }));
}
