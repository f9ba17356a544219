//! What an upstream tells retries by. Pure.
//!
//! Owns: the idempotency key, beside the [`Identity`] that a store remembers. Must not know: headers, stores.
//!
//! The key is the same over retries that the provider signs anew, where it signs a unique delivery id; else it is the identity.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

pub use crate::domain::identity::Identity;
use crate::domain::identity::length;
use crate::domain::name::IntegrationName;

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

/// Keeps ids apart from identities; never changed, or retries in flight over an upgrade would look new.
const IDEMPOTENCY_DOMAIN: &[u8] = b"hookward/idempotency-key/1";

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> IntegrationName {
        text.parse().unwrap()
    }

    #[test]
    fn the_idempotency_key_follows_the_signed_id() {
        let (first, resigned) = (Identity::from_bytes([1; 32]), Identity::from_bytes([2; 32]));
        let key = |identity, id| idempotency_key(&name("a"), id, identity);
        assert_eq!(key(&first, Some("evt_1")), key(&resigned, Some("evt_1")));
        assert_ne!(key(&first, Some("evt_1")), key(&first, Some("evt_2")));
        assert_ne!(key(&first, Some("evt_1")), idempotency_key(&name("b"), Some("evt_1"), &first));
        assert_eq!(key(&first, None), first.hex());
        assert_eq!(key(&first, None).len(), 64);
    }
}
