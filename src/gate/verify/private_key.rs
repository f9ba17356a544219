//! ECDSA over P-256 and RSA: private keys, for `sign` and tests. A provider's own never leaves it. Pure.
//!
//! Caveat: a signature of ECDSA or RSA-PSS differs each time; what it was made over does not.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::error::KeyFault;
use super::public_key;
use crate::provider::scheme::{Algorithm, SignatureFormat, SignatureRule};

/// A private key.
pub(super) enum PrivateKey {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    /// Over the content's SHA-256.
    RsaTwice(RsaKeyPair),
}

impl PrivateKey {
    /// From a PKCS#8 PEM block.
    pub(super) fn parse(rule: &SignatureRule, text: &str) -> Result<Self, KeyFault> {
        let algorithm = rule.algorithm;
        let no_key = KeyFault::NoPrivateKey { algorithm };
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| no_key)?;
        let der = der.secret_pkcs8_der();
        if algorithm == Algorithm::EcdsaP256 {
            let is_token = matches!(rule.format, SignatureFormat::Token(_));
            let shape = if is_token { &ECDSA_P256_SHA256_FIXED_SIGNING } else { &ECDSA_P256_SHA256_ASN1_SIGNING };
            return EcdsaKeyPair::from_pkcs8(shape, der).map(Self::Ecdsa).map_err(|_| no_key);
        }
        let encoding: &'static dyn RsaEncoding = match algorithm {
            Algorithm::RsaSha256 | Algorithm::RsaSha256Twice => &RSA_PKCS1_SHA256,
            Algorithm::RsaSha512 => &RSA_PKCS1_SHA512,
            Algorithm::RsaPssSha512 => &RSA_PSS_SHA512,
            // SHA-1 is verified where a provider uses nothing else; nothing new is signed with it.
            _ => return Err(KeyFault::OnlyProvider { algorithm }),
        };
        let key = RsaKeyPair::from_pkcs8(der).map_err(|_| no_key)?;
        Ok(if algorithm == Algorithm::RsaSha256Twice { Self::RsaTwice(key) } else { Self::Rsa(key, encoding) })
    }

    /// The signature over a content; empty where the library cannot make one.
    pub(super) fn sign(&self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Ecdsa(key) => {
                key.sign(&SystemRandom::new(), content).map(|signature| signature.as_ref().to_vec()).unwrap_or_default()
            }
            Self::Rsa(key, encoding) => rsa(key, *encoding, content),
            Self::RsaTwice(key) => rsa(key, &RSA_PKCS1_SHA256, &Sha256::digest(content)),
        }
    }

    /// The public key as a PEM block.
    pub(super) fn public_pem(&self) -> Option<String> {
        match self {
            Self::Ecdsa(key) => public_key::pem(key.public_key()),
            Self::Rsa(key, _) | Self::RsaTwice(key) => public_key::pem(key.public_key()),
        }
    }
}

fn rsa(key: &RsaKeyPair, encoding: &'static dyn RsaEncoding, content: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), content, &mut signature).map_or_else(|_| Vec::new(), |()| signature)
}
