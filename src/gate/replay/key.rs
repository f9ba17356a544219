//! What makes two deliveries the same one. Pure.
//!
//! Owns: the identity that a store remembers and the idempotency key that an upstream sees. Must not know: headers, stores.
//!
//! 1. The identity rests on signed material only: the integration's name and the bytes handed to the MAC or signature check.
//!    Another case, encoding, order or choice among several signatures, another secret or a changed unsigned id is the same.
//! 2. Where one signature or token serves many deliveries the raw body and the delivery id are part of it, signed or not.
//! 3. Every field but the last is length-prefixed: no two different deliveries write the same bytes.
//! 4. The idempotency key is the same over retries that the provider signs anew, where it signs a unique delivery id.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::domain::body::RawBody;
use crate::domain::name::IntegrationName;

/// SHA-256 of what makes a delivery itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity([u8; 32]);

/// Hands the signed content over, piece by piece.
pub type Feed<'a> = &'a dyn Fn(&mut dyn FnMut(&[u8]));

impl Identity {
    /// From the integration and the signed content; `unsigned` is the body and the delivery id where that serves many
    /// deliveries.
    #[must_use]
    pub fn new(integration: &IntegrationName, unsigned: Option<(&RawBody, &str)>, content: Feed<'_>) -> Self {
        let mut digest = Sha256::new();
        field(&mut digest, integration.as_str().as_bytes());
        if let Some((body, delivery_id)) = unsigned {
            field(&mut digest, delivery_id.as_bytes());
            digest.update(length(body.len()));
            body.chunks().iter().for_each(|chunk| digest.update(chunk));
        }
        content(&mut |piece| digest.update(piece));
        Self(digest.finalize().into())
    }

    /// An identity read back from where it was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.hex())
    }
}

/// What an upstream tells retries by: from the signed unique delivery id where there is one, else the identity.
#[must_use]
pub fn idempotency_key(integration: &IntegrationName, signed_unique_id: Option<&str>, identity: &Identity) -> String {
    let Some(id) = signed_unique_id else { return identity.hex() };
    let mut digest = Sha256::new();
    field(&mut digest, IDEMPOTENCY_DOMAIN);
    field(&mut digest, integration.as_str().as_bytes());
    field(&mut digest, id.as_bytes());
    HEXLOWER.encode(&digest.finalize())
}

fn field(digest: &mut Sha256, bytes: &[u8]) {
    digest.update(length(bytes.len()));
    digest.update(bytes);
}

fn length(bytes: usize) -> [u8; 8] {
    u64::try_from(bytes).unwrap_or(u64::MAX).to_be_bytes()
}

/// Keeps ids apart from identities; never changed, or retries in flight over an upgrade would look new.
const IDEMPOTENCY_DOMAIN: &[u8] = b"hookward/idempotency-key/1";

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn name(text: &str) -> IntegrationName {
        text.parse().unwrap()
    }

    fn bearer(integration: &str, body: Option<&'static str>, id: &str, pieces: &[&str]) -> Identity {
        let body = body.map(|text| RawBody::from(Bytes::from_static(text.as_bytes())));
        let unsigned = body.as_ref().map(|body| (body, id));
        Identity::new(&name(integration), unsigned, &|sink| pieces.iter().for_each(|piece| sink(piece.as_bytes())))
    }

    fn identity(integration: &str, body: Option<&'static str>, pieces: &[&str]) -> Identity {
        bearer(integration, body, "", pieces)
    }

    #[test]
    fn the_identity_is_the_documented_digest() {
        let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 8];
        bytes.extend_from_slice(b"payments1700000000.{}");
        assert_eq!(identity("payments", None, &["1700000000.", "{}"]).as_bytes(), &*Sha256::digest(&bytes));
    }

    #[test]
    fn pieces_do_not_matter_and_every_field_does() {
        assert_eq!(identity("a", None, &["xy", "z"]), identity("a", None, &["x", "yz"]));
        let different = [
            identity("a", None, &["xyz"]),
            identity("b", None, &["xyz"]),
            identity("a", None, &["xyZ"]),
            identity("ax", None, &["yz"]),
            identity("a", Some(""), &["xyz"]),
            identity("a", Some("x"), &["yz"]),
            identity("a", Some("xy"), &["z"]),
            bearer("a", Some("x"), "yz", &[]),
            bearer("a", Some("x"), "y", &["z"]),
        ];
        for (index, one) in different.iter().enumerate() {
            assert!(different.iter().skip(index + 1).all(|other| one != other), "{index}");
        }
    }

    #[test]
    fn the_idempotency_key_follows_the_signed_id() {
        let (first, resigned) = (identity("a", None, &["1.evt"]), identity("a", None, &["2.evt"]));
        let key = |identity, id| idempotency_key(&name("a"), id, identity);
        assert_eq!(key(&first, Some("evt_1")), key(&resigned, Some("evt_1")));
        assert_ne!(key(&first, Some("evt_1")), key(&first, Some("evt_2")));
        assert_ne!(key(&first, Some("evt_1")), idempotency_key(&name("b"), Some("evt_1"), &first));
        assert_eq!(key(&first, None), first.hex());
        assert_eq!(key(&first, None).len(), 64);
        assert_eq!(Identity::from_bytes(*first.as_bytes()), first);
    }
}
