//! What systemd is told, and the sockets that it hands over. Nothing happens where no systemd asked for it.
//!
//! Invariant: a message that cannot be sent is no reason to stop serving.

use std::io;

use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::listen::bind::Inherited;

/// The sockets of `LISTEN_FDS`. Called once, before any thread is started.
pub(super) fn inherited() -> io::Result<Inherited> {
    let mut handed = ListenFd::from_env();
    let sockets = (0..handed.len()).map(|index| handed.take_tcp_listener(index));
    Ok(Inherited::new(sockets.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect()))
}

/// It takes deliveries.
pub(super) fn ready() {
    say(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// It reads its configuration anew. [`ready`] says when that is over.
pub(super) fn reloading() {
    // systemd tells reloads apart by the time.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(_) => say(&[NotifyState::Reloading]),
    }
}

/// It drains.
pub(super) fn stopping() {
    say(&[NotifyState::Stopping, NotifyState::Status("draining")]);
}

fn say(message: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(message) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
