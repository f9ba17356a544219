//! The figures of the README, measured on the release binary as a process of its own, over loopback: its size, how long it
//! takes to listen and to be ready, what it holds idle, what an idle TLS connection adds, and the CPU of a verified request.
//!
//! `make figures` runs it. CPU and memory are the kernel's own counts of that process.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench measures wall time")]

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hookward::domain::secret::SecretBytes;
use hookward::domain::time::Clock;
use hookward::gate::verify::sign::{Request as ToSign, SigningKey, sign};
use hookward::provider::Catalogue;
use http::HeaderMap;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const BINARY: &str = env!("CARGO_BIN_EXE_hookward");
const SECRET: &str = "whsec_a-secret-of-some-length";
const IDLE: usize = 1000;
const WARM_UP: usize = 1000;
const REQUESTS: usize = 5000;
const BODY_BYTES: usize = 4096;

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A running gateway, ended with this.
struct Gateway {
    process: Child,
    admin: SocketAddr,
    listening: Duration,
    ready: Duration,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Gateway {
    fn start(config: &Path, public: SocketAddr, admin: SocketAddr) -> Self {
        let begun = Instant::now();
        let command = Command::new(BINARY).arg("serve").arg("--config").arg(config).stderr(Stdio::null()).spawn();
        let process = command.unwrap();
        wait_until(|| TcpStream::connect(public).is_ok());
        let listening = begun.elapsed();
        wait_until(|| is_ready(admin));
        Self { process, admin, listening, ready: begun.elapsed() }
    }

    fn resident_kib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn cpu_micros(&self) -> f64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let used = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok());
        used.filter_map(|text| text.split(' ').next()?.parse::<f64>().ok()).sum::<f64>() / 1000.0
    }
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the gateway does not come up");
        std::thread::sleep(Duration::from_micros(500));
    }
}

fn ask(admin: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(admin).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn is_ready(admin: SocketAddr) -> bool {
    ask(admin, "/readyz").is_some_and(|answer| answer.split(' ').nth(1) == Some("200"))
}

/// Why requests were refused, by the gateway's own count.
fn refusals(admin: SocketAddr) -> String {
    let metrics = ask(admin, "/metrics").unwrap_or_default();
    let counts = metrics.lines().filter(|line| line.contains("outcome=\"refused\"") && !line.ends_with(" 0"));
    counts.collect::<Vec<_>>().join("\n")
}

/// A port that nobody uses now.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Answers every request 200, on connections that stay open.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut sender = stream.try_clone().unwrap();
                let mut reader = BufReader::new(stream);
                while read_message(&mut reader).is_some() {
                    sender.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
            });
        }
    });
    address
}

/// Reads one message with a length; its first line.
fn read_message(reader: &mut impl std::io::BufRead) -> Option<String> {
    let (mut first, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().ok()?;
        }
        first.get_or_insert(line);
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    first
}

fn connect(public: SocketAddr, client: &Arc<ClientConfig>) -> Tls {
    let stream = TcpStream::connect(public).unwrap();
    stream.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = StreamOwned::new(ClientConnection::new(Arc::clone(client), name).unwrap(), stream);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock).unwrap();
    }
    tls
}

fn genuine(number: usize, key: &SigningKey, clock: &Clock) -> Vec<u8> {
    let end = format!("\",\"id\":\"evt_{number:012}\",\"type\":\"invoice.paid\"}}");
    let body = format!("{{\"data\":\"{}{end}", "x".repeat(BODY_BYTES - end.len() - 9));
    let scheme = Catalogue::builtin().get("stripe").unwrap();
    let request = ToSign { id: None, timestamp: clock.now().wall, headers: &HeaderMap::new(), body: body.as_bytes() };
    let mut message = b"POST /stripe HTTP/1.1\r\nHost: localhost\r\n".to_vec();
    for (name, value) in sign(&scheme, key, &request) {
        message.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    message.extend(format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes());
    message
}

/// One request after the other; the gateway's CPU for each, and the time from end to end.
fn requests(gateway: &Gateway, tls: Tls, key: &SigningKey) -> (f64, Duration) {
    let clock = Clock::system();
    let mut connection = BufReader::new(tls);
    let (mut before, mut waited) = (0.0, Duration::ZERO);
    for number in 0..WARM_UP + REQUESTS {
        if number == WARM_UP {
            (before, waited) = (gateway.cpu_micros(), Duration::ZERO);
        }
        let message = genuine(number, key, &clock);
        let sent = Instant::now();
        connection.get_mut().write_all(&message).unwrap();
        let line = read_message(&mut connection).unwrap();
        waited += sent.elapsed();
        if line.starts_with("HTTP/1.1 503") {
            // A disk that syncs for longer than the audit queue holds out. Said, and waited for.
            println!("refused: {}", refusals(gateway.admin));
            std::thread::sleep(Duration::from_millis(500));
        } else {
            assert!(line.starts_with("HTTP/1.1 200"), "{line}{}", refusals(gateway.admin));
        }
    }
    ((gateway.cpu_micros() - before) / REQUESTS as f64, waited / u32::try_from(REQUESTS).unwrap())
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let mut client = client.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
    // Every handshake whole, as a sender's first is.
    client.resumption = Resumption::disabled();
    let client = Arc::new(client);
    let key = SigningKey::parse(&Catalogue::builtin().get("stripe").unwrap(), None, SecretBytes::new(SECRET.into())).unwrap();

    let mebibytes = std::fs::metadata(BINARY).unwrap().len() as f64 / f64::from(1 << 20);
    println!("binary                                  {mebibytes:.1} MiB");
    for store in ["disk", "memory"] {
        println!("-- store = \"{store}\"");
        of_store(folder.path(), store, &client, &key);
    }
}

fn of_store(folder: &Path, store: &str, client: &Arc<ClientConfig>, key: &SigningKey) {
    let (public, admin) = (free_port(), free_port());
    let places = [("PUBLIC", public), ("ADMIN", admin), ("UPSTREAM", upstream())];
    let text =
        places.iter().fold(CONFIGURATION.replace("STORE", store), |text, (word, place)| text.replace(word, &place.to_string()));
    let config = folder.join(format!("{store}.toml"));
    std::fs::write(&config, text).unwrap();
    let gateway = Gateway::start(&config, public, admin);
    println!("start to listening                      {:.0} ms", gateway.listening.as_secs_f64() * 1000.0);
    println!("start to ready, without a history       {:.1} s", gateway.ready.as_secs_f64());
    let (idle, used) = (gateway.resident_kib(), gateway.cpu_micros());
    println!("resident, idle                          {:.1} MiB", idle / 1024.0);
    let connections: Vec<_> = (0..IDLE).map(|_| connect(public, client)).collect();
    println!("CPU of a whole TLS 1.3 handshake        {:.0} us", (gateway.cpu_micros() - used) / IDLE as f64);
    std::thread::sleep(Duration::from_millis(500));
    println!("resident, each of {IDLE} idle connections  {:.1} KiB", (gateway.resident_kib() - idle) / IDLE as f64);
    drop(connections);
    let (micros, waited) = requests(&gateway, connect(public, client), key);
    println!(
        "CPU of a verified 4 KiB delivery        {micros:.0} us (TLS in, HTTP out, one connection; {waited:.0?} end to end)"
    );
}

const CONFIGURATION: &str = r#"
state_dir = "state-STORE"
[[listener]]
bind = "PUBLIC"
tls = { cert = "tls.crt", key = "tls.key" }
[admin]
bind = "ADMIN"
[limits]
max_connections_per_source = 5000
[replay]
store = "STORE"
[audit]
output = "audit-STORE.jsonl"
[rate_limit]
per_source = { rate = "1000000/s", burst = 1000000 }
[integration.stripe]
provider = "stripe"
owner = "figures"
path = "/stripe"
upstream = "http://UPSTREAM/stripe"
secrets = [{ id = "figures", file = "secret" }]
"#;
