//! `init`: a commented configuration to start from.
//!
//! Invariants: a file that exists is never touched; an unknown provider writes nothing.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cli::exit::Verdict;
use crate::cli::output;
use crate::cli::providers;
use crate::config::generate;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A provider to write an integration for; may be repeated.
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// The file to write; `-` writes to stdout.
    #[arg(long, value_name = "FILE", default_value = "hookward.toml")]
    output: PathBuf,
}

/// Writes the file.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let schemes = arguments.provider.iter().map(|name| providers::find(name)).collect::<Result<Vec<_>>>()?;
    let text = generate::init_config(&schemes);
    if arguments.output == Path::new("-") {
        output::data(text.as_bytes())?;
        return Ok(Verdict::Yes);
    }
    create(&arguments.output, &text)?;
    output::talk(format_args!("wrote {0}; next: edit it, then `hookward check --config {0}`", arguments.output.display()));
    Ok(Verdict::Yes)
}

fn create(file: &Path, text: &str) -> Result<()> {
    // One step, so that a file which appears meanwhile is not overwritten either.
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let mut opened = opened.with_context(|| format!("nothing was written: cannot create {}", file.display()))?;
    opened.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_exists_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hookward.toml");
        create(&file, "first").unwrap();
        let error = create(&file, "second").unwrap_err();
        assert!(error.to_string().contains("nothing was written"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "first");
    }
}
