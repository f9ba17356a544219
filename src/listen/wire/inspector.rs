//! Follows the messages of one connection: head, body, next head.

use super::chunked::Chunked;
use super::fault::{FaultKind, FaultPlace, WireFault};
use super::field::Framing;
use super::head::{HeadScan, Scanned};

/// Judges the bytes of one connection in order.
pub struct Inspector {
    max_header_bytes: usize,
    heads: u64,
    stage: Stage,
}

enum Stage {
    Head(HeadScan),
    Length {
        left: u64,
    },
    Chunked(Chunked),
    /// Nothing behind a fault is a message any more.
    Faulted(WireFault),
}

/// What is known after a call.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// How many of the bytes may pass. The others are held back and come first in the next call.
    pub pass: usize,
    /// What is wrong with the byte behind them, if anything is.
    pub fault: Option<WireFault>,
}

impl Inspector {
    /// For a new connection.
    #[must_use]
    pub fn new(max_header_bytes: usize) -> Self {
        Self { max_header_bytes, heads: 0, stage: Stage::Head(HeadScan::default()) }
    }

    /// Looks at bytes: those held back by the last call, then those that arrived since.
    pub fn feed(&mut self, bytes: &[u8]) -> Step {
        let mut pass: usize = 0;
        loop {
            let rest = bytes.get(pass..).unwrap_or_default();
            match self.advance(rest) {
                Ok(0) => return Step { pass, fault: None },
                Ok(sound) => pass = pass.saturating_add(sound),
                Err((sound, fault)) => return Step { pass: pass.saturating_add(sound), fault: Some(fault) },
            }
        }
    }

    /// How many heads have passed.
    #[must_use]
    pub const fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether the next byte belongs to a body.
    #[must_use]
    pub const fn in_body(&self) -> bool {
        matches!(self.stage, Stage::Length { .. } | Stage::Chunked(_))
    }

    /// One stage's worth: how many bytes may pass, none when more are needed.
    fn advance(&mut self, bytes: &[u8]) -> Result<usize, (usize, WireFault)> {
        if bytes.is_empty() {
            return Ok(0);
        }
        match &mut self.stage {
            Stage::Head(scan) => match scan.scan(bytes, self.max_header_bytes) {
                Ok(Scanned::Incomplete) => Ok(0),
                Ok(Scanned::Complete { length, framing }) => Ok(self.head_passed(length, framing)),
                Err(kind) => Err(self.fault(0, kind, FaultPlace::Head)),
            },
            Stage::Length { left } => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                if *left == 0 {
                    self.stage = Stage::Head(HeadScan::default());
                }
                Ok(here)
            }
            Stage::Chunked(chunked) => {
                let advanced = chunked.advance(bytes);
                match advanced.end {
                    Ok(false) => Ok(advanced.bytes),
                    Ok(true) => {
                        self.stage = Stage::Head(HeadScan::default());
                        Ok(advanced.bytes)
                    }
                    Err(kind) => Err(self.fault(advanced.bytes, kind, FaultPlace::Body)),
                }
            }
            Stage::Faulted(fault) => Err((0, *fault)),
        }
    }

    fn head_passed(&mut self, length: usize, framing: Framing) -> usize {
        self.heads = self.heads.saturating_add(1);
        self.stage = match framing {
            Framing::Length(0) => Stage::Head(HeadScan::default()),
            Framing::Length(left) => Stage::Length { left },
            Framing::Chunked => Stage::Chunked(Chunked::new()),
        };
        length
    }

    fn fault(&mut self, sound: usize, kind: FaultKind, place: FaultPlace) -> (usize, WireFault) {
        let fault = WireFault { kind, place };
        self.stage = Stage::Faulted(fault);
        (sound, fault)
    }
}
