//! Signatures over fields of a body: each way in which two readers could disagree is refused.

use std::collections::BTreeMap;

use super::*;
use crate::domain::reason::Reason;

const KEY: &str = "a secret of some length";

fn mac(content: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let tag = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).unwrap().chain_update(content).finalize();
    data_encoding::HEXLOWER.encode(&tag.into_bytes())
}

fn fields(content: &str, place: &str) -> Scheme {
    scheme(&format!(
        "content = '{content}'\nsignature = {{ {place}, algorithm = 'hmac-sha256', encoding = 'hex' }}\nevent = ['json:/a']"
    ))
}

fn reason(scheme: &Scheme, headers: HeaderMap, bytes: &str) -> Option<Reason> {
    let keys = KeyRing::build(scheme, vec![material("own", KEY)]).unwrap();
    judge_with(scheme, &keys, headers, body(bytes.as_bytes()), now()).err().map(|error| error.reason())
}

#[test]
fn fields_stand_once_and_are_text() {
    let scheme = fields("{json:/a}.{json:/b}", "at = 'json:/s'");
    let signature = mac("1.2");
    let other = "0".repeat(64);
    let (missing, malformed) = (Some(Reason::SignatureMissing), Some(Reason::SignatureMalformed));
    let cases = [
        (format!(r#"{{"a":"1","b":"2","s":"{signature}"}}"#), None),
        (format!(r#"{{"s":"{signature}","z":[{{"a":3}}],"b":2,"a":1}}"#), None),
        (format!(r#"{{"a":"1","b":"3","s":"{signature}"}}"#), Some(Reason::SignatureMismatch)),
        (format!(r#"{{"a":"1","a":"1","b":"2","s":"{signature}"}}"#), malformed),
        (format!(r#"{{"a":"1","b":"2","s":"{other}","s":"{signature}"}}"#), malformed),
        (format!(r#"{{"a":["1"],"b":"2","s":"{signature}"}}"#), malformed),
        (format!(r#"{{"a":1.0,"b":"2","s":"{signature}"}}"#), malformed),
        (format!(r#"{{"a":"1.2","b":"","s":"{signature}"}}"#), malformed),
        (format!(r#"{{"a":null,"b":"2","s":"{signature}"}}"#), missing),
        (format!(r#"{{"b":"2","s":"{signature}"}}"#), missing),
        (r#"{"a":"1","b":"2"}"#.to_owned(), missing),
        (r#"{"a":"1","b":"2","s":"short"}"#.to_owned(), malformed),
        (format!(r#"{{"a":"1","b":"2","s":"{signature}"}} x"#), malformed),
        ("a=1&b=2".to_owned(), malformed),
        (String::new(), malformed),
    ];
    for (body, expected) in cases {
        assert_eq!(reason(&scheme, HeaderMap::new(), &body), expected, "{body}");
    }
}

#[test]
fn members_cannot_be_moved_into_each_other() {
    let lines = fields("{lines:/m*,/id,/subject?}", "at = 'json:/s'");
    let colons = fields("{colons:/list/0/a,/list/0/b*,/list/0/c?}", "at = 'json:/s'");
    let of = |content: &str| mac(content);
    let malformed = Some(Reason::SignatureMalformed);
    let cases = [
        (&lines, "m\nx\nid\n1\n", r#"{"m":"x","id":"1"}"#, None),
        (&lines, "m\nx\nid\n1\nsubject\nhi\n", r#"{"m":"x","id":"1","subject":"hi"}"#, None),
        (&lines, "m\nx\nid\n1\n", r#"{"m":"x","id":"1","subject":null}"#, None),
        (&lines, "m\nx\nid\n1\n", r#"{"m":"x","id":"1","subject":"a","subject":"b"}"#, malformed),
        (&lines, "m\nx\nid\n1\n", r#"{"m":"x","id":"1","subject":{}}"#, malformed),
        (&lines, "m\nx\nid\n1\nid\n2\n", r#"{"m":"x\nid\n1","id":"2"}"#, None),
        (&lines, "m\nx\nid\n1\nid\n2\n", r#"{"m":"x","id":"1\nid\n2"}"#, malformed),
        (&colons, "1:2:3", r#"{"list":[{"a":"1","b":"2","c":"3"}]}"#, None),
        (&colons, "1:2:", r#"{"list":[{"a":"1","b":"2"}]}"#, None),
        (&colons, "1:2:3", r#"{"list":[{"a":"1","b":"2:3","c":""}]}"#, Some(Reason::SignatureMismatch)),
        (&colons, "1:2:3", r#"{"list":[{"a":"1:2","b":"3","c":""}]}"#, malformed),
        (&colons, "1:2:3", r#"{"list":[{"a":"1","b":"2","c":"3"},{"a":"evil"}]}"#, malformed),
    ];
    for (scheme, content, json, expected) in cases {
        let json = json.replacen('{', &format!("{{\"s\":\"{}\",", of(content)), 1);
        assert_eq!(reason(scheme, HeaderMap::new(), &json), expected, "{json}");
    }
}

#[test]
fn forms_are_sorted_and_read_whole() {
    let scheme = fields("{url}{sorted-form:bodySHA256}", "header = 'x-s'").bound("https://example.com/in", &BTreeMap::default());
    let judged = |content: &str, body: &str| reason(&scheme, HeaderMap::from_iter([(name("x-s"), value(&mac(content)))]), body);
    let url = "https://example.com/in";
    let cases = [
        (format!("{url}a1b2"), "b=2&a=1", None),
        (format!("{url}a1b2"), "a=1&b=2", None),
        (format!("{url}a1b2"), "a=%31&b=2", None),
        (format!("{url}a1a2"), "a=2&a=1", None),
        (format!("{url}a1"), "a=1&a=1", None),
        (url.to_owned(), "", None),
        (format!("{url}a1b2"), "a=1&b=3", Some(Reason::SignatureMismatch)),
        (format!("{url}a1b2"), "a=1", Some(Reason::SignatureMismatch)),
        (url.to_owned(), r#"{"a":1}"#, Some(Reason::SignatureMalformed)),
        (format!("{url}a1"), "a=%zz", Some(Reason::SignatureMalformed)),
    ];
    for (content, body, expected) in cases {
        assert_eq!(judged(&content, body), expected, "{body}");
    }
    let many = vec!["a=1"; 1001].join("&");
    assert_eq!(judged(&format!("{url}a1"), &many), Some(Reason::SignatureMalformed));
    let at_most = vec!["a=1"; 1000].join("&");
    assert_eq!(judged(&format!("{url}a1"), &at_most), None);
}

#[test]
fn entries_are_for_the_keys_they_name() {
    let scheme = fields("{form:p}", "at = 'form:sig', format = 'named'");
    let ring = |key_id: Option<&str>| {
        let own = KeyMaterial { key_id: key_id.map(str::to_owned), ..material("own", KEY) };
        KeyRing::build(&scheme, vec![own]).unwrap()
    };
    let tag = mac("x");
    let judged = |key_id, body: &str| {
        let outcome = judge_with(&scheme, &ring(key_id), HeaderMap::new(), super::body(body.as_bytes()), now());
        outcome.err().map(|error| error.reason())
    };
    let own = format!("p=x&sig=own%7C{tag}");
    assert_eq!(judged(Some("own"), &own), None);
    assert_eq!(judged(Some("other"), &own), Some(Reason::SignatureMismatch));
    assert_eq!(judged(None, &own), Some(Reason::SignatureMismatch));
    assert_eq!(judged(Some("own"), &format!("p=x&sig=a%7C{}%26own%7C{tag}", "0".repeat(64))), None);
    assert_eq!(judged(Some("own"), &format!("p=x&sig={tag}")), Some(Reason::SignatureMalformed));
    assert_eq!(judged(Some("own"), &format!("p=x&p=x&sig=own%7C{tag}")), Some(Reason::SignatureMalformed));
    let many = format!("{}{own}", "&".repeat(1000));
    assert_eq!(judged(Some("own"), &many), Some(Reason::SignatureMalformed), "more fields than are read");
}

#[test]
fn what_stands_between_key_and_signature_is_fixed() {
    let scheme = fields("{body}", "header = 'x-s', format = 'named', separator = ',', between = '/SHA256/'");
    let own = KeyMaterial { key_id: Some("1".to_owned()), ..material("own", KEY) };
    let ring = KeyRing::build(&scheme, vec![own]).unwrap();
    let tag = mac("{}");
    let malformed = Some(Reason::SignatureMalformed);
    for (header, expected) in [
        (format!("1/SHA256/{tag}"), None),
        (format!("2/SHA256/{},1/SHA256/{tag}", "0".repeat(64)), None),
        (format!("1/SHA512/{tag},1/SHA256/{tag}"), None),
        (format!("2/SHA256/{tag}"), Some(Reason::SignatureMismatch)),
        (format!("1/SHA512/{tag}"), malformed),
        (format!("1/SHA256/SHA256/{tag}"), malformed),
        (format!("1/{tag}"), malformed),
        (format!("1/x/SHA256/{tag}"), malformed),
        (format!("/SHA256/{tag}"), malformed),
        (tag.clone(), malformed),
        (format!("{}1/SHA256/{tag}", ",".repeat(9)), malformed),
    ] {
        let headers = HeaderMap::from_iter([(name("x-s"), value(&header))]);
        let outcome = judge_with(&scheme, &ring, headers, body(b"{}"), now());
        assert_eq!(outcome.err().map(|error| error.reason()), expected, "{header}");
    }
}

#[test]
fn a_body_is_signed_by_its_canonical_form() {
    let scheme = scheme(
        "content = '{jcs:body}{timestamp}'\ntimestamp = { field = 't', unit = 's' }\n\
         signature = { header = 'x-s', algorithm = 'hmac-sha256', encoding = 'hex', format = 'pairs', key = 's' }",
    );
    let headers = |content: &str| {
        let header = format!("t=1750000000,s={}", mac(&format!("{content}1750000000")));
        HeaderMap::from_iter([(name("x-s"), value(&header))])
    };
    let malformed = Some(Reason::SignatureMalformed);
    for (content, body, expected) in [
        (r#"{"a":1,"b":[2]}"#, r#"{"a":1,"b":[2]}"#, None),
        (r#"{"a":1,"b":[2]}"#, r#" { "b" : [2.0] , "\u0061" : 1e0 } "#, None),
        (r#"{"a":1,"b":[2]}"#, r#"{"a":1,"b":[2,3]}"#, Some(Reason::SignatureMismatch)),
        (r#"{"a":1}"#, r#"{"a":2,"a":1}"#, malformed),
        (r#"{"a":1}"#, r#"{"a":1.00000000000000000001}"#, malformed),
        ("", "", malformed),
        ("1", "1", malformed),
        ("a", "a", malformed),
    ] {
        assert_eq!(reason(&scheme, headers(content), body), expected, "{body}");
    }
    let identity = |body: &str| {
        let keys = KeyRing::build(&scheme, vec![material("own", KEY)]).unwrap();
        *judge_with(&scheme, &keys, headers(r#"{"a":1}"#), super::body(body.as_bytes()), now()).unwrap().identity()
    };
    assert_eq!(identity(r#"{"a":1}"#), identity(" {\"a\": 10e-1}"), "another spelling is the same delivery");
}

#[test]
fn a_compact_member_stands_once_and_is_no_scalar() {
    let scheme = fields("{compact:/a}", "header = 'x-s'");
    let (missing, malformed) = (Some(Reason::SignatureMissing), Some(Reason::SignatureMalformed));
    let signature = HeaderMap::from_iter([(name("x-s"), value(&mac(r#"{"b":[1,"c d"]}"#)))]);
    for (body, expected) in [
        (r#"{"a":{"b":[1,"c d"]}}"#, None),
        (r#"{"event":"x","a": { "b" : [ 1 , "c d" ] } }"#, None),
        (r#"{"a":{"b":[1,"cd"]}}"#, Some(Reason::SignatureMismatch)),
        (r#"{"a":{"b":[1.0,"c d"]}}"#, Some(Reason::SignatureMismatch)),
        (r#"{"a":{"b":[1,"c d"]},"a":{}}"#, malformed),
        (r#"{"a":"{\"b\":[1,\"c d\"]}"}"#, malformed),
        (r#"{"a":{"b":[1,"c d"]}} {}"#, malformed),
        (r#"{"a":null}"#, missing),
        ("{}", missing),
        ("", malformed),
    ] {
        assert_eq!(reason(&scheme, signature.clone(), body), expected, "{body}");
    }
}

#[test]
fn the_header_of_a_digest_says_what_the_body_s_digest_is() {
    let scheme = fields("{sha256:body=x-d}", "header = 'x-s'");
    let digest = |text: &str| data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(text));
    let headers = |digests: &[String]| {
        let mut headers = HeaderMap::from_iter([(name("x-s"), value(&mac(&digest("a"))))]);
        for digest in digests {
            headers.append(name("x-d"), value(digest));
        }
        headers
    };
    for (digests, body, expected) in [
        (&[digest("a")][..], "a", None),
        (&[digest("a")], "b", Some(Reason::SignatureMismatch)),
        (&[digest("b")], "b", Some(Reason::SignatureMismatch)),
        (&[digest("b")], "a", Some(Reason::SignatureMismatch)),
        (&[digest("a").to_uppercase()], "a", Some(Reason::SignatureMalformed)),
        (&[digest("a")[1..].to_owned()], "a", Some(Reason::SignatureMalformed)),
        (&[], "a", Some(Reason::SignatureMissing)),
        (&[String::new()], "a", Some(Reason::SignatureMissing)),
        (&[digest("a"), digest("a")], "a", Some(Reason::SignatureMalformed)),
    ] {
        assert_eq!(reason(&scheme, headers(digests), body), expected, "{digests:?} {body}");
    }
}

#[test]
fn a_header_list_names_itself_and_the_time() {
    let scheme = scheme(
        "content = \"{headers:x-list}\\n{body}\"\nsignature = { header = 'x-s', algorithm = 'hmac-sha256', encoding = 'hex' }\n\
         timestamp = { header = 'x-time', unit = 's' }",
    );
    let judged = |list: &str, signed: &str, extra: Option<&str>| {
        let mut headers = HeaderMap::from_iter([(name("x-list"), value(list)), (name("x-time"), value("1750000000"))]);
        headers.insert(name("x-a"), value("a"));
        headers.insert(name("x-s"), value(&mac(&format!("{signed}\n{{}}"))));
        if let Some(extra) = extra {
            headers.append(name("x-a"), value(extra));
        }
        reason(&scheme, headers, "{}")
    };
    let malformed = Some(Reason::SignatureMalformed);
    let all = "x-a:a;x-list:x-a,x-list,x-time;x-time:1750000000";
    assert_eq!(judged("x-a,x-list,x-time", all, None), None);
    assert_eq!(judged("x-a,x-list,x-time", all, Some("b")), Some(Reason::SignatureMissing));
    assert_eq!(judged("x-a,x-time", "x-a:a;x-time:1750000000", None), malformed);
    assert_eq!(judged("x-a,x-list", "x-a:a;x-list:x-a,x-list", None), malformed);
    assert_eq!(judged("x-list,x-list,x-time", all, None), malformed);
    assert_eq!(judged("x-list,x-time,x b", all, None), malformed);
    assert_eq!(judged("x-list,x-time,x-none", all, None), Some(Reason::SignatureMissing));
}
