//! One finding: which lint, where, and what it saw. pure

use crate::config::plan::IntegrationPlan;
use crate::domain::name::IntegrationName;
use crate::lint::table::{Level, Lint};

/// A key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// The file; `None` for the main one.
    pub file: Option<String>,
    /// The keys from the root, elements of lists by their index.
    pub keys: Vec<String>,
}

impl At {
    /// A key of the main file.
    #[must_use]
    pub fn main(keys: &[&str]) -> Self {
        Self { file: None, keys: keys.iter().map(|key| (*key).to_owned()).collect() }
    }

    /// A key of an integration, in the file that has it.
    #[must_use]
    pub fn of(integration: &IntegrationPlan, keys: &[&str]) -> Self {
        let root = ["integration", integration.name.as_str()];
        Self { file: Some(integration.place.file.clone()), ..Self::main(&[&root, keys].concat()) }
    }
}

/// What a lint found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The lint.
    pub lint: &'static Lint,
    /// The integration it is about, if it is about one.
    pub integration: Option<IntegrationName>,
    /// Where.
    pub at: At,
    /// What it saw.
    pub saw: String,
}

impl Finding {
    /// About the gateway as a whole.
    pub(super) fn main(lint: &'static Lint, keys: &[&str], saw: impl Into<String>) -> Self {
        Self { lint, integration: None, at: At::main(keys), saw: saw.into() }
    }

    /// About one integration.
    pub(super) fn of(lint: &'static Lint, integration: &IntegrationPlan, keys: &[&str], saw: impl Into<String>) -> Self {
        Self { lint, integration: Some(integration.name.clone()), at: At::of(integration, keys), saw: saw.into() }
    }

    /// The worst first, then by integration, lint and key.
    pub(super) fn order(&self) -> (Level, Option<&IntegrationName>, &'static str, &At) {
        (self.lint.level, self.integration.as_ref(), self.lint.id, &self.at)
    }
}

/// A finding that the operator accepts.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The finding.
    pub finding: Finding,
    /// Why it is accepted.
    pub reason: String,
}
