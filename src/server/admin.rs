//! The admin listener: probes, metrics, inventory, and what an operator may change.
//!
//! 1. The probe listener has `/healthz`, `/readyz` and `/metrics` and nothing else, and no details.
//! 2. On an address that is not loopback every other call needs the token; without a token there is none.
//! 3. A call for anything but health and metrics must name us by an address or as localhost: a page in a browser that was
//!    pointed at us under another name gets nothing.
//! 4. Whatever changes something needs the token on every address, JSON, and no foreign origin.
//! 5. Nothing here shows a secret, a configuration value or the environment.

mod access;
mod change;
mod command;
mod connection;
mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body::Body;

pub(crate) use self::access::Access;
pub(crate) use self::connection::serve;
use crate::domain::secret::SecretBytes;
use crate::pipeline::answer::Answer;
use crate::pipeline::site::Site;
use crate::server::observe::Observed;
use crate::server::reload::Reloads;

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

    /// Answers one call.
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
            "/metrics" => only_get(method, || self.metrics()),
            "/" if !is_probe => self.guarded(headers, || only_get(method, || self.page())),
            "/api/v1/integrations" if !is_probe => self.guarded(headers, || only_get(method, || self.integrations())),
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    /// The host first, so that a foreign page cannot even learn whether a token would help.
    fn guarded(&self, headers: &HeaderMap, answer: impl FnOnce() -> Answer) -> Answer {
        if !access::names_us(headers) {
            return foreign_host();
        }
        if !self.may_look(headers) {
            return token_needed();
        }
        answer()
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

    fn page(&self) -> Answer {
        page::status(&self.observed.readiness(), &self.observed.inventory())
    }

    fn integrations(&self) -> Answer {
        json(StatusCode::OK, &self.observed.inventory())
    }
}

fn foreign_host() -> Answer {
    text(StatusCode::FORBIDDEN, "the Host header must be an address or localhost\n")
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
}
