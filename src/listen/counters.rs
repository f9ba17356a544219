//! What the listeners count. Plain numbers: whoever exports them gives them their names.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A bound of connections. Every time one is hit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenLimit {
    /// All slots were taken; dropped unread.
    Connections,
    /// The source had all its slots; dropped unread.
    ConnectionsPerSource,
    /// No worker had room for another connection; dropped unread.
    WorkerQueue,
    /// No PROXY header came where one is due, or too late, or from a stranger; dropped unread.
    ProxyHeader,
    /// The operating system refused an accept, mostly for want of descriptors.
    Descriptors,
    /// As many handshakes as there may be were under way, and one more waited.
    HandshakePlaces,
    /// A handshake took too long.
    HandshakeTimeout,
    /// A head, or the rest of one, did not come in time.
    HeaderTimeout,
    /// A write made no progress.
    WriteTimeout,
    /// An answer was not taken in time, though perhaps a little of it again and again.
    AnswerTimeout,
    /// A connection brought as many requests as one may, and was asked to end.
    ConnectionRequests,
    /// A connection became as old as one may, and was asked to end.
    ConnectionAge,
    /// HTTP/2 frames that carry no message.
    Http2Frames,
    /// HTTP/2 requests taken back.
    Http2Resets,
}

impl ListenLimit {
    /// Every one of them.
    pub const ALL: [Self; 14] = [
        Self::Connections,
        Self::ConnectionsPerSource,
        Self::WorkerQueue,
        Self::ProxyHeader,
        Self::Descriptors,
        Self::HandshakePlaces,
        Self::HandshakeTimeout,
        Self::HeaderTimeout,
        Self::WriteTimeout,
        Self::AnswerTimeout,
        Self::ConnectionRequests,
        Self::ConnectionAge,
        Self::Http2Frames,
        Self::Http2Resets,
    ];

    /// Its name in metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerSource => "connections_per_source",
            Self::WorkerQueue => "worker_queue",
            Self::ProxyHeader => "proxy_header",
            Self::Descriptors => "descriptors",
            Self::HandshakePlaces => "handshake_places",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::HeaderTimeout => "header_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::AnswerTimeout => "answer_timeout",
            Self::ConnectionRequests => "connection_requests",
            Self::ConnectionAge => "connection_age",
            Self::Http2Frames => "http2_frames",
            Self::Http2Resets => "http2_resets",
        }
    }
}

/// Counted by all workers together.
#[derive(Debug, Default)]
pub struct ListenCounters {
    handshakes_ok: AtomicU64,
    handshakes_failed: AtomicU64,
    open_connections: AtomicU64,
    /// By the limit's place in its enum.
    limits: [AtomicU64; ListenLimit::ALL.len()],
}

impl ListenCounters {
    /// Handshakes that ended in a TLS connection.
    pub fn handshakes_ok(&self) -> u64 {
        self.handshakes_ok.load(Relaxed)
    }

    /// Handshakes that failed or took too long.
    pub fn handshakes_failed(&self) -> u64 {
        self.handshakes_failed.load(Relaxed)
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> u64 {
        self.open_connections.load(Relaxed)
    }

    /// How often a bound was hit.
    pub fn hits(&self, limit: ListenLimit) -> u64 {
        self.counter(limit).map_or(0, |counter| counter.load(Relaxed))
    }

    pub(super) fn reached(&self, limit: ListenLimit) {
        if let Some(counter) = self.counter(limit) {
            counter.fetch_add(1, Relaxed);
        }
    }

    fn counter(&self, limit: ListenLimit) -> Option<&AtomicU64> {
        self.limits.get(limit as usize)
    }

    pub(super) fn handshake(&self, succeeded: bool) {
        let counter = if succeeded { &self.handshakes_ok } else { &self.handshakes_failed };
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn opened(&self) {
        self.open_connections.fetch_add(1, Relaxed);
    }

    pub(super) fn closed(&self) {
        self.open_connections.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_has_a_counter_and_a_name_of_its_own() {
        let counters = ListenCounters::default();
        for (index, limit) in ListenLimit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, index);
            counters.reached(limit);
            assert_eq!(counters.hits(limit), 1, "{}", limit.code());
            assert_eq!(ListenLimit::ALL.iter().filter(|other| other.code() == limit.code()).count(), 1);
        }
    }
}
