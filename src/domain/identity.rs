//! What makes two deliveries the same one. Pure.
//!
//! Owns: the identity that a store remembers, and the bytes that it is the SHA-256 of. Must not know: headers, stores, who hashes.
//!
//! 1. The identity rests on signed material only: the integration's name and the bytes handed to the MAC or signature check.
//!    Another case, encoding, order or choice among several signatures, another secret or a changed unsigned id is the same.
//! 2. Where one signature or token serves many deliveries the raw body and the delivery id are part of it, signed or not.
//! 3. Every field but the last is length-prefixed: no two different deliveries write the same bytes.

use std::fmt;
use std::iter;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use smallvec::SmallVec;

use crate::domain::body::RawBody;
use crate::domain::name::IntegrationName;

/// SHA-256 of what makes a delivery itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity([u8; 32]);

impl Identity {
    /// An identity from its digest: that of [`Preamble::pieces`], just made or read back from where it was kept.
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

/// What stands before the signed content in the bytes that an identity is the digest of.
#[derive(Debug)]
pub struct Preamble<'d> {
    /// Room for a name of the usual length.
    fields: SmallVec<[u8; 48]>,
    body: &'d [Bytes],
}

impl<'d> Preamble<'d> {
    /// From the integration; `unsigned` is the body and the delivery id where the signature or token serves many deliveries.
    #[must_use]
    pub fn new(integration: &IntegrationName, unsigned: Option<(&'d RawBody, &str)>) -> Self {
        let mut preamble = Self { fields: SmallVec::new(), body: &[] };
        preamble.field(integration.as_str().as_bytes());
        if let Some((body, delivery_id)) = unsigned {
            preamble.field(delivery_id.as_bytes());
            preamble.fields.extend_from_slice(&length(body.len()));
            preamble.body = body.chunks();
        }
        preamble
    }

    fn field(&mut self, bytes: &[u8]) {
        self.fields.extend_from_slice(&length(bytes.len()));
        self.fields.extend_from_slice(bytes);
    }

    /// All bytes, in order: these and the signed content behind them.
    pub fn pieces<'p>(&'p self, content: impl Iterator<Item = &'p [u8]>) -> impl Iterator<Item = &'p [u8]> {
        iter::once(self.fields.as_slice()).chain(self.body.iter().map(AsRef::as_ref)).chain(content)
    }
}

/// How long a field is, as it stands before it.
#[must_use]
pub fn length(bytes: usize) -> [u8; 8] {
    u64::try_from(bytes).unwrap_or(u64::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a delivery with pieces of content, and of one whose body is no part of the content.
    fn bytes(integration: &str, unsigned: Option<(&'static str, &str)>, pieces: &[&str]) -> Vec<u8> {
        let body = unsigned.map(|(text, id)| (RawBody::from(Bytes::from_static(text.as_bytes())), id));
        let name = integration.parse().unwrap();
        let preamble = Preamble::new(&name, body.as_ref().map(|(body, id)| (body, *id)));
        preamble.pieces(pieces.iter().map(|piece| piece.as_bytes())).flatten().copied().collect()
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        assert_eq!(bytes("payments", None, &["1700000000.", "{}"]), b"\0\0\0\0\0\0\0\x08payments1700000000.{}");
        let bearer = b"\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\x02id\0\0\0\0\0\0\0\x04bodytoken";
        assert_eq!(bytes("a", Some(("body", "id")), &["token"]), bearer);
    }

    #[test]
    fn pieces_do_not_matter_and_every_field_does() {
        assert_eq!(bytes("a", None, &["xy", "z"]), bytes("a", None, &["x", "yz"]));
        let different = [
            bytes("a", None, &["xyz"]),
            bytes("b", None, &["xyz"]),
            bytes("a", None, &["xyZ"]),
            bytes("ax", None, &["yz"]),
            bytes("a", Some(("", "")), &["xyz"]),
            bytes("a", Some(("x", "")), &["yz"]),
            bytes("a", Some(("xy", "")), &["z"]),
            bytes("a", Some(("x", "yz")), &[]),
            bytes("a", Some(("x", "y")), &["z"]),
        ];
        for (index, one) in different.iter().enumerate() {
            assert!(different.iter().skip(index + 1).all(|other| one != other), "{index}");
        }
    }

    #[test]
    fn an_identity_is_its_digest() {
        let identity = Identity::from_bytes([0xab; 32]);
        assert_eq!(identity.hex(), "ab".repeat(32));
        assert_eq!(format!("{identity:?}"), identity.hex());
        assert_eq!(Identity::from_bytes(*identity.as_bytes()), identity);
    }
}
