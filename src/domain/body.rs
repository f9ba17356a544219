//! The body exactly as it was sent, in the chunks it arrived in.
//!
//! Invariants: bytes are never decoded, copied together or changed between the socket and the upstream; what was verified
//! is what is forwarded.

use std::borrow::Cow;

use bytes::Bytes;
use smallvec::SmallVec;

/// A whole body: the chunks in order. Cloning shares the bytes.
#[derive(Clone, Default)]
pub struct RawBody {
    /// One, mostly.
    chunks: SmallVec<[Bytes; 1]>,
    length_bytes: usize,
}

impl RawBody {
    /// Appends what arrived next.
    pub fn push(&mut self, chunk: Bytes) {
        self.length_bytes = self.length_bytes.saturating_add(chunk.len());
        if !chunk.is_empty() {
            self.chunks.push(chunk);
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length_bytes
    }

    /// Whether the body has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length_bytes == 0
    }

    /// The chunks in the order of the wire.
    #[must_use]
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// The bytes of the chunks.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.chunks.iter().map(AsRef::as_ref)
    }

    /// The bytes in one piece; copies only when they arrived in several.
    #[must_use]
    pub fn contiguous(&self) -> Cow<'_, [u8]> {
        match self.chunks.as_slice() {
            [] => Cow::Borrowed(&[]),
            [only] => Cow::Borrowed(only),
            several => Cow::Owned(several.concat()),
        }
    }
}

impl From<Bytes> for RawBody {
    fn from(bytes: Bytes) -> Self {
        let mut body = Self::default();
        body.push(bytes);
        body
    }
}

impl std::fmt::Debug for RawBody {
    /// Says how long the body is, never what it says.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RawBody({} bytes)", self.length_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_join_in_order_and_debug_hides_them() {
        let mut body = RawBody::from(Bytes::from_static(b"ab"));
        body.push(Bytes::new());
        body.push(Bytes::from_static(b"c"));
        assert_eq!(body.contiguous().as_ref(), b"abc");
        assert_eq!((body.len(), body.chunks().len()), (3, 2));
        assert_eq!(format!("{body:?}"), "RawBody(3 bytes)");
    }
}
