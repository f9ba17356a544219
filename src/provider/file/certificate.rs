//! `certificate = { at = …, path = …, hosts = { … } }`: the certificates that a request may name.

use super::PLACE_HINT;
use crate::document::{Entry, Table};
use crate::provider::certificate::{CertificateRule, CertificateRuleError};
use crate::provider::scheme::Locator;

const PATH_HINT: &str = "such as \"/certs/CERT-{hex:8}\"";
const HOSTS_HINT: &str = "such as { \"keys.{region}.example.com\" = [\"signing.example.com\"] }";

/// Reads the rule; `None` comes with a fault.
pub(super) fn read(table: &Table<'_>) -> Option<CertificateRule> {
    let place = table.required("at", "where a request names the URL, such as \"header:X-Cert-Url\"");
    let place = place.and_then(|entry| entry.parsed(PLACE_HINT, str::parse::<Locator>));
    let path = table.required("path", PATH_HINT);
    let hosts = table.required("hosts", HOSTS_HINT);
    let path_text = path.as_ref().and_then(Entry::text);
    let listed = hosts.as_ref().and_then(|entry| entry.table(hosts_of));
    match CertificateRule::new(place?, path_text?, listed?) {
        Ok(rule) => Some(rule),
        Err(error @ CertificateRuleError::Path) => fault(path, error, PATH_HINT),
        Err(error @ (CertificateRuleError::Host | CertificateRuleError::Names)) => fault(hosts, error, HOSTS_HINT),
    }
}

fn fault(entry: Option<Entry<'_>>, error: CertificateRuleError, hint: &str) -> Option<CertificateRule> {
    if let Some(entry) = entry {
        entry.fault(error.to_string(), hint);
    }
    None
}

fn hosts_of(table: &Table<'_>) -> Vec<(String, Vec<String>)> {
    let read = |(host, _, names): (&str, _, Entry<'_>)| {
        let names = names.list().unwrap_or_default();
        (host.to_owned(), names.iter().filter_map(|name| name.text().map(str::to_owned)).collect())
    };
    table.entries().into_iter().map(read).collect()
}
