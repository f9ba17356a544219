//! The signature of a scheme: algorithm, key, place, shape, encoding. Pure data.

use http::HeaderName;

use super::{Locator, TokenRule};

/// What is computed over the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-1.
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
    /// Ed25519 (RFC 8032), verified strictly.
    Ed25519,
    /// ECDSA over P-256 with SHA-256; signatures in DER.
    EcdsaP256,
    /// ECDSA over P-256 with SHA-1, for providers that offer nothing else.
    EcdsaP256Sha1,
    /// RSA, PKCS#1 v1.5 with SHA-1, for providers that offer nothing else.
    RsaSha1,
    /// RSA, PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// The same over the content's SHA-256, for providers that give a digest to what makes one.
    RsaSha256Twice,
    /// RSA, PKCS#1 v1.5 with SHA-512.
    RsaSha512,
    /// RSA, PSS with SHA-512.
    RsaPssSha512,
    /// SHA-1 over secret and content.
    Sha1,
    /// SHA-256 over secret and content.
    Sha256,
    /// No signature: the secret itself is shown.
    Token,
    /// No signature: user and password of RFC 7617 are shown.
    Basic,
}

impl Algorithm {
    /// The length of a signature in bytes; `None` where it follows from the key.
    #[must_use]
    pub const fn signature_bytes(self) -> Option<usize> {
        match self {
            Self::HmacSha1 | Self::Sha1 => Some(20),
            // What is shown is compared by its SHA-256.
            Self::HmacSha256 | Self::Sha256 | Self::Token | Self::Basic => Some(32),
            Self::HmacSha512 | Self::Ed25519 => Some(64),
            Self::EcdsaP256
            | Self::EcdsaP256Sha1
            | Self::RsaSha1
            | Self::RsaSha256
            | Self::RsaSha256Twice
            | Self::RsaSha512
            | Self::RsaPssSha512 => None,
        }
    }

    /// Whether keys are public, and only the provider can sign.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        matches!(self, Self::Ed25519) || self.signature_bytes().is_none()
    }

    /// Whether requests can be signed here too, with a secret, a seed or a private key.
    #[must_use]
    pub const fn can_sign(self) -> bool {
        !matches!(self, Self::RsaSha1 | Self::EcdsaP256Sha1)
    }

    /// Whether keys are points of P-256.
    #[must_use]
    pub const fn is_p256(self) -> bool {
        matches!(self, Self::EcdsaP256 | Self::EcdsaP256Sha1)
    }

    /// The word of the scheme language.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha512 => "hmac-sha512",
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256-sha256",
            Self::EcdsaP256Sha1 => "ecdsa-p256-sha1",
            Self::RsaSha1 => "rsa-pkcs1-sha1",
            Self::RsaSha256 => "rsa-pkcs1-sha256",
            Self::RsaSha256Twice => "rsa-pkcs1-sha256-twice",
            Self::RsaSha512 => "rsa-pkcs1-sha512",
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Token => "token",
            Self::Basic => "basic",
        }
    }

    /// Whether the secret itself is shown, and nothing is signed.
    #[must_use]
    pub const fn is_shown(self) -> bool {
        matches!(self, Self::Token | Self::Basic)
    }

    /// Whether it is a plain digest, whose content holds the secret.
    #[must_use]
    pub const fn is_digest(self) -> bool {
        matches!(self, Self::Sha1 | Self::Sha256)
    }

    /// Whether a key may be written this way.
    #[must_use]
    pub const fn accepts(self, encoding: KeyEncoding) -> bool {
        match (self, encoding) {
            (Self::Token | Self::Basic, encoding) => matches!(encoding, KeyEncoding::Utf8),
            (algorithm, KeyEncoding::Utf8) => !algorithm.is_asymmetric(),
            (algorithm, KeyEncoding::Pem) => algorithm.is_asymmetric(),
            (algorithm, KeyEncoding::Jwks) => algorithm.signature_bytes().is_none(),
            (_, _) => true,
        }
    }
}

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEncoding {
    /// The text's own bytes.
    Utf8,
    /// Hexadecimal, either case.
    Hex,
    /// Base64 with padding.
    Base64,
    /// URL-safe base64, with or without padding.
    Base64Url,
    /// Base64 behind an optional `whsec_` (or `whpk_` for public keys).
    Whsec,
    /// A PEM block.
    Pem,
    /// A JSON Web Key Set (RFC 7517), or one key of it.
    Jwks,
}

impl KeyEncoding {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("utf8", Self::Utf8),
        ("hex", Self::Hex),
        ("base64", Self::Base64),
        ("base64url", Self::Base64Url),
        ("whsec", Self::Whsec),
        ("pem", Self::Pem),
        ("jwks", Self::Jwks),
    ];
}

/// The signature: algorithm, key, place, shape, encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRule {
    /// What is computed.
    pub algorithm: Algorithm,
    /// How the key is written, unless the secret says otherwise.
    pub key_encoding: KeyEncoding,
    /// How the key's text becomes the key, beyond its encoding.
    pub key_form: KeyForm,
    /// The header that names the key by the provider's own id, where there is one.
    pub key_id_header: Option<HeaderName>,
    /// The header in which the provider hands the key over itself, in a request that nothing signs, where it does.
    pub secret_header: Option<HeaderName>,
    /// Where the presented signatures stand: a header, the first of them where there are several; or a field of body or query.
    pub place: Locator,
    /// Whether there are more lines or headers than the one.
    pub lines: HeaderLines,
    /// How they stand in it.
    pub format: SignatureFormat,
    /// How each is written.
    pub encoding: SignatureEncoding,
}

impl SignatureRule {
    /// The header that holds the presented signatures, or the first of them; `None` where they stand elsewhere.
    #[must_use]
    pub const fn header(&self) -> Option<&HeaderName> {
        match &self.place {
            Locator::Header(name) => Some(name),
            _ => None,
        }
    }

    /// The headers that hold signatures, each with the id of the key that it is for, where it has one.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, Option<&str>)> {
        let first = self.header().into_iter().map(|name| (name, self.key_id_of(0)));
        first.chain((0..).map_while(|index| self.other_header(index)))
    }

    /// A header besides the first.
    fn other_header(&self, index: usize) -> Option<(&HeaderName, Option<&str>)> {
        match &self.lines {
            HeaderLines::Once | HeaderLines::Repeated => None,
            HeaderLines::Numbered(names) => names.get(index).map(|name| (name, None)),
            HeaderLines::Keyed { others, .. } => others.get(index).map(|(name, id)| (name, Some(id.as_str()))),
        }
    }

    /// The id of the key that the header of an index is for.
    #[must_use]
    pub fn key_id_of(&self, header: u8) -> Option<&str> {
        match &self.lines {
            HeaderLines::Keyed { own, others } => match usize::from(header).checked_sub(1) {
                None => Some(own),
                Some(index) => others.get(index).map(|(_, id)| id.as_str()),
            },
            HeaderLines::Once | HeaderLines::Repeated | HeaderLines::Numbered(_) => None,
        }
    }

    /// Whether a request says which key it was signed with.
    #[must_use]
    pub const fn names_keys(&self) -> bool {
        let by_format = matches!(self.format, SignatureFormat::Named { .. } | SignatureFormat::Json { .. });
        by_format || self.key_id_header.is_some() || matches!(self.lines, HeaderLines::Keyed { .. })
    }
}

/// How a key's text becomes the key, beyond its encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyForm {
    /// What may stand before the encoded text and is no part of it. One `*` in it is any word.
    pub prefix: String,
    /// The digest of the decoded bytes that is the key, where they themselves are not.
    pub digest: Option<KeyDigest>,
}

impl KeyForm {
    /// The text without what may stand before it.
    #[must_use]
    pub fn unprefixed<'t>(&self, text: &'t str) -> &'t str {
        let Some((before, behind)) = self.prefix.split_once('*') else {
            return text.strip_prefix(&self.prefix).unwrap_or(text);
        };
        let behind_word = |rest: &'t str| rest.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
        let rest = text.strip_prefix(before).filter(|rest| behind_word(rest).len() < rest.len());
        rest.and_then(|rest| behind_word(rest).strip_prefix(behind)).unwrap_or(text)
    }
}

/// A digest that makes a key of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDigest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// On how many lines signatures stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderLines {
    /// On one line of one header.
    Once,
    /// On one line or several of one header: any may match.
    Repeated,
    /// In headers that are counted: these besides the first. Any may match.
    Numbered(Vec<HeaderName>),
    /// In a header for each key: what each is called, and the rest.
    Keyed {
        /// The id of the first header's key.
        own: String,
        /// The other headers and their keys' ids.
        others: Vec<(HeaderName, String)>,
    },
}

/// How presented signatures stand in their header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureFormat {
    /// One signature behind a fixed prefix, which may be empty.
    Prefixed {
        /// The prefix, such as `sha256=`.
        prefix: String,
    },
    /// `key=value` pairs; the first `=` divides. Every pair with the signature's key is a candidate; other keys are fields
    /// or ignored.
    Pairs {
        /// What divides the pairs.
        separator: char,
        /// Whether spaces may stand around a pair.
        spaced: bool,
        /// The key of a signature, such as `v1`.
        key: String,
    },
    /// `version,value` entries divided by one space. Every entry of the version is a candidate; others are ignored.
    Versioned {
        /// The version, such as `v1`.
        version: String,
    },
    /// Several signatures, and nothing but a separator between them. Every one is a candidate.
    Joined {
        /// What divides them.
        separator: char,
    },
    /// Entries of a key's id, fixed text and a signature, such as `key-id|signature`. Each is a candidate for the key that it
    /// names; with other text inside it is none of ours.
    Named {
        /// What divides the entries.
        separator: char,
        /// What stands between id and signature. No id holds its first character.
        between: String,
    },
    /// Base64 of a JSON object. One member is the signature, one the id of the key that it is for; others say what they must.
    Json {
        /// The member that is the signature.
        member: String,
        /// The member that is the key's id.
        key_member: String,
        /// Every other member, and what it must say.
        fixed: Vec<(String, String)>,
    },
    /// A JSON Web Token, whose signature is the one over itself.
    Token(TokenRule),
}

/// How one signature is written. Exactly one spelling of a value is accepted, but for [`Self::HexAnyCase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Upper-case hexadecimal.
    HexUpper,
    /// Hexadecimal in either case, for providers whose own code takes both: a delivery is what was signed, however that is written.
    HexAnyCase,
    /// Standard base64 with padding.
    Base64,
    /// URL-safe base64 without padding.
    Base64Url,
    /// Standard base64 of the lower-case hexadecimal text.
    Base64OfHex,
    /// As it is: what is shown, for a scheme that signs nothing.
    Plain,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_may_hold_any_word_and_may_be_absent() {
        for (prefix, text, expected) in [
            ("", "a-b", "a-b"),
            ("key-", "key-abc", "abc"),
            ("key-", "abc", "abc"),
            ("signkey-*-", "signkey-prod-abc-def", "abc-def"),
            ("signkey-*-", "signkey-my_env1-abc", "abc"),
            ("signkey-*-", "signkey--abc", "signkey--abc"),
            ("signkey-*-", "signkey-abc", "signkey-abc"),
            ("signkey-*-", "abc", "abc"),
        ] {
            let form = KeyForm { prefix: prefix.to_owned(), digest: None };
            assert_eq!(form.unprefixed(text), expected, "{prefix} {text}");
        }
    }
}
