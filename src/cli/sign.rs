//! `sign`: a request that the provider could have sent, printed or sent.
//!
//! Must not know: how a provider signs. Invariants: the secret is read from where it is named and never printed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::cli::compose::{self, Draft};
use crate::cli::destination::Destination;
use crate::cli::exchange::Answer;
use crate::cli::exit::Verdict;
use crate::cli::outgoing::{Outgoing, Rendering};
use crate::cli::secret_argument::SecretArgument;
use crate::cli::{option_argument, output, providers, transmit};
use crate::domain::time::{Clock, UnixTime};
use crate::gate::verify::sign::SigningKey;
use crate::provider::scheme::Scheme;

/// Arguments of `sign`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The provider whose scheme signs.
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
    /// Where the request goes.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080/")]
    url: Destination,
    /// The delivery id; made up when absent.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// A header to add; may be repeated.
    #[arg(long, value_name = "NAME:VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// When it is signed; now when absent.
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    /// The file that holds the body, `-` for stdin; a small body that fits the provider when absent.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// How the request is printed; `headers` unless it is sent.
    #[arg(long, value_enum, value_name = "FORM")]
    output: Option<Rendering>,
    /// Send it and print the answer; exit 1 unless that is 2xx.
    #[arg(long)]
    send: bool,
    /// Verify the receiver's certificate against the roots in this PEM file, as curl does.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

/// The largest body that is signed.
const BODY_BYTES_MAX: u64 = 64 << 20;

fn header(text: &str) -> Result<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':').context("must be NAME:VALUE")?;
    Ok((name.parse()?, HeaderValue::from_str(value.trim())?))
}

/// Signs, prints, sends.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let scheme = providers::find(&arguments.provider)?;
    check_key_id(arguments, &scheme)?;
    let scheme = scheme.bound(&arguments.url.to_string(), &options(arguments, &scheme)?);
    let outgoing = outgoing(arguments, &scheme)?;
    if let Some(rendering) = arguments.output.or((!arguments.send).then_some(Rendering::Headers)) {
        output::data(&outgoing.render(rendering)?)?;
    }
    if !arguments.send {
        return Ok(Verdict::Yes);
    }
    let answer = transmit::transmit(&outgoing)?;
    output::data(&shown(&answer))?;
    Ok(answer.status.is_success().into())
}

/// The options of the scheme: each that it signs, and none that it does not know. What only its handshakes ask for may be left
/// out.
fn options(arguments: &Arguments, scheme: &Scheme) -> Result<BTreeMap<String, String>> {
    let given = option_argument::each_once(&arguments.option)?;
    for name in given.keys() {
        if !scheme.options.iter().any(|(known, _)| known == name) {
            bail!("--option: the scheme of {} takes no option {}", scheme.name, output::printable(name));
        }
    }
    let is_missing = |(name, _): &&(String, String)| scheme.signs_option(name) && !given.contains_key(name);
    match scheme.options.iter().find(is_missing) {
        Some((name, what)) => bail!("--option {name}=…: {} signs it: {what}", scheme.name),
        None => Ok(given),
    }
}

fn check_key_id(arguments: &Arguments, scheme: &Scheme) -> Result<()> {
    match (scheme.signature.names_keys(), &arguments.key_id) {
        (false, Some(_)) => bail!("--key-id: requests of {} name no key", scheme.name),
        (true, None) => bail!("requests of {} name their key: give its id with --key-id", scheme.name),
        (true, Some(_)) | (false, None) => Ok(()),
    }
}

fn outgoing(arguments: &Arguments, scheme: &Scheme) -> Result<Outgoing> {
    let source = arguments.secret.source().context("name the secret with --secret-env or --secret-file")?;
    let key = SigningKey::parse(scheme, None, crate::secrets::read(&source)?)
        .map_err(|error| anyhow::anyhow!("the secret in {source} is no key of {}: it {}", scheme.name, error.fault))?
        .named(arguments.key_id.clone());
    let draft = Draft {
        destination: arguments.url.clone(),
        at: arguments.at.unwrap_or_else(|| Clock::system().now().wall),
        id: arguments.id.clone(),
        headers: headers(&arguments.header),
        body: arguments.body.as_deref().map(body).transpose()?,
    };
    if !draft.places_its_id(scheme) {
        output::talk(format_args!("note: --id has no place in this request of {}: its body is given", scheme.name));
    }
    let mut outgoing = compose::compose(scheme, &key, draft)?;
    outgoing.body_file = arguments.body.clone().filter(|file| file != Path::new("-"));
    outgoing.cacert.clone_from(&arguments.cacert);
    Ok(outgoing)
}

fn headers(given: &[(HeaderName, HeaderValue)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        headers.append(name.clone(), value.clone());
    }
    headers
}

fn body(file: &Path) -> Result<Bytes> {
    let unreadable = || format!("cannot read the body from {}", file.display());
    if file == Path::new("-") {
        return bounded(io::stdin().lock(), BODY_BYTES_MAX).with_context(unreadable);
    }
    bounded(fs::File::open(file).with_context(unreadable)?, BODY_BYTES_MAX).with_context(unreadable)
}

/// Everything that a reader gives, if that is not too much.
pub(super) fn bounded(reader: impl io::Read, bytes_max: u64) -> Result<Bytes> {
    let mut bytes = Vec::new();
    reader.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= bytes_max) {
        return Ok(bytes.into());
    }
    bail!("it is larger than {bytes_max} bytes")
}

/// Status line, headers and body, as `curl --include` shows them.
fn shown(answer: &Answer) -> Vec<u8> {
    let mut shown = format!("HTTP/1.1 {}\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        shown.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
    }
    shown.push(b'\n');
    shown.extend_from_slice(&answer.body);
    if !answer.body.is_empty() && !answer.body.ends_with(b"\n") {
        shown.push(b'\n');
    }
    shown
}

#[cfg(test)]
mod tests;
