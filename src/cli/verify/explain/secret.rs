//! The secret is another one, or is read in another way than the provider reads it.

use zeroize::Zeroizing;

use super::{Cause, Trial, material, texts};
use crate::gate::verify::keys::KeyMaterial;
use crate::provider::scheme::KeyEncoding;
use crate::secrets::spec::SecretSpec;

/// What an editor, a form or a shell adds to a secret that is copied.
const STRAY: [(&str, &str); 6] = [("", "\n"), ("", "\r\n"), ("", " "), (" ", ""), (" ", " "), ("\u{feff}", "")];

/// What stands around a text that is written into a variable or a YAML file.
const QUOTES: &[u8] = b"\"'`";

pub(super) fn causes(trial: &Trial<'_>) -> Vec<Cause> {
    let each = |found: fn(&Trial<'_>, &SecretSpec, &[u8]) -> Option<Cause>| {
        trial.texts.iter().find_map(|(spec, text)| found(trial, spec, text.expose()))
    };
    let own =
        [decoded_otherwise, with_or_without_prefix, without_white_space, with_white_space, at_another_time, of_another_name];
    own.into_iter().map(each).chain([of_another(trial)]).flatten().collect()
}

/// Prefixes that belong to some providers' secrets, and only adorn others'.
const PREFIXES: [&str; 3] = ["whsec_", "whpk_", "v1,whsec_"];

/// A prefix that is part of the key was left out when the secret was copied, or one that is not was taken along.
fn with_or_without_prefix(trial: &Trial<'_>, spec: &SecretSpec, text: &[u8]) -> Option<Cause> {
    let scheme = trial.scheme();
    let holds = |other: &[u8]| trial.holds_with_key(scheme, material(spec, scheme, spec.encoding, other));
    PREFIXES.into_iter().find_map(|prefix| {
        let (other, how) = match text.strip_prefix(prefix.as_bytes()) {
            Some(bare) => (Zeroizing::new(bare.to_vec()), "begins with"),
            None => (Zeroizing::new([prefix.as_bytes(), text].concat()), "lacks"),
        };
        let end = if how == "lacks" { "it would verify with it" } else { "it would verify without" };
        holds(&other).then(|| Cause::new("secret-prefix", format!("secret \"{}\" {how} \"{prefix}\": {end}", spec.id)))
    })
}

/// The secret is right, and not used at the time of judgement.
fn at_another_time(trial: &Trial<'_>, spec: &SecretSpec, text: &[u8]) -> Option<Cause> {
    let scheme = trial.scheme();
    let when = match (spec.not_before, spec.not_after) {
        (Some(from), _) if trial.subject.at < from => format!("before {from}"),
        (_, Some(until)) if trial.subject.at >= until => format!("from {until} on"),
        _ => return None,
    };
    let always = KeyMaterial { not_before: None, not_after: None, ..material(spec, scheme, spec.encoding, text) };
    trial
        .holds_with_key(scheme, always)
        .then(|| Cause::new("secret-validity", format!("it was signed with secret \"{}\", which is not used {when}", spec.id)))
}

/// The secret is right, and stands under another name than the provider's own one.
fn of_another_name(trial: &Trial<'_>, spec: &SecretSpec, text: &[u8]) -> Option<Cause> {
    let scheme = trial.scheme();
    let rule = &scheme.signature;
    let own = spec.key_id.as_deref()?;
    let named = rule.key_id_header.as_ref().and_then(|name| trial.subject.head.headers.get(name)?.to_str().ok());
    let others = rule.headers().filter_map(|(_, id)| id).chain(named).filter(|id| *id != own);
    let holds = |id: &&str| {
        let key = KeyMaterial { key_id: Some((*id).to_owned()), ..material(spec, scheme, spec.encoding, text) };
        trial.holds_with_key(scheme, key)
    };
    let id = others.into_iter().find(holds)?;
    Some(Cause::new(
        "secret-key-id",
        format!(
            "secret \"{}\" has key_id \"{own}\", and made the signature of \"{id}\": it would verify with that key_id",
            spec.id
        ),
    ))
}

/// `whsec_`, base64 or hex taken for text, or text taken for one of these.
fn decoded_otherwise(trial: &Trial<'_>, spec: &SecretSpec, text: &[u8]) -> Option<Cause> {
    let scheme = trial.scheme();
    let configured = spec.encoding.unwrap_or(scheme.signature.key_encoding);
    let others = KeyEncoding::WORDS.into_iter().filter(|(_, encoding)| *encoding != configured);
    let mut fits = others.filter(|(_, encoding)| trial.holds_with_key(scheme, material(spec, scheme, Some(*encoding), text)));
    let (word, _) = fits.next()?;
    Some(Cause::new(
        "secret-encoding",
        format!("secret \"{}\" is not decoded as the provider does: it would verify with encoding = \"{word}\"", spec.id),
    ))
}

/// Here is more than the provider has. A gateway does not start with such a secret; a quote may pass for text.
fn without_white_space(trial: &Trial<'_>, spec: &SecretSpec, text: &[u8]) -> Option<Cause> {
    let scheme = trial.scheme();
    let bare = std::str::from_utf8(text).ok()?.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').as_bytes();
    let unquoted = bare.iter().position(|byte| !QUOTES.contains(byte)).map(|start| {
        let end = bare.iter().rposition(|byte| !QUOTES.contains(byte)).map_or(start, |last| last.saturating_add(1));
        bare.get(start..end).unwrap_or_default()
    });
    let holds = |cleaned: &[u8]| cleaned != text && trial.holds_with_key(scheme, material(spec, scheme, spec.encoding, cleaned));
    let what = if holds(bare) {
        "white space"
    } else if holds(unquoted?) {
        "quotes"
    } else {
        return None;
    };
    Some(Cause::new("secret-white-space", format!("secret \"{}\" has stray {what} around it: it would verify without", spec.id)))
}

/// The provider has more than is here.
fn with_white_space(trial: &Trial<'_>, spec: &SecretSpec, text: &[u8]) -> Option<Cause> {
    let scheme = trial.scheme();
    // Such a text is no key that a configuration may hold, so it is tried as the bytes that it is made of.
    let tried = |(before, after): &(&str, &str)| {
        let padded = Zeroizing::new([before.as_bytes(), text, after.as_bytes()].concat());
        let written = Zeroizing::new(data_encoding::HEXLOWER.encode(&padded));
        trial.holds_with_key(scheme, material(spec, scheme, Some(KeyEncoding::Hex), written.as_bytes()))
    };
    let is_text = spec.encoding.unwrap_or(scheme.signature.key_encoding) == KeyEncoding::Utf8;
    (is_text && STRAY.iter().any(tried)).then(|| {
        let text =
            format!("secret \"{}\" was given to the provider with stray white space around it: set it there anew", spec.id);
        Cause::new("secret-white-space", text)
    })
}

/// A secret of another integration made it.
fn of_another(trial: &Trial<'_>) -> Option<Cause> {
    let own = &trial.subject.integration.name;
    trial.subject.plan.integrations.iter().filter(|other| other.name != *own).find_map(|other| {
        let texts = texts(&other.secrets);
        let scheme = trial.scheme();
        let made = |spec: &SecretSpec, text: &[u8]| {
            let tries = [spec.encoding, None, Some(other.scheme.signature.key_encoding)];
            tries.into_iter().any(|encoding| trial.holds_with_key(scheme, material(spec, scheme, encoding, text)))
        };
        let (spec, _) = texts.iter().find(|(spec, text)| made(spec, text.expose()))?;
        Some(Cause::new(
            "secret-of-another",
            format!("it was signed with secret \"{}\" of integration.{}: it would verify with that one", spec.id, other.name),
        ))
    })
}
