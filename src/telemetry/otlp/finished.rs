//! What is known of a request that ended, in words of the domain. pure

use std::sync::Arc;

use crate::domain::address::Source;
use crate::domain::name::{IntegrationName, ProviderName};
use crate::domain::reason::Reason;
use crate::domain::request_id::RequestId;
use crate::domain::time::UnixTime;
use crate::domain::trace::TraceContext;

/// One request, from its head to its answer.
#[derive(Clone, Debug)]
pub struct FinishedRequest {
    /// Where it stands in a trace.
    pub trace: TraceContext,
    /// Its name.
    pub request_id: RequestId,
    /// When its head was read.
    pub at: UnixTime,
    /// From its head to its answer.
    pub latency_us: u64,
    /// A method that HTTP knows, or `_OTHER`.
    pub method: &'static str,
    /// Whether it came over TLS, as far as anybody can know.
    pub tls: bool,
    /// Where it came from.
    pub source: Source,
    /// What it was for.
    pub integration: Option<(IntegrationName, ProviderName, Arc<str>)>,
    /// Why it ended.
    pub reason: Reason,
    /// What the sender was answered.
    pub status: u16,
    /// The exchange with the upstream, if there was one.
    pub exchange: Option<Exchange>,
}

/// One exchange with an upstream.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When it began, after the head was read.
    pub after_us: u64,
    /// How long it took.
    pub took_us: u64,
    /// What the upstream answered, if it did.
    pub status: Option<u16>,
    /// Whose it is: the authority of the target.
    pub authority: Arc<str>,
}

/// The method as the semantic conventions have it: no text of a stranger.
#[must_use]
pub(super) fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

impl FinishedRequest {
    /// The method as the semantic conventions have it: no text of a stranger.
    #[must_use]
    pub fn known_method(method: Option<&str>) -> &'static str {
        known_method(method.unwrap_or_default())
    }

    pub(super) const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    pub(super) fn route(&self) -> Option<&str> {
        self.integration.as_ref().map(|(_, _, route)| route.as_ref())
    }

    /// What the conventions call an error of a server: its own failure, not a refusal.
    pub(super) const fn is_error(&self) -> bool {
        self.status >= 500
    }
}
