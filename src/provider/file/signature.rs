//! The signature's keys: `signature = { … }` and `secret = { encoding = … }`.

use super::{header, key_encoding, text, word};
use crate::document::{Entry, Table};
use crate::provider::scheme::{Algorithm, KeyEncoding, SignatureEncoding, SignatureFormat, SignatureRule};

const ALGORITHMS: [(&str, Algorithm); 4] = [
    (Algorithm::HmacSha256.code(), Algorithm::HmacSha256),
    (Algorithm::HmacSha512.code(), Algorithm::HmacSha512),
    (Algorithm::HmacSha1.code(), Algorithm::HmacSha1),
    (Algorithm::Ed25519.code(), Algorithm::Ed25519),
];

const ENCODINGS: [(&str, SignatureEncoding); 3] =
    [("hex", SignatureEncoding::Hex), ("base64", SignatureEncoding::Base64), ("base64url", SignatureEncoding::Base64Url)];

#[derive(Clone, Copy)]
enum Format {
    Prefixed,
    Pairs,
    Versioned,
}

const FORMATS: [(&str, Format); 3] = [("prefixed", Format::Prefixed), ("pairs", Format::Pairs), ("versioned", Format::Versioned)];

/// Reads both tables of a scheme.
pub(super) fn read(table: &Table<'_>) -> Option<SignatureRule> {
    let key_encoding = table.entry("secret").and_then(|entry| entry.table(secret).flatten());
    let hint = "such as { header = \"X-Signature\", algorithm = \"hmac-sha256\", encoding = \"hex\" }";
    let mut rule = table.required("signature", hint)?.table(signature).flatten()?;
    rule.key_encoding = key_encoding.unwrap_or(rule.key_encoding);
    if !rule.algorithm.accepts(rule.key_encoding) {
        table.fault(format!("has a secret.encoding that no key of {} is written in", rule.algorithm.code()), "");
    }
    Some(rule)
}

fn secret(table: &Table<'_>) -> Option<KeyEncoding> {
    key_encoding(&table.required("encoding", "how keys are written, such as \"utf8\"")?)
}

fn signature(table: &Table<'_>) -> Option<SignatureRule> {
    let format = format(table);
    let _ = table.required("header", "name the header that holds the signature");
    let algorithm = table.required("algorithm", "such as \"hmac-sha256\"").and_then(|entry| entry.word(&ALGORITHMS));
    let encoding = table.required("encoding", "\"hex\", \"base64\" or \"base64url\"").and_then(|entry| entry.word(&ENCODINGS));
    let header = header(table, "header");
    let algorithm = algorithm?;
    let key_encoding = if algorithm == Algorithm::Ed25519 { KeyEncoding::Hex } else { KeyEncoding::Utf8 };
    Some(SignatureRule { algorithm, key_encoding, header: header?, format: format?, encoding: encoding? })
}

fn format(table: &Table<'_>) -> Option<SignatureFormat> {
    let format = match table.entry("format") {
        Some(entry) => entry.word(&FORMATS)?,
        None => Format::Prefixed,
    };
    match format {
        Format::Prefixed => {
            let prefix = label(table.entry("prefix"), "", |text| text.bytes().all(|byte| byte.is_ascii_graphic()))?;
            Some(SignatureFormat::Prefixed { prefix })
        }
        Format::Pairs => {
            let separator = separator(table);
            let key = label(table.required("key", "the key of a signature, such as \"v1\""), "v1", is_word)?;
            Some(SignatureFormat::Pairs { separator: separator?, key })
        }
        Format::Versioned => {
            let version = label(table.required("version", "the version of a signature, such as \"v1\""), "v1", is_word)?;
            Some(SignatureFormat::Versioned { version })
        }
    }
}

fn label(entry: Option<Entry<'_>>, absent: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    let Some(entry) = entry else { return Some(absent.to_owned()) };
    let text = entry.text()?;
    if !fits(text) {
        entry.fault("holds characters that its format cannot", "letters, digits, '_' and '-' do");
        return None;
    }
    Some(text.to_owned())
}

/// A key or version: nothing that could be taken for a separator.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// One character that no signature, key or timestamp holds.
fn separator(table: &Table<'_>) -> Option<char> {
    let Some(text) = text(table, "separator") else { return Some(',') };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) if ",;:&| ".contains(one) => Some(one),
        _ => {
            let _ = word(table, "separator", &[(",", ()), (";", ()), (":", ()), ("&", ()), ("|", ()), (" ", ())]);
            None
        }
    }
}
