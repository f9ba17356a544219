//! HTTP/2 by hand: frames as bytes, heads without compression, so that a test can say what no honest client says.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::certificate::Certificate;
use super::client::{Answer, Connection, HOST, PATIENCE, Silence};
use super::gateway::Gateway;
use super::provider::Delivery;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client may say first: no table for compression, so that every answer's head can be read by itself.
pub(crate) const NO_TABLE: &[u8] = &[0, 1, 0, 0, 0, 0];

/// A frame from the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The error of a `GOAWAY` or a reset.
    pub(crate) fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

/// How a stream ended.
#[derive(Debug)]
pub(crate) enum End {
    Answer(Answer),
    /// Reset with an error.
    Reset(u32),
    /// The whole connection was ended.
    Connection,
}

impl End {
    #[track_caller]
    pub(crate) fn answer(self) -> Answer {
        match self {
            Self::Answer(answer) => answer,
            other => panic!("no answer: {other:?}"),
        }
    }
}

/// A connection that speaks HTTP/2.
pub(crate) struct Http2 {
    pub(crate) connection: Connection,
}

impl Gateway {
    /// TLS with `h2`, and nothing said on it.
    #[track_caller]
    pub(crate) fn connect_h2_silent(&self) -> Http2 {
        let client = Certificate::shared().client_speaking(&["h2"]);
        let connection = Connection::tls_as(self.ports().public, Ipv4Addr::LOCALHOST, HOST, client).expect("a connection");
        Http2 { connection }
    }

    /// TLS with `h2`, preface and settings exchanged.
    #[track_caller]
    pub(crate) fn connect_h2(&self) -> Http2 {
        let mut http2 = self.connect_h2_silent();
        http2.send(PREFACE);
        http2.frame(SETTINGS, 0, 0, NO_TABLE);
        http2.frame(SETTINGS, ACK, 0, b"");
        http2
    }
}

impl Http2 {
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.connection.send(bytes);
    }

    #[track_caller]
    pub(crate) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.send(&frame(kind, flags, stream, payload));
    }

    /// Sends frames until they are all sent or nobody takes them any more; how many went out.
    pub(crate) fn flood(&mut self, frame: &[u8], times: usize) -> usize {
        let batch = frame.repeat(100);
        (0..times / 100).take_while(|_| self.connection.try_send(&batch).is_ok()).count() * 100
    }

    /// Opens a stream with a head, and perhaps a body.
    #[track_caller]
    pub(crate) fn request(&mut self, stream: u32, head: &[(&str, &str)], body: Option<&[u8]>) {
        let block = block(head);
        let flags = if body.is_none() { END_STREAM | END_HEADERS } else { END_HEADERS };
        let mut bytes = frame(HEADERS, flags, stream, &block);
        if let Some(body) = body {
            let mut pieces = body.chunks(16_384).peekable();
            if pieces.peek().is_none() {
                bytes.extend_from_slice(&frame(DATA, END_STREAM, stream, b""));
            }
            while let Some(piece) = pieces.next() {
                let flags = if pieces.peek().is_none() { END_STREAM } else { 0 };
                bytes.extend_from_slice(&frame(DATA, flags, stream, piece));
            }
        }
        self.send(&bytes);
    }

    /// Sends a delivery as its provider would.
    #[track_caller]
    pub(crate) fn deliver(&mut self, stream: u32, delivery: &Delivery) -> Answer {
        let path = delivery.provider.path();
        let head = head_of(delivery, &path);
        self.request(stream, &as_pairs(&head), Some(&delivery.body));
        self.end_of(stream).answer()
    }

    /// The next frame.
    pub(crate) fn next(&mut self, limit: Duration) -> Result<Frame, Silence> {
        let end = Instant::now() + limit;
        let header = self.connection.read_exactly(9, end)?;
        let length = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let stream = u32::from_be_bytes([header[5] & 0x7f, header[6], header[7], header[8]]);
        let payload = self.connection.read_exactly(length, end)?;
        Ok(Frame { kind: header[3], flags: header[4], stream, payload })
    }

    /// Reads until a stream has ended, whatever else comes.
    #[track_caller]
    pub(crate) fn end_of(&mut self, stream: u32) -> End {
        self.end_within(stream, PATIENCE).unwrap_or_else(|| panic!("nothing on stream {stream}"))
    }

    pub(crate) fn end_within(&mut self, stream: u32, limit: Duration) -> Option<End> {
        let end = Instant::now() + limit;
        let (mut head, mut body) = (None, Vec::new());
        loop {
            let frame = match self.next(end.saturating_duration_since(Instant::now())) {
                Ok(frame) => frame,
                Err(Silence::Closed(_)) => return Some(End::Connection),
                Err(Silence::TimedOut) => return None,
            };
            if frame.stream != stream {
                continue;
            }
            match frame.kind {
                HEADERS => head = Some(read_status(&frame.payload)),
                DATA => body.extend_from_slice(&frame.payload),
                RST_STREAM => return Some(End::Reset(frame.error())),
                _ => continue,
            }
            if frame.flags & END_STREAM != 0 {
                let status = head.expect("a head before the end");
                return Some(End::Answer(Answer { status, headers: Vec::new(), body, interim: Vec::new(), closed: false }));
            }
        }
    }

    /// The first frame of a kind.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, kind: u8) -> Frame {
        let end = Instant::now() + PATIENCE;
        loop {
            let frame = self.next(end.saturating_duration_since(Instant::now()));
            let frame = frame.unwrap_or_else(|silence| panic!("no frame {kind}: {silence:?}"));
            if frame.kind == kind && !(kind == SETTINGS && frame.flags & ACK != 0) {
                return frame;
            }
        }
    }

    /// How long it takes until the connection is closed; the error of a `GOAWAY` on the way.
    #[track_caller]
    pub(crate) fn closed_after(&mut self, limit: Duration) -> (Duration, Option<u32>) {
        let begun = Instant::now();
        let mut goaway = None;
        loop {
            match self.next(limit.saturating_sub(begun.elapsed())) {
                Ok(frame) if frame.kind == GOAWAY => goaway = Some(frame.error()),
                Ok(_) => {}
                Err(Silence::Closed(_)) => return (begun.elapsed(), goaway),
                Err(Silence::TimedOut) => panic!("still open after {limit:?}"),
            }
        }
    }
}

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("fits").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a delivery.
pub(crate) fn head_of(delivery: &Delivery, path: &str) -> Vec<(String, String)> {
    let own = [(":method", "POST"), (":scheme", "https"), (":authority", HOST), (":path", path)];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let theirs = delivery.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    own.into_iter().chain(theirs).collect()
}

pub(crate) fn as_pairs(head: &[(String, String)]) -> Vec<(&str, &str)> {
    head.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// A head of literal fields that nobody remembers.
pub(crate) fn block(head: &[(&str, &str)]) -> Vec<u8> {
    raw_block(&head.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect::<Vec<_>>())
}

pub(crate) fn raw_block(head: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in head {
        bytes.push(0);
        for text in [name, value] {
            write_length(&mut bytes, text.len());
            bytes.extend_from_slice(text);
        }
    }
    bytes
}

fn write_length(bytes: &mut Vec<u8>, length: usize) {
    const PREFIX: usize = 127;
    if length < PREFIX {
        bytes.push(u8::try_from(length).expect("fits"));
        return;
    }
    bytes.push(127);
    let mut rest = length - PREFIX;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).expect("fits") | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).expect("fits"));
}

/// The status of an answer's head; its other fields are compressed and not read.
fn read_status(block: &[u8]) -> u16 {
    let mut rest = block;
    // A change of the table's size stands in front.
    while rest.first().is_some_and(|byte| byte & 0xe0 == 0x20) {
        rest = &rest[1..];
    }
    match rest.first() {
        Some(indexed) if indexed & 0x80 != 0 => {
            const STATIC: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
            STATIC[usize::from(indexed & 0x7f) - 8]
        }
        // A literal under the name `:status`, of three digits: as they are, or in Huffman's code.
        Some(0x08 | 0x18 | 0x48) => {
            let (huffman, length) = (rest[1] & 0x80 != 0, usize::from(rest[1] & 0x7f));
            let text = &rest[2..2 + length];
            if huffman { huffman_digits(text) } else { String::from_utf8_lossy(text).parse().expect("digits") }
        }
        other => panic!("a head that begins with {other:?}"),
    }
}

/// Digits in the code of RFC 7541, appendix B: 0 to 2 in five bits, 3 to 9 in six.
fn huffman_digits(text: &[u8]) -> u16 {
    let bits = text.iter().fold(String::new(), |bits, byte| bits + &format!("{byte:08b}"));
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let short = u16::from_str_radix(&bits[at..at + 5], 2).expect("bits");
        let (digit, width) =
            if short <= 2 { (short, 5) } else { (u16::from_str_radix(&bits[at..at + 6], 2).expect("bits") - 0b01_1001 + 3, 6) };
        number = number * 10 + digit;
        at += width;
    }
    number
}
