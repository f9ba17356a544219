//! References to secrets: which variable or file, and what is known about the secret in it.
//!
//! Invariants: a secret that is written into the configuration is a fault, and the fault does not say it. What looks like a
//! secret is refused where a name is wanted, because names reach logs, metrics and error messages.

use std::path::Path;

use crate::config::context::{Context, Register, without_effect};
use crate::config::value;
use crate::document::{Entry, Faults, Table};
use crate::domain::name::{IntegrationName, SecretId};
use crate::provider::scheme::{KeyEncoding, Scheme};
use crate::secrets::handover;
use crate::secrets::spec::{SecretSource, SecretSpec};

/// More than a rotation needs; each one costs a failed verification its time.
const SECRETS_MAX: usize = 16;
const INLINE: &str = "secrets are never inline";
const INLINE_HINT: &str = "use env = \"NAME\" or file = \"PATH\"";
const LIST_HINT: &str = "secrets = [ { id = \"2026-q4\", env = \"NAME\" } ]";
/// Where people write a secret when they do not know better.
const INLINE_KEYS: [&str; 8] = ["secret", "value", "key", "token", "password", "text", "inline", "data"];

/// `{ env = "NAME" }` or `{ file = "PATH" }` and nothing else.
pub(in crate::config) fn reference(entry: &Entry<'_>, base: &Path) -> Option<SecretSource> {
    if !entry.is_table() {
        entry.fault(INLINE, "use { env = \"NAME\" } or { file = \"PATH\" }");
        return None;
    }
    entry.table(|table| source(table, base)).flatten()
}

fn source(table: &Table<'_>, base: &Path) -> Option<SecretSource> {
    let inline = table.refuse(&INLINE_KEYS, INLINE, INLINE_HINT);
    match (table.entry("env"), table.entry("file")) {
        (Some(env), None) => variable(&env).map(SecretSource::Environment),
        (None, Some(file)) => no_secret(&file).and_then(|()| value::path(&file, base)).map(SecretSource::File),
        (Some(_), Some(file)) => {
            file.fault("must not stand beside `env`", "a secret is read from one place");
            None
        }
        (None, None) if inline => None,
        (None, None) => {
            table.fault("says neither `env` nor `file`", INLINE_HINT);
            None
        }
    }
}

fn variable(entry: &Entry<'_>) -> Option<String> {
    no_secret(entry)?;
    let name = entry.text()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || name.len() > 128 || name.starts_with(|first: char| first.is_ascii_digit()) || !name.bytes().all(fits) {
        entry.fault("must be the name of an environment variable", "letters, digits and '_'; never the secret itself");
        return None;
    }
    Some(name.to_owned())
}

/// Refuses a name that is a secret in the wrong place.
fn no_secret(entry: &Entry<'_>) -> Option<()> {
    let text = entry.text()?;
    if ["whsec_", "whpk_", "whsk_", "-----BEGIN"].iter().any(|start| text.trim_start().starts_with(start)) {
        entry.fault(INLINE, "this names where the secret is, and the name is shown");
        return None;
    }
    Some(())
}

/// Whose secrets are read.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    /// The integration's name, if it is one.
    pub(super) name: Option<&'a IntegrationName>,
    /// How its provider signs; absent when the provider is not known, which is a fault already.
    pub(super) scheme: Option<&'a Scheme>,
}

/// The secrets of one integration.
pub(super) fn list(table: &Table<'_>, owner: Owner<'_>, context: &Context<'_>) -> Vec<SecretSpec> {
    table.refuse(&["secret", "signing_secret", "key"], INLINE, LIST_HINT);
    let Some(entry) = table.required("secrets", LIST_HINT) else { return Vec::new() };
    if !entry.is_list() {
        entry.fault("must be a list, and secrets are never inline", LIST_HINT);
        return Vec::new();
    }
    let ids = Register::new();
    let elements = value::list(&entry, 1..=SECRETS_MAX, LIST_HINT).unwrap_or_default();
    elements.iter().filter_map(|element| one(element, owner, &ids, context)).collect()
}

fn one(entry: &Entry<'_>, owner: Owner<'_>, ids: &Register<String>, context: &Context<'_>) -> Option<SecretSpec> {
    if !entry.is_table() {
        entry.fault(INLINE, LIST_HINT);
        return None;
    }
    entry.table(|table| spec(table, owner, ids, context)).flatten()
}

fn spec(table: &Table<'_>, owner: Owner<'_>, ids: &Register<String>, context: &Context<'_>) -> Option<SecretSpec> {
    let scheme = owner.scheme;
    let id = table.required("id", "a name for logs and metrics, such as \"2026-q4\"").and_then(|entry| id(&entry, ids));
    let encoding = table.entry("encoding");
    let encoding = encoding.and_then(|entry| encoded(&entry, scheme));
    let source = match (table.entry("handshake"), table.entry("url"), table.entry("certificates_from")) {
        (Some(entry), ..) => handed_over(&entry, table, owner).and_then(|()| {
            let (name, id) = (owner.name?, id.as_ref()?);
            Some(handover::source(&context.settings.state_dir, name.as_str(), id))
        }),
        (None, Some(entry), _) => fetched(&entry, table, scheme, encoding),
        (None, None, Some(entry)) => certificates(&entry, table, scheme),
        (None, None, None) => source(table, context.base),
    };
    let key_id = value::optional(table, "key_id", |entry| key_id(entry, scheme, context.notes));
    if let Some(scheme) = scheme.filter(|scheme| scheme.signature.names_keys() && table.entry("key_id").is_none()) {
        table.fault(format!("needs a key_id: requests of provider {} name their key", scheme.name), KEY_ID_HINT);
    }
    let not_before = value::optional(table, "not_before", value::moment);
    let not_after = table.entry("not_after").and_then(|entry| {
        let moment = value::moment(&entry)?;
        if not_before.is_some_and(|start| start >= moment) {
            entry.fault("must be after `not_before`", "");
        }
        Some(moment)
    });
    Some(SecretSpec { id: id?, source: source?, key_id, encoding, not_before, not_after })
}

/// `handshake = true`: the provider hands it over itself.
fn handed_over(entry: &Entry<'_>, table: &Table<'_>, owner: Owner<'_>) -> Option<()> {
    table.refuse(&INLINE_KEYS, INLINE, INLINE_HINT);
    table.refuse(
        &["env", "file", "url", "certificates_from"],
        "must not stand beside `handshake`",
        "a secret comes from one place",
    );
    if !entry.boolean()? {
        entry.fault("can only be true", INLINE_HINT);
        return None;
    }
    if let Some(scheme) = owner.scheme.filter(|scheme| scheme.signature.secret_header.is_none()) {
        entry.fault(format!("is nothing that provider {} does", scheme.name), INLINE_HINT);
    }
    Some(())
}

/// `url = "https://…"`: a key set that is fetched in the background.
fn fetched(entry: &Entry<'_>, table: &Table<'_>, scheme: Option<&Scheme>, encoding: Option<KeyEncoding>) -> Option<SecretSource> {
    table.refuse(&INLINE_KEYS, INLINE, INLINE_HINT);
    table.refuse(&["env", "file", "certificates_from"], "must not stand beside `url`", "a secret comes from one place");
    if let Some(scheme) = scheme.filter(|scheme| encoding.unwrap_or(scheme.signature.key_encoding) != KeyEncoding::Jwks) {
        let reason = format!("only key sets are fetched, and provider {} is not verified with one here", scheme.name);
        entry.fault(reason, "for a key set of public keys set encoding = \"jwks\"; everything else stands in a file");
    }
    entry.parsed("such as \"https://www.googleapis.com/oauth2/v3/certs\"", str::parse).map(SecretSource::Url)
}

/// `certificates_from = "HOST"`: the certificates that deliveries name, of exactly this host of the provider.
fn certificates(entry: &Entry<'_>, table: &Table<'_>, scheme: Option<&Scheme>) -> Option<SecretSource> {
    table.refuse(&INLINE_KEYS, INLINE, INLINE_HINT);
    let why = "must not stand beside `certificates_from`";
    table.refuse(&["env", "file", "encoding"], why, "a pinned certificate is a secret of its own");
    let (host, scheme) = (entry.text()?, scheme?);
    let Some(rule) = &scheme.certificate else {
        entry.fault(format!("is nothing that provider {} has: its deliveries name no certificate", scheme.name), INLINE_HINT);
        return None;
    };
    let urls = rule.of_host(host);
    if urls.is_none() {
        let known: Vec<_> = rule.hosts().map(|host| format!("\"{host}\"")).collect();
        entry.fault(format!("is no host of provider {}'s certificates", scheme.name), &format!("one of {}", known.join(", ")));
    }
    let urls = urls?;
    let topic = scheme.subscription.as_ref().and_then(|subscription| subscription.topic.as_ref());
    if let Some(topic) = topic.filter(|topic| topic.host() != urls.host()) {
        entry.fault("is not the host of options.topic_arn's region", &format!("certificates_from = \"{}\"", topic.host()));
        return None;
    }
    Some(SecretSource::Certificates(urls))
}

fn id(entry: &Entry<'_>, ids: &Register<String>) -> Option<SecretId> {
    no_secret(entry)?;
    let id: SecretId = entry.parsed("a name, never the secret itself", str::parse)?;
    ids.enter(id.to_string(), entry, "is the id of another secret of this integration,");
    Some(id)
}

fn encoded(entry: &Entry<'_>, scheme: Option<&Scheme>) -> Option<KeyEncoding> {
    let encoding = entry.word(&KeyEncoding::WORDS)?;
    if let Some(scheme) = scheme
        && !scheme.signature.algorithm.accepts(encoding)
    {
        let algorithm = scheme.signature.algorithm.code();
        entry.fault(format!("is no way to write a key for {algorithm}"), "remove it: the provider's own is the default");
    }
    Some(encoding)
}

const KEY_ID_HINT: &str = "the provider's own id of the key; `hookward providers NAME` says which";

/// The provider's own id of the key: one of the scheme's where those are fixed.
fn key_id(entry: &Entry<'_>, scheme: Option<&Scheme>, notes: &Faults) -> Option<String> {
    let id = value::line(entry)?;
    let known: Vec<&str> = scheme.into_iter().flat_map(|scheme| scheme.signature.headers()).filter_map(|(_, id)| id).collect();
    if !known.is_empty() && !known.contains(&id.as_str()) {
        entry.fault(format!("must be {}", known.join(" or ")), KEY_ID_HINT);
    }
    if let Some(scheme) = scheme.filter(|scheme| !scheme.signature.names_keys()) {
        let why = format!("requests of provider {} name no key", scheme.name);
        without_effect(notes, entry, &why, "every secret of the integration is tried");
    }
    Some(id)
}
