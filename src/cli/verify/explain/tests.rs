//! Each cause of the contract, produced as it happens, and the exact line that tells it.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::config;
use crate::gate::verify::sign::{Request, SigningKey, sign, sign_query};

const AT: i64 = 1_700_000_000;
const BASE64: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const HEX: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PLAIN: &str = "a secret of some length";
const OTHER: &str = "another secret of some length";
const URL: &str = "https://example.com/in";

/// Integrations by what their secret file holds.
const INTEGRATIONS: [(&str, &str, &str, &str); 13] = [
    ("base64", "github", BASE64, ""),
    ("hex", "github", HEX, ""),
    ("other", "slack", OTHER, ""),
    ("page", "shopify-app-proxy", PLAIN, ""),
    ("plain", "github", PLAIN, ""),
    ("quoted", "github", "\"a secret of some length\"", ""),
    ("spaced", "github", " a secret of some length ", ""),
    ("contentful", "contentful", PLAIN, "public_url = \"https://example.com/in\""),
    ("qstash", "upstash-qstash", PLAIN, "public_url = \"https://example.com/in\""),
    ("walmart", "walmart", PLAIN, "public_url = \"https://example.com/in\""),
    ("square", "square", PLAIN, "public_url = \"https://example.com/in\""),
    ("standard", "standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ""),
    ("stripe", "stripe", PLAIN, ""),
];

struct World {
    folder: tempfile::TempDir,
    plan: Plan,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "[[listener]]\nbind = \"127.0.0.1:8443\"\ntls = { cert = \"c\", key = \"k\" }\n".to_owned();
    for (name, provider, secret, line) in INTEGRATIONS {
        std::fs::write(folder.path().join(name), secret).unwrap();
        write!(
            text,
            "[integration.{name}]\nprovider = \"{provider}\"\npath = \"/{name}\"\nupstream = \"http://127.0.0.1:3000/\"\n\
             secrets = [ {{ id = \"now\", file = \"{name}\" }} ]\n{line}\n"
        )
        .unwrap();
    }
    let plan = config::parse("hookward.toml", &text, folder.path()).unwrap();
    World { folder, plan }
}

impl World {
    fn lines(&self, name: &str, head: &Head, body: &str) -> Vec<String> {
        let integration = self.plan.integrations.iter().find(|integration| integration.name.as_str() == name).unwrap();
        let subject = Subject { plan: &self.plan, integration, head, body: body.as_bytes(), at: UnixTime::from_seconds(AT) };
        explain(&subject).into_iter().map(|cause| cause.text).collect()
    }
}

/// The head of a request that a provider signs; `encoding` says how it reads its secret.
fn signed(provider: &str, secret: &str, encoding: Option<KeyEncoding>, at: i64, body: &str) -> Head {
    signed_at_url(provider, secret, encoding, at, body, URL)
}

fn signed_at_url(provider: &str, secret: &str, encoding: Option<KeyEncoding>, at: i64, body: &str, url: &str) -> Head {
    let scheme = crate::provider::Catalogue::builtin().get(provider).unwrap();
    let scheme = scheme.bound(url, &std::collections::BTreeMap::new());
    let key = SigningKey::parse(&scheme, encoding, SecretBytes::new(secret.into())).unwrap();
    let (none, timestamp) = (HeaderMap::new(), UnixTime::from_seconds(at));
    let request = Request { id: Some("msg_1"), timestamp, headers: &none, body: body.as_bytes() };
    let mut headers: HeaderMap = sign(&scheme, &key, &request).into_iter().collect();
    headers.insert("host", HeaderValue::from_static("hooks.example.com:8443"));
    Head { method: Method::POST, target: "/in".parse().unwrap(), headers }
}

/// What the provider signed, and what was captured of it.
fn github(signed_body: &str, captured: &str, expected: &str) {
    let lines = world().lines("plain", &signed("github", PLAIN, None, AT, signed_body), captured);
    assert_eq!(lines, [expected], "{captured:?}");
}

fn with_signature(provider: &str, change: impl Fn(&str) -> String) -> Head {
    let mut head = signed(provider, PLAIN, None, AT, "{}");
    let name = HeaderName::from_static("x-hub-signature-256");
    let value = change(head.headers.get(&name).unwrap().to_str().unwrap());
    head.headers.insert(name, value.parse().unwrap());
    head
}

#[test]
fn an_honest_request_needs_no_explanation_beyond_its_clock() {
    let tell = |at| world().lines("stripe", &signed("stripe", PLAIN, None, at, "{}"), "{}");
    let line = |rest: &str| vec![format!("clock off by {rest} the time of judgement")];
    assert_eq!(tell(AT - 1000), line("1000 s: the signature holds, and the time that was signed is behind"));
    assert_eq!(tell(AT + 301), line("301 s: the signature holds, and the time that was signed is ahead of"));
}

#[test]
fn a_body_that_nothing_signs() {
    let scheme = crate::provider::Catalogue::builtin().get("shopify-app-proxy").unwrap();
    let key = SigningKey::parse(&scheme, None, SecretBytes::new(PLAIN.into())).unwrap();
    let none = HeaderMap::new();
    let request = Request { id: Some("1"), timestamp: UnixTime::from_seconds(AT), headers: &none, body: b"" };
    let query = sign_query(&scheme, &key, &request, "").unwrap();
    let head =
        |query: &str| Head { method: Method::GET, target: format!("/page?{query}").parse().unwrap(), headers: HeaderMap::new() };
    let expected = "a body came that no signature covers: it would verify without one";
    assert_eq!(world().lines("page", &head(&query), "{}"), [expected]);
    let cut = query.replace("&shop=1", "&shop=2");
    assert_eq!(world().lines("page", &head(&cut), "{}"), Vec::<String>::new());
}

#[test]
fn a_secret_that_is_not_decoded() {
    let cases = [("base64", BASE64, Some(KeyEncoding::Base64), "base64"), ("hex", HEX, Some(KeyEncoding::Hex), "hex")];
    for (name, secret, encoding, word) in cases {
        let lines = world().lines(name, &signed("github", secret, encoding, AT, "{}"), "{}");
        let expected = format!("secret \"now\" is not decoded as the provider does: it would verify with encoding = \"{word}\"");
        assert_eq!(lines.first(), Some(&expected), "{name}: {lines:?}");
    }
    let whole = signed("standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Some(KeyEncoding::Utf8), AT, "{}");
    let expected = "secret \"now\" is not decoded as the provider does: it would verify with encoding = \"utf8\"";
    assert_eq!(world().lines("standard", &whole, "{}"), [expected]);
}

/// `whsec_` before a secret that the provider decodes, and the configuration takes for text.
#[test]
fn a_secret_behind_whsec_that_is_not_decoded() {
    let world = world();
    std::fs::write(world.folder.path().join("stripe"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let head = signed("stripe", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Some(KeyEncoding::Whsec), AT, "{}");
    let expected = "secret \"now\" is not decoded as the provider does: it would verify with encoding = \"whsec\"";
    assert_eq!(world.lines("stripe", &head, "{}").first().map(String::as_str), Some(expected));
}

#[test]
fn a_secret_with_stray_white_space() {
    let honest = signed("github", PLAIN, None, AT, "{}");
    let line = |what: &str| format!("secret \"now\" has stray {what} around it: it would verify without");
    assert!(world().lines("spaced", &honest, "{}").contains(&line("white space")));
    assert!(world().lines("quoted", &honest, "{}").contains(&line("quotes")));
    let padded = data_encoding::HEXLOWER.encode(format!("{PLAIN}\n").as_bytes());
    let lines = world().lines("plain", &signed("github", &padded, Some(KeyEncoding::Hex), AT, "{}"), "{}");
    let expected = "secret \"now\" was given to the provider with stray white space around it: set it there anew";
    assert_eq!(lines, [expected]);
}

#[test]
fn a_secret_of_another_integration() {
    let lines = world().lines("plain", &signed("github", OTHER, None, AT, "{}"), "{}");
    let expected = "it was signed with secret \"now\" of integration.other: it would verify with that one";
    assert_eq!(lines, [expected]);
}

#[test]
fn a_secret_whose_prefix_was_lost_or_taken_along() {
    let world = world();
    let tell = |kept: &str, used: &str| {
        std::fs::write(world.folder.path().join("stripe"), kept).unwrap();
        world.lines("stripe", &signed("stripe", used, None, AT, "{}"), "{}")
    };
    assert_eq!(tell("abcdefghijklmnop", "whsec_abcdefghijklmnop"), ["secret \"now\" lacks \"whsec_\": it would verify with it"]);
    let along = tell("whsec_abcdefghijklmnop", "abcdefghijklmnop");
    assert_eq!(along, ["secret \"now\" begins with \"whsec_\": it would verify without"]);
}

/// A configuration of one integration, with these secrets.
fn only(provider: &str, secrets: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old"), PLAIN).unwrap();
    std::fs::write(folder.path().join("new"), OTHER).unwrap();
    let text = format!(
        "[[listener]]\nbind = \"127.0.0.1:8443\"\ntls = {{ cert = \"c\", key = \"k\" }}\n[integration.only]\n\
         provider = \"{provider}\"\npath = \"/in\"\nupstream = \"http://127.0.0.1:3000/\"\nsecrets = [ {secrets} ]\n"
    );
    let plan = config::parse("hookward.toml", &text, folder.path()).unwrap();
    World { folder, plan }
}

#[test]
fn a_secret_that_is_not_used_any_more_or_not_yet() {
    let head = signed("github", PLAIN, None, AT, "{}");
    for (validity, when) in [
        ("not_after = 2020-01-01T00:00:00Z", "from 2020-01-01T00:00:00Z on"),
        ("not_before = 2040-01-01T00:00:00Z", "before 2040-01-01T00:00:00Z"),
    ] {
        let secrets = format!("{{ id = \"new\", file = \"new\" }}, {{ id = \"old\", file = \"old\", {validity} }}");
        let expected = format!("it was signed with secret \"old\", which is not used {when}");
        assert_eq!(only("github", &secrets).lines("only", &head, "{}"), [expected]);
    }
}

#[test]
fn a_secret_under_another_key_id() {
    let world = only("box", "{ id = \"now\", file = \"old\", key_id = \"secondary\" }");
    let scheme = crate::provider::Catalogue::builtin().get("box").unwrap();
    let key = SigningKey::parse(&scheme, None, SecretBytes::new(PLAIN.into())).unwrap().named(Some("primary".to_owned()));
    let (none, timestamp) = (HeaderMap::new(), UnixTime::from_seconds(AT));
    let headers = sign(&scheme, &key, &Request { id: None, timestamp, headers: &none, body: b"{}" }).into_iter().collect();
    let head = Head { method: Method::POST, target: "/in".parse().unwrap(), headers };
    let expected =
        "secret \"now\" has key_id \"secondary\", and made the signature of \"primary\": it would verify with that key_id";
    assert_eq!(world.lines("only", &head, "{}"), [expected]);
}

#[test]
fn a_body_that_was_written_anew() {
    let (compact, spaced) = (r#"{"a":[1.0,"é/"],"b":{}}"#, r#"{"a": [1.0, "\u00e9/"], "b": {}}"#);
    let pretty = "{\n  \"a\": [\n    1.0,\n    \"é/\"\n  ],\n  \"b\": {}\n}";
    let without = "the body was re-serialised, or pretty-printed: it was signed as JSON without white space";
    github(compact, pretty, without);
    github(compact, spaced, without);
    github(r#"{"a":"\u00e9\/"}"#, r#"{"a": "é/"}"#, without);
    github(spaced, compact, "the body was re-serialised: it was signed as JSON with a space behind each comma and colon");
    github(pretty, compact, "the body was re-serialised: it was signed as JSON indented by two spaces");
    github(&pretty.replace("  ", "    "), compact, "the body was re-serialised: it was signed as JSON indented by four spaces");
    github(&pretty.replace("  ", "\t"), compact, "the body was re-serialised: it was signed as JSON indented by tabs");
}

#[test]
fn a_body_whose_lines_were_changed() {
    github("a\nb", "a\r\nb", "the body's line ends were changed: it was signed with LF, and has CRLF here");
    github("a\r\nb", "a\nb", "the body's line ends were changed: it was signed with CRLF, and has LF here");
    github("{}x", "{}x\n", "the body has a trailing newline that was not signed");
    github("{}x\n", "{}x", "the body lacks a trailing newline that was signed");
    github("{}x\r\n", "{}x", "the body lacks a trailing newline that was signed");
}

#[test]
fn a_body_that_was_decoded_from_form_encoding() {
    let signed_as_sent = "the body was decoded from form encoding: it was signed as it was sent";
    github("payload=%7B%22a%22%3A%22b+c%22%7D", r#"{"a":"b c"}"#, signed_as_sent);
    github("payload=%7B%22a%22%3A%22b%20c%22%7D", r#"{"a":"b c"}"#, signed_as_sent);
    github("a=b+c&d=%C3%A9", "a=b c&d=é", signed_as_sent);
    let signed_decoded = "the body is form-encoded here, and was signed decoded";
    github(r#"{"a":"b c"}"#, "payload=%7B%22a%22%3A%22b+c%22%7D", signed_decoded);
}

#[test]
fn a_signature_in_another_encoding() {
    let recoded = |encode: fn(&[u8]) -> String| {
        with_signature("github", |value| {
            let bytes = data_encoding::HEXLOWER.decode(value.trim_start_matches("sha256=").as_bytes()).unwrap();
            format!("sha256={}", encode(&bytes))
        })
    };
    let line = |what: &str| format!("the signature is written in {what}, and GitHub writes it in lower-case hex");
    let base64 = recoded(|bytes| data_encoding::BASE64.encode(bytes));
    assert_eq!(world().lines("plain", &base64, "{}"), [line("base64")]);
    let upper = recoded(|bytes| data_encoding::HEXUPPER.encode(bytes));
    assert_eq!(world().lines("plain", &upper, "{}"), [line("upper-case hex")]);
    let url = recoded(|bytes| data_encoding::BASE64URL_NOPAD.encode(bytes));
    assert_eq!(world().lines("plain", &url, "{}"), [line("URL-safe base64 without padding")]);
    let bare = with_signature("github", |value| value.replace("sha256=", ""));
    assert_eq!(world().lines("plain", &bare, "{}"), ["the signature lacks the \"sha256=\" that GitHub puts before it"]);
}

#[test]
fn a_scheme_of_another_provider() {
    let lines = world().lines("plain", &signed("slack", PLAIN, None, AT, "{}"), "{}");
    assert_eq!(lines, ["it is signed as another provider signs: it would verify with provider = \"slack\""]);
    let svix = signed("svix", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None, AT, "{}");
    let lines = world().lines("standard", &svix, "{}");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(" more of the same scheme"), "{}", lines[0]);
}

#[test]
fn a_url_that_differs() {
    let cases = [
        ("http://example.com/in", "scheme"),
        ("https://example.com/in/", "trailing slash"),
        ("https://example.com:443/in", "port"),
        ("https://example.com:8443/in", "port"),
        ("https://hooks.example.com/in", "host"),
        ("https://hooks.example.com:8443/in", "host and port"),
        ("https://www.example.com/in", "host"),
    ];
    for (url, part) in cases {
        let head = signed_at_url("square", PLAIN, None, AT, "{}", url);
        let expected = format!("the URL differs in its {part}: it would verify with public_url = \"{url}\"");
        assert_eq!(world().lines("square", &head, "{}"), [expected]);
    }
    let mut called = signed("square", PLAIN, None, AT, "{}");
    called.target = "/in?utm=1".parse().unwrap();
    assert_eq!(world().lines("square", &called, "{}"), ["the URL differs in its query: it was signed without one"]);
}

/// A path that is escaped, one beside a method, and a URL that a token claims.
#[test]
fn a_url_that_differs_where_it_is_not_signed_as_it_stands() {
    let slashed = "https://example.com/in/";
    for (name, provider, expected) in [
        ("contentful", "contentful", "a public_url whose path is \"/in/\""),
        ("walmart", "walmart", "a public_url whose path is \"/in/\""),
        ("qstash", "upstash-qstash", "public_url = \"https://example.com/in/\""),
    ] {
        let head = signed_at_url(provider, PLAIN, None, AT, "{}", slashed);
        let expected = format!("the URL differs in its trailing slash: it would verify with {expected}");
        assert_eq!(world().lines(name, &head, "{}"), [expected]);
    }
}

#[test]
fn what_nothing_explains_is_not_explained() {
    let world = world();
    for (name, provider, _, _) in INTEGRATIONS.into_iter().filter(|(_, provider, _, _)| *provider != "standard-webhooks") {
        let forged = signed(provider, "a secret that nobody here has", None, AT, "{}");
        assert!(world.lines(name, &forged, "{}").is_empty(), "{name}");
    }
    let honest = signed("github", PLAIN, None, AT, "{\"amount\":1}");
    assert!(world.lines("plain", &honest, "{\"amount\":2}").is_empty());
}

/// A line may be sent to a colleague.
#[test]
fn no_line_holds_a_secret_or_a_signature() {
    let heads = [
        ("base64", signed("github", BASE64, Some(KeyEncoding::Base64), AT, "{}")),
        ("plain", signed("github", OTHER, None, AT, "{}")),
        ("quoted", signed("github", PLAIN, None, AT, "{}")),
        ("spaced", signed("github", PLAIN, None, AT, "{}")),
        ("stripe", signed("stripe", PLAIN, None, AT - 1000, "{}")),
        ("square", signed_at_url("square", PLAIN, None, AT, "{}", "http://example.com/in")),
    ];
    for (name, head) in heads {
        let lines = world().lines(name, &head, "{}").join("\n");
        assert!(!lines.is_empty(), "{name}");
        for secret in INTEGRATIONS.map(|(_, _, secret, _)| secret) {
            assert!(!lines.contains(secret.trim_matches([' ', '"'])), "{lines}");
        }
        for value in head.headers.iter().filter(|(header, _)| *header != "host").map(|(_, value)| value.to_str().unwrap()) {
            assert!(!lines.contains(value.trim_start_matches("sha256=")), "{lines}");
        }
    }
}
