//! An integration's keys, with those among them whose texts come while the gateway runs.
//!
//! 1. Whoever asks gets a whole ring; what came since the last time is in it.
//! 2. A text that is no key of the scheme changes nothing: the key before it stays.
//! 3. Keys that come from variables and files only cost one look at an empty list.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;

use crate::domain::https_url::HttpsUrl;
use crate::domain::name::SecretId;
use crate::domain::secret::SecretBytes;
use crate::gate::verify::keys::{KeyRing, KeyTerms};
use crate::provider::certificate::CertificateUrls;
use crate::provider::scheme::Scheme;
use crate::secrets::live::LiveTexts;
use crate::secrets::spec::{SecretSource, SecretSpec};

/// The keys.
pub struct Keys {
    ring: ArcSwap<KeyRing>,
    scheme: Arc<Scheme>,
    /// The secrets whose texts may change without a reload.
    live: Vec<SecretSpec>,
    texts: Arc<LiveTexts>,
    /// The revision of the texts that the ring was made of.
    revision: AtomicU64,
    /// Held while a ring is made, which is seldom and short.
    making: Mutex<()>,
}

impl Keys {
    /// Goes on from the keys that the configuration gave.
    #[must_use]
    pub fn new(ring: KeyRing, scheme: Arc<Scheme>, secrets: &[SecretSpec], texts: Arc<LiveTexts>) -> Self {
        let live = secrets.iter().filter(|secret| secret.source.is_live()).cloned().collect();
        let certified = secrets.iter().filter_map(|secret| Some((terms(secret), certificates(secret)?)));
        let ring = certified.fold(ring, |ring, (terms, urls)| ring.with_certificates(&terms, urls));
        let ring = ArcSwap::from_pointee(ring);
        Self { ring, scheme, live, texts, revision: AtomicU64::new(0), making: Mutex::new(()) }
    }

    /// The keys as they are now.
    #[must_use]
    pub fn now(&self) -> Guard<Arc<KeyRing>> {
        if !self.live.is_empty() && self.revision.load(Ordering::Acquire) != self.texts.revision() {
            self.renew();
        }
        self.ring.load()
    }

    /// The secrets that the provider hands over itself.
    pub fn handed_over(&self) -> impl Iterator<Item = (&SecretId, &SecretSource)> {
        let of_provider = |secret: &&SecretSpec| matches!(secret.source, SecretSource::Handshake(_));
        self.live.iter().filter(of_provider).map(|secret| (&secret.id, &secret.source))
    }

    /// The key sets that are fetched.
    pub fn fetched(&self) -> impl Iterator<Item = (&SecretId, &HttpsUrl)> {
        self.live.iter().filter_map(|secret| match &secret.source {
            SecretSource::Url(url) => Some((&secret.id, url)),
            SecretSource::Environment(_) | SecretSource::File(_) | SecretSource::Handshake(_) | SecretSource::Certificates(_) => {
                None
            }
        })
    }

    /// The hosts whose certificates deliveries may name.
    pub fn certificates(&self) -> impl Iterator<Item = (&SecretId, &CertificateUrls)> {
        self.live.iter().filter_map(|secret| Some((&secret.id, certificates(secret)?)))
    }

    /// Whether nothing is there to verify with because the provider has handed over nothing yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.handed_over().next().is_some() && self.now().ids().next().is_none()
    }

    /// Whether a text could be this secret of the scheme.
    #[must_use]
    pub fn takes(&self, id: &SecretId, text: &SecretBytes) -> bool {
        let secret = self.live.iter().find(|secret| secret.id == *id);
        secret.is_some_and(|secret| self.now().with(&self.scheme, &terms(secret), text).is_ok())
    }

    fn renew(&self) {
        let _making = self.making.lock();
        let revision = self.texts.revision();
        if self.revision.load(Ordering::Acquire) == revision {
            return;
        }
        let mut ring = KeyRing::clone(&self.ring.load());
        for secret in &self.live {
            let Some(text) = self.texts.text(&secret.source) else { continue };
            match ring.with(&self.scheme, &terms(secret), &text) {
                Ok(next) => ring = next,
                Err(error) => tracing::error!(secret_id = %secret.id, %error, "what came is no key; the one before stays"),
            }
        }
        self.ring.store(Arc::new(ring));
        self.revision.store(revision, Ordering::Release);
    }
}

fn certificates(secret: &SecretSpec) -> Option<&CertificateUrls> {
    match &secret.source {
        SecretSource::Certificates(urls) => Some(urls),
        _ => None,
    }
}

/// What the configuration says of a key, whatever its text is.
fn terms(secret: &SecretSpec) -> KeyTerms {
    KeyTerms {
        id: secret.id.clone(),
        key_id: secret.key_id.clone(),
        encoding: secret.encoding,
        not_before: secret.not_before,
        not_after: secret.not_after,
    }
}
