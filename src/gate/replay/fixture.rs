//! Deliveries as far as the claim, for the tests of this gate and of those after it: signed, verified and in scope for real.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::gate::{Claimed, Unclaimed, claim};
use super::history::HistoryTerms;
use super::memory::MemoryStore;
use super::spec::ColdStart;
use super::store::{ReplayStore, Store};
use super::terms::{Protection, ReplayTerms};
use crate::domain::head::{Head, Received};
use crate::domain::name::IntegrationName;
use crate::domain::secret::SecretBytes;
use crate::domain::time::{Clock, Now, UnixTime};
use crate::gate::scope::gate::{Scoped, scope};
use crate::gate::scope::rules::EventRules;
use crate::gate::verify::error::VerifyError;
use crate::gate::verify::gate::{Judging, verify};
use crate::gate::verify::keys::{KeyMaterial, KeyRing};
use crate::gate::verify::presented::present;
use crate::gate::verify::sign::{Request, SigningKey, sign};
use crate::provider::Catalogue;
use crate::provider::scheme::Scheme;

pub(crate) const TOLERANCE: Duration = Duration::from_secs(300);
pub(crate) const LEASE: Duration = Duration::from_secs(30);
const SECRET: &[u8] = b"a-secret-of-thirty-two-characters";

/// One provider's deliveries to one integration, and a store that began an hour ago.
pub(crate) struct Fixture {
    pub(crate) scheme: Scheme,
    pub(crate) clock: Clock,
    pub(crate) terms: ReplayTerms,
    pub(crate) integration: IntegrationName,
}

impl Fixture {
    pub(crate) fn new(provider: &str, capacity: u64) -> Self {
        Self::on(provider, |now| Store::Memory(MemoryStore::new(capacity, now)))
    }

    /// The same with a store of another kind.
    pub(crate) fn on(provider: &str, open: impl FnOnce(Now) -> Store) -> Self {
        let scheme = Scheme::clone(&Catalogue::builtin().get(provider).unwrap());
        let clock = Clock::manual(UnixTime::from_seconds(1_700_000_000));
        let store = open(clock.now());
        clock.advance(Duration::from_secs(3600));
        let integration: IntegrationName = "payments".parse().unwrap();
        let share = store.divide(std::slice::from_ref(&integration))[0];
        let history = HistoryTerms { cold_start: ColdStart::Refuse, untimed_window: Duration::from_secs(86_400), raised: None };
        let (store, protection) = (Arc::new(store), Protection::On);
        let terms = ReplayTerms { store, share, protection, lease: LEASE, lapse: Duration::from_secs(10), history };
        Self { scheme, clock, terms, integration }
    }

    /// A delivery as the provider would sign it, with more headers around it.
    pub(crate) fn scoped(&self, signed_at: UnixTime, body: &'static str, more: &[(&'static str, &'static str)]) -> Scoped {
        self.try_scoped(signed_at, body, more).unwrap()
    }

    /// The same, as far as it gets.
    pub(crate) fn try_scoped(
        &self,
        signed_at: UnixTime,
        body: &'static str,
        more: &[(&'static str, &'static str)],
    ) -> Result<Scoped, VerifyError> {
        let secret = || SecretBytes::new(SECRET.to_vec());
        let key = SigningKey::parse(&self.scheme, None, secret()).unwrap();
        let mut headers: HeaderMap =
            more.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        let request = Request { id: Some("msg_1"), timestamp: signed_at, headers: &headers.clone(), body: body.as_bytes() };
        headers.extend(sign(&self.scheme, &key, &request));
        let head = Head { method: Method::POST, target: Uri::from_static("/webhooks"), headers };
        let material = KeyMaterial {
            id: "current".parse().unwrap(),
            key_id: None,
            encoding: None,
            text: secret(),
            not_before: None,
            not_after: None,
        };
        let keys = KeyRing::build(&self.scheme, vec![material]).unwrap();
        let judging = Judging { integration: &self.integration, scheme: &self.scheme, keys: &keys, tolerance: TOLERANCE };
        let presented = present(&self.scheme, &head).unwrap();
        let received = Received { head, body: Bytes::from_static(body.as_bytes()).into() };
        let verified = verify(&judging, presented, received, self.clock.now().wall)?;
        Ok(scope(&EventRules::default(), verified).unwrap())
    }

    /// Claims a delivery that is signed now.
    pub(crate) fn claim(&self, body: &'static str) -> Result<Claimed, Box<Unclaimed>> {
        self.claim_scoped(self.scoped(self.clock.now().wall, body, &[]))
    }

    pub(crate) fn claim_scoped(&self, scoped: Scoped) -> Result<Claimed, Box<Unclaimed>> {
        run(claim(&self.terms, scoped, self.clock.now()))
    }
}

/// Runs a future of a gate to its end.
pub(crate) fn run<T>(future: impl Future<Output = T> + Send) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}
