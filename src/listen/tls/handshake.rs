//! Handshakes: a deadline for each, a bound for all.

use std::sync::Arc;
use std::time::Duration;

use rustls::ProtocolVersion;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{HTTP2, TlsEntry};
use crate::listen::context::{Protocol, TlsFacts};
use crate::listen::counters::{ListenCounters, ListenLimit};
use crate::listen::socket::Stream;
use crate::listen::spec::ConnectionLimits;

/// A connection behind its handshake.
pub(in crate::listen) struct Secured {
    /// Boxed: a session is more than a KiB, and each future that it passes through would have room for another one.
    pub(in crate::listen) stream: Box<TlsStream<Stream>>,
    pub(in crate::listen) facts: TlsFacts,
    /// The name that chose among several certificates.
    pub(in crate::listen) name: Option<Box<str>>,
}

/// All handshakes of the process. Shared by the workers.
#[derive(Debug)]
pub(in crate::listen) struct Handshakes {
    places: Semaphore,
    deadline: Duration,
    counters: Arc<ListenCounters>,
}

impl Handshakes {
    pub(in crate::listen) fn new(limits: &ConnectionLimits, counters: Arc<ListenCounters>) -> Arc<Self> {
        // Half the slots at most: a flood of handshakes leaves the other half to those who are through theirs.
        let places = (limits.max_connections / 2).clamp(PLACES_MIN, Semaphore::MAX_PERMITS);
        Arc::new(Self { places: Semaphore::new(places), deadline: limits.header_timeout, counters })
    }

    /// Ends TLS on a connection; nothing when the peer failed or was too slow.
    pub(in crate::listen) async fn end_tls(&self, entry: &TlsEntry, socket: Stream) -> Option<Secured> {
        let finished = timeout(self.deadline, self.shake_hands(entry, socket)).await;
        if finished.is_err() {
            self.counters.reached(ListenLimit::HandshakeTimeout);
        }
        let finished = finished.ok().flatten();
        self.counters.handshake(finished.is_some());
        finished
    }

    async fn shake_hands(&self, entry: &TlsEntry, socket: Stream) -> Option<Secured> {
        // A peer that says nothing waits here, without a place.
        socket.readable().await.ok()?;
        if self.places.available_permits() == 0 {
            self.counters.reached(ListenLimit::HandshakePlaces);
        }
        let _place = self.places.acquire().await.ok()?;
        let stream = Box::new(TlsAcceptor::from(entry.config()).accept(socket).await.ok()?);
        let session = stream.get_ref().1;
        let version = match session.protocol_version()? {
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            ProtocolVersion::TLSv1_2 => "TLSv1.2",
            _ => return None,
        };
        let protocol = if session.alpn_protocol() == Some(HTTP2) { Protocol::Http2 } else { Protocol::Http1 };
        // Where one certificate serves whatever is asked for, the name says nothing.
        let name = session.server_name().filter(|_| !entry.choice.0.load().is_one()).map(Box::from);
        Some(Secured { stream, facts: TlsFacts { version, protocol }, name })
    }
}

/// Where few connections are allowed, a handshake still finds a place.
const PLACES_MIN: usize = 16;
