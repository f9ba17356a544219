//! Whether the gateway can serve, and what stands in the way. Pure.
//!
//! 1. Alive is not ready: a gateway that waits for its cold start, its store or its audit log is alive, and restarting it
//!    would mend nothing.
//! 2. Not ready names every cause, so that the first look answers the question.
//! 3. Degraded is ready: it serves, and somebody should look. What is refused by intent is neither.

use serde::Serialize;

/// The facts that readiness rests on.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and none follows from another")]
pub struct Conditions {
    /// The store remembers as far back as its rule demands.
    pub replay_ready: bool,
    /// The store can answer.
    pub replay_available: bool,
    /// Records can be written.
    pub audit_writable: bool,
    /// At least one integration that is enabled has a secret that can be used.
    pub secrets_usable: bool,
    /// The gateway is ending.
    pub draining: bool,
    /// What somebody should look at.
    pub degraded: Vec<Degraded>,
}

/// Something that does not keep the gateway from serving, and should not stay as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Degraded {
    /// What kind of thing.
    pub cause: &'static str,
    /// Where and why; for operators only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// The answer of `/readyz`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// `ready`, `degraded` (and ready) or `unavailable`.
    pub status: &'static str,
    /// What stands in the way.
    pub causes: Vec<&'static str>,
    /// What does not, and should be looked at.
    pub degraded: Vec<Degraded>,
}

impl Readiness {
    /// Judges the facts.
    #[must_use]
    pub fn judge(conditions: Conditions) -> Self {
        let all = [
            (!conditions.replay_available, "replay_store_unavailable"),
            (!conditions.replay_ready, "replay_store_cold"),
            (!conditions.audit_writable, "audit_unavailable"),
            (!conditions.secrets_usable, "secrets_unavailable"),
            (conditions.draining, "draining"),
        ];
        let causes: Vec<_> = all.into_iter().filter_map(|(holds, cause)| holds.then_some(cause)).collect();
        let status = match (causes.is_empty(), conditions.degraded.is_empty()) {
            (false, _) => "unavailable",
            (true, false) => "degraded",
            (true, true) => "ready",
        };
        Self { status, causes, degraded: conditions.degraded }
    }

    /// The same for whoever may not know more than what kind of thing is wrong.
    #[must_use]
    pub fn without_details(mut self) -> Self {
        self.degraded.iter_mut().for_each(|degraded| degraded.details.clear());
        self
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

    fn fine() -> Conditions {
        Conditions {
            replay_ready: true,
            replay_available: true,
            audit_writable: true,
            secrets_usable: true,
            draining: false,
            degraded: Vec::new(),
        }
    }

    #[test]
    fn every_cause_is_named() {
        assert_eq!(Readiness::judge(fine()).status, "ready");
        let bad = Conditions {
            replay_ready: false,
            replay_available: false,
            audit_writable: false,
            secrets_usable: false,
            draining: true,
            degraded: Vec::new(),
        };
        let readiness = Readiness::judge(bad);
        assert_eq!(
            readiness.causes,
            ["replay_store_unavailable", "replay_store_cold", "audit_unavailable", "secrets_unavailable", "draining"]
        );
        assert!(readiness.status == "unavailable" && !readiness.is_ready());
    }

    #[test]
    fn degraded_is_ready_and_keeps_its_details_from_strangers() {
        let degraded = Degraded { cause: "configuration_refused", details: vec!["a.toml:1:1: no".to_owned()] };
        let readiness = Readiness::judge(Conditions { degraded: vec![degraded], ..fine() });
        assert!(readiness.is_ready() && readiness.status == "degraded");
        assert!(serde_json::to_string(&readiness).unwrap().contains("a.toml"));
        let shown = serde_json::to_string(&readiness.without_details()).unwrap();
        assert!(shown.contains("configuration_refused") && !shown.contains("a.toml"), "{shown}");
    }
}
