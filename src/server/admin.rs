//! The admin listener: probes, metrics, inventory.
//!
//! 1. The probe listener has `/healthz`, `/readyz` and `/metrics` and nothing else.
//! 2. On an address that is not loopback every other call needs the token; without a token there is none.
//! 3. A call under `/api` must name us by an address or as localhost: a page in a browser that was pointed at us under another
//!    name gets nothing.
//! 4. Nothing here shows a secret, a configuration value or the environment.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use subtle::ConstantTimeEq as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::domain::secret::SecretBytes;
use crate::pipeline::answer::Answer;
use crate::server::observe::Observed;

/// How many admin connections are served at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 64;
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// What an admin listener answers with.
pub(crate) struct Admin {
    observed: Arc<Observed>,
    access: Access,
}

/// Who may ask what.
pub(crate) enum Access {
    /// Probes and metrics only.
    Probes,
    /// Everything, to whoever can reach a loopback address.
    Loopback,
    /// Everything but the probes needs the token; `None` lets nobody in.
    Token(Option<SecretBytes>),
}

impl Admin {
    pub(crate) const fn new(observed: Arc<Observed>, access: Access) -> Self {
        Self { observed, access }
    }

    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Answer {
        match path {
            "/healthz" => only_get(method, || text(StatusCode::OK, "alive\n")),
            "/readyz" => only_get(method, || self.readiness()),
            "/metrics" => only_get(method, || self.metrics()),
            "/api/v1/integrations" if !self.is_probe() => self.guarded(headers, || only_get(method, || self.integrations())),
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    const fn is_probe(&self) -> bool {
        matches!(self.access, Access::Probes)
    }

    /// The host first, so that a foreign page cannot even learn whether a token would help.
    fn guarded(&self, headers: &HeaderMap, answer: impl FnOnce() -> Answer) -> Answer {
        if !names_us(headers) {
            return text(StatusCode::FORBIDDEN, "the Host header must be an address or localhost\n");
        }
        if !self.is_allowed(headers) {
            return text(StatusCode::UNAUTHORIZED, "a token is needed\n")
                .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer()
    }

    fn is_allowed(&self, headers: &HeaderMap) -> bool {
        match &self.access {
            Access::Probes => false,
            Access::Loopback => true,
            Access::Token(token) => token.as_ref().is_some_and(|token| presents(headers, token)),
        }
    }

    fn readiness(&self) -> Answer {
        let readiness = self.observed.readiness();
        let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        json(status, &readiness)
    }

    fn metrics(&self) -> Answer {
        let mut answer = text(StatusCode::OK, "");
        answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static(crate::telemetry::metrics::CONTENT_TYPE));
        Answer { body: self.observed.metrics().into(), ..answer }
    }

    fn integrations(&self) -> Answer {
        json(StatusCode::OK, &self.observed.inventory())
    }
}

/// Whether the bearer token is the one. Compared in constant time; the length is no secret.
fn presents(headers: &HeaderMap, token: &SecretBytes) -> bool {
    let presented = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    presented.is_some_and(|presented| bool::from(presented.ct_eq(token.expose())))
}

/// Whether the host is an address or localhost: no name that somebody else's DNS could point at us.
fn names_us(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<http::uri::Authority>().ok()) else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
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

/// Serves an admin listener until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, admin: Arc<Admin>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let admin = Arc::clone(&admin);
                tokio::spawn(async move {
                    let _place = place;
                    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, serve_connection(stream, admin)).await;
                });
            }
            // Out of descriptors: wait for some to be closed rather than spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, admin: Arc<Admin>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = admin.answer(request.method(), request.uri().path(), request.headers());
        async move { Ok::<Response<Full<Bytes>>, Infallible>(answer.into_response()) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(16 * 1024);
    // An error here is the peer's own connection ending; there is nobody left to tell.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&'static str, &'static str)| (http::HeaderName::from_static(name), HeaderValue::from_static(value));
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_an_address_or_localhost_names_us() {
        for good in ["127.0.0.1:9901", "localhost", "LOCALHOST:1", "[::1]:9901", "10.0.0.7"] {
            assert!(names_us(&headers(&[("host", good)])), "{good}");
        }
        for bad in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a@localhost@b", ""] {
            assert!(!names_us(&headers(&[("host", bad)])), "{bad}");
        }
        assert!(!names_us(&HeaderMap::new()));
    }

    #[test]
    fn the_token_must_be_exact() {
        let token = SecretBytes::new(b"s3cret".to_vec());
        assert!(presents(&headers(&[("authorization", "Bearer s3cret")]), &token));
        for bad in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "s3cret", "bearer s3cret", "Basic s3cret"] {
            assert!(!presents(&headers(&[("authorization", bad)]), &token), "{bad}");
        }
    }
}
