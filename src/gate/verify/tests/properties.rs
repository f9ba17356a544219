//! What holds for every body, every header and every change.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::provider::scheme::SignatureEncoding;

fn any_scheme() -> impl Strategy<Value = Arc<Scheme>> {
    let schemes: Vec<Arc<Scheme>> = every().map(Arc::new).collect();
    proptest::sample::select(schemes)
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..most)
}

/// Any bytes that a header can hold.
fn header_value() -> impl Strategy<Value = HeaderValue> {
    let free =
        bytes(120).prop_map(|bytes| bytes.into_iter().map(|byte| if byte < 32 || byte == 127 { b' ' } else { byte }).collect());
    let near = "(t=|v1=|v1,|v0=|sha256=|[0-9a-f]{1,64}|[,= .]){0,12}".prop_map(String::into_bytes);
    prop_oneof![free, near].prop_map(|bytes: Vec<u8>| HeaderValue::from_bytes(&bytes).unwrap())
}

fn content_of(verified: &Verified) -> Vec<u8> {
    let mut content = Vec::new();
    verified.feed_content(&mut |piece| content.extend_from_slice(piece));
    content
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn sign_then_verify_holds_in_any_chunks(scheme in any_scheme(), bytes in bytes(600), chunk in 1_usize..64) {
        let mut chunks = RawBody::default();
        bytes.chunks(chunk).for_each(|chunk| chunks.push(Bytes::copy_from_slice(chunk)));
        let verified = judge_with(&scheme, &ring(&scheme), signed(&scheme, &bytes), chunks, now());
        prop_assert!(verified.is_ok());
        let contiguous = verified.unwrap();
        let whole = judge(&scheme, signed(&scheme, &bytes), &bytes, now()).unwrap();
        prop_assert_eq!(content_of(&contiguous), content_of(&whole));
    }

    #[test]
    fn any_header_is_judged_without_a_panic(scheme in any_scheme(), values in proptest::collection::vec(header_value(), 3)) {
        let mut headers = HeaderMap::new();
        for (header, value) in scheme.header_names().into_iter().zip(values) {
            headers.append(header.clone(), value);
        }
        if let Ok(presented) = present(&scheme, &head(headers.clone())) {
            let keys = ring(&scheme);
            let judging = Judging { integration: &integration(), scheme: &scheme, keys: &keys, tolerance: Duration::from_secs(300) };
            let received = Received { head: head(headers), body: body(BODY) };
            prop_assert!(verify(&judging, presented, received, now()).is_err());
        }
    }

    #[test]
    fn another_body_is_refused(scheme in any_scheme(), signed_bytes in bytes(80), sent in bytes(80)) {
        prop_assume!(signed_bytes != sent);
        let result = judge(&scheme, signed(&scheme, &signed_bytes), &sent, now());
        prop_assert_eq!(result.map(|_| ()), Err(VerifyError::SignatureMismatch));
    }

    #[test]
    fn what_is_not_signed_changes_nothing_of_the_content(
        scheme in any_scheme(),
        extra in "[a-z]{1,8}",
        value in header_value(),
        query in "[a-z0-9=]{0,10}",
    ) {
        let honest = judge(&scheme, signed(&scheme, BODY), BODY, now()).unwrap();
        let mut headers = signed(&scheme, BODY);
        headers.insert(name(&format!("x-other-{extra}")), value.clone());
        headers.insert("x-github-event", value.clone());
        headers.append("content-type", value);
        let mut received = Received { head: head(headers), body: body(BODY) };
        received.head.target = format!("/other?{query}").parse().unwrap();
        received.head.method = Method::PUT;
        let keys = ring(&scheme);
        let judging = Judging { integration: &integration(), scheme: &scheme, keys: &keys, tolerance: Duration::from_secs(300) };
        let presented = present(&scheme, &received.head).unwrap();
        let changed = verify(&judging, presented, received, now()).unwrap();
        prop_assert_eq!(content_of(&honest), content_of(&changed));
    }

    #[test]
    fn no_part_of_a_signature_will_do(scheme in any_scheme(), cut in any::<Index>(), more in "[0-9a-f=A-Z/+]{1,64}") {
        let header = scheme.signature.header().unwrap();
        let whole = signed(&scheme, BODY).get(header).unwrap().to_str().unwrap().to_owned();
        for text in [whole[..cut.index(whole.len())].to_owned(), format!("{whole}{more}")] {
            let mut headers = signed(&scheme, BODY);
            headers.insert(header.clone(), value(&text));
            prop_assert!(judge(&scheme, headers, BODY, now()).is_err(), "{}", text);
        }
    }

    #[test]
    fn a_tag_cut_short_is_no_signature(scheme in any_scheme(), kept in 0_usize..20) {
        // The right bytes, rightly written, but fewer of them.
        let rule = &scheme.signature;
        prop_assume!(rule.encoding != SignatureEncoding::Base64OfHex);
        let encoding = match rule.encoding {
            SignatureEncoding::Hex | SignatureEncoding::Base64OfHex | SignatureEncoding::Plain => data_encoding::HEXLOWER,
            SignatureEncoding::HexUpper => data_encoding::HEXUPPER,
            SignatureEncoding::HexAnyCase => data_encoding::HEXLOWER_PERMISSIVE,
            SignatureEncoding::Base64 => data_encoding::BASE64,
            SignatureEncoding::Base64Url => data_encoding::BASE64URL_NOPAD,
        };
        let whole = signed(&scheme, BODY).get(rule.header().unwrap()).unwrap().to_str().unwrap().to_owned();
        let (before, text) = whole.split_at(whole.len() - encoding.encode_len(rule.algorithm.signature_bytes().unwrap()));
        let tag = encoding.decode(text.as_bytes()).unwrap();
        let mut headers = signed(&scheme, BODY);
        headers.insert(rule.header().unwrap().clone(), value(&format!("{before}{}", encoding.encode(&tag[..kept]))));
        prop_assert!(judge(&scheme, headers, BODY, now()).is_err());
    }
}
