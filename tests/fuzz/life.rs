//! The whole life: any bytes over TLS to a gateway in this process, and an upstream that remembers everything.
//!
//! The treasure is the upstream. Genuine requests are changed byte by byte, cut, doubled, joined and put into one another;
//! whatever reaches the upstream must be vouched for by the oracle, be new, and bear the gateway's headers and no forged one.
//! A genuine request goes in between again and again and must arrive, so that a gateway which refuses everything fails too.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hookward::audit::chain::Head;
use hookward::audit::verify::{Anchor, verify_files};
use hookward::config;
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::Clock;
use hookward::gate::verify::sign::{Request as ToSign, SigningKey, sign};
use hookward::provider::Catalogue;
use hookward::server::gateway::{Gateway, Surroundings};
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::campaign::{rounds, seed};
use crate::dice::Dice;
use crate::oracle;
use crate::request::HEADER_WORDS;

const PROVIDERS: [&str; 6] = ["stripe", "github", "shopify", "slack", "standard-webhooks", "discord"];
const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 24;
/// Nothing more comes when nothing came for so long.
const QUIET: Duration = Duration::from_millis(40);
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn nothing_reaches_the_upstream_that_nobody_vouches_for() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(play());
}

async fn play() {
    let stage = Arc::new(Stage::set().await);
    let (total, places) = (rounds(REQUESTS), Arc::new(Semaphore::new(AT_ONCE)));
    for round in 0..total {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let played = Arc::clone(&stage);
        tokio::spawn(async move {
            played.round(round).await;
            drop(played);
            drop(place);
        });
        assert!(stage.treasure.violations().is_empty(), "{}", stage.treasure.violations().join("\n"));
    }
    let _all = places.acquire_many(u32::try_from(AT_ONCE).unwrap()).await.unwrap();
    let stage = Arc::into_inner(stage).expect("every round is over");
    stage.strike(total).await;
}

/// What is up while the requests are sent.
struct Stage {
    folder: tempfile::TempDir,
    gateway: Gateway,
    tls: TlsConnector,
    treasure: Arc<Treasure>,
    clock: Clock,
    keys: HashMap<&'static str, SigningKey>,
    ended: AtomicUsize,
    statuses: Mutex<HashMap<u16, usize>>,
    problems: Mutex<Vec<String>>,
}

impl Stage {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(folder.path().join("tls.crt"), made.cert.pem()).unwrap();
        fs::write(folder.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let client = client.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
        let clock = Clock::system();
        let (treasure, upstream) = Treasure::guard(clock.clone()).await;
        let plan = config::parse("life.toml", &configuration(folder.path(), upstream), folder.path());
        let plan = plan.unwrap_or_else(|faults| panic!("{}", config::render_faults(&faults)));
        let gateway = Gateway::start(&plan, Surroundings::fixed(&plan, clock.clone(), 2)).await;
        let gateway = gateway.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        let ready = async {
            while !gateway.is_ready() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, ready).await.expect("ready");
        let keys = PROVIDERS.iter().map(|provider| (*provider, signing_key(provider))).collect();
        let tls = TlsConnector::from(Arc::new(client));
        let (ended, statuses, problems) = (AtomicUsize::default(), Mutex::default(), Mutex::default());
        Self { folder, gateway, tls, treasure, clock, keys, ended, statuses, problems }
    }

    /// One connection: a changed request, or now and then a genuine one that must arrive.
    async fn round(&self, round: usize) {
        let number = u64::try_from(round).unwrap();
        let mut dice = Dice::new(seed().wrapping_add(number.wrapping_mul(0x1000_0001)));
        let genuine = self.genuine(&mut dice, round);
        let is_genuine = round.is_multiple_of(10);
        let bytes = if is_genuine { genuine.clone() } else { self.changed(&mut dice, &genuine, round) };
        let told = self.exchange(&bytes, is_genuine).await;
        let mut statuses = self.statuses.lock().unwrap();
        for status in statuses_in(&told) {
            *statuses.entry(status).or_default() += 1;
            // A sound upstream behind a sound gateway: nothing a sender writes makes a 5xx, and nobody else answers.
            if !matches!(status, 200 | 204 | 400 | 401 | 403 | 404 | 405 | 408 | 409 | 413 | 431) {
                let what = bytes.escape_ascii();
                self.problems.lock().unwrap().push(format!("round {round} was answered {status}: {what}"));
            }
        }
        if is_genuine && statuses_in(&told) != [200] {
            let what = told.escape_ascii();
            self.problems.lock().unwrap().push(format!("round {round} is genuine and was answered {what}"));
        }
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// A request as its provider sends it, with a body that was never sent before.
    fn genuine(&self, dice: &mut Dice, round: usize) -> Vec<u8> {
        let provider = dice.pick(&PROVIDERS);
        let body = format!("{{\"id\":\"evt_{}_{round}\",\"type\":\"invoice.paid\",\"n\":{}}}", seed(), dice.number());
        let scheme = Catalogue::builtin().get(provider).unwrap();
        let timestamp = self.clock.now().wall;
        let request = ToSign { id: None, timestamp, headers: &HeaderMap::new(), body: body.as_bytes() };
        let mut head = format!("POST /{provider} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
        for (name, value) in sign(&scheme, &self.keys[provider], &request) {
            let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap());
        }
        if dice.one_in(4) {
            let middle = dice.below(body.len() - 1) + 1;
            let (first, second) = body.split_at(middle);
            let (one, two) = (first.len(), second.len());
            return format!("{head}Transfer-Encoding: chunked\r\n\r\n{one:x}\r\n{first}\r\n{two:X}\r\n{second}\r\n0\r\n\r\n")
                .into();
        }
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into()
    }

    fn changed(&self, dice: &mut Dice, genuine: &[u8], round: usize) -> Vec<u8> {
        let other = self.genuine(dice, round + 1_000_000_000);
        match dice.below(6) {
            // The same once more, on the same connection: a replay.
            0 => [genuine, genuine].concat(),
            // A changed one, and a genuine one behind it that must not lend it anything.
            1 => [dice.mutate(genuine, std::slice::from_ref(&other), WORDS), other].concat(),
            // One as the body of the other.
            2 => {
                let end = genuine.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
                [&genuine[..end], &other[..], &genuine[end..]].concat()
            }
            // A header put in between the others.
            3 => {
                let lines: Vec<usize> =
                    genuine.windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n").map(|(at, _)| at + 2).collect();
                let at = lines[dice.below(lines.len())];
                [&genuine[..at], dice.pick(HEADERS), &genuine[at..]].concat()
            }
            _ => dice.mutate(genuine, &[other], WORDS),
        }
    }

    /// Sends it and answers with everything that came back. A genuine request waits for its answer; others hang up when it
    /// has been quiet.
    async fn exchange(&self, bytes: &[u8], waits: bool) -> Vec<u8> {
        let tcp = TcpStream::connect(self.gateway.addresses()[0].tcp().unwrap()).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = timeout(PATIENCE, self.tls.connect(name, tcp)).await.expect("a handshake").unwrap();
        let _closed_early = stream.write_all(bytes).await;
        let mut told = Vec::new();
        let first = if waits { PATIENCE } else { QUIET };
        read_until_quiet(&mut stream, &mut told, first).await;
        let _closed_before = stream.shutdown().await;
        timeout(PATIENCE, read_until_quiet(&mut stream, &mut told, PATIENCE)).await.expect("the connection ends");
        told
    }

    /// Takes everything down and compares what was answered, what arrived and what was written down.
    async fn strike(self, total: usize) {
        assert_eq!(self.ended.load(Ordering::Relaxed), total, "a round panicked");
        self.gateway.drain().await.unwrap();
        let problems = self.problems.into_inner().unwrap();
        assert!(problems.is_empty(), "HOOKWARD_FUZZ_SEED={}\n{}", seed(), problems.join("\n"));
        let violations = self.treasure.violations();
        assert!(violations.is_empty(), "HOOKWARD_FUZZ_SEED={}\n{}", seed(), violations.join("\n"));
        let arrived = self.treasure.arrived();
        assert!(arrived >= total.div_ceil(10), "{arrived} of {total} arrived");
        let log = self.folder.path().join("audit.jsonl");
        let delivered =
            fs::read_to_string(&log).unwrap().lines().filter(|line| line.contains("\"reason\":\"delivered\"")).count();
        assert_eq!(delivered, arrived, "every arrival is written down");
        let head = Head::from_text(&fs::read(self.folder.path().join("state/audit.head")).unwrap()).unwrap();
        let report = verify_files(&[log], Some(Anchor::from(head))).unwrap();
        assert!(report.problem.is_none() && report.tail_proven, "{report:?}");
        eprintln!("{total} rounds, {arrived} arrived, answers {:?}", self.statuses.into_inner().unwrap());
    }
}

async fn read_until_quiet(stream: &mut (impl AsyncRead + Unpin), told: &mut Vec<u8>, first: Duration) {
    let (mut patience, mut piece) = (first, [0; 4096]);
    while let Ok(Ok(read @ 1..)) = timeout(patience, stream.read(&mut piece)).await {
        told.extend_from_slice(&piece[..read]);
        patience = QUIET;
    }
}

fn statuses_in(told: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(told);
    let statuses = text.split("HTTP/1.1 ").skip(1).map(|rest| rest.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0));
    statuses.filter(|status| *status != 100).collect()
}

fn signing_key(provider: &str) -> SigningKey {
    let text = match provider {
        "standard-webhooks" => oracle::ENCODED_SECRET,
        "discord" => oracle::SEED,
        _ => oracle::TEXT_SECRET,
    };
    SigningKey::parse(&Catalogue::builtin().get(provider).unwrap(), None, SecretBytes::new(text.into())).unwrap()
}

fn configuration(folder: &Path, upstream: SocketAddr) -> String {
    let mut text = CONFIGURATION.to_owned();
    for provider in PROVIDERS {
        let secret = match provider {
            "standard-webhooks" => oracle::ENCODED_SECRET,
            "discord" => oracle::PUBLIC_KEY,
            _ => oracle::TEXT_SECRET,
        };
        fs::write(folder.join(provider), secret).unwrap();
        let _ = write!(
            text,
            "[integration.{provider}]\nprovider = \"{provider}\"\nowner = \"fuzz\"\npath = \"/{provider}\"\n\
             upstream = \"http://{upstream}/{provider}\"\nsecrets = [{{ id = \"fuzz\", file = \"{provider}\" }}]\n"
        );
    }
    text
}

/// No limit of a source: this is about what passes, not how much.
const CONFIGURATION: &str = r#"
state_dir = "state"
[[listener]]
bind = "127.0.0.1:0"
tls = { cert = "tls.crt", key = "tls.key" }
[admin]
bind = "127.0.0.1:0"
[audit]
output = "audit.jsonl"
[rate_limit]
per_source = { rate = "1000000/s", burst = 1000000 }
failures_per_source = { rate = "1000000/s", burst = 1000000 }
"#;

const WORDS: &[&[u8]] = HEADER_WORDS;

const HEADERS: &[&[u8]] = &[
    b"Content-Length: 0\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Connection: close, Stripe-Signature, X-Hub-Signature-256, Content-Length\r\n",
    b"Connection: keep-alive, Hookward-Integration, Host\r\n",
    b"Hookward-Integration: admin\r\n",
    b"Hookward-Secret-Id: forged\r\nHookward-Verified-At: 2026-01-01T00:00:00Z\r\n",
    b"Hookward_Integration: admin\r\n",
    b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\n",
    b"Host: internal\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    b"Trailer: Stripe-Signature\r\n",
    b"TE: trailers\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n",
    b"Stripe-Signature: t=1750000000,v1=00\r\n",
    b"X-Hub-Signature-256: sha256=00\r\n",
    b"X-Slack-Signature: v0=00\r\n",
    b"Webhook-Id: msg.1\r\n",
    b"Svix-Id: msg_1\r\nSvix-Signature: v1,AAAA\r\n",
    b" folded\r\n",
    b"\r\n",
];

/// The upstream, and what it saw.
struct Treasure {
    clock: Clock,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    arrived: usize,
    contents: HashSet<(String, Vec<u8>)>,
    violations: Vec<String>,
}

impl Treasure {
    async fn guard(clock: Clock) -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let treasure = Arc::new(Self { clock, seen: Mutex::default() });
        let guard = Arc::clone(&treasure);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let guard = Arc::clone(&guard);
                let answer = service_fn(move |request| {
                    let guard = Arc::clone(&guard);
                    async move { Ok::<_, Infallible>(guard.take(request).await) }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        (treasure, address)
    }

    async fn take(&self, request: http::Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let shown = format!("{head:?}");
        let body = body.collect().await.unwrap().to_bytes();
        let now = self.clock.now().wall.seconds();
        let provider = head.uri.path().trim_start_matches('/').to_owned();
        let opinion = oracle::vouches(&provider, &head.headers, head.uri.query().unwrap_or_default(), &body, now);
        let mut seen = self.seen.lock().unwrap();
        seen.arrived += 1;
        let problem = match opinion {
            None => Some("nobody vouches for it"),
            Some(content) if !seen.contents.insert((provider.clone(), content.clone())) => Some("it was here before"),
            Some(_) => forgery(&head, &provider, &body),
        };
        if let Some(problem) = problem {
            seen.violations.push(format!("{problem}: {shown} {}", body.escape_ascii()));
        }
        Response::new(Full::new(Bytes::from_static(b"taken")))
    }

    fn violations(&self) -> Vec<String> {
        self.seen.lock().unwrap().violations.clone()
    }

    fn arrived(&self) -> usize {
        self.seen.lock().unwrap().arrived
    }
}

/// What a receiver relies on besides the signature.
fn forgery(head: &http::request::Parts, provider: &str, body: &[u8]) -> Option<&'static str> {
    let one = |name: &str| {
        let mut values = head.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    let length = body.len().to_string();
    let expected = [
        ("hookward-integration", provider),
        ("hookward-provider", provider),
        ("hookward-secret-id", "fuzz"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("content-length", &length),
    ];
    if expected.iter().any(|(name, value)| one(name) != Some(value)) {
        return Some("a header that we set is not ours");
    }
    let mut names = head.headers.keys().map(http::HeaderName::as_str);
    let stray = ["transfer-encoding", "upgrade", "te", "trailer", "keep-alive", "proxy-connection", "expect"];
    let sibling = |name: &str| provider == "standard-webhooks" && name.starts_with("svix-");
    if names.any(|name| name.contains('_') || stray.contains(&name) || sibling(name)) {
        return Some("a header passed that must not");
    }
    (head.method != "POST" || head.uri.query().is_some()).then_some("another method or a query")
}
