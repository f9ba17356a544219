//! The gate: a delivery in scope in, a [`Claimed`] one or a reason out; and the three ways a claim ends.
//!
//! Only this file makes a [`Claimed`], also the one of an integration without protection.
//!
//! 1. Claimed strictly after verification and scope: junk takes no place and burns no provider's next delivery.
//! 2. A claim is ended by [`Claimed::settle`]. Ending takes I/O, so dropping cannot do it: an abandoned claim is counted
//!    and left to its lease.
//! 3. A success whose settlement fails lapses, and must not be passed on.

use std::sync::Arc;
use std::time::Duration;

use super::error::ReplayError;
use super::history::Knowledge;
use super::key::{Identity, idempotency_key};
use super::settlement::Settlement;
use super::store::{Answer, Claim, Owner, ReplayStore, Store, StoreError};
use super::terms::{Protection, ReplayTerms};
use crate::domain::retry_after::RetryAfter;
use crate::domain::time::Now;
use crate::gate::scope::gate::Scoped;
use crate::gate::verify::gate::Verified;

/// A delivery that nobody else forwards.
#[derive(Debug)]
#[must_use = "a claim is settled, released or lapsed"]
pub struct Claimed {
    scoped: Scoped,
    identity: Identity,
    idempotency_key: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The integration has no replay protection.
    NotRequired,
    /// Held in a store.
    Held { hold: Hold, is_blind: bool },
}

/// A delivery that is not forwarded now, and why.
#[derive(Debug)]
pub struct Unclaimed {
    scoped: Scoped,
    identity: Identity,
    error: ReplayError,
}

/// Claims a delivery, or says why it is not forwarded now.
pub async fn claim(terms: &ReplayTerms, scoped: Scoped, now: Now) -> Result<Claimed, Box<Unclaimed>> {
    let verified = scoped.verified();
    let identity = *verified.identity();
    let idempotency_key = idempotency_key(verified.integration(), verified.signed_unique_delivery_id(), &identity);
    let kind = match terms.protection {
        Protection::Off => Ok(Kind::NotRequired),
        Protection::On => hold(terms, verified, identity, now).await,
    };
    match kind {
        Ok(kind) => Ok(Claimed { scoped, identity, idempotency_key, kind }),
        Err(error) => Err(Box::new(Unclaimed { scoped, identity, error })),
    }
}

async fn hold(terms: &ReplayTerms, verified: &Verified, identity: Identity, now: Now) -> Result<Kind, ReplayError> {
    let known_since = terms.store.knows_since(now);
    let is_blind = match terms.history.judge(known_since, verified.signed_at(), now) {
        Knowledge::Whole => false,
        Knowledge::Blind => true,
        Knowledge::Refused => {
            let wait = known_since.map_or(Duration::ZERO, |since| since.since(now.wall));
            return Err(ReplayError::SignedBeforeStart { retry_after: RetryAfter::new(wait) });
        }
    };
    let keep_until = verified.acceptable_until().unwrap_or(now.wall.plus(terms.history.untimed_window));
    let is_timed = verified.acceptable_until().is_some();
    let claim = Claim { identity, share: terms.share, keep_until, is_timed, lease: terms.lease };
    let owner = match terms.store.claim(&claim, now).await? {
        Answer::Fresh(owner) => owner,
        Answer::Settled => return Err(ReplayError::Replayed),
        Answer::InFlight { retry_after } => {
            // An attempt is over after the upstream's timeout; the lease only outlasts one that broke.
            return Err(ReplayError::ReplayInFlight { retry_after: RetryAfter::new(retry_after.min(terms.lapse)) });
        }
    };
    let hold = Hold { store: Arc::clone(&terms.store), claim, owner, lapse: terms.lapse, is_ended: false };
    // A store that lost its memory in between has been judged by the one it lost.
    if terms.store.knows_since(now) != known_since {
        // In a box of its own: it is rare, and every claim would be moved with the room for it.
        Box::pin(hold.end(Settlement::Release, now)).await.unwrap_or_default();
        return Err(ReplayError::StoreUnavailable);
    }
    Ok(Kind::Held { hold, is_blind })
}

impl Claimed {
    /// The proof before this one.
    pub const fn scoped(&self) -> &Scoped {
        &self.scoped
    }

    /// What makes it the delivery it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the upstream tells retries by.
    #[must_use]
    pub fn idempotency_key(&self) -> &str {
        &self.idempotency_key
    }

    /// Whether the store may have forgotten that it was forwarded before.
    #[must_use]
    pub const fn is_blind(&self) -> bool {
        matches!(self.kind, Kind::Held { is_blind: true, .. })
    }

    /// Ends the claim and gives the proof before it back, for the record. A success may be passed on only after `Ok`.
    pub async fn settle(self, settlement: Settlement, now: Now) -> (Scoped, Result<(), ReplayError>) {
        let ended = match self.kind {
            Kind::NotRequired => Ok(()),
            Kind::Held { hold, .. } => hold.end(settlement, now).await,
        };
        (self.scoped, ended)
    }
}

impl Unclaimed {
    /// Why.
    #[must_use]
    pub const fn error(&self) -> ReplayError {
        self.error
    }

    /// Which delivery.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The proof before the claim, for the record.
    pub const fn scoped(&self) -> &Scoped {
        &self.scoped
    }
}

/// A claim held in a store.
#[derive(Debug)]
struct Hold {
    store: Arc<Store>,
    claim: Claim,
    owner: Owner,
    lapse: Duration,
    is_ended: bool,
}

impl Hold {
    async fn end(mut self, settlement: Settlement, now: Now) -> Result<(), ReplayError> {
        let ended = match settlement {
            Settlement::Settle => self.store.settle(&self.claim, now).await,
            Settlement::Release => self.store.release(&self.claim.identity, self.owner, now).await,
            Settlement::Lapse => self.lapse(now).await,
        };
        if ended.is_err() && settlement == Settlement::Settle {
            // Taken, and not remembered: neither known nor vacant. What a failing store cannot note, the lease does.
            self.lapse(now).await.unwrap_or_default();
        }
        self.is_ended = true;
        // Whatever the store lacked, the sender is told that it does not answer: the delivery was not refused for room.
        ended.map_err(|_| ReplayError::StoreUnavailable)
    }

    async fn lapse(&self, now: Now) -> Result<(), StoreError> {
        self.store.lapse(&self.claim.identity, self.owner, self.lapse, now).await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.is_ended {
            self.store.counters().count_abandoned();
        }
    }
}
