//! The other hand: a request as the provider would sign it, for the command line, the demo, tests and benches.
//!
//! It shares the scheme with the verifier and nothing else of the path: the content is put together here on its own, so a
//! fault in one of them shows as a disagreement.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use ed25519_dalek::Signer;
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

mod body;
mod content;
mod query;
mod token;

use super::asymmetric;
use super::error::{KeyError, KeyFault};
use super::keys;
use super::mac::MacKey;
use super::private_key::PrivateKey;
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;
use crate::provider::scheme::{
    Algorithm, KeyEncoding, Locator, Scheme, SignatureEncoding, SignatureFormat, TimestampPlace, TimestampUnit,
};

/// A key that signs, and the provider's own id of it where its requests name keys.
pub struct SigningKey {
    signing: Signing,
    key_id: Option<String>,
}

enum Signing {
    Mac(MacKey),
    Ed25519(ed25519_dalek::SigningKey),
    Private(PrivateKey),
    Shown(Zeroizing<Vec<u8>>),
}

/// What is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The id, for a scheme that has one; made from time and body when absent.
    pub id: Option<&'a str>,
    /// When it is signed.
    pub timestamp: UnixTime,
    /// The headers of the request, where the scheme signs one of them.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

impl SigningKey {
    /// Takes a secret over: for HMAC read as the verifier reads it, for Ed25519 a PKCS#8 PEM block or the seed
    /// in hex, for ECDSA and RSA a PKCS#8 PEM block.
    ///
    /// # Errors
    /// [`KeyError`] when the text is no key of the scheme's algorithm.
    #[expect(clippy::needless_pass_by_value, reason = "taken over, so that the text is wiped once it is read")]
    pub fn parse(scheme: &Scheme, encoding: Option<KeyEncoding>, secret: SecretBytes) -> Result<Self, KeyError> {
        let algorithm = scheme.signature.algorithm;
        let key = match algorithm {
            Algorithm::Ed25519 => private_key(secret.expose()).map(Signing::Ed25519),
            algorithm if algorithm.is_asymmetric() => pem_key(scheme, secret.expose()).map(Signing::Private),
            Algorithm::Token | Algorithm::Basic => shown(algorithm, secret.expose()).map(Signing::Shown),
            _ => mac_key(scheme, encoding.unwrap_or(scheme.signature.key_encoding), secret.expose()),
        };
        key.map(|signing| Self { signing, key_id: None }).map_err(|fault| KeyError { secret_id: None, fault })
    }

    /// The same key under the provider's own id of it.
    #[must_use]
    pub fn named(self, key_id: Option<String>) -> Self {
        Self { key_id, ..self }
    }

    /// The public key in hex, for an algorithm that has one.
    #[must_use]
    pub fn public_key_hex(&self) -> Option<String> {
        match &self.signing {
            Signing::Ed25519(key) => Some(HEXLOWER.encode(key.verifying_key().as_bytes())),
            Signing::Mac(_) | Signing::Private(_) | Signing::Shown(_) => None,
        }
    }

    /// The public key as a PEM block, for ECDSA and RSA.
    #[must_use]
    pub fn public_key_pem(&self) -> Option<String> {
        match &self.signing {
            Signing::Private(key) => key.public_pem(),
            Signing::Mac(_) | Signing::Ed25519(_) | Signing::Shown(_) => None,
        }
    }

    fn sign(&self, content: &[u8]) -> Vec<u8> {
        match &self.signing {
            Signing::Mac(key) => key.tag(std::iter::once(content)).bytes().to_vec(),
            Signing::Ed25519(key) => key.sign(content).to_bytes().to_vec(),
            Signing::Private(key) => key.sign(content),
            Signing::Shown(text) => text.to_vec(),
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SigningKey(..)")
    }
}

fn mac_key(scheme: &Scheme, encoding: KeyEncoding, secret: &[u8]) -> Result<Signing, KeyFault> {
    let algorithm = scheme.signature.algorithm;
    let text = keys::checked_text(algorithm, encoding, secret)?;
    let bytes = keys::key_bytes(scheme, encoding, text)?;
    MacKey::new(scheme, &bytes).map(Signing::Mac).ok_or(KeyFault::EncodingUnfit { encoding, algorithm })
}

/// What the sender shows.
fn shown(algorithm: Algorithm, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    let text = keys::checked_text(algorithm, KeyEncoding::Utf8, secret)?.as_bytes();
    let is_basic = algorithm == Algorithm::Basic;
    Ok(Zeroizing::new(if is_basic { BASE64.encode(text).into_bytes() } else { text.to_vec() }))
}

fn pem_key(scheme: &Scheme, secret: &[u8]) -> Result<PrivateKey, KeyFault> {
    let text = keys::checked_text(scheme.signature.algorithm, KeyEncoding::Pem, secret)?;
    PrivateKey::parse(&scheme.signature, text)
}

fn private_key(secret: &[u8]) -> Result<ed25519_dalek::SigningKey, KeyFault> {
    let encoding = if secret.starts_with(b"-----BEGIN") { KeyEncoding::Pem } else { KeyEncoding::Hex };
    let text = keys::checked_text(Algorithm::Ed25519, encoding, secret)?;
    if encoding == KeyEncoding::Pem {
        return asymmetric::private_key_pem(text);
    }
    let bytes = keys::decode(encoding, text)?;
    let seed: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyFault::Length { expected: 32 })?;
    Ok(ed25519_dalek::SigningKey::from_bytes(seed))
}

/// All headers that the scheme adds to a request. An id that no header can hold is left out, and nobody will accept that.
#[must_use]
pub fn sign(scheme: &Scheme, key: &SigningKey, request: &Request<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let timestamp = timestamp_text(scheme, request.timestamp);
    let id = request.id.map_or_else(|| made_id(request), str::to_owned);
    let named = headers_with_key_id(scheme, key, request);
    let request = &Request { headers: &named, ..*request };
    let mut headers = Vec::new();
    if let Some(name) = &scheme.id_header {
        headers.push((name.clone(), id.clone()));
    }
    let mut fields = String::new();
    match scheme.timestamp.as_ref().map(|rule| &rule.place) {
        Some(TimestampPlace::Header(name)) => headers.push((name.clone(), timestamp.clone())),
        Some(TimestampPlace::SignatureField(field)) => fields = format!("{field}={timestamp}"),
        Some(TimestampPlace::Json(_) | TimestampPlace::Form(_) | TimestampPlace::Claim(_)) | None => {}
    }
    headers.extend(content::header_lists(scheme));
    headers.extend(scheme.fixed_headers.iter().cloned());
    headers.extend(content::digest_headers(scheme, request.body));
    if let (Some(name), Some(id)) = (&scheme.signature.key_id_header, &key.key_id) {
        headers.push((name.clone(), id.clone()));
    }
    // The header of the key's own id, and the first where headers belong to no key.
    let own = scheme.signature.headers().find(|(_, id)| id.is_some() && *id == key.key_id.as_deref());
    if let Some(header) = own.map(|(name, _)| name).or(scheme.signature.header()) {
        let text = if let Some(rule) = scheme.token() {
            token::text(scheme, rule, key, request)
        } else {
            signature_text(scheme, key, &fields, &content::content(scheme, request, &timestamp, &id))
        };
        headers.push((header.clone(), text));
    }
    let valued = headers.into_iter().filter_map(|(name, text)| HeaderValue::try_from(text).ok().map(|value| (name, value)));
    valued.collect()
}

/// The headers that were given, and the one that names the key: a scheme may sign that, too.
fn headers_with_key_id(scheme: &Scheme, key: &SigningKey, request: &Request<'_>) -> HeaderMap {
    let mut headers = request.headers.clone();
    if let (Some(name), Some(id)) = (&scheme.signature.key_id_header, &key.key_id)
        && let Ok(id) = HeaderValue::try_from(id)
    {
        headers.insert(name, id);
    }
    headers
}

/// The body with the signature in it, and what else the scheme signs of it filled in; `None` where signing leaves the body
/// alone, or cannot put anything into it.
#[must_use]
pub fn sign_body(scheme: &Scheme, key: &SigningKey, request: &Request<'_>) -> Option<Vec<u8>> {
    let timestamp = timestamp_text(scheme, request.timestamp);
    let id = request.id.map_or_else(|| made_id(request), str::to_owned);
    let filled = body::filled(scheme, request, &timestamp, &id)?;
    if scheme.signature.header().is_some() {
        return Some(filled);
    }
    let content = content::content(scheme, &Request { body: &filled, ..*request }, &timestamp, &id);
    body::with(&scheme.signature.place, &filled, &signature_text(scheme, key, "", &content))
}

/// What is added to a query: the fields that are signed and missing in it, and the signature or the secret, for a scheme that
/// wants it there.
#[must_use]
pub fn sign_query(scheme: &Scheme, key: &SigningKey, request: &Request<'_>, query: &str) -> Option<String> {
    let Locator::Query(field) = &scheme.signature.place else { return None };
    let timestamp = timestamp_text(scheme, request.timestamp);
    let id = request.id.map_or_else(|| made_id(request), str::to_owned);
    let mut pairs = query::missing(scheme, query, &timestamp, &id);
    let mut fields = query::given(query);
    fields.extend_from_slice(&pairs);
    let content = if scheme.is_unsigned() { Vec::new() } else { query::content(scheme, &fields).into_bytes() };
    let signature = signature_text(scheme, key, "", &content);
    pairs.push((field.clone(), signature));
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", body::encoded(name), body::encoded(value)));
    Some(pairs.collect::<Vec<_>>().join("&"))
}

fn timestamp_text(scheme: &Scheme, timestamp: UnixTime) -> String {
    match scheme.timestamp.as_ref().map(|rule| rule.unit) {
        Some(TimestampUnit::Milliseconds) => timestamp.micros().div_euclid(1000).to_string(),
        Some(TimestampUnit::Rfc3339 | TimestampUnit::Rfc3339Utc) => timestamp.to_string(),
        Some(TimestampUnit::Seconds) | None => timestamp.seconds().to_string(),
    }
}

/// An id that is the same for the same time and body, since nothing random is at hand here.
fn made_id(request: &Request<'_>) -> String {
    let digest = Sha256::new().chain_update(request.timestamp.micros().to_be_bytes()).chain_update(request.body).finalize();
    format!("msg_{}", HEXLOWER.encode(&digest).get(..24).unwrap_or_default())
}

fn encode(encoding: SignatureEncoding, signature: &[u8]) -> String {
    match encoding {
        SignatureEncoding::Hex | SignatureEncoding::HexAnyCase => HEXLOWER.encode(signature),
        SignatureEncoding::Plain => String::from_utf8_lossy(signature).into_owned(),
        SignatureEncoding::HexUpper => HEXUPPER.encode(signature),
        SignatureEncoding::Base64OfHex => BASE64.encode(HEXLOWER.encode(signature).as_bytes()),
        SignatureEncoding::Base64 => BASE64.encode(signature),
        SignatureEncoding::Base64Url => BASE64URL_NOPAD.encode(signature),
    }
}

fn signature_text(scheme: &Scheme, key: &SigningKey, fields: &str, content: &[u8]) -> String {
    let signature = encode(scheme.signature.encoding, &key.sign(content));
    match &scheme.signature.format {
        SignatureFormat::Prefixed { prefix } => format!("{prefix}{signature}"),
        SignatureFormat::Pairs { key, .. } if fields.is_empty() => format!("{key}={signature}"),
        SignatureFormat::Joined { .. } | SignatureFormat::Token(_) => signature,
        SignatureFormat::Pairs { separator, spaced, key } => {
            // Where a space may stand, some receivers read by position and want it.
            let space = if *spaced { " " } else { "" };
            format!("{fields}{separator}{space}{key}={signature}")
        }
        SignatureFormat::Versioned { version } => format!("{version},{signature}"),
        SignatureFormat::Named { between, .. } => format!("{}{between}{signature}", key.key_id.as_deref().unwrap_or_default()),
        SignatureFormat::Json { member, key_member, fixed } => {
            let own = [(key_member.as_str(), key.key_id.as_deref().unwrap_or_default()), (member, &signature)];
            let fixed = fixed.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            let members = fixed.chain(own).map(|(name, text)| (name.to_owned(), text.into()));
            BASE64.encode(serde_json::Value::Object(members.collect()).to_string().as_bytes())
        }
    }
}
