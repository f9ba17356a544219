//! What the listeners count. Plain numbers: whoever exports them gives them their names.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counted by all workers together.
#[derive(Debug, Default)]
pub struct ListenCounters {
    handshakes_ok: AtomicU64,
    handshakes_failed: AtomicU64,
    open_connections: AtomicU64,
    refused_connections: AtomicU64,
    accept_errors: AtomicU64,
    flooded_connections: AtomicU64,
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

    /// Connections dropped unread: all slots or the source's own were taken, no worker had room, or no PROXY header came
    /// where one is due.
    pub fn refused_connections(&self) -> u64 {
        self.refused_connections.load(Relaxed)
    }

    /// Accepts that the operating system refused.
    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.load(Relaxed)
    }

    /// Connections ended because of frames that carried no message.
    pub fn flooded_connections(&self) -> u64 {
        self.flooded_connections.load(Relaxed)
    }

    pub(super) fn flooded(&self) {
        self.flooded_connections.fetch_add(1, Relaxed);
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

    pub(super) fn refused(&self) {
        self.refused_connections.fetch_add(1, Relaxed);
    }

    pub(super) fn accept_failed(&self) {
        self.accept_errors.fetch_add(1, Relaxed);
    }
}
