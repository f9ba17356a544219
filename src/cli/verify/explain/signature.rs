//! The signature is right and written in another way than the scheme's.

use super::{Cause, Trial};
use crate::provider::scheme::{Scheme, SignatureEncoding, SignatureFormat};

const ENCODINGS: [(SignatureEncoding, &str); 6] = [
    (SignatureEncoding::Hex, "lower-case hex"),
    (SignatureEncoding::HexUpper, "upper-case hex"),
    (SignatureEncoding::HexAnyCase, "hex of either case"),
    (SignatureEncoding::Base64, "base64"),
    (SignatureEncoding::Base64Url, "URL-safe base64 without padding"),
    (SignatureEncoding::Base64OfHex, "base64 of hex"),
];

pub(super) fn causes(trial: &Trial<'_>) -> Vec<Cause> {
    let scheme = trial.scheme();
    if scheme.is_unsigned() {
        return Vec::new();
    }
    [otherwise_written(trial, scheme), without_prefix(trial, scheme)].into_iter().flatten().collect()
}

fn otherwise_written(trial: &Trial<'_>, scheme: &Scheme) -> Option<Cause> {
    let own = ENCODINGS.iter().find(|(encoding, _)| *encoding == scheme.signature.encoding)?.1;
    let mut others = ENCODINGS.iter().filter(|(encoding, _)| *encoding != scheme.signature.encoding);
    let (_, written) = others.find(|(encoding, _)| {
        let mut other = scheme.clone();
        other.signature.encoding = *encoding;
        trial.holds_under(&other)
    })?;
    Some(Cause::new(
        "signature-encoding",
        format!("the signature is written in {written}, and {} writes it in {own}", scheme.title),
    ))
}

fn without_prefix(trial: &Trial<'_>, scheme: &Scheme) -> Option<Cause> {
    let SignatureFormat::Prefixed { prefix } = &scheme.signature.format else { return None };
    let mut other = scheme.clone();
    other.signature.format = SignatureFormat::Prefixed { prefix: String::new() };
    let lacks = !prefix.is_empty() && trial.holds_under(&other);
    lacks.then(|| {
        Cause::new("signature-encoding", format!("the signature lacks the \"{prefix}\" that {} puts before it", scheme.title))
    })
}
