//! Which key made a presented signature, and over what: the content of a scheme, or else one of its alternatives.
//!
//! 1. Nothing that a request presents is believed before a key vouches for it: all here is a candidate until then.
//! 2. An alternative is tried only where no key made a signature over the content, and what is said of a forgery is said of
//!    that.
//!
//! Must not know: windows, fields, what comes of it.

use super::asymmetric;
use super::envelope::Envelope;
use super::error::VerifyError;
use super::gate::Judging;
use super::hashing::{Digests, Hashing};
use super::keys::{Key, Verifier};
use super::presented::Presented;
use super::public_key;
use super::token::Token;
use super::unverified::Unverified;
use crate::domain::head::Received;
use crate::domain::https_url::HttpsUrl;
use crate::domain::time::UnixTime;
use crate::provider::certificate::CertificateRule;
use crate::provider::handshake;
use crate::provider::locate;
use crate::provider::scheme::Part;

/// A key that made a presented signature, over what.
pub(super) struct Proof<'k> {
    pub(super) envelope: Envelope,
    pub(super) key: &'k Key,
    /// What was hashed on the way.
    pub(super) digests: Option<Digests>,
}

/// The key that made a presented signature over this request's content, or else over an alternative of it.
pub(super) fn signature<'k>(
    judging: &Judging<'k>,
    presented: &mut Presented,
    received: &Received,
    now: UnixTime,
) -> Result<Proof<'k>, Box<Unverified>> {
    // Resolved from this request's own head: what another head presented proves nothing about it.
    presented.take_carried(judging.scheme, received)?;
    if let Some(rule) = &judging.scheme.certificate {
        names_no_stranger(rule, received)?;
    }
    match signature_over(&judging.scheme.content, judging, presented, received, now) {
        Err(refused) if refused.error == VerifyError::SignatureMismatch => {
            let mut alternatives = judging.scheme.alternatives.iter();
            // One that the request cannot be read as is none; what is said of a forgery is said of the first.
            let proof = alternatives.find_map(|content| signature_over(content, judging, presented, received, now).ok());
            proof.ok_or(refused)
        }
        judged => judged,
    }
}

/// A certificate at a stranger's host is named by no honest delivery, wherever the key comes from.
fn names_no_stranger(rule: &CertificateRule, received: &Received) -> Result<(), VerifyError> {
    let named = locate::find(&[&rule.place], &received.head, &received.body).pop().flatten();
    match named.map(|url| url.parse::<HttpsUrl>()) {
        Some(Ok(url)) if rule.of_host(url.host()).is_some() => Ok(()),
        Some(_) => Err(VerifyError::ForeignCertificate { place: rule.place.clone() }),
        // Nothing is taken from there then.
        None => Ok(()),
    }
}

/// The same over one content.
fn signature_over<'k>(
    content: &[Part],
    judging: &Judging<'k>,
    presented: &Presented,
    received: &Received,
    now: UnixTime,
) -> Result<Proof<'k>, Box<Unverified>> {
    let scheme = judging.scheme;
    let envelope =
        Envelope::resolve(scheme, content, received, presented).map_err(|error| Unverified::unresolved(error, &received.body))?;
    if envelope.len(&received.body) <= handshake::MAX_MAC_BYTES
        && handshake::anybody_may_sign(scheme, || envelope.contiguous(&received.body))
    {
        return Err(VerifyError::SignatureMismatch.into());
    }
    let mut hashing = Hashing::new(judging.integration, scheme.is_bearer(), &envelope, &received.body);
    match matching_key(judging, presented, &mut hashing, now) {
        Ok(key) => {
            let digests = hashing.into_made();
            Ok(Proof { envelope, key, digests })
        }
        Err(error) => Err(Box::new(Unverified { error, signed_at: None, body_sha256: hashing.into_body_sha256() })),
    }
}

fn matching_key<'k>(
    judging: &Judging<'k>,
    presented: &Presented,
    hashing: &mut Hashing<'_>,
    now: UnixTime,
) -> Result<&'k Key, VerifyError> {
    let mut usable = judging.keys.usable(now).peekable();
    if usable.peek().is_none() {
        return Err(VerifyError::SecretUnavailable);
    }
    let mut made = |key: &&Key| {
        let mut candidates = presented.candidates_of(judging.scheme, key.provider_id()).peekable();
        match &key.verifier {
            _ if candidates.peek().is_none() => false,
            Verifier::Mac(mac) => hashing.tag(mac).is_any_of(candidates),
            Verifier::Ed25519(public) => asymmetric::any_verifies(public, hashing.contiguous(), candidates),
            Verifier::Public(public) => {
                let key_id = presented.token().and_then(Token::key_id);
                public_key::any_verifies(public, key_id, hashing.contiguous(), candidates)
            }
            Verifier::Certificates(urls) => {
                let Some(public) = presented.certificate().and_then(|certificate| certificate.key(urls, now)) else {
                    return false;
                };
                public_key::any_verifies(std::slice::from_ref(public), None, hashing.contiguous(), candidates)
            }
        }
    };
    usable.find(|key| made(key)).ok_or(VerifyError::SignatureMismatch)
}
