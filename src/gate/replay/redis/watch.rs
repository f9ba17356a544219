//! The watch: one task on a thread of its own that connects, looks at the server, and says when it may be used.
//!
//! 1. A link is published only after a whole look: the server is fit (`health`), the generation is the one of its mark, its
//!    clock did not run ahead, and, with sentinels, they still name it.
//! 2. It looks each second, and at once when a caller doubts.
//! 3. A new generation begins wherever the memory may have been lost. Callers notice before the watch does: the script that
//!    claims names the generation that it was judged by.
//! 4. Trying again is spaced out, and every try has a deadline.

use std::sync::Arc;
use std::time::Duration;

use redis::cmd;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::connect::{Connector, Opened};
use super::error::RedisFault;
use super::generation::{Generation, Reading};
use super::health::Report;
use super::link::{self, Call, CallError, Link};
use super::loose_ends::LooseEnd;
use super::{Shared, random};
use crate::domain::time::Clock;

/// Whoever opened the store waits for the first look, not longer.
pub(super) type FirstLook = oneshot::Sender<Result<(), RedisFault>>;

/// What the task holds.
pub(super) struct Watch {
    pub(super) shared: Arc<Shared>,
    pub(super) connector: Connector,
    pub(super) clock: Clock,
    /// The last whole look.
    seen: Option<(Generation, Reading)>,
    /// What was said last, so that it is said once.
    said: Option<RedisFault>,
}

impl Watch {
    pub(super) const fn new(shared: Arc<Shared>, connector: Connector, clock: Clock) -> Self {
        Self { shared, connector, clock, seen: None, said: None }
    }

    /// Never ends by itself.
    pub(super) async fn run(mut self, first: FirstLook) {
        let mut first = Some(first);
        let mut pause = PAUSE_MIN;
        loop {
            let looked = match timeout(self.patience(), self.connector.open()).await {
                Ok(Ok(opened)) => self.keep(opened, &mut first).await,
                Ok(Err(fault)) => fault,
                Err(_) => RedisFault::TimedOut,
            };
            self.shared.board.withdraw();
            pause = if self.said.is_none() { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
            self.say(Some(&looked));
            answer(&mut first, Err(looked));
            sleep(pause).await;
        }
    }

    /// Looks at a server until another connection may be better, and says why.
    async fn keep(&mut self, opened: Opened, first: &mut Option<FirstLook>) -> RedisFault {
        loop {
            let looked = timeout(self.patience(), self.look(&opened)).await.unwrap_or(Err(RedisFault::TimedOut));
            match looked {
                Ok(link) => {
                    self.say(None);
                    self.shared.board.publish(link);
                    answer(first, Ok(()));
                    self.tie_loose_ends().await;
                }
                Err(fault) if fault.ends_connection() => return fault,
                Err(fault) => {
                    self.shared.board.withdraw();
                    self.say(Some(&fault));
                    answer(first, Err(fault));
                }
            }
            self.wait().await;
            if opened.driver.is_given_up() {
                return RedisFault::TimedOut;
            }
        }
    }

    /// Waits for the next look; a doubt brings it forward, but not without a pause.
    async fn wait(&self) {
        if timeout(self.shared.every, self.shared.board.doubted()).await.is_ok() {
            sleep(DOUBT_PAUSE).await;
        }
    }

    /// One whole look.
    async fn look(&mut self, opened: &Opened) -> Result<Link, RedisFault> {
        let mut connection = opened.connection.clone();
        let info: String = cmd("INFO").query_async(&mut connection).await?;
        let report = Report::parse(&info);
        report.judge()?;
        self.shared.note_memory(report.memory());
        // Sentinels that say nothing take nothing away.
        if self.connector.primary().await.is_ok_and(|primary| primary != opened.server) {
            return Err(RedisFault::Superseded);
        }
        let (mut generation, mut reading) = self.open_generation(opened, &report, "").await?;
        let seen = self.seen.as_ref();
        if seen.is_some_and(|(known, before)| known.id == generation.id && reading.ran_ahead_since(before)) {
            tracing::warn!(redis = %opened.server, "the clock of Redis ran ahead: claims may have expired early");
            let stale = generation.id.clone();
            (generation, reading) = self.open_generation(opened, &report, &stale).await?;
        }
        self.seen = Some((generation.clone(), reading));
        Ok(Link {
            connection,
            driver: Arc::clone(&opened.driver),
            generation,
            reading,
            knows_script_flags: report.knows_script_flags(),
        })
    }

    /// Joins the generation of this server's mark, or begins one; always another one than `stale`.
    async fn open_generation(&self, opened: &Opened, report: &Report, stale: &str) -> Result<(Generation, Reading), RedisFault> {
        let candidate = random().map(|number| format!("{number:032x}")).ok_or(RedisFault::Garbled)?;
        let (mark, shared) = (report.mark(), &self.shared);
        let arguments = [mark.as_bytes(), candidate.as_bytes(), stale.as_bytes()];
        let keys: [&[u8]; 2] = [&shared.generation_key, &shared.rehearsal_key];
        let call = Call { script: &shared.scripts.open, keys: &keys, arguments: &arguments };
        let sent = self.clock.now();
        let found: Vec<String> = link::run(&opened.connection, &call).await?;
        let received = self.clock.now();
        let [id, born, present, entries] = found.as_slice() else { return Err(RedisFault::Garbled) };
        let number = |text: &String| text.parse::<i64>().map_err(|_| RedisFault::Garbled);
        let reading = Reading { server_ms: number(present)?, sent, received };
        shared.note_entries(number(entries)?);
        if let Some((known, _)) = self.seen.as_ref().filter(|(known, _)| known.id == *id) {
            return Ok((known.clone(), reading));
        }
        let whole = self.seen.as_ref().map(|(_, reading)| reading.sent);
        let generation = Generation::new(id.clone(), number(born)?, &reading, whole);
        let is_ours = *id == candidate;
        tracing::info!(redis = %opened.server, generation = %id, is_ours, since = %generation.knows_since(received), "replay memory");
        Ok((generation, reading))
    }

    /// Ends what should have ended before. What fails is put back, for the next look.
    async fn tie_loose_ends(&self) {
        for _ in 0..TIED_AT_ONCE {
            let Some(end) = self.shared.loose_ends.take_due(self.clock.now()) else { return };
            if self.tie(&end).await.is_err() {
                self.shared.loose_ends.add(end);
                return;
            }
        }
    }

    async fn tie(&self, end: &LooseEnd) -> Result<(), CallError> {
        let left = end.in_flight_until.since(self.clock.now().monotonic);
        if left.is_zero() {
            self.shared.release(&end.identity, end.owner).await
        } else {
            self.shared.lapse(&end.identity, end.owner, left).await
        }
    }

    /// Says a change once, with nothing of the URL in it.
    fn say(&mut self, fault: Option<&RedisFault>) {
        if self.said.as_ref() == fault {
            return;
        }
        if let Some(fault) = fault {
            tracing::warn!("Redis {fault}; deliveries are answered 503 until it can be used");
        } else {
            tracing::info!("Redis can be used again");
        }
        self.said = fault.cloned();
    }

    /// How long connecting or looking may take: several exchanges, each of which may take as long as a call.
    fn patience(&self) -> Duration {
        let exchanges = self.shared.timeout.saturating_mul(4).clamp(PATIENCE_MIN, PATIENCE_MAX);
        exchanges.saturating_add(self.connector.patience())
    }
}

fn answer(first: &mut Option<FirstLook>, looked: Result<(), RedisFault>) {
    if let Some(first) = first.take() {
        // Whoever opened the store may have gone.
        let _nobody_waits = first.send(looked);
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// Loose ends between two looks.
const TIED_AT_ONCE: usize = 4096;
/// Between a doubt and the look it brings forward.
const DOUBT_PAUSE: Duration = Duration::from_millis(5);
const PATIENCE_MIN: Duration = Duration::from_millis(500);
const PATIENCE_MAX: Duration = Duration::from_secs(5);
