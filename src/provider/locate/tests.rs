//! Places, and what is found at them.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri};
use proptest::prelude::*;

use super::*;

fn at(places: &[&str], headers: &[(&'static str, &[u8])], body: &[u8]) -> Vec<Option<String>> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    let head = Head { method: Method::POST, target: Uri::from_static("/"), headers: map };
    let places: Vec<Locator> = places.iter().map(|place| place.parse().unwrap()).collect();
    let mut chunks = RawBody::default();
    for chunk in body.chunks(3) {
        chunks.push(Bytes::copy_from_slice(chunk));
    }
    find(&places.iter().collect::<Vec<_>>(), &head, &chunks).into_vec()
}

fn one(place: &str, body: &str) -> Option<String> {
    at(&[place], &[], body.as_bytes()).remove(0)
}

#[test]
fn places_are_read_and_written_alike() {
    for text in [
        "header:x-topic",
        "json:/event/type",
        "json:/a~1b/~0/0",
        "form:command",
        "form:payload#/type",
        "query:id",
        "any-form:a#b",
    ] {
        assert_eq!(text.parse::<Locator>().unwrap().to_string(), text);
    }
    let cases = [
        ("type", LocatorError::Place),
        ("body:x", LocatorError::Place),
        ("query:", LocatorError::Field),
        ("any-form:", LocatorError::Field),
        ("header:a b", LocatorError::Header),
        ("header:", LocatorError::Header),
        ("json:", LocatorError::Pointer),
        ("json:type", LocatorError::Pointer),
        ("json:/a~2", LocatorError::Pointer),
        ("json:/a~", LocatorError::Pointer),
        ("json:/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", LocatorError::Pointer),
        ("form:", LocatorError::Field),
        ("form:#/a", LocatorError::Field),
        ("form:a#b", LocatorError::Pointer),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Locator>(), Err(error), "{text}");
    }
}

#[test]
fn json_members_are_found_by_pointer() {
    let cases = [
        ("json:/type", r#"{"type":"a.b"}"#, Some("a.b")),
        ("json:/type", r#" {"x":{"type":"no"},"y":[{"type":"no"}],"type":"yes"} "#, Some("yes")),
        ("json:/event/type", r#"{"type":"outer","event":{"type":"inner","more":[1,2]}}"#, Some("inner")),
        ("json:/a~1b/~0", r#"{"a/b":{"~":"x"}}"#, Some("x")),
        ("json:/items/1/id", r#"{"items":[{"id":1},{"id":22},{"id":3}]}"#, Some("22")),
        ("json:/items/01/id", r#"{"items":[{"id":1},{"id":22}]}"#, None),
        ("json:/", r#"{"":"empty key"}"#, Some("empty key")),
        ("json:/type", r#"{"t\u0079pe":"escaped key, \u00e9"}"#, Some("escaped key, é")),
        ("json:/type", r#"{"type":1}"#, Some("1")),
        ("json:/type", r#"{"type":-7}"#, Some("-7")),
        ("json:/type", r#"{"type":18446744073709551615}"#, Some("18446744073709551615")),
        ("json:/type", r#"{"type":true}"#, Some("true")),
        ("json:/type", r#"{"type":18446744073709551616}"#, None),
        ("json:/type", r#"{"type":1.5}"#, None),
        ("json:/type", r#"{"type":null}"#, None),
        ("json:/type", r#"{"type":{}}"#, None),
        ("json:/type", r#"{"type":["a"]}"#, None),
        ("json:/type", r#"{"type":""}"#, None),
        ("json:/type/x", r#"{"type":"a"}"#, None),
        ("json:/type", r#"["type"]"#, None),
        ("json:/type", r#""type""#, None),
        ("json:/type", "", None),
    ];
    for (place, body, expected) in cases {
        assert_eq!(one(place, body).as_deref(), expected, "{place} {body}");
    }
}

#[test]
fn a_key_twice_on_the_path_is_ambiguous() {
    let cases = [
        r#"{"type":"a","type":"a"}"#,
        r#"{"type":"a","type":"b"}"#,
        r#"{"type":null,"type":"b"}"#,
        r#"{"type":{"x":1},"type":"b"}"#,
        r#"{"type":"a","t\u0079pe":"b"}"#,
    ];
    for body in cases {
        assert_eq!(one("json:/type", body), None, "{body}");
    }
    assert_eq!(one("json:/a/b", r#"{"a":{"b":"1"},"a":{}}"#), None);
    assert_eq!(one("json:/a/b", r#"{"a":{},"a":{"b":"1"}}"#), None);
    assert_eq!(one("json:/type", r#"{"x":1,"x":2,"type":"a"}"#).as_deref(), Some("a"), "beside the path it does not matter");
}

#[test]
fn text_that_is_not_one_json_value_holds_nothing() {
    for body in
        [r#"{"type":"a"} x"#, r#"{"type":"a"}{"type":"a"}"#, r#"{"type":"a""#, "{\"type\":\"a\nb\"}", "\u{feff}{\"type\":\"a\"}"]
    {
        assert_eq!(one("json:/type", body), None, "{body}");
    }
    assert_eq!(at(&["json:/type"], &[], b"{\"type\":\"\xff\"}"), [None]);
    assert_eq!(at(&["json:/type"], &[], b"{\"x\":\"\xff\",\"type\":\"a\"}"), [Some("a".to_owned())], "not on the path");
}

#[test]
fn nesting_beside_and_on_the_path_does_not_recurse() {
    let deep = format!("{{\"x\":{}{},\"type\":\"a\"}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(one("json:/type", &deep).as_deref(), Some("a"));
    let path = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert_eq!(one("json:/a/a/a", &path), None);
}

#[test]
fn many_places_are_found_in_one_pass() {
    let body = br#"{"id":"evt_1","type":"t","event":{"type":"e","id":7}}"#;
    let places = ["json:/event/type", "header:x-id", "json:/type", "json:/id", "json:/event/id", "json:/event", "json:/none"];
    let found = at(&places, &[("x-id", b"h")], body);
    let texts: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
    assert_eq!(texts, [Some("e"), Some("h"), Some("t"), Some("evt_1"), Some("7"), None, None]);
}

#[test]
fn forms_are_read_strictly() {
    let cases = [
        ("form:command", "token=x&command=%2Fweather&text=a+b", Some("/weather")),
        ("form:text", "token=x&text=a+b%21%C3%A9", Some("a b!é")),
        ("form:text", "te%78t=a", Some("a")),
        ("form:text", "text", None),
        ("form:text", "text=a&text=a", None),
        ("form:text", "text=a&te%78t=b", None),
        ("form:text", "text=%zz", None),
        ("form:text", "text=%4", None),
        ("form:text", "text=%ff", None),
        ("form:payload#/type", "payload=%7B%22type%22%3A%22block_actions%22%7D", Some("block_actions")),
        ("form:payload#/type", "payload=no", None),
        ("form:command", r#"{"text":"&command=/x&"}"#, None),
        ("form:command", "a b&command=x", None),
    ];
    for (place, body, expected) in cases {
        assert_eq!(one(place, body).as_deref(), expected, "{place} {body}");
    }
}

#[test]
fn a_header_stands_once_and_is_text() {
    let long = [b'a'; MAX_FIELD_BYTES + 1];
    let cases: [(&[&[u8]], Option<&str>); 6] = [
        (&[b"orders/create"], Some("orders/create")),
        (&[b"a", b"a"], None),
        (&[b"\xff"], None),
        (&[b""], None),
        (&[&long], None),
        (&[], None),
    ];
    for (values, expected) in cases {
        let lines: Vec<(&str, &[u8])> = values.iter().map(|value| ("x-a", *value)).collect();
        assert_eq!(at(&["header:X-A"], &lines, b"")[0].as_deref(), expected);
    }
}

/// Pieces of JSON, and of what is nearly JSON.
const PIECES: [&[u8]; 46] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"a\"",
    b"\"a\":",
    b"\"type\":",
    b"\"t\\u0079pe\":",
    b"\"\\ud800\"",
    b"\"\\ud83d\\ude00\"",
    b"\"\\x\"",
    b"\"\\u12\"",
    b"\"\xff\"",
    b"\"\n\"",
    b"\"\x1f\"",
    b"\"\x7f\"",
    b"\"\\\"\"",
    b"\"",
    b"\\",
    b"true",
    b"false",
    b"null",
    b"nul",
    b"0",
    b"-0",
    b"01",
    b"1",
    b"-",
    b"1.5",
    b"1.",
    b".5",
    b"1e5",
    b"1E+5",
    b"1e-",
    b"1e999",
    b"18446744073709551615",
    b"18446744073709551616",
    b" ",
    b"\r\n\t",
    b"\x0b",
    b"\xef\xbb\xbf",
    b"\"\":{}",
    b"[]",
    b"{}",
];

/// What stands at `/type`, by the library.
fn by_serde(json: &[u8]) -> Option<String> {
    use serde_json::value::RawValue;
    let keys: Vec<(String, &RawValue)> = serde_json::from_slice::<Members<'_>>(json).ok()?.0;
    let [(_, value)] = keys.iter().filter(|(key, _)| key == "type").collect::<Vec<_>>()[..] else { return None };
    match serde_json::from_str(value.get()).ok()? {
        serde_json::Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        serde_json::Value::Bool(word) => Some(word.to_string()),
        serde_json::Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// The members of an object as they stand, one key twice among them.
struct Members<'j>(Vec<(String, &'j serde_json::value::RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> serde::de::Visitor<'de> for Each {
            type Value = Members<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<Members<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = members.next_entry()? {
                    all.push(member);
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_serde_json_skips_is_skipped_and_nothing_else(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..12)) {
        let text = pieces.concat();
        let walked = scan::Text::new(&text);
        let is_json = walked.skip(0).is_some_and(|end| walked.peek(end).is_none());
        prop_assert_eq!(is_json, serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text.escape_ascii());
    }

    #[test]
    fn members_are_what_serde_json_says(
        values in proptest::collection::vec(proptest::sample::select(&PIECES[10..]), 0..4),
        keys in proptest::collection::vec(proptest::sample::select(&PIECES[7..10]), 4),
    ) {
        let members: Vec<Vec<u8>> = keys.iter().zip(&values).map(|(key, value)| [*key, *value].concat()).collect();
        prop_assume!(std::str::from_utf8(&values.concat()).is_ok(), "what is skipped is not looked at, and the library looks");
        let text = [b"{", &members.join(&b',')[..], b"}"].concat();
        prop_assert_eq!(&at(&["json:/type"], &[], &text)[0], &by_serde(&text), "{}", text.escape_ascii());
    }
}

proptest! {
    #[test]
    fn nothing_panics_on_any_body(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        at(&["json:/a/b", "json:/a", "form:a", "form:a#/b"], &[], &body);
    }

    #[test]
    fn what_serde_json_finds_is_found(text in "[a-z.é\"\\\\]{1,20}", other in any::<u32>()) {
        let body = serde_json::json!({ "other": [other, { "type": "no" }], "event": { "type": text, "n": other } });
        let found = at(&["json:/event/type", "json:/event/n"], &[], body.to_string().as_bytes());
        prop_assert_eq!(found, [Some(text), Some(other.to_string())]);
    }
}
