//! The head of a request, written once, as it goes over the wire. pure
//!
//! Invariant: no name and no value ends its line early. Both are parsed headers, or texts that are looked at here.

use http::{HeaderName, HeaderValue, Method};

/// A head being written.
pub(super) struct HeadText(Vec<u8>);

impl HeadText {
    /// With its request line.
    pub(super) fn begin(method: &Method, target: &str) -> Self {
        let mut bytes = Vec::with_capacity(HEAD_BYTES.saturating_add(target.len()));
        for piece in [method.as_str(), " ", target, " HTTP/1.1\r\n"] {
            bytes.extend_from_slice(piece.as_bytes());
        }
        Self(bytes)
    }

    /// One header that was parsed as one.
    pub(super) fn header(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.put(name.as_str(), value.as_bytes());
    }

    /// One header. A value with a byte that no value has is left out, for its line would end elsewhere.
    pub(super) fn line(&mut self, name: &str, value: &[u8]) {
        if value.iter().fold(true, |sound, byte| sound & is_of_value(*byte)) {
            self.put(name, value);
        }
    }

    fn put(&mut self, name: &str, value: &[u8]) {
        let bytes = &mut self.0;
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }

    /// With the empty line.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

/// Without branches many bytes are judged at once.
#[expect(clippy::needless_bitwise_bool, reason = "without branches many bytes are judged at once")]
const fn is_of_value(byte: u8) -> bool {
    (byte >= b' ') & (byte != 0x7f) | (byte == b'\t')
}

/// Room for a provider's headers and ours.
const HEAD_BYTES: usize = 1536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_its_line() {
        let mut text = HeadText::begin(&Method::PUT, "/a?b");
        for (name, value) in
            [("a", &b"1"[..]), ("b", b"x\r\ny: z"), ("c", b"x\ny"), ("d", b"\0"), ("e", b"\x7f"), ("f", b"\t\xff ")]
        {
            text.line(name, value);
        }
        assert_eq!(text.end(), b"PUT /a?b HTTP/1.1\r\na: 1\r\nf: \t\xff \r\n\r\n");
    }
}
