//! What `check` has to say of one configuration, with every place looked up, as text and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::configuration::count;
use crate::cli::{circumstances, examination, places};
use crate::config;
use crate::config::plan::Plan;
use crate::document::{Fault, Place};
use crate::domain::time::UnixTime;
use crate::lint;
use crate::lint::finding::Finding;
use crate::lint::table::{Level, Lint};

/// Everything there is to say.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What is not valid.
    pub(super) faults: Vec<Fault>,
    /// What is valid and unwise.
    pub(super) findings: Vec<Located>,
    /// What the configuration accepts, with the reason.
    pub(super) allowed: Vec<(Located, String)>,
    /// Settings without effect.
    pub(super) without_effect: Vec<Fault>,
    summary: String,
}

/// A finding with its place.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) lint: &'static Lint,
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) saw: String,
}

impl Report {
    /// The report of a file.
    pub(super) fn of(file: &Path, now: UnixTime) -> Self {
        let examined = config::examine(file);
        let faults = examination::of_everything(&examined, file);
        // Findings of a plan with stand-ins would be about values that nobody wrote.
        let Some(plan) = examined.plan.filter(|_| examined.faults.is_empty()) else {
            return Self { faults, ..Self::default() };
        };
        let judgement = lint::judge(&plan, &circumstances::facts(&plan, now));
        let main = file.display().to_string();
        Self {
            faults,
            findings: judgement.findings.iter().map(|finding| Located::of(finding, &main)).collect(),
            allowed: judgement.allowed.iter().map(|one| (Located::of(&one.finding, &main), one.reason.clone())).collect(),
            summary: summary(&plan),
            without_effect: plan.without_effect,
        }
    }

    /// Whether a finding is an error.
    pub(super) fn has_errors(&self) -> bool {
        self.number(Level::Error) > 0
    }

    /// Whether there is a warning of either kind.
    pub(super) fn has_warnings(&self) -> bool {
        self.number(Level::Warning) > 0 || !self.without_effect.is_empty()
    }

    fn number(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.lint.level == level).count()
    }

    /// For people: the worst first, the sum last.
    pub(super) fn text(&self) -> String {
        let faults = self.faults.iter().map(|fault| format!("{fault}\n"));
        let findings = self.findings.iter().map(Located::text);
        let warnings = self.without_effect.iter().map(|warning| format!("warning: {warning}\n"));
        let allowed = self.allowed.iter().map(|(one, reason)| format!("allowed[{}]: {}: {reason}\n", one.lint.id, one.head()));
        let summary = self.faults.is_empty().then(|| self.sum());
        faults.chain(findings).chain(warnings).chain(allowed).chain(summary).collect()
    }

    fn sum(&self) -> String {
        let warnings = self.number(Level::Warning).saturating_add(self.without_effect.len());
        let numbers = [(self.number(Level::Error), "error"), (warnings, "warning"), (self.number(Level::Note), "note")];
        let numbers = numbers.into_iter().filter(|(number, _)| *number > 0).map(|(number, noun)| count(number, noun));
        let numbers = numbers.collect::<Vec<_>>().join(", ");
        let word = if self.has_errors() { "no" } else { "ok" };
        let divider = if numbers.is_empty() { "" } else { "; " };
        format!("{word}: {}{divider}{numbers}\n", self.summary)
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let allowed = self.allowed.iter().map(|(one, reason)| {
            let mut value = one.json();
            value.as_object_mut().map(|members| members.insert("reason".to_owned(), json!(reason)));
            value
        });
        json!({
            "ok": self.faults.is_empty() && !self.has_errors(),
            "faults": self.faults.iter().map(fault_json).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(Located::json).collect::<Vec<_>>(),
            "warnings": self.without_effect.iter().map(fault_json).collect::<Vec<_>>(),
            "allowed": allowed.collect::<Vec<_>>(),
        })
    }
}

impl Located {
    fn of(finding: &Finding, main: &str) -> Self {
        let keys: Vec<&str> = finding.at.keys.iter().map(String::as_str).collect();
        let (place, key) = places::located(finding.at.file.as_deref().unwrap_or(main), &keys);
        Self { lint: finding.lint, place, key, saw: finding.saw.clone() }
    }

    fn head(&self) -> String {
        format!("{}: {}: {}", self.place, self.key, self.saw)
    }

    fn text(&self) -> String {
        let Lint { id, level, why, fix, .. } = self.lint;
        format!("{}[{id}]: {}\n    why: {why}\n    fix: {fix}\n", level.code(), self.head())
    }

    fn json(&self) -> Value {
        json!({
            "lint": self.lint.id, "level": self.lint.level.code(),
            "file": self.place.file, "line": self.place.line, "column": self.place.column,
            "key": self.key, "saw": self.saw, "why": self.lint.why, "fix": self.lint.fix,
        })
    }
}

fn summary(plan: &Plan) -> String {
    let secrets = plan.integrations.iter().map(|integration| integration.secrets.len()).sum();
    let parts = [(plan.integrations.len(), "integration"), (plan.listeners.len(), "listener"), (secrets, "secret")];
    parts.map(|(number, noun)| count(number, noun)).join(", ")
}

fn fault_json(fault: &Fault) -> Value {
    json!({
        "file": fault.place.file, "line": fault.place.line, "column": fault.place.column,
        "key": fault.key, "reason": fault.reason, "hint": fault.hint,
    })
}
