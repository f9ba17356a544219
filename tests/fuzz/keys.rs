//! Public keys as providers publish them: key sets, certificates, bare keys. Whatever they are turned into, a text that a
//! genuine request is verified with holds the very key that signed it.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::{BASE64, BASE64URL_NOPAD, Specification};
use hookward::domain::body::RawBody;
use hookward::domain::head::{Head, Received};
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::UnixTime;
use hookward::gate::verify::gate::{Judging, verify};
use hookward::gate::verify::keys::{KeyMaterial, KeyRing};
use hookward::gate::verify::presented::present;
use hookward::provider::Catalogue;
use hookward::provider::scheme::{KeyEncoding, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::campaign::{files, root, run};

/// A request that the provider signed, and the key it is verified with.
struct Genuine {
    scheme: Arc<Scheme>,
    head: Head,
    body: Vec<u8>,
    now: UnixTime,
    key: String,
}

impl Genuine {
    /// The first verified vector of a provider.
    fn of(provider: &str) -> Self {
        let file = std::fs::read_to_string(root().join(format!("tests/vectors/{provider}.toml"))).unwrap();
        let file: toml::Table = toml::from_str(&file).unwrap();
        let vectors = file["vector"].as_array().unwrap();
        let vector = vectors.iter().find(|vector| vector["verdict"].as_str() == Some("verified")).unwrap();
        let header = |(name, value): (&String, &toml::Value)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.as_str().unwrap()).unwrap())
        };
        let headers: HeaderMap = vector["headers"].as_table().unwrap().iter().map(header).collect();
        Self {
            scheme: Catalogue::builtin().get(provider).unwrap(),
            head: Head { method: Method::POST, target: Uri::from_static("/"), headers },
            body: BASE64.decode(vector["body_b64"].as_str().unwrap().as_bytes()).unwrap(),
            now: UnixTime::from_seconds(vector["at"].as_integer().unwrap()),
            key: vector["public_key"].as_str().unwrap().to_owned(),
        }
    }

    /// Whether a text is a key, and the request is verified with it.
    fn is_verified_with(&self, text: &[u8], encoding: KeyEncoding) -> bool {
        let (id, text) = ("fuzz".parse().unwrap(), SecretBytes::new(text.to_vec()));
        let encoding = Some(encoding);
        let material = KeyMaterial { id, key_id: None, encoding, text, not_before: None, not_after: None };
        let Ok(keys) = KeyRing::build(&self.scheme, vec![material]) else { return false };
        let head = Head { method: Method::POST, target: Uri::from_static("/"), headers: self.head.headers.clone() };
        let received = Received { head, body: RawBody::from(Bytes::from(self.body.clone())) };
        let presented = present(&self.scheme, &received.head).unwrap();
        let (tolerance, integration) = (std::time::Duration::from_secs(300), "payments".parse().unwrap());
        let judging = Judging { integration: &integration, scheme: &self.scheme, keys: &keys, tolerance };
        verify(&judging, presented, received, self.now).is_ok()
    }
}

#[test]
fn key_sets() {
    let genuine = Genuine::of("plaid");
    let point =
        |key: &Value| ["x", "y"].map(|name| key[name].as_str().and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok()));
    let signer = point(&serde_json::from_str(&genuine.key).unwrap());
    let words: [&[u8]; 10] =
        [b"\"keys\":", b"\"kty\":\"EC\"", b"\"kid\":null", b"\"use\":\"sig\"", b"\"x\":", b"[", b"]", b"{", b"}", b","];
    let mut verified = 0;
    run("jwks", 12_000, &files("jwks"), &words, |input, _| {
        if genuine.is_verified_with(input, KeyEncoding::Jwks) {
            let set: Value = serde_json::from_slice(input).unwrap();
            let keys = set.get("keys").map_or_else(|| vec![set.clone()], |keys| keys.as_array().unwrap().clone());
            assert!(keys.iter().any(|key| point(key) == signer), "another key verifies");
            verified += 1;
        }
    });
    assert!(verified > 3, "the sets themselves and harmless changes of them verify; {verified} did");
}

#[test]
fn certificates_and_bare_keys() {
    let genuine = Genuine::of("aws-sns");
    let modulus = modulus(&der(&genuine.key));
    let words: [&[u8]; 6] = [
        b"-----BEGIN CERTIFICATE-----\n",
        b"-----END CERTIFICATE-----\n",
        b"-----BEGIN PUBLIC KEY-----\n",
        b"-----END PUBLIC KEY-----\n",
        b"\n",
        b"MIIB",
    ];
    let mut verified = 0;
    run("x509", 8000, &files("x509"), &words, |input, _| {
        if genuine.is_verified_with(input, KeyEncoding::Pem) {
            let text = String::from_utf8_lossy(input);
            let begins = text.match_indices("-----BEGIN").map(|(at, _)| der(&text[at..]));
            let holds = |der: Vec<u8>| der.windows(modulus.len()).any(|window| window == modulus);
            assert!(begins.into_iter().any(holds), "another key verifies");
            verified += 1;
        }
    });
    assert!(verified > 3, "the certificate itself and harmless changes of it verify; {verified} did");
}

/// What the base64 behind a first line stands for, read loosely: lines of dashes, what is no base64, and bits behind the end
/// count for nothing.
fn der(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let digits: Vec<u8> = lines.flat_map(str::bytes).filter(is_digit).collect();
    let mut loose = Specification::new();
    loose.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    loose.check_trailing_bits = false;
    let whole = digits.len() - usize::from(digits.len() % 4 == 1);
    loose.encoding().unwrap().decode(&digits[..whole]).unwrap()
}

fn modulus(certificate: &[u8]) -> Vec<u8> {
    let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
    match certificate.public_key().parsed().unwrap() {
        PublicKey::RSA(key) => key.modulus.to_vec(),
        other => panic!("{other:?}"),
    }
}
