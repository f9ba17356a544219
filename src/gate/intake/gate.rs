//! Reads one body.
//!
//! A body that arrives in one piece, as most do, is kept as it arrived. The pieces of others are copied together: a piece
//! keeps the buffer alive that it was read into, and a sender who lets them arrive at the right sizes would hold several
//! times what the budget counts. The copy costs a tenth of what hashing the same bytes does.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::budget::Budget;
pub use super::budget::Holding;
use super::error::{BudgetScope, IntakeError};
use super::pace;
use super::spec::IntakeLimits;
use crate::domain::address::SourceKey;
use crate::domain::body::RawBody;
use crate::domain::head::{Head, Received};

/// The gate; one for the process, shared by all workers.
#[derive(Debug)]
pub struct Intake {
    limits: IntakeLimits,
    budget: Arc<Budget>,
}

/// What one request's body is held to.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The largest body.
    pub max_body_bytes: u64,
    /// Who sends it.
    pub source: SourceKey,
}

/// Judges the length that a head declares, before its body is polled.
pub fn declared(headers: &HeaderMap, max_body_bytes: u64) -> Result<(), IntakeError> {
    let Some(value) = headers.get(CONTENT_LENGTH) else { return Ok(()) };
    let length = value.to_str().ok().and_then(|text| text.parse::<u64>().ok()).ok_or(IntakeError::Broken)?;
    if length > max_body_bytes { Err(IntakeError::BodyTooLarge { max_body_bytes }) } else { Ok(()) }
}

impl Intake {
    /// A gate with its whole budget.
    #[must_use]
    pub fn new(limits: IntakeLimits) -> Self {
        Self { limits, budget: Budget::new(limits.max_inflight_bytes) }
    }

    /// How many bytes of bodies are held now.
    #[must_use]
    pub fn inflight_bytes(&self) -> u64 {
        self.budget.held_bytes()
    }

    /// How often a budget of bytes was used up, and a body refused for it.
    #[must_use]
    pub fn refusals(&self, scope: BudgetScope) -> u64 {
        self.budget.refusals(scope)
    }

    /// Reads the body to its end. What it took of the budget is the caller's to keep until the delivery's end.
    pub async fn receive<B>(&self, terms: Terms, mut head: Head, body: B) -> Result<(Received, Holding), IntakeError>
    where
        B: Body<Data = Bytes>,
    {
        declared(&head.headers, terms.max_body_bytes)?;
        let holding = Holding::new(&self.budget, terms.source);
        let mut reading = Reading { holding, received_bytes: 0, pieces: Pieces::default() };
        let mut body = pin!(body);
        // From when on somebody is waited for.
        let mut start = None;
        loop {
            let frame = match poll_fn(|context| Poll::Ready(body.as_mut().poll_frame(context))).await {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    // Who has to be waited for holds as little as possible meanwhile.
                    let start = *start.get_or_insert_with(|| {
                        head.detach();
                        Instant::now()
                    });
                    let allowed = pace::allowed(reading.received_bytes, self.limits.body_timeout);
                    timeout_at(start + allowed, body.frame())
                        .await
                        .map_err(|_| IntakeError::BodyTimeout { received_bytes: reading.received_bytes, allowed })?
                }
            };
            match frame {
                None => return Ok((Received { head, body: reading.pieces.finish() }, reading.holding)),
                Some(Err(_)) => return Err(IntakeError::Broken),
                // A frame that is no data is trailers: nobody signed them, nobody reads them.
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        reading.take(piece, terms.max_body_bytes)?;
                    }
                }
            }
        }
    }
}

/// A body on its way in.
struct Reading {
    holding: Holding,
    received_bytes: u64,
    pieces: Pieces,
}

impl Reading {
    fn take(&mut self, piece: Bytes, max_body_bytes: u64) -> Result<(), IntakeError> {
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let received_bytes = self.received_bytes.saturating_add(bytes);
        if received_bytes > max_body_bytes {
            return Err(IntakeError::BodyTooLarge { max_body_bytes });
        }
        self.holding.take(bytes)?;
        self.received_bytes = received_bytes;
        if self.pieces.push(piece) == Some(Gathering) {
            self.holding.take_reader()?;
        }
        Ok(())
    }
}

/// The pieces so far: `first` as it arrived while it is alone, or all of them gathered, the latest in `growing`.
#[derive(Default)]
struct Pieces {
    body: RawBody,
    first: Bytes,
    growing: Vec<u8>,
}

/// A body does not come in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gathering;

impl Pieces {
    /// Adds a piece, and says so when it is the one that makes them several.
    fn push(&mut self, piece: Bytes) -> Option<Gathering> {
        if piece.is_empty() {
            return None;
        }
        // The first piece stays as it is while it is alone: mostly it is the whole body.
        if self.body.is_empty() && self.first.is_empty() && self.growing.capacity() == 0 {
            self.first = piece;
            return None;
        }
        let first = std::mem::take(&mut self.first);
        self.gather(&first);
        self.gather(&piece);
        (!first.is_empty()).then_some(Gathering)
    }

    fn gather(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            if self.growing.capacity() == 0 {
                let next = if self.body.len() < SMALL_BYTES { PAGE_BYTES } else { GATHERED_BYTES };
                self.growing = Vec::with_capacity(next);
            }
            let room = self.growing.capacity().saturating_sub(self.growing.len());
            let (now, later) = piece.split_at(room.min(piece.len()));
            self.growing.extend_from_slice(now);
            if now.len() == room {
                self.flush();
            }
            piece = later;
        }
    }

    fn flush(&mut self) {
        self.body.push(Bytes::from(std::mem::take(&mut self.growing)));
    }

    fn finish(mut self) -> RawBody {
        self.body.push(std::mem::take(&mut self.first));
        self.flush();
        self.body
    }
}

/// Pieces are copied together into buffers of this size, which hold nothing else. It is the size of hyper's buffers, so that
/// bodies grow into what connections that ended have left: an allocator keeps sizes apart, and what is free in one does not
/// serve another (measured under ten thousand slow uploads; `make soak`).
const GATHERED_BYTES: usize = 8 << 10;

/// Until a body is that long, the buffers are as small as a page: ten thousand slow ones must not hold room that they may
/// never fill.
const SMALL_BYTES: usize = 32 << 10;
const PAGE_BYTES: usize = 4 << 10;
