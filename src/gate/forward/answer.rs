//! An answer on its way in, read as strictly as heads of senders are. Knows nothing of sockets. pure
//!
//! 1. Interim answers (1xx) are passed over; 101 is none, for nobody asked for it. How many there are is bounded by time.
//! 2. A length that stands twice or beside an encoding, and an encoding besides `chunked`, is ambiguous, whatever the values.
//! 3. 204, 304 and the answer to `HEAD` have no body. Then a body ends where its length or its chunks say; else with the
//!    connection.
//! 4. Head, chunk lines and trailers have a bound, and so has the body. Trailers are dropped.
//! 5. What follows an answer belongs to no request of ours: its connection is not used again.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use httparse::Status;

use super::chunks::Chunks;
use super::error::{AnswerFault, ForwardError};

/// A complete answer, as the upstream gave it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An answer so far.
pub(super) struct Reading {
    stage: Stage,
    is_head_request: bool,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    keeps_alive: bool,
    /// How much of the buffer was looked at for the end of a line.
    looked_at: usize,
}

enum Stage {
    Head,
    Length { left: usize },
    Chunked(Chunks),
    UntilEnd,
    Complete,
}

impl Reading {
    /// The answer to a request by this method.
    pub(super) fn new(method: &Method) -> Self {
        Self {
            stage: Stage::Head,
            is_head_request: *method == Method::HEAD,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Vec::new(),
            keeps_alive: false,
            looked_at: 0,
        }
    }

    /// Takes what it needs of what arrived; whether the answer is complete.
    pub(super) fn advance(&mut self, arrived: &mut Vec<u8>) -> Result<bool, ForwardError> {
        loop {
            match &mut self.stage {
                Stage::Head => {
                    if !self.read_head(arrived)? {
                        return Ok(false);
                    }
                }
                Stage::Length { left } => {
                    let here = (*left).min(arrived.len());
                    self.body.extend(arrived.drain(..here));
                    *left = left.saturating_sub(here);
                    if *left > 0 {
                        return Ok(false);
                    }
                    self.stage = Stage::Complete;
                }
                Stage::Chunked(chunks) => {
                    if !chunks.advance(arrived, &mut self.body).map_err(ForwardError::Broken)? {
                        return bounded(&self.body).map(|()| false);
                    }
                    bounded(&self.body)?;
                    self.stage = Stage::Complete;
                }
                Stage::UntilEnd => {
                    self.body.append(arrived);
                    return bounded(&self.body).map(|()| false);
                }
                Stage::Complete => return Ok(true),
            }
        }
    }

    /// The connection ended: the end of an answer that ends so, and of no other.
    pub(super) fn end(&self) -> Result<(), ForwardError> {
        if matches!(self.stage, Stage::UntilEnd) { Ok(()) } else { Err(ForwardError::Broken(AnswerFault::Ended)) }
    }

    /// Whether its connection may be used again.
    pub(super) const fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// The whole of it.
    pub(super) fn into_answer(self) -> Answer {
        Answer { status: self.status, headers: self.headers, body: self.body.into() }
    }

    /// Whether a head stood there; an interim one is passed over.
    fn read_head(&mut self, arrived: &mut Vec<u8>) -> Result<bool, ForwardError> {
        // A head ends with a line: what came without the end of one is not worth reading the whole anew.
        let fresh = arrived.get(self.looked_at..).unwrap_or_default();
        if memchr::memchr(b'\n', fresh).is_none() {
            self.looked_at = arrived.len();
            return if arrived.len() > HEAD_BYTES_MAX { Err(broken(AnswerFault::HeadTooLarge)) } else { Ok(false) };
        }
        let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut lines);
        let length = match head.parse(arrived).map_err(|fault| broken(AnswerFault::Head(fault)))? {
            Status::Complete(length) if length <= HEAD_BYTES_MAX => length,
            Status::Partial if arrived.len() <= HEAD_BYTES_MAX => {
                self.looked_at = arrived.len();
                return Ok(false);
            }
            Status::Complete(_) | Status::Partial => return Err(broken(AnswerFault::HeadTooLarge)),
        };
        let code = head.code.and_then(|code| StatusCode::from_u16(code).ok());
        self.status = code.ok_or_else(|| broken(AnswerFault::Head(httparse::Error::Status)))?;
        if self.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(ForwardError::ProtocolSwitched);
        }
        if !self.status.is_informational() {
            let framing = self.take_headers(head.headers, head.version == Some(1))?;
            self.stage = self.body_by(framing)?;
        }
        arrived.drain(..length);
        self.looked_at = 0;
        Ok(true)
    }

    fn take_headers(&mut self, lines: &[httparse::Header<'_>], is_http11: bool) -> Result<Framing, ForwardError> {
        let mut framing = Framing { length: None, is_chunked: false };
        self.keeps_alive = is_http11;
        for line in lines {
            let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| broken(AnswerFault::HeaderLine))?;
            let value = HeaderValue::from_bytes(line.value).map_err(|_| broken(AnswerFault::HeaderLine))?;
            match name {
                // What frames it here does not go on.
                header::CONTENT_LENGTH => framing.take_length(line.value)?,
                header::TRANSFER_ENCODING => framing.take_encoding(line.value, is_http11)?,
                name => {
                    self.keeps_alive &= name != header::CONNECTION || !says_close(line.value);
                    self.headers.append(name, value);
                }
            }
        }
        Ok(framing)
    }

    fn body_by(&mut self, framing: Framing) -> Result<Stage, ForwardError> {
        if self.is_head_request || matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Ok(Stage::Complete);
        }
        match framing.length {
            Some(length) => match usize::try_from(length) {
                Ok(left) if left <= BODY_BYTES_MAX => {
                    self.body.reserve_exact(left);
                    Ok(Stage::Length { left })
                }
                _ => Err(TOO_LARGE),
            },
            None if framing.is_chunked => Ok(Stage::Chunked(Chunks::default())),
            None => {
                self.keeps_alive = false;
                Ok(Stage::UntilEnd)
            }
        }
    }
}

/// What a head says of its body's end.
#[derive(Clone, Copy)]
struct Framing {
    length: Option<u64>,
    is_chunked: bool,
}

impl Framing {
    fn take_length(&mut self, value: &[u8]) -> Result<(), ForwardError> {
        if self.length.is_some() || self.is_chunked {
            return Err(ForwardError::AmbiguousFraming);
        }
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| is_number).and_then(|text| text.parse().ok());
        self.length = Some(number.ok_or_else(|| broken(AnswerFault::Length))?);
        Ok(())
    }

    fn take_encoding(&mut self, value: &[u8], is_http11: bool) -> Result<(), ForwardError> {
        if self.length.is_some() || self.is_chunked || !is_http11 || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(ForwardError::AmbiguousFraming);
        }
        self.is_chunked = true;
        Ok(())
    }
}

fn says_close(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"))
}

fn bounded(body: &[u8]) -> Result<(), ForwardError> {
    if body.len() > BODY_BYTES_MAX { Err(TOO_LARGE) } else { Ok(()) }
}

const fn broken(fault: AnswerFault) -> ForwardError {
    ForwardError::Broken(fault)
}

const TOO_LARGE: ForwardError = ForwardError::AnswerTooLarge { max_bytes: BODY_BYTES_MAX };

/// No provider reads more than a few bytes of an answer.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The largest head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The most lines of one.
const HEADERS_MAX: usize = 100;
