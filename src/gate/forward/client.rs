//! One request and its whole answer.
//!
//! A request is sent a second time in one case only: the connection handed it back before its first byte was written. Then
//! it goes out once more, on a fresh connection. Everything else that goes wrong after that point may have been received.

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::body::OutgoingBody;
use super::connect::connect;
use super::connection::{Connection, Sent};
use super::error::{Exposure, ForwardError};
use super::pool::UpstreamPool;

/// A complete answer, as the upstream gave it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl UpstreamPool {
    /// Sends a request and reads its whole answer before the deadline.
    pub(super) async fn send(&self, request: Request<OutgoingBody>) -> Result<Answer, ForwardError> {
        let mut exposure = Exposure::NeverSent;
        match timeout(self.target.timeout, self.exchange(request, &mut exposure)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ForwardError::TimedOut { exposure }),
        }
    }

    async fn exchange(&self, request: Request<OutgoingBody>, exposure: &mut Exposure) -> Result<Answer, ForwardError> {
        let _slot = self.slot().await?;
        let (mut connection, response) = self.transmit(request, exposure).await?;
        let answer = connection.while_driven(read(response)).await?;
        self.park(connection);
        Ok(answer)
    }

    async fn transmit(
        &self,
        mut request: Request<OutgoingBody>,
        exposure: &mut Exposure,
    ) -> Result<(Connection, Response<Incoming>), ForwardError> {
        if let Some(connection) = self.take_idle() {
            match transmit_on(connection, request, exposure).await? {
                Transmitted::Answered(connection, response) => return Ok((connection, response)),
                Transmitted::Returned(unsent) => request = unsent,
            }
        }
        let fresh = connect(&self.target.address, self.target.connect_share(), self.clock.now().monotonic).await?;
        match transmit_on(fresh, request, exposure).await? {
            Transmitted::Answered(connection, response) => Ok((connection, response)),
            Transmitted::Returned(_) => Err(ForwardError::ClosedBeforeSend),
        }
    }
}

enum Transmitted {
    Answered(Connection, Response<Incoming>),
    Returned(Request<OutgoingBody>),
}

async fn transmit_on(
    mut connection: Connection,
    request: Request<OutgoingBody>,
    exposure: &mut Exposure,
) -> Result<Transmitted, ForwardError> {
    // From here on any moment may write; if the deadline strikes, nobody can say that it did not.
    *exposure = Exposure::Unknown;
    match connection.send(request).await {
        Sent::Answered(response) => Ok(Transmitted::Answered(connection, response)),
        Sent::Broken(error) => Err(ForwardError::Broken(error)),
        Sent::Returned(request) => {
            *exposure = Exposure::NeverSent;
            Ok(Transmitted::Returned(request))
        }
    }
}

async fn read(response: Response<Incoming>) -> Result<Answer, ForwardError> {
    let (parts, body) = response.into_parts();
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(ForwardError::ProtocolSwitched);
    }
    if has_ambiguous_framing(&parts.headers) {
        return Err(ForwardError::AmbiguousFraming);
    }
    Ok(Answer { status: parts.status, headers: parts.headers, body: read_body(body).await? })
}

/// Two lengths, a length beside an encoding, or an encoding besides `chunked`: readers would disagree where it ends.
fn has_ambiguous_framing(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => lengths > 1,
        (Some(encoding), None) => lengths > 0 || !encoding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => true,
    }
}

/// The whole body. Almost always one chunk, which is then not copied; trailers are dropped.
async fn read_body(mut body: Incoming) -> Result<Bytes, ForwardError> {
    let too_large = ForwardError::AnswerTooLarge { max_bytes: ANSWER_BYTES_MAX };
    if body.size_hint().lower() > ANSWER_BYTES_MAX as u64 {
        return Err(too_large);
    }
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(ForwardError::Broken)?.into_data() else { continue };
        if first.len().max(joined.len()).saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Err(too_large);
        }
        if first.is_empty() {
            first = chunk;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&chunk);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

/// No provider reads more than a few bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;
