//! ECDSA over P-256 and RSA: public keys, and whether they verify.
//!
//! 1. A key is a `SubjectPublicKeyInfo` in DER, in one of the plain encodings or as PEM; or a certificate as PEM, of which only
//!    the key counts: it is pinned by the configuration, so neither its issuer nor its dates are asked.
//! 2. RSA has at least 2048 bits, EC is P-256 and nothing else.
//! 3. The algorithm is the scheme's. Nothing in a key or a request can choose another.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::candidate::Candidate;
use super::error::KeyFault;
use crate::provider::scheme::Algorithm;

const RSA_BITS_MIN: usize = 2048;

/// A public key from the DER of its `SubjectPublicKeyInfo`.
pub(super) fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<ParsedPublicKey, KeyFault> {
    let verification = verification(algorithm).ok_or(KeyFault::OtherKind { algorithm })?;
    let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyFault::NoPublicKey)?;
    if !rest.is_empty() {
        return Err(KeyFault::NoPublicKey);
    }
    match (info.parsed().map_err(|_| KeyFault::NoPublicKey)?, algorithm) {
        (PublicKey::EC(_), Algorithm::EcdsaP256) => {}
        (PublicKey::RSA(key), algorithm) if algorithm != Algorithm::EcdsaP256 => {
            if key.key_size() < RSA_BITS_MIN {
                return Err(KeyFault::ShortRsa);
            }
        }
        _ => return Err(KeyFault::OtherKind { algorithm }),
    }
    ParsedPublicKey::new(verification, der).map_err(|_| KeyFault::OtherKind { algorithm })
}

/// A public key from a PEM block, or from the certificate in one.
pub(super) fn from_pem(algorithm: Algorithm, text: &str) -> Result<ParsedPublicKey, KeyFault> {
    if let Ok(info) = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()) {
        return from_der(algorithm, &info);
    }
    let certificate = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyFault::NoPublicKey)?;
    let (_, certificate) = X509Certificate::from_der(&certificate).map_err(|_| KeyFault::NoPublicKey)?;
    from_der(algorithm, certificate.public_key().raw)
}

fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm {
        Algorithm::EcdsaP256 => Some(&ECDSA_P256_SHA256_ASN1),
        Algorithm::RsaSha1 => Some(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        Algorithm::RsaSha256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RsaSha512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::RsaPssSha512 => Some(&RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// Whether any candidate is the key's signature over the content.
pub(super) fn any_verifies<'c>(
    key: &ParsedPublicKey,
    content: &[u8],
    mut candidates: impl Iterator<Item = &'c Candidate>,
) -> bool {
    candidates.any(|candidate| key.verify_sig(content, candidate.bytes()).is_ok())
}
