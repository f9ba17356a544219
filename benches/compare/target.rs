//! The targets while they run, and where each is asked for what.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio_rustls::TlsConnector;

use crate::peers::{self, Ports};
use crate::requests::Kind;

/// One listening address, and the process behind it.
#[derive(Clone)]
pub struct Place {
    pub address: SocketAddr,
    pub tls: Option<TlsConnector>,
    /// The process whose CPU is counted.
    pub process: u32,
}

/// One proxy.
pub struct Target {
    pub name: &'static str,
    /// Whether it looks at signatures.
    pub verifies: bool,
    ports: Ports,
    process: u32,
    /// A second process where a spent budget needs a configuration of its own.
    limited: Option<(Ports, u32)>,
    connector: TlsConnector,
}

impl Target {
    /// Everybody.
    pub const ALL: [&'static str; 7] = [
        "hookward",
        "hookward, disk",
        "nginx, plain",
        "HAProxy, plain",
        "nginx + Lua, HMAC",
        "HAProxy, HMAC",
        "hookward, two workers",
    ];

    /// Where a kind of request goes.
    pub fn place(&self, kind: Kind, tls: bool) -> Place {
        let (ports, process) = match self.limited {
            Some(limited) if kind == Kind::Limited => limited,
            _ => (self.ports, self.process),
        };
        let port = if tls { ports.tls } else { ports.plain };
        Place { address: ([127, 0, 0, 1], port).into(), tls: tls.then(|| self.connector.clone()), process }
    }

    pub const fn process(&self) -> u32 {
        self.process
    }
}

/// Everything that runs during the comparison. Killed, by pid, when it is dropped.
pub struct Bench {
    children: Vec<Child>,
    targets: Vec<Target>,
    directory: tempfile::TempDir,
    connector: TlsConnector,
    next_port: u16,
}

impl Drop for Bench {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Bench {
    /// Starts the upstream and these targets, and waits until all listen and the cold start of a store without history is over.
    pub fn start(names: &[&'static str]) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let connector = certificates(directory.path())?;
        let mut bench = Self { children: Vec::new(), targets: Vec::new(), directory, connector, next_port: 18_100 };
        let own = std::env::current_exe()?.display().to_string();
        bench.run(&["taskset", "-c", "1", &own, "upstream"])?;
        for name in names {
            let target = bench.target(name)?;
            bench.targets.push(target);
        }
        for target in &bench.targets {
            await_listening(target.ports.plain)?;
        }
        std::thread::sleep(Duration::from_secs(4));
        Ok(bench)
    }

    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter()
    }

    fn target(&mut self, name: &'static str) -> io::Result<Target> {
        let root = self.directory.path().to_path_buf();
        let ports = self.ports();
        let cores = if name == "hookward, two workers" { "0,1" } else { "0" };
        let command = match name {
            "nginx, plain" => peers::nginx(&root, ports, false)?,
            "nginx + Lua, HMAC" => peers::nginx(&root, ports, true)?,
            "HAProxy, plain" => peers::haproxy(&root, ports, false)?,
            "HAProxy, HMAC" => peers::haproxy(&root, ports, true)?,
            _ => {
                peers::hookward(&self.own_directory(name)?, ports, if name.ends_with("disk") { "disk" } else { "memory" }, false)?
            }
        };
        let process = self.pinned(cores, &command)?;
        let limited = if name == "hookward" {
            let ports = self.ports();
            let command = peers::hookward(&self.own_directory("limited")?, ports, "memory", true)?;
            Some((ports, self.pinned(cores, &command)?))
        } else {
            None
        };
        Ok(Target { name, verifies: !name.ends_with("plain"), ports, process, limited, connector: self.connector.clone() })
    }

    fn ports(&mut self) -> Ports {
        self.next_port += 10;
        Ports { plain: self.next_port, tls: self.next_port + 1, admin: self.next_port + 2 }
    }

    fn own_directory(&self, name: &str) -> io::Result<PathBuf> {
        let own = self.directory.path().join(name.replace([',', ' '], "-"));
        fs::create_dir(&own)?;
        for file in ["tls.crt", "tls.key"] {
            fs::copy(self.directory.path().join(file), own.join(file))?;
        }
        Ok(own)
    }

    /// taskset replaces itself by its command, so its pid is the proxy's.
    fn pinned(&mut self, cores: &str, command: &[String]) -> io::Result<u32> {
        let pinned: Vec<&str> = ["taskset", "-c", cores].into_iter().chain(command.iter().map(String::as_str)).collect();
        self.run(&pinned)
    }

    fn run(&mut self, command: &[&str]) -> io::Result<u32> {
        let (program, arguments) = command.split_first().ok_or_else(|| io::Error::other("no command"))?;
        let child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn();
        let child = child.map_err(|error| io::Error::other(format!("{program}: {error}")))?;
        let process = child.id();
        self.children.push(child);
        Ok(process)
    }
}

fn await_listening(port: u16) -> io::Result<()> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(io::Error::other(format!("nobody listens on port {port}")))
}

/// One P-256 certificate for all, and a client that trusts it and resumes nothing: a new connection is a whole handshake.
///
/// Keys are agreed on by X25519 with everybody. Left to itself this client would offer X25519MLKEM768 first, which hookward
/// takes and Debian's OpenSSL does not know: its handshake would be dearer for being a better one. `KEY_EXCHANGE=hybrid` shows that.
fn certificates(directory: &Path) -> io::Result<TlsConnector> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(io::Error::other)?;
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(directory.join("tls.crt"), &cert)?;
    fs::write(directory.join("tls.key"), key)?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(cert.as_bytes()).map_err(io::Error::other)?).map_err(io::Error::other)?;
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    if std::env::var("KEY_EXCHANGE").is_ok_and(|named| named == "hybrid") {
        eprintln!("keys are agreed on by X25519MLKEM768 where the proxy can");
    } else {
        provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::X25519];
    }
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}
