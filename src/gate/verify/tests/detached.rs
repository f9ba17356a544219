//! Detached signatures (RFC 7797): what is accepted, and what of a token or another header is not.

use data_encoding::BASE64URL_NOPAD;

use super::*;
use crate::domain::reason::Reason;
use crate::gate::verify::private_key::PrivateKey;

const RSA: &str = include_str!("../../../../tests/keys/rsa2048.pem");
const HEADER: &str = r#"{"alg":"RS256","ts":1700000000,"b64":false,"crit":["b64"]}"#;

fn detached() -> Scheme {
    scheme(
        "signature = { header = 'X-Token', algorithm = 'rsa-pkcs1-sha256', format = 'jws-detached' }\n\
         timestamp = { claim = 'ts', tolerance = '5m' }",
    )
}

fn keys(scheme: &Scheme) -> KeyRing {
    let public = SigningKey::parse(scheme, None, SecretBytes::new(RSA.into())).unwrap().public_key_pem().unwrap();
    KeyRing::build(scheme, vec![KeyMaterial { encoding: Some(KeyEncoding::Pem), ..material("own", &public) }]).unwrap()
}

/// Three parts: a header, something in the middle, and a signature over the header and a content.
fn three(header: &str, middle: &str, content: &[u8]) -> String {
    let header = BASE64URL_NOPAD.encode(header.as_bytes());
    let key = PrivateKey::parse(&detached().signature, RSA).unwrap();
    let signature = BASE64URL_NOPAD.encode(&key.sign(&[header.as_bytes(), b".", content].concat()));
    format!("{header}.{middle}.{signature}")
}

fn reason(text: &str) -> Option<Reason> {
    let scheme = detached();
    let headers = HeaderMap::from_iter([(name("x-token"), value(text))]);
    let now = UnixTime::from_seconds(1_700_000_000);
    judge_with(&scheme, &keys(&scheme), headers, body(b"{}"), now).err().map(|error| error.reason())
}

#[test]
fn what_is_signed_is_the_header_and_the_body_as_sent() {
    let encoded = BASE64URL_NOPAD.encode(b"{}");
    assert_eq!(reason(&three(HEADER, "", b"{}")), None);
    assert_eq!(reason(&three(HEADER, "", b"{ }")), Some(Reason::SignatureMismatch));
    assert_eq!(reason(&three(HEADER, "", encoded.as_bytes())), Some(Reason::SignatureMismatch));
    assert_eq!(reason(&three(HEADER, &encoded, b"{}")), Some(Reason::SignatureMalformed));
    assert_eq!(reason(&three(HEADER, &encoded, encoded.as_bytes())), Some(Reason::SignatureMalformed));
}

#[test]
fn a_header_says_that_it_is_detached_and_nothing_else_that_must_be_understood() {
    let cases = [
        (r#"{"alg":"RS256","ts":1700000000}"#, Reason::SignatureMalformed),
        (r#"{"alg":"RS256","ts":1700000000,"b64":false}"#, Reason::SignatureMalformed),
        (r#"{"alg":"RS256","ts":1700000000,"crit":["b64"]}"#, Reason::SignatureMalformed),
        (r#"{"alg":"RS256","ts":1700000000,"b64":true,"crit":["b64"]}"#, Reason::SignatureMalformed),
        (r#"{"alg":"RS256","ts":1700000000,"b64":"false","crit":["b64"]}"#, Reason::SignatureMalformed),
        (r#"{"alg":"RS256","ts":1700000000,"b64":false,"crit":["b64","exp"]}"#, Reason::SignatureMalformed),
        (r#"{"alg":"RS256","ts":1700000000,"b64":false,"crit":[]}"#, Reason::SignatureMalformed),
        (r#"{"alg":"RS512","ts":1700000000,"b64":false,"crit":["b64"]}"#, Reason::SignatureMalformed),
        (r#"{"alg":"none","ts":1700000000,"b64":false,"crit":["b64"]}"#, Reason::SignatureMalformed),
        (r#"{"alg":"RS256","ts":1700000000,"ts":1700000001,"b64":false,"crit":["b64"]}"#, Reason::SignatureMalformed),
        (r#"{"alg":"RS256","b64":false,"crit":["b64"]}"#, Reason::TimestampMissing),
        (r#"{"alg":"RS256","ts":"1700000000","b64":false,"crit":["b64"]}"#, Reason::TimestampMalformed),
        (r#"{"alg":"RS256","ts":1700000000000,"b64":false,"crit":["b64"]}"#, Reason::TimestampMalformed),
        (r#"{"alg":"RS256","ts":1699999699,"b64":false,"crit":["b64"]}"#, Reason::TimestampTooOld),
        (r#"{"alg":"RS256","ts":1700000301,"b64":false,"crit":["b64"]}"#, Reason::TimestampInFuture),
        (r#"{"alg":"RS256","ts":1700000000,"exp":1699999000,"b64":false,"crit":["b64"]}"#, Reason::TimestampTooOld),
    ];
    for (header, expected) in cases {
        assert_eq!(reason(&three(header, "", b"{}")), Some(expected), "{header}");
    }
}

#[test]
fn a_token_is_none_where_it_is_wanted_whole() {
    let whole = scheme("signature = { header = 'X-Token', algorithm = 'rsa-pkcs1-sha256', format = 'jwt' }");
    let headers = HeaderMap::from_iter([(name("x-token"), value(&three(HEADER, "", b"{}")))]);
    let error = judge_with(&whole, &keys(&whole), headers, body(b"{}"), now()).err().unwrap();
    assert_eq!(error.reason(), Reason::SignatureMalformed);
}

#[test]
fn the_delivery_is_what_was_signed_and_the_body_is_covered() {
    let scheme = detached();
    assert!(scheme.covers_body() && !scheme.is_bearer());
    let headers = HeaderMap::from_iter([(name("x-token"), value(&three(HEADER, "", b"{}")))]);
    let verified = judge_with(&scheme, &keys(&scheme), headers, body(b"{}"), UnixTime::from_seconds(1_700_000_000)).unwrap();
    let mut content = Vec::new();
    verified.feed_content(&mut |piece| content.extend_from_slice(piece));
    assert_eq!(content, [BASE64URL_NOPAD.encode(HEADER.as_bytes()).as_bytes(), b".{}"].concat());
}
