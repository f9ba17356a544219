//! The whole judgement in this process, without sockets on the sender's side: `pipeline::life::live` over a site that was built
//! from a configuration, with an upstream on loopback that keeps its connection open.
//!
//! Genuine deliveries by size of body, the same with one byte changed, requests without a signature, and unknown routes.
//! A genuine one includes claim, forwarding, settlement and its record; its body is signed before the clock starts. Last, the
//! processor time a genuine delivery takes with each store of replays, against memory: of all threads of this process, those of
//! the journal and of the bench's upstream among them, but not of a Redis.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hookward::config;
use hookward::domain::address::Peer;
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::Clock;
use hookward::gate::verify::sign::{Request as ToSign, SigningKey, sign};
use hookward::listen::context::{Entry, Origin, Protocol, RequestContext, TlsFacts};
use hookward::pipeline::life::live;
use hookward::pipeline::site::Site;
use hookward::provider::Catalogue;
use hookward::provider::scheme::Scheme;
use hookward::server::build;
use hookward::server::gateway::shared;
use hookward::server::state_directory::StateDirectory;
use http::{HeaderMap, Request};
use http_body_util::Full;

const SECRET: &str = "whsec_a-secret-of-some-length";
const BODY_BYTES: [usize; 4] = [512, 4 << 10, 64 << 10, 1 << 20];

/// A site, and who sends to it.
struct Stage {
    site: Arc<Site>,
    clock: Clock,
    scheme: Arc<Scheme>,
    key: SigningKey,
    context: RequestContext,
    next: AtomicU64,
    runtime: tokio::runtime::Runtime,
    _state_directory: StateDirectory,
    _folder: tempfile::TempDir,
}

/// What is sent.
#[derive(Clone, Copy)]
enum Kind {
    Genuine,
    Forged,
    Headerless,
    UnknownRoute,
}

impl Stage {
    fn set() -> Self {
        Self::with_store("store = \"memory\"")
    }

    fn with_store(store: &str) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("tls.crt"), certificate.cert.pem()).unwrap();
        std::fs::write(folder.path().join("tls.key"), certificate.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        let text = CONFIGURATION.replace("UPSTREAM", &upstream().to_string()).replace("STORE", store);
        let plan = config::parse("bench.toml", &text, folder.path());
        let plan = plan.map_err(|faults| config::render_faults(&faults)).unwrap();
        let clock = Clock::system();
        let state_directory = StateDirectory::open(&plan.state_dir).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let site = runtime.block_on(async {
            let shared = Arc::new(shared(&plan, &state_directory, clock.clone()).await.unwrap());
            Arc::new(build::first_site(&plan, &shared, 1).map_err(|errors| format!("{errors:?}")).unwrap())
        });
        let scheme = Catalogue::builtin().get("stripe").unwrap();
        let key = SigningKey::parse(&scheme, None, SecretBytes::new(SECRET.into())).unwrap();
        let context = RequestContext {
            listener: "bench".parse().unwrap(),
            peer: Peer::Tcp("127.0.0.1:4000".parse().unwrap()),
            origin: Origin::Secure(Peer::Tcp("127.0.0.1:4000".parse().unwrap()).source()),
            trusted: false,
            tls: Some(TlsFacts { version: "TLSv1.3", protocol: Protocol::Http1 }),
            entry: Entry::Tls,
            fault: None,
        };
        let next = AtomicU64::new(0);
        Self { site, clock, scheme, key, context, next, runtime, _state_directory: state_directory, _folder: folder }
    }

    /// A request that was never made before.
    fn request(&self, kind: Kind, body_bytes: usize) -> Request<Full<Bytes>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let end = format!("\",\"id\":\"evt_{number:012}\",\"type\":\"invoice.paid\"}}");
        let mut body = format!("{{\"data\":\"{}{end}", "x".repeat(body_bytes.saturating_sub(end.len() + 9))).into_bytes();
        let signing = ToSign { id: None, timestamp: self.clock.now().wall, headers: &HeaderMap::new(), body: &body };
        let headers = sign(&self.scheme, &self.key, &signing);
        let path = if matches!(kind, Kind::UnknownRoute) { "/nowhere" } else { "/stripe" };
        let mut request = Request::post(path).header("host", "localhost").header("content-length", body.len());
        if !matches!(kind, Kind::Headerless) {
            request.headers_mut().unwrap().extend(headers);
        }
        if matches!(kind, Kind::Forged) {
            body.swap(1, 2);
        }
        request.body(Full::from(body)).unwrap()
    }

    fn send(&self, request: Request<Full<Bytes>>) -> u16 {
        let life = live(Arc::clone(&self.site), 0, request, self.context.clone());
        self.runtime.block_on(life).status.as_u16()
    }
}

const CONFIGURATION: &str = r#"
state_dir = "state"
[[listener]]
bind = "127.0.0.1:0"
tls = { cert = "tls.crt", key = "tls.key" }
[replay]
STORE
cold_start = "accept"
[audit]
output = "audit.jsonl"
max_size = "16MiB"
keep = 1
[rate_limit]
per_source = { rate = "1000000/s", burst = 1000000000 }
failures_per_source = { rate = "1000000/s", burst = 1000000000 }
[integration.stripe]
provider = "stripe"
owner = "bench"
path = "/stripe"
upstream = "http://UPSTREAM/stripe"
secrets = [{ id = "bench", file = "secret" }]
"#;

/// Answers every request 200, on connections that stay open.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::with_capacity(64 << 10, stream.try_clone().ok()?);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? <= 2 {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().ok()?;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

fn measure(criterion: &mut Criterion, stage: &Stage, name: &str, kind: Kind, expected: u16) {
    let mut group = criterion.benchmark_group(format!("pipeline/{name}"));
    for body_bytes in BODY_BYTES {
        group.throughput(Throughput::Bytes(body_bytes as u64));
        group.bench_function(BenchmarkId::from_parameter(body_bytes), |bencher| {
            let prepare = || stage.request(kind, body_bytes);
            let judge = |request| assert_eq!(stage.send(request), expected);
            let size = if body_bytes > 1 << 16 { BatchSize::PerIteration } else { BatchSize::SmallInput };
            bencher.iter_batched(prepare, judge, size);
        });
    }
    group.finish();
}

fn pipeline(criterion: &mut Criterion) {
    let stage = Stage::set();
    measure(criterion, &stage, "genuine", Kind::Genuine, 200);
    measure(criterion, &stage, "forged", Kind::Forged, 401);
    measure(criterion, &stage, "headerless", Kind::Headerless, 401);
    measure(criterion, &stage, "unknown_route", Kind::UnknownRoute, 404);
}

/// Processor time of this process so far.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = |field: usize| fields.split(' ').nth(field).unwrap().parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// What a genuine delivery costs with a store, so many under way at once.
fn processor_time_each(stage: &Stage, under_way: u64, total: u64) -> Duration {
    let mut spent = Duration::ZERO;
    for _ in 0..total / 2000 {
        let mut requests: Vec<_> = (0..2000).map(|_| stage.request(Kind::Genuine, 1024)).collect();
        let before = processor_time();
        let work = async {
            let mut tasks = tokio::task::JoinSet::new();
            while let Some(request) = requests.pop() {
                tasks.spawn(live(Arc::clone(&stage.site), 0, request, stage.context.clone()));
                if tasks.len() as u64 >= under_way {
                    assert_eq!(tasks.join_next().await.unwrap().unwrap().status.as_u16(), 200);
                }
            }
            tasks.join_all().await
        };
        stage.runtime.block_on(work);
        spent += processor_time().saturating_sub(before);
    }
    spent / u32::try_from(total).unwrap()
}

#[expect(clippy::print_stdout, reason = "a bench says what it measured")]
fn stores(_: &mut Criterion) {
    const TOTAL: u64 = 40_000;
    let redis = redis();
    let mut stores = vec![("memory", "store = \"memory\"".to_owned()), ("disk", "store = \"disk\"".to_owned())];
    match &redis {
        Some((_, url)) => {
            stores.push(("redis", format!("store = \"redis\"\nredis = {{ url = {{ file = \"{url}\" }}, timeout = \"5s\" }}")));
        }
        None => println!("redis: redis-server is missing, nothing measured"),
    }
    for under_way in [1, 64] {
        let mut memory = None;
        for (name, store) in &stores {
            let each = processor_time_each(&Stage::with_store(store), under_way, TOTAL);
            let memory = *memory.get_or_insert(each);
            println!(
                "{name:<7} {under_way:>3} at once: {each:>7.1?} of processor time a delivery, {:+.1} us against memory",
                (each.as_secs_f64() - memory.as_secs_f64()) * 1e6
            );
        }
    }
}

/// A Redis of our own, and a file that says where it is; ended when dropped.
fn redis() -> Option<(Server, String)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("url");
    std::fs::write(&url, format!("redis://127.0.0.1:{port}")).unwrap();
    let settings = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", &port.to_string()];
    let child = Command::new("redis-server").args(settings).stdout(Stdio::null()).spawn().ok()?;
    let server = Server { child, _folder: folder };
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    Some((server, url.display().to_string()))
}

struct Server {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    targets = pipeline, stores
}
criterion_main!(benches);
