//! `[[listener]]`: where requests come in, what a connection must speak, and who is believed about its source.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::tls;
use crate::config::context::{Register, without_effect};
use crate::config::value;
use crate::document::{Entry, Faults, Table};
use crate::domain::name::ListenerName;
use crate::listen::spec::{BindAddress, EntrySpec, ListenerSpec};
use crate::listen::trusted::TrustedProxies;

const HINT: &str = "add [[listener]] with bind = \"0.0.0.0:8443\" and tls = { cert = \"…\", key = \"…\" }";
const PROXIES_HINT: &str = "trusted_proxies = [\"10.0.0.0/8\"], or \"unix\" for those on a unix socket";
const MODE_HINT: &str = "mode = \"0660\"";
/// Owner and group.
const MODE: u32 = 0o660;

/// Addresses and names taken so far, the admin listener's among them.
pub(super) struct Sockets {
    addresses: Register<SocketAddr>,
    paths: Register<PathBuf>,
    names: Register<String>,
}

impl Sockets {
    pub(super) fn new() -> Self {
        Self { addresses: Register::new(), paths: Register::new(), names: Register::new() }
    }

    /// An address to listen on that no other listener has. Port 0 is the system's choice and never taken.
    pub(super) fn bind(&self, entry: &Entry<'_>) -> Option<SocketAddr> {
        let address = value::socket(entry)?;
        if address.port() != 0 {
            self.addresses.enter(address, entry, "is the address of another listener,");
        }
        Some(address)
    }

    /// An address or a unix socket, with the mode that a socket's file gets.
    fn bind_any(&self, entry: &Entry<'_>, base: &Path, mode: u32) -> Option<BindAddress> {
        if !entry.text()?.starts_with(value::UNIX) {
            return self.bind(entry).map(BindAddress::Tcp);
        }
        let path = value::unix_socket(entry, base)?;
        self.paths.enter(path.clone(), entry, "is the socket of another listener,");
        Some(BindAddress::Unix { path, mode })
    }
}

/// Reads every listener.
pub(super) fn all(root: &Table<'_>, base: &Path, sockets: &Sockets, notes: &Faults) -> Vec<ListenerSpec> {
    let elements = root.required("listener", HINT).and_then(|entry| value::list(&entry, 1..=64, HINT));
    let read = |entry: &Entry<'_>| entry.table(|table| one(table, base, sockets, notes)).flatten();
    elements.unwrap_or_default().iter().filter_map(read).collect()
}

fn one(table: &Table<'_>, base: &Path, sockets: &Sockets, notes: &Faults) -> Option<ListenerSpec> {
    let bind = bind(table, base, sockets, notes);
    let name = name(table, bind.as_ref(), sockets);
    let entry = entry(table, base, notes);
    let proxies = table.entry("trusted_proxies");
    let read = proxies.as_ref().and_then(trusted);
    let protocol = table.entry("proxy_protocol");
    let proxy_protocol = protocol.as_ref().and_then(Entry::boolean).unwrap_or(false);
    let (bind, entry) = (bind?, entry?);
    let believes = proxy_protocol || entry == EntrySpec::TrustedProxy;
    if believes && proxies.is_none() {
        table.fault("trusted_proxies is missing: nobody could be served", PROXIES_HINT);
    }
    if believes && bind.tcp().is_none() && read.as_ref().is_some_and(|trusted| !trusted.unix()) {
        table.fault("trusted_proxies does not name \"unix\", and nobody else comes by a unix socket", PROXIES_HINT);
    }
    if let Some(proxies) = proxies.filter(|_| entry == EntrySpec::PlaintextReject && !proxy_protocol) {
        without_effect(notes, &proxies, "every request on this listener is refused", "set plaintext = \"trusted-proxy\", or tls");
    }
    Some(ListenerSpec { name: name?, bind, entry, trusted_proxies: read.unwrap_or_default(), proxy_protocol })
}

fn bind(table: &Table<'_>, base: &Path, sockets: &Sockets, notes: &Faults) -> Option<BindAddress> {
    let given = table.entry("mode");
    let mode = given.as_ref().and_then(mode);
    let bind = table.required("bind", "bind = \"0.0.0.0:8443\"");
    let bind = bind.and_then(|entry| sockets.bind_any(&entry, base, mode.unwrap_or(MODE)));
    if let (Some(BindAddress::Tcp(_)), Some(given)) = (&bind, &given) {
        without_effect(notes, given, "only a unix socket has permissions", "remove it");
    }
    bind
}

fn mode(entry: &Entry<'_>) -> Option<u32> {
    let text = entry.text()?;
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777 && !text.starts_with('+'));
    if mode.is_none() {
        entry.fault("must be permissions in octal, from \"0000\" to \"0777\"", MODE_HINT);
    }
    mode
}

/// The name that is given, else the address.
fn name(table: &Table<'_>, bind: Option<&BindAddress>, sockets: &Sockets) -> Option<ListenerName> {
    let Some(entry) = table.entry("name") else {
        let name = bind?.to_string().parse().ok();
        if name.is_none() {
            table.fault("name is missing: the socket's path is none", "name = \"app\"");
        }
        return name;
    };
    let name: ListenerName = entry.parsed("", str::parse)?;
    sockets.names.enter(name.to_string(), &entry, "is the name of another listener,");
    Some(name)
}

/// What a connection must speak.
fn entry(table: &Table<'_>, base: &Path, notes: &Faults) -> Option<EntrySpec> {
    let words = [("reject", EntryWord::Reject), ("trusted-proxy", EntryWord::TrustedProxy)];
    let plaintext = table.entry("plaintext");
    let word = plaintext.as_ref().map(|entry| entry.word(&words));
    let Some(tls) = table.entry("tls") else {
        return Some(match word.unwrap_or(Some(EntryWord::Reject))? {
            EntryWord::Reject => EntrySpec::PlaintextReject,
            EntryWord::TrustedProxy => EntrySpec::TrustedProxy,
        });
    };
    if let Some(entry) = plaintext {
        without_effect(notes, &entry, "the listener speaks TLS only", "remove it");
    }
    tls.table(|table| tls::read(table, base)).flatten().map(EntrySpec::Tls)
}

#[derive(Clone, Copy)]
enum EntryWord {
    Reject,
    TrustedProxy,
}

/// Ranges of addresses, and `unix`.
fn trusted(entry: &Entry<'_>) -> Option<TrustedProxies> {
    let elements = value::list(entry, 1..=1000, PROXIES_HINT)?;
    let (mut networks, mut unix) = (Vec::new(), false);
    for element in &elements {
        match element.text() {
            Some("unix") => unix = true,
            Some(_) => networks.extend(value::network(element)),
            None => {}
        }
    }
    Some(TrustedProxies::new(networks, unix))
}
