//! Round trips of every preset through a captured request, and each verdict once.

use std::fmt::Write as _;

use bytes::Bytes;

use super::*;
use crate::cli::compose::{Draft, compose};
use crate::cli::outgoing::Rendering;
use crate::config;
use crate::domain::secret::SecretBytes;
use crate::gate::verify::sign::SigningKey;
use crate::provider::Catalogue;
use crate::provider::scheme::{KeyEncoding, Scheme};

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
/// Private keys that sign nothing but tests.
const P256: &str = include_str!("../../../tests/keys/p256.pem");
const RSA: &str = include_str!("../../../tests/keys/rsa2048.pem");
const AT: i64 = 1_700_000_000;

/// A configuration with one integration for each preset, the secrets beside it, and the keys that sign.
struct World {
    folder: tempfile::TempDir,
    plan: Plan,
}

fn signing_secret(scheme: &Scheme) -> &'static str {
    match scheme.signature.key_encoding {
        _ if scheme.signature.algorithm == crate::provider::scheme::Algorithm::Basic => "user:a password of some length",
        _ if scheme.signature.algorithm == crate::provider::scheme::Algorithm::Ed25519 => SEED,
        _ if scheme.signature.algorithm == crate::provider::scheme::Algorithm::EcdsaP256 => P256,
        _ if scheme.signature.algorithm.is_asymmetric() => RSA,
        KeyEncoding::Utf8 => "a secret of some length",
        KeyEncoding::Hex => SEED,
        KeyEncoding::Base64 | KeyEncoding::Base64Url | KeyEncoding::Whsec | KeyEncoding::Pem | KeyEncoding::Jwks => {
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        }
    }
}

fn signing_key(scheme: &Scheme) -> SigningKey {
    SigningKey::parse(scheme, None, SecretBytes::new(signing_secret(scheme).into())).unwrap().named(key_id(scheme))
}

fn key_id(scheme: &Scheme) -> Option<String> {
    let rule = &scheme.signature;
    rule.names_keys().then(|| rule.key_id_of(0).unwrap_or("key-1").to_owned())
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "[[listener]]\nbind = \"127.0.0.1:8443\"\ntls = { cert = \"c\", key = \"k\" }\n".to_owned();
    for scheme in Catalogue::builtin().iter().filter(|scheme| scheme.signature.algorithm.can_sign()) {
        let name = scheme.name.as_str();
        let key = signing_key(scheme);
        let (hex, pem) = (key.public_key_hex(), key.public_key_pem());
        let encoding = match (&hex, &pem) {
            (Some(_), _) => ", encoding = \"hex\"",
            (_, Some(_)) => ", encoding = \"pem\"",
            (None, None) => "",
        };
        std::fs::write(folder.path().join(name), hex.or(pem).as_deref().unwrap_or(signing_secret(scheme))).unwrap();
        let key_id = key_id(scheme).map(|id| format!(", key_id = \"{id}\"")).unwrap_or_default();
        write!(
            text,
            "[integration.{name}]\nprovider = \"{name}\"\npath = \"/{name}\"\nupstream = \"http://127.0.0.1:3000/\"\n\
             secrets = [ {{ id = \"now\", file = \"{name}\"{encoding}{key_id} }} ]\nmax_body = \"1KiB\"\n"
        )
        .unwrap();
        if scheme.signs_url() {
            text.push_str("public_url = \"https://example.com/in\"\n");
        }
        if !scheme.options.is_empty() {
            let options: Vec<String> = scheme.options.iter().map(|(name, _)| format!("{name} = \"option\"")).collect();
            writeln!(text, "options = {{ {} }}", options.join(", ")).unwrap();
        }
        if !scheme.event.is_empty() {
            text.push_str("events.allow = [\"test\"]\n");
        }
    }
    let plan = config::parse("hookward.toml", &text, folder.path()).unwrap();
    World { folder, plan }
}

/// The headers that the scheme signs and does not make.
fn given(scheme: &Scheme) -> http::HeaderMap {
    scheme.given_headers().map(|name| (name.clone(), http::HeaderValue::from_static("given"))).collect()
}

fn message(scheme: &Scheme, body: Option<&str>) -> Vec<u8> {
    message_to("https://example.com/in", scheme, body)
}

fn message_to(url: &str, scheme: &Scheme, body: Option<&str>) -> Vec<u8> {
    let draft = Draft {
        destination: url.parse().unwrap(),
        at: UnixTime::from_seconds(AT),
        id: None,
        headers: given(scheme),
        body: body.map(|body| Bytes::copy_from_slice(body.as_bytes())),
    };
    let options = scheme.options.iter().map(|(name, _)| (name.clone(), "option".to_owned())).collect();
    let scheme = &scheme.bound(url, &options);
    compose(scheme, &signing_key(scheme), draft).unwrap().render(Rendering::Http).unwrap()
}

impl World {
    fn judge(&self, name: &str, message: Vec<u8>, at: i64) -> Judgement {
        let integration = find(&self.plan, name).unwrap();
        let keys = key_rings::read(integration).unwrap();
        judge(integration, &keys, captured::parse(&message.into()).unwrap(), UnixTime::from_seconds(at))
    }
}

fn reason(judgement: &Judgement) -> (&'static str, &'static str) {
    (judgement.decision.code(), judgement.reason.map_or("-", Reason::code))
}

#[test]
fn what_is_signed_for_a_provider_verifies_and_a_changed_byte_does_not() {
    let world = world();
    for scheme in Catalogue::builtin().iter().filter(|scheme| scheme.signature.algorithm.can_sign()) {
        let name = scheme.name.as_str();
        let message = message(scheme, None);
        let judgement = world.judge(name, message.clone(), AT + 1);
        assert_eq!(reason(&judgement), ("accepted", "-"), "{name}: {judgement:?}");
        assert_eq!(judgement.secret_id.as_deref(), Some("now"));
        assert_eq!(judgement.event.is_some(), !scheme.event.is_empty(), "{name}");
        assert_eq!(judgement.signed_at.is_some(), scheme.is_timed());
        let mut changed = message;
        // Where no body may come one is added.
        if changed.ends_with(b"\r\n\r\n") {
            changed.push(b'x');
        } else {
            *changed.last_mut().unwrap() ^= 1;
        }
        if scheme.covers_body() {
            let (decision, reason) = reason(&world.judge(name, changed, AT + 1));
            // A form whose last character is none of a form's is no form any more.
            assert!(decision == "refused" && ["signature_mismatch", "signature_malformed"].contains(&reason), "{name}: {reason}");
        }
    }
}

#[test]
fn what_is_signed_with_a_query_in_its_url_verifies_and_with_another_does_not() {
    let world = world();
    let signs = |scheme: &&std::sync::Arc<Scheme>| scheme.signs_url() && scheme.signature.algorithm.can_sign();
    let mut judged = 0;
    for scheme in Catalogue::builtin().iter().filter(signs) {
        let name = scheme.name.as_str();
        // The canonical request of a token is made of the query itself, and `sign` has none to make it of.
        let is_canonical =
            scheme.token().is_some_and(|rule| rule.claims.iter().any(|claim| claim.value.to_string().contains("qsh")));
        // What a provider puts behind the URL is no query of it.
        let is_told_apart = !scheme.content.iter().any(|part| part.to_string().starts_with('?'));
        if is_canonical || !is_told_apart {
            continue;
        }
        judged += 1;
        let message = message_to("https://example.com/in?a=b%20c&d=e/f", scheme, None);
        assert_eq!(reason(&world.judge(name, message.clone(), AT)), ("accepted", "-"), "{name}");
        let changed = String::from_utf8(message).unwrap().replacen("d=e/f", "d=e/g", 1).into_bytes();
        assert_eq!(reason(&world.judge(name, changed, AT)), ("refused", "signature_mismatch"), "{name}");
    }
    assert!(judged >= 7, "{judged}");
}

#[test]
fn each_gate_has_its_say() {
    let world = world();
    let stripe = Catalogue::builtin().get("stripe").unwrap();
    let signed = |body: &str| message(&stripe, Some(body));
    let text = |message: Vec<u8>| String::from_utf8(message).unwrap();
    let get = text(signed("{}")).replacen("POST", "GET", 1).into_bytes();
    let unsigned = text(signed("{}")).replace("stripe-signature", "x-other").into_bytes();
    let allowed = signed(r#"{"type":"test"}"#);
    let cases = [
        (get, AT, "method_not_allowed"),
        (unsigned, AT, "signature_missing"),
        (signed(&format!("{{\"a\":\"{}\"}}", "x".repeat(1024))), AT, "body_too_large"),
        (allowed.clone(), AT + 301, "timestamp_too_old"),
        (allowed.clone(), AT - 301, "timestamp_in_future"),
        (signed(r#"{"type":"other"}"#), AT, "event_not_allowed"),
        (signed("{}"), AT, "event_not_allowed"),
    ];
    for (message, at, expected) in cases {
        let judgement = world.judge("stripe", message, at);
        assert_eq!(reason(&judgement), ("refused", expected), "{judgement:?}");
        assert!(!judgement.sentence.is_empty());
    }
    assert_eq!(reason(&world.judge("stripe", allowed, AT)), ("accepted", "-"));
}

#[test]
fn a_signed_handshake_is_accepted_as_one() {
    let slack = Catalogue::builtin().get("slack").unwrap();
    let challenge = message(&slack, Some(r#"{"type":"url_verification","challenge":"abc"}"#));
    assert_eq!(reason(&world().judge("slack", challenge, AT)), ("accepted", "handshake"));
}

#[test]
fn the_verdict_names_no_secret_and_no_signature() {
    let world = world();
    for scheme in Catalogue::builtin().iter().filter(|scheme| scheme.signature.algorithm.can_sign()) {
        let integration = find(&world.plan, scheme.name.as_str()).unwrap();
        for (at, word) in [(AT, "now"), (AT + 86_400, scheme.name.as_str())] {
            let judgement = world.judge(scheme.name.as_str(), message(scheme, None), at);
            let printed = format!("{}{}", text(integration, &judgement, None), json(integration, &judgement, None));
            assert!(printed.contains(word), "{printed}");
            assert!(!printed.contains(signing_secret(scheme)), "{printed}");
            let received = captured::parse(&message(scheme, None).into()).unwrap();
            let Some(header) = scheme.signature.header() else { continue };
            let signature = received.head.headers.get(header).unwrap().to_str().unwrap();
            assert!(!printed.contains(signature), "{printed}");
        }
    }
}

#[test]
fn unknown_integrations_missing_secrets_and_files_are_named() {
    let world = world();
    assert!(find(&world.plan, "nobody").unwrap_err().to_string().contains("there are: ably, "));
    let stripe = find(&world.plan, "stripe").unwrap();
    std::fs::write(world.folder.path().join("stripe"), " \n").unwrap();
    let faults = key_rings::read(stripe).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].to_string().contains("integration.stripe.secrets[0]: secret \"now\": "), "{}", faults[0]);
    let absent = captured_request(&world.folder.path().join("absent")).unwrap_err();
    assert!(absent.to_string().contains("cannot open"), "{absent}");
}
