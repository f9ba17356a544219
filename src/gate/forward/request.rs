//! The request that leaves: the delivery's method and body, the upstream's target, the headers of both.

use http::Method;

use super::attestation::Attestation;
use super::error::ForwardError;
use super::head_text::HeadText;
use super::headers::write_headers;
use super::upstream::Target;
use crate::domain::body::RawBody;
use crate::domain::head::Head;
use crate::domain::short_text::ShortText;

/// A request, ready for the wire.
pub(super) struct Outgoing {
    method: Method,
    head: Vec<u8>,
    body: RawBody,
}

impl Outgoing {
    pub(super) const fn method(&self) -> &Method {
        &self.method
    }

    /// Request line and headers, to the empty line.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) const fn body(&self) -> &RawBody {
        &self.body
    }
}

/// Builds the request. The length is always said, also of an empty body: some servers answer a POST without one 411.
pub(super) fn outgoing(target: &Target, head: &Head, body: &RawBody, facts: &Attestation<'_>) -> Result<Outgoing, ForwardError> {
    let path = target.with_query(head.query()).ok_or(ForwardError::QueryTooLong)?;
    let mut text = HeadText::begin(&head.method, path.as_str());
    text.line("host", target.rules.host.as_bytes());
    write_headers(&head.headers, facts, &target.rules, &mut text);
    let length = ShortText::of_number(u64::try_from(body.len()).unwrap_or(u64::MAX));
    text.line("content-length", length.as_bytes());
    Ok(Outgoing { method: head.method.clone(), head: text.end(), body: body.clone() })
}
