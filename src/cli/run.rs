//! `run`: a gateway in one line, without a configuration file. Prints the configuration that it stands for.
//!
//! What it keeps goes into a directory of its own under the system's temporary one: nothing of a first try outlives it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::development_certificate::DevelopmentCertificate;
use crate::cli::exit::Verdict;
use crate::cli::providers;
use crate::cli::scratch::Scratch;
use crate::cli::secret_argument::SecretArgument;
use crate::cli::{output, serve};
use crate::config::generate::{RunOptions, run_config};
use crate::config::{self, render_faults};
use crate::listen::spec::CertificateSpec;
use crate::server::reload::engine;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The provider whose deliveries come in.
    #[arg(long, value_name = "NAME")]
    provider: String,
    #[command(flatten)]
    secret: SecretArgument,
    /// Where deliveries go.
    #[arg(long, value_name = "URL")]
    to: String,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: String,
    /// The path that deliveries come in by.
    #[arg(long, value_name = "PATH", default_value = "/")]
    path: String,
    /// The certificate to serve, instead of a development certificate.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// Prints the configuration, then serves it.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    providers::find(&arguments.provider)?;
    let Some(secret) = arguments.secret.source() else { bail!("name the secret with --secret-env or --secret-file") };
    let scratch = Scratch::new("run")?;
    let certificate = certificate(arguments, &scratch)?;
    let text = run_config(&RunOptions {
        provider: &arguments.provider,
        secret: &secret,
        upstream: &arguments.to,
        bind: &arguments.listen,
        path: &arguments.path,
        certificate: &certificate,
        state_dir: scratch.path(),
    });
    output::line(&text)?;
    let here = std::env::current_dir()?;
    match config::parse("hookward run", &text, &here) {
        Ok(plan) => serve::serve(&plan, std::path::Path::new("hookward run"), engine::always(&plan)),
        Err(faults) => bail!("these arguments make no configuration:\n{}", render_faults(&faults)),
    }
}

fn certificate(arguments: &Arguments, scratch: &Scratch) -> Result<CertificateSpec> {
    if let (Some(cert), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        return Ok(CertificateSpec { cert: std::path::absolute(cert)?, key: std::path::absolute(key)? });
    }
    let made = DevelopmentCertificate::write(scratch.path())?;
    output::talk(format_args!("development certificate: {}; trust it with --cacert", made.cert.display()));
    Ok(CertificateSpec { cert: made.cert, key: made.key })
}
