//! The queue of deliveries to be looked through, and what becomes of a hit.
//!
//! Invariants: offering waits for nobody and wakes nobody: whoever looks comes by itself. The queue holds at most
//! [`QUEUE_DELIVERIES_MAX`] deliveries and [`QUEUE_BYTES_MAX`] of bodies. The lock is held for moves of memory. At most
//! [`TOLD_MAX`] places are remembered as told; one that was forgotten is told again, which does no harm.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;

use super::needles::{Form, Needle};
use crate::audit::record::Note;
use crate::domain::head::Received;
use crate::domain::name::{IntegrationName, SecretId};
use crate::domain::request_id::RequestId;
use crate::domain::time::Now;
use crate::pipeline::integration::Integration;
use crate::pipeline::site::Site;

/// The most deliveries that wait.
const QUEUE_DELIVERIES_MAX: usize = 512;
/// The most bytes of bodies that wait.
const QUEUE_BYTES_MAX: usize = 16 << 20;
/// How long a secret's place is not told again.
const TOLD_FOR: Duration = Duration::from_secs(60);
/// The most places that are remembered as told.
const TOLD_MAX: u64 = 10_000;

/// A delivery that was forwarded.
pub struct Sighting {
    /// What it was judged by.
    pub site: Arc<Site>,
    /// Whose it is.
    pub integration: Arc<Integration>,
    /// Its name.
    pub request_id: RequestId,
    /// All of it.
    pub received: Received,
}

/// What waits, and what was told.
pub struct Lookout {
    queue: Mutex<Queue>,
    told: Cache<Told, ()>,
}

impl Default for Lookout {
    fn default() -> Self {
        Self { queue: Mutex::default(), told: Cache::builder().max_capacity(TOLD_MAX).time_to_live(TOLD_FOR).build() }
    }
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Sighting>,
    bytes: usize,
}

/// The keys are names of the configuration and a closed enum.
type Told = (IntegrationName, IntegrationName, SecretId, Region);

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Region {
    Header,
    Query,
    Body,
}

/// One secret at one place.
struct Hit<'a> {
    needle: &'a Needle,
    region: Region,
    header: Option<String>,
}

impl Lookout {
    /// Leaves a delivery to be looked through, if there is anything to look for and room.
    pub(crate) fn offer(&self, sighting: Sighting) {
        if sighting.site.needles.is_empty() {
            return;
        }
        let bytes = sighting.received.body.len();
        let mut queue = self.queue.lock();
        let would_hold = queue.bytes.saturating_add(bytes);
        if queue.waiting.len() < QUEUE_DELIVERIES_MAX && would_hold <= QUEUE_BYTES_MAX {
            queue.bytes = would_hold;
            queue.waiting.push_back(sighting);
            return;
        }
        drop(queue);
        sighting.site.shared.metrics.count_unscanned();
    }

    /// Looks through everything that waits.
    pub fn look(&self) {
        let waiting = std::mem::take(&mut *self.queue.lock()).waiting;
        for sighting in waiting {
            let now = sighting.site.shared.clock.now();
            for hit in hits(&sighting) {
                self.tell(&sighting, &hit, now);
            }
        }
    }

    fn tell(&self, sighting: &Sighting, hit: &Hit<'_>, now: Now) {
        let Needle { integration: owner, secret, form, .. } = hit.needle;
        let owners = sighting.site.integrations.iter().filter(|known| known.name == *owner);
        owners.for_each(|owner| owner.secret_exposed(secret, now.wall));
        let told = (sighting.integration.name.clone(), owner.clone(), secret.clone(), hit.region);
        if !self.told.entry(told).or_insert(()).is_fresh() {
            return;
        }
        let place = hit.place();
        tracing::error!(
            request_id = %sighting.request_id, integration = %sighting.integration.name, of = %owner, secret_id = %secret,
            place, form = form.code(), "a delivery carries one of our own secrets: rotate it"
        );
        sighting.site.shared.auditor.note(now.wall, note(sighting, hit, *form, place));
    }
}

fn note(sighting: &Sighting, hit: &Hit<'_>, form: Form, place: String) -> Note {
    Note::Exposure {
        request: sighting.request_id,
        integration: sighting.integration.name.clone(),
        owner: hit.needle.integration.clone(),
        secret_id: hit.needle.secret.clone(),
        place,
        form: form.code(),
    }
}

impl Hit<'_> {
    fn place(&self) -> String {
        match (self.region, &self.header) {
            (Region::Header, Some(name)) => format!("header {name}"),
            (Region::Header, None) => "header".to_owned(),
            (Region::Query, _) => "query".to_owned(),
            (Region::Body, _) => "body".to_owned(),
        }
    }
}

/// Each secret at most once for each region.
fn hits(sighting: &Sighting) -> Vec<Hit<'_>> {
    let mut hits: Vec<Hit<'_>> = Vec::new();
    let Sighting { site, integration, received, .. } = sighting;
    let scheme = &integration.scheme;
    let shows = |name: &str| scheme.is_unsigned() && scheme.signature.headers().any(|(shown, _)| shown.as_str() == name);
    let is_expected = |needle: &Needle| scheme.is_unsigned() && needle.integration == integration.name;
    let mut note = |needle, region, header: Option<&str>| {
        let known = |hit: &Hit<'_>| hit.region == region && same_secret(hit.needle, needle);
        if !is_expected(needle) && !hits.iter().any(known) {
            hits.push(Hit { needle, region, header: header.map(str::to_owned) });
        }
    };
    for (name, value) in received.head.headers.iter().filter(|(name, _)| !shows(name.as_str())) {
        site.needles.find(value.as_bytes(), |needle| note(needle, Region::Header, Some(name.as_str())));
    }
    let query = received.head.query().unwrap_or_default();
    site.needles.find(query.as_bytes(), |needle| note(needle, Region::Query, None));
    site.needles.find(&received.body.contiguous(), |needle| note(needle, Region::Body, None));
    hits
}

fn same_secret(one: &Needle, other: &Needle) -> bool {
    (&one.integration, &one.secret) == (&other.integration, &other.secret)
}
