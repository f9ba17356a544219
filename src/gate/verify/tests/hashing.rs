//! What a delivery is hashed into, for every scheme: as the documentation has it, by the `sha2` crate.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::gate::verify::gate::{Unverified, judge};

/// The identity as it is documented, put together from what the gate lets see.
fn identity_of(verified: &Verified) -> [u8; 32] {
    let mut digest = Sha256::new();
    let field = |digest: &mut Sha256, bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    field(&mut digest, b"payments");
    if let Some((body, id)) = verified.unsigned_identity() {
        field(&mut digest, id.as_bytes());
        field(&mut digest, &body.contiguous());
    }
    verified.feed_content(&mut |piece| digest.update(piece));
    digest.finalize().into()
}

fn in_chunks(bytes: &[u8], chunk_bytes: usize) -> RawBody {
    let mut body = RawBody::default();
    bytes.chunks(chunk_bytes).for_each(|chunk| body.push(Bytes::copy_from_slice(chunk)));
    body
}

fn assert_is_hashed(scheme: &Scheme, keys: &KeyRing, body: RawBody) {
    let sent = body.contiguous().into_owned();
    let verified = judge_with(scheme, keys, signed(scheme, &sent), body, now()).unwrap();
    assert_eq!(*verified.identity().as_bytes(), identity_of(&verified), "{}", scheme.name);
    assert_eq!(verified.body_sha256().as_slice(), Sha256::digest(&sent).as_slice(), "{}", scheme.name);
    assert_eq!(verified.integration(), &integration());
}

fn refused(scheme: &Scheme, headers: HeaderMap, sent: &[u8], now: UnixTime) -> Option<Unverified> {
    let (keys, integration) = (ring(scheme), integration());
    let judging = Judging { integration: &integration, scheme, keys: &keys, tolerance: Duration::from_secs(300) };
    let received = Received { head: head(headers), body: body(sent) };
    let presented = present(scheme, &received.head).ok()?;
    judge(&judging, presented, received, now).err().map(|unverified| *unverified)
}

#[test]
fn identity_and_body_are_hashed_for_every_scheme() {
    for scheme in all() {
        assert_is_hashed(&scheme, &ring(&scheme), body(BODY));
    }
}

#[test]
fn neither_depends_on_which_secret_matched() {
    for preset_name in ["stripe", "github", "standard-webhooks", "gitlab-token"] {
        let scheme = preset(preset_name);
        let other = if preset_name == "standard-webhooks" { "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } else { "another secret" };
        let keys = KeyRing::build(&scheme, vec![material("other", other), own_material(&scheme, "own")]).unwrap();
        assert_is_hashed(&scheme, &keys, body(BODY));
    }
}

#[test]
fn integrations_have_identities_of_their_own() {
    let scheme = preset("github");
    let keys = ring(&scheme);
    let of = |integration: &str| {
        let judging =
            Judging { integration: &integration.parse().unwrap(), scheme: &scheme, keys: &keys, tolerance: Duration::ZERO };
        let received = Received { head: head(signed(&scheme, BODY)), body: body(BODY) };
        let presented = present(&scheme, &received.head).unwrap();
        *verify(&judging, presented, received, now()).unwrap().identity()
    };
    assert_eq!(of("payments"), of("payments"));
    assert_ne!(of("payments"), of("orders"));
}

#[test]
fn a_forgery_s_body_is_known_where_a_signature_was_judged() {
    let mut judged = 0;
    for scheme in every() {
        // Another body than the one signed; not one that a scheme would refuse to read.
        let forged = [b"{\"forged\":1,", &BODY[1..]].concat();
        let Some(unverified) = refused(&scheme, signed(&scheme, BODY), &forged, now()) else { continue };
        if unverified.error != VerifyError::SignatureMismatch {
            continue;
        }
        assert_eq!(unverified.body_sha256, Some(Sha256::digest(&forged).into()), "{}", scheme.name);
        assert_eq!(unverified.signed_at, None, "{}", scheme.name);
        judged += 1;
    }
    assert!(judged >= 8, "{judged}");
}

#[test]
fn nothing_is_hashed_where_no_signature_was_judged() {
    // A token that does not match says nothing of a body.
    let token = preset("gitlab-token");
    let mut headers = signed(&token, BODY);
    headers.insert("x-gitlab-token", value("another"));
    let unverified = refused(&token, headers, BODY, now()).unwrap();
    assert_eq!((unverified.error, unverified.body_sha256), (VerifyError::SignatureMismatch, None));
    // No key is valid.
    let scheme = preset("github");
    let keys = KeyRing::build(&scheme, Vec::new()).unwrap();
    let judging = Judging { integration: &integration(), scheme: &scheme, keys: &keys, tolerance: Duration::ZERO };
    let received = Received { head: head(signed(&scheme, BODY)), body: body(BODY) };
    let presented = present(&scheme, &received.head).unwrap();
    let unverified = judge(&judging, presented, received, now()).unwrap_err();
    assert_eq!((unverified.error, unverified.body_sha256), (VerifyError::SecretUnavailable, None));
}

#[test]
fn outside_the_window_time_and_body_are_known() {
    for preset_name in ["stripe", "slack", "standard-webhooks-ed25519"] {
        let scheme = preset(preset_name);
        let unverified = refused(&scheme, signed(&scheme, BODY), BODY, now().plus(Duration::from_secs(900))).unwrap();
        assert!(matches!(unverified.error, VerifyError::TimestampTooOld { .. }), "{preset_name}");
        assert_eq!(unverified.signed_at, Some(now()), "{preset_name}");
        assert_eq!(unverified.body_sha256, Some(Sha256::digest(BODY).into()), "{preset_name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bodies_of_any_length_in_any_chunks_are_hashed_right(
        preset_name in proptest::sample::select(vec!["stripe", "github", "slack", "discord", "gitlab-token", "standard-webhooks"]),
        bytes in proptest::collection::vec(any::<u8>(), 0..900),
        chunk in 1_usize..300,
    ) {
        let scheme = preset(preset_name);
        prop_assume!(present(&scheme, &head(signed(&scheme, &bytes))).is_ok());
        let headers = signed(&scheme, &bytes);
        let judged = judge_with(&scheme, &ring(&scheme), headers, in_chunks(&bytes, chunk), now());
        prop_assume!(judged.is_ok());
        assert_is_hashed(&scheme, &ring(&scheme), in_chunks(&bytes, chunk));
    }
}
