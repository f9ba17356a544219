//! Why a delivery is not verified, and why a text is no key.

use http::HeaderName;

use crate::domain::name::SecretId;
use crate::domain::reason::Reason;
use crate::provider::locate::canonical::CanonicalError;
use crate::provider::scheme::{Algorithm, KeyEncoding, Locator};
use crate::provider::subscription::SubscriptionError;

/// Why a delivery is not verified. Never holds a value that was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The signature's header is absent or blank.
    #[error("{header} is missing or empty")]
    SignatureMissing {
        /// The signature's header.
        header: HeaderName,
    },
    /// A header of the scheme stands on several lines.
    #[error("{header} stands more than once")]
    HeaderRepeated {
        /// The header.
        header: HeaderName,
    },
    /// No presented signature has the scheme's prefix or version, encoding and length.
    #[error("{header} holds no well-formed signature of the scheme")]
    SignatureMalformed {
        /// The signature's header.
        header: HeaderName,
    },
    /// More signatures are presented than any rotation needs.
    #[error("more than {max} signatures are presented")]
    TooManySignatures {
        /// The bound.
        max: usize,
    },
    /// A header that must stand beside the signature is absent, or says something else.
    #[error("{header} does not say what the scheme's deliveries say")]
    FixedHeader {
        /// The header.
        header: HeaderName,
    },
    /// A header that the scheme signs is absent or empty.
    #[error("{header} is signed by the scheme, and missing or empty")]
    PartMissing {
        /// The header.
        header: HeaderName,
    },
    /// A header that the scheme signs holds the template's delimiter or a character outside visible ASCII.
    #[error("{header} holds a character that the scheme's content cannot tell apart")]
    PartMalformed {
        /// The header.
        header: HeaderName,
    },
    /// A field of body or query that the scheme reads is absent or empty.
    #[error("{place} is missing or empty")]
    FieldMissing {
        /// Where it should stand.
        place: Locator,
    },
    /// A field of the body that the scheme reads stands twice, is no text, or holds what divides it from others.
    #[error("{place} is not one text that the scheme's content can tell apart")]
    FieldMalformed {
        /// Where it stands.
        place: Locator,
    },
    /// The body whose fields are signed is no form, or one of too many fields.
    #[error("the body is no form")]
    FormMalformed,
    /// The body whose canonical form is signed has none, or one in which something would be lost.
    #[error("the body has no canonical form that says all of it: {0}")]
    BodyNotCanonical(#[from] CanonicalError),
    /// A claim of a token whose signature holds is absent or says something else than it must.
    #[error("the token's claim {claim} does not say what it must")]
    ClaimRefused {
        /// The claim.
        claim: String,
    },
    /// A request names a certificate that is at no host of its provider's.
    #[error("{place} names a certificate that is not the provider's")]
    ForeignCertificate {
        /// Where it does.
        place: Locator,
    },
    /// The signature holds, for a message that is not this integration's.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// The timestamp is absent or empty.
    #[error("the timestamp is missing or empty")]
    TimestampMissing,
    /// The timestamp stands twice among the signature's fields.
    #[error("the timestamp is given twice")]
    TimestampRepeated,
    /// The timestamp is not exactly the digits of its unit.
    #[error("the timestamp is not written in the scheme's unit")]
    TimestampMalformed,
    /// The query of a signed URL holds what a URL may not, or what could be moved into the body.
    #[error("the query cannot be told apart from what else is signed")]
    UrlMalformed,
    /// The integration lacks the URL or an option that the scheme signs.
    #[error("the scheme signs what the integration does not say")]
    Unbound,
    /// No key is valid now.
    #[error("no secret is valid now")]
    SecretUnavailable,
    /// No valid key made any of the presented signatures.
    #[error("no presented signature is ours")]
    SignatureMismatch,
    /// It was signed too long ago.
    #[error("signed {age_ms} ms ago, tolerated are {tolerance_ms}")]
    TimestampTooOld {
        /// How long ago.
        age_ms: u64,
        /// How long ago it may have been.
        tolerance_ms: u64,
    },
    /// It claims to be signed in the future.
    #[error("signed {ahead_ms} ms in the future, tolerated are {tolerance_ms}")]
    TimestampInFuture {
        /// How far ahead.
        ahead_ms: u64,
        /// How far ahead it may be.
        tolerance_ms: u64,
    },
}

impl VerifyError {
    /// The reason that audit log and metrics name.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            // Without a part of the content there is nothing that could have been signed.
            Self::SignatureMissing { .. } | Self::PartMissing { .. } | Self::FieldMissing { .. } => Reason::SignatureMissing,
            Self::HeaderRepeated { .. }
            | Self::SignatureMalformed { .. }
            | Self::FixedHeader { .. }
            | Self::TooManySignatures { .. }
            | Self::PartMalformed { .. }
            | Self::FieldMalformed { .. }
            | Self::FormMalformed
            | Self::BodyNotCanonical(_)
            | Self::TimestampRepeated
            | Self::UrlMalformed => Reason::SignatureMalformed,
            Self::TimestampMissing => Reason::TimestampMissing,
            Self::TimestampMalformed => Reason::TimestampMalformed,
            Self::SecretUnavailable | Self::Unbound => Reason::SecretUnavailable,
            // The signature holds, for another delivery or another receiver.
            Self::SignatureMismatch | Self::ForeignCertificate { .. } | Self::ClaimRefused { .. } | Self::Subscription(_) => {
                Reason::SignatureMismatch
            }
            Self::TimestampTooOld { .. } => Reason::TimestampTooOld,
            Self::TimestampInFuture { .. } => Reason::TimestampInFuture,
        }
    }
}

/// A secret that is no key. Names the secret, never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError {
    /// Which secret, where it has an id.
    pub secret_id: Option<SecretId>,
    /// What is wrong.
    pub fault: KeyFault,
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.secret_id {
            Some(id) => write!(formatter, "secret `{id}` {}", self.fault),
            None => write!(formatter, "the secret {}", self.fault),
        }
    }
}

impl std::error::Error for KeyError {}

/// What is wrong with a key's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// There is no text.
    #[error("is empty")]
    Empty,
    /// There is nothing but white space.
    #[error("holds only white space")]
    Blank,
    /// White space stands where the encoding has none.
    #[error("has white space at an end, or inside although it is encoded")]
    WhiteSpace,
    /// What is shown would be no user and password: no request could hold it, or anybody's would.
    #[error("must be user and password, divided by a colon")]
    NoPassword,
    /// The algorithm takes no key that is written so.
    #[error("cannot be written as {} for {}", word(*encoding), algorithm.code())]
    EncodingUnfit {
        /// How it is said to be written.
        encoding: KeyEncoding,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The text is not of its encoding.
    #[error("is not valid {}", word(*encoding))]
    Undecodable {
        /// How it is said to be written.
        encoding: KeyEncoding,
    },
    /// The text decodes to nothing: a MAC keyed with it could be made by anybody.
    #[error("is empty after decoding")]
    EmptyDecoded,
    /// The key does not have the algorithm's length.
    #[error("must be {expected} bytes after decoding")]
    Length {
        /// The length it must have.
        expected: usize,
    },
    /// The bytes are no point of the curve.
    #[error("is no Ed25519 key")]
    NoKey,
    /// The text is neither a public key nor a certificate.
    #[error("is neither a public key nor a certificate")]
    NoPublicKey,
    /// The key is of another kind than the algorithm's.
    #[error("is no public key for {}", algorithm.code())]
    OtherKind {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The text is no key set, or none of its keys is for the algorithm.
    #[error("is no key set with a key for {}", algorithm.code())]
    NoKeySet {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// There are more keys in the set than any provider has.
    #[error("is a key set of more than {max} keys")]
    TooManyKeys {
        /// The bound.
        max: usize,
    },
    /// The text is no private key that signs for the algorithm.
    #[error("is no private key in PEM (PKCS#8) for {}", algorithm.code())]
    NoPrivateKey {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The RSA key is too short to prove anything.
    #[error("is an RSA key of less than 2048 bits")]
    ShortRsa,
    /// Requests of this algorithm are signed by the provider alone.
    #[error("cannot sign here: nothing new is signed with {}", algorithm.code())]
    OnlyProvider {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The key is one of the eight that verify signatures over anything.
    #[error("is a weak Ed25519 key: signatures over any content can be made for it")]
    Weak,
}

/// The configuration's word for an encoding.
fn word(encoding: KeyEncoding) -> &'static str {
    let known = KeyEncoding::WORDS.iter().find(|(_, known)| *known == encoding);
    known.map_or("its encoding", |(word, _)| word)
}
