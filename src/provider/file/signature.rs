//! The signature's keys: `signature = { … }` and `secret = { encoding = … }`.

use super::{fault_at, header, key_encoding};
use crate::document::Table;
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
        fault_at(table, "secret", format!("has an encoding that no key of {} is written in", rule.algorithm.code()), "");
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
    let word = match table.entry("format") {
        Some(entry) => entry.word(&FORMATS),
        None => Some(Format::Prefixed),
    };
    let Some(word) = word else {
        // Which of them belong to it nobody can say, so none is reported as unknown.
        let _ = ["prefix", "separator", "key", "version"].map(|key| table.entry(key));
        return None;
    };
    match word {
        Format::Prefixed => prefix(table).map(|prefix| SignatureFormat::Prefixed { prefix }),
        Format::Pairs => {
            let separator = separator(table);
            let key = label(table, "key", "the key of a signature, such as \"v1\"");
            Some(SignatureFormat::Pairs { separator: separator?, key: key? })
        }
        Format::Versioned => {
            let version = label(table, "version", "the version of a signature, such as \"v1\"")?;
            Some(SignatureFormat::Versioned { version })
        }
    }
}

fn prefix(table: &Table<'_>) -> Option<String> {
    let Some(entry) = table.entry("prefix") else { return Some(String::new()) };
    let text = entry.text()?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(text.to_owned());
    }
    entry.fault("may hold only visible ASCII characters", "");
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
fn separator(table: &Table<'_>) -> Option<char> {
    let words = [(",", ','), (";", ';'), (":", ':'), ("&", '&'), ("|", '|'), (" ", ' ')];
    match table.entry("separator") {
        Some(entry) => entry.word(&words),
        None => Some(','),
    }
}
