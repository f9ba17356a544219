//! Who may ask, and what a command may say.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::access::{has_no_foreign_origin, is_json, names_us, presents};
use super::command::{Command, CommandError, Verb};
use crate::domain::secret::SecretBytes;
use crate::switch::order::{SwitchAnswer, Target};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    pairs.iter().map(pair).collect()
}

#[test]
fn only_an_address_or_localhost_names_us() {
    for good in ["127.0.0.1:9901", "localhost", "LOCALHOST:1", "[::1]:9901", "10.0.0.7"] {
        assert!(names_us(&headers(&[("host", good)])), "{good}");
    }
    for bad in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a@localhost@b", ""] {
        assert!(!names_us(&headers(&[("host", bad)])), "{bad}");
    }
    assert!(!names_us(&HeaderMap::new()));
}

#[test]
fn the_token_must_be_exact_and_stand_once() {
    let token = SecretBytes::new(b"s3cret".to_vec());
    assert!(presents(&headers(&[("authorization", "Bearer s3cret")]), &token));
    for bad in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "s3cret", "bearer s3cret", "Basic s3cret"] {
        assert!(!presents(&headers(&[("authorization", bad)]), &token), "{bad}");
    }
    let mut twice = headers(&[("authorization", "Bearer s3cret")]);
    twice.append("authorization", HeaderValue::from_static("Bearer s3cret"));
    assert!(!presents(&twice, &token));
}

#[test]
fn origins_are_absent_or_ours() {
    let origin = |origin| has_no_foreign_origin(&headers(&[("host", "127.0.0.1:9901"), ("origin", origin)]));
    assert!(has_no_foreign_origin(&headers(&[("host", "127.0.0.1:9901")])));
    assert!(origin("http://127.0.0.1:9901"));
    for bad in ["null", "http://evil.example", "http://127.0.0.1:9902", "https://127.0.0.1:9901", "http://localhost:9901", ""] {
        assert!(!origin(bad), "{bad}");
    }
}

#[test]
fn a_form_is_no_json() {
    for good in ["application/json", "Application/JSON; charset=utf-8"] {
        assert!(is_json(&headers(&[("content-type", good)])), "{good}");
    }
    for bad in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/plain; application/json", ""] {
        assert!(!is_json(&headers(&[("content-type", bad)])), "{bad}");
    }
    assert!(!is_json(&HeaderMap::new()));
}

#[test]
fn paths_name_verbs() {
    let one = || Some("a-b".parse().unwrap());
    let cases = [
        ("/api/v1/reload", Some(Verb::Reload)),
        ("/api/v1/allow-again", Some(Verb::AllowAgain)),
        ("/api/v1/integrations/a-b/disable", Some(Verb::Disable(one()))),
        ("/api/v1/integrations/a-b/enable", Some(Verb::Enable(one()))),
        ("/api/v1/integrations/-/disable", Some(Verb::Disable(None))),
        ("/api/v1/integrations/A/disable", Some(Verb::Unknown)),
        ("/api/v1/integrations//enable", Some(Verb::Unknown)),
        ("/api/v1/integrations/a/b/disable", None),
        ("/api/v1/integrations/a/delete", None),
        ("/api/v1/integrations", None),
        ("/api/v2/reload", None),
    ];
    for (path, verb) in cases {
        assert_eq!(Verb::of(path), verb, "{path}");
    }
}

#[test]
fn a_command_says_everything_it_needs_and_nothing_else() {
    let disable = |body: &str| Verb::of("/api/v1/integrations/a/disable").unwrap().read(body.as_bytes());
    let (target, why) = (Target::Integration("a".parse().unwrap()), || "leaked".parse().unwrap());
    let whole = Command::Disable { target: target.clone(), why: why(), lasts: None, answer: None };
    assert_eq!(disable(r#"{"reason":"leaked"}"#), Ok(whole));
    let lasts = Some(Duration::from_secs(7200));
    let temporary = Command::Disable { target: target.clone(), why: why(), lasts, answer: Some(SwitchAnswer::Forbidden) };
    assert_eq!(disable(r#"{"reason":" leaked ","for":"2h","answer":403}"#), Ok(temporary.clone()));
    assert_eq!(disable(r#"{"reason":"leaked","for":"2h","answer":"403","secret":null}"#), Ok(temporary));
    let secret = Target::Secret("a".parse().unwrap(), "old".parse().unwrap());
    let barred = Command::Disable { target: secret, why: why(), lasts: None, answer: None };
    assert_eq!(disable(r#"{"reason":"leaked","secret":"old"}"#), Ok(barred));
    for bad in [
        "",
        "[]",
        "{",
        "{}",
        r#"{"reason":""}"#,
        r#"{"reason":7}"#,
        r#"{"reason":"x","fro":"2h"}"#,
        r#"{"reason":"x","for":"0s"}"#,
        r#"{"reason":"x","for":"367d"}"#,
        r#"{"reason":"x","for":2}"#,
        r#"{"reason":"x","answer":200}"#,
        r#"{"reason":"x","secret":"a b"}"#,
        r#"{"reason":"x","secret":"old","answer":403}"#,
    ] {
        assert!(disable(bad).is_err(), "{bad}");
    }
    let all = Verb::Disable(None).read(br#"{"reason":"x","secret":"old"}"#);
    assert!(matches!(all, Err(CommandError::Wrong("secret", _))));
    assert_eq!(Verb::Reload.read(b" "), Ok(Command::Reload));
    assert_eq!(Verb::Reload.read(br#"{"force":true}"#), Err(CommandError::Unknown));
    assert!(Verb::AllowAgain.read(br#"{"request_id":"x","reason":"y"}"#).is_err());
    assert!(Verb::AllowAgain.read(br#"{"request_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","reason":"y"}"#).is_ok());
}
