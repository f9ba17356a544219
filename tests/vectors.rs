//! Known answers for each provider, through the public API: a request, a key, a time, and the verdict. Then, for each
//! request that is verified, every single-byte change of what it signs is refused.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "changes/mod.rs"]
mod changes;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hookward::document::{Document, Faults};
use hookward::domain::body::RawBody;
use hookward::domain::head::{Head, Received};
use hookward::domain::reason::Reason;
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::UnixTime;
use hookward::gate::verify::error::VerifyError;
use hookward::gate::verify::gate::{Judging, Verified, verify};
use hookward::gate::verify::keys::{KeyMaterial, KeyRing};
use hookward::gate::verify::presented::present;
use hookward::gate::verify::sign::{Request, SigningKey, sign, sign_body, sign_query};
use hookward::provider::Catalogue;
use hookward::provider::handshake::{self, Reply};
use hookward::provider::locate::find;
use hookward::provider::scheme::{Algorithm, Evidence, KeyEncoding, Locator, Part, Scheme, SignatureFormat, TimestampPlace};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::Deserialize;

/// When a request is judged whose scheme signs no time, and when those are signed that are made here.
const ANY_TIME: i64 = 1_750_000_000;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    provider: BTreeMap<String, toml::Table>,
    vector: Vec<Vector>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    id: String,
    provider: String,
    verdict: String,
    /// What the provider's own code says, where that is another thing, and why it is; docs/providers.md says so.
    theirs: Option<String>,
    because: Option<String>,
    #[serde(rename = "note")]
    _note: Option<String>,
    #[serde(rename = "source")]
    _source: String,
    secret: Option<String>,
    public_key: Option<String>,
    key_encoding: Option<String>,
    at: Option<i64>,
    at_ms: Option<i64>,
    method: Option<String>,
    url: Option<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    keys: BTreeMap<String, String>,
    body: Option<String>,
    body_b64: Option<String>,
    expected_response_body: Option<String>,
    headers: BTreeMap<String, String>,
}

/// Everything a vector gives to the verifier.
#[derive(Clone)]
struct Case {
    id: String,
    scheme: Arc<Scheme>,
    key: String,
    key_id: Option<String>,
    /// Further keys by the provider's own ids of them.
    others: BTreeMap<String, String>,
    encoding: Option<KeyEncoding>,
    now: UnixTime,
    method: Method,
    target: Uri,
    body: Vec<u8>,
    headers: HeaderMap,
}

const URL: &str = "https://hooks.example.com/in";

/// Where a request to a URL goes: the query is all that the gateway reads of it.
fn target(url: &str) -> Uri {
    url.split_once('?').map_or_else(|| Uri::from_static("/"), |(_, query)| format!("/?{query}").parse().unwrap())
}

impl Case {
    fn keys(&self) -> Option<KeyRing> {
        let own = self.material("vector", self.key_id.clone(), &self.key);
        let named = |(id, key): (&String, &String)| self.material(&format!("key-{}", id.to_lowercase()), Some(id.clone()), key);
        KeyRing::build(&self.scheme, std::iter::once(own).chain(self.others.iter().map(named)).collect()).ok()
    }

    fn material(&self, id: &str, key_id: Option<String>, key: &str) -> KeyMaterial {
        KeyMaterial {
            id: id.parse().unwrap(),
            key_id,
            encoding: self.encoding,
            text: SecretBytes::new(key.as_bytes().to_vec()),
            not_before: None,
            not_after: None,
        }
    }

    fn judge(&self) -> Result<Verified, VerifyError> {
        self.judge_with(&self.keys().expect(&self.id))
    }

    fn judge_with(&self, keys: &KeyRing) -> Result<Verified, VerifyError> {
        let tolerance = self.scheme.documented_tolerance().unwrap_or(Duration::from_secs(300));
        let head = Head { method: self.method.clone(), target: self.target.clone(), headers: self.headers.clone() };
        let received = Received { head, body: RawBody::from(Bytes::from(self.body.clone())) };
        let presented = present(&self.scheme, &received.head)?;
        let integration = "payments".parse().unwrap();
        let judging = Judging { integration: &integration, scheme: &self.scheme, keys, tolerance };
        verify(&judging, presented, received, self.now)
    }
}

impl Case {
    /// The answer to an unsigned challenge.
    fn answer(&self) -> Option<Reply> {
        let head = Head { method: self.method.clone(), target: self.target.clone(), headers: self.headers.clone() };
        let keys = self.keys().expect(&self.id);
        handshake::unsigned(&self.scheme, &head, &|value| keys.challenge_mac(value, self.now))
    }
}

impl Vector {
    fn case(&self, catalogue: &Catalogue) -> Case {
        let body = match (&self.body, &self.body_b64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(base64)) => data_encoding::BASE64.decode(base64.as_bytes()).expect(&self.id),
            _ => panic!("{}: one body", self.id),
        };
        let header =
            |(name, value): (&String, &String)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        let encoding = |word: &String| KeyEncoding::WORDS.iter().find(|(known, _)| known == word).map(|(_, encoding)| *encoding);
        let url = self.url.as_deref().unwrap_or(URL);
        let scheme = catalogue.get(&self.provider).expect(&self.provider);
        let mut others = self.keys.clone();
        let named = others.pop_first();
        let own = self.secret.clone().or(self.public_key.clone()).or(named.as_ref().map(|(_, key)| key.clone()));
        Case {
            id: self.id.clone(),
            scheme: Arc::new(scheme.bound(url.split('?').next().unwrap(), &self.options)),
            method: self.method.as_deref().map_or(Method::POST, |method| method.parse().unwrap()),
            target: target(url),
            key: own.expect(&self.id),
            key_id: named.map(|(id, _)| id),
            others,
            encoding: self.key_encoding.as_ref().map(|word| encoding(word).expect(&self.id)),
            now: self.at_ms.map_or_else(|| UnixTime::from_seconds(self.at.unwrap_or(ANY_TIME)), UnixTime::from_millis),
            body,
            headers: self.headers.iter().map(header).collect(),
        }
    }
}

fn files() -> Vec<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// The builtin catalogue and the schemes that a file defines.
fn catalogue(file: &File) -> Catalogue {
    let read = |(name, table): (&String, &toml::Table)| {
        let faults = Faults::default();
        let document = Document::new("vectors", table.to_string());
        let scheme = document.read(&faults, |table| Scheme::read(&name.parse().unwrap(), table, Some(Evidence::Custom)));
        assert_eq!(faults.into_sorted(), [], "{name}");
        scheme.unwrap()
    };
    Catalogue::builtin().with_custom(file.provider.iter().map(read).collect())
}

/// Every vector with its case.
fn all() -> Vec<(Vector, Case)> {
    let files = files();
    let cases = files.iter().flat_map(|file| {
        let catalogue = catalogue(file);
        file.vector.iter().map(move |vector| (vector.clone(), vector.case(&catalogue)))
    });
    cases.collect()
}

/// A text, and JSON without the order of its members.
fn spelled(body: &[u8]) -> Result<serde_json::Value, Vec<u8>> {
    serde_json::from_slice(body).map_err(|_| body.to_vec())
}

fn verified() -> impl Iterator<Item = Case> {
    all().into_iter().filter(|(vector, _)| vector.verdict == "verified").map(|(_, case)| case)
}

#[test]
fn every_vector_has_its_verdict() {
    let all = all();
    assert!(all.len() >= 300, "{} vectors", all.len());
    for (vector, case) in all {
        if vector.verdict == "answered" {
            let expected = vector.expected_response_body.expect(&vector.id);
            assert_eq!(case.answer().map(|reply| spelled(&reply.body)), Some(spelled(expected.as_bytes())), "{}", vector.id);
            continue;
        }
        let verdict = case.judge();
        let word = verdict.as_ref().map_or_else(|error| error.reason().code(), |_| "verified");
        assert_eq!(word, vector.verdict, "{}", vector.id);
        if let Some(body) = vector.expected_response_body {
            let reply = verdict.unwrap().handshake().cloned().unwrap();
            assert_eq!(spelled(&reply.body), spelled(body.as_bytes()), "{}", vector.id);
        }
    }
}

/// Where the provider's own code says something else of a known answer, the vector says so, and why; it is a list of where we
/// are stricter.
#[test]
fn a_known_answer_that_others_judge_otherwise_says_why() {
    let mut seen = 0;
    for (vector, _) in all() {
        assert_eq!(vector.theirs.is_some(), vector.because.is_some(), "{}", vector.id);
        let Some(theirs) = vector.theirs else { continue };
        assert_eq!(theirs, "verified", "{}", vector.id);
        assert!(!["verified", "answered"].contains(&vector.verdict.as_str()), "{}", vector.id);
        seen += 1;
    }
    assert!(seen > 20, "{seen} vectors");
}

/// What was signed is one text, so only one of two is ever forwarded: a line break lost on the way, a signature in another case.
#[test]
fn what_was_signed_once_is_one_delivery() {
    let identity = |id: &str| verified().find(|case| case.id == id).unwrap().judge().unwrap().identity().hex();
    assert_eq!(identity("braintree-sample"), identity("braintree-sample-newline-stripped"));
    assert_eq!(identity("notion-sign"), identity("notion-upper-hex"));
}

#[test]
fn every_preset_that_says_vector_has_one() {
    let proven: Vec<String> = verified().map(|case| case.scheme.name.to_string()).collect();
    for scheme in Catalogue::builtin().iter().filter(|scheme| scheme.origin.evidence == Evidence::Vector) {
        assert!(proven.contains(&scheme.name.to_string()), "{}", scheme.name);
    }
}

#[test]
fn every_changed_added_or_missing_byte_of_the_body_is_refused() {
    for case in verified().filter(|case| case.scheme.covers_body() || case.scheme.content.contains(&Part::BodyCrc32)) {
        let keys = case.keys().unwrap();
        let refused = |body: Vec<u8>, what: &str, at: usize| {
            let changed = Case { body, ..case.clone() };
            let result = changed.judge_with(&keys).map(|_| ()).map_err(|error| error.reason());
            assert_eq!(result, Err(Reason::SignatureMismatch), "{}: {what} {at}", case.id);
        };
        // Another spelling of the same fields of a form is the same delivery.
        let by_field =
            case.scheme.content.iter().any(|part| {
                matches!(part, Part::SortedForm { .. } | Part::SortedRequest(_) | Part::PhpForm | Part::CanonicalBody)
            });
        for at in 0..case.body.len() {
            let mut body = case.body.clone();
            body[at] ^= 1 << (at % 8);
            if by_field { refused_or_same(&case, body, at) } else { refused(body, "changed", at) }
        }
        if by_field {
            continue;
        }
        for at in [0, case.body.len() / 2, case.body.len().saturating_sub(1)] {
            if case.body.is_empty() {
                break;
            }
            let mut body = case.body.clone();
            body.remove(at);
            refused(body, "missing", at);
            let mut body = case.body.clone();
            body.insert(at, b' ');
            refused(body, "added", at);
        }
        refused([&case.body[..], b"\n"].concat(), "added", case.body.len());
    }
}

/// What [`find`] looks into.
fn head_and_body(case: &Case) -> (Head, RawBody) {
    let head = Head { method: Method::POST, target: case.target.clone(), headers: case.headers.clone() };
    (head, RawBody::from(Bytes::from(case.body.clone())))
}

fn content_of(verified: &Verified) -> Vec<u8> {
    let mut content = Vec::new();
    verified.feed_content(&mut |piece| content.extend_from_slice(piece));
    content
}

fn refused_or_same(case: &Case, body: Vec<u8>, at: usize) {
    let honest = content_of(&case.judge().unwrap());
    if let Ok(verified) = (Case { body, ..case.clone() }).judge() {
        assert_eq!(content_of(&verified), honest, "{}: {at}", case.id);
    }
}

/// Private keys that sign nothing but tests.
const P256: &str = include_str!("keys/p256.pem");
const RSA: &str = include_str!("keys/rsa2048.pem");

/// A request with one signature, signed here: in a list of several a change of the others would rightly do no harm.
fn signed_alone(scheme: &Arc<Scheme>) -> Case {
    signed_over(scheme, None)
}

/// The same over one of the scheme's alternatives.
fn signed_over(scheme: &Arc<Scheme>, alternative: Option<usize>) -> Case {
    let options = scheme.options.iter().map(|(name, _)| (name.clone(), "option".to_owned())).collect();
    let scheme = &Arc::new(scheme.bound(URL, &options));
    let (secret, key, encoding) = match (scheme.signature.algorithm, scheme.signature.key_encoding) {
        (Algorithm::Ed25519, _) => ("4f".repeat(32), None, Some(KeyEncoding::Hex)),
        (Algorithm::Basic, _) => ("user:some password".to_owned(), None, None),
        (Algorithm::EcdsaP256, _) => (P256.to_owned(), None, Some(KeyEncoding::Pem)),
        (algorithm, _) if algorithm.is_asymmetric() => (RSA.to_owned(), None, Some(KeyEncoding::Pem)),
        (_, KeyEncoding::Hex) => ("4f".repeat(32), Some("4f".repeat(32)), None),
        (_, KeyEncoding::Base64) => ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), None, None),
        (_, KeyEncoding::Whsec) => ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), None, None),
        (_, _) => ("some secret".to_owned(), None, None),
    };
    let judged = scheme;
    let content = alternative.map_or(&scheme.content, |index| &scheme.alternatives[index]).clone();
    let scheme = &Scheme { content, ..Scheme::clone(judged) };
    let signing_key = SigningKey::parse(scheme, None, SecretBytes::new(secret.clone().into_bytes())).unwrap();
    let rule = &scheme.signature;
    let key_id = rule.names_keys().then(|| rule.key_id_of(0).unwrap_or("key-1").to_owned());
    let signing_key = signing_key.named(key_id.clone());
    let is_form = |place: &Locator| matches!(place, Locator::Form(_) | Locator::AnyForm(_));
    let wants_form = is_form(&scheme.signature.place)
        || scheme.content.iter().any(|part| match part {
            Part::SortedForm { .. } | Part::SortedRequest(_) | Part::PhpForm => true,
            Part::Field(place) => is_form(place),
            _ => false,
        });
    let json = br#"{"id":"1","kind":"a","webhookTimestamp":1750000000000,"time_ms":1750000000000,"webhookMetadata":{"webhookDeliveryAttemptTimestamp":"2025-06-15T15:06:40Z"}}"#;
    let body = match (scheme.content.contains(&Part::NoBody), wants_form) {
        (true, _) => Vec::new(),
        (_, true) => b"id=1&type=a".to_vec(),
        (_, false) => json.to_vec(),
    };
    let now = UnixTime::from_seconds(ANY_TIME);
    let given = scheme.given_headers().map(|name| (name.clone(), HeaderValue::from_static("orders")));
    let mut headers: HeaderMap = given.collect();
    let request = Request { id: Some("msg_1"), timestamp: now, headers: &headers.clone(), body: &body };
    let made = sign_body(scheme, &signing_key, &request);
    let body = made.unwrap_or_else(|| body.clone());
    let request = Request { body: &body, ..request };
    let signed = sign(scheme, &signing_key, &request);
    let query = sign_query(scheme, &signing_key, &request, "");
    headers.extend(signed);
    let key = signing_key.public_key_hex().or(signing_key.public_key_pem()).or(key).unwrap_or(secret);
    Case {
        id: scheme.name.to_string(),
        scheme: Arc::clone(judged),
        key,
        key_id,
        others: BTreeMap::new(),
        encoding,
        now,
        method: scheme.methods[0].clone(),
        target: target(&query.map_or_else(|| URL.to_owned(), |pair| format!("{URL}?{pair}"))),
        body,
        headers,
    }
}

fn every_scheme() -> Vec<Arc<Scheme>> {
    let mut schemes: BTreeMap<String, Arc<Scheme>> = BTreeMap::new();
    for file in files() {
        schemes.extend(catalogue(&file).iter().map(|scheme| (scheme.name.to_string(), Arc::clone(scheme))));
    }
    schemes.into_values().filter(|scheme| scheme.signature.algorithm.can_sign()).collect()
}

/// Another character of the same kind, so that what is refused is the value and not only its alphabet.
fn other(byte: u8) -> u8 {
    match byte {
        b'0' | b'a' | b'A' => byte + 1,
        b'1'..=b'9' | b'b'..=b'z' | b'B'..=b'Z' => byte - 1,
        _ => b'a',
    }
}

/// A space that may stand behind a separator need not.
fn may_be_missing(scheme: &Scheme, byte: u8) -> bool {
    byte == b' ' && matches!(scheme.signature.format, SignatureFormat::Pairs { spaced: true, .. })
}

fn changed_at(text: &[u8], at: usize) -> Vec<u8> {
    let mut changed = text.to_vec();
    changed[at] = other(changed[at]);
    changed
}

#[test]
fn every_changed_character_of_every_header_of_the_scheme_is_refused() {
    for scheme in every_scheme() {
        let case = signed_alone(&scheme);
        let keys = case.keys().unwrap();
        assert!(case.judge_with(&keys).is_ok(), "{}", case.id);
        for name in scheme.header_names() {
            // Of several headers one is enough.
            let Some(text) = case.headers.get(name).map(|text| text.as_bytes().to_vec()) else { continue };
            for at in 0..text.len() {
                let mut changed = case.clone();
                changed.headers.insert(name.clone(), HeaderValue::from_bytes(&changed_at(&text, at)).unwrap());
                assert!(changed.judge_with(&keys).is_err(), "{}: {name} {at}", case.id);
                if may_be_missing(&scheme, text[at]) {
                    continue;
                }
                let mut cut = case.clone();
                let (before, after) = text.split_at(at);
                cut.headers.insert(name.clone(), HeaderValue::from_bytes(&[before, &after[1..]].concat()).unwrap());
                assert!(cut.judge_with(&keys).is_err(), "{}: {name} without {at}", case.id);
            }
        }
    }
}

#[test]
fn another_time_than_the_signed_one_is_refused() {
    for scheme in every_scheme() {
        let case = signed_alone(&scheme);
        let Some(rule) = &scheme.timestamp else { continue };
        let header = match &rule.place {
            TimestampPlace::Header(name) => name,
            TimestampPlace::SignatureField(_) => scheme.signature.header().unwrap(),
            TimestampPlace::Json(_) | TimestampPlace::Form(_) | TimestampPlace::Claim(_) => continue,
        };
        let text = case.headers.get(header).unwrap().to_str().unwrap().to_owned();
        for seconds in [ANY_TIME - 1, ANY_TIME + 1, ANY_TIME + 299] {
            let mut changed = case.clone();
            let date = |seconds: i64| UnixTime::from_seconds(seconds).to_string();
            let value = text.replace(&ANY_TIME.to_string(), &seconds.to_string()).replace(&date(ANY_TIME), &date(seconds));
            changed.headers.insert(header.clone(), HeaderValue::from_str(&value).unwrap());
            assert_eq!(changed.judge().map(|_| ()), Err(VerifyError::SignatureMismatch), "{}", case.id);
        }
    }
}

#[test]
fn every_changed_character_of_the_key_is_refused() {
    // Of a certificate only its public key counts, and of a set its keys: their other bytes say nothing.
    let is_der = |case: &Case| case.scheme.signature.algorithm.signature_bytes().is_none();
    let is_text = |case: &Case| case.key.starts_with("-----BEGIN") || case.key.starts_with('{');
    let is_bare = |case: &Case| case.others.is_empty() && !is_text(case) && !is_der(case);
    for case in every_scheme().iter().map(signed_alone).chain(verified()).filter(is_bare) {
        for at in 0..case.key.len() {
            let key = String::from_utf8(changed_at(case.key.as_bytes(), at)).unwrap();
            // A word of what stands before the key is no part of it.
            let form = &case.scheme.signature.key_form;
            if form.unprefixed(&key) == form.unprefixed(&case.key) {
                continue;
            }
            let changed = Case { key, ..case.clone() };
            // A change may leave no key at all; then there is nothing to verify with.
            if let Some(keys) = changed.keys() {
                assert_eq!(changed.judge_with(&keys).map(|_| ()), Err(VerifyError::SignatureMismatch), "{}: {at}", case.id);
            }
        }
    }
}

/// Every field of the body that is signed by itself, and the signature beside it.
fn signed_places(scheme: &Scheme) -> Vec<Locator> {
    let mut places: Vec<Locator> = Vec::new();
    for part in &scheme.content {
        match part {
            Part::Field(place) => places.push(place.clone()),
            Part::Members(list) => places.extend(list.members.iter().map(|member| Locator::Json(member.pointer.clone()))),
            _ => {}
        }
    }
    places.extend(scheme.signature.header().is_none().then(|| scheme.signature.place.clone()));
    places
}

#[test]
fn every_changed_character_of_every_signed_field_of_a_body_is_refused() {
    let mut seen = 0;
    for case in every_scheme().iter().map(signed_alone).chain(verified()) {
        let Ok(text) = String::from_utf8(case.body.clone()) else { continue };
        let (head, body) = head_and_body(&case);
        for place in signed_places(&case.scheme) {
            // A form's field is found again by its encoded text only where that is plain.
            let Some(value) = find(&[&place], &head, &body).remove(0).filter(|value| text.matches(value.as_str()).count() == 1)
            else {
                continue;
            };
            let at = text.find(&value).unwrap();
            for index in at..at + value.len() {
                let body = changed_at(case.body.as_slice(), index);
                assert!(Case { body, ..case.clone() }.judge().is_err(), "{}: {place} {index}", case.id);
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen} fields");
}

#[test]
fn a_bearer_s_delivery_is_its_body_and_its_id_too() {
    let bearers: Vec<Arc<Scheme>> = every_scheme().into_iter().filter(|scheme| scheme.is_bearer()).collect();
    assert!(bearers.len() >= 10);
    for scheme in &bearers {
        let case = signed_alone(scheme);
        let verified = case.judge().unwrap();
        let (body, id) = verified.unsigned_identity().unwrap();
        assert_eq!(body.contiguous().as_ref(), case.body.as_slice(), "{}", case.id);
        assert_eq!(id, verified.delivery_id().map_or("", |field| field.text.as_str()));
    }
}
