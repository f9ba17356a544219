//! How a reload ended.

use crate::server::watch::print::Snapshot;
use crate::server::watch::targets::Targets;

/// The most faults that are kept.
const FAULTS_MAX: usize = 100;

/// How a reload ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The new configuration is in force.
    Applied {
        /// How many integrations it has.
        integrations: usize,
    },
    /// The old one goes on.
    Refused {
        /// Everything that is wrong with the new one, as text for people.
        faults: Vec<String>,
    },
}

impl Outcome {
    /// Refused for one reason.
    #[must_use]
    pub fn refused(fault: impl Into<String>) -> Self {
        Self::Refused { faults: vec![fault.into()] }
    }

    /// Refused for many; beyond a hundred only their number is kept.
    #[must_use]
    pub fn refused_for(mut faults: Vec<String>) -> Self {
        let more = faults.len().saturating_sub(FAULTS_MAX);
        faults.truncate(FAULTS_MAX);
        if more > 0 {
            faults.push(format!("and {more} more"));
        }
        Self::Refused { faults }
    }

    /// What was wrong, if anything was.
    #[must_use]
    pub fn faults(&self) -> Option<&[String]> {
        match self {
            Self::Applied { .. } => None,
            Self::Refused { faults } => Some(faults),
        }
    }
}

/// An outcome, and what is to be watched now.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) outcome: Outcome,
    /// How many integrations are in force.
    pub(crate) integrations: usize,
    /// The files that the configuration in force rests on, and those that the refused one would.
    pub(crate) targets: Targets,
    /// As they were when they were read.
    pub(crate) seen: Snapshot,
}
