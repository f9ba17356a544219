//! `[[listener]]`: where requests come in, and what a connection must speak.

use std::net::SocketAddr;
use std::path::Path;

use crate::config::context::{Register, without_effect};
use crate::config::value;
use crate::document::{Entry, Faults, Table};
use crate::domain::name::ListenerName;
use crate::listen::spec::{CertificateSpec, EntrySpec, ListenerSpec, TlsSpec, TlsVersion};

const HINT: &str = "add [[listener]] with bind = \"0.0.0.0:8443\" and tls = { cert = \"…\", key = \"…\" }";
const TLS_HINT: &str = "tls = { cert = \"tls.crt\", key = \"tls.key\" }";
const NOT_AVAILABLE: &str = "is not available in this version";
const PROXY_HINT: &str = "end TLS here: a listener with `tls` needs no trusted proxy";

/// Addresses and names taken so far, the admin listener's among them.
pub(super) struct Sockets {
    addresses: Register<SocketAddr>,
    names: Register<String>,
}

impl Sockets {
    pub(super) fn new() -> Self {
        Self { addresses: Register::new(), names: Register::new() }
    }

    /// An address to listen on that no other listener has. Port 0 is the system's choice and never taken.
    pub(super) fn bind(&self, entry: &Entry<'_>) -> Option<SocketAddr> {
        let address = value::socket(entry)?;
        if address.port() != 0 {
            self.addresses.enter(address, entry, "is the address of another listener,");
        }
        Some(address)
    }
}

/// Reads every listener.
pub(super) fn all(root: &Table<'_>, base: &Path, sockets: &Sockets, notes: &Faults) -> Vec<ListenerSpec> {
    let elements = root.required("listener", HINT).and_then(|entry| value::list(&entry, 1..=64, HINT));
    let read = |entry: &Entry<'_>| entry.table(|table| one(table, base, sockets, notes)).flatten();
    elements.unwrap_or_default().iter().filter_map(read).collect()
}

fn one(table: &Table<'_>, base: &Path, sockets: &Sockets, notes: &Faults) -> Option<ListenerSpec> {
    table.refuse(&["trusted_proxies", "proxy_protocol"], NOT_AVAILABLE, PROXY_HINT);
    table.refuse(&["mode"], NOT_AVAILABLE, "it belongs to unix sockets");
    let bind = table.required("bind", "bind = \"0.0.0.0:8443\"").and_then(|entry| sockets.bind(&entry));
    let name = name(table, bind, sockets);
    let plaintext = table.entry("plaintext");
    if let Some(entry) = &plaintext {
        plaintext_rule(entry);
    }
    let Some(tls) = table.entry("tls") else {
        return Some(ListenerSpec { name: name?, bind: bind?, entry: EntrySpec::PlaintextReject });
    };
    if let Some(entry) = plaintext {
        without_effect(notes, &entry, "the listener speaks TLS only", "remove it");
    }
    let tls = tls.table(|table| read_tls(table, base)).flatten();
    Some(ListenerSpec { name: name?, bind: bind?, entry: EntrySpec::Tls(tls?) })
}

/// The name that is given, else the address.
fn name(table: &Table<'_>, bind: Option<SocketAddr>, sockets: &Sockets) -> Option<ListenerName> {
    let Some(entry) = table.entry("name") else {
        return bind.and_then(|address| address.to_string().parse().ok());
    };
    let name: ListenerName = entry.parsed("", str::parse)?;
    sockets.names.enter(name.to_string(), &entry, "is the name of another listener,");
    Some(name)
}

fn plaintext_rule(entry: &Entry<'_>) {
    match entry.text() {
        Some("trusted-proxy") => entry.fault(format!("\"trusted-proxy\" {NOT_AVAILABLE}"), PROXY_HINT),
        Some("reject") | None => {}
        Some(_) => entry.fault("must be \"reject\"", "every request without TLS is answered 403"),
    }
}

fn read_tls(table: &Table<'_>, base: &Path) -> Option<TlsSpec> {
    table.refuse(&["client_ca"], NOT_AVAILABLE, "");
    let words = [("1.2", TlsVersion::V12), ("1.3", TlsVersion::V13)];
    let min_version = value::optional(table, "min_version", |entry| entry.word(&words)).unwrap_or(TlsVersion::V12);
    let Some(several) = table.entry("certificates") else {
        return Some(TlsSpec { certificates: vec![certificate(table, base)?], min_version });
    };
    table.refuse(&["cert", "key"], "must not stand beside `certificates`", "put it into the list");
    let elements = value::list(&several, 1..=1000, TLS_HINT)?;
    let read = |entry: &Entry<'_>| entry.table(|table| certificate(table, base)).flatten();
    Some(TlsSpec { certificates: elements.iter().filter_map(read).collect(), min_version })
}

fn certificate(table: &Table<'_>, base: &Path) -> Option<CertificateSpec> {
    let cert = table.required("cert", TLS_HINT).and_then(|entry| value::path(&entry, base));
    let key = table.required("key", TLS_HINT).and_then(|entry| value::path(&entry, base));
    Some(CertificateSpec { cert: cert?, key: key? })
}
