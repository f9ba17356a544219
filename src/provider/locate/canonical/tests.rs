//! Canonical forms: those of the library that Inngest signs with, and what has none.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What `canonicalize` 1.0.8 makes of two hundred texts: the text, its form.
#[test]
fn forms_are_what_inngests_library_makes() {
    let cases = include_str!("../../../../tests/canonical/canonicalize-1.0.8.tsv");
    for case in cases.lines() {
        let (text, expected) = case.split_once('\t').unwrap();
        assert_eq!(canonical(text.as_bytes()).as_deref(), Ok(expected), "{text}");
        assert_eq!(canonical(expected.as_bytes()).as_deref(), Ok(expected));
    }
    assert_eq!(cases.lines().count(), 200);
}

/// The example of RFC 8785, section 3.2.3: the order is that of UTF-16.
#[test]
fn members_stand_in_the_order_of_utf_16() {
    let text = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
        "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
    let form = canonical(text.as_bytes()).unwrap();
    let words = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
    let places: Vec<usize> = words.iter().map(|word| form.find(word).unwrap()).collect();
    assert!(places.is_sorted(), "{form}");
}

#[test]
fn what_would_lose_something_has_no_form() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let (deepest, too_deep) = (deep(DEPTH_MAX), deep(DEPTH_MAX + 1));
    let (no_json, twice) = (Err(CanonicalError::NoJson), Err(CanonicalError::KeyTwice));
    let lost = Err(CanonicalError::NumberLost);
    for (text, expected) in [
        (r#" {"b":[ ],"a":{ }} "#, Ok(r#"{"a":{},"b":[]}"#)),
        (r#"{"b":1,"a":2,"aa":3}"#, Ok(r#"{"a":2,"aa":3,"b":1}"#)),
        (&deepest, Ok(deepest.as_str())),
        (&too_deep, Err(CanonicalError::TooDeep)),
        ("", no_json),
        ("1", no_json),
        (r#""a""#, no_json),
        ("null", no_json),
        ("{}{}", no_json),
        ("{} x", no_json),
        ("{", no_json),
        (r#"{"a":1,}"#, no_json),
        ("{a:1}", no_json),
        ("[1,]", no_json),
        ("[01]", no_json),
        ("[\"\u{1}\"]", no_json),
        ("\u{feff}{}", no_json),
        (r#"["\ud800"]"#, no_json),
        (r#"["\udc00\ud800"]"#, no_json),
        (r#"{"\ud800":1}"#, no_json),
        (r#"{"a":1,"a":1}"#, twice),
        (r#"{"a":1,"b":2,"\u0061":1}"#, twice),
        (r#"[{"x":{"":1,"":2}}]"#, twice),
        ("[12345678901234567890]", lost),
        ("[0.10000000000000001]", lost),
        ("[1e400]", lost),
        ("[-0]", lost),
    ] {
        assert_eq!(canonical(text.as_bytes()).as_deref(), expected.as_deref(), "{text}");
    }
    assert_eq!(canonical(b"[\"\xff\"]").as_deref(), no_json.as_deref());
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 64.0)),
        "\\PC{0,8}|[\\x00-\\x7f]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("\\PC{0,3}", inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same with every number as a double: `1.0` is written `1`.
fn as_doubles(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().unwrap().into(),
        Value::Array(values) => values.into_iter().map(as_doubles).collect(),
        Value::Object(members) => Value::Object(members.into_iter().map(|(key, value)| (key, as_doubles(value))).collect()),
        other => other,
    }
}

proptest! {
    /// Nothing is lost, and how it was spaced makes no difference.
    #[test]
    fn a_form_says_what_its_text_says(value in values()) {
        let text = Value::Array(vec![value]);
        let form = canonical(text.to_string().as_bytes()).unwrap();
        prop_assert_eq!(as_doubles(serde_json::from_str(&form).unwrap()), as_doubles(text.clone()));
        prop_assert_eq!(canonical(serde_json::to_string_pretty(&text).unwrap().as_bytes()), Ok(form.clone()));
        prop_assert_eq!(canonical(form.as_bytes()), Ok(form));
    }

    /// Whatever it is, it is refused or written, and its form has one form.
    #[test]
    fn any_text_has_one_form_or_none(text in "[\\[\\]{}:,\"\\\\a01.eE+ -]{0,24}") {
        if let Ok(form) = canonical(text.as_bytes()) {
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
            prop_assert_eq!(canonical(form.as_bytes()), Ok(form));
        }
    }
}
