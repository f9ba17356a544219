//! The book: what was sent, what the upstream made of it, who was told what, and the rules it is held to.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::certificate::Certificate;
use crate::support::client::{Answer, Connection, Silence, request};
use crate::support::provider::{Delivery, Provider};
use crate::support::upstream::{Reply, Request};

pub(crate) const PROVIDERS: [Provider; 5] =
    [Provider::Stripe, Provider::Github, Provider::Shopify, Provider::StandardWebhooks, Provider::DiscordEvents];
/// Of the upstream, as the configuration says it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// The file with the name of the gateway's life, which it tells the upstream.
pub(crate) const RUN: &str = "run";

/// Random numbers that a seed repeats.
pub(crate) struct Random(pub(crate) AtomicU64);

impl Random {
    pub(crate) fn next(&self) -> u64 {
        // SplitMix64.
        let mut state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// What the upstream made of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It took it, and said so.
    Yes,
    /// It refused it, and said so.
    No,
    /// It may have taken it; its answer was none.
    Unknown,
}

/// The upstream's mood for one request.
pub(crate) fn mood(random: &Random) -> (Taken, Reply) {
    match random.below(100) {
        0..50 => (Taken::Yes, Reply::ok()),
        50..62 => (Taken::Yes, Reply::ok_after(Duration::from_millis(10 + random.below(50)))),
        62..67 => (Taken::Yes, Reply::AnswerThenClose),
        67..81 => (Taken::No, Reply::status([500, 429, 404, 302][usize::try_from(random.below(4)).unwrap()])),
        81..86 => (Taken::Unknown, Reply::Raw(Vec::new())),
        86..91 => (Taken::Unknown, Reply::RawThenReset(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec())),
        91..95 => (Taken::Unknown, Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok".to_vec())),
        95..98 => (Taken::Unknown, Reply::Raw(b"250 OK, queued\r\n".to_vec())),
        98 => (Taken::Unknown, Reply::ok_after(TIMEOUT + Duration::from_millis(500))),
        _ => (Taken::Unknown, Reply::Hang),
    }
}

/// A request that reached the upstream.
pub(crate) struct Receipt {
    pub(crate) at: usize,
    pub(crate) identity: Vec<u8>,
    pub(crate) key: String,
    /// Which life of the gateway sent it.
    pub(crate) run: String,
    pub(crate) taken: Taken,
}

/// Everything that happened, in one order.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) now: AtomicUsize,
    /// By the body, which names the event.
    pub(crate) receipts: Mutex<BTreeMap<Vec<u8>, Vec<Receipt>>>,
    pub(crate) acknowledged: Mutex<Vec<(usize, Delivery)>>,
    pub(crate) sent: Mutex<Vec<Vec<u8>>>,
    pub(crate) attempts: AtomicUsize,
    pub(crate) unanswered: AtomicUsize,
    pub(crate) known_as_replays: AtomicUsize,
    pub(crate) replays: AtomicUsize,
    pub(crate) replays_refused: AtomicUsize,
}

impl Ledger {
    pub(crate) fn tick(&self) -> usize {
        self.now.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn received(&self, request: &Request, taken: Taken) {
        let header = |provider: &Provider| request.header(provider.signature_header()).map(str::to_owned);
        let signature = PROVIDERS.iter().find_map(header).unwrap();
        let receipt = Receipt {
            at: self.tick(),
            identity: identity(&signature, &request.body),
            key: request.idempotency_key().to_owned(),
            run: request.header("x-run").unwrap().to_owned(),
            taken,
        };
        self.receipts.lock().unwrap().entry(request.body.clone()).or_default().push(receipt);
    }
}

pub(crate) fn identity(signature: &str, body: &[u8]) -> Vec<u8> {
    [signature.as_bytes(), body].concat()
}

/// One attempt on a connection of its own; nothing if there was no whole answer.
pub(crate) fn attempt(port: &AtomicU16, delivery: &Delivery) -> Result<Answer, Silence> {
    let connection = Connection::tls(port.load(Ordering::SeqCst), Ipv4Addr::LOCALHOST, Certificate::shared());
    let mut connection = connection.map_err(|_| Silence::Closed(0))?;
    let bytes = request(&delivery.provider.path(), &delivery.headers, &delivery.body);
    connection.try_send(&bytes).map_err(|_| Silence::Closed(0))?;
    connection.try_answer(TIMEOUT + Duration::from_secs(8))
}

pub(crate) fn is_replay(answer: &Answer) -> bool {
    let refused = answer.status == 409 && answer.header("retry-after").is_none();
    refused || answer.header("hookward-replay") == Some("true")
}

pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Ends the other threads.
pub(crate) struct End<'a>(pub(crate) &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

pub(crate) fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

pub(crate) struct Account {
    pub(crate) deliveries: usize,
    pub(crate) received: usize,
    pub(crate) taken: usize,
    pub(crate) twice: usize,
}

/// Holds everything that happened to the five rules; `was_unknown` says of a delivery that was taken whether the outcome of that
/// attempt was known to nobody but the upstream when the later one was forwarded.
pub(crate) fn settle_accounts(ledger: &Ledger, was_unknown: impl Fn(&[u8], &Receipt, &Receipt) -> bool) -> Account {
    let (receipts, acknowledged) = (ledger.receipts.lock().unwrap(), ledger.acknowledged.lock().unwrap());
    let sent = ledger.sent.lock().unwrap();
    for (at, delivery) in &*acknowledged {
        let own = &receipts[&delivery.body];
        assert!(own.iter().any(|receipt| receipt.taken == Taken::Yes && receipt.at < *at), "rule 1: acknowledged and lost");
        let identity = identity(delivery.signature(), &delivery.body);
        let later = own.iter().find(|receipt| receipt.identity == identity && receipt.at > *at);
        assert!(later.is_none(), "rule 2: forwarded after it was acknowledged");
    }
    let is_taken = |body: &&Vec<u8>| receipts.get(*body).is_some_and(|own| own.iter().any(|one| one.taken == Taken::Yes));
    let lost = sent.iter().filter(|body| !is_taken(body)).count();
    assert_eq!(lost, 0, "rule 3: never taken");
    assert_eq!(receipts.len(), sent.len(), "nothing was forged");
    let mut account = Account { deliveries: sent.len(), received: 0, taken: 0, twice: 0 };
    for (body, own) in &*receipts {
        for (index, receipt) in own.iter().enumerate() {
            assert_eq!(receipt.key, own[0].key, "rule 5: one key");
            let mut taken = own[..index].iter().filter(|earlier| earlier.taken == Taken::Yes);
            let known = taken.find(|earlier| !was_unknown(body, earlier, receipt));
            assert!(known.is_none(), "rule 4: forwarded again though somebody was told that it is taken");
        }
        let taken = own.iter().filter(|receipt| receipt.taken == Taken::Yes).count();
        account.received += own.len();
        account.taken += taken;
        account.twice += taken.saturating_sub(1);
    }
    account
}
