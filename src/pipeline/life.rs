//! The life of a request, from its head to its answer. Nothing else knows this order.
//!
//! 1. plaintext, strict head, draining, route, switch;
//! 2. admit: allow-list, budget of the source, method;
//! 3. the unsigned handshake, answered here; what is none must have a delivery's method; a secret that is handed over and waited for;
//! 4. scheme headers: present, once, well formed; the budget of failures;
//! 5. declared length, body; a certificate that it names is waited for;
//! 6. signature, then the window;
//! 7. the signed handshake, answered here; a subscription that is to be confirmed, which is done before the answer;
//! 8. event scope.
//!
//! From here on the delivery outlives whoever waits for it: a sender that hangs up changes nothing.
//!
//! 9. claim, the integration's budget, forward;
//! 10. settle, release or lapse; the answer; the record.
//!
//! The connection closes with a refusal before or during the body. After it, it stays: opening another would cost us more than
//! reading on, and a stranger nothing.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body::Body;

use crate::domain::address::Source;
use crate::domain::head::Head;
use crate::domain::reason::Reason;
use crate::domain::time::Now;
use crate::gate::admit::error::AdmitError;
use crate::gate::admit::failures::{self, FailureVerdict};
use crate::gate::admit::gate::{Admitted, admit};
use crate::gate::forward::error::{Exposure, ForwardError};
use crate::gate::forward::gate::{Arrival, Forwarded, forward};
use crate::gate::intake::gate::{Holding, Terms as IntakeTerms};
use crate::gate::pace::gate::pace;
use crate::gate::replay::gate::claim;
use crate::gate::replay::settlement::{Outcome, Settlement};
use crate::gate::scope::gate::{Scoped, scope};
use crate::gate::verify::gate::{Judging, Verified, judge as judge_signature};
use crate::gate::verify::presented::present;
use crate::listen::context::{Origin, RequestContext};
use crate::pipeline::answer::{Answer, Terms};
use crate::pipeline::attempt::Attempt;
use crate::pipeline::certificates::Named;
use crate::pipeline::exposure::Sighting;
use crate::pipeline::handover::{self, Taken};
use crate::pipeline::integration::Integration;
use crate::pipeline::outliving::Outliving;
use crate::pipeline::settled::SettledDelivery;
use crate::pipeline::site::Site;
use crate::pipeline::stop::Stop;
use crate::provider::handshake::{self, Reply};
use crate::provider::scheme::Scheme;

/// What a request is once it passed every gate that needs no store.
enum Passed {
    /// A challenge, and its answer.
    Handshake(Reply),
    /// A secret that the provider handed over, and its answer.
    Taken(Taken),
    /// A delivery to be claimed and forwarded.
    Delivery(Box<Delivery>),
}

/// A verified delivery in scope, and what it holds until its end.
struct Delivery {
    integration: Arc<Integration>,
    scoped: Scoped,
    verified_at: Now,
    source: Source,
    tls: bool,
    /// Its body's part of the budget: held until the delivery's end, not the connection's.
    _holding: Holding,
}

/// Lives a request's life on a worker. Always answers.
pub async fn live<B>(site: Arc<Site>, worker: usize, request: Request<B>, context: RequestContext) -> Answer
where
    B: Body<Data = Bytes> + Send,
{
    let (parts, body) = request.into_parts();
    let mut attempt = Attempt::open(&site, &context, &parts);
    match judge(&site, &mut attempt, &context, parts, body).await {
        Err(stop) => refuse(attempt, &stop),
        Ok(Passed::Handshake(reply)) => shake_hands(attempt, reply),
        Ok(Passed::Taken(taken)) => taken.answer(attempt),
        Ok(Passed::Delivery(delivery)) => {
            let request_id = attempt.request_id();
            let delivered = Outliving::new(&site.shared.deliveries, deliver(Arc::clone(&site), worker, attempt, delivery));
            // One that broke has written its record as it was dropped; its claim lapses by itself.
            delivered.await.unwrap_or_else(|_| Answer::refusal(Reason::Overloaded, request_id, &Terms::default()))
        }
    }
}

/// Steps 1 to 8: everything that can be said without the store and the upstream.
async fn judge<B>(
    site: &Arc<Site>,
    attempt: &mut Attempt,
    context: &RequestContext,
    parts: Parts,
    body: B,
) -> Result<Passed, Stop>
where
    B: Body<Data = Bytes> + Send,
{
    let head = strict_head(context, parts)?;
    let integration = route(site, attempt, &head)?;
    let source = context.source();
    let admitted = admit(&integration.admission, &site.sources, source, &head.method, attempt.began())?;
    let mac = |value: &str| integration.keys.now().challenge_mac(value, site.shared.clock.now().wall);
    if let Some(reply) = handshake::unsigned(&integration.scheme, &head, &mac) {
        // Anyone can ask for this answer, so it takes no place that a delivery may need.
        return Ok(Passed::Handshake(reply));
    }
    require_delivery_method(&integration.scheme, &head.method)?;
    if let Some(offer) = handover::offer(site, &integration, &head, attempt.began().wall) {
        // In a box of its own, as what is fetched below: it is rare, and every request would be moved with the room for it.
        return Box::pin(offer.take(site, attempt, &integration, (source, head, body))).await.map(Passed::Taken);
    }
    let (verified, verified_at, holding) = prove(site, attempt, &integration, &admitted, head, body).await?;
    attempt.verified(&verified);
    attempt.reserve()?;
    if let Some(reply) = verified.handshake() {
        return Ok(Passed::Handshake(reply.clone()));
    }
    if let Some(url) = verified.confirmation() {
        Box::pin(site.shared.fetcher.get(url, site.shared.clock.now().monotonic)).await.map_err(Stop::Unconfirmed)?;
        return Ok(Passed::Handshake(Reply { status: 200, content_type: None, body: Vec::new(), header: None }));
    }
    let scoped = scope(&integration.events, verified)?;
    let tls = matches!(context.origin, Origin::Secure(_));
    Ok(Passed::Delivery(Box::new(Delivery { integration, scoped, verified_at, source, tls, _holding: holding })))
}

/// Step 1, before the route. The wire was judged where it was read; what it says of a stand-in is final.
fn strict_head(context: &RequestContext, parts: Parts) -> Result<Head, Stop> {
    if context.origin == Origin::Plaintext {
        return Err(Stop::Plaintext);
    }
    if let Some(fault) = context.fault {
        return Err(Stop::Wire(fault));
    }
    if context.origin == Origin::Malformed {
        return Err(Stop::Forwarded);
    }
    if parts.uri.authority().is_some() || parts.method == Method::CONNECT {
        return Err(Stop::Head);
    }
    Ok(Head { method: parts.method, target: parts.uri, headers: parts.headers })
}

/// Step 1, the route and its switch.
fn route(site: &Site, attempt: &mut Attempt, head: &Head) -> Result<Arc<Integration>, Stop> {
    if site.shared.ending.is_draining() {
        return Err(Stop::Draining);
    }
    let index = site.router.find(&head.headers, head.path()).ok_or(Stop::UnknownRoute)?;
    let integration = site.integrations.get(index).ok_or(Stop::UnknownRoute)?;
    attempt.routed(integration);
    if !integration.enabled {
        return Err(Stop::Disabled);
    }
    let now = attempt.began().wall;
    match integration.switch.off(now) {
        Some(off) => Err(Stop::SwitchedOff(off, now)),
        None => Ok(Arc::clone(integration)),
    }
}

/// Step 3, the other side: a method that only challenges have passes `admit`, and what is no challenge must not be forwarded
/// by it. Most schemes do not sign the method, so a capture could be sent by another one.
fn require_delivery_method(scheme: &Scheme, method: &Method) -> Result<(), Stop> {
    if scheme.methods.contains(method) {
        return Ok(());
    }
    let allow = scheme.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    Err(AdmitError::MethodNotAllowed { allow }.into())
}

/// Steps 4 to 6: the headers, the body, the signature and the window; each failure spends the budget of failures.
async fn prove<B>(
    site: &Arc<Site>,
    attempt: &mut Attempt,
    integration: &Integration,
    admitted: &Admitted,
    head: Head,
    body: B,
) -> Result<(Verified, Now, Holding), Stop>
where
    B: Body<Data = Bytes> + Send,
{
    let (sources, source) = (&site.sources, admitted.source());
    let terms = IntakeTerms { max_body_bytes: integration.max_body_bytes, source: source.limit_key() };
    let presented = match present(&integration.scheme, &head) {
        Ok(presented) => presented,
        Err(error) => {
            let verdict = failures::headerless(sources, source, &integration.name, attempt.began());
            return Err(unless_muted(verdict, false, Stop::Present(error)));
        }
    };
    let (received, mut holding) = site.intake.receive(terms, head, body).await?;
    attempt.received(&received.body);
    let named = if integration.keys.certificates().next().is_some() {
        // In a box: hardly any integration has some, and every request would hold the room for it.
        Box::pin(site.shared.certificates.find(integration, &received, source)).await
    } else {
        Named::Nothing
    };
    let presented = presented.under(named.certificate());
    // One instant for the whole judgement, taken once the body is in: a slow body must not stretch the window.
    let now = site.shared.clock.now();
    // A place among those verified on sufferance is held for the judgement only: one that was held for a slow body as well would
    // let a stranger behind the provider's address mute it with sixteen of them. The bodies themselves are bounded by intake.
    let trial = failures::enter(sources, source, &integration.name, now)?;
    let outcome = {
        let keys = integration.keys.now();
        let judging = Judging {
            integration: &integration.name,
            scheme: &integration.scheme,
            keys: &keys,
            tolerance: integration.tolerance,
        };
        judge_signature(&judging, presented, received, now.wall)
    };
    let judged_at = site.shared.clock.now();
    attempt.judged(now.monotonic, judged_at.monotonic);
    match outcome {
        Ok(verified) => {
            trial.passed();
            site.shared.certificates.proved(integration, &named, verified.secret_id());
            holding.verified();
            Ok((verified, judged_at, holding))
        }
        Err(unverified) => {
            attempt.unverified(&unverified);
            let stop = named.missing(&unverified.error).map_or_else(|| Stop::Verify(unverified.error), Stop::Certificate);
            Err(unless_muted(trial.failed(now), true, stop))
        }
    }
}

/// A failure's own answer while the source may still fail, else only when to come again.
fn unless_muted(verdict: FailureVerdict, body_was_read: bool, failure: Stop) -> Stop {
    match verdict {
        FailureVerdict::Spent => failure,
        FailureVerdict::Empty { retry_after } => Stop::Muted { retry_after, body_was_read },
    }
}

/// Steps 9 and 10, to their end, whoever hangs up meanwhile.
async fn deliver(site: Arc<Site>, worker: usize, mut attempt: Attempt, delivery: Box<Delivery>) -> Answer {
    match carry(&site, worker, &mut attempt, delivery).await {
        Err(stop) => refuse(attempt, &stop),
        Ok(forwarded) => {
            let reason = if forwarded.is_success() { Reason::Delivered } else { Reason::UpstreamRejected };
            let (status, headers, body) = forwarded.into_answer();
            attempt.finish(reason, status.as_u16());
            Answer { status, headers, body }
        }
    }
}

/// Claim, pace, forward, settle.
async fn carry(site: &Arc<Site>, worker: usize, attempt: &mut Attempt, delivery: Box<Delivery>) -> Result<Forwarded, Stop> {
    let Delivery { integration, scoped, verified_at, source, tls, _holding } = *delivery;
    let clock = &site.shared.clock;
    // The delivery was verified a moment ago: nothing was waited for since.
    let claimed = claim(&integration.replay, scoped, verified_at).await.map_err(|unclaimed| unclaimed.error())?;
    if claimed.is_blind() {
        attempt.blind();
    }
    let sent_at = clock.now();
    let paced = pace(&integration.pace, claimed, sent_at).await.map_err(|unpaced| unpaced.error())?;
    let arrival = Arrival {
        integration: &integration.name,
        provider: &integration.scheme.name,
        request_id: attempt.request_id(),
        verified_at: verified_at.wall,
        sent_at,
        source,
        tls,
        trace: attempt.trace(),
    };
    let outcome = forward(integration.pool(worker), &paced, &arrival).await;
    let ended = outcome.as_ref().map_or_else(|_| clock.now(), Forwarded::answered_at);
    let status = outcome.as_ref().ok().map(|forwarded| forwarded.status().as_u16());
    attempt.upstream(status, ended.monotonic.since(sent_at.monotonic));
    let settlement = Settlement::from(fate(&outcome));
    let (identity, name) = (*paced.claimed().identity(), integration.name.clone());
    let (scoped, settled) = paced.into_claimed().settle(settlement, ended).await;
    let received = scoped.into_verified().into_received();
    site.shared.lookout.offer(Sighting { site: Arc::clone(site), integration, request_id: attempt.request_id(), received });
    if settlement == Settlement::Settle {
        // A 2xx is passed on only once its settlement is safe; else the provider must come again.
        settled?;
        let delivery = SettledDelivery { integration: name, identity };
        site.shared.settled.note(attempt.request_id(), delivery);
    }
    Ok(outcome?)
}

/// What forwarding means for the claim.
fn fate(outcome: &Result<Forwarded, ForwardError>) -> Outcome {
    match outcome {
        Ok(forwarded) if forwarded.is_success() => Outcome::CompletedSuccess,
        Ok(_) => Outcome::CompletedOther,
        Err(error) => match error.exposure() {
            Exposure::NeverSent => Outcome::NeverSent,
            Exposure::Unknown => Outcome::Unknown,
        },
    }
}

/// Ends a refused request: its record, and what the sender is told.
fn refuse(attempt: Attempt, stop: &Stop) -> Answer {
    let reason = stop.reason();
    let answer = if attempt.is_acknowledged(reason) {
        Answer::acknowledgement(reason)
    } else {
        Answer::refusal(reason, attempt.request_id(), &stop.terms())
    };
    tracing::debug!(request_id = %attempt.request_id(), reason = reason.code(), detail = %stop, "refused");
    attempt.finish(reason, answer.status.as_u16());
    answer
}

/// Ends a handshake. Its answer may repeat text of the request, so nobody may guess at its type.
fn shake_hands(attempt: Attempt, reply: Reply) -> Answer {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    attempt.finish(Reason::Handshake, status.as_u16());
    let answer = Answer::new(status, reply.body).with(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let answer = match reply.header.and_then(|(name, text)| Some((name, HeaderValue::from_str(&text).ok()?))) {
        Some((name, value)) => answer.with(name, value),
        None => answer,
    };
    match reply.content_type.and_then(|text| HeaderValue::from_str(&text).ok()) {
        Some(content_type) => answer.with(CONTENT_TYPE, content_type),
        None => answer,
    }
}
