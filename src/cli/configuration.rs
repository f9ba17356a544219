//! `--config`, and what a verb does when the configuration is not valid.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::admin_client::AdminClient;
use crate::cli::output;
use crate::config;
use crate::config::plan::{AdminSpec, Plan};
use crate::document::Fault;
use crate::secrets;

/// What is read where no file is named.
const UNNAMED: &str = "hookward.toml";

/// `--config` of the verbs that read one.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigurationArgument {
    /// The configuration, `hookward.toml` if none is named
    #[arg(long = "config", value_name = "FILE", env = "HOOKWARD_CONFIG")]
    pub(crate) file: Option<PathBuf>,
}

impl ConfigurationArgument {
    /// The file that was named, or the one that needs no name.
    pub(crate) fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or_else(|| Path::new(UNNAMED))
    }

    /// The checked configuration, or every fault of it.
    pub(crate) fn read(&self) -> Result<Plan, Vec<Fault>> {
        config::load(self.file())
    }

    /// The checked configuration; its faults are told on stderr, one a line.
    pub(crate) fn load(&self) -> Result<Plan> {
        valid(self.read())
    }

    /// A client of the admin listener that the configuration names. Only that section must be valid: a gateway that runs
    /// can be asked even if its next configuration is being written. Where none is named and there is none, it is asked where it
    /// listens by default: a container's health check has no file to read.
    pub(crate) fn admin_client(&self) -> Result<AdminClient> {
        let unnamed = self.file.is_none() && !self.file().exists();
        let admin = if unnamed { AdminSpec::default() } else { valid(config::load_admin(self.file()))? };
        let token = admin.token.as_ref().map(secrets::read).transpose();
        let is_local = admin.is_local();
        match token {
            Ok(token) => Ok(AdminClient::new(admin.bind, token)),
            // On this machine questions need no token; the gateway may run as somebody who can read it.
            Err(_) if is_local => Ok(AdminClient::new(admin.bind, None)),
            Err(error) => Err(error).context("the admin token cannot be read"),
        }
    }
}

fn valid<T>(loaded: Result<T, Vec<Fault>>) -> Result<T> {
    loaded.or_else(|faults| {
        faults.iter().for_each(output::talk);
        bail!("the configuration is not valid: {}", count(faults.len(), "fault"))
    })
}

/// `1 fault`, `2 faults`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> Result<AdminClient> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("hookward.toml"), text).unwrap();
        ConfigurationArgument { file: Some(folder.path().join("hookward.toml")) }.admin_client()
    }

    #[test]
    fn the_gateway_can_be_asked_while_its_next_configuration_is_not_valid() {
        let unfinished = "stat_dir = 1\n[admin]\nbind = \"127.0.0.1:9000\"\n[integration.a]\npth = 1\n";
        assert_eq!(client(unfinished).unwrap().address().to_string(), "127.0.0.1:9000");
        assert_eq!(client("").unwrap().address().to_string(), "127.0.0.1:9901");
        for bad in ["[admin]\nbind = 1\n", "[admin]\nbnd = \"127.0.0.1:1\"\n", "[admin\n"] {
            assert!(client(bad).unwrap_err().to_string().contains("not valid"), "{bad}");
        }
    }

    #[test]
    fn a_token_that_cannot_be_read_is_missed_only_beyond_loopback() {
        let text = |bind: &str| format!("[admin]\nbind = \"{bind}\"\ntoken = {{ file = \"absent\" }}\n");
        assert!(client(&text("127.0.0.1:9000")).is_ok());
        assert!(client(&text("0.0.0.0:9000")).unwrap_err().to_string().contains("token"));
    }

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!((count(1, "fault"), count(0, "fault")), ("1 fault".to_owned(), "0 faults".to_owned()));
    }
}
