//! What the grammar takes, and every fault it finds.

use crate::document::{Document, Faults};
use crate::provider::scheme::*;

const GENERIC: &str = r#"
content = "{timestamp}.{body}"
signature = { header = "X-Signature", algorithm = "hmac-sha512", encoding = "base64url", prefix = "v1=" }
timestamp = { header = "X-Timestamp", unit = "ms", tolerance = "90s" }
event = "header:X-Topic"
"#;

fn read(text: &str, evidence: Option<Evidence>) -> (Option<Scheme>, Vec<String>) {
    let faults = Faults::default();
    let document = Document::new("f.toml", text);
    let scheme = document.read(&faults, |table| Scheme::read(&"acme".parse().unwrap(), table, evidence));
    (scheme, faults.into_sorted().iter().map(|fault| format!("{}: {}", fault.key, fault.reason)).collect())
}

#[test]
fn a_custom_scheme_is_a_few_lines() {
    let (scheme, faults) = read(GENERIC, Some(Evidence::Custom));
    assert_eq!(faults, Vec::<String>::new());
    let scheme = scheme.unwrap();
    assert_eq!((scheme.title.as_str(), scheme.origin.evidence), ("acme", Evidence::Custom));
    assert_eq!(scheme.signature.algorithm, Algorithm::HmacSha512);
    assert_eq!(scheme.signature.key_encoding, KeyEncoding::Utf8);
    assert_eq!(scheme.signature.encoding, SignatureEncoding::Base64Url);
    assert_eq!(scheme.signature.format, SignatureFormat::Prefixed { prefix: "v1=".to_owned() });
    assert_eq!(scheme.documented_tolerance(), Some(std::time::Duration::from_secs(90)));
    assert_eq!(scheme.methods, [http::Method::POST]);
    assert_eq!((scheme.retries, scheme.on_replay), (Retries::Unknown, OnRefusal::Reject));
    assert!(!scheme.covers(&scheme.event[0]));
}

#[test]
fn a_preset_says_where_it_comes_from() {
    let (scheme, faults) = read(GENERIC, None);
    assert!(scheme.is_none());
    assert_eq!(faults, ["checked: is missing", "docs: is missing", "evidence: is missing"]);
}

#[test]
fn a_key_of_another_algorithm_defaults_to_its_own_encoding() {
    let text = "content = '{body}'\nsignature = { header = 'X-S', algorithm = 'ed25519', encoding = 'hex' }";
    assert_eq!(read(text, Some(Evidence::Custom)).0.unwrap().signature.key_encoding, KeyEncoding::Hex);
}

#[test]
fn an_unsigned_challenge_is_described_by_its_query() {
    let text =
        format!("{GENERIC}\n[[handshake]]\nmethod = 'GET'\nquery = {{ 'hub.mode' = 'subscribe' }}\necho = 'hub.challenge'");
    let (scheme, faults) = read(&text, Some(Evidence::Custom));
    assert_eq!(faults, Vec::<String>::new());
    let handshake = &scheme.unwrap().handshakes[0];
    let fixed = vec![("hub.mode".to_owned(), "subscribe".to_owned())];
    let expected = HandshakeShape::Unsigned {
        method: http::Method::GET,
        fixed,
        ignored: Vec::new(),
        echoed: Some(Echoed::Query("hub.challenge".to_owned())),
    };
    assert_eq!(handshake.shape, expected);
    assert_eq!(handshake.reply, HandshakeReply::EchoText { field: None });
}

/// `GENERIC` with some lines replaced by others, and the faults that makes.
#[test]
fn each_inconsistency_is_a_fault() {
    let timestamp = r#"timestamp = { header = "X-Timestamp", unit = "ms", tolerance = "90s" }"#;
    let content = r#"content = "{timestamp}.{body}""#;
    let format = r#"prefix = "v1=""#;
    let event = r#"event = "header:X-Topic""#;
    let cases: &[(&str, &str, &[&str])] = &[
        (timestamp, "", &["content: signs a {timestamp} that stands nowhere"]),
        (content, r#"content = "{body}""#, &["timestamp: is not signed, so it proves no freshness"]),
        (content, r#"content = "{timestamp}""#, &["content: must hold {body} exactly once, or fields of it"]),
        (content, r#"content = "{id}.{timestamp}.{body}""#, &["content: signs an {id} that stands nowhere"]),
        (content, "", &["content: is missing"]),
        (event, "id = { header = 'X-Id' }", &["id: is not signed"]),
        (event, "id = { }", &["id: is not signed", "id.header: is missing"]),
        (event, "event = 'type'", &["event: must begin with header:, json:, form:, any-form: or query:"]),
        (event, "delivery_id_unique = true", &["delivery_id_unique: speaks of a delivery id, and none is named"]),
        (event, "strip_headers = ['X-Timestamp']", &["strip_headers: names a header that is verified"]),
        (
            event,
            "event = ['header:X-Topic', 'json:/token']\ncarries_secrets = ['json:/token']",
            &["carries_secrets: names a place that event or delivery_id would write down"],
        ),
        (event, "fixed_headers = { 'X-A' = '' }", &["fixed_headers.X-A: must be visible ASCII characters"]),
        (event, "fixed_headers = { 'X A' = '1' }", &["fixed_headers.X A: is no name of a header"]),
        (event, "fixed_headers = { X-Timestamp = '1' }", &[": uses one header twice"]),
        (content, "content = []", &["content: must name at least one content"]),
        (
            content,
            "content = ['{timestamp}.{body}', '{timestamp}-{body}']",
            &[
                "content: may differ from the first only in the port of its URL, and in fixed text without letters and digits at its end",
            ],
        ),
        (event, "methods = []", &["methods: must name at least one method"]),
        (event, "deadline = '0s'", &["deadline: must not be zero"]),
        (event, "max_body = '1MB'", &["max_body: must end in B, KiB, MiB or GiB"]),
        (event, "checked = 2026-11-21T00:00:00Z", &["checked: must be a date"]),
        (event, "evidence = 'custom'", &["evidence: must be \"vector\" or \"sdk\" or \"document\" or \"secondary\""]),
        (event, "secret = { encoding = 'jwks' }", &["secret: has an encoding that no key of hmac-sha512 is written in"]),
        (event, "secret = { encoding = 'pem' }", &["secret: has an encoding that no key of hmac-sha512 is written in"]),
        (event, "secret = { }", &["secret.encoding: is missing"]),
        (event, "tolerance = '5m'", &["tolerance: is no key of this table"]),
        (
            timestamp,
            "timestamp = { unit = 'ms' }",
            &["timestamp: needs exactly one of header, field, json, form, query and claim"],
        ),
        (
            timestamp,
            "timestamp = { form = 'json:/t' }",
            &[
                "timestamp: needs exactly one of header, field, json, form, query and claim",
                "timestamp.form: must be a field of a form, form:field or any-form:field",
            ],
        ),
        (timestamp, "timestamp = { field = 't' }", &["timestamp: names a field, and the signature has none"]),
        (timestamp, "timestamp = { header = 'X-Signature' }", &[": uses one header twice"]),
        (
            timestamp,
            "timestamp = { header = 'X-T', unit = 'us' }",
            &["timestamp.unit: must be \"s\" or \"ms\" or \"rfc3339\" or \"rfc3339-utc\""],
        ),
        (timestamp, "timestamp = { header = 'X-T', tolerance = '10ms' }", &["timestamp.tolerance: must be at least one second"]),
        (format, "prefix = 'ü'", &["signature.prefix: may hold only visible ASCII characters, and spaces behind the first"]),
        (format, "format = 'pairs'", &["signature.key: is missing"]),
        (format, "format = 'pairs', key = 'v=1'", &["signature.key: may hold only letters, digits, '_' and '-'"]),
        (format, "format = 'versioned'", &["signature.version: is missing"]),
        (
            format,
            "format = 'named', between = 'a|'",
            &["signature.between: must be visible ASCII without the separator, and begin with no letter or digit"],
        ),
        (
            format,
            "format = 'named', separator = ',', between = '/a,'",
            &["signature.between: must be visible ASCII without the separator, and begin with no letter or digit"],
        ),
        (event, "secret = { encoding = 'utf8', prefix = 'a-*-*-' }", &["secret.prefix: holds more than one `*`"]),
        (
            format,
            "format = 'list', key = 'v1'",
            &[
                "signature.format: must be \"prefixed\" or \"pairs\" or \"versioned\" or \"joined\" or \"named\" or \"json\" or \"jwt\" or \"jws-detached\"",
            ],
        ),
        (format, "format = 'versioned', version = 'v1', key = 'x'", &["signature.key: is no key of this table"]),
        (
            format,
            "format = 'pairs', key = 'v1', separator = '='",
            &["signature.separator: must be \",\" or \";\" or \":\" or \"&\" or \"|\" or \" \" or \".\""],
        ),
    ];
    for (from, to, expected) in cases {
        assert!(GENERIC.contains(from));
        let (_, faults) = read(&GENERIC.replace(from, to), Some(Evidence::Custom));
        assert_eq!(faults, *expected, "{to}");
    }
}

#[test]
fn each_inconsistency_of_what_bodies_and_tokens_carry_is_a_fault() {
    let carried = "content = '{json:/a}'\nsignature = { at = 'json:/s', algorithm = 'hmac-sha256', encoding = 'hex' }";
    let token = "signature = { header = 'X-T', algorithm = 'hmac-sha256', format = 'jwt' }";
    let others: &[(String, &[&str])] = &[
        (carried.to_owned(), &[]),
        (token.to_owned(), &[]),
        (
            format!("{carried}\nevent = ['json:/s']"),
            &["signature: stands where event or delivery_id is looked for, and would be written down"],
        ),
        (carried.replace("/a}", "/s}"), &["signature: stands in what it signs"]),
        (carried.replace("{json:/a}", "{body}"), &["signature: stands in what it signs"]),
        (carried.replace("{json:/a}", "{jcs:body}"), &["signature: stands in what it signs"]),
        (carried.replace("{json:/a}", "{compact:/a}"), &[]),
        (
            carried.replace("{json:/a}", "{compact:/a}").replace("'json:/s'", "'json:/a/s'"),
            &["signature: stands in what it signs"],
        ),
        (
            "content = '{sha256:body=X-D}'\nsignature = { header = 'X-D', algorithm = 'hmac-sha256', encoding = 'hex' }"
                .to_owned(),
            &["uses one header twice"],
        ),
        (
            "content = '{header:X-K}.{body}'\nsecret = { encoding = 'utf8', key_id = 'X-K' }\n\
             signature = { header = 'X-S', algorithm = 'hmac-sha256', encoding = 'hex' }"
                .to_owned(),
            &[],
        ),
        (
            "content = '{body}'\nsignature = { at = 'any-form:s', algorithm = 'hmac-sha256', encoding = 'hex' }".to_owned(),
            &["signature: stands in what it signs"],
        ),
        (
            carried.replace("encoding", "format = 'versioned', version = 'v1', encoding"),
            &["signature: has a format that only headers have"],
        ),
        (format!("{carried}\nclaims = {{ iss = 'a' }}"), &["claims: are a token's, and none is presented"]),
        (format!("{carried}\ntimestamp = {{ claim = 'iat' }}"), &["timestamp: is not signed, so it proves no freshness"]),
        (format!("{carried}\ntimestamp = {{ json = '/t' }}"), &["timestamp: is not signed, so it proves no freshness"]),
        (format!("{token}\ncontent = '{{body}}'"), &["content: is the token's own: its header and claims"]),
        (
            format!("{token}\nclaims = {{ aud = '{{option:audience}}', sub = '{{nothing}}' }}"),
            &[
                "claims.sub: is no fixed text and nothing that a claim is compared with",
                "options: must describe the options of content, claims and handshakes, each of them and no other",
            ],
        ),
    ];
    for (text, expected) in others {
        let (_, faults) = read(text, Some(Evidence::Custom));
        let without_key = |fault: &String| fault.trim_start_matches(": ").replacen("options must", "options: must", 1);
        let mut faults: Vec<String> = faults.iter().map(without_key).collect();
        faults.sort_unstable();
        assert_eq!(faults, *expected, "{text}");
    }
}

#[test]
fn a_field_timestamp_has_a_key_of_its_own() {
    let text = "content = '{timestamp}.{body}'\ntimestamp = { field = 'v1' }\n\
        signature = { header = 'X-S', algorithm = 'hmac-sha256', encoding = 'hex', format = 'pairs', key = 'v1' }";
    let (_, faults) = read(text, Some(Evidence::Custom));
    assert_eq!(faults, ["timestamp: has a field that is not told from the signature's key"]);
}

#[test]
fn each_broken_challenge_is_a_fault() {
    let cases: [(&str, &[&str]); 11] = [
        ("field = 'json:/a'\nequals = 'x'", &["handshake[0]: says no reply"]),
        ("field = 'json:/a'\nreply = { status = 204 }", &["handshake[0].equals: is missing"]),
        (
            "field = 'header:X-Kind'\nequals = 'x'\nreply = { status = 204 }",
            &["handshake: takes a field at its word that the signature does not cover"],
        ),
        ("field = 'json:/a'\nequals = 'x'\nreply = { status = 404 }", &["handshake[0].reply.status: must be from 200 to 299"]),
        (
            "field = 'json:/a'\nequals = 'x'\nreply = { status = 204, body = 'x' }",
            &["handshake[0].reply: needs a content_type exactly where it has a body, and neither with 204"],
        ),
        (
            "field = 'json:/a'\nequals = 'x'\nreply = { hmac = 'json:/b', encoding = 'hex' }",
            &["handshake[0].reply.member: is missing"],
        ),
        ("method = 'GET'", &["handshake[0]: echoes a value, and names none"]),
        ("method = 'PUT'\necho = 'a'", &["handshake[0].method: must be \"GET\" or \"HEAD\" or \"OPTIONS\" or \"POST\""]),
        ("method = 'POST'\nreply = { status = 200 }", &["handshake[0]: is no more than an empty delivery"]),
        ("method = 'GET'\necho = 'a'\nreply = { sha256 = 'value' }", &["handshake[0].reply.member: is missing"]),
        ("method = 'GET'\necho = 'a'\nquery = { a = 'b' }", &["handshake[0]: echoes a query field that has a fixed value"]),
    ];
    for (text, expected) in cases {
        let (_, faults) = read(&format!("{GENERIC}\n[[handshake]]\n{text}"), Some(Evidence::Custom));
        assert_eq!(faults, expected, "{text}");
    }
    let echo = "method = 'GET'\necho = 'a'\nreply = { echo = 'json:/b', member = 'b' }";
    let (_, faults) = read(&format!("{GENERIC}\n[[handshake]]\n{echo}"), Some(Evidence::Custom));
    assert_eq!(faults, ["handshake[0]: echoes from a body, and an unsigned challenge has none"]);
}

#[test]
fn more_places_than_the_bound_are_a_fault() {
    let events: Vec<String> = (0..17).map(|index| format!("'json:/{index}'")).collect();
    let text = GENERIC.replace(r#"event = "header:X-Topic""#, &format!("event = [{}]", events.join(",")));
    assert_eq!(read(&text, Some(Evidence::Custom)).1, [": names more than 16 places to look at"]);
}
