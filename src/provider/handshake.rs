//! Challenges that a producer sends to prove who answers, and their answers, as data.
//!
//! Rules:
//! 1. An unsigned challenge is answered only if it has exactly the preset's shape: the method, no body, every query field
//!    of the preset once and no other, but for those that it passes over.
//! 2. What is echoed is visible ASCII and spaces, at most 1 KiB, as `text/plain` or JSON: never a page, never a script.
//! 3. A signed challenge is looked for in a verified delivery only, by whoever holds one.
//! 4. Where the provider wants a MAC or a digest back, it is made over letters, digits, '-' and '_' only, at most 128 of them:
//!    no body that a receiver would read is made of these. Where its own code asks for hex digits only, over so many of them. And where anybody may ask for one, content of that kind is no
//!    delivery ([`anybody_may_sign`]): what was signed here on request proves nothing here.
//! 5. A challenge that asks for an option which the integration does not have is none.
//! 6. A digest is over the value first, then what only the two sides know: it says nothing that a MAC of a delivery would.

use std::ops::RangeInclusive;

use data_encoding::{BASE64, HEXLOWER};
use http::HeaderName;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::locate::form;
use super::scheme::{Echoed, Handshake, HandshakeReply, HandshakeShape, Locator, MacEncoding, Scheme, option_in};
use crate::domain::head::{Head, Single};

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
    /// A header of the provider's protocol, where its answer has one.
    pub header: Option<(HeaderName, String)>,
}

/// The longest value that a MAC is made over.
pub const MAX_MAC_BYTES: usize = 128;

/// Makes the scheme's MAC over a value, with a secret of the integration.
pub type MacOf<'k> = &'k dyn Fn(&str) -> Option<ChallengeMac>;

/// The MAC over a challenge's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeMac {
    /// The MAC.
    pub tag: Vec<u8>,
    /// The provider's own id of the key that made it.
    pub key_id: Option<String>,
}

/// The answer to an unsigned challenge, if the request is one.
#[must_use]
pub fn unsigned(scheme: &Scheme, head: &Head, mac: MacOf<'_>) -> Option<Reply> {
    if scheme.handshakes.is_empty() || !is_bodyless(head) {
        return None;
    }
    scheme.handshakes.iter().find_map(|handshake| unsigned_reply(handshake, head, mac))
}

/// Both framing headers are looked at: the gate before this one may not have run.
fn is_bodyless(head: &Head) -> bool {
    let lengths_are_zero = head.headers.get_all(CONTENT_LENGTH).iter().all(|value| value.as_bytes() == b"0");
    lengths_are_zero && !head.headers.contains_key(TRANSFER_ENCODING)
}

fn unsigned_reply(handshake: &Handshake, head: &Head, mac: MacOf<'_>) -> Option<Reply> {
    let HandshakeShape::Unsigned { method, fixed, ignored, echoed } = &handshake.shape else { return None };
    let fields = match head.query() {
        Some(query) if !query.is_empty() => query_fields(query)?,
        _ => Vec::new(),
    };
    let value = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let is_bound = |expected: &str| option_in(expected).is_none();
    let same = |left: &str, right: &str| bool::from(left.as_bytes().ct_eq(right.as_bytes()));
    let fits = |(name, expected): &(String, String)| is_bound(expected) && value(name).is_some_and(|text| same(text, expected));
    let in_query = usize::from(matches!(echoed, Some(Echoed::Query(_))));
    let passed_over = fields.iter().filter(|(name, _)| ignored.contains(name)).count();
    let expected = fixed.len().saturating_add(in_query).saturating_add(passed_over);
    if *method != head.method || fields.len() != expected || !fixed.iter().all(fits) {
        return None;
    }
    let echo = match echoed {
        None => None,
        Some(Echoed::Query(name)) => Some(value(name)?),
        Some(Echoed::Header(name)) => match head.single(name.as_str()) {
            Single::One(value) => Some(value.to_str().ok()?),
            Single::Missing | Single::Repeated => return None,
        },
    };
    reply(&handshake.reply, &|_| echo, mac)
}

/// More than any challenge has: each is compared with all before it.
const QUERY_FIELDS_MAX: usize = 32;

/// The decoded fields; `None` when one stands twice or does not decode, or there are more than [`QUERY_FIELDS_MAX`].
fn query_fields(query: &str) -> Option<Vec<(String, String)>> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for pair in query.split('&') {
        if fields.len() >= QUERY_FIELDS_MAX {
            return None;
        }
        let (key, value) = pair.split_once('=')?;
        let key = form::decode(key.as_bytes())?;
        if fields.iter().any(|(known, _)| *known == key) {
            return None;
        }
        fields.push((key, form::decode(value.as_bytes())?));
    }
    Some(fields)
}

fn may_echo(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    !text.is_empty() && text.len() <= MAX_ECHO_BYTES && text.bytes().all(fits)
}

/// The places that [`signed`] asks about.
pub fn signed_places(scheme: &Scheme) -> impl Iterator<Item = &Locator> {
    scheme.handshakes.iter().flat_map(|handshake| {
        let asked = match &handshake.shape {
            HandshakeShape::Signed { field, .. } => Some(field),
            HandshakeShape::Unsigned { .. } => None,
        };
        let echoed = match &handshake.reply {
            HandshakeReply::EchoText { field }
            | HandshakeReply::EchoJson { field, .. }
            | HandshakeReply::Sha256 { field, .. }
            | HandshakeReply::Mac { field, .. } => field.as_ref(),
            HandshakeReply::Fixed { .. } | HandshakeReply::EchoHeader { .. } | HandshakeReply::NamedMac { .. } => None,
        };
        asked.into_iter().chain(echoed)
    })
}

/// The answer to a signed challenge, if the verified delivery is one. `found` tells what stands at one of
/// [`signed_places`].
pub fn signed<'f>(scheme: &Scheme, found: impl Fn(&Locator) -> Option<&'f str>, mac: MacOf<'_>) -> Option<Reply> {
    scheme.handshakes.iter().find_map(|handshake| {
        let HandshakeShape::Signed { field, equals } = &handshake.shape else { return None };
        if found(field) != Some(equals) {
            return None;
        }
        reply(&handshake.reply, &|field| found(field?), mac)
    })
}

/// `value` gives what is answered to: what stands at a place of a signed challenge, or the one value of an unsigned one.
fn reply<'v>(reply: &HandshakeReply, value: &dyn Fn(Option<&Locator>) -> Option<&'v str>, mac: MacOf<'_>) -> Option<Reply> {
    let echo = |field: &Option<Locator>| value(field.as_ref()).filter(|text| may_echo(text));
    match reply {
        HandshakeReply::Fixed { status, content_type, body } => {
            Some(Reply { status: *status, content_type: content_type.clone(), body: body.clone().into_bytes(), header: None })
        }
        HandshakeReply::EchoText { field } => Some(plain(echo(field)?)),
        HandshakeReply::EchoHeader { header } => {
            let text = echo(&None).filter(|text| names_origin(text))?;
            Some(Reply { status: 200, content_type: None, body: Vec::new(), header: Some((header.clone(), text.to_owned())) })
        }
        HandshakeReply::EchoJson { field, member } => Some(json(&serde_json::json!({ member.as_str(): echo(field)? }))),
        HandshakeReply::Sha256 { field, appended, member } => {
            let text = echo(field).filter(|text| may_sign(text))?;
            if appended.iter().any(|part| option_in(part).is_some()) {
                return None;
            }
            let digest = appended.iter().fold(Sha256::new().chain_update(text), Digest::chain_update);
            Some(json(&serde_json::json!({ member.as_str(): HEXLOWER.encode(&digest.finalize()) })))
        }
        HandshakeReply::Mac { field, plain, member, prefix, encoding } => {
            let text = echo(field).filter(|text| may_sign(text))?;
            let written = written(*encoding, &mac(text)?.tag);
            let mut answer = serde_json::Map::new();
            if let Some(plain) = plain {
                answer.insert(plain.clone(), text.into());
            }
            answer.insert(member.clone(), format!("{prefix}{written}").into());
            Some(json(&answer.into()))
        }
        HandshakeReply::NamedMac { separator, digits, encoding } => {
            let made = mac(echo(&None).filter(|text| is_hex(text, digits))?)?;
            let text = format!("{}{separator}{}", made.key_id?, written(*encoding, &made.tag));
            may_echo(&text).then(|| plain(&text))
        }
    }
}

fn written(encoding: MacEncoding, tag: &[u8]) -> String {
    match encoding {
        MacEncoding::Hex => HEXLOWER.encode(tag),
        MacEncoding::Base64 => BASE64.encode(tag),
    }
}

fn plain(text: &str) -> Reply {
    Reply { status: 200, content_type: Some("text/plain".to_owned()), body: text.as_bytes().to_vec(), header: None }
}

fn json(value: &serde_json::Value) -> Reply {
    Reply { status: 200, content_type: Some("application/json".to_owned()), body: value.to_string().into_bytes(), header: None }
}

/// Whether the content of a delivery is what anybody could have had signed by asking for a challenge's MAC, or for its digest
/// where an option is the secret as well. `content` is asked for only if it may be.
pub fn anybody_may_sign(scheme: &Scheme, content: impl FnOnce() -> Vec<u8>) -> bool {
    let is_asked = |handshake: &&Handshake| {
        let makes_one = matches!(
            handshake.reply,
            HandshakeReply::Mac { .. } | HandshakeReply::NamedMac { .. } | HandshakeReply::Sha256 { .. }
        );
        makes_one && matches!(handshake.shape, HandshakeShape::Unsigned { .. })
    };
    let mut asked = scheme.handshakes.iter().filter(is_asked).peekable();
    if asked.peek().is_none() {
        return false;
    }
    let content = content();
    let text = std::str::from_utf8(&content).unwrap_or_default();
    let may_ask_for = |handshake: &Handshake| match &handshake.reply {
        HandshakeReply::NamedMac { digits, .. } => is_hex(text, digits),
        _ => may_sign(text),
    };
    // An empty value is no challenge.
    !text.is_empty() && asked.any(may_ask_for)
}

/// Lower-case hex of so many digits.
fn is_hex(text: &str, digits: &RangeInclusive<usize>) -> bool {
    digits.contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What is repeated in a header is a host's name, and nothing that a reader could take for more.
fn names_origin(text: &str) -> bool {
    text.len() <= MAX_MAC_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

fn may_sign(text: &str) -> bool {
    text.len() <= MAX_MAC_BYTES && may_stand_in_challenge(text)
}

/// Whether all of a text may stand in what a MAC or a digest is made over for a challenge.
#[must_use]
pub fn may_stand_in_challenge(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Uri};

    use super::*;
    use crate::provider::Catalogue;

    fn head(method: Method, target: &str) -> Head {
        Head { method, target: target.parse::<Uri>().unwrap(), headers: HeaderMap::new() }
    }

    fn no_mac(_: &str) -> Option<ChallengeMac> {
        None
    }

    fn subscribing() -> Scheme {
        let mut scheme = Scheme::clone(&Catalogue::builtin().get("github").unwrap());
        let fixed = vec![("hub.mode".to_owned(), "subscribe".to_owned())];
        let shape = HandshakeShape::Unsigned {
            method: Method::GET,
            fixed,
            ignored: Vec::new(),
            echoed: Some(Echoed::Query("hub.challenge".to_owned())),
        };
        scheme.handshakes.push(Handshake { shape, reply: HandshakeReply::EchoText { field: None } });
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
            let reply = unsigned(&subscribing(), &head(method, target), &no_mac);
            assert_eq!(reply.map(|reply| reply.body), echo.map(|text| text.as_bytes().to_vec()), "{target}");
        }
    }

    #[test]
    fn presets_answer_their_own_challenges() {
        let long = format!("/?crc_token={}", "a".repeat(129));
        let cases = [
            ("x-twitter", Method::GET, "/?crc_token=9b4507b3-9040", Some(r#"{"response_token":"sha256=bWFj"}"#)),
            // What is made of these could be a body: nobody has it signed here.
            ("x-twitter", Method::GET, "/?crc_token=%7B%22a%22:1%7D", None),
            ("x-twitter", Method::GET, "/?crc_token=a%20b", None),
            ("x-twitter", Method::GET, "/?crc_token=a=b", None),
            ("x-twitter", Method::GET, &long, None),
            (
                "linkedin",
                Method::GET,
                "/?challengeCode=890e4665",
                Some(r#"{"challengeCode":"890e4665","challengeResponse":"6d6163"}"#),
            ),
            ("braintree", Method::GET, "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53", Some("key|6d6163")),
            ("braintree", Method::GET, "/?bt_challenge=0123456789abcdef0123", Some("key|6d6163")),
            ("braintree", Method::GET, "/?bt_challenge=0123456789abcdef012", None),
            ("braintree", Method::GET, "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a530", None),
            ("braintree", Method::GET, "/?bt_challenge=20F9F8ED05F77439FE955C977E4C8A53", None),
            ("braintree", Method::GET, "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a5g", None),
            ("braintree", Method::GET, "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53%0A", None),
            ("braintree", Method::GET, "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53&x=1", None),
            ("braintree", Method::POST, "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53", None),
            ("dropbox", Method::GET, "/?challenge=abc", Some("abc")),
            ("meta", Method::GET, "/?hub.mode=subscribe&hub.challenge=115&hub.verify_token=mytoken", Some("115")),
            ("meta", Method::GET, "/?hub.mode=subscribe&hub.challenge=115&hub.verify_token=other", None),
            ("meta", Method::GET, "/?hub.mode=subscribe&hub.challenge=115", None),
            ("trello", Method::HEAD, "/", Some("")),
            ("trello", Method::HEAD, "/?a=b", None),
            ("trello", Method::GET, "/", None),
        ];
        let options = [("verify_token".to_owned(), "mytoken".to_owned())].into_iter().collect();
        for (name, method, target, body) in cases {
            let scheme = Catalogue::builtin().get(name).unwrap().bound("https://example.com/", &options);
            let reply = unsigned(&scheme, &head(method, target), &|_| {
                Some(ChallengeMac { tag: b"mac".to_vec(), key_id: Some("key".to_owned()) })
            });
            assert_eq!(reply.map(|reply| String::from_utf8(reply.body).unwrap()).as_deref(), body, "{name} {target}");
        }
        let unbound = Catalogue::builtin().get("meta").unwrap();
        let token = "/?hub.mode=subscribe&hub.challenge=1&hub.verify_token=%7Boption:verify_token%7D";
        assert_eq!(unsigned(&unbound, &head(Method::GET, token), &no_mac), None);
    }

    #[test]
    fn what_anybody_may_have_signed_is_told_from_deliveries() {
        let cases = [
            ("x-twitter", "abc", true),
            ("x-twitter", "", false),
            ("x-twitter", r#"{"a":1}"#, false),
            ("x-twitter", "a.b", false),
            // The content begins with what no challenge may hold.
            ("linkedin", "hmacsha256=abc", false),
            ("braintree", "20f9f8ed05f77439fe955c977e4c8a53", true),
            ("braintree", "0123456789abcdef0123", true),
            ("braintree", "0123456789abcdef012", false),
            ("braintree", "20f9f8ed05f77439fe955c977e4c8a530", false),
            ("braintree", "20f9f8ed05f77439fe955c977e4c8a53\n", false),
            ("braintree", "20f9f8ed05f77439fe955c977e4c8a5g", false),
            // Nobody asks these without a signature.
            ("zoom", "abc", false),
            ("github", "abc", false),
            // Its answer is a digest, and its key another's: it costs nothing to refuse what no delivery is made of.
            ("ebay", "abc", true),
            ("ebay", r#"{"a":1}"#, false),
        ];
        for (name, content, expected) in cases {
            let scheme = Catalogue::builtin().get(name).unwrap();
            assert_eq!(anybody_may_sign(&scheme, || content.into()), expected, "{name} {content}");
        }
    }

    #[test]
    fn a_digest_needs_its_options() {
        let reply = HandshakeReply::Sha256 {
            field: None,
            appended: vec!["{option:token}".to_owned(), "url".to_owned()],
            member: "response".to_owned(),
        };
        let shape = HandshakeShape::Unsigned {
            method: Method::GET,
            fixed: Vec::new(),
            ignored: Vec::new(),
            echoed: Some(Echoed::Query("code".to_owned())),
        };
        let mut scheme = subscribing();
        scheme.handshakes = vec![Handshake { shape, reply }];
        assert_eq!(scheme.handshakes[0].option_names().collect::<Vec<_>>(), ["token"]);
        assert_eq!(unsigned(&scheme, &head(Method::GET, "/?code=abc"), &no_mac), None);
        let options = [("token".to_owned(), "secret".to_owned())].into_iter().collect();
        let bound = scheme.bound("https://example.com/", &options);
        let expected = HEXLOWER.encode(&Sha256::digest(b"abcsecreturl"));
        let reply = unsigned(&bound, &head(Method::GET, "/?code=abc"), &no_mac).unwrap();
        assert_eq!(String::from_utf8(reply.body).unwrap(), format!(r#"{{"response":"{expected}"}}"#));
        assert_eq!(unsigned(&bound, &head(Method::GET, "/?code=a.c"), &no_mac), None);
    }

    #[test]
    fn a_challenge_in_a_header_stands_there_once() {
        let scheme = Catalogue::builtin().get("okta").unwrap();
        let mut head = head(Method::GET, "/");
        assert_eq!(unsigned(&scheme, &head, &no_mac), None);
        head.headers.append("x-okta-verification-challenge", "abc".parse().unwrap());
        assert_eq!(unsigned(&scheme, &head, &no_mac).unwrap().body, br#"{"verification":"abc"}"#);
        head.headers.append("x-okta-verification-challenge", "abc".parse().unwrap());
        assert_eq!(unsigned(&scheme, &head, &no_mac), None);
    }

    #[test]
    fn a_challenge_with_a_body_is_none() {
        let mut head = head(Method::GET, "/?hub.mode=subscribe&hub.challenge=1");
        head.headers.insert(CONTENT_LENGTH, "0".parse().unwrap());
        assert!(unsigned(&subscribing(), &head, &no_mac).is_some());
        head.headers.insert(CONTENT_LENGTH, "1".parse().unwrap());
        assert_eq!(unsigned(&subscribing(), &head, &no_mac), None);
        head.headers.remove(CONTENT_LENGTH);
        head.headers.insert(TRANSFER_ENCODING, "chunked".parse().unwrap());
        assert_eq!(unsigned(&subscribing(), &head, &no_mac), None);
    }

    #[test]
    fn signed_challenges_are_answered_as_the_preset_says() {
        let answer = |name: &str, fields: &[(&str, &'static str)]| {
            signed(
                &Catalogue::builtin().get(name).unwrap(),
                |place| fields.iter().find(|(known, _)| *known == place.to_string()).map(|(_, value)| *value),
                &|text| Some(ChallengeMac { tag: text.as_bytes().to_vec(), key_id: None }),
            )
        };
        let json = |body: &str| {
            Some(Reply {
                status: 200,
                content_type: Some("application/json".to_owned()),
                body: body.as_bytes().to_vec(),
                header: None,
            })
        };
        let challenge = [("json:/type", "url_verification"), ("json:/challenge", "3eZbrw1a")];
        assert_eq!(answer("slack", &challenge), json(r#"{"challenge":"3eZbrw1a"}"#));
        assert_eq!(answer("slack", &challenge[..1]), None);
        assert_eq!(answer("slack", &[("json:/type", "event_callback"), ("json:/challenge", "x")]), None);
        assert_eq!(answer("discord", &[("json:/type", "1")]), json(r#"{"type":1}"#));
        assert_eq!(answer("discord", &[("json:/type", "2")]), None);
        let empty = Reply { status: 204, content_type: None, body: Vec::new(), header: None };
        assert_eq!(answer("discord-events", &[("json:/type", "0")]), Some(empty));
        assert_eq!(answer("discord-events", &[("json:/type", "1")]), None);
    }
}
