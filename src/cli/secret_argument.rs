//! `--secret-env` and `--secret-file`: a secret is named on the command line, never given.

use std::path::PathBuf;

use clap::Args;

use crate::secrets::spec::SecretSource;

/// Exactly one of the two.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SecretArgument {
    /// The environment variable that holds the secret.
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// The file that holds the secret; one trailing newline is not part of it.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

impl SecretArgument {
    /// Where the secret is. The group guarantees that one of the two is there.
    pub(crate) fn source(&self) -> Option<SecretSource> {
        let file = self.secret_file.clone().map(SecretSource::File);
        self.secret_env.clone().map(SecretSource::Environment).or(file)
    }
}
