//! `[telemetry]`: where spans, metrics and audit records are sent by OTLP. Absent, nothing is.
//!
//! Rules: plaintext goes to this machine only, unless `plaintext = true` says that the way there is safe; the endpoint is what
//! other senders of OTLP have, without the signal's own path.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use http::HeaderName;

use crate::config::integration::secret;
use crate::config::integration::upstream::{self, Transport, Upstream};
use crate::config::value;
use crate::document::{Entry, Table};
use crate::secrets::spec::SecretSource;
use crate::telemetry::spec::{Endpoint, OtlpSpec};

const HINT: &str = "otlp = { endpoint = \"http://127.0.0.1:4318\" }";
const SIGNALS: [(&str, usize); 3] = [("traces", 0), ("metrics", 1), ("logs", 2)];
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

/// Reads `[telemetry]`.
pub(super) fn read(table: &Table<'_>, base: &Path) -> Option<OtlpSpec> {
    table.entry("otlp").and_then(|entry| entry.table(|table| otlp(table, base)).flatten())
}

fn otlp(table: &Table<'_>, base: &Path) -> Option<OtlpSpec> {
    let plaintext = value::optional(table, "plaintext", Entry::boolean).unwrap_or(false);
    let ca = value::optional(table, "ca", |entry| value::path(entry, base));
    let signals = value::optional(table, "signals", signals).unwrap_or([true; 3]);
    let headers = value::optional(table, "headers", |entry| entry.table(|table| headers(table, base)));
    let interval = value::optional(table, "interval", |entry| value::duration(entry, INTERVAL));
    let timeout = value::optional(table, "timeout", |entry| value::duration(entry, TIMEOUT));
    let sample_percent = value::optional(table, "sample_percent", |entry| value::number(entry, 0..=100));
    let service_name = value::optional(table, "service_name", value::line);
    let entry = table.required("endpoint", HINT)?;
    let Upstream { transport, path_and_query, authority } = entry.parsed(HINT, upstream::parse)?;
    let (host, port, tls) = match transport {
        Transport::Http { host, port } => (host, port, false),
        Transport::Https { host, port } => (host, port, true),
        Transport::Unix(_) => {
            entry.fault("must be an http or https URL", HINT);
            return None;
        }
    };
    if !tls && !plaintext && !upstream::is_loopback(&host) {
        entry.fault("is plaintext to another machine", "use https://, or say plaintext = true");
    }
    let [traces, metrics, logs] = signals;
    Some(OtlpSpec {
        endpoint: Endpoint { host, port, tls, authority, path: path_and_query.trim_end_matches('/').to_owned(), ca },
        traces,
        metrics,
        logs,
        headers: headers.unwrap_or_default(),
        interval: interval.unwrap_or(Duration::from_secs(10)),
        timeout: timeout.unwrap_or(Duration::from_secs(10)),
        sample_percent: sample_percent.unwrap_or(100),
        service_name: service_name.unwrap_or_else(|| "hookward".to_owned()),
    })
}

fn signals(entry: &Entry<'_>) -> Option<[bool; 3]> {
    let mut wanted = [false; 3];
    for entry in value::list(entry, 1..=3, "signals = [\"traces\", \"metrics\", \"logs\"]")? {
        if let Some(signal) = entry.word(&SIGNALS).and_then(|index| wanted.get_mut(index)) {
            *signal = true;
        }
    }
    Some(wanted)
}

fn headers(table: &Table<'_>, base: &Path) -> Vec<(HeaderName, SecretSource)> {
    let header = |(name, _, entry): (&str, _, Entry<'_>)| {
        let name = name.parse::<HeaderName>().ok();
        if name.is_none() {
            entry.fault("is no name of a header", "");
        }
        name.zip(secret::reference(&entry, base))
    };
    table.entries().into_iter().filter_map(header).collect()
}
