//! Why a captured request does not verify: what usually went wrong, each tried by the gateway's own gates.
//!
//! 1. One thing is changed at a time; what then verifies is a cause, and nothing else is: no line is a guess.
//! 2. A signature that holds outside the window still says that everything but the clock is right.
//! 3. A line names secrets by id, files never, and holds no secret, no signature and nothing of the body.
//! 4. Everything is bounded: bodies over [`BODY_BYTES_MAX`] are not rewritten, and each kind of cause is told once.
//!
//! Must not know: how anything is judged. It runs where the operator has the secrets already, so it tells nobody anything new.

mod body;
mod json_text;
mod provider;
mod secret;
mod signature;
mod url;

use bytes::Bytes;

use crate::config::plan::{IntegrationPlan, Plan};
use crate::domain::head::{Head, Received};
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;
use crate::gate::verify::error::VerifyError;
use crate::gate::verify::gate::{Judging, verify};
use crate::gate::verify::keys::{KeyMaterial, KeyRing};
use crate::gate::verify::presented::present;
use crate::provider::scheme::{KeyEncoding, Scheme};
use crate::secrets;
use crate::secrets::spec::SecretSpec;

/// The largest body that is rewritten in a trial.
const BODY_BYTES_MAX: usize = 4 << 20;

/// One change that makes the request verify.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// For programs.
    pub(super) id: &'static str,
    /// For people.
    pub(super) text: String,
}

impl Cause {
    fn new(id: &'static str, text: impl Into<String>) -> Self {
        Self { id, text: text.into() }
    }
}

/// A request, and whom it is for.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) plan: &'a Plan,
    pub(super) integration: &'a IntegrationPlan,
    pub(super) head: &'a Head,
    pub(super) body: &'a [u8],
    pub(super) at: UnixTime,
}

/// What usually went wrong and did so here, in the order of contract and experience.
pub(super) fn explain(subject: &Subject<'_>) -> Vec<Cause> {
    let texts = texts(&subject.integration.secrets);
    let trial = Trial { subject, texts: &texts };
    if let Some(cause) = clock(&trial) {
        return vec![cause];
    }
    let mut causes = secret::causes(&trial);
    causes.extend(body::causes(&trial));
    causes.extend(signature::causes(&trial));
    causes.extend(url::causes(&trial));
    if causes.is_empty() {
        // Families of schemes differ in how a secret is written only: what is explained already is not said by name again.
        causes.extend(provider::causes(&trial));
    }
    causes
}

/// The readable secrets of an integration, as they are written.
fn texts(specs: &[SecretSpec]) -> Vec<(&SecretSpec, SecretBytes)> {
    specs.iter().filter_map(|spec| Some((spec, secrets::read(&spec.source).ok()?))).collect()
}

/// Everything as it is: what a trial changes one thing of.
struct Trial<'t> {
    subject: &'t Subject<'t>,
    texts: &'t [(&'t SecretSpec, SecretBytes)],
}

impl Trial<'_> {
    fn scheme(&self) -> &Scheme {
        &self.subject.integration.scheme
    }

    /// The integration's own keys, under a scheme. A secret that is no key of it is left out.
    fn keys(&self, scheme: &Scheme) -> Vec<KeyMaterial> {
        self.texts.iter().map(|(spec, text)| material(spec, scheme, spec.encoding, text.expose())).collect()
    }

    /// Whether another body verifies.
    fn holds_with_body(&self, body: impl Into<Bytes>) -> bool {
        let (scheme, body) = (self.scheme(), body.into());
        self.keys(scheme).into_iter().any(|key| self.holds(scheme, key, self.subject.head, body.clone()))
    }

    /// Whether it verifies under another scheme, with the integration's own secrets.
    fn holds_under(&self, scheme: &Scheme) -> bool {
        self.keys(scheme).into_iter().any(|key| self.holds_with_key(scheme, key))
    }

    fn holds_with_key(&self, scheme: &Scheme, key: KeyMaterial) -> bool {
        self.holds(scheme, key, self.subject.head, Bytes::copy_from_slice(self.subject.body))
    }

    /// Whether one key's signature holds; the window is another matter.
    fn holds(&self, scheme: &Scheme, key: KeyMaterial, head: &Head, body: Bytes) -> bool {
        let verdict = self.verdict(scheme, key, head, body);
        matches!(verdict, Some(Ok(()) | Err(VerifyError::TimestampTooOld { .. } | VerifyError::TimestampInFuture { .. })))
    }

    /// What the gates say; nothing where the text is no key of the scheme.
    fn verdict(&self, scheme: &Scheme, key: KeyMaterial, head: &Head, body: Bytes) -> Option<Result<(), VerifyError>> {
        let keys = KeyRing::build(scheme, vec![key]).ok()?;
        let integration = self.subject.integration;
        let judging = Judging { integration: &integration.name, scheme, keys: &keys, tolerance: integration.tolerance };
        let presented = match present(scheme, head) {
            Ok(presented) => presented,
            Err(error) => return Some(Err(error)),
        };
        let received = Received { head: head.clone(), body: body.into() };
        Some(verify(&judging, presented, received, self.subject.at).map(|_| ()))
    }
}

/// A key of a text, valid whenever its secret is.
fn material(spec: &SecretSpec, scheme: &Scheme, encoding: Option<KeyEncoding>, text: &[u8]) -> KeyMaterial {
    KeyMaterial {
        id: spec.id.clone(),
        // A secret of another integration may lack what this one's requests name.
        key_id: spec.key_id.clone().filter(|_| scheme.signature.names_keys()),
        encoding,
        text: SecretBytes::new(text.to_vec()),
        not_before: spec.not_before,
        not_after: spec.not_after,
    }
}

/// The signature holds, and the time is outside the window: by how much the clocks differ.
fn clock(trial: &Trial<'_>) -> Option<Cause> {
    let scheme = trial.scheme();
    let said = |key| trial.verdict(scheme, key, trial.subject.head, Bytes::copy_from_slice(trial.subject.body));
    let differs = trial.keys(scheme).into_iter().filter_map(said).find_map(|verdict| match verdict {
        Err(VerifyError::TimestampTooOld { age_ms, .. }) => Some((age_ms, "behind")),
        Err(VerifyError::TimestampInFuture { ahead_ms, .. }) => Some((ahead_ms, "ahead of")),
        _ => None,
    });
    let (off_ms, side) = differs?;
    let seconds = off_ms.div_ceil(1000);
    Some(Cause::new(
        "clock",
        format!("clock off by {seconds} s: the signature holds, and the time that was signed is {side} the time of judgement"),
    ))
}

#[cfg(test)]
mod tests;
