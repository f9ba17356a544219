//! Whole requests: accepted with what they say, or refused with a reason.

use super::*;
use crate::domain::reason::Reason;
use crate::gate::verify::gate::Field;

fn reason_of(result: Result<Verified, VerifyError>) -> Option<Reason> {
    result.err().map(|error| error.reason())
}

#[test]
fn what_is_signed_is_verified() {
    for scheme in all() {
        let scheme = &scheme;
        let verified = judge(scheme, signed(scheme, BODY), BODY, now()).unwrap();
        assert_eq!(verified.secret_id().as_str(), "own");
        assert_eq!(verified.is_timed(), scheme.is_timed());
        assert_eq!(verified.body().contiguous().as_ref(), BODY);
        assert_eq!(verified.head().path(), "/hook");
        assert_eq!(verified.unsigned_identity().is_some(), scheme.is_unsigned());
        assert!(!format!("{verified:?}").contains("invoice"));
        assert_eq!(verified.into_received().body.len(), BODY.len());
    }
}

#[test]
fn the_content_is_exactly_what_the_provider_signs() {
    let cases = [
        ("stripe", "1750000000."),
        ("github", ""),
        ("slack", "v0:1750000000:"),
        ("standard-webhooks", "msg_1.1750000000."),
        ("discord", "1750000000"),
    ];
    for (preset_name, before) in cases {
        let scheme = preset(preset_name);
        let verified = judge(&scheme, signed(&scheme, BODY), BODY, now()).unwrap();
        let mut content = Vec::new();
        verified.feed_content(&mut |piece| content.extend_from_slice(piece));
        assert_eq!(content, [before.as_bytes(), BODY].concat(), "{preset_name}");
    }
}

#[test]
fn an_empty_body_is_verified_as_such() {
    for scheme in every() {
        let scheme = &scheme;
        assert!(judge(scheme, signed(scheme, b""), b"", now()).is_ok());
        assert_eq!(reason_of(judge(scheme, signed(scheme, b""), b" ", now())), Some(Reason::SignatureMismatch));
        assert_eq!(reason_of(judge(scheme, HeaderMap::new(), b"", now())), Some(Reason::SignatureMissing));
    }
}

#[test]
fn both_edges_of_the_window_are_inside() {
    let microsecond = Duration::from_micros(1);
    let signed_time = now();
    let cases = [
        (signed_time.plus(Duration::from_secs(300)), None),
        (signed_time.plus(Duration::from_secs(301)).minus(microsecond), None),
        (signed_time.plus(Duration::from_secs(301)), Some(Reason::TimestampTooOld)),
        (signed_time.minus(Duration::from_secs(300)), None),
        (signed_time.minus(Duration::from_secs(300)).minus(microsecond), Some(Reason::TimestampInFuture)),
        (UnixTime::from_micros(i64::MIN), Some(Reason::TimestampInFuture)),
        (UnixTime::from_micros(i64::MAX), Some(Reason::TimestampTooOld)),
        (UnixTime::from_seconds(0), Some(Reason::TimestampInFuture)),
    ];
    for preset_name in ["stripe", "slack", "standard-webhooks", "standard-webhooks-ed25519", "discord"] {
        let scheme = preset(preset_name);
        for (now, expected) in cases {
            let headers = signed_at(&scheme, BODY, signed_time);
            let result = judge(&scheme, headers, BODY, now);
            if let Ok(verified) = &result {
                assert_eq!(verified.signed_at(), Some(signed_time));
                assert_eq!(verified.acceptable_until(), Some(signed_time.plus(Duration::from_secs(301))));
                assert!(now < verified.acceptable_until().unwrap());
            }
            assert_eq!(reason_of(result), expected, "{preset_name} at {now}");
        }
    }
}

#[test]
fn milliseconds_are_judged_as_milliseconds() {
    let scheme = scheme(
        "content = '{timestamp}.{body}'\ntimestamp = { header = 'x-t', unit = 'ms' }\n\
         signature = { header = 'x-s', algorithm = 'hmac-sha1', encoding = 'base64' }",
    );
    let signed_time = UnixTime::from_millis(NOW_SECONDS * 1000 + 500);
    let cases = [
        (300_000, None),
        (300_001, Some(Reason::TimestampTooOld)),
        (-300_000, None),
        (-300_001, Some(Reason::TimestampInFuture)),
    ];
    for (offset_ms, expected) in cases {
        let now = UnixTime::from_millis(NOW_SECONDS * 1000 + 500 + offset_ms);
        assert_eq!(reason_of(judge(&scheme, signed_at(&scheme, BODY, signed_time), BODY, now)), expected, "{offset_ms}");
    }
}

#[test]
fn the_window_is_judged_after_the_signature() {
    let scheme = preset("stripe");
    let late = now().plus(Duration::from_secs(1000));
    assert_eq!(reason_of(judge(&scheme, signed(&scheme, BODY), b"forged", late)), Some(Reason::SignatureMismatch));
    let error = judge(&scheme, signed(&scheme, BODY), BODY, late).unwrap_err();
    assert_eq!(error, VerifyError::TimestampTooOld { age_ms: 1_000_000, tolerance_ms: 300_000 });
}

#[test]
fn the_key_that_matched_is_named_and_validity_is_kept() {
    let scheme = preset("standard-webhooks");
    let ring = |not_before: Option<UnixTime>, not_after: Option<UnixTime>| {
        let other = material("other", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        KeyRing::build(&scheme, vec![other, KeyMaterial { not_before, not_after, ..own_material(&scheme, "own") }]).unwrap()
    };
    let second = Duration::from_secs(1);
    let cases = [
        (None, None, true),
        (Some(now()), Some(now().plus(second)), true),
        (Some(now().plus(second)), None, false),
        (None, Some(now()), false),
    ];
    for (not_before, not_after, accepted) in cases {
        let keys = ring(not_before, not_after);
        let result = judge_with(&scheme, &keys, signed(&scheme, BODY), body(BODY), now());
        let expected = if accepted { Ok("own") } else { Err(VerifyError::SignatureMismatch) };
        assert_eq!(result.as_ref().map(|verified| verified.secret_id().as_str()), expected.as_ref().copied());
    }
}

#[test]
fn without_a_valid_key_no_secret_is_available() {
    let scheme = preset("github");
    let expired = KeyMaterial { not_after: Some(now()), ..own_material(&scheme, "own") };
    for keys in [KeyRing::build(&scheme, vec![expired]).unwrap(), KeyRing::build(&scheme, Vec::new()).unwrap()] {
        let result = judge_with(&scheme, &keys, signed(&scheme, BODY), body(BODY), now());
        assert_eq!(reason_of(result), Some(Reason::SecretUnavailable));
    }
}

#[test]
fn any_of_several_signatures_may_match() {
    let scheme = preset("standard-webhooks");
    let header = scheme.signature.header().unwrap();
    let good = signed(&scheme, BODY).get(header).unwrap().to_str().unwrap().to_owned();
    let junk = format!("v1,{}", data_encoding::BASE64.encode(&[7; 32]));
    for place in 0..9 {
        let mut entries = [junk.as_str(); 9];
        entries[place] = &good;
        let mut headers = signed(&scheme, BODY);
        headers.insert(header.clone(), value(&entries.join(" ")));
        assert!(judge(&scheme, headers, BODY, now()).is_ok(), "{place}");
    }
}

#[test]
fn what_another_head_presented_proves_nothing() {
    let scheme = preset("standard-webhooks");
    let keys = ring(&scheme);
    let judging = Judging { integration: &integration(), scheme: &scheme, keys: &keys, tolerance: Duration::from_secs(300) };
    let honest = signed(&scheme, BODY);
    let presented = || present(&scheme, &head(honest.clone())).unwrap();
    let mut swapped = honest.clone();
    swapped.insert("webhook-id", value("msg_2"));
    let received = Received { head: head(swapped), body: body(BODY) };
    assert_eq!(reason_of(verify(&judging, presented(), received, now())), Some(Reason::SignatureMismatch));
    let received = Received { head: head(HeaderMap::new()), body: body(BODY) };
    assert_eq!(reason_of(verify(&judging, presented(), received, now())), Some(Reason::SignatureMissing));
    // A scheme that signs no time presents none, and that cannot stand in for one that does.
    let untimed = present(&preset("github"), &head(signed(&preset("github"), BODY))).unwrap();
    let received = Received { head: head(honest.clone()), body: body(BODY) };
    assert_eq!(reason_of(verify(&judging, untimed, received, now())), Some(Reason::TimestampMissing));
}

#[test]
fn a_window_without_a_time_to_judge_is_no_pass() {
    // The file grammar refuses such a scheme; a scheme put together by hand must not pass either.
    let untimed =
        scheme("content = '{body}'\nsignature = { header = 'x-s', algorithm = 'hmac-sha256', encoding = 'hex', prefix = 'v1=' }");
    let timed = Scheme { timestamp: preset("slack").timestamp.clone(), ..untimed.clone() };
    let keys = ring(&untimed);
    let judging = Judging { integration: &integration(), scheme: &timed, keys: &keys, tolerance: Duration::from_secs(300) };
    let received = Received { head: head(signed(&untimed, BODY)), body: body(BODY) };
    let presented = present(&untimed, &received.head).unwrap();
    assert_eq!(reason_of(verify(&judging, presented, received, now())), Some(Reason::TimestampMissing));
}

#[test]
fn a_shifted_boundary_is_refused() {
    // The bytes signed for ("evt.1750000000", now, body) are also those of ("evt", 1750000000, "now.body").
    let scheme = preset("standard-webhooks");
    let empty = HeaderMap::new();
    let request = Request { id: Some("evt.1750000000"), timestamp: now(), headers: &empty, body: BODY };
    let mut headers: HeaderMap = sign(&scheme, &signing_key(&scheme), &request).into_iter().collect();
    assert_eq!(reason_of(judge(&scheme, headers.clone(), BODY, now())), Some(Reason::SignatureMalformed));
    headers.insert("webhook-id", value("evt"));
    let shifted = [b"1750000000.", BODY].concat();
    assert!(judge(&scheme, headers, &shifted, now()).is_ok(), "the one reading that is left");

    let scheme = preset("discord");
    let mut headers = signed(&scheme, BODY);
    headers.insert("x-signature-timestamp", value("175000000"));
    let shifted = [b"0", BODY].concat();
    assert_eq!(reason_of(judge(&scheme, headers, &shifted, now())), Some(Reason::TimestampMalformed));
}

#[test]
fn fields_say_whether_they_are_signed() {
    let field = |text: &str, signed| Some(Field { text: text.to_owned(), signed });
    let stripe = judge(&preset("stripe"), signed(&preset("stripe"), BODY), BODY, now()).unwrap();
    assert_eq!(stripe.event().cloned(), field("invoice.paid", true));
    assert_eq!(stripe.signed_unique_delivery_id(), Some("evt_1"));

    let github = preset("github");
    let mut headers = signed(&github, BODY);
    headers.insert("x-github-event", value("push"));
    headers.insert("x-github-delivery", value("72d3162e"));
    let verified = judge(&github, headers.clone(), BODY, now()).unwrap();
    assert_eq!(verified.event().cloned(), field("push", false));
    assert_eq!(verified.delivery_id().cloned(), field("72d3162e", false));
    assert_eq!(verified.signed_unique_delivery_id(), None);
    headers.append("x-github-event", value("ping"));
    assert_eq!(reason_of(judge(&github, headers.clone(), BODY, now())), Some(Reason::SignatureMalformed));
    headers.insert("x-github-event", value("push"));
    headers.append("x-github-delivery", value("72d3162f"));
    assert_eq!(reason_of(judge(&github, headers, BODY, now())), Some(Reason::SignatureMalformed));

    let standard = preset("standard-webhooks");
    let verified = judge(&standard, signed(&standard, BODY), BODY, now()).unwrap();
    assert_eq!(verified.delivery_id().cloned(), field("msg_1", true));
    assert_eq!(verified.signed_unique_delivery_id(), Some("msg_1"));
}

#[test]
fn slack_events_are_found_in_json_and_forms() {
    let scheme = preset("slack");
    let cases: [(&[u8], Option<&str>); 5] = [
        (br#"{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}"#, Some("app_mention")),
        (br#"{"type":"app_rate_limited"}"#, Some("app_rate_limited")),
        (b"payload=%7B%22type%22%3A%22block_actions%22%7D", Some("block_actions")),
        (b"token=x&command=%2Fweather&text=94070", Some("/weather")),
        (b"\xff", None),
    ];
    for (bytes, event) in cases {
        let verified = judge(&scheme, signed(&scheme, bytes), bytes, now()).unwrap();
        assert_eq!(verified.event().map(|event| event.text.as_str()), event);
        assert_eq!(verified.handshake(), None);
    }
}

#[test]
fn signed_challenges_have_their_answer() {
    let cases: [(&str, &[u8], u16, &[u8]); 3] = [
        ("slack", br#"{"type":"url_verification","challenge":"3eZbrw1a"}"#, 200, br#"{"challenge":"3eZbrw1a"}"#),
        ("discord", br#"{"type":1,"id":"1"}"#, 200, br#"{"type":1}"#),
        ("discord-events", br#"{"type":0}"#, 204, b""),
    ];
    for (preset_name, bytes, status, answer) in cases {
        let scheme = preset(preset_name);
        let verified = judge(&scheme, signed(&scheme, bytes), bytes, now()).unwrap();
        let reply = verified.handshake().unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (status, answer));
    }
    let slack = preset("slack");
    for bytes in [&br#"{"type":"url_verification"}"#[..], br#"{"type":"url_verification","challenge":"a\nb"}"#] {
        assert_eq!(judge(&slack, signed(&slack, bytes), bytes, now()).unwrap().handshake(), None);
    }
}

#[test]
fn an_id_that_is_not_given_is_made() {
    let scheme = preset("standard-webhooks");
    let headers = HeaderMap::new();
    let request = Request { id: None, timestamp: now(), headers: &headers, body: BODY };
    let made = || -> HeaderMap { sign(&scheme, &signing_key(&scheme), &request).into_iter().collect() };
    assert_eq!(made(), made());
    assert!(judge(&scheme, made(), BODY, now()).is_ok());
}

#[test]
fn small_order_and_malleated_signatures_are_refused() {
    let scheme = preset("discord");
    let good = signed(&scheme, BODY).get("x-signature-ed25519").unwrap().to_str().unwrap().to_owned();
    // S + L: the same point, another number.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = data_encoding::HEXLOWER.decode(good.as_bytes()).unwrap();
    let mut carry = 0_u16;
    for (byte, add) in bytes[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    let small_order = format!("{}{}", "01".to_owned() + &"00".repeat(31), "00".repeat(32));
    for forged in [data_encoding::HEXLOWER.encode(&bytes), small_order, "00".repeat(64)] {
        let mut headers = signed(&scheme, BODY);
        headers.insert("x-signature-ed25519", value(&forged));
        assert_eq!(reason_of(judge(&scheme, headers, BODY, now())), Some(Reason::SignatureMismatch), "{forged}");
    }
}
