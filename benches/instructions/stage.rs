//! A site in this process, without sockets on the sender's side, and an upstream on loopback that keeps its connection open.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
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

/// A site, and who sends to it.
pub struct Stage {
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
pub enum Kind {
    /// As its provider makes it.
    Genuine,
    /// One byte is another.
    Forged,
}

impl Stage {
    /// Built from a configuration, with everything on.
    pub fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("tls.crt"), certificate.cert.pem()).unwrap();
        std::fs::write(folder.path().join("tls.key"), certificate.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        let text = CONFIGURATION.replace("UPSTREAM", &upstream().to_string());
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
            tls: Some(TlsFacts { version: "TLSv1.3", protocol: Protocol::Http1 }),
            entry: Entry::Tls,
            trusted: false,
            fault: None,
        };
        let next = AtomicU64::new(0);
        Self { site, clock, scheme, key, context, next, runtime, _state_directory: state_directory, _folder: folder }
    }

    /// A request that was never made before.
    pub fn request(&self, kind: Kind, body_bytes: usize) -> Request<Full<Bytes>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let end = format!("\",\"id\":\"evt_{number:012}\",\"type\":\"invoice.paid\"}}");
        let mut body = format!("{{\"data\":\"{}{end}", "x".repeat(body_bytes.saturating_sub(end.len() + 9))).into_bytes();
        let signing = ToSign { id: None, timestamp: self.clock.now().wall, headers: &HeaderMap::new(), body: &body };
        let headers = sign(&self.scheme, &self.key, &signing);
        let mut request = Request::post("/stripe").header("host", "localhost").header("content-length", body.len());
        request.headers_mut().unwrap().extend(headers);
        if matches!(kind, Kind::Forged) {
            body.swap(1, 2);
        }
        request.body(Full::from(body)).unwrap()
    }

    /// Sends it and answers the status.
    pub fn send(&self, request: Request<Full<Bytes>>) -> u16 {
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
store = "memory"
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
