//! Attacks, and the one way to say what must have become of each.
//!
//! Whatever is sent, five things are held against the catalogue: the status, the reason, that not one byte and not one
//! connection reached the upstream, that nothing else was decided because of it, and, once the siege is lifted, that the audit
//! log has one record of it, or counts it in a folded one. An honest delivery ends every siege.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::audit::Ledger;
use super::client::{Answer, Silence};
use super::config::Config;
use super::frames::End;
use super::gateway::Gateway;
use super::poll;
use super::provider::Provider;
use super::upstream::Upstream;

/// How long an answer to an attack may take; some wait for a deadline.
const PATIENCE: Duration = Duration::from_secs(10);

/// A gateway under attack, and the upstream behind it.
pub(crate) struct Siege {
    pub(crate) gateway: Gateway,
    pub(crate) upstream: Upstream,
    honest: Provider,
    /// How often each reason must have been decided so far.
    decided: BTreeMap<String, u64>,
    /// What was answered, by request id.
    answered: BTreeMap<String, (String, u16)>,
    /// What had reached the upstream when the next attack began.
    traffic: (usize, usize),
}

/// What became of one attack.
#[must_use = "an attack ends as somebody says it must"]
pub(crate) struct Attack<'s> {
    siege: &'s mut Siege,
    name: String,
    outcome: Result<Answer, Silence>,
}

impl Siege {
    /// Starts a gateway; `honest` is whose delivery it must still take in the end.
    #[track_caller]
    pub(crate) fn begin(honest: Provider, config: impl FnOnce(&Upstream) -> Config) -> Self {
        let upstream = Upstream::start();
        let gateway = Gateway::start(config(&upstream));
        Self { gateway, upstream, honest, decided: BTreeMap::new(), answered: BTreeMap::new(), traffic: (0, 0) }
    }

    /// Sends bytes over a TLS connection of their own.
    #[track_caller]
    pub(crate) fn send(&mut self, name: &str, bytes: &[u8]) -> Attack<'_> {
        let mut connection = self.gateway.connect();
        let _may_be_refused_early = connection.try_send(bytes);
        let outcome = connection.try_answer(PATIENCE);
        self.saw(name, outcome)
    }

    /// What came of something that the test sent in its own way.
    pub(crate) fn saw(&mut self, name: &str, outcome: Result<Answer, Silence>) -> Attack<'_> {
        Attack { name: name.to_owned(), outcome, siege: self }
    }

    /// The same of a stream of HTTP/2.
    pub(crate) fn saw_stream(&mut self, name: &str, end: End) -> Attack<'_> {
        let outcome = match end {
            End::Answer(answer) => Ok(answer),
            End::Reset(_) | End::Connection => Err(Silence::Closed(0)),
        };
        self.saw(name, outcome)
    }

    /// A request that is none of an attack, and reaches the upstream.
    #[track_caller]
    pub(crate) fn passes(&mut self, name: &str, answer: &Answer, status: u16) {
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        self.decides(name, if (200..300).contains(&status) { "delivered" } else { "upstream_rejected" }, 1);
        self.traffic = self.upstream.traffic();
    }

    /// The same, where the next one was decided already.
    #[track_caller]
    pub(crate) fn passes_beside(&mut self, name: &str, answer: &Answer, status: u16, beside: &str) {
        *self.decided.entry(beside.to_owned()).or_default() += 1;
        self.passes(name, answer, status);
        *self.decided.entry(beside.to_owned()).or_default() -= 1;
    }

    /// What follows reached the upstream, and was refused for what that made of it: so many requests in all.
    #[track_caller]
    pub(crate) fn was_sent(&mut self, name: &str, requests: usize) {
        assert_eq!(self.upstream.received().len(), requests, "{name}");
        self.traffic = self.upstream.traffic();
    }

    /// So many honest deliveries passed meanwhile.
    #[track_caller]
    pub(crate) fn served(&mut self, count: u64) {
        *self.decided.entry("delivered".to_owned()).or_default() += count;
        let delivered = |counts: &BTreeMap<String, u64>| counts.get("delivered").copied();
        let settled = poll(PATIENCE, || (delivered(&self.counted()) == delivered(&self.decided)).then_some(()));
        assert!(settled.is_some(), "{:?} instead of {count} deliveries more", self.counted());
        self.traffic = self.upstream.traffic();
    }

    /// So many attacks of one kind were each refused for this reason, and none reached the upstream.
    #[track_caller]
    pub(crate) fn expecting_of_each(&mut self, name: &str, count: u64, reason: &str) {
        self.decides(name, reason, count);
        self.reached_nobody(name);
    }

    /// So many decisions of a reason more, whoever was told of them.
    #[track_caller]
    pub(crate) fn decides(&mut self, name: &str, reason: &str, count: u64) {
        if count > 0 {
            *self.decided.entry(reason.to_owned()).or_default() += count;
        }
        let settled = poll(PATIENCE, || (self.counted() == self.decided).then_some(()));
        assert!(settled.is_some(), "{name}: decided {:?} instead of {:?}", self.counted(), self.decided);
    }

    /// A flood: how many decisions it comes to is its own affair, but not which, and none of it reaches the upstream.
    #[track_caller]
    pub(crate) fn decides_only(&mut self, name: &str, reasons: &[&str]) -> u64 {
        let at_rest = || (self.gateway.metrics().sum("hookward_inflight_requests", &[]) < 0.5).then(|| self.counted());
        let counted = poll(PATIENCE, at_rest).unwrap_or_else(|| panic!("{name}: requests are under way that should have ended"));
        let mut more = 0;
        for (reason, count) in &counted {
            let before = self.decided.get(reason).copied().unwrap_or(0);
            assert!(*count == before || reasons.contains(&reason.as_str()), "{name}: {count} of {reason}, {before} before");
            more += count - before;
        }
        self.decided = counted;
        self.reached_nobody(name);
        more
    }

    /// Every decision so far, by reason.
    pub(crate) fn counted(&self) -> BTreeMap<String, u64> {
        let counts = self.gateway.metrics().by_label("hookward_requests_total", "reason");
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    #[track_caller]
    pub(crate) fn reached_nobody(&self, name: &str) {
        assert_eq!(self.upstream.traffic(), self.traffic, "{name}: connections and bytes at the upstream");
    }

    /// Ends the siege: an honest delivery passes, and the log has what was decided, each once.
    #[track_caller]
    pub(crate) fn lift(mut self) -> Ledger {
        self.reached_nobody("in the end");
        let answer = self.gateway.deliver(&self.honest.delivery());
        self.passes("an honest delivery", &answer, 200);
        self.end()
    }

    /// The same, where the honest sender was heard already.
    #[track_caller]
    pub(crate) fn end(self) -> Ledger {
        let Self { gateway, decided, answered, .. } = self;
        let ledger = gateway.finish();
        assert_eq!(ledger.decisions(), decided, "each decision is one record, or counted in one");
        let records = ledger.requests();
        let ids = records.iter().map(|record| record.text("request_id")).collect::<BTreeSet<_>>();
        assert_eq!(ids.len(), records.len(), "no request has two records");
        for record in records {
            if let Some((reason, status)) = answered.get(record.text("request_id")) {
                assert_eq!((record.reason(), record.number("status")), (reason.as_str(), u64::from(*status)), "{record:?}");
                assert_eq!(record.text("decision"), "refused", "{record:?}");
            }
        }
        ledger
    }
}

impl Attack<'_> {
    /// None after all: the answer, to be judged as that of an honest request.
    #[track_caller]
    pub(crate) fn answered(self) -> Answer {
        self.outcome.unwrap_or_else(|silence| panic!("{}: no answer: {silence:?}", self.name))
    }

    /// Refused with this status and this reason, and nothing more came of it.
    #[track_caller]
    pub(crate) fn expecting(self, status: u16, reason: &str) -> Answer {
        let Self { siege, name, outcome } = self;
        let answer = outcome.unwrap_or_else(|silence| panic!("{name}: no answer: {silence:?}"));
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        let id = answer.refused(status, class_of(status));
        siege.answered.insert(id, (reason.to_owned(), status));
        siege.decides(&name, reason, 1);
        siege.reached_nobody(&name);
        answer
    }

    /// The connection or the stream ended without an answer, for there was no head to decide on: no record.
    #[track_caller]
    pub(crate) fn expecting_no_answer(self) {
        let Self { siege, name, outcome } = self;
        assert!(matches!(outcome, Err(Silence::Closed(_))), "{name}: {outcome:?}");
        siege.decides(&name, "", 0);
        siege.reached_nobody(&name);
    }

    /// The connection ended in the middle of many: those whose heads were read are decided for one of these reasons.
    #[track_caller]
    pub(crate) fn expecting_no_answer_but(self, reasons: &[&str]) {
        let Self { siege, name, outcome } = self;
        assert!(matches!(outcome, Err(Silence::Closed(_))), "{name}: {outcome:?}");
        siege.decides_only(&name, reasons);
    }

    /// The head was read and nobody was there any more to be answered: a record of this reason all the same.
    #[track_caller]
    pub(crate) fn expecting_only_a_record(self, reason: &str) {
        let Self { siege, name, outcome } = self;
        assert!(matches!(outcome, Err(Silence::Closed(_))), "{name}: {outcome:?}");
        siege.decides(&name, reason, 1);
        siege.reached_nobody(&name);
    }
}

/// The contract's class of a status.
fn class_of(status: u16) -> &'static str {
    match status {
        400 => "bad_request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        408 => "timeout",
        409 => "conflict",
        413 => "too_large",
        429 => "rate_limited",
        431 => "headers_too_large",
        502 => "bad_gateway",
        503 => "unavailable",
        504 => "gateway_timeout",
        other => panic!("no refusal is answered {other}"),
    }
}
