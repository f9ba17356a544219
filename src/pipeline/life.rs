//! The life of a request, from its head to its answer. Nothing else knows this order.
//!
//! 1. plaintext, strict head, draining, route, switch;
//! 2. admit: allow-list, budget of the source, method;
//! 3. the unsigned handshake, answered here;
//! 4. scheme headers: present, once, well formed; the budget of failures;
//! 5. declared length, body;
//! 6. signature, then the window;
//! 7. the signed handshake, answered here;
//! 8. event scope.
//!
//! From here on the delivery runs in a task of its own: a sender that hangs up changes nothing.
//!
//! 9. claim, the integration's budget, forward;
//! 10. settle, release or lapse; the answer; the record.
//!
//! The connection closes with a refusal unless the delivery was verified: until then nobody has proven that the rest of the
//! connection is worth reading.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body::Body;

use crate::domain::head::{Head, Received};
use crate::domain::reason::Reason;
use crate::gate::admit::failures::{self, FailureVerdict};
use crate::gate::admit::gate::{Admitted, admit};
use crate::gate::forward::error::{Exposure, ForwardError};
use crate::gate::forward::gate::{Facts, Forwarded, forward};
use crate::gate::intake::gate::{Holding, IntakeTerms, declared, receive};
use crate::gate::pace::gate::pace;
use crate::gate::replay::gate::claim;
use crate::gate::replay::settlement::{Outcome, Settlement};
use crate::gate::scope::gate::{Scoped, scope};
use crate::gate::verify::gate::{Judging, Verified, verify};
use crate::gate::verify::presented::present;
use crate::listen::context::{Entry, RequestContext};
use crate::pipeline::answer::{Answer, is_acknowledged};
use crate::pipeline::attempt::Attempt;
use crate::pipeline::integration::Integration;
use crate::pipeline::site::Site;
use crate::pipeline::stop::Stop;
use crate::provider::handshake::{self, Reply};

/// What a request is once it passed every gate that needs no store.
enum Passed {
    /// A challenge, and its answer.
    Handshake(Reply),
    /// A delivery to be claimed and forwarded.
    Delivery(Box<Delivery>),
}

/// A verified delivery in scope, and what it holds until its end.
struct Delivery {
    integration: Arc<Integration>,
    scoped: Scoped,
    facts: Facts,
    /// Its body's part of the budget: held until the delivery's end, not the connection's.
    _holding: Holding,
}

/// Lives a request's life on a worker. Always answers.
pub async fn live<B>(site: Arc<Site>, worker: usize, request: Request<B>, context: RequestContext) -> Answer
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: std::error::Error,
{
    let (parts, body) = request.into_parts();
    let mut attempt = Attempt::open(&site, &context, &parts.method, parts.uri.path());
    match judge(&site, &mut attempt, &context, parts, body).await {
        Err((stop, integration)) => refuse(attempt, integration.as_deref(), &stop),
        Ok(Passed::Handshake(reply)) => shake(attempt, reply),
        Ok(Passed::Delivery(delivery)) => {
            let id = attempt.request_id();
            let task = site.shared.deliveries.spawn(deliver(Arc::clone(&site), worker, attempt, *delivery));
            // A task that broke has written its record as it was dropped; the delivery's claim lapses by itself.
            task.await.unwrap_or_else(|_| Answer::refusal(Reason::Overloaded, id, &Stop::Draining.terms()))
        }
    }
}
