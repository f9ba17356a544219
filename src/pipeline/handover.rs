//! A secret that the provider hands over itself: taken where an operator waits for it, else a request without a signature.
//!
//! 1. An offer is a POST with the header that the scheme names, once, and with none of its signatures' headers.
//! 2. Its value is 16 to 256 visible ASCII characters, and a key of the scheme; its body is empty or small, and means nothing.
//! 3. What is no such offer, or comes when nobody waits, goes on as the request without a signature that it is. It is told.
//! 4. The answer is 200 with the header as it came, and is given only when the secret is on disk and in force.
//! 5. The gates before it stand as for any delivery: plaintext, switch, allow-list, budget of the source, method.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::Body;

use crate::domain::address::Source;
use crate::domain::head::{Head, Single};
use crate::domain::reason::Reason;
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;
use crate::gate::intake::gate::Terms as IntakeTerms;
use crate::pipeline::answer::Answer;
use crate::pipeline::attempt::Attempt;
use crate::pipeline::integration::Integration;
use crate::pipeline::site::Site;
use crate::pipeline::stop::Stop;
use crate::secrets::handover::Taking;

/// The largest body of an offer: providers send none, or a few members.
const BODY_BYTES_MAX: u64 = 4096;
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 16..=256;

/// An offer that somebody waits for.
pub(crate) struct Offer {
    taking: Taking,
    header: HeaderName,
    value: HeaderValue,
}

/// A secret that was taken, to be shown to whoever handed it over.
pub(crate) struct Taken {
    header: HeaderName,
    value: HeaderValue,
}

/// The offer that a head makes, if it is one and somebody waits for it.
pub(crate) fn offer(site: &Site, integration: &Integration, head: &Head, now: UnixTime) -> Option<Offer> {
    let rule = &integration.scheme.signature;
    let header = rule.secret_header.as_ref().filter(|name| head.headers.contains_key(*name))?;
    if rule.headers().any(|(name, _)| head.headers.contains_key(name)) {
        return None;
    }
    let value = match head.single(header.as_str()) {
        Single::One(value) => Some(value).filter(|value| is_well_formed(value)),
        Single::Missing | Single::Repeated => None,
    };
    let taking = site.shared.handovers.enter(&integration.name, now);
    let fits = |taking: &Taking, value: &HeaderValue| integration.keys.takes(taking.secret(), &text(value));
    match (taking, value) {
        (Some(taking), Some(value)) if fits(&taking, value) => {
            let mut value = value.clone();
            value.set_sensitive(true);
            Some(Offer { taking, header: header.clone(), value })
        }
        (taking, _) => {
            let why = if taking.is_some() { "it is none that could be taken" } else { "nobody armed the integration" };
            if site.shared.handovers.refuse(&integration.name, now) {
                tracing::warn!(integration = integration.name.as_str(), why, "a secret was offered and not taken");
            }
            None
        }
    }
}

impl Offer {
    /// Takes it: reads what body there is, writes the secret down and puts it in force.
    pub(crate) async fn take<B>(
        self,
        site: &Arc<Site>,
        attempt: &mut Attempt,
        integration: &Arc<Integration>,
        (source, head, body): (Source, Head, B),
    ) -> Result<Taken, Stop>
    where
        B: Body<Data = Bytes> + Send,
    {
        let terms = IntakeTerms { max_body_bytes: BODY_BYTES_MAX, source: source.limit_key() };
        let (received, _holding) = site.intake.receive(terms, head, body).await?;
        attempt.received(&received.body);
        attempt.reserve()?;
        let Self { taking, header, value } = self;
        attempt.taken(taking.secret());
        let (site, integration, text) = (Arc::clone(site), Arc::clone(integration), text(&value));
        // It waits for the disk, and ends even if its sender goes away.
        let kept = tokio::task::spawn_blocking(move || {
            let secret = taking.secret().clone();
            let kept = taking.keep(text);
            if kept.is_ok() {
                integration.secret_renewed(&secret, site.shared.clock.now().wall);
                tracing::warn!(integration = integration.name.as_str(), secret_id = %secret, "a secret was handed over, and taken");
            }
            kept
        });
        match kept.await {
            Ok(Ok(())) => Ok(Taken { header, value }),
            Ok(Err(error)) => Err(Stop::Handover(error)),
            Err(_broken) => Err(Stop::HandoverBroke),
        }
    }
}

impl Taken {
    /// Ends the life of the request that handed it over.
    pub(crate) fn answer(self, attempt: Attempt) -> Answer {
        attempt.finish(Reason::Handshake, StatusCode::OK.as_u16());
        Answer::new(StatusCode::OK, Vec::new()).with(self.header, self.value)
    }
}

fn is_well_formed(value: &HeaderValue) -> bool {
    SECRET_BYTES.contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn text(value: &HeaderValue) -> SecretBytes {
    SecretBytes::new(value.as_bytes().to_vec())
}
