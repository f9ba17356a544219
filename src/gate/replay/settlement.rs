//! What an attempt to forward does to its claim. Pure.
//!
//! 1. Only a 2xx settles: a receiver took it, every further copy is a replay.
//! 2. Never sent, or any other complete answer: released, a retry passes at once.
//! 3. Perhaps received and no complete answer (timeout, reset, garbage): lapses. Neither is known to be right, time decides.

/// How forwarding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream answered 2xx, completely.
    CompletedSuccess,
    /// The upstream gave any other complete answer.
    CompletedOther,
    /// No byte of the delivery was sent.
    NeverSent,
    /// Bytes may have been received, and no complete answer came.
    Unknown,
}

/// How a claim ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Remembered until no clock within tolerance could accept the delivery again.
    Settle,
    /// Forgotten at once.
    Release,
    /// In flight for the upstream's timeout more, then forgotten.
    Lapse,
}

impl From<Outcome> for Settlement {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::CompletedSuccess => Self::Settle,
            Outcome::CompletedOther | Outcome::NeverSent => Self::Release,
            Outcome::Unknown => Self::Lapse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_settles() {
        let table = [
            (Outcome::CompletedSuccess, Settlement::Settle),
            (Outcome::CompletedOther, Settlement::Release),
            (Outcome::NeverSent, Settlement::Release),
            (Outcome::Unknown, Settlement::Lapse),
        ];
        for (outcome, settlement) in table {
            assert_eq!(Settlement::from(outcome), settlement, "{outcome:?}");
        }
    }
}
