//! Puts a request together that a provider could have sent. Pure but for the id that is made up.
//!
//! 1. What is given stays as it is. What is missing is filled in where the scheme looks first.
//! 2. The headers that signing makes cannot be given: two of them would be refused, and one in place of ours is a forgery.
//! 3. A header that the scheme signs must be given, unless it is one of those filled in.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};

use crate::cli::destination::Destination;
use crate::cli::outgoing::Outgoing;
use crate::cli::sample;
use crate::domain::request_id::RequestId;
use crate::domain::time::UnixTime;
use crate::gate::verify::sign::{Request, SigningKey, sign};
use crate::provider::scheme::{Part, Scheme};

/// What is known about the request.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Where it goes.
    pub(crate) destination: Destination,
    /// When it is signed.
    pub(crate) at: UnixTime,
    /// Its delivery id, made up when absent.
    pub(crate) id: Option<String>,
    /// Headers that are given.
    pub(crate) headers: HeaderMap,
    /// The body, a small one that fits when absent.
    pub(crate) body: Option<Bytes>,
}

/// Why a draft is no request of the provider.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ComposeError {
    /// A header is given that signing makes.
    #[error("{0} is made by signing and cannot be given")]
    HeaderMade(HeaderName),
    /// A header that the scheme signs is not given.
    #[error("the scheme signs {0}: give it with --header")]
    HeaderNeeded(HeaderName),
    /// The id has no place.
    #[error("the id has no place in this request: the provider sends none, or sends it in a body, and the body is given")]
    IdNowhere,
}

/// Fills in what is missing, and signs.
pub(crate) fn compose(scheme: &Scheme, key: &SigningKey, draft: Draft) -> Result<Outgoing, ComposeError> {
    let has_place = sample::id_in_headers(scheme) || (draft.body.is_none() && sample::id_in_body(scheme));
    if draft.id.is_some() && !has_place {
        return Err(ComposeError::IdNowhere);
    }
    let id = draft.id.unwrap_or_else(|| format!("test_{}", RequestId::new(draft.at)));
    let body = draft.body.unwrap_or_else(|| sample::body(scheme, &id).into());
    let mut headers = draft.headers;
    if let Some(name) = made_headers(scheme).find(|name| headers.contains_key(*name)) {
        return Err(ComposeError::HeaderMade(name.clone()));
    }
    sample::add_headers(&mut headers, scheme, &id, &body);
    require_signed_headers(scheme, &headers)?;
    let request = Request { id: Some(&id), timestamp: draft.at, headers: &headers, body: &body };
    for (name, value) in sign(scheme, key, &request) {
        headers.insert(name, value);
    }
    let method = scheme.methods.first().cloned().unwrap_or(Method::POST);
    Ok(Outgoing { method, destination: draft.destination, headers, body, body_file: None, cacert: None })
}

fn made_headers(scheme: &Scheme) -> impl Iterator<Item = &HeaderName> {
    let given = |name: &HeaderName| scheme.content.iter().any(|part| matches!(part, Part::Header(given) if given == name));
    scheme.header_names().into_iter().chain(&scheme.id_header).filter(move |name| !given(name))
}

fn require_signed_headers(scheme: &Scheme, headers: &HeaderMap) -> Result<(), ComposeError> {
    let missing = scheme.content.iter().find_map(|part| match part {
        Part::Header(name) if !headers.contains_key(name) => Some(name),
        _ => None,
    });
    missing.map_or(Ok(()), |name| Err(ComposeError::HeaderNeeded(name.clone())))
}
