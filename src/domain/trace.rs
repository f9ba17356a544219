//! The W3C trace context of a request. pure
//!
//! Rules (W3C Trace Context, level 1):
//! 1. `traceparent` is `00-TRACE-PARENT-FLAGS` in lower-case hex; neither id is all zeros. A later version may say more behind
//!    that; version `ff` is none. One that is broken is as good as absent.
//! 2. `tracestate` is passed on as it is, if it is printable and no longer than 512 bytes, and only beside a `traceparent`.
//! 3. Whoever is not believed gets a trace of its own: its id is the request's, so that either leads to the other.

use super::request_id::RequestId;

/// The longest `tracestate` that is passed on.
const STATE_BYTES_MAX: usize = 512;
const SAMPLED: u8 = 1;

/// Where a request stands in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The whole trace.
    pub trace_id: u128,
    /// The sender's own span, where it said one that is believed.
    pub parent_id: Option<u64>,
    /// Our span for the request.
    pub span_id: u64,
    /// Whether it is recorded.
    pub sampled: bool,
    /// What else the sender's tracing systems say.
    pub state: Option<String>,
}

impl TraceContext {
    /// A trace that begins here; `percent` of them are recorded.
    #[must_use]
    pub fn root(request: RequestId, percent: u8) -> Self {
        let random = span_of(request);
        Self {
            trace_id: request.as_u128(),
            parent_id: None,
            span_id: random,
            sampled: random % 100 < percent.into(),
            state: None,
        }
    }

    /// The trace that a believed sender says the request belongs to; the sender says, too, whether it is recorded.
    #[must_use]
    pub fn continued(request: RequestId, parent: &[u8], state: Option<&str>) -> Option<Self> {
        let text = std::str::from_utf8(parent).ok()?;
        let mut parts = text.splitn(5, '-');
        let version = hex(parts.next()?, 2)?;
        let trace_id = hex(parts.next()?, 32)?;
        let parent_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = u8::try_from(hex(parts.next()?, 2)?).ok()?;
        let is_longer = parts.next().is_some();
        if version == 0xff || (version == 0 && is_longer) || trace_id == 0 || parent_id == 0 {
            return None;
        }
        let is_fit = |state: &&str| state.len() <= STATE_BYTES_MAX && state.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let state = state.filter(is_fit).map(str::to_owned);
        let sampled = flags & SAMPLED != 0;
        Some(Self { trace_id, parent_id: Some(parent_id), span_id: span_of(request), sampled, state })
    }

    /// Our span for the exchange with the upstream.
    #[must_use]
    pub const fn upstream_span(&self) -> u64 {
        // Another than ours for every value but one, and never zero.
        if self.span_id == u64::MAX { 1 } else { self.span_id.wrapping_add(1) }
    }

    /// What the upstream is told.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace_id, self.upstream_span(), u8::from(self.sampled))
    }
}

/// The random end of a request's id; never zero.
fn span_of(request: RequestId) -> u64 {
    let bytes = request.as_u128().to_be_bytes();
    bytes.last_chunk().map_or(1, |end| u64::from_be_bytes(*end)).max(1)
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::UnixTime;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn request() -> RequestId {
        RequestId::new(UnixTime::from_seconds(1_767_225_600))
    }

    #[test]
    fn a_believed_parent_is_continued() {
        let request = request();
        let trace = TraceContext::continued(request, PARENT.as_bytes(), Some("vendor=1")).unwrap();
        assert_eq!(trace.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(
            (trace.parent_id, trace.sampled, trace.state.as_deref()),
            (Some(0xb7ad_6b71_6920_3331), true, Some("vendor=1"))
        );
        let told = trace.traceparent();
        assert!(told.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && told.ends_with("-01"));
        assert_eq!(TraceContext::continued(request, told.as_bytes(), None).unwrap().parent_id, Some(trace.upstream_span()));
        let long = "x".repeat(513);
        for state in [long.as_str(), "a\u{e9}", "a\n"] {
            assert_eq!(TraceContext::continued(request, PARENT.as_bytes(), Some(state)).unwrap().state, None);
        }
    }

    #[test]
    fn a_broken_parent_is_none() {
        let longer = format!("{PARENT}-more");
        for bad in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            &longer,
        ] {
            assert_eq!(TraceContext::continued(request(), bad.as_bytes(), None), None, "{bad}");
        }
        let later = longer.replacen("00", "01", 1);
        assert!(TraceContext::continued(request(), later.as_bytes(), None).is_some(), "a later version may say more");
    }

    #[test]
    fn a_root_has_the_requests_name_and_its_part_is_recorded() {
        let request = request();
        let root = TraceContext::root(request, 100);
        assert_eq!((root.trace_id, root.parent_id, root.sampled), (request.as_u128(), None, true));
        assert!(root.upstream_span() != root.span_id && !TraceContext::root(request, 0).sampled);
    }
}
