//! A signature scheme, checked: what is signed, with what, and where each part stands in a request.
//!
//! Closed enums: a new kind of part, place or encoding is a variant here, and the compiler then names every place that must
//! learn it.

use std::time::Duration;

use http::{HeaderName, Method};

use crate::domain::name::ProviderName;
use crate::domain::size::ByteSize;

/// One provider's scheme, as a preset or the configuration describes it.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
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
    /// URL-safe base64, with or without padding.
    Base64Url,
    /// Base64 behind an optional `whsec_` (or `whpk_` for public keys).
    Whsec,
    /// A PEM block.
    Pem,
}

impl KeyEncoding {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("utf8", Self::Utf8),
        ("hex", Self::Hex),
        ("base64", Self::Base64),
        ("base64url", Self::Base64Url),
        ("whsec", Self::Whsec),
        ("pem", Self::Pem),
    ];
}

/// The signature: algorithm, key, place, shape, encoding.
#[derive(Clone, Debug)]
pub struct SignatureRule {
    /// What is computed.
    pub algorithm: Algorithm,
    /// How the key is written, unless the secret says otherwise.
    pub key_encoding: KeyEncoding,
    /// How the key's text becomes the key, beyond its encoding.
    pub key_form: KeyForm,
    /// The header that names the key by the provider's own id, where there is one.
    pub key_id_header: Option<HeaderName>,
    /// The header that holds the presented signatures; the first of them where there are several.
    pub header: HeaderName,
    /// Whether there are more lines or headers than the one.
    pub lines: HeaderLines,
    /// How they stand in it.
    pub format: SignatureFormat,
    /// How each is written.
    pub encoding: SignatureEncoding,
}

impl SignatureRule {
    /// The headers that hold signatures, each with the id of the key that it is for, where it has one.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, Option<&str>)> {
        let (own, others): (Option<&str>, Vec<(&HeaderName, Option<&str>)>) = match &self.lines {
            HeaderLines::Once | HeaderLines::Repeated => (None, Vec::new()),
            HeaderLines::Numbered(names) => (None, names.iter().map(|name| (name, None)).collect()),
            HeaderLines::Keyed { own, others } => (Some(own), others.iter().map(|(name, id)| (name, Some(&**id))).collect()),
        };
        std::iter::once((&self.header, own)).chain(others)
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
        self.key_id_header.is_some() || matches!(self.lines, HeaderLines::Keyed { .. })
    }
}

/// How a key's text becomes the key, beyond its encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyForm {
    /// What may stand before the encoded text and is no part of it.
    pub prefix: String,
    /// The digest of the decoded bytes that is the key, where they themselves are not.
    pub digest: Option<KeyDigest>,
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
}

/// How one signature is written. Exactly one spelling of a value is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Upper-case hexadecimal.
    HexUpper,
    /// Standard base64 with padding.
    Base64,
    /// URL-safe base64 without padding.
    Base64Url,
    /// Standard base64 of the lower-case hexadecimal text.
    Base64OfHex,
}

/// When a delivery was signed. Signed always: a scheme whose time is not part of the content has no rule.
#[derive(Clone, Debug)]
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
    /// In a member of the body, which is signed with it; no part of the template.
    Json(String),
}

/// The unit of a timestamp. Never guessed: a value of another length is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampUnit {
    /// Ten digits.
    Seconds,
    /// Thirteen digits.
    Milliseconds,
    /// RFC 3339, with its zone.
    Rfc3339,
    /// RFC 3339, or the same without a zone for UTC.
    Rfc3339Utc,
}

impl TimestampUnit {
    /// Whether no timestamp is the beginning or the end of another, so that what touches it cannot be moved into it. All
    /// are: digits have one width, and a date has one `T` and ends with its zone; only without a zone is there no end.
    #[must_use]
    pub const fn ends_itself(self) -> bool {
        !matches!(self, Self::Rfc3339Utc)
    }

    /// Whether digits of the part before could be taken for its own.
    #[must_use]
    pub const fn is_digits(self) -> bool {
        matches!(self, Self::Seconds | Self::Milliseconds)
    }
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
#[derive(Clone, Debug)]
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
