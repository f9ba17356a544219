//! Who plays: the providers that nobody does without, with a signing secret made for this run.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use data_encoding::{BASE64, HEXLOWER};
use zeroize::Zeroizing;

use crate::domain::secret::SecretBytes;
use crate::gate::verify::sign::SigningKey;
use crate::provider::Catalogue;
use crate::provider::scheme::{Algorithm, KeyEncoding, Scheme};

/// One provider of the demonstration.
pub(super) struct Member {
    pub(super) scheme: Arc<Scheme>,
    /// What it signs with.
    pub(super) key: SigningKey,
    /// What a stranger signs with.
    pub(super) other_key: SigningKey,
    /// What the gateway is given: the secret itself, or the public key.
    pub(super) secret: Zeroizing<String>,
    /// How that is written, where it is not the scheme's own way.
    pub(super) encoding: Option<&'static str>,
}

impl Member {
    /// The path its deliveries come in by.
    pub(super) fn path(&self) -> String {
        format!("/webhooks/{}", self.scheme.name)
    }
}

/// The providers of the demonstration: between them they show every shape of signature, both kinds of key and a challenge.
const MUST_HAVE: [&str; 8] =
    ["discord", "discord-events", "github", "shopify", "slack", "standard-webhooks", "standard-webhooks-ed25519", "stripe"];

/// All of them.
pub(super) fn all() -> Result<Vec<Member>> {
    let known = |name: &&str| Catalogue::builtin().get(name).ok_or_else(|| anyhow!("no preset {name}"));
    MUST_HAVE.iter().map(|name| member(&known(name)?)).collect()
}

fn member(scheme: &Arc<Scheme>) -> Result<Member> {
    let signing_secret = fresh_secret(scheme)?;
    let key = signing_key(scheme, &signing_secret)?;
    let public = key.public_key_hex();
    Ok(Member {
        scheme: Arc::clone(scheme),
        other_key: signing_key(scheme, &fresh_secret(scheme)?)?,
        encoding: public.is_some().then_some("hex"),
        secret: public.map_or(signing_secret, Zeroizing::new),
        key,
    })
}

fn signing_key(scheme: &Scheme, text: &str) -> Result<SigningKey> {
    let secret = SecretBytes::new(text.as_bytes().to_vec());
    SigningKey::parse(scheme, None, secret).map_err(|error| anyhow!("a key for {}: {}", scheme.name, error.fault))
}

/// Thirty-two random bytes, written as the provider writes its secrets; for Ed25519 they are the seed.
fn fresh_secret(scheme: &Scheme) -> Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *bytes).map_err(|error| anyhow!("no randomness: {error}"))?;
    let text = match (scheme.signature.algorithm, scheme.signature.key_encoding) {
        (Algorithm::Ed25519, _) | (_, KeyEncoding::Utf8 | KeyEncoding::Hex) => HEXLOWER.encode(&*bytes),
        (_, KeyEncoding::Whsec) => format!("whsec_{}", BASE64.encode(&*bytes)),
        (_, KeyEncoding::Base64 | KeyEncoding::Base64Url | KeyEncoding::Pem | KeyEncoding::Jwks) => BASE64.encode(&*bytes),
    };
    Ok(Zeroizing::new(text))
}
