//! The certificates that deliveries name: found, or fetched while the delivery waits.
//!
//! 1. Only a URL of a host that the configuration names, of the preset's path, is ever fetched; anything else that a delivery
//!    names is nothing, and only pinned keys are left to verify it.
//! 2. A certificate that is known is never waited for. For one that is not, a delivery waits for the one fetch that all who
//!    name it share, at most [`WAIT`], at most [`WAITING_MAX`] of them at once. The fetch goes on if they leave.
//! 3. A certificate whose delivery verified is proven: nothing that strangers name drives it out, and it is fetched again in
//!    the background before it is old.
//! 4. All integrations with one host and one algorithm share what is known, over reloads, too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::domain::address::Source;
use crate::domain::head::Received;
use crate::domain::https_url::HttpsUrl;
use crate::domain::name::SecretId;
use crate::domain::time::{Clock, Now};
use crate::fetch::client::{FETCH_TIMEOUT_DELIVERY, Fetcher};
use crate::fetch::error::FetchError;
use crate::fetch::shelf::{Coming, Looked, Shelf, Ticket};
use crate::gate::verify::certificate::{Certificate, CertificateError};
use crate::gate::verify::error::VerifyError;
use crate::pipeline::integration::Integration;
use crate::provider::certificate::CertificateUrls;
use crate::provider::locate;
use crate::provider::scheme::SignatureRule;

/// How long a delivery waits; the fetch itself ends a little earlier.
pub const WAIT: Duration = FETCH_TIMEOUT_DELIVERY.saturating_add(Duration::from_millis(500));
/// How many deliveries may wait at once.
pub const WAITING_MAX: usize = 64;

/// What is fetched of one host for one algorithm.
struct Kind {
    urls: CertificateUrls,
    rule: SignatureRule,
    shelf: Arc<Shelf<Certificate>>,
}

/// All certificates that deliveries named.
pub struct Certificates {
    fetcher: Fetcher,
    clock: Clock,
    /// By host and algorithm; as many as the configurations of this process ever named.
    kinds: Mutex<BTreeMap<(CertificateUrls, &'static str), Arc<Kind>>>,
    waiting: Semaphore,
    failures: AtomicU64,
    refusals: AtomicU64,
}

/// What a delivery names.
#[derive(Clone, Debug)]
pub enum Named {
    /// Nothing that could be fetched.
    Nothing,
    /// A certificate.
    Known(Arc<Certificate>),
    /// A certificate that cannot be had now.
    Unavailable(Missing),
}

impl Named {
    /// The certificate, where there is one.
    #[must_use]
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        match self {
            Self::Known(certificate) => Some(Arc::clone(certificate)),
            Self::Nothing | Self::Unavailable(_) => None,
        }
    }

    /// Why a delivery may verify later that does not now.
    #[must_use]
    pub const fn missing(&self, error: &VerifyError) -> Option<Missing> {
        match (self, error) {
            (Self::Unavailable(missing), VerifyError::SignatureMismatch) => Some(*missing),
            _ => None,
        }
    }
}

/// Why a certificate cannot be had now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// It did not come, or is none.
    #[error("it did not come, or is not fit")]
    Absent,
    /// Too much is asked for.
    #[error("too many are asked for")]
    Busy,
}

/// Why a fetch gave no certificate.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl Certificates {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(fetcher: Fetcher, clock: Clock) -> Self {
        let (waiting, failures, refusals) = (Semaphore::new(WAITING_MAX), AtomicU64::new(0), AtomicU64::new(0));
        Self { fetcher: fetcher.for_deliveries(), clock, kinds: Mutex::default(), waiting, failures, refusals }
    }

    /// Finds what a delivery names, and waits for it if need be.
    pub async fn find(self: &Arc<Self>, integration: &Integration, received: &Received, source: Source) -> Named {
        let Some((kind, url)) = self.named(integration, received) else { return Named::Nothing };
        let coming = match kind.shelf.look(&url, source.limit_key(), self.clock.now()) {
            Looked::Held(certificate) => return Named::Known(certificate),
            Looked::Absent => return Named::Unavailable(Missing::Absent),
            Looked::Busy => return self.busy(),
            Looked::Wait(coming) => coming,
            Looked::Fetch(ticket, coming) => {
                tokio::spawn(Arc::clone(self).fetch(kind, ticket));
                coming
            }
        };
        self.wait(coming).await
    }

    /// A delivery verified under what it names.
    pub fn proved(&self, integration: &Integration, named: &Named, secret: &SecretId) {
        let Named::Known(certificate) = named else { return };
        // A pinned key may have been the one that verified.
        if let Some((_, urls)) = integration.keys.certificates().find(|(id, _)| *id == secret) {
            self.kind(urls, &integration.scheme.signature).shelf.proved(certificate.url());
        }
    }

    /// Fetches again what is due.
    pub(crate) async fn refresh(&self, fetcher: &Fetcher) {
        let kinds: Vec<_> = self.kinds.lock().values().cloned().collect();
        for kind in kinds {
            for url in kind.shelf.due(self.clock.now()) {
                let came = self.get(fetcher, &kind, &url).await;
                let now = self.clock.now();
                match came {
                    Ok(certificate) => {
                        let ends = certificate.not_after();
                        kind.shelf.renewed(&url, certificate, ends, now);
                    }
                    Err(fault) => {
                        self.note(&url, &fault, true);
                        kind.shelf.not_renewed(&url, now);
                    }
                }
            }
        }
    }

    /// Those in use that did not come again when they were due.
    #[must_use]
    pub fn failing(&self) -> Vec<String> {
        let kinds = self.kinds.lock();
        let failing = kinds.values().flat_map(|kind| kind.shelf.failing());
        failing.map(|url| format!("{url}: the certificate did not come again; what came is used for a day")).collect()
    }

    /// How many fetches failed for another reason than that there is nothing.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How many deliveries named what was not fetched because too much was asked for.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    fn busy(&self) -> Named {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        Named::Unavailable(Missing::Busy)
    }

    async fn wait(&self, coming: Coming<Certificate>) -> Named {
        let Ok(_place) = self.waiting.try_acquire() else { return self.busy() };
        match tokio::time::timeout(WAIT, coming.wait()).await {
            Ok(Some(certificate)) => Named::Known(certificate),
            Ok(None) | Err(_) => Named::Unavailable(Missing::Absent),
        }
    }

    /// The URL that a delivery names, if it is one of those that may be fetched.
    fn named(&self, integration: &Integration, received: &Received) -> Option<(Arc<Kind>, HttpsUrl)> {
        let place = &integration.scheme.certificate.as_ref()?.place;
        let text = locate::find(&[place], &received.head, &received.body).pop().flatten()?;
        let (urls, url) = integration.keys.certificates().find_map(|(_, urls)| Some((urls, urls.take(&text)?)))?;
        Some((self.kind(urls, &integration.scheme.signature), url))
    }

    fn kind(&self, urls: &CertificateUrls, rule: &SignatureRule) -> Arc<Kind> {
        let new = || Arc::new(Kind { urls: urls.clone(), rule: rule.clone(), shelf: Arc::default() });
        Arc::clone(self.kinds.lock().entry((urls.clone(), rule.algorithm.code())).or_insert_with(new))
    }

    async fn fetch(self: Arc<Self>, kind: Arc<Kind>, ticket: Ticket<Certificate>) {
        match self.get(&self.fetcher, &kind, ticket.url()).await {
            Ok(certificate) => {
                tracing::info!(url = %ticket.url(), "a certificate was fetched");
                let ends = certificate.not_after();
                ticket.came(certificate, ends, self.clock.now());
            }
            Err(fault) => self.note(ticket.url(), &fault, false),
        }
    }

    async fn get(&self, fetcher: &Fetcher, kind: &Kind, url: &HttpsUrl) -> Result<Certificate, Fault> {
        let Now { wall, monotonic } = self.clock.now();
        let pem = fetcher.get(url, monotonic).await?;
        let roots = fetcher.roots()?;
        Ok(Certificate::read(&kind.rule, (&kind.urls, url), &pem, &roots, wall)?)
    }

    /// A name that there is nothing under is its sender's fault, and one that was in use is not.
    fn note(&self, url: &HttpsUrl, fault: &Fault, was_in_use: bool) {
        if was_in_use || !matches!(fault, Fault::Fetch(FetchError::Status { .. } | FetchError::Busy)) {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        tracing::warn!(%url, %fault, "a certificate could not be fetched");
    }
}
