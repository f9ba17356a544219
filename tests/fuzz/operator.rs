//! What operators write: configurations, schemes, templates, places, secrets, certificates, quantities, names.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use hookward::config;
use hookward::document::{Document, Faults};
use hookward::domain::body::RawBody;
use hookward::domain::head::{Head, Received};
use hookward::domain::name::{IntegrationName, ListenerName, ProviderName, SecretId};
use hookward::domain::request_id::RequestId;
use hookward::domain::secret::SecretBytes;
use hookward::domain::size::{ByteSize, format_duration, parse_duration, parse_rate};
use hookward::domain::time::UnixTime;
use hookward::gate::verify::error::VerifyError;
use hookward::gate::verify::gate::{Judging, verify};
use hookward::gate::verify::keys::{KeyMaterial, KeyRing};
use hookward::gate::verify::presented::present;
use hookward::gate::verify::sign::{Request, SigningKey, sign};
use hookward::listen::spec::{CertificateSpec, TlsSpec, TlsVersion};
use hookward::listen::tls::TlsEntry;
use hookward::provider::scheme::{Algorithm, Evidence, KeyEncoding, Locator, Part, Scheme, TimestampPlace};
use hookward::provider::{Catalogue, content};
use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::campaign::{files, files_with, lines, run};
use crate::oracle;
use crate::request::keys;

const TOML_WORDS: &[&[u8]] = &[
    b"[[listener]]\n",
    b"[integration.a]\n",
    b"= ",
    b"\"",
    b"'''",
    b"{ ",
    b" }",
    b"[",
    b"]",
    b"\n",
    b"true",
    b"-1",
    b"9223372036854775807",
    b"\"5m\"",
    b"1979-05-27T07:32:00Z",
    b"\\u0000",
    b"enabled = false\n",
    b"secrets = []\n",
];

#[test]
fn configurations() {
    let base = tempfile::tempdir().unwrap();
    let mut entries = files("config");
    entries.extend(files_with("tests/configs/bad", "toml"));
    entries.extend(files_with("tests/configs/good", "toml"));
    run("config", 16_000, &entries, TOML_WORDS, |input, _| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let Err(faults) = config::parse("fuzz.toml", text, base.path()) else { return };
        assert!(!faults.is_empty(), "refused without a fault");
        // A key is named in its fault, and what a change made a key of is none's secret.
        if faults.iter().any(|fault| fault.key.contains("CANARY")) {
            return;
        }
        let lines = text.split('\n').count();
        for fault in &faults {
            assert!(fault.place.line >= 1 && fault.place.column >= 1 && fault.place.line <= lines + 1, "{fault}");
            assert!(!fault.to_string().contains("CANARY"), "a secret's value in a fault");
        }
        assert!(!config::render_faults(&faults).contains("CANARY"));
    });
}

#[test]
fn schemes() {
    let mut entries = files("scheme");
    entries.extend(files_with("src/provider/presets", "toml"));
    let words = [TOML_WORDS, &[b"{id}", b"{timestamp}", b"{body}", b"{header:X-A}", b"content = ", b"prefix = \"\""]].concat();
    let mut sound = 0;
    run("scheme", 8000, &entries, &words, |input, _| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let (faults, document) = (Faults::default(), Document::new("scheme.toml", text));
        let name: ProviderName = "fuzz".parse().unwrap();
        let scheme = document.read(&faults, |table| Scheme::read(&name, table, Some(Evidence::Custom)));
        match (scheme, faults.into_sorted()) {
            (None, faults) => assert!(!faults.is_empty(), "refused without a fault"),
            (Some(scheme), faults) if faults.is_empty() => sound += usize::from(what_it_signs_it_verifies(&scheme)),
            (Some(_), _) => {}
        }
    });
    assert!(sound > entries.len(), "only {sound} schemes signed and verified");
}

/// A scheme that is consistent verifies what it signs, but for an id or a header that holds the scheme's own delimiter.
fn what_it_signs_it_verifies(scheme: &Scheme) -> bool {
    let timed_in_body =
        matches!(scheme.timestamp.as_ref().map(|rule| &rule.place), Some(TimestampPlace::Json(_) | TimestampPlace::Form(_)));
    let by_field = |part: &Part| {
        matches!(
            part,
            Part::SortedForm { .. }
                | Part::SortedRequest(_)
                | Part::PhpForm
                | Part::Field(_)
                | Part::Members(_)
                | Part::Compact(_)
        )
    };
    let in_fields = scheme.signature.header().is_none() || scheme.content.iter().any(by_field);
    let by_pem = scheme.signature.algorithm.is_asymmetric() && scheme.signature.algorithm != Algorithm::Ed25519;
    if by_pem || scheme.signature.names_keys() || timed_in_body || in_fields {
        return false;
    }
    let options = scheme.options.iter().map(|(name, _)| (name.clone(), "option".to_owned())).collect();
    let scheme = &scheme.bound("https://example.com/", &options);
    let secret = match (scheme.signature.algorithm, scheme.signature.key_encoding) {
        (Algorithm::Ed25519, _) | (_, KeyEncoding::Hex) => oracle::SEED,
        (Algorithm::Basic, _) => "user:a password of some length",
        (_, KeyEncoding::Whsec | KeyEncoding::Base64 | KeyEncoding::Base64Url) => "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        _ => oracle::TEXT_SECRET,
    };
    let secret = || SecretBytes::new(secret.as_bytes().to_vec());
    let key = SigningKey::parse(scheme, None, secret()).unwrap();
    let public = key.public_key_hex();
    let mut headers: HeaderMap = scheme.given_headers().map(|name| (name.clone(), HeaderValue::from_static("QQ"))).collect();
    let (now, body) = (UnixTime::from_seconds(1_750_000_000), b"{\"type\":\"a\"}");
    let request = Request { id: Some("QQ"), timestamp: now, headers: &headers.clone(), body };
    headers.extend(sign(scheme, &key, &request));
    let material = KeyMaterial {
        id: "fuzz".parse().unwrap(),
        key_id: None,
        encoding: public.is_some().then_some(KeyEncoding::Hex),
        text: public.map_or_else(secret, |public| SecretBytes::new(public.into_bytes())),
        not_before: None,
        not_after: None,
    };
    let keys = KeyRing::build(scheme, vec![material]).unwrap();
    let head = Head { method: Method::POST, target: Uri::from_static("/"), headers };
    let judging = Judging { integration: &"payments".parse().unwrap(), scheme, keys: &keys, tolerance: Duration::from_secs(300) };
    let received = Received { head, body: RawBody::from(Bytes::from_static(body)) };
    let presented = present(scheme, &received.head);
    match presented.and_then(|presented| verify(&judging, presented, received, now)) {
        Ok(_) => true,
        Err(VerifyError::PartMalformed { .. }) => false,
        Err(error) => panic!("does not verify what it signs: {error}\n{scheme:?}"),
    }
}

#[test]
fn templates() {
    let words: [&[u8]; 12] = [
        b"{body}",
        b"{jcs:body}",
        b"{compact:/",
        b"{sha512-base64:body=",
        b"{id}",
        b"{timestamp}",
        b"{header:",
        b"{json:/",
        b"{lines:/a*,/b?",
        b"}",
        b"{{",
        b".",
    ];
    run("templates", 20_000, &lines("templates"), &words, |input, _| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let Ok(parts) = content::parse(text) else { return };
        let written: String = parts.iter().map(ToString::to_string).collect();
        assert_eq!(content::parse(&written), Ok(parts.clone()), "{written}");
        let has_field = parts.iter().any(|part| matches!(part, Part::Field(_) | Part::Compact(_) | Part::Members(_)));
        assert!(matches!((parts.iter().filter(|part| part.is_whole_body()).count(), has_field), (1, _) | (0, true)), "{written}");
    });
}

#[test]
fn places() {
    let words: [&[u8]; 8] = [b"header:", b"json:/", b"form:", b"any-form:", b"#/", b"~0", b"~", b"/"];
    run("places", 20_000, &lines("places"), &words, |input, _| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let Ok(place) = text.parse::<Locator>() else { return };
        assert_eq!(place.to_string().parse(), Ok(place));
    });
}

#[test]
fn secrets() {
    let mut entries = lines("secrets");
    entries.extend(files("pem"));
    let schemes: Vec<Arc<Scheme>> = ["github", "discord"].map(|name| Catalogue::builtin().get(name).unwrap()).into();
    let words: [&[u8]; 6] = [b"whsec_", b"whpk_", b"=", b"\n", b" ", b"\xef\xbb\xbf"];
    run("secrets", 6000, &entries, &words, |input, _| {
        for scheme in &schemes {
            for (_, encoding) in KeyEncoding::WORDS {
                let (id, text) = ("fuzz".parse().unwrap(), SecretBytes::new(input.to_vec()));
                let encoding_of = Some(encoding);
                let material = KeyMaterial { id, key_id: None, encoding: encoding_of, text, not_before: None, not_after: None };
                match KeyRing::build(scheme, vec![material]) {
                    Ok(_) => a_key_stands_there(encoding, input),
                    Err(errors) => assert_eq!(errors.len(), 1),
                }
            }
        }
    });
}

/// Whoever took it as a key decoded at least one byte.
fn a_key_stands_there(encoding: KeyEncoding, text: &[u8]) {
    let bare = text.strip_prefix(b"whsec_").or_else(|| text.strip_prefix(b"whpk_")).unwrap_or(text);
    let decoded = match encoding {
        KeyEncoding::Utf8 | KeyEncoding::Pem | KeyEncoding::Jwks => text.to_vec(),
        KeyEncoding::Hex => HEXLOWER_PERMISSIVE.decode(text).unwrap(),
        KeyEncoding::Base64 => BASE64.decode(text).unwrap(),
        KeyEncoding::Base64Url => {
            let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
            data_encoding::BASE64URL_NOPAD.decode(&text[..end]).unwrap()
        }
        KeyEncoding::Whsec => BASE64.decode(bare).unwrap(),
    };
    assert!(decoded.iter().any(|byte| !byte.is_ascii_whitespace()) || !decoded.is_empty() && encoding != KeyEncoding::Utf8);
}

#[test]
fn the_keys_of_other_tests_are_keys() {
    for name in crate::request::KNOWN {
        let scheme = &Catalogue::builtin().get(name).unwrap();
        assert_eq!(keys(scheme).ids().count(), 1, "{}", scheme.name);
    }
}

#[test]
fn certificates() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let pair = made.cert.pem() + &made.signing_key.serialize_pem();
    let mut entries = files("pem");
    entries.push(pair.clone().into_bytes());
    let path = folder.path().join("pair.pem");
    let words: [&[u8]; 4] = [b"-----BEGIN CERTIFICATE-----\n", b"-----END PRIVATE KEY-----\n", b"\n", b"MAA="];
    let mut loaded = 0;
    run("pem", 3000, &entries, &words, |input, _| {
        fs::write(&path, input).unwrap();
        let both = CertificateSpec { cert: path.clone(), key: path.clone() };
        let spec = TlsSpec { certificates: vec![both], min_version: TlsVersion::V12, client_ca: None };
        match TlsEntry::load(&spec) {
            Ok(entry) => loaded += usize::from(!entry.not_after().is_empty()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
    assert!(loaded > 1, "the pair itself and harmless changes of it are served; {loaded} were");
}

#[test]
fn quantities() {
    let words: [&[u8]; 12] = [b"ms", b"s", b"m", b"h", b"d", b"B", b"KiB", b"GiB", b"/s", b"0", b"18446744073709551616", b"-"];
    run("quantities", 30_000, &lines("quantities"), &words, |input, _| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Ok(size) = text.parse::<ByteSize>() {
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        if let Ok(duration) = parse_duration(text) {
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        if let Ok((count, period)) = parse_rate(text) {
            assert!(count >= 1 && !period.is_zero());
        }
    });
}

#[test]
fn names() {
    run("names", 30_000, &lines("names"), &[b"-", b"a", b"A", b"0", b"_", b".", b"\0"], |input, _| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=63).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(kebab);
        assert_eq!(text.parse::<IntegrationName>().is_ok(), is_name);
        assert_eq!(text.parse::<ProviderName>().is_ok(), is_name);
        let label = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        assert_eq!(text.parse::<SecretId>().is_ok(), (1..=64).contains(&text.len()) && text.bytes().all(label));
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        assert_eq!(text.parse::<ListenerName>().is_ok(), (1..=128).contains(&text.len()) && visible);
        if let Ok(id) = text.parse::<RequestId>() {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    });
}
