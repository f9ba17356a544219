//! Every preset beside its algorithm alone: what the rest of a scheme costs, where its parts stand and how they are written.
//!
//! A request of each preset is made by the other hand, with the event and the id where the scheme looks for them, and verified.
//! Beside it stands a scheme of the same algorithm that signs the body and nothing else, over the same body: what verification
//! takes more than that is the preset's own. RSA with SHA-1 and its like are left out: nothing here signs with them.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXUPPER;
use hookward::document::{Document, Faults};
use hookward::domain::head::{Head, Received};
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::UnixTime;
use hookward::gate::verify::gate::{Judging, verify};
use hookward::gate::verify::keys::{KeyMaterial, KeyRing};
use hookward::gate::verify::presented::present;
use hookward::gate::verify::sign::{Request, SigningKey, sign, sign_body, sign_query};
use hookward::provider::Catalogue;
use hookward::provider::locate::form::Form;
use hookward::provider::scheme::{Algorithm, Evidence, KeyEncoding, Locator, Part, Scheme};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Uri};
use serde_json::{Map, Value};

use super::{Delivery, SEED, judge, timed};

const URL: &str = "https://hooks.example.com/in";
const AT: UnixTime = UnixTime::from_seconds(1_750_000_000);
const BODY_BYTES: [usize; 2] = [512, 4 << 10];
const P256: &str = include_str!("../tests/keys/p256.pem");
const RSA: &str = include_str!("../tests/keys/rsa2048.pem");

/// What a preset took, and its algorithm alone, in nanoseconds: for each size of body.
struct Row {
    name: String,
    took: [(u128, u128); BODY_BYTES.len()],
}

/// Prints a line for each preset, the dearest last, and says which it cannot sign for.
pub(super) fn report() {
    let presets = Catalogue::builtin().iter().filter(|scheme| scheme.signature.algorithm.can_sign());
    let fits = |scheme: &Scheme| verifies(scheme, &delivery(scheme, &body(scheme, BODY_BYTES[0]), false));
    let (fit, unfit): (Vec<Scheme>, Vec<Scheme>) = presets.map(|scheme| bound(scheme)).partition(fits);
    for scheme in unfit {
        println!("{}: left out, what this bench signs is not what it takes", scheme.name);
    }
    let mut rows: Vec<Row> = fit.iter().flat_map(rows_of).collect();
    rows.sort_by_key(|row| row.took.map(|(own, bare)| own.saturating_sub(bare)));
    println!("nanoseconds, and how many more than the algorithm alone    512 B           4 KiB");
    for Row { name, took } in rows {
        let columns = took.map(|(own, bare)| format!("{own:>9} {:>+6}", own.cast_signed() - bare.cast_signed()));
        println!("{name:<50} {}", columns.join(" "));
    }
}

/// A preset with a URL, and something for each of its options.
fn bound(scheme: &Scheme) -> Scheme {
    let options = scheme.options.iter().map(|(name, _)| (name.clone(), "option".to_owned())).collect();
    scheme.bound(URL, &options)
}

fn verifies(scheme: &Scheme, delivery: &Delivery) -> bool {
    let Delivery { integration, keys, head, body, at } = delivery;
    let judging = Judging { integration, scheme, keys, tolerance: Duration::from_secs(300) };
    let received = Received { head: head.clone(), body: body.clone().into() };
    present(scheme, head).is_ok_and(|presented| verify(&judging, presented, received, *at).is_ok())
}

/// One row, and one more where a form may be in parts.
fn rows_of(scheme: &Scheme) -> Vec<Row> {
    let row = |name: String, in_parts: bool| {
        let took = BODY_BYTES.map(|bytes| {
            let own = delivery(scheme, &body(scheme, bytes), in_parts);
            let bare = bare(scheme);
            let alone = delivery(&bare, &own.body, false);
            beside(scheme, &own, &bare, &alone)
        });
        Row { name, took }
    };
    let name = format!("{} ({})", scheme.name, scheme.signature.algorithm.code());
    let in_parts = wants(scheme, |place| matches!(place, Locator::AnyForm(_)));
    let parts = in_parts.then(|| row(format!("{name}, form in parts"), true));
    [row(name, false)].into_iter().chain(parts).collect()
}

/// The quietest of some rounds of each, by turns.
fn beside(scheme: &Scheme, own: &Delivery, bare: &Scheme, alone: &Delivery) -> (u128, u128) {
    let rounds = if scheme.signature.algorithm.is_asymmetric() { 10 } else { 60 };
    let once = |scheme: &Scheme, delivery: &Delivery| {
        let received = || Received { head: delivery.head.clone(), body: delivery.body.clone().into() };
        timed(received, |received| judge(scheme, delivery, received)).as_nanos()
    };
    let pairs = (0..rounds).map(|_| (once(scheme, own), once(bare, alone)));
    pairs.fold((u128::MAX, u128::MAX), |least, round| (least.0.min(round.0), least.1.min(round.1)))
}

/// A scheme that signs the body by the same algorithm, in one header, and looks for nothing.
fn bare(scheme: &Scheme) -> Scheme {
    let algorithm = scheme.signature.algorithm;
    let (content, encoding) = match algorithm {
        algorithm if algorithm.is_digest() => ("content = '{secret}{body}'", "hex"),
        algorithm if algorithm.is_shown() => ("", "plain"),
        _ => ("content = '{body}'", "hex"),
    };
    let text = format!(
        "title = 'Bare'\ndocs = 'https://example.com'\n{content}\n\
         signature = {{ header = 'x-s', algorithm = '{}', encoding = '{encoding}', key_encoding = '{}' }}\n",
        algorithm.code(),
        KeyEncoding::WORDS.iter().find(|(_, known)| *known == scheme.signature.key_encoding).unwrap().0,
    );
    let faults = Faults::default();
    let document = Document::new("bare", text);
    let read = document.read(&faults, |table| Scheme::read(&"bare".parse().unwrap(), table, Some(Evidence::Custom)));
    read.unwrap_or_else(|| panic!("{:?}", faults.into_sorted()))
}

fn delivery(scheme: &Scheme, body: &Bytes, in_parts: bool) -> Delivery {
    let rule = &scheme.signature;
    let (secret, encoding) = match (rule.algorithm, rule.key_encoding) {
        (Algorithm::Ed25519, _) => (SEED, Some(KeyEncoding::Hex)),
        (Algorithm::EcdsaP256, _) => (P256, Some(KeyEncoding::Pem)),
        (algorithm, _) if algorithm.is_asymmetric() => (RSA, Some(KeyEncoding::Pem)),
        (Algorithm::Basic, _) => ("user:9d61b19deffd5a60ba844af492ec2cc4", None),
        (_, KeyEncoding::Base64 | KeyEncoding::Whsec) => ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None),
        (_, _) => (SEED, None),
    };
    let key_id = rule.names_keys().then(|| rule.key_id_of(0).unwrap_or("key-1").to_owned());
    let key = SigningKey::parse(scheme, None, SecretBytes::new(secret.into())).unwrap().named(key_id.clone());
    let public = key.public_key_hex().or(key.public_key_pem());
    let material = KeyMaterial {
        id: "bench".parse().unwrap(),
        key_id,
        encoding,
        text: SecretBytes::new(public.unwrap_or_else(|| secret.to_owned()).into_bytes()),
        not_before: None,
        not_after: None,
    };
    let mut headers = given_headers(scheme);
    let request = Request { id: Some("msg_1"), timestamp: AT, headers: &headers, body };
    let body = sign_body(scheme, &key, &request).map_or_else(|| body.clone(), Bytes::from);
    let signed = sign_query(scheme, &key, &Request { body: &body, ..request }, "");
    let query = signed.map_or_else(String::new, |query| format!("?{}", query.trim_start_matches('?')));
    let made = sign(scheme, &key, &Request { body: &body, ..request });
    for (name, value) in made {
        headers.insert(name, value);
    }
    let body = if in_parts { parts(&body, &mut headers) } else { body };
    let method = scheme.methods.first().unwrap().clone();
    let head = Head { method, target: format!("/in{query}").parse::<Uri>().unwrap(), headers };
    Delivery {
        integration: "payments".parse().unwrap(),
        keys: KeyRing::build(scheme, vec![material]).unwrap(),
        head,
        body,
        at: AT,
    }
}

/// The headers that the sender fills in: those that are signed, and the first that hold an event and an id.
fn given_headers(scheme: &Scheme) -> HeaderMap {
    let signed = scheme.content.iter().filter_map(|part| match part {
        Part::Header(name) => Some(name),
        _ => None,
    });
    let found = [scheme.event.first(), scheme.delivery_id.first()].into_iter().flatten().filter_map(|place| match place {
        Locator::Header(name) => Some(name),
        _ => None,
    });
    let mut headers = HeaderMap::new();
    for name in signed.chain(found) {
        headers.insert(name.clone(), HeaderValue::from_static("orders"));
    }
    headers
}

/// A body of many short fields, with the event and the id in it where the scheme looks first.
fn body(scheme: &Scheme, bytes: usize) -> Bytes {
    if scheme.content.contains(&Part::NoBody) {
        return Bytes::new();
    }
    let places: Vec<&Locator> = [scheme.event.first(), scheme.delivery_id.first()].into_iter().flatten().collect();
    let is_form = |place: &Locator| matches!(place, Locator::Form(_) | Locator::AnyForm(_) | Locator::FormJson { .. });
    if wants(scheme, is_form) || places.first().is_some_and(|place| is_form(place)) {
        let fields: Vec<String> = places.iter().filter_map(|place| in_form(place)).collect();
        let filler = (0..).map(|index| format!("field_{index}=value+of%20it"));
        return fill(fields.join("&"), filler, |body| body.len() >= bytes).into();
    }
    let pointers = places.iter().filter_map(|place| match place {
        Locator::Json(pointer) => Some(pointer.as_str()),
        _ => None,
    });
    let mut value = Value::Null;
    for pointer in ["/webhookTimestamp", "/time_ms"].into_iter().chain(pointers) {
        put(
            &mut value,
            pointer.split('/').skip(1),
            if pointer.contains("ime") { 1_750_000_000_000_u64.into() } else { "a".into() },
        );
    }
    let item = || serde_json::json!({ "id": "li_1NvQ", "amount": 2000, "currency": "usd", "paid": true, "plan": null });
    let holder = if let Value::Array(list) = &mut value { list.first_mut().unwrap() } else { &mut value };
    let count = bytes / item().to_string().len();
    holder.as_object_mut().unwrap().insert("a-list".to_owned(), (0..count).map(|_| item()).collect());
    value.to_string().into()
}

fn fill(body: String, filler: impl Iterator<Item = String>, is_full: impl Fn(&str) -> bool) -> String {
    let mut body = body;
    for pair in filler {
        if is_full(&body) {
            break;
        }
        body.push_str(if body.is_empty() { "" } else { "&" });
        body.push_str(&pair);
    }
    body
}

fn in_form(place: &Locator) -> Option<String> {
    match place {
        Locator::Form(field) | Locator::AnyForm(field) => Some(format!("{field}=a")),
        Locator::FormJson { field, pointer } => {
            let mut value = Value::Null;
            put(&mut value, pointer.as_str().split('/').skip(1), "a".into());
            let escaped: String = value.to_string().bytes().map(|byte| ["%", &HEXUPPER.encode(&[byte])].concat()).collect();
            Some(format!("{field}={escaped}"))
        }
        _ => None,
    }
}

/// Puts a value at a pointer's tokens; a first element makes a list, any other token an object.
fn put<'a>(into: &mut Value, mut tokens: impl Iterator<Item = &'a str>, value: Value) {
    let Some(token) = tokens.next() else {
        *into = value;
        return;
    };
    if token == "0" && !into.is_object() {
        if !into.is_array() {
            *into = Value::Array(vec![Value::Null]);
        }
        return put(&mut into[0], tokens, value);
    }
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    put(into.as_object_mut().unwrap().entry(token.to_owned()).or_insert(Value::Null), tokens, value);
}

/// Whether what is signed or shown stands at such a place.
fn wants(scheme: &Scheme, is_so: impl Fn(&Locator) -> bool) -> bool {
    let in_content = scheme.content.iter().any(|part| match part {
        Part::SortedForm { .. } | Part::SortedRequest(_) | Part::PhpForm => is_so(&Locator::Form(String::new())),
        Part::Field(place) => is_so(place),
        _ => false,
    });
    in_content || is_so(&scheme.signature.place)
}

/// The same fields as `multipart/form-data`.
fn parts(form: &[u8], headers: &mut HeaderMap) -> Bytes {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=xYz"));
    let fields: BTreeMap<String, String> = Form::parse(form).unwrap().fields().unwrap().into_iter().collect();
    let part =
        |(name, value): (String, String)| format!("--xYz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    (fields.into_iter().map(part).collect::<String>() + "--xYz--\r\n").into()
}
