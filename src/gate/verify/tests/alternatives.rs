//! Contents that may have been signed instead of the first.

use http::Uri;

use super::*;

const HEAD: &str =
    "signature = { header = 'x-s', algorithm = 'hmac-sha256', encoding = 'hex' }\nsecret = { encoding = 'utf8' }\n";

/// A request that somebody signed under another scheme.
fn signed_under(signer: &Scheme, judged: &Scheme, target: &str, bytes: &[u8], now: UnixTime) -> Result<Verified, VerifyError> {
    let head = Head { method: Method::POST, target: target.parse::<Uri>().unwrap(), headers: signed_at(signer, bytes, now) };
    let received = Received { head, body: body(bytes) };
    let presented = present(judged, &received.head)?;
    let (integration, keys) = (integration(), ring(judged));
    let judging = Judging { integration: &integration, scheme: judged, keys: &keys, tolerance: Duration::from_secs(300) };
    verify(&judging, presented, received, super::now())
}

fn contents(list: &str) -> Scheme {
    bound(&scheme(&format!("content = {list}\n{HEAD}")))
}

#[test]
fn what_was_signed_is_what_the_delivery_is() {
    let scheme = contents(r#"["{body}", "{body}\n"]"#);
    let cases = [
        (r#""{body}""#, "text", Ok("text")),
        (r#""{body}\n""#, "text", Ok("text\n")),
        (r#""{body}\n\n""#, "text", Err(VerifyError::SignatureMismatch)),
        (r#""{body}.""#, "text", Err(VerifyError::SignatureMismatch)),
        (r#""{body}""#, "text\n", Ok("text\n")),
    ];
    let mut identities = Vec::new();
    for (signer, body, expected) in cases {
        let verified = signed_under(&contents(signer), &scheme, "/", body.as_bytes(), now());
        let content = verified.map(|verified| {
            let mut content = Vec::new();
            verified.feed_content(&mut |piece| content.extend_from_slice(piece));
            identities.push((content.clone(), verified.identity().hex()));
            String::from_utf8(content).unwrap()
        });
        assert_eq!(content, expected.map(str::to_owned), "{signer} {body:?}");
    }
    let [one, other, same] = &identities[..] else { panic!("{identities:?}") };
    assert_ne!(one, other);
    assert_eq!(other, same, "one signed text is one delivery, however it was cut");
}

#[test]
fn a_content_that_the_request_cannot_have_is_no_refusal_of_another_kind() {
    let scheme = contents(r#"["{url}{body}", "{url-other-port}{body}"]"#);
    let first = contents(r#""{url}{body}""#);
    assert!(signed_under(&first, &scheme, "/", BODY, now()).is_ok());
    // The other spelling in the query could end a longer body, so that this one is never tried.
    let forged = signed_under(&contents(r#""{url}.{body}""#), &scheme, "/?u=https://hooks.example.com:443/hook", BODY, now());
    assert_eq!(forged.map(|_| ()), Err(VerifyError::SignatureMismatch));
    // What is wrong with the first is said of the first.
    let doubled = signed_under(&first, &scheme, "/?u=https://hooks.example.com/hook", BODY, now());
    assert_eq!(doubled.map(|_| ()), Err(VerifyError::UrlMalformed));
}

#[test]
fn an_alternative_is_under_the_rules_of_the_first() {
    let time = "timestamp = { header = 'x-t' }\n";
    let timed = |list: &str| scheme(&format!("content = {list}\n{time}{HEAD}"));
    let (judged, signer) = (timed(r#"["{timestamp}.{body}", "{timestamp}.{body}\n"]"#), timed(r#""{timestamp}.{body}\n""#));
    assert!(signed_under(&signer, &judged, "/", BODY, now()).is_ok());
    let old = signed_under(&signer, &judged, "/", BODY, UnixTime::from_seconds(NOW_SECONDS - 301));
    assert_eq!(old.map(|_| ()).map_err(|error| error.reason().code()), Err("timestamp_too_old"));

    // Whoever asks for a challenge has this signed.
    let challenge = "[[handshake]]\nmethod = 'GET'\necho = 'c'\nreply = { hmac = 'value', member = 'm', encoding = 'hex' }\n";
    let asked = scheme(&format!("content = ['{{body}}.', '{{body}}']\n{HEAD}{challenge}"));
    assert!(signed_under(&contents("'{body}'"), &asked, "/", b"a.b", now()).is_ok());
    let forged = signed_under(&contents("'{body}'"), &asked, "/", b"abc", now());
    assert_eq!(forged.map(|_| ()), Err(VerifyError::SignatureMismatch));
}
