//! One request and its whole answer.
//!
//! A request is sent a second time in one case only: the connection was found closed before its first byte was written. Then
//! it goes out once more, on a fresh connection. Everything else that goes wrong after that point may have been received.

use super::answer::Answer;
use super::connect::connect;
use super::connection::{Connection, Sent};
use super::deadline;
use super::error::ForwardError;
use super::pool::UpstreamPool;
use super::request::Outgoing;
use crate::domain::time::{Monotonic, Now};

impl UpstreamPool {
    /// Sends a request and reads its whole answer before the deadline. Waiting for a connection and opening one have their
    /// shares of it. Says when the answer was there.
    pub(super) async fn send(&self, request: &Outgoing, now: Monotonic) -> Result<(Answer, Now), ForwardError> {
        let due = deadline::after(self.target.timeout);
        let _slot = self.slot().await?;
        // One that its upstream ended meanwhile was sent nothing.
        while let Some(mut connection) = self.take_idle(now) {
            match connection.send(request, due).await {
                Sent::Answered(answer) => return Ok(self.done(connection, answer)),
                Sent::Failed(error) => return Err(error),
                Sent::Unsent => {}
            }
        }
        // In a box of its own: it is rare, and large.
        let opening = connect(&self.target.address, self.target.connect_share(), self.clock.now().monotonic);
        let mut fresh = Box::pin(opening).await?;
        match fresh.send(request, due).await {
            Sent::Answered(answer) => Ok(self.done(fresh, answer)),
            Sent::Failed(error) => Err(error),
            Sent::Unsent => Err(ForwardError::ClosedBeforeSend),
        }
    }

    fn done(&self, connection: Connection, answer: Answer) -> (Answer, Now) {
        let now = self.clock.now();
        self.park(connection, now.monotonic);
        (answer, now)
    }
}
