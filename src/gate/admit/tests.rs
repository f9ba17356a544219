//! Each rule of the gate, each error, and that a stranger cannot mute a provider.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ipnet::IpNet;

use super::error::AdmitError;
use super::failures::{Attempt, FailureVerdict, enter, headerless};
use super::gate::admit;
use super::sources::SourceTable;
use super::spec::SourceLimits;
use super::terms::AdmitTerms;
use crate::domain::address::Source;
use crate::domain::name::IntegrationName;
use crate::domain::reason::Reason;
use crate::domain::retry_after::RetryAfter;
use crate::domain::size::Rate;
use crate::domain::time::{Clock, UnixTime};
use crate::provider::scheme::{
    Algorithm, Evidence, Handshake, HandshakeReply, HandshakeShape, KeyEncoding, OnRefusal, Origin, Part, Retries, Scheme,
    SignatureEncoding, SignatureFormat, SignatureRule,
};

const BURST: u32 = 3;
const FAILURES: u32 = 2;

fn table() -> Arc<SourceTable> {
    let rate = |burst| Rate { count: 1, period: Duration::from_secs(1), burst };
    Arc::new(SourceTable::new(SourceLimits { per_source: rate(BURST), failures_per_source: rate(FAILURES) }))
}

fn clock() -> Clock {
    Clock::manual(UnixTime::from_seconds(1_700_000_000))
}

fn source(text: &str) -> Source {
    Source::new(text.parse().unwrap())
}

fn name(text: &str) -> IntegrationName {
    text.parse().unwrap()
}

fn scheme(handshakes: Vec<Handshake>) -> Scheme {
    Scheme {
        name: "test".parse().unwrap(),
        title: "Test".to_owned(),
        origin: Origin {
            docs: String::new(),
            checked: String::new(),
            evidence: Evidence::Custom,
            sources: Vec::new(),
            traps: Vec::new(),
        },
        methods: vec![Method::POST],
        signature: SignatureRule {
            algorithm: Algorithm::HmacSha256,
            key_encoding: KeyEncoding::Utf8,
            key_form: crate::provider::scheme::KeyForm::default(),
            key_id_header: None,
            secret_header: None,
            place: crate::provider::scheme::Locator::Header(http::HeaderName::from_static("x-signature")),
            lines: crate::provider::scheme::HeaderLines::Once,
            format: SignatureFormat::Prefixed { prefix: String::new() },
            encoding: SignatureEncoding::Hex,
        },
        timestamp: None,
        id_header: None,
        content: vec![Part::Body],
        alternatives: Vec::new(),
        fixed_headers: Vec::new(),
        event: Vec::new(),
        delivery_id: Vec::new(),
        delivery_id_unique: false,
        handshakes,
        subscription: None,
        certificate: None,
        retries: Retries::Unknown,
        deadline: None,
        max_body: None,
        on_replay: OnRefusal::Reject,
        on_event_denied: OnRefusal::Reject,
        options: Vec::new(),
        strip_headers: Vec::new(),
        carries_secrets: Vec::new(),
    }
}

fn terms(ranges: &[&str]) -> AdmitTerms {
    let ranges: Vec<IpNet> = ranges.iter().map(|range| range.parse().unwrap()).collect();
    AdmitTerms::new(Some(&ranges), &scheme(Vec::new()))
}

fn refusal(terms: &AdmitTerms, source: Source, method: &Method) -> Option<AdmitError> {
    admit(terms, &table(), source, method, clock().now()).err()
}

#[test]
fn the_list_of_sources_decides() {
    let cases = [
        (&["3.18.12.63/32"][..], source("3.18.12.63"), true),
        (&["3.18.12.63/32"], source("::ffff:3.18.12.63"), true),
        (&["3.18.12.63/32"], source("3.18.12.64"), false),
        (&["10.0.0.0/8", "192.0.2.0/24"], source("192.0.2.200"), true),
        (&["::ffff:192.0.2.0/120"], source("192.0.2.200"), true),
        (&["::ffff:192.0.2.0/120"], source("192.0.3.1"), false),
        (&["2001:db8::/32"], source("2001:db8:1::1"), true),
        (&["2001:db8::/32"], source("2001:db9::1"), false),
        (&["0.0.0.0/0"], source("::1"), false),
        (&["0.0.0.0/0", "::/0"], Source::Unix, false),
        (&[], source("192.0.2.1"), false),
    ];
    for (ranges, source, allowed) in cases {
        let expected = (!allowed).then_some(AdmitError::SourceNotAllowed);
        assert_eq!(refusal(&terms(ranges), source, &Method::POST), expected, "{ranges:?} {source}");
    }
}

#[test]
fn without_a_list_every_source_is_allowed() {
    let terms = AdmitTerms::new(None, &scheme(Vec::new()));
    for source in [source("192.0.2.1"), source("::1"), Source::Unix] {
        let admitted = admit(&terms, &table(), source, &Method::POST, clock().now()).unwrap();
        assert_eq!(admitted.source(), source);
    }
}

#[test]
fn methods_are_the_schemes_and_its_unsigned_handshakes() {
    let plain = AdmitTerms::new(None, &scheme(Vec::new()));
    let refused = AdmitError::MethodNotAllowed { allow: "POST".to_owned() };
    assert_eq!(refusal(&plain, source("::1"), &Method::GET), Some(refused));
    let shape = HandshakeShape::Unsigned {
        method: Method::GET,
        fixed: Vec::new(),
        ignored: Vec::new(),
        echoed: Some(crate::provider::scheme::Echoed::Query("challenge".to_owned())),
    };
    let handshake = || Handshake { shape: shape.clone(), reply: HandshakeReply::EchoText { field: None } };
    let terms = AdmitTerms::new(None, &scheme(vec![handshake(), handshake()]));
    assert_eq!(refusal(&terms, source("::1"), &Method::GET), None);
    let refused = AdmitError::MethodNotAllowed { allow: "POST, GET".to_owned() };
    assert_eq!(refusal(&terms, source("::1"), &Method::PUT), Some(refused));
}

#[test]
fn each_source_has_one_budget() {
    let (terms, table, clock) = (AdmitTerms::new(None, &scheme(Vec::new())), table(), clock());
    let send = |from: &str| admit(&terms, &table, source(from), &Method::POST, clock.now()).map(|_| ());
    let limited = Err(AdmitError::RateLimitedSource { retry_after: RetryAfter::MIN });
    assert!((0..BURST).all(|_| send("192.0.2.1").is_ok()));
    assert_eq!(send("192.0.2.1"), limited);
    assert_eq!(send("::ffff:192.0.2.1"), limited, "the same source in another spelling");
    assert!(send("192.0.2.2").is_ok(), "another source");
    assert!((0..BURST).all(|host| send(&format!("2001:db8::{host}")).is_ok()));
    assert_eq!(send("2001:db8::ffff"), limited, "a /64 is one source");
    clock.advance(Duration::from_secs(1));
    assert!(send("192.0.2.1").is_ok());
    assert_eq!(send("192.0.2.1"), limited);
}

#[test]
fn the_order_is_list_then_budget_then_method() {
    let (table, clock) = (table(), clock());
    let send = |terms: &AdmitTerms, method: &Method| {
        let error = admit(terms, &table, source("192.0.2.1"), method, clock.now()).unwrap_err();
        error.reason()
    };
    let (listed, other) = (terms(&["192.0.2.1/32"]), terms(&["192.0.2.9/32"]));
    assert!((0..9).all(|_| send(&other, &Method::GET) == Reason::SourceNotAllowed), "spends nothing");
    assert!((0..BURST).all(|_| send(&listed, &Method::GET) == Reason::MethodNotAllowed));
    assert_eq!(send(&listed, &Method::GET), Reason::RateLimitedSource);
    assert_eq!(send(&other, &Method::GET), Reason::SourceNotAllowed);
}

#[test]
fn failures_are_counted_by_source_and_integration() {
    let (table, clock) = (table(), clock());
    let miss = |from: &str, integration: &str| headerless(&table, source(from), &name(integration), clock.now());
    let empty = FailureVerdict::Empty { retry_after: RetryAfter::MIN };
    assert_eq!([miss("192.0.2.1", "a"), miss("192.0.2.1", "a")], [FailureVerdict::Spent; 2]);
    assert_eq!(miss("192.0.2.1", "a"), empty);
    assert_eq!(miss("192.0.2.1", "b"), FailureVerdict::Spent, "another integration");
    assert_eq!(miss("192.0.2.2", "a"), FailureVerdict::Spent, "another source");
    clock.advance(Duration::from_secs(1));
    assert_eq!([miss("192.0.2.1", "a"), miss("192.0.2.1", "a")], [FailureVerdict::Spent, empty]);
}

/// Enters an attempt as the one source of these tests.
fn attempt(table: &Arc<SourceTable>, clock: &Clock) -> Result<Attempt, AdmitError> {
    enter(table, source("192.0.2.1"), &name("a"), clock.now())
}

#[test]
fn attempts_spend_when_they_fail_and_only_then() {
    let (table, clock) = (table(), clock());
    for _ in 0..50 {
        attempt(&table, &clock).unwrap().passed();
    }
    let fail = || attempt(&table, &clock).unwrap().failed(clock.now());
    assert_eq!([fail(), fail()], [FailureVerdict::Spent; 2]);
    assert_eq!(fail(), FailureVerdict::Empty { retry_after: RetryAfter::MIN });
    attempt(&table, &clock).unwrap().passed();
    assert_eq!(fail(), FailureVerdict::Empty { retry_after: RetryAfter::MIN });
}

#[test]
fn an_empty_budget_slows_the_source_and_never_mutes_it() {
    let (table, clock) = (table(), clock());
    let crowd: Vec<Attempt> = (0..40).map(|_| attempt(&table, &clock).unwrap()).collect();
    assert!(crowd.iter().all(|attempt| !attempt.is_on_sufferance()), "no slots while there are failures left");
    for _ in 0..FAILURES {
        let _ = headerless(&table, source("192.0.2.1"), &name("a"), clock.now());
    }
    let mut verifying: Vec<Attempt> = (0..16).map(|_| attempt(&table, &clock).unwrap()).collect();
    assert!(verifying.iter().all(Attempt::is_on_sufferance));
    let busy = attempt(&table, &clock).unwrap_err();
    assert_eq!(busy, AdmitError::RateLimitedFailures { retry_after: RetryAfter::MIN });
    assert_eq!(busy.reason(), Reason::RateLimitedFailures);
    assert!(enter(&table, source("192.0.2.7"), &name("a"), clock.now()).is_ok(), "another source");
    verifying.pop().unwrap().passed();
    let next = attempt(&table, &clock).unwrap();
    assert!(attempt(&table, &clock).is_err());
    assert_eq!(next.failed(clock.now()), FailureVerdict::Empty { retry_after: RetryAfter::MIN });
    drop(verifying.pop());
    assert!([attempt(&table, &clock), attempt(&table, &clock)].iter().all(Result::is_ok), "a dropped attempt frees its slot");
    drop(verifying);
    clock.advance(Duration::from_secs(5));
    assert!(!attempt(&table, &clock).unwrap().is_on_sufferance(), "the budget has filled again");
}

#[test]
fn slots_are_the_sources_over_all_integrations() {
    let (table, clock) = (table(), clock());
    for integration in ["a", "b"] {
        for _ in 0..FAILURES {
            let _ = headerless(&table, source("192.0.2.1"), &name(integration), clock.now());
        }
    }
    let enter_at = |integration: &str| enter(&table, source("192.0.2.1"), &name(integration), clock.now());
    let held: Vec<_> = (0..8).flat_map(|_| [enter_at("a"), enter_at("b")]).collect();
    assert!(held.iter().all(Result::is_ok));
    assert!(enter_at("a").is_err() && enter_at("b").is_err());
    assert!(enter_at("c").is_ok(), "whose budget is full");
}

#[test]
fn rl_04_a_full_table_forgets_nobody_and_newcomers_share() {
    let rate = Rate { count: 1, period: Duration::from_secs(100), burst: 2 };
    let table = Arc::new(SourceTable::bounded(SourceLimits { per_source: rate, failures_per_source: rate }, 10));
    let (terms, clock) = (AdmitTerms::new(None, &scheme(Vec::new())), clock());
    let admitted = |from: &str| admit(&terms, &table, source(from), &Method::POST, clock.now()).is_ok();
    for host in 0..10 {
        assert!(admitted(&format!("192.0.2.{host}")));
    }
    let flood = (0..2000).filter(|host| admitted(&format!("198.51.{}.{}", host / 250, host % 250))).count();
    assert_eq!(flood, 2, "a network of newcomers has one budget together");
    assert_eq!((table.entries(), table.overflows()), (10, 2000));
    assert!(admitted("192.0.2.7"), "who is known has its own as before");
    assert!(!admitted("192.0.2.7"), "and no other one");
    // A newcomer from elsewhere meets the flood's budget in one of 256 cases.
    let elsewhere = (0..200).filter(|network| admitted(&format!("10.{network}.0.1"))).count();
    assert!(elsewhere > 100, "{elsewhere}");
    // Failures: who finds no room shares one, is still verified, and is told so when it fails.
    let miss = |from: &str| headerless(&table, source(from), &name("a"), clock.now());
    for host in 0..10 {
        assert_eq!(miss(&format!("192.0.2.{host}")), FailureVerdict::Spent);
    }
    let spent = (0..100).filter(|host| miss(&format!("198.51.100.{host}")) == FailureVerdict::Spent).count();
    assert_eq!(spent, 2);
    let honest = enter(&table, source("198.51.100.200"), &name("a"), clock.now()).unwrap();
    assert!(honest.is_on_sufferance());
    honest.passed();
    assert!(!enter(&table, source("192.0.2.3"), &name("a"), clock.now()).unwrap().is_on_sufferance());
    assert_eq!(table.limits().per_source, rate);
}

#[test]
fn rl_04_a_hundred_thousand_sources_and_their_memory_goes_when_they_are_full_again() {
    let table = table();
    let (terms, clock) = (AdmitTerms::new(None, &scheme(Vec::new())), clock());
    let admitted = |number: u32| {
        let from = Source::new(std::net::Ipv4Addr::from(number).into());
        admit(&terms, &table, from, &Method::POST, clock.now()).is_ok()
    };
    for number in 0..150_000 {
        let _ = admitted(number);
    }
    assert_eq!(table.entries(), 100_000);
    assert_eq!(table.overflows(), 50_000);
    // Whoever is past the bound gets its own as soon as those before it are full again, and not before.
    clock.advance(Duration::from_millis(2900));
    table.maintain(clock.now());
    assert_eq!(table.entries(), 100_000, "three seconds refill a budget of three");
    assert!(admitted(0));
    clock.advance(Duration::from_millis(200));
    table.maintain(clock.now());
    assert_eq!(table.entries(), 1, "all but the one that came again");
    assert!((0..BURST).all(|_| admitted(200_000)) && !admitted(200_000));
    clock.advance(Duration::from_secs(30));
    table.maintain(clock.now());
    assert_eq!(table.entries(), 2, "no haste while there is room");
    clock.advance(Duration::from_secs(31));
    table.maintain(clock.now());
    assert_eq!(table.entries(), 0);
}
