//! The request that leaves: the delivery's method and body, the upstream's target, the headers of both.

use http::header::{self, HeaderValue};
use http::{Request, Uri};

use super::attestation::Attestation;
use super::body::OutgoingBody;
use super::error::ForwardError;
use super::headers::upstream_headers;
use super::upstream::Target;
use crate::domain::body::RawBody;
use crate::domain::head::Head;

/// Builds the request. The length is always said, also of an empty body: some servers answer a POST without one 411.
pub(super) fn outgoing(
    target: &Target,
    head: &Head,
    body: &RawBody,
    facts: &Attestation<'_>,
) -> Result<Request<OutgoingBody>, ForwardError> {
    let path = target.with_query(head.query()).ok_or(ForwardError::QueryTooLong)?;
    let mut request = Request::new(OutgoingBody::new(body));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = upstream_headers(&head.headers, facts, &target.rules);
    request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok(request)
}
