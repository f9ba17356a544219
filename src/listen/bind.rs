//! Binds the listeners, all of them before any of them serves.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio_util::sync::CancellationToken;

use super::context::Entry;
use super::error::ListenError;
use super::socket::BoundSocket;
use super::socket_file::SocketFile;
use super::spec::{BindAddress, EntrySpec, ListenerSpec};
use super::tls::TlsEntry;
use super::trusted::TrustedProxies;
use crate::domain::name::ListenerName;

/// A listener that is bound and waits for [`super::workers::Workers`] to serve it. Connections queue meanwhile.
#[derive(Debug)]
pub struct BoundListener {
    pub(super) socket: BoundSocket,
    pub(super) door: Door,
    pub(super) spec: ListenerSpec,
    address: BindAddress,
}

/// What a connection needs to know of the listener it came in by.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) name: ListenerName,
    pub(super) entry: Entry,
    pub(super) tls: Option<Arc<TlsEntry>>,
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) proxy_protocol: bool,
    /// Cancelled when connections that came in by it are to end after the request they are in.
    pub(super) leaving: CancellationToken,
}

impl Door {
    /// Reads what a listener's connections need.
    pub(super) fn open(spec: &ListenerSpec) -> Result<Self, ListenError> {
        let (entry, tls) = match &spec.entry {
            EntrySpec::Tls(tls) => {
                let entry = TlsEntry::load(tls);
                (Entry::Tls, Some(Arc::new(entry.map_err(|source| ListenError::Tls { name: spec.name.clone(), source })?)))
            }
            EntrySpec::PlaintextReject => (Entry::PlaintextReject, None),
            EntrySpec::TrustedProxy => (Entry::TrustedProxy, None),
        };
        let (trusted_proxies, proxy_protocol) = (spec.trusted_proxies.clone(), spec.proxy_protocol);
        Ok(Self { name: spec.name.clone(), entry, tls, trusted_proxies, proxy_protocol, leaving: CancellationToken::new() })
    }
}

/// Sockets that listen already, opened by whoever started this process: a restart of it then refuses nobody.
#[derive(Debug, Default)]
pub struct Inherited(Vec<TcpListener>);

impl Inherited {
    /// These sockets.
    #[must_use]
    pub const fn new(sockets: Vec<TcpListener>) -> Self {
        Self(sockets)
    }

    /// The socket of an address, if somebody opened it.
    fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let index = self.0.iter().position(|socket| socket.local_addr().is_ok_and(|own| own == address))?;
        Some(self.0.swap_remove(index))
    }
}

impl BoundListener {
    /// Loads a listener's certificates and binds its address, or takes the socket that was opened for it.
    fn bind_or_take(spec: &ListenerSpec, inherited: &mut Inherited) -> Result<Self, ListenError> {
        let door = Door::open(spec)?;
        let opened = spec.bind.tcp().and_then(|address| inherited.take(address));
        let bound = match opened {
            Some(socket) => taken(socket),
            None => listen(&spec.bind),
        };
        let unbound = |source| ListenError::Bind { name: spec.name.clone(), address: spec.bind.clone(), source };
        let (address, socket) = bound.map_err(unbound)?;
        Ok(Self { socket, door, spec: spec.clone(), address })
    }

    /// The listener's name.
    #[must_use]
    pub const fn name(&self) -> &ListenerName {
        &self.door.name
    }

    /// The address in use, with the port that the system chose where none was asked for.
    #[must_use]
    pub const fn address(&self) -> &BindAddress {
        &self.address
    }

    /// Its certificates, where TLS ends here; shared with the connections, so replacing them acts on the next handshake.
    #[must_use]
    pub const fn tls(&self) -> Option<&Arc<TlsEntry>> {
        self.door.tls.as_ref()
    }
}

/// Binds one listener.
pub(super) fn bind_one(spec: &ListenerSpec) -> Result<BoundListener, ListenError> {
    BoundListener::bind_or_take(spec, &mut Inherited::default())
}

/// Binds all listeners or none.
pub fn bind_all(specs: &[ListenerSpec]) -> Result<Vec<BoundListener>, ListenError> {
    bind_or_take_all(specs, Inherited::default())
}

/// The same, with the sockets that were opened for them. One that was opened for nobody is a mistake that would swallow
/// connections.
pub fn bind_or_take_all(specs: &[ListenerSpec], mut inherited: Inherited) -> Result<Vec<BoundListener>, ListenError> {
    let bound = specs.iter().map(|spec| BoundListener::bind_or_take(spec, &mut inherited)).collect::<Result<_, _>>()?;
    match inherited.0.first().and_then(|socket| socket.local_addr().ok()) {
        Some(address) => Err(ListenError::Unwanted { address }),
        None => Ok(bound),
    }
}

fn taken(socket: TcpListener) -> io::Result<(BindAddress, BoundSocket)> {
    socket.set_nonblocking(true)?;
    Ok((BindAddress::Tcp(socket.local_addr()?), BoundSocket::Tcp(socket)))
}

fn listen(address: &BindAddress) -> io::Result<(BindAddress, BoundSocket)> {
    match address {
        BindAddress::Tcp(address) => {
            let socket = listen_tcp(*address)?;
            Ok((BindAddress::Tcp(socket.local_addr()?), BoundSocket::Tcp(socket)))
        }
        BindAddress::Unix { path, mode } => {
            let (socket, file) = SocketFile::listen(path, *mode, BACKLOG)?;
            Ok((address.clone(), BoundSocket::Unix(socket, file)))
        }
    }
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last process's connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// As many connections as may wait to be accepted; the kernel lowers it to its own bound.
const BACKLOG: i32 = 4096;
