//! Whether the gateway can serve, and what stands in the way. Pure.
//!
//! 1. Alive is not ready: a gateway that waits for its cold start, its store or its audit log is alive, and restarting it
//!    would mend nothing.
//! 2. Not ready names every cause, so that the first look answers the question.

use serde::Serialize;

/// The facts that readiness rests on.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// The store remembers as far back as its rule demands.
    pub replay_ready: bool,
    /// The store can answer.
    pub replay_available: bool,
    /// Records can be written.
    pub audit_writable: bool,
    /// The gateway is ending.
    pub draining: bool,
}

/// The answer of `/readyz`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// `ready` or `unavailable`.
    pub status: &'static str,
    /// What stands in the way.
    pub causes: Vec<&'static str>,
}

impl Readiness {
    /// Judges the facts.
    #[must_use]
    pub fn judge(conditions: &Conditions) -> Self {
        let all = [
            (!conditions.replay_available, "replay_store_unavailable"),
            (!conditions.replay_ready, "replay_store_cold"),
            (!conditions.audit_writable, "audit_unavailable"),
            (conditions.draining, "draining"),
        ];
        let causes: Vec<_> = all.into_iter().filter_map(|(holds, cause)| holds.then_some(cause)).collect();
        Self { status: if causes.is_empty() { "ready" } else { "unavailable" }, causes }
    }

    /// Whether requests are welcome.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.causes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_named() {
        let fine = Conditions { replay_ready: true, replay_available: true, audit_writable: true, draining: false };
        assert!(Readiness::judge(&fine).is_ready());
        let bad = Conditions { replay_ready: false, replay_available: false, audit_writable: false, draining: true };
        let readiness = Readiness::judge(&bad);
        assert_eq!(readiness.causes, ["replay_store_unavailable", "replay_store_cold", "audit_unavailable", "draining"]);
        assert_eq!(readiness.status, "unavailable");
    }
}
