//! Challenges that a producer sends to prove who answers, and their answers, as data.
//!
//! Rules:
//! 1. An unsigned challenge is answered only if it has exactly the preset's shape: the method, no body, every query field
//!    of the preset once and no other.
//! 2. What is echoed is visible ASCII of at most 1 KiB, as `text/plain`: never a page, never a script.
//! 3. A signed challenge is looked for in a verified delivery only, by whoever holds one.
//! 4. No answer is computed from a secret, so that nobody can have anything signed here.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use super::locate::form;
use super::scheme::{Handshake, HandshakeReply, HandshakeShape, Locator, Scheme};
use crate::domain::head::Head;

/// The longest value that is echoed.
pub const MAX_ECHO_BYTES: usize = 1024;

/// What a challenge is answered. Whoever sends it adds `X-Content-Type-Options: nosniff`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The content type, where there is a body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The answer to an unsigned challenge, if the request is one.
#[must_use]
pub fn unsigned(scheme: &Scheme, head: &Head) -> Option<Reply> {
    if scheme.handshakes.is_empty() || !is_bodyless(head) {
        return None;
    }
    scheme.handshakes.iter().find_map(|handshake| unsigned_reply(handshake, head))
}

/// Both framing headers are looked at: the gate before this one may not have run.
fn is_bodyless(head: &Head) -> bool {
    let lengths_are_zero = head.headers.get_all(CONTENT_LENGTH).iter().all(|value| value.as_bytes() == b"0");
    lengths_are_zero && !head.headers.contains_key(TRANSFER_ENCODING)
}

fn unsigned_reply(handshake: &Handshake, head: &Head) -> Option<Reply> {
    let HandshakeShape::Unsigned { method, fixed, echoed } = &handshake.shape else { return None };
    let fields = query_fields(head.query()?)?;
    let value = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let fits = fixed.iter().all(|(name, expected)| value(name) == Some(expected));
    if *method != head.method || fields.len() != fixed.len().saturating_add(1) || !fits {
        return None;
    }
    let echo = value(echoed).filter(|text| may_echo(text))?;
    reply(&handshake.reply, Some(echo), |_| None)
}

/// The decoded fields; `None` when one stands twice or does not decode.
fn query_fields(query: &str) -> Option<Vec<(String, String)>> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=')?;
        let key = form::decode(key)?;
        if fields.iter().any(|(known, _)| *known == key) {
            return None;
        }
        fields.push((key, form::decode(value)?));
    }
    Some(fields)
}

fn may_echo(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ECHO_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The places that [`signed`] asks about.
#[must_use]
pub fn signed_places(scheme: &Scheme) -> Vec<&Locator> {
    let mut places = Vec::new();
    for handshake in &scheme.handshakes {
        if let HandshakeShape::Signed { field, .. } = &handshake.shape {
            places.push(field);
        }
        if let HandshakeReply::EchoJson { field, .. } = &handshake.reply {
            places.push(field);
        }
    }
    places
}

/// The answer to a signed challenge, if the verified delivery is one. `found` tells what stands at one of
/// [`signed_places`].
pub fn signed<'f>(scheme: &Scheme, found: impl Fn(&Locator) -> Option<&'f str>) -> Option<Reply> {
    scheme.handshakes.iter().find_map(|handshake| {
        let HandshakeShape::Signed { field, equals } = &handshake.shape else { return None };
        if found(field) != Some(equals) {
            return None;
        }
        reply(&handshake.reply, None, &found)
    })
}

fn reply<'f>(reply: &HandshakeReply, echo: Option<&str>, found: impl Fn(&Locator) -> Option<&'f str>) -> Option<Reply> {
    match reply {
        HandshakeReply::Fixed { status, content_type, body } => {
            Some(Reply { status: *status, content_type: content_type.clone(), body: body.clone().into_bytes() })
        }
        HandshakeReply::EchoText => {
            Some(Reply { status: 200, content_type: Some("text/plain".to_owned()), body: echo?.as_bytes().to_vec() })
        }
        HandshakeReply::EchoJson { field, member } => {
            let value = found(field).filter(|text| may_echo(text))?;
            let body = serde_json::json!({ member.as_str(): value }).to_string().into_bytes();
            Some(Reply { status: 200, content_type: Some("application/json".to_owned()), body })
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Uri};

    use super::*;
    use crate::provider::Catalogue;

    fn head(method: Method, target: &str) -> Head {
        Head { method, target: target.parse::<Uri>().unwrap(), headers: HeaderMap::new() }
    }

    fn subscribing() -> Scheme {
        let mut scheme = Scheme::clone(&Catalogue::builtin().get("github").unwrap());
        let fixed = vec![("hub.mode".to_owned(), "subscribe".to_owned())];
        let shape = HandshakeShape::Unsigned { method: Method::GET, fixed, echoed: "hub.challenge".to_owned() };
        scheme.handshakes.push(Handshake { shape, reply: HandshakeReply::EchoText });
        scheme
    }

    #[test]
    fn an_unsigned_challenge_has_exactly_its_shape() {
        let long = format!("/?hub.mode=subscribe&hub.challenge={}", "a".repeat(1025));
        let cases = [
            (Method::GET, "/?hub.mode=subscribe&hub.challenge=1158201444", Some("1158201444")),
            (Method::GET, "/?hub.challenge=a%2Bb&hub.mode=subscribe", Some("a+b")),
            (Method::POST, "/?hub.mode=subscribe&hub.challenge=1", None),
            (Method::GET, "/?hub.mode=unsubscribe&hub.challenge=1", None),
            (Method::GET, "/?hub.mode=subscribe&hub.challenge=1&x=2", None),
            (Method::GET, "/?hub.mode=subscribe&hub.challenge=1&hub.challenge=2", None),
            (Method::GET, "/?hub.mode=subscribe&hub.challenge=%3Cb%3E%0A", None),
            (Method::GET, "/?hub.mode=subscribe&hub.challenge=%zz", None),
            (Method::GET, "/?hub.mode=subscribe&hub.challenge=", None),
            (Method::GET, "/?hub.challenge=1", None),
            (Method::GET, "/", None),
            (Method::GET, &long, None),
        ];
        for (method, target, echo) in cases {
            let reply = unsigned(&subscribing(), &head(method, target));
            assert_eq!(reply.map(|reply| reply.body), echo.map(|text| text.as_bytes().to_vec()), "{target}");
        }
    }

    #[test]
    fn a_challenge_with_a_body_is_none() {
        let mut head = head(Method::GET, "/?hub.mode=subscribe&hub.challenge=1");
        head.headers.insert(CONTENT_LENGTH, "0".parse().unwrap());
        assert!(unsigned(&subscribing(), &head).is_some());
        head.headers.insert(CONTENT_LENGTH, "1".parse().unwrap());
        assert_eq!(unsigned(&subscribing(), &head), None);
        head.headers.remove(CONTENT_LENGTH);
        head.headers.insert(TRANSFER_ENCODING, "chunked".parse().unwrap());
        assert_eq!(unsigned(&subscribing(), &head), None);
    }

    #[test]
    fn signed_challenges_are_answered_as_the_preset_says() {
        let answer = |name: &str, fields: &[(&str, &'static str)]| {
            signed(&Catalogue::builtin().get(name).unwrap(), |place| {
                fields.iter().find(|(known, _)| *known == place.to_string()).map(|(_, value)| *value)
            })
        };
        let json = |body: &str| {
            Some(Reply { status: 200, content_type: Some("application/json".to_owned()), body: body.as_bytes().to_vec() })
        };
        let challenge = [("json:/type", "url_verification"), ("json:/challenge", "3eZbrw1a")];
        assert_eq!(answer("slack", &challenge), json(r#"{"challenge":"3eZbrw1a"}"#));
        assert_eq!(answer("slack", &challenge[..1]), None);
        assert_eq!(answer("slack", &[("json:/type", "event_callback"), ("json:/challenge", "x")]), None);
        assert_eq!(answer("discord", &[("json:/type", "1")]), json(r#"{"type":1}"#));
        assert_eq!(answer("discord", &[("json:/type", "2")]), None);
        let empty = Reply { status: 204, content_type: None, body: Vec::new() };
        assert_eq!(answer("discord-events", &[("json:/type", "0")]), Some(empty));
        assert_eq!(answer("discord-events", &[("json:/type", "1")]), None);
    }
}
