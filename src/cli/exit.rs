//! What a verb answers, and the exit code that says so.
//!
//! 1. Done, yes, nothing found: 0.
//! 2. The answer is no (findings, a delivery that does not verify, a broken chain): 1.
//! 3. It could not be done (usage, unreadable or invalid configuration, cannot bind): 2, and the reason on stderr.

use std::process::ExitCode;

use crate::cli::output;

/// The answer of a verb that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done, yes, nothing found.
    Yes,
    /// The answer is no.
    No,
}

impl From<bool> for Verdict {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// The exit code of usage, configuration and environment faults.
const COULD_NOT: u8 = 2;

/// Turns a verb's end into an exit code; a failure is told on stderr.
pub(super) fn code(result: anyhow::Result<Verdict>) -> ExitCode {
    match result {
        Ok(Verdict::Yes) => ExitCode::SUCCESS,
        Ok(Verdict::No) => ExitCode::FAILURE,
        Err(error) => {
            output::talk(format_args!("hookward: {error:#}"));
            ExitCode::from(COULD_NOT)
        }
    }
}

/// Prints what clap has to say: help and version on stdout with 0, usage faults on stderr with 2.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // A reader that has gone away misses the text; the code still says what happened.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(COULD_NOT) } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_code() {
        let name = |code: ExitCode| format!("{code:?}");
        assert_eq!(name(code(Ok(true.into()))), name(ExitCode::from(0)));
        assert_eq!(name(code(Ok(false.into()))), name(ExitCode::from(1)));
        assert_eq!(name(code(Err(anyhow::anyhow!("no such file")))), name(ExitCode::from(2)));
    }
}
