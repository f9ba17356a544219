//! `tls` of a listener: its certificates, its versions, whose client certificates it wants.

use std::path::Path;

use crate::config::value;
use crate::document::{Entry, Table};
use crate::listen::spec::{CertificateSpec, TlsSpec, TlsVersion};

const HINT: &str = "tls = { cert = \"tls.crt\", key = \"tls.key\" }";

/// Reads the table.
pub(super) fn read(table: &Table<'_>, base: &Path) -> Option<TlsSpec> {
    let words = [("1.2", TlsVersion::V12), ("1.3", TlsVersion::V13)];
    let min_version = value::optional(table, "min_version", |entry| entry.word(&words)).unwrap_or(TlsVersion::V12);
    let client_ca = value::optional(table, "client_ca", |entry| value::path(entry, base));
    let Some(several) = table.entry("certificates") else {
        return Some(TlsSpec { certificates: vec![certificate(table, base)?], min_version, client_ca });
    };
    table.refuse(&["cert", "key"], "must not stand beside `certificates`", "put it into the list");
    let elements = value::list(&several, 1..=1000, HINT)?;
    let read = |entry: &Entry<'_>| entry.table(|table| certificate(table, base)).flatten();
    Some(TlsSpec { certificates: elements.iter().filter_map(read).collect(), min_version, client_ca })
}

fn certificate(table: &Table<'_>, base: &Path) -> Option<CertificateSpec> {
    let cert = table.required("cert", HINT).and_then(|entry| value::path(&entry, base));
    let key = table.required("key", HINT).and_then(|entry| value::path(&entry, base));
    Some(CertificateSpec { cert: cert?, key: key? })
}
