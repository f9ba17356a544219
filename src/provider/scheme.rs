//! A signature scheme, checked: what is signed, with what, and where each part stands in a request.
//!
//! Closed enums: a new kind of part, place or encoding is a variant here, and the compiler then names every place that must
//! learn it.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, Method};

use crate::domain::name::ProviderName;
use crate::domain::size::ByteSize;
use crate::provider::alternative;
use crate::provider::certificate::CertificateRule;
use crate::provider::locate::Pointer;
use crate::provider::subscription::{self, Subscription};

mod handshake;
mod signature;
mod token;

pub(super) use handshake::option_in;
pub use handshake::{Echoed, Handshake, HandshakeReply, HandshakeShape, MacEncoding};
pub use signature::{Algorithm, HeaderLines, KeyDigest, KeyEncoding, KeyForm, SignatureEncoding, SignatureFormat, SignatureRule};
pub use token::{Claim, ClaimValue, DigestEncoding, TokenRule};

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
    /// What may have been signed instead: tried in this order, and only where the content itself was not.
    pub alternatives: Vec<Vec<Part>>,
    /// Headers that must stand beside the signature, and what each must say: nobody signs them, and a delivery that says
    /// otherwise is signed in a way that is not this scheme's.
    pub fixed_headers: Vec<(HeaderName, String)>,
    /// Where the event type stands; the first place that holds one wins.
    pub event: Vec<Locator>,
    /// Where the delivery id stands; the first place that holds one wins.
    pub delivery_id: Vec<Locator>,
    /// Whether the delivery id is unique for each event and the same over its retries.
    pub delivery_id_unique: bool,
    /// Challenges that are answered here and never forwarded.
    pub handshakes: Vec<Handshake>,
    /// How its subscriptions are confirmed, where they have to be.
    pub subscription: Option<Subscription>,
    /// Where a request names the certificate that it was signed with, and which may be named.
    pub certificate: Option<CertificateRule>,
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
    /// What an integration must say besides secrets: each option's name and what it is.
    pub options: Vec<(String, String)>,
    /// Headers of sibling schemes that a receiver could mistake for verified ones; never forwarded.
    pub strip_headers: Vec<HeaderName>,
    /// Where the provider puts secrets or tokens besides a signature; nothing that is written down is read from there.
    pub carries_secrets: Vec<Locator>,
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
        matches!(self.signature.algorithm, Algorithm::HmacSha1 | Algorithm::Sha1 | Algorithm::RsaSha1 | Algorithm::EcdsaP256Sha1)
    }

    /// Whether the sender only shows that it knows a secret, and signs nothing.
    #[must_use]
    pub const fn is_unsigned(&self) -> bool {
        self.signature.algorithm.is_shown()
    }

    /// Whether what a request presents proves the sender and no single delivery: what is shown, or a token whose claims do
    /// not hold the body's digest.
    #[must_use]
    pub fn is_bearer(&self) -> bool {
        self.is_unsigned() || (self.token().is_some() && !self.covers_body())
    }

    /// The rule of the token that is presented, for a scheme that presents one.
    #[must_use]
    pub const fn token(&self) -> Option<&TokenRule> {
        match &self.signature.format {
            SignatureFormat::Token(rule) => Some(rule),
            _ => None,
        }
    }

    /// Whether the URL is signed, as the provider sees it.
    #[must_use]
    pub fn signs_url(&self) -> bool {
        let names_it =
            |part: &Part| matches!(part, Part::Url(_) | Part::Target(_) | Part::TargetEscaped(_) | Part::SortedRequest(_));
        let in_content = self.content.iter().any(names_it);
        in_content || self.token().is_some_and(TokenRule::names_url)
    }

    /// Whether an option is part of what is signed, and not only of a handshake.
    #[must_use]
    pub fn signs_option(&self, name: &str) -> bool {
        let in_content = self.content.iter().any(|part| matches!(part, Part::Option(known) if known == name));
        in_content || self.token().is_some_and(|rule| rule.option_names().any(|known| known == name))
    }

    /// Whether the query is signed, with the URL or by itself.
    #[must_use]
    pub fn signs_query(&self) -> bool {
        self.signs_url() || self.content.iter().any(|part| matches!(part, Part::SortedQuery(_)))
    }

    /// The scheme for one integration: with its public URL (without query) and its options in their places.
    #[must_use]
    pub fn bound(&self, public_url: &str, options: &BTreeMap<String, String>) -> Self {
        let target = || public_url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let bind = |part: &Part| match part {
            Part::Url(_) => Part::Url(public_url.to_owned()),
            Part::UrlOtherPort(_) => Part::UrlOtherPort(alternative::other_port(public_url)),
            Part::SortedRequest(_) => Part::SortedRequest(public_url.to_owned()),
            Part::Target(_) => Part::Target(target()),
            Part::TargetEscaped(_) => Part::TargetEscaped(target()),
            Part::Option(name) => options.get(name).map_or_else(|| part.clone(), |value| Part::Literal(value.clone())),
            other => other.clone(),
        };
        let mut handshakes = self.handshakes.clone();
        for handshake in &mut handshakes {
            handshake.bind(options);
        }
        let mut signature = self.signature.clone();
        if let SignatureFormat::Token(rule) = &mut signature.format {
            rule.bind(public_url, options);
        }
        let topic = options.get(subscription::TOPIC_OPTION).and_then(|arn| arn.parse().ok());
        let subscription = self.subscription.as_ref().map(|_| Subscription { topic });
        let content = self.content.iter().map(bind).collect();
        let alternatives = self.alternatives.iter().map(|parts| parts.iter().map(bind).collect()).collect();
        Self { signature, content, alternatives, handshakes, subscription, ..self.clone() }
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

impl Evidence {
    /// The word for it, as files and tables have it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Vector => "vector",
            Self::Sdk => "sdk",
            Self::Document => "document",
            Self::Secondary => "secondary",
            Self::Custom => "custom",
        }
    }
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

impl TimestampRule {
    /// The key of the signature header's pairs that holds it, where one does.
    #[must_use]
    pub fn signature_field(&self) -> Option<&str> {
        match &self.place {
            TimestampPlace::SignatureField(key) => Some(key),
            TimestampPlace::Header(_) | TimestampPlace::Json(_) | TimestampPlace::Form(_) | TimestampPlace::Claim(_) => None,
        }
    }
}

/// Where a timestamp stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampPlace {
    /// In a header of its own.
    Header(HeaderName),
    /// Under a key of the signature header's pairs.
    SignatureField(String),
    /// In a member of the body; no part of the template where the signature covers that anyway.
    Json(Pointer),
    /// In a field of the form body or the query, a [`Locator::Form`], [`Locator::AnyForm`] or [`Locator::Query`]; as for a
    /// member of the body.
    Form(Locator),
    /// In a claim of the token.
    Claim(String),
}

impl TimestampPlace {
    /// The same as a place of any field, where it is one of the body.
    #[must_use]
    pub fn in_body(&self) -> Option<Locator> {
        match self {
            Self::Json(pointer) => Some(Locator::Json(pointer.clone())),
            Self::Form(place) => Some(place.clone()),
            Self::Header(_) | Self::SignatureField(_) | Self::Claim(_) => None,
        }
    }
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
    /// A digest of the raw body, and the header that says the same, where the provider sends one.
    BodyDigest {
        /// Which, and how it is written.
        digest: BodyDigest,
        /// The header that must say the same.
        header: Option<HeaderName>,
    },
    /// The JSON body in the one form of RFC 8785: an object or a list of which nothing is lost in that form.
    CanonicalBody,
    /// The method.
    Method,
    /// The URL as the provider sees it: the integration's, and the request's own query. Empty until it is bound.
    Url(String),
    /// The same with its scheme's own port where it has none, and without its port where it has one: in an alternative only.
    UrlOtherPort(String),
    /// Path and query of the same.
    Target(String),
    /// The same with its query escaped twice, as Contentful writes it.
    TargetEscaped(String),
    /// A field of the body as text: a member of JSON, or a decoded field of a form.
    Field(Locator),
    /// A member of the JSON body that is an object or a list: as sent, less the white space around its tokens.
    Compact(Pointer),
    /// Several members of the JSON body.
    Members(MemberList),
    /// The fields of the form body, sorted by key, each key and its values as text.
    SortedForm {
        /// The query field that holds the body's SHA-256 in hex instead; no field of the form is taken then.
        digest_in_query: Option<String>,
    },
    /// The fields of the form body but the signature's own, sorted by key, as PHP's `serialize` writes a list of texts.
    PhpForm,
    /// The URL, its query's fields sorted, and the form's, as Plivo joins them. The integration's URL; empty until it is bound.
    SortedRequest(String),
    /// The query's fields but the signature's own: these and no others, as `name=value` with nothing between.
    SortedQuery(Vec<QueryField>),
    /// No body: nothing in the content, and none may come.
    NoBody,
    /// The CRC-32 of the raw body in decimal: no cryptographic digest, so the body is not covered.
    BodyCrc32,
    /// The headers that a header names, as `name:value` divided by `;`. It must name itself.
    NamedHeaders(HeaderName),
    /// What of the token is signed: its header and claims as sent, or the header alone of one that comes without the body.
    Token,
    /// An option of the integration, until it is bound.
    Option(String),
    /// The secret, first or last in what a plain digest is made of.
    Secret,
}

/// A field of a signed query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryField {
    /// Its name.
    pub name: String,
    /// Whether whoever asks the provider may leave it out, or give it several times; else it is the provider's own.
    pub is_optional: bool,
}

/// A digest that covers the body, as it stands in what is signed. All texts of one have one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyDigest {
    /// SHA-256 in lower-case hex.
    Sha256Hex,
    /// SHA-512 in base64 with padding.
    Sha512Base64,
}

impl BodyDigest {
    /// The words of a template.
    pub(super) const WORDS: [(&'static str, Self); 2] =
        [("sha256:body", Self::Sha256Hex), ("sha512-base64:body", Self::Sha512Base64)];
}

/// Members of the JSON body in their order. Their values can be told apart, since at most one may hold what divides them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberList {
    /// How they are written.
    pub style: MemberStyle,
    /// Which.
    pub members: Vec<Member>,
}

/// How several members are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberStyle {
    /// Name and value of each on lines of their own; an absent one is left out.
    Lines,
    /// Values divided by colons; an absent one is empty.
    Colons,
}

/// One of several members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where it stands.
    pub pointer: Pointer,
    /// Whether it may be absent.
    pub is_optional: bool,
    /// Whether its value may hold what divides the members.
    pub is_free: bool,
}

/// Where a field stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locator {
    /// A header.
    Header(HeaderName),
    /// A member of the JSON body, by RFC 6901 pointer.
    Json(Pointer),
    /// A field of the `application/x-www-form-urlencoded` body.
    Form(String),
    /// A field of the form body, urlencoded or `multipart/form-data`, as its content type says. That is not signed: only for
    /// schemes that sign single fields.
    AnyForm(String),
    /// A member of the JSON text inside a form field.
    FormJson {
        /// The form field.
        field: String,
        /// The RFC 6901 pointer inside it.
        pointer: Pointer,
    },
    /// A field of the URL's query.
    Query(String),
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
