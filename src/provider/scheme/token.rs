//! A presented JSON Web Token (RFC 7519, compact JWS), or a signature in that form (RFC 7797): what it must claim. Pure data.
//!
//! Algorithm and keys are the scheme's and the integration's. Nothing in a token chooses them.

use std::collections::BTreeMap;

use crate::provider::canonical;

/// What is demanded of a token besides its signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRule {
    /// What stands before it in its header, such as `Bearer `.
    pub prefix: String,
    /// What its claims must say; each must be there.
    pub claims: Vec<Claim>,
    /// Whether it comes without its payload, which is the body as sent (RFC 7797): what it claims stands in its header then.
    pub is_detached: bool,
}

/// What one claim must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: ClaimValue,
}

/// The value of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValue {
    /// Fixed text; `true` stands for the boolean too.
    Text(String),
    /// An option of the integration, until it is bound.
    Option(String),
    /// The URL as the provider sees it, with the request's query. Empty until it is bound.
    Url(String),
    /// Its SHA-256 in lower-case hex.
    UrlSha256(String),
    /// The SHA-256 of the canonical request, in lower-case hex.
    CanonicalRequest {
        /// The option that holds the base URL.
        base: String,
        /// The canonical path. Empty until it is bound.
        path: String,
    },
    /// The SHA-256 of the raw body.
    BodySha256(DigestEncoding),
}

/// How a digest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestEncoding {
    /// Lower-case hex.
    Hex,
    /// Standard base64 with padding.
    Base64,
    /// URL-safe base64, with or without padding.
    Base64Url,
}

impl ClaimValue {
    const fn names_url(&self) -> bool {
        matches!(self, Self::Url(_) | Self::UrlSha256(_) | Self::CanonicalRequest { .. })
    }
}

impl TokenRule {
    /// Whether a claim holds the body's digest.
    #[must_use]
    pub fn covers_body(&self) -> bool {
        self.claims.iter().any(|claim| matches!(claim.value, ClaimValue::BodySha256(_)))
    }

    /// Whether a claim holds the URL.
    #[must_use]
    pub fn names_url(&self) -> bool {
        self.claims.iter().any(|claim| claim.value.names_url())
    }

    /// The options that claims are compared with.
    pub fn option_names(&self) -> impl Iterator<Item = &str> {
        self.claims.iter().filter_map(|claim| match &claim.value {
            ClaimValue::Option(name) | ClaimValue::CanonicalRequest { base: name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    pub(super) fn bind(&mut self, public_url: &str, options: &BTreeMap<String, String>) {
        for claim in &mut self.claims {
            match &mut claim.value {
                ClaimValue::Url(url) | ClaimValue::UrlSha256(url) => public_url.clone_into(url),
                ClaimValue::Option(name) => {
                    if let Some(value) = options.get(name) {
                        claim.value = ClaimValue::Text(value.clone());
                    }
                }
                ClaimValue::CanonicalRequest { base, path } => {
                    if let Some(base) = options.get(base) {
                        *path = canonical::path(public_url, base);
                    }
                }
                ClaimValue::Text(_) | ClaimValue::BodySha256(_) => {}
            }
        }
    }
}

impl std::fmt::Display for ClaimValue {
    /// As a scheme file writes it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Option(name) => write!(formatter, "{{option:{name}}}"),
            Self::Url(_) => formatter.write_str("{url}"),
            Self::UrlSha256(_) => formatter.write_str("{sha256:url}"),
            Self::CanonicalRequest { base, .. } => write!(formatter, "{{qsh:{base}}}"),
            Self::BodySha256(DigestEncoding::Hex) => formatter.write_str("{sha256:body}"),
            Self::BodySha256(DigestEncoding::Base64) => formatter.write_str("{sha256-base64:body}"),
            Self::BodySha256(DigestEncoding::Base64Url) => formatter.write_str("{sha256-base64url:body}"),
        }
    }
}
