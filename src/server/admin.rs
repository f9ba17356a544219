//! The admin listener: probes, metrics, inventory, and what an operator may change.
//!
//! 1. The probe listener has `/healthz`, `/readyz` and `/metrics` and nothing else, and no details.
//! 2. On an address that is not loopback every other call needs the token; without a token there is none.
//! 3. On a loopback address and on every call for more than health and metrics, the call must name us by an address or as
//!    localhost: a page in a browser that was pointed at us under another name gets nothing.
//! 4. What a browser asks for on behalf of another site's page gets no data, and takes no place among those that listen.
//! 5. Whatever changes something needs the token on every address, JSON, and no foreign origin.
//! 6. Nothing here shows a secret, a configuration value or the environment. What others wrote is text, wherever it is shown.

mod access;
mod arm;
mod change;
mod command;
mod connection;
mod events;
mod page;
mod spark;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;

pub(crate) use self::access::Access;
pub(crate) use self::connection::{AdminSocket, serve};
use self::events::AdminBody;
use crate::domain::secret::SecretBytes;
use crate::pipeline::answer::Answer;
use crate::pipeline::site::Site;
use crate::server::live::hub::Hub;
use crate::server::live::picture;
use crate::server::observe::Observed;
use crate::server::reload::Reloads;

/// Where the stream of what changes is.
const EVENTS: &str = "/api/v1/events";
/// No page but ours may load anything from here.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What an admin listener answers with.
pub(crate) struct Admin {
    observed: Arc<Observed>,
    controls: Arc<Controls>,
    access: Access,
}

/// What can be changed through it.
pub(crate) struct Controls {
    /// The switches, the store and the names that exist.
    pub(crate) site: Arc<ArcSwap<Site>>,
    /// The way to reload.
    pub(crate) reloads: Reloads,
    /// What proves an operator.
    pub(crate) token: Arc<ArcSwapOption<SecretBytes>>,
}

impl Admin {
    pub(crate) const fn new(observed: Arc<Observed>, controls: Arc<Controls>, access: Access) -> Self {
        Self { observed, controls, access }
    }

    /// Answers one call; `streaming` is told whether its connection must live on for the answer.
    async fn respond<B>(&self, request: Request<B>, streaming: &Arc<AtomicBool>) -> Response<AdminBody>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Send,
    {
        let is_stream = request.uri().path() == EVENTS && request.method() == Method::GET && self.access != Access::Probes;
        if !is_stream {
            return events::plain(self.answer(request).await);
        }
        match self.refusal_of_data(request.headers()) {
            Some(refusal) => events::plain(refusal),
            None => events::stream(self.hub(), streaming),
        }
    }

    /// Answers one call that has a whole answer.
    async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Send,
    {
        let (parts, body) = request.into_parts();
        if self.access != Access::Probes && change::is_change(parts.uri.path()) {
            return self.change(&parts, body).await;
        }
        self.show(&parts.method, parts.uri.path(), &parts.headers)
    }

    fn show(&self, method: &Method, path: &str, headers: &HeaderMap) -> Answer {
        let is_probe = self.access == Access::Probes;
        match path {
            "/healthz" => only_get(method, || text(StatusCode::OK, "alive\n")),
            "/readyz" => only_get(method, || self.readiness(headers)),
            "/metrics" if self.access == Access::Loopback && !access::names_us(headers) => foreign_host(),
            "/metrics" => only_get(method, || self.metrics()),
            "/api/v1/integrations" if !is_probe => {
                self.refusal_of_data(headers).unwrap_or_else(|| only_get(method, || self.integrations()))
            }
            "/api/v1/replicas" if !is_probe => {
                self.refusal_of_data(headers).unwrap_or_else(|| only_get(method, || self.replicas()))
            }
            EVENTS if !is_probe => self.refusal_of_data(headers).unwrap_or_else(|| only_get(method, || text(StatusCode::OK, ""))),
            path if !is_probe => match page::part(path) {
                Some(part) => self.refusal(headers).unwrap_or_else(|| only_get(method, || self.part(part))),
                None => text(StatusCode::NOT_FOUND, "not found\n"),
            },
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    /// Why this caller may not look. The host first, so that a foreign page cannot even learn whether a token would help.
    fn refusal(&self, headers: &HeaderMap) -> Option<Answer> {
        if !access::names_us(headers) {
            return Some(foreign_host());
        }
        (!self.may_look(headers)).then(token_needed)
    }

    /// The same for what is no page to be opened from a link, but data for a page of ours.
    fn refusal_of_data(&self, headers: &HeaderMap) -> Option<Answer> {
        let foreign = || (!access::is_from_no_other_site(headers)).then(foreign_page);
        self.refusal(headers).or_else(foreign)
    }

    fn may_look(&self, headers: &HeaderMap) -> bool {
        match self.access {
            Access::Probes => false,
            Access::Loopback => true,
            Access::Token => self.controls.token.load().as_ref().is_some_and(|token| access::presents(headers, token)),
        }
    }

    fn readiness(&self, headers: &HeaderMap) -> Answer {
        let readiness = self.observed.readiness();
        let readiness = if access::names_us(headers) && self.may_look(headers) { readiness } else { readiness.without_details() };
        let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        json(status, &readiness)
    }

    fn metrics(&self) -> Answer {
        let mut answer = text(StatusCode::OK, "");
        answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static(crate::telemetry::metrics::CONTENT_TYPE));
        Answer { body: self.observed.metrics().into(), ..answer }
    }

    fn part(&self, part: page::Part) -> Answer {
        match part {
            page::Part::File(file) => page::file(file),
            page::Part::Page => {
                let (observed, hub) = (&self.observed, self.hub());
                let (frame, items) = (picture::Frame::of(observed, hub.can_change()), hub.items(observed));
                page::status(&frame, &items, &observed.site().shared.auditor.recent().after(0))
            }
        }
    }

    /// The hub, told what this listener knows.
    fn hub(&self) -> &Hub {
        let hub = self.observed.hub();
        hub.allow_changes(self.controls.token.load().is_some());
        hub
    }

    fn integrations(&self) -> Answer {
        json(StatusCode::OK, &self.observed.inventory())
    }

    /// Everybody who shares the store; an empty list where nobody can.
    fn replicas(&self) -> Answer {
        json(StatusCode::OK, &self.observed.replicas().map(|replicas| replicas.peers()).unwrap_or_default())
    }
}

fn foreign_host() -> Answer {
    text(StatusCode::FORBIDDEN, "the Host header must be an address or localhost\n")
}

fn foreign_page() -> Answer {
    text(StatusCode::FORBIDDEN, "the call comes from another site's page\n")
}

fn token_needed() -> Answer {
    text(StatusCode::UNAUTHORIZED, "the admin token is needed\n").with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

fn only_get(method: &Method, answer: impl FnOnce() -> Answer) -> Answer {
    if matches!(*method, Method::GET | Method::HEAD) {
        return answer();
    }
    text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n").with(ALLOW, HeaderValue::from_static("GET"))
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    guard_headers(Answer::new(status, body), "text/plain; charset=utf-8")
}

fn json(status: StatusCode, value: &impl serde::Serialize) -> Answer {
    let body = serde_json::to_vec_pretty(value).unwrap_or_default();
    guard_headers(Answer::new(status, body), "application/json")
}

fn guard_headers(answer: Answer, content_type: &'static str) -> Answer {
    answer
        .with(CONTENT_TYPE, HeaderValue::from_static(content_type))
        .with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .with(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
        .with(RESOURCE_POLICY, HeaderValue::from_static("same-origin"))
}
