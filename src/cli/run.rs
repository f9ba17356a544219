//! `run`: a gateway in one line, without a configuration file. Prints the configuration that it stands for.
//!
//! What it keeps goes into a directory of its own under the system's temporary one: nothing of a first try outlives it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::development_certificate::DevelopmentCertificate;
use crate::cli::exit::Verdict;
use crate::cli::providers;
use crate::cli::scratch::Scratch;
use crate::cli::secret_argument::SecretArgument;
use crate::cli::{option_argument, output, serve};
use crate::config::generate::{RunOptions, run_config};
use crate::config::{self, render_faults};
use crate::listen::spec::CertificateSpec;
use crate::provider::scheme::Scheme;
use crate::server::reload::engine;

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The provider whose deliveries come in.
    #[arg(long, value_name = "NAME")]
    provider: String,
    #[command(flatten)]
    secret: SecretArgument,
    /// The provider's own id of the key, where its requests name one.
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// What the scheme needs besides the secret; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = option_argument::read)]
    option: Vec<(String, String)>,
    /// The URL as it is registered with the provider, where that is signed.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
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
    let scheme = providers::find(&arguments.provider)?;
    let options = option_argument::each_once(&arguments.option)?;
    says_what_is_needed(arguments, &scheme, &options)?;
    let Some(secret) = arguments.secret.source() else { bail!("name the secret with --secret-env or --secret-file") };
    let scratch = Scratch::new("run")?;
    let certificate = certificate(arguments, &scratch)?;
    let text = run_config(&RunOptions {
        provider: &arguments.provider,
        secret: &secret,
        key_id: arguments.key_id.as_deref(),
        options: &options,
        public_url: arguments.public_url.as_deref(),
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

/// In the words of the command line: the configuration that it stands for nobody wrote.
fn says_what_is_needed(arguments: &Arguments, scheme: &Scheme, options: &BTreeMap<String, String>) -> Result<()> {
    if scheme.signs_url() && arguments.public_url.is_none() {
        bail!("{} signs the URL: give it with --public-url, as it is registered there", scheme.name);
    }
    if scheme.signature.names_keys() && arguments.key_id.is_none() {
        bail!("requests of {} name their key: give its id with --key-id", scheme.name);
    }
    match scheme.options.iter().find(|(name, _)| !options.contains_key(name)) {
        Some((name, what)) => bail!("--option {name}=…: {} needs {what}", scheme.name),
        None => Ok(()),
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
