//! What is valid and still unwise: the lints of `check`. pure
//!
//! Owns: the table of lints (id, level, why, fix), one function a lint, and the rule of `allow`.
//! Must not know: how a file is read, what the time is, how a finding is printed. What only the machine knows is handed in as
//! [`facts::Facts`].
//! Invariants:
//! 1. A finding names a key and what was seen there; never a secret or anything made from one.
//! 2. A lint that is allowed is not lost: it is listed as allowed, with the reason.
//! 3. The ids are the interface: the table has exactly those that `allow` knows.
//!
//! Start at [`judge`]; [`table`] says what each lint means.

pub mod facts;
pub mod finding;
pub mod table;

mod listener;
mod ownership;
mod replay;
mod scheme;
mod scope;
mod secret;
mod upstream;

#[cfg(test)]
mod tests;

use self::facts::Facts;
use self::finding::{Allowed, Finding};
use crate::config::plan::{AllowedLint, Plan};

/// What the lints look at.
struct Scene<'a> {
    plan: &'a Plan,
    facts: &'a Facts,
}

/// What was found, and what of it the operator accepts.
#[derive(Debug, Default)]
pub struct Judgement {
    /// In the order of levels, then of the integrations.
    pub findings: Vec<Finding>,
    /// Accepted by `allow`, each with its reason.
    pub allowed: Vec<Allowed>,
}

/// Everything that any lint finds.
#[must_use]
pub fn judge(plan: &Plan, facts: &Facts) -> Judgement {
    let scene = Scene { plan, facts };
    let families = [
        secret::findings,
        listener::findings,
        ownership::findings,
        scope::findings,
        scheme::findings,
        replay::findings,
        upstream::findings,
    ];
    let mut all: Vec<Finding> = families.iter().flat_map(|family| family(&scene)).collect();
    all.sort_by(|left, right| left.order().cmp(&right.order()));
    let mut judgement = Judgement::default();
    for finding in all {
        match accepted(plan, &finding) {
            Some(allow) => judgement.allowed.push(Allowed { finding, reason: allow.reason.clone() }),
            None => judgement.findings.push(finding),
        }
    }
    judgement
}

/// The integration's own list first, then the one for everything.
fn accepted<'p>(plan: &'p Plan, finding: &Finding) -> Option<&'p AllowedLint> {
    let own = plan.integrations.iter().find(|integration| Some(&integration.name) == finding.integration.as_ref());
    let lists = own.map(|integration| &integration.allow).into_iter().chain([&plan.allow]);
    lists.flatten().find(|allow| allow.lint == finding.lint.id)
}
