//! The upstream of one integration: address, TLS, added headers, deadline.
//!
//! 1. Plaintext HTTP goes to this machine only, unless `upstream_plaintext = true` says that the way there is safe.
//! 2. The deadline is ours to keep: by default a second less than the provider's own, and never more than ten.
//! 3. A header may be added only if it is neither the connection's, nor the provider's (signature, time, id, event), nor one of
//!    those that hookward itself vouches with; and under no name that a receiver could read as one of them.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderName;

use super::secret;
use super::upstream::{self, Transport, Upstream};
use crate::config::context::{Context, Register};
use crate::config::value;
use crate::document::{Entry, Table};
use crate::gate::forward::spec::{TargetSpec, UpstreamAddress, UpstreamTlsSpec};
use crate::provider::scheme::{Locator, Scheme};
use crate::secrets::spec::SecretSource;

const HINT: &str = "upstream = \"http://127.0.0.1:3000/stripe\", \"https://…\" or \"unix:/run/app.sock:/stripe\"";
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
const HEADERS_MAX: usize = 32;

/// Reads everything about the upstream.
pub(super) fn read(table: &Table<'_>, scheme: Option<&Scheme>, context: &Context<'_>) -> Option<TargetSpec> {
    let allowed = table.entry("upstream_plaintext");
    let plaintext = allowed.as_ref().and_then(Entry::boolean).unwrap_or(false);
    let tls_entry = table.entry("upstream_tls");
    let tls = tls_entry.as_ref().and_then(|entry| entry.table(|table| tls(table, context)));
    let headers = value::optional(table, "upstream_headers", |entry| headers(entry, scheme, context));
    let timeout = value::optional(table, "timeout", |entry| value::duration(entry, TIMEOUT));
    let words = [("drop", false), ("forward", true)];
    let forward_query = value::optional(table, "query", |entry| entry.word(&words));
    // A receiver that verifies again needs the whole of a signed query.
    let forward_query = forward_query.unwrap_or_else(|| scheme.is_some_and(Scheme::signs_query));

    let entry = table.required("upstream", HINT)?;
    let upstream: Upstream = entry.parsed(HINT, upstream::parse)?;
    let remote = matches!(&upstream.transport, Transport::Http { host, .. } if !upstream::is_loopback(host));
    if remote && !plaintext {
        entry.fault("is plaintext to another machine", "use https://, or say upstream_plaintext = true");
    }
    if let Some(allowed) = allowed.filter(|_| plaintext && !remote) {
        context.without_effect(&allowed, "the upstream is not plaintext to another machine", "remove it");
    }
    if let (Some(entry), false) = (&tls_entry, matches!(upstream.transport, Transport::Https { .. })) {
        entry.fault("has no effect on an upstream without TLS", "use https://, or remove it");
    }
    Some(TargetSpec {
        address: address(upstream.transport, tls.unwrap_or_default(), context),
        path_and_query: upstream.path_and_query,
        authority: upstream.authority,
        timeout: timeout.unwrap_or_else(|| default_timeout(scheme)),
        forward_query,
        headers: headers.unwrap_or_default(),
    })
}

fn address(transport: Transport, tls: UpstreamTlsSpec, context: &Context<'_>) -> UpstreamAddress {
    match transport {
        Transport::Http { host, port } => UpstreamAddress::Http { host, port },
        Transport::Https { host, port } => UpstreamAddress::Https { host, port, tls },
        Transport::Unix(socket) => UpstreamAddress::Unix(context.base.join(socket)),
    }
}

/// A provider that gives up within a second gets half of it.
fn default_timeout(scheme: Option<&Scheme>) -> Duration {
    let deadline = scheme.and_then(|scheme| scheme.deadline).unwrap_or(Duration::MAX);
    let less = deadline.checked_sub(Duration::from_secs(1)).filter(|left| !left.is_zero());
    less.unwrap_or(deadline / 2).clamp(*TIMEOUT.start(), TIMEOUT_DEFAULT)
}

fn tls(table: &Table<'_>, context: &Context<'_>) -> UpstreamTlsSpec {
    let file = |key| value::optional(table, key, |entry| value::path(entry, context.base));
    let (ca, cert, key) = (file("ca"), file("cert"), file("key"));
    if cert.is_some() != key.is_some() {
        table.fault("must have both `cert` and `key`, or neither", "a client certificate is of no use without its key");
    }
    UpstreamTlsSpec { ca, client: cert.zip(key) }
}

fn headers(entry: &Entry<'_>, scheme: Option<&Scheme>, context: &Context<'_>) -> Option<Vec<(HeaderName, SecretSource)>> {
    let names = Register::new();
    entry.table(|table| {
        let entries = table.entries();
        if entries.len() > HEADERS_MAX {
            table.fault(format!("must have at most {HEADERS_MAX} headers"), "");
        }
        let read = |(name, _, entry): &(&str, _, Entry<'_>)| header(name, entry, scheme, &names, context);
        entries.iter().filter_map(read).collect()
    })
}

fn header(
    name: &str,
    entry: &Entry<'_>,
    scheme: Option<&Scheme>,
    names: &Register<String>,
    context: &Context<'_>,
) -> Option<(HeaderName, SecretSource)> {
    let header = name.parse::<HeaderName>().ok();
    match &header {
        None => entry.fault("is no name of a header", ""),
        Some(header) if is_ours(header) || scheme.is_some_and(|scheme| is_of(scheme, header)) => {
            entry.fault("must not be set", "the header belongs to the connection, the provider or hookward");
        }
        Some(header) if header.as_str().contains('_') => {
            entry.fault("must not hold `_`", "receivers read it as `-`; write `-`");
        }
        Some(header) => names.enter(header.to_string(), entry, "is set already,"),
    }
    let source = secret::reference(entry, context.base);
    header.zip(source)
}

/// What the connection and the gateway set themselves.
fn is_ours(header: &HeaderName) -> bool {
    const NAMES: [&str; 11] = [
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "transfer-encoding",
        "http2-settings",
        "host",
        "expect",
        "via",
        "forwarded",
    ];
    const FAMILIES: [&str; 4] = ["hookward-", "x-forwarded", "content-", "proxy-"];
    let name = header.as_str();
    NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// What the provider sets, and a receiver may rely on.
fn is_of(scheme: &Scheme, header: &HeaderName) -> bool {
    let located = |place: &Locator| matches!(place, Locator::Header(name) if name == header);
    scheme.header_names().contains(&header)
        || scheme.event.iter().chain(&scheme.delivery_id).any(located)
        || scheme.strip_headers.contains(header)
}
