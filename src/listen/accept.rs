//! Accepts connections, gives each a slot, and hands it to the worker with the fewest.
//!
//! 1. Over a bound the connection is dropped at once, before a byte is read or a handshake begun.
//! 2. When the system has no descriptors or memory left, accepting pauses, 10 ms at first and up to a second: trying again
//!    at once would burn a core and help nobody.
//! 3. At the end what the kernel had already accepted is still served: its senders were told that they are connected.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::bind::Door;
use super::counters::{ListenCounters, ListenLimit};
use super::listeners::Opening;
use super::slots::{Slot, Slots};
use super::socket::{Arriving, ListeningSocket, Stream};
use crate::domain::address::Peer;

/// A connection on its way to a worker.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) socket: Arriving,
    pub(super) peer: Peer,
    pub(super) door: Arc<Door>,
    pub(super) slot: Slot,
    pub(super) load: Load,
}

/// One connection's part of its worker's load.
#[derive(Debug)]
pub(super) struct Load(Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The way to one worker.
#[derive(Debug)]
pub(super) struct Lane {
    open: Arc<AtomicUsize>,
    queue: mpsc::Sender<Accepted>,
}

impl Lane {
    /// A lane and its end at the worker.
    pub(super) fn new() -> (Self, mpsc::Receiver<Accepted>) {
        let (queue, arrivals) = mpsc::channel(LANE_CONNECTIONS);
        (Self { open: Arc::default(), queue }, arrivals)
    }

    fn load(&self) -> Load {
        self.open.fetch_add(1, Relaxed);
        Load(Arc::clone(&self.open))
    }
}

/// What all listeners share.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) lanes: Vec<Lane>,
    /// Whether it runs on the reactor of its only worker.
    pub(super) is_workers_own: bool,
    pub(super) slots: Arc<Slots>,
    pub(super) counters: Arc<ListenCounters>,
    pub(super) stop: CancellationToken,
}

impl Acceptor {
    /// Accepts from one listener until told to stop. Its socket closes with it, and its connections end.
    pub(super) async fn run(self: Arc<Self>, opening: Opening) {
        let Opening { socket, door, stop } = opening;
        let socket = match ListeningSocket::attach(socket) {
            Ok(socket) => socket,
            Err(error) => return tracing::error!(listener = %door.load().name, %error, "cannot accept from it"),
        };
        let mut pause = Pause::default();
        while let Some(accepted) = stop.run_until_cancelled(poll_fn(|context| socket.poll_accept(context))).await {
            match accepted {
                Ok((stream, peer)) => {
                    pause = Pause::default();
                    self.admit(stream, peer, &door.load());
                }
                Err(error) => {
                    self.counters.reached(ListenLimit::Descriptors);
                    if !concerns_one_connection(&error) {
                        stop.run_until_cancelled(tokio::time::sleep(pause.next())).await;
                    }
                }
            }
        }
        let door = door.load_full();
        self.take_the_rest(&socket, &door).await;
        if !self.stop.is_cancelled() {
            // Only this listener ends: its connections are told here. When all of them end their workers tell them.
            door.leaving.cancel();
        }
    }

    async fn take_the_rest(&self, socket: &ListeningSocket, door: &Arc<Door>) {
        let next = async || {
            poll_fn(|context| match socket.poll_accept(context) {
                Poll::Ready(Ok(accepted)) => Poll::Ready(Some(accepted)),
                Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
            })
            .await
        };
        while let Some((stream, peer)) = next().await {
            self.admit(stream, peer, door);
        }
    }

    fn admit(&self, stream: Stream, peer: Peer, door: &Arc<Door>) {
        let source = peer.source();
        // A trusted proxy brings the connections of many: what it brings is counted by source once it says whose it is.
        let counted = (!door.trusted_proxies.contains(source)).then(|| source.limit_key());
        let Some(slot) = self.slots.take(counted) else { return };
        // A worker that died has no load for ever, and would be handed every connection.
        let alive = self.lanes.iter().filter(|lane| !lane.queue.is_closed());
        let busy = || self.counters.reached(ListenLimit::WorkerQueue);
        let Some(lane) = alive.min_by_key(|lane| lane.open.load(Relaxed)) else { return busy() };
        let arriving = if self.is_workers_own { Ok(Arriving::Attached(stream)) } else { stream.detach() };
        // One that cannot be taken off has no peer any more.
        let Ok(socket) = arriving else { return };
        let accepted = Accepted { socket, peer, door: Arc::clone(door), slot, load: lane.load() };
        if lane.queue.try_send(accepted).is_err() {
            busy();
        }
    }
}

/// An accept that failed because its peer hung up says nothing about the next one.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// How long accepting pauses: doubled each time, up to a second.
#[derive(Debug)]
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(Duration::from_millis(10))
    }
}

impl Pause {
    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = now.saturating_mul(2).min(Duration::from_secs(1));
        now
    }
}

/// Connections that may wait for one worker to look up from its work.
const LANE_CONNECTIONS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_second() {
        let mut pause = Pause::default();
        let pauses: Vec<_> = (0..9).map(|_| pause.next().as_millis()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }

    #[test]
    fn exhaustion_pauses_and_a_peer_that_hung_up_does_not() {
        assert!(!concerns_one_connection(&io::Error::from_raw_os_error(24)), "EMFILE");
        assert!(concerns_one_connection(&io::Error::from_raw_os_error(103)), "ECONNABORTED");
    }
}
