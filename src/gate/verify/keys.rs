//! The keys of an integration: decoded, checked and keyed once, each with its validity.
//!
//! Invariants: a key that exists is not empty, not weak and of its algorithm's length; nothing prints it; a key that an operator
//! barred verifies nothing from that moment on.

use std::iter;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use ed25519_dalek::VerifyingKey;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::asymmetric;
use super::error::{KeyError, KeyFault};
use super::jwks;
use super::mac::MacKey;
use super::public_key::{self, PublicKey};
use crate::domain::barred::Barred;
use crate::domain::name::SecretId;
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;
use crate::provider::certificate::CertificateUrls;
use crate::provider::handshake::ChallengeMac;
use crate::provider::scheme::{Algorithm, KeyDigest, KeyEncoding, Scheme};

/// A secret's text as it was read, and what the configuration says about it.
#[derive(Debug)]
pub struct KeyMaterial {
    /// Its id.
    pub id: SecretId,
    /// The provider's own id of the key.
    pub key_id: Option<String>,
    /// How it is written, where that differs from the scheme's default.
    pub encoding: Option<KeyEncoding>,
    /// The text.
    pub text: SecretBytes,
    /// Not used before.
    pub not_before: Option<UnixTime>,
    /// Not used from then on.
    pub not_after: Option<UnixTime>,
}

/// What the configuration says of a key, whatever its text is.
#[derive(Clone, Debug)]
pub struct KeyTerms {
    /// Its id.
    pub id: SecretId,
    /// The provider's own id of the key.
    pub key_id: Option<String>,
    /// How it is written, where that differs from the scheme's default.
    pub encoding: Option<KeyEncoding>,
    /// Not used before.
    pub not_before: Option<UnixTime>,
    /// Not used from then on.
    pub not_after: Option<UnixTime>,
}

/// One key, ready to verify with.
pub(super) struct Key {
    pub(super) id: SecretId,
    provider_id: Option<String>,
    not_before: Option<UnixTime>,
    not_after: Option<UnixTime>,
    pub(super) verifier: Verifier,
}

/// What a key verifies with.
pub(super) enum Verifier {
    Mac(MacKey),
    Ed25519(VerifyingKey),
    /// One public key, or those of a set.
    Public(Vec<PublicKey>),
    /// Those of a host's certificates, each for the deliveries that name it.
    Certificates(CertificateUrls),
}

impl Key {
    /// The MAC over a challenge's value, for a key that makes any.
    pub(super) fn challenge_mac(&self, value: &str) -> Option<ChallengeMac> {
        match &self.verifier {
            Verifier::Mac(mac) if mac.is_hmac() => {
                let tag = mac.tag(iter::once(value.as_bytes())).bytes().to_vec();
                Some(ChallengeMac { tag, key_id: self.provider_id.clone() })
            }
            Verifier::Mac(_) | Verifier::Ed25519(_) | Verifier::Public(_) | Verifier::Certificates(_) => None,
        }
    }

    /// The provider's own id of it.
    pub(super) fn provider_id(&self) -> Option<&str> {
        self.provider_id.as_deref()
    }

    fn is_valid(&self, now: UnixTime) -> bool {
        self.not_before.is_none_or(|from| from <= now) && self.not_after.is_none_or(|until| now < until)
    }
}

/// All keys of one integration.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Arc<Key>>,
    barred: Arc<Barred>,
}

impl KeyRing {
    /// Decodes and checks all keys.
    ///
    /// # Errors
    /// One [`KeyError`] for each secret that is no key of the scheme.
    pub fn build(scheme: &Scheme, material: Vec<KeyMaterial>) -> Result<Self, Vec<KeyError>> {
        let mut keys = Vec::with_capacity(material.len());
        let mut errors = Vec::new();
        for material in material {
            match verifier(scheme, material.encoding, &material.text) {
                Ok(verifier) => keys.push(Arc::new(Key {
                    id: material.id,
                    provider_id: material.key_id,
                    not_before: material.not_before,
                    not_after: material.not_after,
                    verifier,
                })),
                Err(fault) => errors.push(KeyError { secret_id: Some(material.id), fault }),
            }
        }
        if errors.is_empty() { Ok(Self { keys, barred: Arc::default() }) } else { Err(errors) }
    }

    /// The same keys, with another text for one of them, or with one more.
    ///
    /// # Errors
    /// When the text is no key of the scheme.
    pub fn with(&self, scheme: &Scheme, terms: &KeyTerms, text: &SecretBytes) -> Result<Self, KeyError> {
        let unfit = |fault| KeyError { secret_id: Some(terms.id.clone()), fault };
        let key = Arc::new(Key {
            id: terms.id.clone(),
            provider_id: terms.key_id.clone(),
            not_before: terms.not_before,
            not_after: terms.not_after,
            verifier: verifier(scheme, terms.encoding, text).map_err(unfit)?,
        });
        let mut keys = self.keys.clone();
        match keys.iter_mut().find(|known| known.id == terms.id) {
            Some(known) => *known = key,
            None => keys.push(key),
        }
        Ok(Self { keys, barred: Arc::clone(&self.barred) })
    }

    /// The same keys, and one that stands for the certificates of a host.
    #[must_use]
    pub fn with_certificates(self, terms: &KeyTerms, urls: &CertificateUrls) -> Self {
        let key = Arc::new(Key {
            id: terms.id.clone(),
            provider_id: None,
            not_before: terms.not_before,
            not_after: terms.not_after,
            verifier: Verifier::Certificates(urls.clone()),
        });
        Self { keys: self.keys.into_iter().chain([key]).collect(), barred: self.barred }
    }

    /// The same keys, less those that are barred whenever they are asked for.
    #[must_use]
    pub fn less(self, barred: Arc<Barred>) -> Self {
        Self { barred, ..self }
    }

    /// The ids of all keys, in the order of the configuration.
    pub fn ids(&self) -> impl Iterator<Item = &SecretId> {
        self.keys.iter().map(|key| &key.id)
    }

    /// Each key's id and the time from which on it is not used, where there is one.
    pub fn expiries(&self) -> impl Iterator<Item = (&SecretId, Option<UnixTime>)> {
        self.keys.iter().map(|key| (&key.id, key.not_after))
    }

    /// The provider's own id of a key.
    #[must_use]
    pub fn key_id(&self, id: &SecretId) -> Option<&str> {
        self.keys.iter().find(|key| key.id == *id)?.provider_id.as_deref()
    }

    /// The ids of the keys that are valid now and not barred; empty means that nothing can be verified.
    pub fn usable_ids(&self, now: UnixTime) -> impl Iterator<Item = &SecretId> {
        self.usable(now).map(|key| &key.id)
    }

    /// The MAC over a challenge's value, by the first key that is valid now; `None` for keys that make none.
    #[must_use]
    pub fn challenge_mac(&self, value: &str, now: UnixTime) -> Option<ChallengeMac> {
        self.usable(now).find_map(|key| key.challenge_mac(value))
    }

    pub(super) fn usable(&self, now: UnixTime) -> impl Iterator<Item = &Key> {
        self.keys.iter().map(Arc::as_ref).filter(move |key| key.is_valid(now) && !self.barred.has(&key.id, now))
    }
}

impl std::fmt::Debug for KeyRing {
    /// The ids, never a key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.ids().map(SecretId::as_str)).finish()
    }
}

fn verifier(scheme: &Scheme, encoding: Option<KeyEncoding>, text: &SecretBytes) -> Result<Verifier, KeyFault> {
    let algorithm = scheme.signature.algorithm;
    let encoding = encoding.unwrap_or(scheme.signature.key_encoding);
    let text = checked_text(algorithm, encoding, text.expose())?;
    match (algorithm, encoding) {
        (Algorithm::Ed25519, KeyEncoding::Pem) => return asymmetric::public_key_pem(text).map(Verifier::Ed25519),
        (_, KeyEncoding::Pem) => return public_key::from_pem(&scheme.signature, text).map(|key| Verifier::Public(vec![key])),
        (_, KeyEncoding::Jwks) => return jwks::read(&scheme.signature, text).map(Verifier::Public),
        (_, _) => {}
    }
    let bytes = key_bytes(scheme, encoding, text)?;
    match MacKey::new(scheme, &bytes) {
        Some(key) => Ok(Verifier::Mac(key)),
        None if algorithm == Algorithm::Ed25519 => asymmetric::public_key(&bytes).map(Verifier::Ed25519),
        None => public_key::from_der(&scheme.signature, &bytes).map(|key| Verifier::Public(vec![key])),
    }
}

/// The text, if it may be a key of the algorithm in the encoding.
pub(super) fn checked_text(algorithm: Algorithm, encoding: KeyEncoding, bytes: &[u8]) -> Result<&str, KeyFault> {
    if !algorithm.accepts(encoding) {
        return Err(KeyFault::EncodingUnfit { encoding, algorithm });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| KeyFault::Undecodable { encoding })?;
    if text.is_empty() {
        return Err(KeyFault::Empty);
    }
    if text.trim().is_empty() {
        return Err(KeyFault::Blank);
    }
    // A byte order mark is white space in all but name: an editor put it there.
    let ends_stray = text.trim() != text || text.starts_with('\u{feff}');
    let inside_stray = text.contains(char::is_whitespace);
    let fits = match encoding {
        KeyEncoding::Pem | KeyEncoding::Jwks => true,
        KeyEncoding::Utf8 => !ends_stray,
        KeyEncoding::Hex | KeyEncoding::Base64 | KeyEncoding::Base64Url | KeyEncoding::Whsec => !inside_stray,
    };
    if !fits {
        return Err(KeyFault::WhiteSpace);
    }
    let is_pair = text.contains(':') && text != ":";
    if algorithm == Algorithm::Basic && !is_pair { Err(KeyFault::NoPassword) } else { Ok(text) }
}

/// The key as the scheme makes it from the text.
pub(super) fn key_bytes(scheme: &Scheme, encoding: KeyEncoding, text: &str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    let form = &scheme.signature.key_form;
    let bytes = decode(encoding, form.unprefixed(text))?;
    Ok(match form.digest {
        None => bytes,
        Some(KeyDigest::Sha1) => Zeroizing::new(Sha1::digest(&*bytes).to_vec()),
        Some(KeyDigest::Sha256) => Zeroizing::new(Sha256::digest(&*bytes).to_vec()),
    })
}

/// How many bytes of secret a text holds: decoded, but not yet digested; of a user and password those of the password. `None`
/// for what is no shared secret, or no key at all.
#[must_use]
pub fn shared_secret_bytes(scheme: &Scheme, encoding: Option<KeyEncoding>, text: &[u8]) -> Option<usize> {
    let algorithm = scheme.signature.algorithm;
    if algorithm.is_asymmetric() {
        return None;
    }
    let encoding = encoding.unwrap_or(scheme.signature.key_encoding);
    let text = checked_text(algorithm, encoding, text).ok()?;
    let text = scheme.signature.key_form.unprefixed(text);
    if algorithm == Algorithm::Basic {
        return text.split_once(':').map(|(_, password)| password.len());
    }
    decode(encoding, text).ok().map(|bytes| bytes.len())
}

/// The bytes that a text stands for; never empty. A PEM block is no plain encoding and is read elsewhere.
pub(super) fn decode(encoding: KeyEncoding, text: &str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    let decoded = match encoding {
        KeyEncoding::Utf8 => Ok(text.as_bytes().to_vec()),
        KeyEncoding::Hex => HEXLOWER_PERMISSIVE.decode(text.as_bytes()),
        KeyEncoding::Base64 => BASE64.decode(text.as_bytes()),
        KeyEncoding::Base64Url => BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes()),
        KeyEncoding::Whsec => BASE64.decode(unprefixed(text).as_bytes()),
        KeyEncoding::Pem | KeyEncoding::Jwks => return Err(KeyFault::Undecodable { encoding }),
    };
    let bytes = Zeroizing::new(decoded.map_err(|_| KeyFault::Undecodable { encoding })?);
    if bytes.is_empty() { Err(KeyFault::EmptyDecoded) } else { Ok(bytes) }
}

/// Without `whsec_` (a shared secret) or `whpk_` (a public key).
fn unprefixed(text: &str) -> &str {
    text.strip_prefix("whsec_").or_else(|| text.strip_prefix("whpk_")).unwrap_or(text)
}
