//! Texts that are keys, and texts that are not.

use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;

use super::*;
use crate::gate::verify::error::{KeyError, KeyFault};
use crate::gate::verify::keys::shared_secret_bytes;

/// RFC 8032's first test key.
const PUBLIC_HEX: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const PUBLIC_WHPK: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// The eight points of small order, and the spellings of them that are not canonical.
const WEAK: [&str; 8] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

fn build(scheme: &Scheme, encoding: Option<KeyEncoding>, text: &[u8]) -> Result<(), KeyFault> {
    let material = KeyMaterial { encoding, text: SecretBytes::new(text.to_vec()), ..material("k", "") };
    match KeyRing::build(scheme, vec![material]) {
        Ok(_) => Ok(()),
        Err(errors) => Err(errors[0].fault),
    }
}

#[test]
fn shared_secrets() {
    use KeyEncoding::{Base64, Hex, Pem, Utf8, Whsec};
    let undecodable = |encoding| Err(KeyFault::Undecodable { encoding });
    let unfit = KeyFault::EncodingUnfit { encoding: Pem, algorithm: Algorithm::HmacSha256 };
    let cases: [(KeyEncoding, &[u8], Result<(), KeyFault>); 27] = [
        (Utf8, b"secret", Ok(())),
        (Utf8, b"my raw secret", Ok(())),
        (Utf8, "geheimnis ü".as_bytes(), Ok(())),
        (Utf8, b"", Err(KeyFault::Empty)),
        (Utf8, b" \n", Err(KeyFault::Blank)),
        (Utf8, b" secret", Err(KeyFault::WhiteSpace)),
        (Utf8, b"secret\n", Err(KeyFault::WhiteSpace)),
        (Utf8, b"secret\r", Err(KeyFault::WhiteSpace)),
        (Utf8, "\u{feff}secret".as_bytes(), Err(KeyFault::WhiteSpace)),
        (Utf8, b"\xff\xfe", undecodable(Utf8)),
        (Hex, b"00ff", Ok(())),
        (Hex, b"00FF", Ok(())),
        (Hex, b"00f", undecodable(Hex)),
        (Hex, b"00 ff", Err(KeyFault::WhiteSpace)),
        (Hex, b"0x00ff", undecodable(Hex)),
        (Base64, b"c2VjcmV0", Ok(())),
        (Base64, b"c2VjcmV0cw==", Ok(())),
        (Base64, b"c2VjcmV0cw", undecodable(Base64)),
        (Base64, b"c2Vj\ncmV0", Err(KeyFault::WhiteSpace)),
        (Whsec, b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Ok(())),
        (Whsec, b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Ok(())),
        (Whsec, b"whsec_", Err(KeyFault::EmptyDecoded)),
        (Whsec, b"whsec_ ", Err(KeyFault::WhiteSpace)),
        (Whsec, b"whsec_!", undecodable(Whsec)),
        (Whsec, b"my raw secret", Err(KeyFault::WhiteSpace)),
        (Whsec, b"\n", Err(KeyFault::Blank)),
        (Pem, b"-----BEGIN", Err(unfit)),
    ];
    for (encoding, text, expected) in cases {
        assert_eq!(build(&preset("stripe"), Some(encoding), text), expected, "{encoding:?} {text:?}");
    }
}

#[test]
fn public_keys() {
    use KeyEncoding::{Base64, Hex, Pem, Utf8, Whsec};
    let discord = preset("discord");
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
    let pem = key.to_public_key_pem(LineEnding::LF).unwrap();
    let accepted: [(KeyEncoding, &str); 5] =
        [(Hex, PUBLIC_HEX), (Whsec, PUBLIC_WHPK), (Base64, &PUBLIC_WHPK[5..]), (Pem, &pem), (Pem, pem.trim_end())];
    for (encoding, text) in accepted {
        assert_eq!(build(&discord, Some(encoding), text.as_bytes()), Ok(()), "{encoding:?}");
    }
    let length = KeyFault::Length { expected: 32 };
    let unfit = KeyFault::EncodingUnfit { encoding: Utf8, algorithm: Algorithm::Ed25519 };
    // Not every 32 bytes are a point: this y has no x.
    let no_point = "0200000000000000000000000000000000000000000000000000000000000000";
    let refused: [(KeyEncoding, &str, KeyFault); 5] = [
        (Hex, &PUBLIC_HEX[2..], length),
        (Whsec, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", length),
        (Utf8, PUBLIC_HEX, unfit),
        (Hex, no_point, KeyFault::NoKey),
        (Pem, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", KeyFault::NoKey),
    ];
    for (encoding, text, fault) in refused {
        assert_eq!(build(&discord, Some(encoding), text.as_bytes()), Err(fault), "{encoding:?} {text}");
    }
}

#[test]
fn weak_public_keys_are_refused() {
    for text in WEAK {
        assert_eq!(build(&preset("discord"), None, text.as_bytes()), Err(KeyFault::Weak), "{text}");
    }
}

#[test]
fn every_broken_secret_is_named_and_none_is_shown() {
    let material = vec![material("first", " hunter2"), material("good", "hunter3"), material("third", "")];
    let errors = KeyRing::build(&preset("stripe"), material).unwrap_err();
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let stray = "secret `first` has white space at an end, or inside although it is encoded";
    assert_eq!(texts, [stray, "secret `third` is empty"]);
    let undecodable = KeyError { secret_id: None, fault: KeyFault::Undecodable { encoding: KeyEncoding::Whsec } };
    assert_eq!(undecodable.to_string(), "the secret is not valid whsec");
    let unfit = KeyFault::EncodingUnfit { encoding: KeyEncoding::Pem, algorithm: Algorithm::HmacSha1 };
    assert_eq!(unfit.to_string(), "cannot be written as pem for hmac-sha1");
}

#[test]
fn a_ring_shows_its_ids_only() {
    let material = vec![
        KeyMaterial { not_after: Some(now()), key_id: Some("primary".to_owned()), ..material("old", "hunter2") },
        material("new", "hunter3"),
    ];
    let ring = KeyRing::build(&preset("stripe"), material).unwrap();
    assert_eq!(format!("{ring:?}"), r#"["old", "new"]"#);
    assert_eq!(ring.ids().map(ToString::to_string).collect::<Vec<_>>(), ["old", "new"]);
    assert_eq!(ring.expiries().map(|(_, until)| until).collect::<Vec<_>>(), [Some(now()), None]);
    assert_eq!(ring.key_id(&"old".parse().unwrap()), Some("primary"));
    assert_eq!(ring.key_id(&"new".parse().unwrap()), None);
    assert_eq!(ring.usable_ids(now()).count(), 1);
    assert_eq!(format!("{:?}", signing_key(&preset("stripe"))), "SigningKey(..)");
}

#[test]
fn signing_keys() {
    let discord = preset("discord");
    let parse = |text: &str| SigningKey::parse(&discord, None, SecretBytes::new(text.into()));
    assert_eq!(parse(SEED).unwrap().public_key_hex().as_deref(), Some(PUBLIC_HEX));
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----";
    for text in [pem.to_owned(), format!("{pem}\n")] {
        assert_eq!(parse(&text).unwrap().public_key_hex().as_deref(), Some(PUBLIC_HEX));
    }
    let fault = |text: &str| parse(text).err().map(|error| error.fault);
    assert_eq!(fault(&SEED[2..]), Some(KeyFault::Length { expected: 32 }));
    assert_eq!(fault("no hex"), Some(KeyFault::WhiteSpace));
    assert_eq!(fault("nohex"), Some(KeyFault::Undecodable { encoding: KeyEncoding::Hex }));
    assert_eq!(fault(""), Some(KeyFault::Empty));
    assert_eq!(fault("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"), Some(KeyFault::NoKey));
    assert_eq!(signing_key(&preset("stripe")).public_key_hex(), None);
}

#[test]
fn a_public_key_on_one_line_is_taken_and_nothing_else_of_the_kind() {
    let ebay = preset("ebay");
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZhhxXKtR+TOvtDbgTPCkSof02qgBB7IsYOyf76ilExJ/upAa/vKIKheOoCyOpcLmi4t0b4uepb7LLjmMr90FUg==";
    let pem = |inside: &str| build(&ebay, None, format!("-----BEGIN PUBLIC KEY-----{inside}-----END PUBLIC KEY-----").as_bytes());
    assert_eq!(pem(key), Ok(()));
    assert_eq!(pem(&format!("\n{key}\n")), Ok(()));
    assert_eq!(pem(""), Err(KeyFault::NoPublicKey));
    assert_eq!(pem(&key[4..]), Err(KeyFault::NoPublicKey));
    let rsa = include_bytes!("../../../../tests/keys/rsa2048.pub.pem");
    assert_eq!(build(&ebay, None, rsa), Err(KeyFault::OtherKind { algorithm: Algorithm::EcdsaP256Sha1 }));
}

#[test]
fn what_is_shown_as_user_and_password_is_both() {
    let postmark = preset("postmark");
    for (text, expected, bytes) in [
        ("user:a password", Ok(()), Some(10)),
        ("user:with:colons", Ok(()), Some(11)),
        // Nobody but the lint of weak secrets can say whether that is meant.
        ("user:", Ok(()), Some(0)),
        (":password", Ok(()), Some(8)),
        (":", Err(KeyFault::NoPassword), None),
        ("password alone", Err(KeyFault::NoPassword), None),
    ] {
        assert_eq!(build(&postmark, None, text.as_bytes()), expected, "{text}");
        assert_eq!(shared_secret_bytes(&postmark, None, text.as_bytes()), bytes, "{text}");
        assert_eq!(SigningKey::parse(&postmark, None, SecretBytes::new(text.into())).is_ok(), expected.is_ok(), "{text}");
    }
}
