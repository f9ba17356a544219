//! Another provider's scheme made it.

use std::collections::BTreeMap;

use http::header::HOST;

use super::url;
use super::{Cause, Trial, material};
use crate::provider::Catalogue;
use crate::provider::scheme::Scheme;

/// How many are named: families share one scheme.
const NAMED_MAX: usize = 3;

pub(super) fn causes(trial: &Trial<'_>) -> Vec<Cause> {
    let own = trial.scheme();
    let all = Catalogue::builtin().iter().filter(|scheme| scheme.name != own.name);
    let made = |scheme: &Scheme| signs(trial, scheme);
    let fits: Vec<String> = all.filter(|scheme| made(scheme)).map(|scheme| format!("\"{}\"", scheme.name)).collect();
    if fits.is_empty() {
        return Vec::new();
    }
    let told: Vec<_> = fits.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = match fits.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        count => format!(" and {count} more of the same scheme"),
    };
    let text = format!("it is signed as another provider signs: it would verify with provider = {}{more}", told.join(" or "));
    vec![Cause::new("provider", text)]
}

/// Secrets are read as the other provider's are; what it signs of the URL is the integration's own, or what was called.
fn signs(trial: &Trial<'_>, scheme: &Scheme) -> bool {
    let head = trial.subject.head;
    let called = || {
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        format!("https://{host}{}", head.path())
    };
    let public_url = url::base(trial.scheme()).unwrap_or_else(called);
    let bound = scheme.bound(&public_url, &BTreeMap::new());
    let encodings = |own| [None, own];
    trial.texts.iter().any(|(spec, text)| {
        encodings(spec.encoding).into_iter().any(|encoding| {
            let key = material(spec, &bound, encoding, text.expose());
            trial.holds_with_key(&bound, key)
        })
    })
}
