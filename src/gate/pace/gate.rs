//! The gate: a claimed delivery in, a [`Paced`] one out, or its claim given back and the wait.

use super::error::PaceError;
use crate::domain::budget::{Budget, Spent};
use crate::domain::size::Rate;
use crate::domain::time::Now;
use crate::gate::replay::gate::Claimed;
use crate::gate::replay::settlement::Settlement;
use crate::gate::scope::gate::Scoped;

/// One integration's budget. Kept over reloads that leave its rate as it is.
#[derive(Debug)]
pub enum Pace {
    /// The integration has no rate.
    Unlimited,
    /// It has.
    Limited(Budget),
}

impl Pace {
    /// A full budget, or none at all.
    #[must_use]
    pub fn new(rate: Option<Rate>) -> Self {
        rate.map_or(Self::Unlimited, |rate| Self::Limited(Budget::new(rate)))
    }

    fn spend(&self, now: Now) -> Result<(), PaceError> {
        let spent = match self {
            Self::Unlimited => Ok(()),
            Self::Limited(budget) => budget.spend(now.monotonic),
        };
        spent.map_err(|Spent { retry_after }| PaceError::RateLimitedIntegration { retry_after })
    }
}

/// A delivery that may be sent.
#[derive(Debug)]
#[must_use = "a paced delivery is forwarded, and its claim settled"]
pub struct Paced {
    claimed: Claimed,
}

/// A delivery that has to wait. Its claim is given back; if the store could not even note that, its lease ends it.
#[derive(Debug)]
pub struct Unpaced {
    scoped: Scoped,
    error: PaceError,
}

/// Spends one of the integration's budget, or gives the claim back.
pub async fn pace(pace: &Pace, claimed: Claimed, now: Now) -> Result<Paced, Box<Unpaced>> {
    match pace.spend(now) {
        Ok(()) => Ok(Paced { claimed }),
        Err(error) => {
            let (scoped, _) = claimed.settle(Settlement::Release, now).await;
            Err(Box::new(Unpaced { scoped, error }))
        }
    }
}

impl Paced {
    /// The proof before this one.
    pub const fn claimed(&self) -> &Claimed {
        &self.claimed
    }

    /// Gives the claim up to be ended.
    pub fn into_claimed(self) -> Claimed {
        self.claimed
    }
}

impl Unpaced {
    /// Why, and for how long.
    #[must_use]
    pub const fn error(&self) -> PaceError {
        self.error
    }

    /// The proof before the claim, for the record.
    pub const fn scoped(&self) -> &Scoped {
        &self.scoped
    }
}
