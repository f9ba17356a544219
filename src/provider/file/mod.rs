//! The file grammar of a scheme: the same for presets and for `[provider.NAME]` in the configuration.
//!
//! ```toml
//! content = "{timestamp}.{body}"                        # what is signed; content.rs lists the parts. A list holds alternatives
//! signature = { header = "X-Signature", algorithm = "hmac-sha256", encoding = "hex", prefix = "v1=" }
//! secret = { encoding = "utf8" }                        # how keys are written
//! timestamp = { header = "X-Timestamp", unit = "s", tolerance = "5m" }
//! id = { header = "X-Id" }                              # what {id} stands for
//! fixed_headers = { "X-Version" = "1" }                 # what else must stand there, and say just this
//! event = ["json:/type"]                                # first place that holds one; header:, json:, form:
//! delivery_id = ["json:/id"]
//! carries_secrets = ["json:/token"]                     # secrets besides the signature: never an event or an id
//! ```
//!
//! `signature.format` is `"prefixed"` (the default), `"pairs"` with `separator` and `key`, `"versioned"` with `version`,
//! `"joined"`, `"named"` (entries of a key's id, `between` and a signature), `"json"` (base64 of an object with `member`, `key_member` and `fixed`) or `"jwt"`, whose claims must say what `claims = { … }` says,
//! `"jws-detached"` the same for one that stands beside the body it signs, and claims in its header.
//! `signature.at` instead of `signature.header` is a place in body or query. `signature.repeated` takes the header on several lines, `signature.numbered` counts headers,
//! `signature.headers` has one for each key's id. `timestamp.field` instead of `timestamp.header` names a field of the pairs,
//! `timestamp.json` a member of the body, `timestamp.form` a place in a form, `timestamp.query` a field of the query. `secret` may also have `prefix`, `digest`, `key_id` (a header),
//! `handshake` (the header in which the provider hands it over itself). `[[handshake]]` is a challenge: `field`,
//! `equals` for a signed one, `method`, `query`, `echo` for an unsigned one, and its `reply`.
//!
//! `subscription = "aws-sns"` has SNS's confirmations answered for integrations that name their topic. `certificate` says where
//! a request names the certificate that it was signed with (`at`), which `path` that has, and which `hosts` with which names.
//!
//! Every fault is found in one pass. Consistency is judged here and nowhere else, so that a [`Scheme`] can be relied on:
//! `check.rs` holds the rules that join several keys, `unusable.rs` what would hold together and never work.

mod certificate;
mod check;
mod handshake;
mod origin;
mod signature;
mod unusable;

use std::time::Duration;

use http::{HeaderName, Method};

use super::alternative;
use super::content;
use super::locate::{LocatorError, Pointer};
use super::scheme::{
    Evidence, KeyEncoding, Locator, OnRefusal, Part, Retries, Scheme, SignatureFormat, SignatureRule, TimestampPlace,
    TimestampRule, TimestampUnit,
};
use super::subscription::Subscription;
use crate::document::{Entry, Table};
use crate::domain::name::ProviderName;
use crate::domain::size::{ByteSize, parse_duration};

const PLACE_HINT: &str =
    "\"header:Name\", \"json:/pointer\", \"form:field\", \"form:field#/pointer\", \"any-form:field\" or \"query:field\"";

impl Scheme {
    /// Reads a scheme. `evidence_default` is what it is proven by if the file does not say, and then docs and date may be
    /// absent too; without it all three must be there. `None` comes with at least one fault.
    #[must_use]
    pub fn read(name: &ProviderName, table: &Table<'_>, evidence_default: Option<Evidence>) -> Option<Self> {
        // All is read before anything is given up: a key that nobody asked for would be reported as unknown.
        let signature = signature::read(table);
        let content = contents(table, signature.as_ref());
        let origin = origin::read(table, evidence_default);
        let title = text(table, "title").unwrap_or_else(|| name.to_string());
        let methods = methods(table);
        let timestamp = table.entry("timestamp").and_then(|entry| entry.table(timestamp).flatten());
        let id_header = table.entry("id").and_then(|entry| entry.table(id).flatten());
        let fixed_headers = fixed_headers(table);
        let event = places(table, "event");
        let delivery_id = places(table, "delivery_id");
        let delivery_id_unique = table.entry("delivery_id_unique").and_then(|entry| entry.boolean()).unwrap_or(false);
        let handshakes = handshake::read(table);
        let subscription = word(table, "subscription", &[("aws-sns", ())]).map(|()| Subscription::default());
        let certificate = table.entry("certificate").and_then(|entry| entry.table(certificate::read).flatten());
        let retries = word(table, "retries", &RETRIES).unwrap_or(Retries::Unknown);
        let deadline = duration(table, "deadline");
        let max_body = table.entry("max_body").and_then(|entry| entry.parsed("such as \"25MiB\"", str::parse::<ByteSize>));
        let on_replay = word(table, "on_replay", &ON_REFUSAL).unwrap_or(OnRefusal::Reject);
        let on_event_denied = word(table, "on_event_denied", &ON_REFUSAL).unwrap_or(OnRefusal::Reject);
        let strip_headers = headers(table, "strip_headers");
        let carries_secrets = places(table, "carries_secrets");
        let options = options(table);
        let (content, alternatives) = content?;
        let scheme = Self {
            name: name.clone(),
            title,
            origin: origin?,
            methods,
            signature: signature?,
            timestamp,
            id_header,
            content,
            alternatives,
            fixed_headers,
            event,
            delivery_id,
            delivery_id_unique,
            handshakes,
            subscription,
            certificate,
            retries,
            deadline,
            max_body,
            on_replay,
            on_event_denied,
            options,
            strip_headers,
            carries_secrets,
        };
        check::consistent(&scheme, table);
        Some(scheme)
    }
}

const RETRIES: [(&str, Retries); 4] = [
    ("identical", Retries::Identical),
    ("resigned", Retries::Resigned),
    ("manual", Retries::Manual),
    ("unknown", Retries::Unknown),
];

const ON_REFUSAL: [(&str, OnRefusal); 2] = [("reject", OnRefusal::Reject), ("acknowledge", OnRefusal::Acknowledge)];

/// The encoding of a key, here and under an integration's `secrets`.
#[must_use]
pub fn key_encoding(entry: &Entry<'_>) -> Option<KeyEncoding> {
    entry.word(&KeyEncoding::WORDS)
}

/// What is signed, and its alternatives; nothing where the secret itself is shown.
fn contents(table: &Table<'_>, signature: Option<&SignatureRule>) -> Option<(Vec<Part>, Vec<Vec<Part>>)> {
    if signature.is_some_and(|rule| rule.algorithm.is_shown()) {
        table.refuse(&["content"], "is signed by nobody: the secret itself is shown", "");
        return Some((Vec::new(), Vec::new()));
    }
    if let Some(SignatureFormat::Token(token)) = signature.map(|rule| &rule.format) {
        table.refuse(&["content"], "is the token's own: its header and claims", "say under claims what they must hold");
        // What a detached one signs is its header and the body (RFC 7797).
        let body = token.is_detached.then(|| [Part::Literal(".".to_owned()), Part::Body]);
        return Some(([Part::Token].into_iter().chain(body.into_iter().flatten()).collect(), Vec::new()));
    }
    let entry = table.required("content", "say what is signed, such as content = \"{body}\"")?;
    let parsed = |entry: &Entry<'_>| entry.parsed("such as \"{timestamp}.{body}\"", content::parse);
    if !entry.is_list() {
        return Some((parsed(&entry)?, Vec::new()));
    }
    let mut contents = entry.list()?.iter().map(parsed).collect::<Vec<_>>().into_iter();
    let Some(first) = contents.next() else {
        entry.fault("must name at least one content", "");
        return None;
    };
    let (first, others) = (first?, contents.collect::<Option<Vec<_>>>()?);
    if let Err(error) = alternative::judge(&first, &others) {
        entry.fault(error.to_string(), "");
    }
    Some((first, others))
}

/// `options = { webhook_id = "what it is and where it is found" }`.
fn options(table: &Table<'_>) -> Vec<(String, String)> {
    let read = |table: &Table<'_>| {
        let entries = table.entries().into_iter();
        entries.filter_map(|(name, _, entry)| Some((name.to_owned(), entry.text()?.to_owned()))).collect()
    };
    table.entry("options").and_then(|entry| entry.table(read)).unwrap_or_default()
}

fn timestamp(table: &Table<'_>) -> Option<TimestampRule> {
    let header = header(table, "header").map(TimestampPlace::Header);
    let field = text(table, "field").map(TimestampPlace::SignatureField);
    let json = table.entry("json").and_then(|entry| entry.parsed(POINTER_HINT, str::parse::<Pointer>)).map(TimestampPlace::Json);
    let form = table.entry("form").and_then(|entry| entry.parsed(FORM_HINT, form_place)).map(TimestampPlace::Form);
    let query = text(table, "query").map(|field| TimestampPlace::Form(Locator::Query(field)));
    let unit = word(table, "unit", &TIMESTAMP_UNITS);
    let tolerance = duration(table, "tolerance");
    if tolerance.is_some_and(|tolerance| tolerance < Duration::from_secs(1)) {
        fault_at(table, "tolerance", "must be at least one second", "clocks differ by more; \"5m\" is usual");
    }
    let claim = text(table, "claim").map(TimestampPlace::Claim);
    let mut places = [header, field, json, form, query, claim].into_iter().flatten();
    let (Some(place), None) = (places.next(), places.next()) else {
        table.fault(
            "needs exactly one of header, field, json, form, query and claim",
            "field names a key of the signature's pairs",
        );
        return None;
    };
    Some(TimestampRule { place, unit: unit.unwrap_or(TimestampUnit::Seconds), tolerance })
}

/// A place in a form, and no other.
fn form_place(text: &str) -> Result<Locator, LocatorError> {
    match text.parse()? {
        place @ (Locator::Form(_) | Locator::AnyForm(_)) => Ok(place),
        _ => Err(LocatorError::Form),
    }
}

const FORM_HINT: &str = "a field of a form such as \"form:timestamp\"";

const POINTER_HINT: &str = "a JSON pointer such as \"/created_at\"";

const TIMESTAMP_UNITS: [(&str, TimestampUnit); 4] = [
    ("s", TimestampUnit::Seconds),
    ("ms", TimestampUnit::Milliseconds),
    ("rfc3339", TimestampUnit::Rfc3339),
    ("rfc3339-utc", TimestampUnit::Rfc3339Utc),
];

fn id(table: &Table<'_>) -> Option<HeaderName> {
    table.required("header", "name the header that holds the id")?.parsed(HEADER_HINT, str::parse::<HeaderName>)
}

fn methods(table: &Table<'_>) -> Vec<Method> {
    let Some(entry) = table.entry("methods") else { return vec![Method::POST] };
    let known = [("POST", 0), ("PUT", 1), ("PATCH", 2), ("GET", 3), ("DELETE", 4)];
    let method = |entry: &Entry<'_>| match entry.word(&known)? {
        0 => Some(Method::POST),
        1 => Some(Method::PUT),
        2 => Some(Method::PATCH),
        3 => Some(Method::GET),
        _ => Some(Method::DELETE),
    };
    let named = entry.list().unwrap_or_default();
    let methods: Vec<Method> = named.iter().filter_map(method).collect();
    if named.is_empty() {
        entry.fault("must name at least one method", "leave it out for POST");
    }
    methods
}

/// One place, or a list of them.
fn places(table: &Table<'_>, key: &str) -> Vec<Locator> {
    let Some(entry) = table.entry(key) else { return Vec::new() };
    let entries = if entry.is_list() { entry.list().unwrap_or_default() } else { vec![entry] };
    entries.iter().filter_map(|entry| entry.parsed(PLACE_HINT, str::parse::<Locator>)).collect()
}

fn headers(table: &Table<'_>, key: &str) -> Vec<HeaderName> {
    let entries = table.entry(key).and_then(|entry| entry.list()).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.parsed(HEADER_HINT, str::parse::<HeaderName>)).collect()
}

fn fixed_headers(table: &Table<'_>) -> Vec<(HeaderName, String)> {
    let read = |(name, _, entry): (&str, _, Entry<'_>)| {
        let text = entry.text()?;
        let Ok(header) = name.parse() else {
            entry.fault("is no name of a header", HEADER_HINT);
            return None;
        };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            entry.fault("must be visible ASCII characters", "");
        }
        Some((header, text.to_owned()))
    };
    let all = |table: &Table<'_>| table.entries().into_iter().filter_map(read).collect();
    table.entry("fixed_headers").and_then(|entry| entry.table(all)).unwrap_or_default()
}

const HEADER_HINT: &str = "a header name such as \"X-Signature\"";

fn header(table: &Table<'_>, key: &str) -> Option<HeaderName> {
    table.entry(key)?.parsed(HEADER_HINT, str::parse::<HeaderName>)
}

fn text(table: &Table<'_>, key: &str) -> Option<String> {
    table.entry(key)?.text().map(str::to_owned)
}

fn duration(table: &Table<'_>, key: &str) -> Option<Duration> {
    table.entry(key)?.parsed("such as \"5m\"", parse_duration)
}

/// Reports a fault at a key, or at the table where the key is missing.
fn fault_at(table: &Table<'_>, key: &str, reason: impl Into<String>, hint: &str) {
    match table.entry(key) {
        Some(entry) => entry.fault(reason, hint),
        None => table.fault(format!("{key} {}", reason.into()), hint),
    }
}

fn word<T: Copy>(table: &Table<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
    table.entry(key)?.word(words)
}

#[cfg(test)]
mod tests;
