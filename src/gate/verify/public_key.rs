//! ECDSA over P-256 and RSA: public keys, and whether they verify.
//!
//! 1. A key is a `SubjectPublicKeyInfo` in DER, in one of the plain encodings or as PEM; or a certificate as PEM, of which only
//!    the key counts: it is pinned by the configuration, so neither its issuer nor its dates are asked.
//! 2. RSA has at least 2048 bits, EC is P-256 and nothing else.
//! 3. A token's ECDSA signatures are two numbers side by side (RFC 7518), all others DER.
//! 4. A key with an id is tried with tokens that name it or none.
//! 5. What is signed twice is digested once before the algorithm digests it.
//! 6. The algorithm is the scheme's. Nothing in a key or a request can choose another.

use std::borrow::Cow;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA1_ASN1, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};
use data_encoding::BASE64;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey as ParsedKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::candidate::Candidate;
use super::error::KeyFault;
use crate::provider::scheme::{Algorithm, SignatureFormat, SignatureRule};

const RSA_BITS_MIN: usize = 2048;

/// A public key, and its id in the set that it is of.
pub(super) struct PublicKey {
    id: Option<String>,
    key: ParsedPublicKey,
    is_digested_first: bool,
}

impl PublicKey {
    /// The same key under its id.
    pub(super) fn named(self, id: Option<String>) -> Self {
        Self { id, ..self }
    }
}

/// A public key from the DER of its `SubjectPublicKeyInfo`.
pub(super) fn from_der(rule: &SignatureRule, der: &[u8]) -> Result<PublicKey, KeyFault> {
    let algorithm = rule.algorithm;
    let verification = verification(rule).ok_or(KeyFault::OtherKind { algorithm })?;
    let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyFault::NoPublicKey)?;
    if !rest.is_empty() {
        return Err(KeyFault::NoPublicKey);
    }
    match (info.parsed().map_err(|_| KeyFault::NoPublicKey)?, algorithm) {
        (ParsedKey::EC(_), algorithm) if algorithm.is_p256() => {}
        (ParsedKey::RSA(key), algorithm) if !algorithm.is_p256() => {
            if key.key_size() < RSA_BITS_MIN {
                return Err(KeyFault::ShortRsa);
            }
        }
        _ => return Err(KeyFault::OtherKind { algorithm }),
    }
    let key = ParsedPublicKey::new(verification, der).map_err(|_| KeyFault::OtherKind { algorithm })?;
    Ok(PublicKey { id: None, key, is_digested_first: algorithm == Algorithm::RsaSha256Twice })
}

/// A public key from a PEM block, or from the certificate in one.
pub(super) fn from_pem(rule: &SignatureRule, text: &str) -> Result<PublicKey, KeyFault> {
    let text = &broken(text);
    if let Ok(info) = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()) {
        return from_der(rule, &info);
    }
    let certificate = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyFault::NoPublicKey)?;
    let (_, certificate) = X509Certificate::from_der(&certificate).map_err(|_| KeyFault::NoPublicKey)?;
    from_der(rule, certificate.public_key().raw)
}

/// eBay hands its keys out as PEM on one line, which no reader of PEM takes.
fn broken(text: &str) -> Cow<'_, str> {
    let inside = text.strip_prefix(BEGIN).and_then(|text| text.trim_end().strip_suffix(END));
    match inside.filter(|inside| !inside.contains('\n')) {
        Some(inside) => Cow::Owned(format!("{BEGIN}\n{inside}\n{END}\n")),
        None => Cow::Borrowed(text),
    }
}

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

fn verification(rule: &SignatureRule) -> Option<&'static dyn VerificationAlgorithm> {
    match rule.algorithm {
        Algorithm::EcdsaP256 if matches!(rule.format, SignatureFormat::Token(_)) => Some(&ECDSA_P256_SHA256_FIXED),
        Algorithm::EcdsaP256 => Some(&ECDSA_P256_SHA256_ASN1),
        Algorithm::EcdsaP256Sha1 => Some(&ECDSA_P256_SHA1_ASN1),
        Algorithm::RsaSha1 => Some(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        Algorithm::RsaSha256 | Algorithm::RsaSha256Twice => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RsaSha512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::RsaPssSha512 => Some(&RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// Whether any candidate is the signature of one of the keys over the content; `key_id` is what a token names.
pub(super) fn any_verifies<'c>(
    keys: &[PublicKey],
    key_id: Option<&str>,
    content: &[u8],
    candidates: impl Iterator<Item = &'c Candidate>,
) -> bool {
    let named = |key: &&PublicKey| key_id.is_none() || key.id.is_none() || key.id.as_deref() == key_id;
    let made = |candidate: &Candidate, key: &PublicKey| {
        let content = if key.is_digested_first { Cow::Owned(Sha256::digest(content).to_vec()) } else { Cow::Borrowed(content) };
        key.key.verify_sig(&content, candidate.bytes()).is_ok()
    };
    let mut candidates = candidates;
    candidates.any(|candidate| keys.iter().filter(named).any(|key| made(candidate, key)))
}

/// A public key as a PEM block.
pub(super) fn pem<'k, K: AsDer<PublicKeyX509Der<'k>>>(key: &K) -> Option<String> {
    let text = BASE64.encode(key.as_der().ok()?.as_ref());
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    Some(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
}
