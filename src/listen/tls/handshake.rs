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
    pub(in crate::listen) async fn end_tls(&self, entry: &TlsEntry, socket: Stream) -> Option<(TlsStream<Stream>, TlsFacts)> {
        let finished = timeout(self.deadline, self.shake_hands(entry, socket)).await;
        if finished.is_err() {
            self.counters.reached(ListenLimit::HandshakeTimeout);
        }
        let finished = finished.ok().flatten();
        self.counters.handshake(finished.is_some());
        finished
    }

    async fn shake_hands(&self, entry: &TlsEntry, socket: Stream) -> Option<(TlsStream<Stream>, TlsFacts)> {
        // A peer that says nothing waits here, without a place.
        socket.readable().await.ok()?;
        if self.places.available_permits() == 0 {
            self.counters.reached(ListenLimit::HandshakePlaces);
        }
        let _place = self.places.acquire().await.ok()?;
        let stream = TlsAcceptor::from(entry.config()).accept(socket).await.ok()?;
        let session = stream.get_ref().1;
        let version = match session.protocol_version()? {
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            ProtocolVersion::TLSv1_2 => "TLSv1.2",
            _ => return None,
        };
        let protocol = if session.alpn_protocol() == Some(HTTP2) { Protocol::Http2 } else { Protocol::Http1 };
        Some((stream, TlsFacts { version, protocol }))
    }
}

/// Where few connections are allowed, a handshake still finds a place.
const PLACES_MIN: usize = 16;
