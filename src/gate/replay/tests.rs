//! The gate with a memory store behind it: what is the same delivery, how claims end, every reason.

use std::sync::Arc;
use std::time::Duration;

use super::error::ReplayError;
use super::fixture::{Fixture, LEASE, TOLERANCE, run};
use super::gate::Claimed;
use super::history::ToleranceRaised;
use super::memory::MemoryStore;
use super::settlement::Settlement;
use super::spec::ColdStart;
use super::store::{ReplayStore, ShareId, Store, StoreError};
use super::terms::Protection;
use crate::domain::reason::Reason;
use crate::domain::retry_after::RetryAfter;
use crate::domain::time::UnixTime;

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

fn fixture() -> Fixture {
    Fixture::new("stripe", 100)
}

fn end(fixture: &Fixture, claimed: Claimed, settlement: Settlement) -> Result<(), ReplayError> {
    let (scoped, ended) = run(claimed.settle(settlement, fixture.clock.now()));
    assert_eq!(scoped.verified().secret_id().as_str(), "current");
    ended
}

fn refusal(fixture: &Fixture, body: &'static str) -> ReplayError {
    fixture.claim(body).unwrap_err().error()
}

#[test]
fn a_claim_ends_in_one_of_three_ways() {
    let in_flight = |wait| ReplayError::ReplayInFlight { retry_after: RetryAfter::new(wait) };
    let fixture = fixture();
    let claimed = fixture.claim(BODY).unwrap();
    assert!(fixture.terms.lapse < LEASE);
    assert_eq!(refusal(&fixture, BODY), in_flight(fixture.terms.lapse), "the attempt's own time, not its lease");
    assert_eq!(end(&fixture, claimed, Settlement::Release), Ok(()));

    let claimed = fixture.claim(BODY).unwrap();
    assert_eq!(end(&fixture, claimed, Settlement::Lapse), Ok(()));
    assert_eq!(refusal(&fixture, BODY), in_flight(fixture.terms.lapse));
    let signed_at = fixture.clock.now().wall;
    fixture.clock.advance(fixture.terms.lapse);

    let claimed = fixture.claim_scoped(fixture.scoped(signed_at, BODY, &[])).unwrap();
    assert_eq!(end(&fixture, claimed, Settlement::Settle), Ok(()));
    let replayed = fixture.claim_scoped(fixture.scoped(signed_at, BODY, &[])).unwrap_err();
    assert_eq!(replayed.error(), ReplayError::Replayed);
    assert_eq!(replayed.scoped().verified().signed_at(), Some(signed_at));
    assert_eq!(fixture.terms.store.counters().claims_abandoned(), 0);
}

#[test]
fn rpl_01_what_is_not_signed_does_not_make_it_another_delivery() {
    let fixture = Fixture::new("github", 100);
    let now = fixture.clock.now().wall;
    let first = fixture.claim_scoped(fixture.scoped(now, BODY, &[("x-github-delivery", "1")])).unwrap();
    let identity = *first.identity();
    assert_eq!(first.idempotency_key(), identity.hex(), "the id is not signed");
    assert_eq!(end(&fixture, first, Settlement::Settle), Ok(()));
    for more in [&[("x-github-delivery", "2")][..], &[("x-github-event", "push"), ("content-type", "text/plain")], &[]] {
        let again = fixture.claim_scoped(fixture.scoped(now, BODY, more)).unwrap_err();
        assert_eq!((again.error(), *again.identity()), (ReplayError::Replayed, identity), "{more:?}");
    }
    assert!(fixture.claim("{}").is_ok(), "another body");
}

#[test]
fn a_retry_signed_anew_passes_with_the_same_idempotency_key() {
    let fixture = fixture();
    let first = fixture.claim(BODY).unwrap();
    let (identity, key) = (*first.identity(), first.idempotency_key().to_owned());
    assert_eq!(end(&fixture, first, Settlement::Settle), Ok(()));
    fixture.clock.advance(Duration::from_secs(7));
    let resigned = fixture.claim(BODY).unwrap();
    assert_ne!(*resigned.identity(), identity);
    assert_eq!(resigned.idempotency_key(), key);
    assert_ne!(key, identity.hex());
    assert_eq!(end(&fixture, resigned, Settlement::Settle), Ok(()));
}

#[test]
fn integrations_do_not_meet() {
    let mut fixture = fixture();
    let claimed = fixture.claim(BODY).unwrap();
    assert_eq!(end(&fixture, claimed, Settlement::Settle), Ok(()));
    fixture.integration = "other".parse().unwrap();
    assert!(fixture.claim(BODY).is_ok());
}

#[test]
fn a_delivery_is_remembered_for_as_long_as_it_could_be_accepted() {
    for ahead in [-250_i64, 0, 250] {
        let fixture = fixture();
        let signed_at = UnixTime::from_seconds(fixture.clock.now().wall.seconds() + ahead);
        let deliver = || fixture.claim_scoped(fixture.scoped(signed_at, BODY, &[]));
        assert_eq!(end(&fixture, deliver().unwrap(), Settlement::Settle), Ok(()));
        fixture.clock.advance(Duration::from_secs(TOLERANCE.as_secs().saturating_add_signed(ahead)));
        assert_eq!(deliver().unwrap_err().error(), ReplayError::Replayed, "signed {ahead} s ahead");
    }
}

#[test]
fn without_protection_every_delivery_passes() {
    let mut fixture = fixture();
    fixture.terms.protection = Protection::Off;
    let (first, second) = (fixture.claim(BODY).unwrap(), fixture.claim(BODY).unwrap());
    assert_eq!(first.identity(), second.identity());
    assert!(!first.is_blind());
    assert_eq!(fixture.terms.store.entries(), 0);
    assert_eq!(end(&fixture, first, Settlement::Settle), Ok(()));
    drop(second);
    assert_eq!(fixture.terms.store.counters().claims_abandoned(), 0, "nothing was held");
}

#[test]
fn a_store_without_history_refuses_what_it_cannot_know() {
    let mut fixture = fixture();
    let start = fixture.clock.now();
    fixture.terms.store = Arc::new(Store::Memory(MemoryStore::new(100, start)));
    fixture.terms.share = ShareId::COMMON;
    assert_eq!(refusal(&fixture, BODY), ReplayError::SignedBeforeStart { retry_after: RetryAfter::new(Duration::from_secs(2)) });
    fixture.clock.advance(Duration::from_secs(60));
    let before = fixture.claim_scoped(fixture.scoped(start.wall, BODY, &[])).unwrap_err();
    assert_eq!(before.error(), ReplayError::SignedBeforeStart { retry_after: RetryAfter::MIN });
    assert!(!fixture.claim(BODY).unwrap().is_blind());
    fixture.terms.history.cold_start = ColdStart::Accept;
    assert!(fixture.claim_scoped(fixture.scoped(start.wall, BODY, &[])).unwrap().is_blind());
}

#[test]
fn an_untimed_delivery_is_blind_until_the_store_is_as_old_as_the_window() {
    let fixture = Fixture::new("github", 100);
    assert!(fixture.claim("{}").unwrap().is_blind());
    fixture.clock.advance(Duration::from_secs(86_400));
    assert!(!fixture.claim("[]").unwrap().is_blind());
}

#[test]
fn a_raised_tolerance_reopens_nothing() {
    let mut fixture = fixture();
    let now = fixture.clock.now().wall;
    let signed_at = now.minus(Duration::from_secs(100));
    fixture.terms.history.raised = ToleranceRaised::by_reload(None, Duration::from_secs(60), TOLERANCE, now);
    let error = fixture.claim_scoped(fixture.scoped(signed_at, BODY, &[])).unwrap_err().error();
    assert_eq!(error.reason(), Reason::SignedBeforeStart);
    assert!(fixture.claim(BODY).is_ok());
}

#[test]
fn a_full_store_refuses_and_a_settlement_without_a_place_is_no_success() {
    let fixture = Fixture::new("github", 1);
    let late = fixture.claim("{}").unwrap();
    assert_eq!(refusal(&fixture, "[]"), ReplayError::StoreFull);
    fixture.clock.advance(LEASE);
    let successor = fixture.claim("[]").unwrap();
    assert_eq!(end(&fixture, late, Settlement::Settle), Err(ReplayError::StoreUnavailable));
    assert_eq!(end(&fixture, successor, Settlement::Release), Ok(()));
    assert!(fixture.claim("{}").is_ok(), "what was not remembered passes again");
}

#[test]
fn an_abandoned_claim_is_counted_and_left_to_its_lease() {
    let fixture = Fixture::new("github", 100);
    drop(fixture.claim(BODY).unwrap());
    assert_eq!(fixture.terms.store.counters().claims_abandoned(), 1);
    assert!(matches!(refusal(&fixture, BODY), ReplayError::ReplayInFlight { .. }));
    fixture.clock.advance(LEASE);
    assert!(fixture.claim(BODY).is_ok());
}

#[test]
fn every_error_has_its_reason() {
    let retry_after = RetryAfter::MIN;
    let table = [
        (ReplayError::Replayed, Reason::Replayed),
        (ReplayError::ReplayInFlight { retry_after }, Reason::ReplayInFlight),
        (StoreError::Full.into(), Reason::ReplayStoreFull),
        (StoreError::Unavailable.into(), Reason::ReplayStoreUnavailable),
        (ReplayError::SignedBeforeStart { retry_after }, Reason::SignedBeforeStart),
    ];
    for (error, reason) in table {
        assert_eq!(error.reason(), reason, "{error}");
    }
}
