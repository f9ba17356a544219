//! One request's record, from its head to the end of its life.
//!
//! Invariant: exactly one record and one count for each attempt. It is opened when the head is read, travels with the
//! delivery (into the delivery's own task too), and is written where the life ends. An attempt that is dropped unfinished,
//! because its sender went away or its task broke, writes its record as it is dropped.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;

use crate::audit::auditor::Place;
use crate::audit::error::AuditUnavailable;
use crate::audit::record::RequestRecord;
use crate::domain::body::RawBody;
use crate::domain::name::SecretId;
use crate::domain::reason::{Decision, Reason};
use crate::domain::request_id::RequestId;
use crate::domain::time::{Monotonic, Now};
use crate::domain::trace::TraceContext;
use crate::gate::verify::gate::{Unverified, Verified};
use crate::inventory::life::Sight;
use crate::listen::context::RequestContext;
use crate::pipeline::answer::is_acknowledged;
use crate::pipeline::integration::Integration;
use crate::pipeline::site::Site;
use crate::pipeline::telling::Telling;

/// A request on its way, and what is known of it so far.
pub(crate) struct Attempt {
    site: Arc<Site>,
    began: Now,
    request_id: RequestId,
    /// Until it is handed over. Boxed: it goes from here through the audit log's queue as it is.
    record: Option<Box<RequestRecord>>,
    integration: Option<Arc<Integration>>,
    /// Reserved once the request is verified: from then on its record can neither be folded nor lost.
    place: Option<Place>,
    /// What is told besides the record, where anybody listens.
    telling: Option<Box<Telling>>,
}

impl Attempt {
    /// Opens the record of a request whose head was read.
    pub(crate) fn open(site: &Arc<Site>, context: &RequestContext, parts: &Parts) -> Self {
        let began = site.shared.clock.now();
        site.shared.inflight.began();
        let request_id = RequestId::new(began.wall);
        let record = RequestRecord {
            at: began.wall,
            request_id,
            listener: context.listener.clone(),
            integration: None,
            provider: None,
            peer: context.peer,
            source: context.source(),
            // A request with a fault is a stand-in: its method and path were not sent by anybody.
            method: context.fault.is_none().then(|| parts.method.clone()),
            path: context.fault.is_none().then(|| parts.uri.path().to_owned()),
            event: None,
            event_signed: None,
            delivery_id: None,
            secret_id: None,
            signed_at: None,
            body_bytes: None,
            body_sha256: None,
            // What stands here if the sender goes away before its body is in.
            reason: Reason::MalformedRequest,
            status: 400,
            upstream_status: None,
            tls: context.tls.as_ref().map(|tls| tls.version),
            latency_us: 0,
            verify_us: None,
            upstream_us: None,
            replay_blind: false,
        };
        let listener = site.shared.outbox.as_ref();
        let telling = listener.map(|outbox| Box::new(Telling::open(outbox, context, &parts.headers, request_id)));
        let (record, integration, place) = (Some(Box::new(record)), None, None);
        Self { site: Arc::clone(site), began, request_id, record, integration, place, telling }
    }

    /// When the head was read.
    pub(crate) const fn began(&self) -> Now {
        self.began
    }

    /// Its place in a trace, where the upstream is to know of it.
    pub(crate) fn trace(&self) -> Option<&TraceContext> {
        self.telling.as_ref().and_then(|telling| telling.trace())
    }

    /// The request's name.
    pub(crate) const fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// Whether the integration wants this refusal to look like a success.
    pub(crate) fn is_acknowledged(&self, reason: Reason) -> bool {
        let wanted = |integration: &Arc<Integration>| is_acknowledged(reason, integration.on_replay, integration.on_event_denied);
        self.integration.as_ref().is_some_and(wanted)
    }

    fn note(&mut self, change: impl FnOnce(&mut RequestRecord)) {
        if let Some(record) = &mut self.record {
            change(record);
        }
    }

    /// Notes which integration the request is for.
    pub(crate) fn routed(&mut self, integration: &Arc<Integration>) {
        self.note(|record| {
            record.integration = Some(integration.name.clone());
            record.provider = Some(integration.scheme.name.clone());
        });
        self.integration = Some(Arc::clone(integration));
    }

    /// Notes how long the body is.
    pub(crate) fn received(&mut self, body: &RawBody) {
        self.note(|record| record.body_bytes = u64::try_from(body.len()).ok());
    }

    /// Notes how long the judgement took, whatever it said.
    pub(crate) fn judged(&mut self, since: Monotonic, until: Monotonic) {
        let took = until.since(since);
        self.note(|record| record.verify_us = Some(micros(took)));
        if let Some(integration) = &self.integration {
            integration.provider_metrics.verification_took(took);
        }
    }

    /// Notes what a verified delivery says of itself.
    pub(crate) fn verified(&mut self, verified: &Verified) {
        self.note(|record| {
            record.event = verified.event().map(|field| field.text.clone());
            record.event_signed = verified.event().map(|field| field.signed);
            record.delivery_id = verified.delivery_id().map(|field| field.text.clone());
            record.secret_id = Some(verified.secret_id().clone());
            record.signed_at = verified.signed_at();
            record.body_sha256 = Some(*verified.body_sha256());
        });
        if let Some(integration) = &self.integration {
            integration.secret_used(verified.secret_id(), self.began.wall);
        }
    }

    /// Notes which secret the request hands over.
    pub(crate) fn taken(&mut self, secret: &SecretId) {
        self.note(|record| record.secret_id = Some(secret.clone()));
    }

    /// Notes what is known of a request that is refused for its signature, time or claims: what it says of itself is not.
    pub(crate) fn unverified(&mut self, unverified: &Unverified) {
        self.note(|record| (record.signed_at, record.body_sha256) = (unverified.signed_at, unverified.body_sha256));
    }

    /// Reserves the place of the record, without which nothing is forwarded.
    pub(crate) fn reserve(&mut self) -> Result<(), AuditUnavailable> {
        self.place = Some(self.site.shared.auditor.reserve()?);
        // Should the delivery's task break from here on, this is what is true.
        self.note(|record| (record.reason, record.status) = (Reason::Overloaded, 503));
        Ok(())
    }

    /// Notes that the store could not know whether the delivery is new.
    pub(crate) fn blind(&mut self) {
        self.note(|record| record.replay_blind = true);
        self.site.shared.metrics.count_replay_blind();
    }

    /// Notes what the upstream did.
    pub(crate) fn upstream(&mut self, status: Option<u16>, took: Duration) {
        self.note(|record| (record.upstream_status, record.upstream_us) = (status, Some(micros(took))));
        if let Some(integration) = &self.integration {
            integration.metrics.upstream_took(took);
            if let Some(telling) = &mut self.telling {
                let since = self.site.shared.clock.now().monotonic.since(self.began.monotonic);
                telling.upstream(integration, status, took, since);
            }
        }
    }

    /// Ends the life: counts it and writes its record.
    pub(crate) fn finish(mut self, reason: Reason, status: u16) {
        self.note(|record| (record.reason, record.status) = (reason, status));
        self.end();
    }

    /// The first time; an attempt that has ended has no record any more.
    fn end(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        let shared = &self.site.shared;
        let now = shared.clock.now();
        let latency = now.monotonic.since(self.began.monotonic);
        record.latency_us = micros(latency);
        let requests = self.integration.as_ref().map_or(&shared.unrouted, |integration| &integration.metrics.requests);
        requests.count(record.reason);
        requests.took(latency);
        let decision = record.reason.decision();
        if let (Decision::Accepted, Some(integration)) = (decision, &self.integration) {
            integration.metrics.accepted_at(now.wall);
        }
        if let Some(telling) = self.telling.take() {
            telling.finish(&record, self.integration.as_deref());
        }
        if let Some(integration) = &self.integration {
            integration.track.see(&Sight {
                at: now.wall,
                reason: record.reason,
                source: record.source,
                secret: record.secret_id.as_ref(),
                event: record.event.as_deref(),
                upstream_status: record.upstream_status,
            });
        }
        match self.place.take() {
            Some(place) => place.write(record),
            // A handshake is an acceptance: it is never folded.
            None => shared.auditor.refused(record, decision == Decision::Refused, now.monotonic),
        }
        shared.inflight.ended();
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.end();
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
