//! JSON Web Tokens: what is accepted, and each of the ways in which libraries were fooled (SIG-26).

use std::collections::BTreeMap;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

use super::*;
use crate::domain::reason::Reason;
use crate::gate::verify::error::KeyFault;
use crate::gate::verify::private_key::PrivateKey;

const P256: &str = include_str!("../../../../tests/keys/p256.pem");
const RSA: &str = include_str!("../../../../tests/keys/rsa2048.pem");

fn token_scheme(algorithm: &str, claims: &str) -> Scheme {
    scheme(&format!(
        "signature = {{ header = 'X-Token', algorithm = '{algorithm}', format = 'jwt' }}\nclaims = {{ {claims} }}\n\
         timestamp = {{ claim = 'iat', tolerance = '5m' }}"
    ))
}

fn plaid(algorithm: &str) -> Scheme {
    token_scheme(algorithm, "request_body_sha256 = '{sha256:body}'")
}

fn part(json: &str) -> String {
    BASE64URL_NOPAD.encode(json.as_bytes())
}

fn body_claims(body: &[u8]) -> String {
    format!(r#"{{"iat":{NOW_SECONDS},"request_body_sha256":"{}"}}"#, HEXLOWER.encode(&Sha256::digest(body)))
}

/// A token signed by a key over a header and claims that no signer of ours would write.
fn token(scheme: &Scheme, key: &str, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let raw = if scheme.signature.algorithm == Algorithm::HmacSha256 {
        mac(key.as_bytes(), signed.as_bytes())
    } else {
        PrivateKey::parse(&scheme.signature, key).unwrap().sign(signed.as_bytes())
    };
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&raw))
}

fn mac(key: &[u8], content: &[u8]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(content).finalize().into_bytes().to_vec()
}

fn public_pem(scheme: &Scheme, key: &str) -> String {
    SigningKey::parse(scheme, None, SecretBytes::new(key.into())).unwrap().public_key_pem().unwrap()
}

fn pem_ring(scheme: &Scheme, pem: &str) -> KeyRing {
    KeyRing::build(scheme, vec![KeyMaterial { encoding: Some(KeyEncoding::Pem), ..material("own", pem) }]).unwrap()
}

fn presented(text: &str) -> HeaderMap {
    HeaderMap::from_iter([(name("x-token"), value(text))])
}

fn reason(scheme: &Scheme, keys: &KeyRing, text: &str) -> Option<Reason> {
    judge_with(scheme, keys, presented(text), body(BODY), now()).err().map(|error| error.reason())
}

#[test]
fn tokens_of_every_algorithm_are_verified() {
    let cases = [("ecdsa-p256-sha256", "ES256", P256), ("rsa-pkcs1-sha256", "RS256", RSA), ("rsa-pss-sha512", "PS512", RSA)];
    for (algorithm, name, key) in cases {
        let scheme = plaid(algorithm);
        let keys = pem_ring(&scheme, &public_pem(&scheme, key));
        let header = format!(r#"{{"alg":"{name}","typ":"JWT"}}"#);
        let good = token(&scheme, key, &header, &body_claims(BODY));
        assert_eq!(reason(&scheme, &keys, &good), None, "{algorithm}");
        let other = token(&scheme, key, &header, &body_claims(b"another body"));
        assert_eq!(reason(&scheme, &keys, &other), Some(Reason::SignatureMismatch), "{algorithm}");
    }
}

#[test]
fn sig_26_a_token_chooses_neither_algorithm_nor_key() {
    let scheme = plaid("rsa-pkcs1-sha256");
    let pem = public_pem(&scheme, RSA);
    let keys = pem_ring(&scheme, &pem);
    let claims = body_claims(BODY);
    let good = token(&scheme, RSA, r#"{"alg":"RS256"}"#, &claims);
    assert_eq!(reason(&scheme, &keys, &good), None);
    // Signed with the public key's text as a shared secret.
    let confused = token(&plaid("hmac-sha256"), &pem, r#"{"alg":"HS256"}"#, &claims);
    assert_eq!(reason(&scheme, &keys, &confused), Some(Reason::SignatureMalformed));
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"nOnE"}"#,
        r#"{"alg":"rs256"}"#,
        r#"{"alg":"RS512"}"#,
        r#"{"alg":["RS256"]}"#,
        r#"{"alg":"RS256","alg":"none"}"#,
        r#"{"alg":"RS256","crit":["exp"]}"#,
        r#"{"alg":"RS256","kid":7}"#,
        r#"{"typ":"JWT"}"#,
        "[]",
        "RS256",
    ] {
        let signed = token(&scheme, RSA, header, &claims);
        assert_eq!(reason(&scheme, &keys, &signed), Some(Reason::SignatureMalformed), "{header}");
        let unsigned = format!("{}.{}.", part(header), part(&claims));
        assert_eq!(reason(&scheme, &keys, &unsigned), Some(Reason::SignatureMalformed), "{header}");
    }
}

#[test]
fn sig_26_keys_that_a_token_brings_or_names_are_not_looked_at() {
    let scheme = plaid("ecdsa-p256-sha256");
    let stranger = public_pem(&plaid("rsa-pkcs1-sha256"), RSA);
    let own = KeyMaterial {
        encoding: Some(KeyEncoding::Pem),
        key_id: Some("ours".to_owned()),
        ..material("own", &public_pem(&scheme, P256))
    };
    let keys = KeyRing::build(&scheme, vec![own]).unwrap();
    let claims = body_claims(BODY);
    let accepted = [
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"ES256","kid":"ours"}"#,
        r#"{"alg":"ES256","jku":"https://evil.example/keys","x5u":"https://evil.example/c","jwk":{"kty":"oct","k":"AAAA"}}"#,
    ];
    for header in accepted {
        assert_eq!(reason(&scheme, &keys, &token(&scheme, P256, header, &claims)), None, "{header}");
    }
    for kid in ["../../../dev/null", "https://evil.example/key", "' OR 1=1", "theirs", ""] {
        let header = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
        let expected = Some(Reason::SignatureMismatch);
        assert_eq!(reason(&scheme, &keys, &token(&scheme, P256, &header, &claims)), expected, "{kid}");
    }
    // Signed by a stranger whose own key stands in the header.
    let scheme = plaid("rsa-pkcs1-sha256");
    let keys = pem_ring(&scheme, &stranger);
    let good = token(&scheme, RSA, r#"{"alg":"RS256"}"#, &claims);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", BASE64URL_NOPAD.encode(&[7; 256]));
    assert_eq!(reason(&scheme, &keys, &forged), Some(Reason::SignatureMismatch));
}

/// Claims and what they say instead.
type Changes<'a> = &'a [(&'a str, &'a str)];

#[test]
fn sig_26_claims_are_there_and_of_their_type() {
    let scheme = token_scheme("hmac-sha256", "iss = 'them', aud = 'us', verified = 'true', hash = '{sha256:body}'");
    let keys = KeyRing::build(&scheme, vec![material("own", "a secret of some length")]).unwrap();
    let hash = HEXLOWER.encode(&Sha256::digest(BODY));
    let base = [("iss", "\"them\"".to_owned()), ("aud", "\"us\"".to_owned()), ("verified", "true".to_owned())];
    let rest = [("hash", format!("\"{hash}\"")), ("iat", NOW_SECONDS.to_string())];
    let whole: BTreeMap<&str, String> = base.into_iter().chain(rest).collect();
    let judged = |changes: Changes<'_>| {
        let mut claims = whole.clone();
        for (name, value) in changes {
            claims.insert(name, (*value).to_owned());
        }
        let written = claims.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("\"{name}\":{value}"));
        let claims = format!("{{{}}}", written.collect::<Vec<_>>().join(","));
        reason(&scheme, &keys, &token(&scheme, "a secret of some length", r#"{"alg":"HS256"}"#, &claims))
    };
    let (mismatch, malformed) = (Some(Reason::SignatureMismatch), Some(Reason::TimestampMalformed));
    let past = (NOW_SECONDS - 60).to_string();
    let future = (NOW_SECONDS + 61).to_string();
    let cases: &[(Changes<'_>, Option<Reason>)] = &[
        (&[], None),
        (&[("aud", "[\"us\"]")], None),
        (&[("exp", "1750000000")], None),
        (&[("nbf", "1750000060")], None),
        (&[("aud", "[\"us\",\"them\"]")], mismatch),
        (&[("aud", "\"others\"")], mismatch),
        (&[("aud", "")], mismatch),
        (&[("iss", "\"THEM\"")], mismatch),
        (&[("verified", "false")], mismatch),
        (&[("verified", "1")], mismatch),
        (&[("hash", "")], mismatch),
        (&[("hash", "\"\"")], mismatch),
        (&[("hash", "null")], mismatch),
        (&[("iat", "")], Some(Reason::TimestampMissing)),
        (&[("iat", "\"1750000000\"")], malformed),
        (&[("iat", "1750000000.5")], malformed),
        (&[("iat", "1749999699")], Some(Reason::TimestampTooOld)),
        (&[("iat", "1750000301")], Some(Reason::TimestampInFuture)),
        (&[("exp", &past)], Some(Reason::TimestampTooOld)),
        (&[("exp", "\"9999999999\"")], malformed),
        (&[("exp", "null")], malformed),
        (&[("nbf", &future)], Some(Reason::TimestampInFuture)),
        (&[("nbf", "\"0\"")], malformed),
    ];
    for (changes, expected) in cases {
        assert_eq!(judged(changes), *expected, "{changes:?}");
    }
}

#[test]
fn a_token_has_one_spelling() {
    let scheme = plaid("hmac-sha256");
    let keys = KeyRing::build(&scheme, vec![material("own", "a secret of some length")]).unwrap();
    let good = token(&scheme, "a secret of some length", r#"{"alg":"HS256"}"#, &body_claims(BODY));
    assert_eq!(reason(&scheme, &keys, &good), None);
    let twice = token(&scheme, "a secret of some length", r#"{"alg":"HS256"}"#, r#"{"iat":1750000000,"iat":1750000000}"#);
    let deep = token(
        &scheme,
        "a secret of some length",
        r#"{"alg":"HS256"}"#,
        &format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200)),
    );
    let long = token(&scheme, "a secret of some length", r#"{"alg":"HS256"}"#, &format!("{{\"a\":\"{}\"}}", "x".repeat(8192)));
    let bad = [
        format!("{good}="),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{good}"),
        format!("Bearer {good}"),
        good.replacen('.', "..", 1),
        good.replacen('.', "=.", 1),
        twice,
        deep,
        long,
        "..".to_owned(),
    ];
    for text in bad {
        assert_eq!(reason(&scheme, &keys, &text), Some(Reason::SignatureMalformed), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_and_none_is_taken(text in "[A-Za-z0-9_.={}\"-]{0,200}") {
        let scheme = plaid("hmac-sha256");
        let keys = KeyRing::build(&scheme, vec![material("own", "a secret of some length")]).unwrap();
        proptest::prop_assert!(reason(&scheme, &keys, &text).is_some());
    }
}

#[test]
fn the_identity_is_what_was_signed_and_not_the_signature() {
    // ECDSA signs anew each time, and what it signs is the same delivery.
    let scheme = plaid("ecdsa-p256-sha256");
    let keys = pem_ring(&scheme, &public_pem(&scheme, P256));
    let content = || {
        let text = token(&scheme, P256, r#"{"alg":"ES256"}"#, &body_claims(BODY));
        let verified = judge_with(&scheme, &keys, presented(&text), body(BODY), now()).unwrap();
        let mut content = Vec::new();
        verified.feed_content(&mut |piece| content.extend_from_slice(piece));
        (text, content)
    };
    let (first, second) = (content(), content());
    assert_ne!(first.0, second.0);
    assert_eq!(first.1, second.1);
}

#[test]
fn key_sets_hold_what_fits_and_are_bounded() {
    let scheme = plaid("ecdsa-p256-sha256");
    let build = |text: &str| {
        let set = KeyMaterial { encoding: Some(KeyEncoding::Jwks), ..material("set", text) };
        KeyRing::build(&scheme, vec![set]).map_err(|errors| errors[0].fault)
    };
    let der = BASE64URL_NOPAD.encode(&[1; 32]);
    let point = r#""kty":"EC","crv":"P-256","x":"8FBFPJPMwyGlfXfYnNCWx5WFqcXUWX3vFdiuScVk__M","y":"OYxVYQ9JeR9cfxF01hfl5mFlG8MbJj9J5UPQoZvOJXQ""#;
    let algorithm = Algorithm::EcdsaP256;
    let none = Some(KeyFault::NoKeySet { algorithm });
    let cases = [
        (format!("{{{point}}}"), None),
        (format!(r#"{{"keys":[{{"kty":"oct","k":"AAAA"}},{{{point},"kid":"a","use":"sig","alg":"ES256"}}]}}"#), None),
        (format!(r#"{{"keys":[{{{point},"use":"enc"}}]}}"#), none),
        (format!(r#"{{"keys":[{{{point},"alg":"ES384"}}]}}"#), none),
        (r#"{"keys":[]}"#.to_owned(), none),
        (r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_owned(), none),
        (r#"{"kty":"EC","crv":"P-256"}"#.to_owned(), none),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{der}","y":"{der}"}}"#), Some(KeyFault::OtherKind { algorithm })),
        ("not json".to_owned(), none),
        (format!(r#"{{"keys":[{}]}}"#, vec![format!("{{{point}}}"); 33].join(",")), Some(KeyFault::TooManyKeys { max: 32 })),
    ];
    for (text, expected) in cases {
        assert_eq!(build(&text).err(), expected, "{text}");
    }
}

#[test]
fn rsa_keys_of_a_set_verify_what_the_private_one_signs() {
    let scheme = plaid("rsa-pkcs1-sha256");
    let pem = public_pem(&scheme, RSA);
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = data_encoding::BASE64.decode(lines.as_bytes()).unwrap();
    // The modulus stands behind the headers of the information, the bits, the key and the number: 33 bytes for 2048 bits.
    let (modulus, exponent) = (&der[33..33 + 256], &der[der.len() - 3..]);
    let jwk = |kid: &str| {
        let (n, e) = (BASE64URL_NOPAD.encode(modulus), BASE64URL_NOPAD.encode(exponent));
        format!(r#"{{"keys":[{{"kty":"RSA","kid":"{kid}","n":"{n}","e":"{e}"}}]}}"#)
    };
    let ring = |kid| {
        let set = KeyMaterial { encoding: Some(KeyEncoding::Jwks), ..material("set", &jwk(kid)) };
        KeyRing::build(&scheme, vec![set]).unwrap()
    };
    let named = token(&scheme, RSA, r#"{"alg":"RS256","kid":"a"}"#, &body_claims(BODY));
    assert_eq!(reason(&scheme, &ring("a"), &named), None);
    assert_eq!(reason(&scheme, &ring("b"), &named), Some(Reason::SignatureMismatch));
    let unnamed = token(&scheme, RSA, r#"{"alg":"RS256"}"#, &body_claims(BODY));
    assert_eq!(reason(&scheme, &ring("b"), &unnamed), None);
}
