//! What a head presents: accepted or refused before the body.

use super::*;
use crate::domain::reason::Reason;
use crate::provider::scheme::Part;

const HEX: &str = "862782887345dafb16cfd8d98b5393de298fc67797d7c1383b49e4378a3096ad";
const BASE64: &str = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn presents(scheme: &Scheme, lines: &[(&str, &str)]) -> Result<(), VerifyError> {
    let mut headers = HeaderMap::new();
    for (line_name, line_value) in lines {
        headers.append(name(line_name), value(line_value));
    }
    present(scheme, &head(headers)).map(|_| ())
}

fn reason(scheme: &Scheme, lines: &[(&str, &str)]) -> Option<Reason> {
    presents(scheme, lines).err().map(|error| error.reason())
}

#[test]
fn a_list_of_pairs() {
    let v1 = format!("v1={HEX}");
    let many = |count: usize| format!("t=1750000000,{}", vec![v1.as_str(); count].join(","));
    let cases = [
        (format!("t=1750000000,{v1}"), None),
        (format!("{v1},t=1750000000"), None),
        (format!("t=1750000000,v0={HEX},{v1}"), None),
        (format!("t=1750000000,v1=bad,{v1}"), None),
        (format!("t=1750000000,,nonsense,{v1}"), None),
        (many(9), None),
        (many(10), Some(Reason::SignatureMalformed)),
        (format!("t=1750000000,{v1}{}", ",x=1".repeat(9)), Some(Reason::SignatureMalformed)),
        ("t=1750000000".to_owned(), Some(Reason::SignatureMalformed)),
        (",,,".to_owned(), Some(Reason::SignatureMalformed)),
        (format!("t=1750000000,v0={HEX}"), Some(Reason::SignatureMalformed)),
        (format!("t=1750000000, {v1}"), Some(Reason::SignatureMalformed)),
        (format!("t=1750000000,V1={HEX}"), Some(Reason::SignatureMalformed)),
        (format!("t=1750000000,v1={}", HEX.to_uppercase()), Some(Reason::SignatureMalformed)),
        (format!("t=1750000000,v1=0x{}", &HEX[2..]), Some(Reason::SignatureMalformed)),
        (format!("t=1750000000,v1={}", &HEX[1..]), Some(Reason::SignatureMalformed)),
        (format!("t=1750000000,v1={HEX}0"), Some(Reason::SignatureMalformed)),
        ("t=1750000000,v1=".to_owned(), Some(Reason::SignatureMalformed)),
        (format!("t=1750000000,t=1750000000,{v1}"), Some(Reason::SignatureMalformed)),
        (v1.clone(), Some(Reason::TimestampMissing)),
        (format!("t=,{v1}"), Some(Reason::TimestampMissing)),
        (format!("t,{v1}"), Some(Reason::TimestampMissing)),
        (format!("T=1750000000,{v1}"), Some(Reason::TimestampMissing)),
        (format!("t =1750000000,{v1}"), Some(Reason::TimestampMissing)),
        (String::new(), Some(Reason::SignatureMissing)),
        ("  \t".to_owned(), Some(Reason::SignatureMissing)),
    ];
    for (text, expected) in cases {
        assert_eq!(reason(&preset("stripe"), &[("stripe-signature", &text)]), expected, "{text}");
    }
    assert_eq!(reason(&preset("stripe"), &[]), Some(Reason::SignatureMissing));
}

#[test]
fn a_list_of_versions() {
    let v1 = format!("v1,{BASE64}");
    let cases = [
        (v1.clone(), None),
        (format!("v1a,{BASE64} {v1}"), None),
        (format!("v1,invalid_signature {v1}"), None),
        (format!("v2,{BASE64} junk {v1}"), None),
        ([v1.as_str(); 9].join(" "), None),
        ([v1.as_str(); 10].join(" "), Some(Reason::SignatureMalformed)),
        (format!("{v1}{}", " v2,x".repeat(20_000)), Some(Reason::SignatureMalformed)),
        ("v1,".to_owned(), Some(Reason::SignatureMalformed)),
        ("v1".to_owned(), Some(Reason::SignatureMalformed)),
        (BASE64.to_owned(), Some(Reason::SignatureMalformed)),
        (format!("v1={BASE64}"), Some(Reason::SignatureMalformed)),
        (format!("v1a,{BASE64}"), Some(Reason::SignatureMalformed)),
        (format!("{v1},x"), Some(Reason::SignatureMalformed)),
        (format!("v1,{}", BASE64.replace('/', "_").replace('+', "-")), Some(Reason::SignatureMalformed)),
        (format!("v1,{}", BASE64.trim_end_matches('=')), Some(Reason::SignatureMalformed)),
        (format!("v1,{BASE64}="), Some(Reason::SignatureMalformed)),
        // The last character holds two bits that stand for nothing: another one decodes to the same bytes.
        (format!("v1,{}", BASE64.replace("OE=", "OF=")), Some(Reason::SignatureMalformed)),
        // Two texts joined: the padding stands inside, and what is decoded is as long as a signature.
        (format!("v1,QUI=QUJD{}", "QUJD".repeat(9)), Some(Reason::SignatureMalformed)),
        (format!("v1,{}{}", "QUI=".repeat(4), "QUJD".repeat(8)), Some(Reason::SignatureMalformed)),
        (format!("v1,{}", "QUJD".repeat(5000)), Some(Reason::SignatureMalformed)),
    ];
    for (text, expected) in cases {
        let lines = [("webhook-signature", &*text), ("webhook-id", "msg_1"), ("webhook-timestamp", "1750000000")];
        assert_eq!(reason(&preset("standard-webhooks"), &lines), expected, "{text:.80}");
    }
}

#[test]
fn a_prefixed_signature() {
    let cases = [
        (format!("sha256={HEX}"), None),
        (HEX.to_owned(), Some(Reason::SignatureMalformed)),
        (format!("sha1={}", &HEX[..40]), Some(Reason::SignatureMalformed)),
        (format!("SHA256={HEX}"), Some(Reason::SignatureMalformed)),
        (format!("sha256=sha256={HEX}"), Some(Reason::SignatureMalformed)),
        (format!("sha256= {HEX}"), Some(Reason::SignatureMalformed)),
        (format!("sha256={HEX},sha256={HEX}"), Some(Reason::SignatureMalformed)),
        ("sha256=".to_owned(), Some(Reason::SignatureMalformed)),
    ];
    for (text, expected) in cases {
        assert_eq!(reason(&preset("github"), &[("x-hub-signature-256", &text)]), expected, "{text}");
    }
    assert_eq!(reason(&preset("github"), &[("x-hub-signature", "sha1=00")]), Some(Reason::SignatureMissing));
}

#[test]
fn hex_of_either_case_is_taken_where_the_scheme_says_so() {
    let mixed = format!("{}{}", HEX[..32].to_uppercase(), &HEX[32..]);
    let cases = [
        (HEX.to_owned(), None),
        (HEX.to_uppercase(), None),
        (mixed, None),
        (format!("0x{}", &HEX[2..]), Some(Reason::SignatureMalformed)),
        (HEX[1..].to_owned(), Some(Reason::SignatureMalformed)),
        (HEX[2..].to_owned(), Some(Reason::SignatureMalformed)),
        (format!("{HEX}00"), Some(Reason::SignatureMalformed)),
        (HEX.repeat(3), Some(Reason::SignatureMalformed)),
        (format!("{}g", &HEX[1..]), Some(Reason::SignatureMalformed)),
        (String::new(), Some(Reason::SignatureMalformed)),
    ];
    for (text, expected) in cases {
        assert_eq!(reason(&preset("notion"), &[("x-notion-signature", &format!("sha256={text}"))]), expected, "{text}");
    }
}

#[test]
fn a_timestamp_is_exactly_its_digits() {
    let malformed = [
        "+175000000",
        "0175000000",
        "-175000000",
        "175000000",
        "17500000000",
        "1750000000000",
        "1.75000e9",
        "1750000000.0",
        "0x684ee180",
        "1_75000000",
        "１７５００００００",
        " 175000000",
        "175000000 ",
        "9223372036854775808",
        "-1",
    ];
    let signature = format!("v0={HEX}");
    for text in malformed {
        let lines = [("x-slack-signature", &*signature), ("x-slack-request-timestamp", text)];
        assert_eq!(reason(&preset("slack"), &lines), Some(Reason::TimestampMalformed), "{text}");
    }
    for text in ["", " "] {
        let lines = [("x-slack-signature", &*signature), ("x-slack-request-timestamp", text)];
        assert_eq!(reason(&preset("slack"), &lines), Some(Reason::TimestampMissing));
    }
    assert_eq!(reason(&preset("slack"), &[("x-slack-signature", &signature)]), Some(Reason::TimestampMissing));
    let milliseconds = scheme(
        "content = '{timestamp}.{body}'\ntimestamp = { header = 'x-t', unit = 'ms' }\n\
         signature = { header = 'x-s', algorithm = 'hmac-sha256', encoding = 'hex' }",
    );
    assert_eq!(reason(&milliseconds, &[("x-s", HEX), ("x-t", "1750000000000")]), None);
    assert_eq!(reason(&milliseconds, &[("x-s", HEX), ("x-t", "1750000000")]), Some(Reason::TimestampMalformed));
}

#[test]
fn an_id_cannot_be_moved_over_its_delimiter() {
    let signature = format!("v1,{BASE64}");
    let cases = [
        ("msg_1", None),
        ("msg.1", Some(Reason::SignatureMalformed)),
        ("", Some(Reason::SignatureMissing)),
        ("msg 1", Some(Reason::SignatureMalformed)),
        ("msg\t1", Some(Reason::SignatureMalformed)),
        ("möglich", Some(Reason::SignatureMalformed)),
    ];
    for (id, expected) in cases {
        let lines = [("webhook-signature", &*signature), ("webhook-id", id), ("webhook-timestamp", "1750000000")];
        assert_eq!(reason(&preset("standard-webhooks"), &lines), expected, "{id}");
    }
    let lines = [("webhook-signature", &*signature), ("webhook-timestamp", "1750000000")];
    assert_eq!(reason(&preset("standard-webhooks"), &lines), Some(Reason::SignatureMissing));
}

#[test]
fn a_signed_header_may_hold_spaces_and_no_delimiter() {
    let scheme = scheme(
        "content = '{header:x-topic}|{body}#{header:x-shop}'\n\
         signature = { header = 'x-s', algorithm = 'hmac-sha256', encoding = 'hex' }",
    );
    assert_eq!(scheme.content.first(), Some(&Part::Header(name("x-topic"))));
    let cases = [
        ("orders create", "shop", None),
        ("orders|create", "shop", Some(Reason::SignatureMalformed)),
        ("orders#create", "sh|op", None),
        ("orders", "sh#op", Some(Reason::SignatureMalformed)),
        ("orders", "", Some(Reason::SignatureMissing)),
    ];
    for (topic, shop, expected) in cases {
        assert_eq!(reason(&scheme, &[("x-s", HEX), ("x-topic", topic), ("x-shop", shop)]), expected, "{topic} {shop}");
    }
}

#[test]
fn a_fixed_header_says_what_it_must() {
    let fixed = || VerifyError::FixedHeader { header: name("box-signature-version") };
    let cases = [
        (Some("1"), Ok(())),
        (Some("2"), Err(fixed())),
        (Some("1 "), Err(fixed())),
        (Some("01"), Err(fixed())),
        (Some(""), Err(fixed())),
        (None, Err(fixed())),
    ];
    let scheme = preset("box");
    for (text, expected) in cases {
        let mut headers = signed(&scheme, BODY);
        headers.remove("box-signature-version");
        headers.extend(text.map(|text| (name("box-signature-version"), value(text))));
        assert_eq!(present(&scheme, &head(headers)).map(|_| ()), expected, "{text:?}");
    }
    assert_eq!(fixed().reason(), Reason::SignatureMalformed);
    let mut doubled = signed(&scheme, BODY);
    doubled.append("box-signature-version", value("1"));
    let error = present(&scheme, &head(doubled)).unwrap_err();
    assert_eq!(error, VerifyError::HeaderRepeated { header: name("box-signature-version") });
}

#[test]
fn no_header_of_a_scheme_stands_twice() {
    for name in ["stripe", "github", "slack", "standard-webhooks", "standard-webhooks-ed25519", "discord", "shopify"] {
        let scheme = preset(name);
        for header in scheme.header_names() {
            let mut headers = signed(&scheme, BODY);
            let first = headers.get(header).unwrap().clone();
            for other in [first, value("x")] {
                headers.append(header.clone(), other);
                let error = present(&scheme, &head(headers.clone())).unwrap_err();
                assert_eq!(error, VerifyError::HeaderRepeated { header: header.clone() }, "{name}");
                assert_eq!(error.reason(), Reason::SignatureMalformed);
            }
        }
    }
}

#[test]
fn every_scheme_without_its_headers_is_missing_its_signature() {
    for scheme in all() {
        let scheme = &scheme;
        assert_eq!(reason(scheme, &[("x-other", "1")]), Some(Reason::SignatureMissing));
    }
}

#[test]
fn bytes_that_are_no_text_do_not_panic() {
    // A token is any text at all, and judged when it is compared.
    for scheme in all().filter(|scheme| !scheme.is_unsigned()) {
        let scheme = &scheme;
        for header in scheme.header_names() {
            let mut headers = signed(scheme, BODY);
            // Of several headers one is enough.
            if headers.insert(header.clone(), HeaderValue::from_bytes(b"\xff\xfe\x80").unwrap()).is_none() {
                continue;
            }
            assert!(present(scheme, &head(headers)).is_err());
        }
    }
}

#[test]
fn an_object_in_base64_that_names_its_key() {
    let shown = |json: &str| data_encoding::BASE64.encode(json.as_bytes());
    let object =
        |text: &str, key: &str| shown(&format!("{{\"alg\":\"ecdsa\",\"kid\":{key},\"signature\":{text},\"digest\":\"SHA1\"}}"));
    let good = object("\"MEUC\"", "\"a\"");
    let good_as = |good: &str, from: &str, to: &str| {
        let json = data_encoding::BASE64.decode(good.as_bytes()).unwrap();
        shown(&String::from_utf8(json).unwrap().replace(from, to))
    };
    let malformed = Some(Reason::SignatureMalformed);
    let cases = [
        (good.clone(), None),
        (object("\"M===\"", "\"a\""), malformed),
        (object("\"MEU\"", "\"a\""), malformed),
        (object("\"\"", "\"a\""), malformed),
        (object("1", "\"a\""), malformed),
        (object("\"MEUC\"", "1"), malformed),
        (object("\"MEUC\"", "null"), malformed),
        (good_as(&good, "ecdsa", "rsa"), malformed),
        (good_as(&good, "SHA1", "SHA256"), malformed),
        (good_as(&good, "digest", "digesu"), malformed),
        (good_as(&good, "}", ",\"more\":\"x\"}"), malformed),
        (shown("{\"kid\":\"a\"}"), malformed),
        (shown("{\"signature\":\"MEUC\"}"), malformed),
        (shown("{\"kid\":\"a\",\"kid\":\"b\",\"signature\":\"MEUC\"}"), malformed),
        (shown("{\"kid\":\"a\",\"signature\":\"MEUC\"}{}"), malformed),
        (shown("[\"a\",\"MEUC\"]"), malformed),
        (shown("MEUC"), malformed),
        (format!(" {good}"), malformed),
        (good.trim_end_matches('=').to_owned() + "\u{e9}", malformed),
        ("MEUC".to_owned(), malformed),
        (shown(&format!("{{\"kid\":\"a\",\"signature\":\"MEUC\",\"x\":\"{}\"}}", "a".repeat(9000))), malformed),
        (String::new(), Some(Reason::SignatureMissing)),
    ];
    for (text, expected) in cases {
        let mut headers = HeaderMap::new();
        headers.append(name("x-ebay-signature"), HeaderValue::from_bytes(text.as_bytes()).unwrap());
        let told = present(&preset("ebay"), &head(headers)).err().map(|error| error.reason());
        assert_eq!(told, expected, "{text}");
    }
    assert_eq!(reason(&preset("ebay"), &[("x-ebay-signature", &good), ("x-ebay-signature", &good)]), malformed);
}
