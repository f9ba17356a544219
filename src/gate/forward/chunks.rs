//! A body in chunks, taken apart as it arrives. pure

use httparse::Status;

use super::error::AnswerFault;

/// Where in a chunked body the next byte stands.
#[derive(Debug, Default)]
pub(super) enum Chunks {
    /// A chunk's size.
    #[default]
    Size,
    /// So much of its data.
    Data { left: u64 },
    /// The end of its line.
    DataEnd,
    /// Behind the last chunk.
    Trailers,
}

impl Chunks {
    /// Moves data from what arrived to the body; whether the body ended. Where that is too long already, it stops there.
    pub(super) fn advance(&mut self, arrived: &mut Vec<u8>, body: &mut Vec<u8>) -> Result<bool, AnswerFault> {
        let mut rest: &[u8] = arrived;
        let ended = loop {
            match self.step(rest, body)? {
                Step::More => break false,
                Step::Ended(bytes) => {
                    rest = rest.get(bytes..).unwrap_or_default();
                    break true;
                }
                Step::Took(bytes) => rest = rest.get(bytes..).unwrap_or_default(),
            }
        };
        let taken = arrived.len().saturating_sub(rest.len());
        arrived.drain(..taken);
        Ok(ended)
    }

    fn step(&mut self, rest: &[u8], body: &mut Vec<u8>) -> Result<Step, AnswerFault> {
        match self {
            Self::Size => match httparse::parse_chunk_size(rest).map_err(|_| AnswerFault::Chunks)? {
                Status::Complete((bytes, size)) => {
                    *self = if size == 0 { Self::Trailers } else { Self::Data { left: size } };
                    Ok(Step::Took(bytes))
                }
                Status::Partial => more(rest, SIZE_LINE_BYTES_MAX),
            },
            Self::Data { .. } if rest.is_empty() => Ok(Step::More),
            Self::Data { left } => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                body.extend_from_slice(rest.get(..here).unwrap_or_default());
                *left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                Ok(Step::Took(here))
            }
            Self::DataEnd => match rest {
                [b'\r', b'\n', ..] => {
                    *self = Self::Size;
                    Ok(Step::Took(2))
                }
                [] | [b'\r'] => Ok(Step::More),
                _ => Err(AnswerFault::Chunks),
            },
            Self::Trailers => {
                let mut lines = [httparse::EMPTY_HEADER; TRAILERS_MAX];
                match httparse::parse_headers(rest, &mut lines).map_err(|_| AnswerFault::Chunks)? {
                    Status::Complete((bytes, _)) => Ok(Step::Ended(bytes)),
                    Status::Partial => more(rest, TRAILER_BYTES_MAX),
                }
            }
        }
    }
}

/// What came of a look at what arrived.
enum Step {
    /// It needs more.
    More,
    /// It took so many bytes.
    Took(usize),
    /// The body ended with so many bytes.
    Ended(usize),
}

fn more(rest: &[u8], max_bytes: usize) -> Result<Step, AnswerFault> {
    if rest.len() > max_bytes { Err(AnswerFault::Chunks) } else { Ok(Step::More) }
}

/// A size and whatever extension stands behind it.
const SIZE_LINE_BYTES_MAX: usize = 1024;

const TRAILER_BYTES_MAX: usize = 8192;
const TRAILERS_MAX: usize = 64;
