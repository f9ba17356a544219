//! Bodies of all kinds against small bounds.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, Method};
use http_body::{Body, Frame};
use proptest::prelude::*;

use super::error::{BudgetScope, IntakeError};
use super::gate::{Intake, Terms, declared};
use super::pace;
use super::spec::IntakeLimits;
use crate::domain::address::{Source, SourceKey};
use crate::domain::head::Head;
use crate::domain::reason::Reason;

/// A body of prepared frames; with `None` it goes silent.
struct Prepared(VecDeque<Option<io::Result<Frame<Bytes>>>>);

impl Body for Prepared {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.0.pop_front() {
            None => Poll::Ready(None),
            Some(Some(frame)) => Poll::Ready(Some(frame)),
            Some(None) => {
                self.0.push_front(None);
                Poll::Pending
            }
        }
    }
}

fn pieces(pieces: &[&[u8]]) -> Prepared {
    Prepared(pieces.iter().map(|piece| Some(Ok(Frame::data(Bytes::copy_from_slice(piece))))).collect())
}

fn head(content_length: Option<&'static str>) -> Head {
    let mut headers = HeaderMap::new();
    if let Some(length) = content_length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static(length));
    }
    Head { method: Method::POST, target: "/".parse().unwrap(), headers }
}

fn source(text: &str) -> SourceKey {
    Source::new(text.parse().unwrap()).limit_key()
}

fn terms(max_body_bytes: u64) -> Terms {
    Terms { max_body_bytes, source: source("192.0.2.1") }
}

fn intake(max_inflight_bytes: u64) -> Intake {
    Intake::new(IntakeLimits { max_inflight_bytes, body_timeout: Duration::from_millis(100) })
}

#[test]
fn the_declared_length_is_judged_alone() {
    assert_eq!(declared(&head(None).headers, 10), Ok(()));
    assert_eq!(declared(&head(Some("10")).headers, 10), Ok(()));
    assert_eq!(declared(&head(Some("11")).headers, 10), Err(IntakeError::BodyTooLarge { max_body_bytes: 10 }));
    assert_eq!(declared(&head(Some("ten")).headers, 10), Err(IntakeError::Broken));
}

#[tokio::test]
async fn a_body_arrives_byte_for_byte_without_its_trailers() {
    let mut body = pieces(&[b"he", b"", b"llo"]);
    body.0.push_back(Some(Ok(Frame::trailers(head(Some("99")).headers))));
    let gate = intake(1000);
    let (received, holding) = gate.receive(terms(5), head(Some("5")), body).await.unwrap();
    assert_eq!(received.body.contiguous().as_ref(), b"hello");
    assert_eq!(received.head.headers.len(), 1);
    assert_eq!((holding.bytes(), gate.inflight_bytes()), (5, 5));
    drop(holding);
    assert_eq!(gate.inflight_bytes(), 0);
}

#[tokio::test]
async fn every_bound_refuses_and_gives_back_what_was_taken() {
    let gate = intake(80);
    let broken =
        || Prepared([Some(Ok(Frame::data(Bytes::from_static(b"a")))), Some(Err(io::ErrorKind::InvalidData.into()))].into());
    let silent = || Prepared([Some(Ok(Frame::data(Bytes::from_static(b"a")))), None].into());
    let timeout = IntakeError::BodyTimeout { received_bytes: 1, allowed: Duration::from_millis(100) };
    let cases = [
        (head(Some("6")), pieces(&[]), IntakeError::BodyTooLarge { max_body_bytes: 5 }, Reason::BodyTooLarge),
        (head(None), pieces(&[b"abc", b"def"]), IntakeError::BodyTooLarge { max_body_bytes: 5 }, Reason::BodyTooLarge),
        (head(Some("2")), broken(), IntakeError::Broken, Reason::MalformedRequest),
        (head(Some("2")), silent(), timeout, Reason::BodyTimeout),
    ];
    for (head, body, error, reason) in cases {
        assert_eq!(gate.receive(terms(5), head, body).await.unwrap_err(), error);
        assert_eq!((error.reason(), gate.inflight_bytes()), (reason, 0));
    }
    let error = gate.receive(terms(50), head(None), pieces(&[b"0123456789", b"x"])).await.map(drop).unwrap_err();
    assert_eq!(error, IntakeError::Overloaded { scope: BudgetScope::Source });
    assert!(gate.receive(terms(50), head(None), pieces(&[b"0123456789"])).await.is_ok(), "exactly an eighth fits");
    assert_eq!(gate.inflight_bytes(), 0);
}

#[tokio::test]
async fn a_source_holds_an_eighth_unverified_and_all_of_it_verified() {
    let gate = intake(80);
    let body = || pieces(&[b"0123456789"]);
    let mut held = Vec::new();
    for _ in 0..8 {
        let (_, mut holding) = gate.receive(terms(10), head(None), body()).await.unwrap();
        let refused = gate.receive(terms(10), head(None), pieces(&[b"x"])).await.map(drop);
        assert_eq!(refused, Err(IntakeError::Overloaded { scope: BudgetScope::Source }));
        holding.verified();
        held.push(holding);
    }
    let other = Terms { max_body_bytes: 10, source: source("192.0.2.2") };
    let error = gate.receive(other, head(None), pieces(&[b"x"])).await.map(drop).unwrap_err();
    assert_eq!((error, error.reason()), (IntakeError::Overloaded { scope: BudgetScope::Global }, Reason::Overloaded));
    assert_eq!((gate.refusals(BudgetScope::Source), gate.refusals(BudgetScope::Global)), (8, 1));
    held.clear();
    assert_eq!(gate.inflight_bytes(), 0);
    assert!(gate.receive(other, head(None), body()).await.is_ok(), "a refusal left nothing behind");
}

#[tokio::test]
async fn mem_01_a_body_holds_little_more_than_the_budget_counts() {
    // Pieces of 4 KiB in buffers of 64 KiB, as they come where a sender lets its reader's buffers grow first.
    let buffer = || Bytes::from(vec![7_u8; 64 << 10]);
    let frame = |piece: Bytes| Some(Ok(Frame::data(piece)));
    let buffers = [buffer(), buffer(), buffer()];
    let [first, second, third] = &buffers;
    let body = Prepared([frame(first.slice(..4096)), frame(second.slice(..4096)), frame(third.slice(..30_000))].into());
    let (received, _holding) = intake(1 << 30).receive(terms(1 << 20), head(None), body).await.unwrap();
    assert_eq!(
        received.body.chunks().iter().map(Bytes::len).collect::<Vec<_>>(),
        [4096; 8].into_iter().chain([5424]).collect::<Vec<_>>()
    );
    assert!(buffers.iter().all(Bytes::is_unique), "nothing of them is held any more");
}

#[tokio::test]
async fn mem_01_the_last_eighth_is_for_those_who_hold_next_to_nothing() {
    const MIB: usize = 1 << 20;
    let gate = intake(64 * MIB as u64);
    let from = |index: u8| Terms { max_body_bytes: 64 * MIB as u64, source: source(&format!("192.0.2.{index}")) };
    let body = |bytes: usize| pieces(&[&vec![b'a'; bytes]]);
    let mut held = Vec::new();
    for index in 0..7 {
        held.push(gate.receive(from(index), head(None), body(8 * MIB)).await.unwrap());
    }
    let greedy = gate.receive(from(7), head(None), body(MIB)).await.map(drop).unwrap_err();
    assert_eq!(greedy, IntakeError::Overloaded { scope: BudgetScope::Global });
    assert!(gate.receive(from(7), head(None), body(16 << 10)).await.is_ok(), "an ordinary delivery passes");
    held.pop();
    assert!(gate.receive(from(7), head(None), body(MIB)).await.is_ok());
}

#[test]
fn slowness_is_measured_after_two_seconds() {
    let ten = Duration::from_secs(10);
    assert_eq!(pace::allowed(0, ten), Duration::from_secs(2));
    assert_eq!(pace::allowed(4096, ten), Duration::from_secs(3));
    assert_eq!(pace::allowed(1 << 20, ten), ten);
    assert_eq!(pace::allowed(u64::MAX, ten), ten);
    assert_eq!(pace::allowed(0, Duration::from_secs(1)), Duration::from_secs(1));
}

proptest! {
    #[test]
    fn any_cut_of_a_body_arrives_as_it_was(sizes in proptest::collection::vec(0_usize..30_000, 0..30)) {
        let bytes: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut rest = bytes.as_slice();
        let cut: Vec<&[u8]> = sizes.iter().map(|size| rest.split_off(..*size).unwrap()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (received, _holding) = runtime.block_on(intake(1 << 30).receive(terms(1 << 20), head(None), pieces(&cut))).unwrap();
        prop_assert!(received.body.contiguous().as_ref() == bytes.as_slice());
        prop_assert!(received.body.chunks().len() <= 9 + bytes.len() / 8192, "small pieces are gathered");
    }
}
