//! Text to plan: load, check, all faults at once.
//!
//! Owns: the configuration's grammar, defaults, cross-checks, faults with places and hints.
//! Must not know: how anything is built or run.
//! Invariants: a [`plan::Plan`] that exists can be built from, but for what only the machine knows (secrets, certificates,
//! addresses); a key that this version does not honour is a fault, never ignored; no fault quotes a value.
//!
//! Start at [`load`]. One file is read in three passes over the same text: what it includes, the providers that it
//! defines, everything else; so an integration may use a provider of any file.

pub mod generate;
pub mod plan;

mod allow;
mod context;
mod file;
mod integration;
mod read;
mod section;
mod value;

pub use allow::LINTS;
pub use context::UnplannedSecret;
pub use read::Examined;

use std::fmt::Write as _;
use std::path::Path;

use crate::config::file::Source;
use crate::config::plan::Plan;
use crate::document::{Document, Fault};

/// Reads the configuration of a file and of what it includes.
///
/// # Errors
/// Every fault of every file, in the order of their places. An unreadable file is one.
pub fn load(path: &Path) -> Result<Plan, Vec<Fault>> {
    examine(path).into_plan()
}

/// Reads a configuration as far as it goes, for whoever wants to know everything about it at once.
#[must_use]
pub fn examine(path: &Path) -> Examined {
    match file::open(path) {
        Ok(source) => read::examine(&source, path),
        Err(fault) => Examined::nothing(vec![fault]),
    }
}

/// Reads only where the gateway that a file describes is asked, so that it can be asked while the rest is being edited.
///
/// # Errors
/// Every fault of that section; an unreadable file or one that is no TOML is one.
pub fn load_admin(path: &Path) -> Result<plan::AdminSpec, Vec<Fault>> {
    let source = file::open(path).map_err(|fault| vec![fault])?;
    read::admin(&source)
}

/// Reads a configuration from its text. `name` is what places call it; relative paths start at `base`.
///
/// # Errors
/// Every fault, in the order of their places.
pub fn parse(name: &str, text: &str, base: &Path) -> Result<Plan, Vec<Fault>> {
    let source = Source { document: Document::new(name, text), base: base.to_owned() };
    read::examine(&source, &base.join(name)).into_plan()
}

/// The faults as text for people: one a line, then their number.
#[must_use]
pub fn render_faults(faults: &[Fault]) -> String {
    let mut text = String::new();
    for fault in faults {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{fault}");
    }
    let noun = if faults.len() == 1 { "fault" } else { "faults" };
    let _ = writeln!(text, "{} {noun} in the configuration", faults.len());
    text
}

#[cfg(test)]
mod tests;
