//! A signature scheme, checked: what is signed, with what, and where each part stands in a request.
//!
//! Closed enums: a new kind of part, place or encoding is a variant here, and the compiler then names every place that must
//! learn it.

use std::time::Duration;

use http::{HeaderName, Method};

use crate::domain::name::ProviderName;
use crate::domain::size::ByteSize;

/// One provider's scheme, as a preset or the configuration describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The name that `provider = "…"` refers to.
    pub name: ProviderName,
    /// The provider's own spelling of its name.
    pub title: String,
    /// Where the facts come from.
    pub origin: Origin,
    /// The methods a delivery may use; `POST` unless the scheme says otherwise.
    pub methods: Vec<Method>,
    /// What is computed, and where the presented signatures stand.
    pub signature: SignatureRule,
    /// When it was signed; `None` where the provider signs no time.
    pub timestamp: Option<TimestampRule>,
    /// The header whose value the template calls `{id}`.
    pub id_header: Option<HeaderName>,
    /// The content to be signed.
    pub content: Vec<Part>,
    /// Where the event type stands; the first place that holds one wins.
    pub event: Vec<Locator>,
    /// Where the delivery id stands; the first place that holds one wins.
    pub delivery_id: Vec<Locator>,
    /// Whether the delivery id is unique for each event and the same over its retries.
    pub delivery_id_unique: bool,
    /// Challenges that are answered here and never forwarded.
    pub handshakes: Vec<Handshake>,
    /// How the provider sends again what was not taken.
    pub retries: Retries,
    /// How long the provider waits for an answer.
    pub deadline: Option<Duration>,
    /// The largest body the provider sends, where that is more than the common bound.
    pub max_body: Option<ByteSize>,
    /// What a replay is answered unless the integration says otherwise.
    pub on_replay: OnRefusal,
    /// What an event out of scope is answered unless the integration says otherwise.
    pub on_event_denied: OnRefusal,
    /// Headers of sibling schemes that a receiver could mistake for verified ones; never forwarded.
    pub strip_headers: Vec<HeaderName>,
}

impl Scheme {
    /// Whether a signed time bounds how long a delivery can be accepted.
    #[must_use]
    pub const fn is_timed(&self) -> bool {
        self.timestamp.is_some()
    }

    /// The tolerance the provider documents.
    #[must_use]
    pub fn documented_tolerance(&self) -> Option<Duration> {
        self.timestamp.as_ref().and_then(|rule| rule.tolerance)
    }

    /// Whether the algorithm is broken for other uses and stands only because the provider offers nothing else.
    #[must_use]
    pub const fn is_legacy(&self) -> bool {
        matches!(self.signature.algorithm, Algorithm::HmacSha1)
    }
}

/// Where the facts of a scheme come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The provider's page.
    pub docs: String,
    /// The day the facts were checked, `YYYY-MM-DD`.
    pub checked: String,
    /// How the preset is proven.
    pub evidence: Evidence,
    /// What was read.
    pub sources: Vec<String>,
    /// What goes wrong when it is done by hand.
    pub traps: Vec<String>,
}

/// How a preset is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// By known answers.
    Vector,
    /// By the provider's own SDK.
    Sdk,
    /// By the provider's own documentation.
    Document,
    /// By others' words only.
    Secondary,
    /// Written by the operator.
    Custom,
}

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
}

impl Algorithm {
    /// The length of a signature in bytes.
    #[must_use]
    pub const fn signature_bytes(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha512 | Self::Ed25519 => 64,
        }
    }

    /// The word of the scheme language.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha512 => "hmac-sha512",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Whether a key may be written this way.
    #[must_use]
    pub const fn accepts(self, encoding: KeyEncoding) -> bool {
        match (self, encoding) {
            (Self::Ed25519, KeyEncoding::Utf8) => false,
            (Self::Ed25519, _) => true,
            (_, KeyEncoding::Pem) => false,
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
    /// Base64 behind an optional `whsec_` (or `whpk_` for public keys).
    Whsec,
    /// A PEM block.
    Pem,
}

impl KeyEncoding {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 5] =
        [("utf8", Self::Utf8), ("hex", Self::Hex), ("base64", Self::Base64), ("whsec", Self::Whsec), ("pem", Self::Pem)];
}

/// The signature: algorithm, key, place, shape, encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRule {
    /// What is computed.
    pub algorithm: Algorithm,
    /// How the key is written, unless the secret says otherwise.
    pub key_encoding: KeyEncoding,
    /// The header that holds the presented signatures.
    pub header: HeaderName,
    /// How they stand in it.
    pub format: SignatureFormat,
    /// How each is written.
    pub encoding: SignatureEncoding,
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
        /// The key of a signature, such as `v1`.
        key: String,
    },
    /// `version,value` entries divided by one space. Every entry of the version is a candidate; others are ignored.
    Versioned {
        /// The version, such as `v1`.
        version: String,
    },
}

/// How one signature is written. Exactly one spelling of a value is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Standard base64 with padding.
    Base64,
    /// URL-safe base64 without padding.
    Base64Url,
}

/// When a delivery was signed. Signed always: a scheme whose time is not part of the content has no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampRule {
    /// Where it stands.
    pub place: TimestampPlace,
    /// In which unit.
    pub unit: TimestampUnit,
    /// How far it may lie from now, in both directions, where the provider says so.
    pub tolerance: Option<Duration>,
}

/// Where a timestamp stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampPlace {
    /// In a header of its own.
    Header(HeaderName),
    /// Under a key of the signature header's pairs.
    SignatureField(String),
}

/// The unit of a timestamp. Never guessed: a value of another length is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampUnit {
    /// Ten digits.
    Seconds,
    /// Thirteen digits.
    Milliseconds,
}

/// A part of the content to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Fixed text.
    Literal(String),
    /// The timestamp as sent.
    Timestamp,
    /// The value of the id header as sent.
    Id,
    /// Another header's value as sent; the header must stand once.
    Header(HeaderName),
    /// The raw body.
    Body,
}

/// Where a field stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locator {
    /// A header.
    Header(HeaderName),
    /// A member of the JSON body, by RFC 6901 pointer.
    Json(String),
    /// A field of the `application/x-www-form-urlencoded` body.
    Form(String),
    /// A member of the JSON text inside a form field.
    FormJson {
        /// The form field.
        field: String,
        /// The RFC 6901 pointer inside it.
        pointer: String,
    },
}

/// A challenge of the producer and the answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// What a request must look like.
    pub shape: HandshakeShape,
    /// What it is answered.
    pub reply: HandshakeReply,
}

/// What a challenge looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeShape {
    /// Signed like any delivery: the field holds the value.
    Signed {
        /// The field.
        field: Locator,
        /// The value, as text.
        equals: String,
    },
    /// Unsigned and bodyless: the method, with exactly these query fields.
    Unsigned {
        /// The method, such as `GET`.
        method: Method,
        /// Query fields that must have the given value.
        fixed: Vec<(String, String)>,
        /// The query field whose value is echoed.
        echoed: String,
    },
}

/// The answer to a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeReply {
    /// A fixed status, content type and body.
    Fixed {
        /// The status.
        status: u16,
        /// The content type, where there is a body.
        content_type: Option<String>,
        /// The body.
        body: String,
    },
    /// The echoed query field as `text/plain`.
    EchoText,
    /// `{"<member>": <the value of the field>}` as `application/json`.
    EchoJson {
        /// Where the value stands in the request.
        field: Locator,
        /// The member of the answer.
        member: String,
    },
}

/// How a provider sends again what was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retries {
    /// The same bytes with the same signature.
    Identical,
    /// With a new timestamp and a new signature.
    Resigned,
    /// By hand only.
    Manual,
    /// Nobody says.
    Unknown,
}

/// What a sender is told about a delivery that is refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRefusal {
    /// The refusal's own status.
    Reject,
    /// 200 with a header of ours, so that the provider stops sending it.
    Acknowledge,
}
