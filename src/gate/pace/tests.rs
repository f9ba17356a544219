//! The integration's budget, and that a refusal gives the claim back.

use std::time::Duration;

use super::error::PaceError;
use super::gate::{Pace, pace};
use crate::domain::reason::Reason;
use crate::domain::retry_after::RetryAfter;
use crate::domain::size::Rate;
use crate::gate::replay::fixture::{Fixture, run};
use crate::gate::replay::settlement::Settlement;
use crate::gate::replay::store::ReplayStore;

fn one_a_minute() -> Pace {
    Pace::new(Some(Rate { count: 1, period: Duration::from_secs(60), burst: 1 }))
}

#[test]
fn a_refusal_gives_the_claim_back_and_says_when() {
    let (fixture, budget) = (Fixture::new("github", 10), one_a_minute());
    let deliver = |body| run(pace(&budget, fixture.claim(body).unwrap(), fixture.clock.now()));
    let first = deliver("1").unwrap();
    let refused = deliver("2").unwrap_err();
    let minute = RetryAfter::new(Duration::from_secs(60));
    assert_eq!(refused.error(), PaceError::RateLimitedIntegration { retry_after: minute });
    assert_eq!(refused.error().reason(), Reason::RateLimitedIntegration);
    assert_eq!(refused.scoped().verified().body().len(), 1);
    assert_eq!(fixture.terms.store.entries(), 1, "only the first is held");
    assert!(deliver("2").is_err(), "not in flight: refused for the budget again");
    fixture.clock.advance(Duration::from_secs(60));
    let second = deliver("2").unwrap();
    for paced in [first, second] {
        let (_, settled) = run(paced.into_claimed().settle(Settlement::Settle, fixture.clock.now()));
        assert_eq!(settled, Ok(()));
    }
    assert_eq!(fixture.terms.store.counters().claims_abandoned(), 0);
}

#[test]
fn replays_spend_nothing() {
    let (fixture, budget) = (Fixture::new("github", 10), one_a_minute());
    let claimed = fixture.claim("1").unwrap();
    assert!((0..9).all(|_| fixture.claim("1").is_err()));
    let paced = run(pace(&budget, claimed, fixture.clock.now())).unwrap();
    assert!(!paced.claimed().idempotency_key().is_empty());
}

#[test]
fn without_a_rate_everything_passes() {
    let (fixture, budget) = (Fixture::new("github", 10), Pace::new(None));
    for body in ["1", "2", "3", "4"] {
        assert!(run(pace(&budget, fixture.claim(body).unwrap(), fixture.clock.now())).is_ok(), "{body}");
    }
}
