//! `man [VERB]…`: a manual page, of the program or of one verb, as roff on stdout.

use anyhow::{Context as _, Result};
use clap::{Args, Command};

use crate::cli::exit::Verdict;
use crate::cli::output;

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The verb to explain, such as `sign` or `audit verify`; the program itself when absent.
    #[arg(value_name = "VERB")]
    verb: Vec<String>,
}

/// Prints the page.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    output::data(&page(&arguments.verb)?)?;
    Ok(Verdict::Yes)
}

fn page(verb: &[String]) -> Result<Vec<u8>> {
    let mut root = crate::cli::command();
    // Building fills in the whole names: `hookward-audit-verify`.
    root.build();
    let command = verb.iter().try_fold(&root, |command: &Command, name| command.find_subcommand(name));
    let command = command.with_context(|| format!("there is no verb `{}`", verb.join(" ")))?;
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_and_each_verb_have_a_page() {
        for (verb, title) in [(vec![], "hookward"), (vec!["sign"], "hookward\\-sign"), (vec!["audit", "verify"], "verify")] {
            let verb: Vec<String> = verb.into_iter().map(str::to_owned).collect();
            let page = String::from_utf8(page(&verb).unwrap()).unwrap();
            assert!(page.contains(".TH") && page.contains(title), "{page}");
        }
        assert!(page(&["fly".to_owned()]).is_err());
    }
}
