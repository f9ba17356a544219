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
use crate::gate::verify::sign::{Request, SigningKey, sign, sign_body, sign_query};
use crate::provider::scheme::{Locator, Scheme};

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
    /// The body has no place for the signature.
    #[error("the signature stands at {0}, and the body that is given has no such place")]
    BodyUnfit(Locator),
}

impl Draft {
    /// Whether the id that is given has a place in the request. A body that is given is never changed.
    pub(crate) fn places_its_id(&self, scheme: &Scheme) -> bool {
        self.id.is_none() || sample::id_in_headers(scheme) || (self.body.is_none() && sample::id_in_body(scheme))
    }
}

/// Fills in what is missing, and signs.
pub(crate) fn compose(scheme: &Scheme, key: &SigningKey, draft: Draft) -> Result<Outgoing, ComposeError> {
    let id = draft.id.unwrap_or_else(|| format!("test_{}", RequestId::new(draft.at)));
    let body = draft.body.unwrap_or_else(|| sample::body(scheme, &id, draft.at).into());
    let mut headers = draft.headers;
    if let Some(name) = made_headers(scheme).find(|name| headers.contains_key(*name)) {
        return Err(ComposeError::HeaderMade(name.clone()));
    }
    sample::add_headers(&mut headers, scheme, &id, &body);
    require_signed_headers(scheme, &headers)?;
    let request = Request { id: Some(&id), timestamp: draft.at, headers: &headers, body: &body };
    let made = sign_body(scheme, key, &request).map(Bytes::from);
    let in_body = scheme.signature.header().is_none() && !matches!(scheme.signature.place, Locator::Query(_));
    if in_body && !scheme.is_unsigned() && made.is_none() {
        return Err(ComposeError::BodyUnfit(scheme.signature.place.clone()));
    }
    let body = made.unwrap_or_else(|| body.clone());
    let request = Request { body: &body, ..request };
    let query = draft.destination.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let pairs = sign_query(scheme, key, &request, query);
    let signed = sign(scheme, key, &request);
    for (name, value) in signed {
        headers.insert(name, value);
    }
    let mut destination = draft.destination;
    if let Some(pairs) = pairs {
        let divider = if destination.target.contains('?') { '&' } else { '?' };
        destination.target = format!("{}{divider}{pairs}", destination.target);
    }
    let method = scheme.methods.first().cloned().unwrap_or(Method::POST);
    Ok(Outgoing { method, destination, headers, body, body_file: None, cacert: None })
}

fn made_headers(scheme: &Scheme) -> impl Iterator<Item = &HeaderName> {
    let given: Vec<&HeaderName> = scheme.given_headers().collect();
    scheme.header_names().into_iter().chain(&scheme.id_header).filter(move |name| !given.contains(name))
}

fn require_signed_headers(scheme: &Scheme, headers: &HeaderMap) -> Result<(), ComposeError> {
    let missing = scheme.given_headers().find(|name| !headers.contains_key(*name));
    missing.map_or(Ok(()), |name| Err(ComposeError::HeaderNeeded(name.clone())))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::domain::secret::SecretBytes;
    use crate::provider::Catalogue;
    use crate::provider::scheme::Part;

    fn composed(scheme: &Scheme, id: Option<&str>, header: Option<&'static str>, body: bool) -> Result<Outgoing, ComposeError> {
        let key = SigningKey::parse(scheme, None, SecretBytes::new(b"a secret of some length".to_vec())).unwrap();
        let headers = header.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("given")));
        let draft = Draft {
            destination: "http://localhost/in".parse().unwrap(),
            at: UnixTime::from_seconds(1_700_000_000),
            id: id.map(str::to_owned),
            headers: headers.into_iter().collect(),
            body: body.then(|| Bytes::from_static(b"{}")),
        };
        compose(scheme, &key, draft)
    }

    fn preset(name: &str) -> Scheme {
        Scheme::clone(&Catalogue::builtin().get(name).unwrap())
    }

    #[test]
    fn what_is_given_stays_and_what_is_missing_is_filled_in() {
        let outgoing = composed(&preset("github"), Some("d-1"), Some("x-github-event"), true).unwrap();
        let header = |name: &str| outgoing.headers.get(name).unwrap().to_str().unwrap();
        assert_eq!((header("x-github-event"), header("x-github-delivery")), ("given", "d-1"));
        assert!(header("x-hub-signature-256").starts_with("sha256="));
        assert_eq!((outgoing.method, outgoing.body.as_ref()), (Method::POST, b"{}".as_slice()));
    }

    #[test]
    fn an_id_has_a_place_in_headers_or_in_a_body_of_ours() {
        for (name, with_body, expected) in [("github", true, true), ("stripe", false, true), ("stripe", true, false)] {
            let draft = Draft {
                destination: "http://localhost/".parse().unwrap(),
                at: UnixTime::from_seconds(0),
                id: Some("i".to_owned()),
                headers: HeaderMap::new(),
                body: with_body.then(Bytes::new),
            };
            assert_eq!(draft.places_its_id(&preset(name)), expected, "{name}");
        }
    }

    /// A body that was captured holds its signature already: signed again it is the same.
    #[test]
    fn a_body_that_is_signed_is_signed_again() {
        let hmac = "content = '{json:/a}'\nsignature = { at = 'json:/s', algorithm = 'hmac-sha256', encoding = 'hex' }";
        let document = crate::document::Document::new("f.toml", hmac);
        let evidence = Some(crate::provider::scheme::Evidence::Custom);
        let read =
            document.read(&crate::document::Faults::default(), |table| Scheme::read(&"acme".parse().unwrap(), table, evidence));
        let scheme = read.unwrap();
        let key = SigningKey::parse(&scheme, None, SecretBytes::new(b"a secret of some length".to_vec())).unwrap();
        let signed = |body: &[u8]| {
            let draft = Draft {
                destination: "http://localhost/".parse().unwrap(),
                at: UnixTime::from_seconds(0),
                id: None,
                headers: HeaderMap::new(),
                body: Some(Bytes::copy_from_slice(body)),
            };
            compose(&scheme, &key, draft).map(|outgoing| outgoing.body)
        };
        let once = signed(br#"{"a":"b"}"#).unwrap();
        assert_eq!(signed(&once).unwrap(), once);
        assert!(matches!(signed(b"no json").unwrap_err(), ComposeError::BodyUnfit(_)));
    }

    #[test]
    fn two_made_up_requests_are_two_deliveries() {
        for name in ["github", "stripe", "slack"] {
            let [one, other] = [(); 2].map(|()| composed(&preset(name), None, None, false).unwrap());
            assert_ne!(one.body, other.body, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_made_says_why() {
        let mut scheme = preset("github");
        let made = HeaderName::from_static("x-hub-signature-256");
        assert_eq!(composed(&scheme, None, Some("x-hub-signature-256"), true).unwrap_err(), ComposeError::HeaderMade(made));
        scheme.content.push(Part::Header(HeaderName::from_static("x-topic")));
        let needed = HeaderName::from_static("x-topic");
        assert_eq!(composed(&scheme, None, None, true).unwrap_err(), ComposeError::HeaderNeeded(needed));
        assert!(composed(&scheme, None, Some("x-topic"), true).is_ok());
    }
}
