//! A chunked body's framing, byte by byte between the data.

use super::HEADERS_MAX;
use super::fault::FaultKind;
use super::field;
use super::head::is_text;

/// Where in a chunked body the next byte stands.
pub(super) struct Chunked {
    at: At,
    extension_bytes: u32,
    trailer: Vec<u8>,
    trailer_bytes: usize,
    trailer_lines: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Size { value: u64, digits: u8 },
    Extension { size: u64 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    Trailer,
    TrailerLf { last: bool },
    End,
}

/// The outcome of looking at some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Advanced {
    /// How many bytes are sound.
    pub(super) bytes: usize,
    /// Whether the body ended with them, or what is wrong behind them.
    pub(super) end: Result<bool, FaultKind>,
}

impl Chunked {
    pub(super) const fn new() -> Self {
        Self { at: START, extension_bytes: 0, trailer: Vec::new(), trailer_bytes: 0, trailer_lines: 0 }
    }

    /// Goes through `bytes` up to the body's end, a fault, or the last of them.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Advanced {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            if let At::Data { left } = self.at {
                rest = self.skip_data(left, rest);
                continue;
            }
            match self.step(byte) {
                Ok(next) => self.at = next,
                Err(fault) => return Advanced { bytes: bytes.len().saturating_sub(rest.len()), end: Err(fault) },
            }
            rest = behind;
            if self.at == At::End {
                return Advanced { bytes: bytes.len().saturating_sub(rest.len()), end: Ok(true) };
            }
        }
        Advanced { bytes: bytes.len(), end: Ok(false) }
    }

    fn skip_data<'a>(&mut self, left: u64, bytes: &'a [u8]) -> &'a [u8] {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
        self.at = if left == 0 { At::DataCr } else { At::Data { left } };
        bytes.get(here..).unwrap_or_default()
    }

    fn step(&mut self, byte: u8) -> Result<At, FaultKind> {
        match (self.at, byte) {
            (At::Size { value, digits }, _) => Self::size(value, digits, byte),
            (At::Extension { size }, b'\r') => Ok(At::SizeLf { size }),
            (At::Extension { size }, _) => self.extension(size, byte),
            (At::SizeLf { size: 0 } | At::TrailerLf { last: false }, b'\n') => Ok(At::Trailer),
            (At::SizeLf { size: left }, b'\n') => Ok(At::Data { left }),
            (At::DataCr, b'\r') => Ok(At::DataLf),
            (At::DataLf, b'\n') => Ok(START),
            (At::Trailer, b'\r') => self.trailer_line(),
            (At::Trailer, _) => self.trailer_byte(byte),
            (At::TrailerLf { last: true }, b'\n') => Ok(At::End),
            (At::SizeLf { .. } | At::DataCr | At::DataLf | At::TrailerLf { .. } | At::Data { .. } | At::End, _) => {
                Err(FaultKind::Malformed)
            }
        }
    }

    fn size(value: u64, digits: u8, byte: u8) -> Result<At, FaultKind> {
        let digit = char::from(byte).to_digit(16);
        match (digit, byte) {
            (Some(digit), _) if digits < SIZE_DIGITS_MAX => {
                Ok(At::Size { value: (value << 4) | u64::from(digit), digits: digits.saturating_add(1) })
            }
            (None, b'\r') if digits > 0 => Ok(At::SizeLf { size: value }),
            (None, b';') if digits > 0 => Ok(At::Extension { size: value }),
            _ => Err(FaultKind::Malformed),
        }
    }

    fn extension(&mut self, size: u64, byte: u8) -> Result<At, FaultKind> {
        self.extension_bytes = self.extension_bytes.saturating_add(1);
        if self.extension_bytes > EXTENSION_BYTES_MAX || !is_text(byte) {
            return Err(FaultKind::Malformed);
        }
        Ok(At::Extension { size })
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<At, FaultKind> {
        self.trailer_bytes = self.trailer_bytes.saturating_add(1);
        if self.trailer_bytes > TRAILER_BYTES_MAX || !is_text(byte) {
            return Err(FaultKind::Malformed);
        }
        self.trailer.push(byte);
        Ok(At::Trailer)
    }

    fn trailer_line(&mut self) -> Result<At, FaultKind> {
        if self.trailer.is_empty() {
            return Ok(At::TrailerLf { last: true });
        }
        field::split(&self.trailer)?;
        self.trailer.clear();
        self.trailer_lines = self.trailer_lines.saturating_add(1);
        if self.trailer_lines > HEADERS_MAX { Err(FaultKind::Malformed) } else { Ok(At::TrailerLf { last: false }) }
    }
}

const START: At = At::Size { value: 0, digits: 0 };

/// Sixteen digits fill 64 bits; more could only be zeros, which no sender needs.
const SIZE_DIGITS_MAX: u8 = 16;

/// All extensions of one body together: none is known to be in use, none is read.
const EXTENSION_BYTES_MAX: u32 = 1024;

const TRAILER_BYTES_MAX: usize = 8192;
