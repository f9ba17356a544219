//! The signature's keys: `signature = { … }`, `secret = { encoding = … }` and `claims = { … }`.

use http::HeaderName;

use super::{HEADER_HINT, PLACE_HINT, fault_at, header, key_encoding};
use crate::document::Table;
use crate::provider::scheme::{
    Algorithm, Claim, ClaimValue, DigestEncoding, HeaderLines, KeyDigest, KeyEncoding, KeyForm, Locator, SignatureEncoding,
    SignatureFormat, SignatureRule, TokenRule,
};

const ALGORITHMS: [(&str, Algorithm); 15] = [
    (Algorithm::HmacSha256.code(), Algorithm::HmacSha256),
    (Algorithm::HmacSha512.code(), Algorithm::HmacSha512),
    (Algorithm::HmacSha1.code(), Algorithm::HmacSha1),
    (Algorithm::Ed25519.code(), Algorithm::Ed25519),
    (Algorithm::EcdsaP256.code(), Algorithm::EcdsaP256),
    (Algorithm::EcdsaP256Sha1.code(), Algorithm::EcdsaP256Sha1),
    (Algorithm::RsaSha256.code(), Algorithm::RsaSha256),
    (Algorithm::RsaSha256Twice.code(), Algorithm::RsaSha256Twice),
    (Algorithm::RsaSha512.code(), Algorithm::RsaSha512),
    (Algorithm::RsaPssSha512.code(), Algorithm::RsaPssSha512),
    (Algorithm::RsaSha1.code(), Algorithm::RsaSha1),
    (Algorithm::Sha256.code(), Algorithm::Sha256),
    (Algorithm::Sha1.code(), Algorithm::Sha1),
    (Algorithm::Token.code(), Algorithm::Token),
    (Algorithm::Basic.code(), Algorithm::Basic),
];

const ENCODINGS: [(&str, SignatureEncoding); 7] = [
    ("hex", SignatureEncoding::Hex),
    ("base64", SignatureEncoding::Base64),
    ("base64url", SignatureEncoding::Base64Url),
    ("hex-upper", SignatureEncoding::HexUpper),
    ("hex-any-case", SignatureEncoding::HexAnyCase),
    ("base64-of-hex", SignatureEncoding::Base64OfHex),
    ("plain", SignatureEncoding::Plain),
];

#[derive(Clone, Copy)]
enum Format {
    Prefixed,
    Pairs,
    Versioned,
    Joined,
    Named,
    Json,
    Jwt,
    JwsDetached,
}

const FORMATS: [(&str, Format); 8] = [
    ("prefixed", Format::Prefixed),
    ("pairs", Format::Pairs),
    ("versioned", Format::Versioned),
    ("joined", Format::Joined),
    ("named", Format::Named),
    ("json", Format::Json),
    ("jwt", Format::Jwt),
    ("jws-detached", Format::JwsDetached),
];

/// Reads both tables of a scheme.
pub(super) fn read(table: &Table<'_>) -> Option<SignatureRule> {
    let secret = table.entry("secret").and_then(|entry| entry.table(secret));
    let hint = "such as { header = \"X-Signature\", algorithm = \"hmac-sha256\", encoding = \"hex\" }";
    let claims = table.entry("claims").map(|entry| entry.table(claims).unwrap_or_default());
    let mut rule = table.required("signature", hint)?.table(signature).flatten()?;
    match (&mut rule.format, claims) {
        (SignatureFormat::Token(token), claims) => token.claims = claims.unwrap_or_default(),
        (_, None) => {}
        (_, Some(_)) => fault_at(table, "claims", "are a token's, and none is presented", "set signature.format = \"jwt\""),
    }
    if let Some(secret) = secret {
        rule.key_encoding = secret.encoding.unwrap_or(rule.key_encoding);
        rule.key_form = secret.form;
        rule.key_id_header = secret.key_id_header;
        rule.secret_header = secret.handshake;
    }
    if !rule.algorithm.accepts(rule.key_encoding) {
        fault_at(table, "secret", format!("has an encoding that no key of {} is written in", rule.algorithm.code()), "");
    }
    Some(rule)
}

/// `claims = { iss = "…", aud = "{option:audience}", request_body_sha256 = "{sha256:body}" }`.
fn claims(table: &Table<'_>) -> Vec<Claim> {
    let read = |(name, _, entry): &(&str, _, crate::document::Entry<'_>)| {
        Some(Claim { name: (*name).to_owned(), value: claim_value(entry)? })
    };
    table.entries().iter().filter_map(read).collect()
}

fn claim_value(entry: &crate::document::Entry<'_>) -> Option<ClaimValue> {
    let text = entry.text()?;
    let Some(word) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return Some(ClaimValue::Text(text.to_owned()));
    };
    if let Some(base) = word.strip_prefix("qsh:").filter(|name| is_word(name)) {
        return Some(ClaimValue::CanonicalRequest { base: base.to_owned(), path: String::new() });
    }
    let value = match (word, word.strip_prefix("option:")) {
        ("url", _) => ClaimValue::Url(String::new()),
        ("sha256:url", _) => ClaimValue::UrlSha256(String::new()),
        ("sha256:body", _) => ClaimValue::BodySha256(DigestEncoding::Hex),
        ("sha256-base64:body", _) => ClaimValue::BodySha256(DigestEncoding::Base64),
        ("sha256-base64url:body", _) => ClaimValue::BodySha256(DigestEncoding::Base64Url),
        (_, Some(name)) if is_word(name) => ClaimValue::Option(name.to_owned()),
        _ => {
            let hint =
                "{url}, {sha256:url}, {sha256:body}, {sha256-base64:body}, {sha256-base64url:body}, {qsh:name} or {option:name}";
            entry.fault("is no fixed text and nothing that a claim is compared with", hint);
            return None;
        }
    };
    Some(value)
}

/// What `secret = { … }` says.
struct Secret {
    encoding: Option<KeyEncoding>,
    form: KeyForm,
    key_id_header: Option<HeaderName>,
    handshake: Option<HeaderName>,
}

fn secret(table: &Table<'_>) -> Secret {
    let encoding = table.required("encoding", "how keys are written, such as \"utf8\"");
    let digest = table.entry("digest").and_then(|entry| entry.word(&KEY_DIGESTS));
    let prefix = table.entry("prefix").and_then(|entry| Some((entry.text()?.to_owned(), entry)));
    if let Some((_, entry)) = prefix.as_ref().filter(|(prefix, _)| prefix.matches('*').count() > 1) {
        entry.fault("holds more than one `*`", "one stands for any word, such as \"key-*-\"");
    }
    let prefix = prefix.map(|(prefix, _)| prefix).unwrap_or_default();
    Secret {
        encoding: encoding.and_then(|entry| key_encoding(&entry)),
        form: KeyForm { prefix, digest },
        key_id_header: header(table, "key_id"),
        handshake: header(table, "handshake"),
    }
}

const KEY_DIGESTS: [(&str, KeyDigest); 2] = [("sha1", KeyDigest::Sha1), ("sha256", KeyDigest::Sha256)];

fn signature(table: &Table<'_>) -> Option<SignatureRule> {
    let format = format(table);
    let headers = headers(table);
    let algorithm = table.required("algorithm", "such as \"hmac-sha256\"").and_then(|entry| entry.word(&ALGORITHMS));
    let is_token = matches!(format, Some(SignatureFormat::Token(_)));
    let encoding = if is_token && table.entry("encoding").is_none() {
        Some(SignatureEncoding::Base64Url)
    } else {
        table.required("encoding", "\"hex\", \"base64\" or \"base64url\"").and_then(|entry| entry.word(&ENCODINGS))
    };
    let algorithm = algorithm?;
    let key_encoding = match algorithm {
        Algorithm::Ed25519 => KeyEncoding::Hex,
        algorithm if algorithm.signature_bytes().is_none() && is_token => KeyEncoding::Jwks,
        algorithm if algorithm.is_asymmetric() => KeyEncoding::Pem,
        _ => KeyEncoding::Utf8,
    };
    let (key_form, key_id_header, secret_header) = (KeyForm::default(), None, None);
    let (place, lines) = headers?;
    let (format, encoding) = (format?, encoding?);
    Some(SignatureRule { algorithm, key_encoding, key_form, key_id_header, secret_header, place, lines, format, encoding })
}

/// Header, headers, or `at = "json:/pointer"`. `numbered` counts from 1 and is bounded as the signatures of a request are.
fn headers(table: &Table<'_>) -> Option<(Locator, HeaderLines)> {
    const ONE: &str = "stands beside another place: a signature has one";
    if let Some(entry) = table.entry("headers") {
        table.refuse(&["header", "at"], ONE, "leave one of header, headers and at");
        return entry.table(keyed).flatten();
    }
    if let Some(entry) = table.entry("at") {
        table.refuse(&["header"], ONE, "leave one of header, headers and at");
        return Some((entry.parsed(PLACE_HINT, str::parse::<Locator>)?, HeaderLines::Once));
    }
    let entry = table.required("header", "name the header that holds the signature")?;
    let repeated = table.entry("repeated").and_then(|entry| entry.boolean()).unwrap_or(false);
    let numbered = table.entry("numbered").and_then(|entry| entry.integer(1..=9));
    let name = header(table, "header")?;
    let Some(count) = numbered else {
        return Some((Locator::Header(name), if repeated { HeaderLines::Repeated } else { HeaderLines::Once }));
    };
    if repeated {
        entry.fault("is both repeated and numbered", "");
    }
    let counted = |number: i64| format!("{name}{number}").parse::<HeaderName>().ok();
    Some((Locator::Header(counted(1)?), HeaderLines::Numbered((2..=count).filter_map(counted).collect())))
}

/// `headers = { primary = "…", secondary = "…" }`.
fn keyed(table: &Table<'_>) -> Option<(Locator, HeaderLines)> {
    let entries = table.entries();
    let read = entries.iter().filter_map(|(id, _, entry)| Some((entry.parsed(HEADER_HINT, str::parse)?, (*id).to_owned())));
    let mut named: Vec<(HeaderName, String)> = read.collect();
    if named.len() < 2 {
        table.fault("must name two headers at least", "a single one is header = \"…\"");
        return None;
    }
    let (header, own) = named.remove(0);
    Some((Locator::Header(header), HeaderLines::Keyed { own, others: named }))
}

fn format(table: &Table<'_>) -> Option<SignatureFormat> {
    let word = match table.entry("format") {
        Some(entry) => entry.word(&FORMATS),
        None => Some(Format::Prefixed),
    };
    let Some(word) = word else {
        // Which of them belong to it nobody can say, so none is reported as unknown.
        let _ = ["prefix", "separator", "key", "version", "spaced", "member", "key_member", "fixed", "between"]
            .map(|key| table.entry(key));
        return None;
    };
    match word {
        Format::Prefixed => prefix(table).map(|prefix| SignatureFormat::Prefixed { prefix }),
        Format::Pairs => {
            let separator = separator(table, ',');
            let key = label(table, "key", "the key of a signature, such as \"v1\"");
            let spaced = table.entry("spaced").and_then(|entry| entry.boolean()).unwrap_or(false);
            Some(SignatureFormat::Pairs { separator: separator?, spaced, key: key? })
        }
        Format::Versioned => {
            let version = label(table, "version", "the version of a signature, such as \"v1\"")?;
            Some(SignatureFormat::Versioned { version })
        }
        Format::Joined => separator(table, ',').map(|separator| SignatureFormat::Joined { separator }),
        Format::Named => named(table),
        Format::Json => {
            let member = label(table, "member", "the member that holds the signature, such as \"signature\"");
            let key_member = label(table, "key_member", "the member that names the key, such as \"kid\"");
            let fixed = table.entry("fixed").and_then(|entry| entry.table(fixed)).unwrap_or_default();
            Some(SignatureFormat::Json { member: member?, key_member: key_member?, fixed })
        }
        Format::Jwt | Format::JwsDetached => {
            let is_detached = matches!(word, Format::JwsDetached);
            prefix(table).map(|prefix| SignatureFormat::Token(TokenRule { prefix, claims: Vec::new(), is_detached }))
        }
    }
}

/// `separator = ","`, `between = "/SHA256/"`: `&` and `|` where the file does not say.
fn named(table: &Table<'_>) -> Option<SignatureFormat> {
    let separator = separator(table, '&');
    let between = match table.entry("between") {
        None => "|".to_owned(),
        Some(entry) => {
            let text = entry.text()?;
            let is_fit = |byte: u8| byte.is_ascii_graphic() && separator.is_none_or(|separator| char::from(byte) != separator);
            if text.starts_with(|first: char| first.is_ascii_alphanumeric()) || text.is_empty() || !text.bytes().all(is_fit) {
                entry.fault("must be visible ASCII without the separator, and begin with no letter or digit", "such as \"|\"");
                return None;
            }
            text.to_owned()
        }
    };
    Some(SignatureFormat::Named { separator: separator?, between })
}

/// `fixed = { alg = "ecdsa" }`.
fn fixed(table: &Table<'_>) -> Vec<(String, String)> {
    let entries = table.entries().into_iter();
    entries.filter_map(|(name, _, entry)| Some((name.to_owned(), entry.text()?.to_owned()))).collect()
}

fn prefix(table: &Table<'_>) -> Option<String> {
    let Some(entry) = table.entry("prefix") else { return Some(String::new()) };
    let text = entry.text()?;
    if text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && !text.starts_with(' ') {
        return Some(text.to_owned());
    }
    entry.fault("may hold only visible ASCII characters, and spaces behind the first", "");
    None
}

fn label(table: &Table<'_>, key: &str, hint: &str) -> Option<String> {
    let entry = table.required(key, hint)?;
    let text = entry.text()?;
    if is_word(text) {
        return Some(text.to_owned());
    }
    entry.fault("may hold only letters, digits, '_' and '-'", "");
    None
}

/// A key or version: nothing that could be taken for a separator.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// One character that no signature, key or timestamp holds.
fn separator(table: &Table<'_>, default: char) -> Option<char> {
    let words = [(",", ','), (";", ';'), (":", ':'), ("&", '&'), ("|", '|'), (" ", ' '), (".", '.')];
    match table.entry("separator") {
        Some(entry) => entry.word(&words),
        None => Some(default),
    }
}
