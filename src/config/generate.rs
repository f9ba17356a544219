//! Configurations that hookward writes: the one that `hookward run` stands for, and the one that `hookward init` starts with.
//!
//! Pure. Invariants: what is written here is read by [`super::parse`] without a fault, whatever the strings hold.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::domain::size::format_duration;
use crate::listen::spec::CertificateSpec;
use crate::provider::Catalogue;
use crate::provider::certificate::CertificateRule;
use crate::provider::scheme::Scheme;
use crate::provider::subscription::{TOPIC_OPTION, TOPIC_OPTION_IS};
use crate::secrets::spec::SecretSource;

/// What the command line of `hookward run` says.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// Where its secret is.
    pub secret: &'a SecretSource,
    /// The provider's own id of it, where requests name their key.
    pub key_id: Option<&'a str>,
    /// What the scheme needs besides, by name.
    pub options: &'a BTreeMap<String, String>,
    /// The URL as the provider sees it, where that is signed.
    pub public_url: Option<&'a str>,
    /// Where deliveries go.
    pub upstream: &'a str,
    /// Where they come in.
    pub bind: &'a str,
    /// Their path.
    pub path: &'a str,
    /// The listener's certificate.
    pub certificate: &'a CertificateSpec,
    /// Where state is kept.
    pub state_dir: &'a Path,
}

/// The configuration that one line of `hookward run` stands for.
#[must_use]
pub fn run_config(options: &RunOptions<'_>) -> String {
    let RunOptions { provider, secret, upstream, bind, path, certificate, state_dir, .. } = options;
    let key_id = options.key_id.map(|id| format!(", key_id = {}", quoted(id))).unwrap_or_default();
    let secret = match secret {
        SecretSource::Environment(name) => format!("env = {}", quoted(name)),
        SecretSource::File(path) => format!("file = {}", quoted_path(path)),
        SecretSource::Handshake(_) => "handshake = true".to_owned(),
        SecretSource::Url(url) => format!("url = {}", quoted(&url.to_string())),
        SecretSource::Certificates(urls) => format!("certificates_from = {}", quoted(urls.host())),
    };
    format!(
        "state_dir = {state_dir}\n\n\
         [[listener]]\n\
         bind = {bind}\n\
         tls = {{ cert = {cert}, key = {key} }}\n\n\
         [integration.{provider}]\n\
         provider = {name}\n\
         path = {path}\n\
         upstream = {upstream}\n\
         secrets = [ {{ id = \"run\", {secret}{key_id} }} ]\n\
         {more}",
        more = run_lines(options),
        state_dir = quoted_path(state_dir),
        bind = quoted(bind),
        cert = quoted_path(&certificate.cert),
        key = quoted_path(&certificate.key),
        provider = quoted(provider),
        name = quoted(provider),
        path = quoted(path),
        upstream = quoted(upstream),
    )
}

/// What hardly any provider needs.
fn run_lines(options: &RunOptions<'_>) -> String {
    let mut lines = options.public_url.map(|url| format!("public_url = {}\n", quoted(url))).unwrap_or_default();
    for (name, value) in options.options {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "options.{} = {}", quoted(name), quoted(value));
    }
    lines
}

const INIT_HEAD: &str = r#"# hookward: what is proven, fresh, allowed and new is forwarded; nothing else is.
# `hookward check` says everything that is wrong with this file, at once.

state_dir = "/var/lib/hookward"                  # replay journal, audit chain head; created 0700

[[listener]]
bind = "0.0.0.0:8443"
tls = { cert = "tls.crt", key = "tls.key" }      # relative to this file; read again when they change

[admin]
bind = "127.0.0.1:9901"                          # status page, health, metrics
# token = { file = "admin.token" }               # without it nothing can be changed through it

[audit]
output = "stdout"                                # or a file, rotated; one JSON line a decision
"#;

/// A commented configuration to start from, with one integration for each provider; without any, for Standard Webhooks.
#[must_use]
pub fn init_config(providers: &[Arc<Scheme>]) -> String {
    let mut text = INIT_HEAD.to_owned();
    let mut names = Vec::new();
    for scheme in providers {
        let name = scheme.name.as_str();
        if !names.contains(&name) {
            names.push(name);
            init_integration(&mut text, name, &notes(scheme), &needs(name, scheme));
        }
    }
    if names.is_empty()
        && let Some(scheme) = Catalogue::builtin().get("standard-webhooks")
    {
        init_integration(&mut text, scheme.name.as_str(), &[], &needs(scheme.name.as_str(), &scheme));
    }
    text
}

/// What an integration of a provider needs besides the usual.
struct Needs {
    /// The first secret, less its id.
    secret: String,
    /// Whole lines behind the secrets.
    lines: String,
}

fn needs(name: &str, scheme: &Scheme) -> Needs {
    let rule = &scheme.signature;
    let key_id = rule.names_keys().then(|| format!(", key_id = {}", quoted(rule.key_id_of(0).unwrap_or("KEY-ID"))));
    let variable = name.to_ascii_uppercase().replace('-', "_");
    let secret = match rule.secret_header {
        Some(_) => "handshake = true } ]   # the provider hands it over: arm the integration, then create the webhook".to_owned(),
        None => format!(
            "env = \"{variable}_SECRET\"{} }} ]   # or file = \"PATH\"; never the secret itself",
            key_id.unwrap_or_default()
        ),
    };
    Needs { secret, lines: more_lines(name, scheme) }
}

/// What stands behind the secrets. Writing to a string cannot fail.
fn more_lines(name: &str, scheme: &Scheme) -> String {
    let mut lines = String::new();
    for host in scheme.certificate.iter().flat_map(CertificateRule::hosts) {
        let _ =
            writeln!(lines, "# secrets = [ {{ id = \"first\", certificates_from = \"{host}\" }} ]   # instead of a pinned one");
    }
    if scheme.signs_url() {
        let _ = writeln!(lines, "public_url = \"https://hooks.example.com/webhooks/{name}\"   # as the provider sees it");
    }
    for (option, what) in &scheme.options {
        let _ = writeln!(lines, "options.{option} = \"{}\"   # {what}", option.to_ascii_uppercase());
    }
    if scheme.subscription.is_some() {
        let _ = writeln!(lines, "# options.{TOPIC_OPTION} = \"{}\"   # {TOPIC_OPTION_IS}", TOPIC_OPTION.to_ascii_uppercase());
    }
    if !scheme.event.is_empty() {
        lines.push_str("# events.allow = [\"…\"]                           # absent: all; `*` matches any run of characters\n");
    }
    lines
}

fn init_integration(text: &mut String, name: &str, notes: &[String], needs: &Needs) {
    let Needs { secret, lines } = needs;
    text.push('\n');
    for note in notes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# {note}");
    }
    let _ = write!(
        text,
        "[integration.{name}]\n\
         provider = \"{name}\"\n\
         # owner = \"team@example.com\"                     # who answers for it\n\
         # review_by = 2027-06-30                         # `check` says when it is due\n\
         path = \"/webhooks/{name}\"\n\
         upstream = \"http://127.0.0.1:3000/webhooks/{name}\"   # plain http to this machine only\n\
         secrets = [ {{ id = \"first\", {secret}\n\
         {lines}"
    );
}

/// What is worth knowing about a provider, one line each.
fn notes(scheme: &Scheme) -> Vec<String> {
    let mut notes = vec![format!("{}: {}", scheme.title, scheme.origin.docs)];
    notes.push(match scheme.documented_tolerance() {
        Some(tolerance) => format!("signed time, accepted within {} of now", format_duration(tolerance)),
        None if scheme.is_timed() => "signed time".to_owned(),
        None => "no signed time: a delivery is remembered for replay.untimed_window".to_owned(),
    });
    notes.extend(scheme.origin.traps.iter().map(|trap| format!("trap: {trap}")));
    // A line break in a note would end the comment.
    notes.iter().map(|note| note.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
