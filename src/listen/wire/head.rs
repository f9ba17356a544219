//! Reads a head line by line as it arrives, looking at each byte once.

use super::HEADERS_MAX;
use super::fault::FaultKind;
use super::field::{Fields, Framing};
use super::request_line::{self, Version};

/// How far a head has been read. Offsets count from its first byte.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    line_start: usize,
    scanned: usize,
    version: Option<Version>,
    field_lines: usize,
    fields: Fields,
}

/// What is known after looking at all bytes there are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// The head goes on.
    Incomplete,
    /// The head ended.
    Complete {
        /// Its length with the empty line.
        length: usize,
        /// What follows it.
        framing: Framing,
    },
}

impl HeadScan {
    /// Looks at what is new. `head` begins with the head's first byte and holds everything that arrived of it.
    pub(super) fn scan(&mut self, head: &[u8], max_header_bytes: usize) -> Result<Scanned, FaultKind> {
        let window = head.get(..max_header_bytes).unwrap_or(head);
        while let Some(line_end) = self.next_line_end(window)? {
            let line = window.get(self.line_start..line_end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").ok_or(FaultKind::Malformed)?;
            self.scanned = line_end.saturating_add(1);
            self.line_start = self.scanned;
            if let Some(framing) = self.take(line)? {
                return Ok(Scanned::Complete { length: self.scanned, framing });
            }
        }
        if head.len() >= max_header_bytes { Err(FaultKind::HeadersTooLarge) } else { Ok(Scanned::Incomplete) }
    }

    /// Where the current line's LF stands, after judging the bytes before it that were not judged yet.
    fn next_line_end(&mut self, window: &[u8]) -> Result<Option<usize>, FaultKind> {
        let fresh = window.get(self.scanned..).unwrap_or_default();
        let end = memchr::memchr(b'\n', fresh);
        let fresh = end.and_then(|end| fresh.get(..end)).unwrap_or(fresh);
        let plain = fresh.strip_suffix(b"\r").unwrap_or(fresh);
        // Without an early end, so that many bytes are judged at once.
        if !plain.iter().fold(true, |sound, byte| sound & is_text(*byte)) {
            return Err(FaultKind::Malformed);
        }
        if end.is_none() {
            // A CR at the very end is judged again once its LF, or anything else, is there.
            self.scanned = self.scanned.saturating_add(plain.len());
        }
        Ok(end.map(|end| self.scanned.saturating_add(end)))
    }

    /// Takes a whole line; answers the framing at the empty one.
    fn take(&mut self, line: &[u8]) -> Result<Option<Framing>, FaultKind> {
        let Some(version) = self.version else {
            self.version = Some(request_line::parse(line)?);
            return Ok(None);
        };
        if line.is_empty() {
            return self.fields.framing(version).map(Some);
        }
        self.field_lines = self.field_lines.saturating_add(1);
        if self.field_lines > HEADERS_MAX {
            return Err(FaultKind::HeadersTooLarge);
        }
        self.fields.take(line)?;
        Ok(None)
    }
}

/// What may stand in a line. Bytes above ASCII may, in values: whether they mean anything is for those who read the field.
#[expect(clippy::needless_bitwise_bool, reason = "without branches many bytes are judged at once")]
pub(super) const fn is_text(byte: u8) -> bool {
    (byte >= 0x20) & (byte != 0x7f) | (byte == b'\t')
}
