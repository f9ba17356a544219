//! The targets: hookward with everything on, nginx that verifies nothing, HAProxy with and without an HMAC.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio_rustls::TlsConnector;

use crate::requests::SECRET;
use crate::upstream;

/// One proxy, listening.
#[derive(Clone)]
pub struct Target {
    pub name: &'static str,
    pub address: SocketAddr,
    pub tls: Option<TlsConnector>,
    /// The process whose CPU is counted.
    pub process: u32,
    /// Whether a forged request must not pass.
    pub verifies: bool,
}

/// Everything that runs during the comparison. Killed, by pid, when it is dropped.
pub struct Bench {
    children: Vec<Child>,
    targets: Vec<(bool, Target)>,
    _directory: tempfile::TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Ports: plaintext and TLS of each target.
const PORTS: [(&str, u16, u16); 6] = [
    ("disk", 18_106, 18_206),
    ("other", 18_105, 18_205),
    ("hookward", 18_101, 18_201),
    ("nginx, plain", 18_102, 18_202),
    ("HAProxy, plain", 18_103, 18_203),
    ("HAProxy, HMAC", 18_104, 18_204),
];

impl Bench {
    pub fn start() -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().to_path_buf();
        let connector = certificates(&path)?;
        let mut bench = Self { children: Vec::new(), targets: Vec::new(), _directory: directory };
        bench.run(&["taskset", "-c", "1", &std::env::current_exe()?.display().to_string(), "upstream"], &[])?;
        for (name, plain, tls) in PORTS {
            let process = match name {
                "hookward" | "other" | "disk" => {
                    let variable = if name == "other" { "HOOKWARD_OTHER" } else { "HOOKWARD_BINARY" };
                    let Ok(binary) = std::env::var(variable) else { continue };
                    let path = path.join(name);
                    fs::create_dir(&path)?;
                    for file in ["tls.crt", "tls.key"] {
                        fs::copy(path.join("..").join(file), path.join(file))?;
                    }
                    bench.hookward(&binary, &path, plain, tls)?
                }
                "nginx, plain" => bench.nginx(&path, plain, tls)?,
                "HAProxy, plain" => bench.haproxy(&path, plain, tls, false)?,
                _ => bench.haproxy(&path, plain, tls, true)?,
            };
            let verifies = !name.ends_with("plain");
            let target = Target { name, address: ([127, 0, 0, 1], plain).into(), tls: None, process, verifies };
            let secure = Target { address: ([127, 0, 0, 1], tls).into(), tls: Some(connector.clone()), ..target.clone() };
            bench.targets.extend([(false, target), (true, secure)]);
        }
        // The cold start of a store without history.
        std::thread::sleep(Duration::from_secs(4));
        Ok(bench)
    }

    pub fn targets(&self, tls: bool) -> impl Iterator<Item = Target> {
        self.targets.iter().filter(move |(secure, _)| *secure == tls).map(|(_, target)| target.clone())
    }

    fn run(&mut self, command: &[&str], environment: &[(&str, &str)]) -> io::Result<u32> {
        let (program, arguments) = command.split_first().ok_or_else(|| io::Error::other("no command"))?;
        let child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| io::Error::other(format!("{program}: {error}")))?;
        let process = child.id();
        self.children.push(child);
        Ok(process)
    }

    /// taskset replaces itself by its command, so its pid is the proxy's.
    fn pinned(&mut self, command: &[&str]) -> io::Result<u32> {
        let pinned: Vec<&str> = ["taskset", "-c", "0"].iter().chain(command).copied().collect();
        self.run(&pinned, &[])
    }

    fn hookward(&mut self, binary: &str, path: &Path, plain: u16, tls: u16) -> io::Result<u32> {
        fs::write(path.join("github.secret"), SECRET)?;
        let config = write(
            path,
            "hookward.toml",
            &format!(
                "state_dir = \"state\"\n[[listener]]\nname = \"plain\"\nbind = \"127.0.0.1:{plain}\"\nplaintext = \"trusted-proxy\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n\
             [[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:{tls}\"\ntls = {{ cert = \"tls.crt\", key = \"tls.key\" }}\n\
             [admin]\nbind = \"127.0.0.1:{}\"\n[replay]\nstore = \"{}\"\n[audit]\noutput = \"audit.jsonl\"\n[rate_limit]\nper_source = {{ rate = \"1000000/s\", burst = 1000000 }}\n\
             failures_per_source = {{ rate = \"1000000/s\", burst = 1000000 }}\n[log]\nlevel = \"warn\"\n\
             [integration.github]\nprovider = \"github\"\npath = \"/github\"\nupstream = \"http://{}/github\"\nsecrets = [ {{ id = \"one\", file = \"github.secret\" }} ]\n",
                plain + 1000,
                if path.ends_with("disk") { "disk" } else { "memory" },
                upstream::ADDRESS
            ),
        )?;
        self.pinned(&[binary, "serve", "--config", &config])
    }

    fn nginx(&mut self, path: &Path, plain: u16, tls: u16) -> io::Result<u32> {
        let root = path.display();
        let config = write(
            path,
            "nginx.conf",
            &format!(
                "daemon off; master_process off; worker_processes 1; pid {root}/nginx.pid; error_log stderr crit;\n\
             events {{ worker_connections 4096; }}\nhttp {{ access_log off; client_max_body_size 30m; client_body_buffer_size 2m; keepalive_requests 1000000;\n\
             client_body_temp_path {root}/nb; proxy_temp_path {root}/np; fastcgi_temp_path {root}/nf; uwsgi_temp_path {root}/nu; scgi_temp_path {root}/ns;\n\
             upstream up {{ server {}; keepalive 128; keepalive_requests 1000000; }}\n\
             server {{ listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl; ssl_certificate {root}/tls.crt; ssl_certificate_key {root}/tls.key;\n\
             location /github {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection \"\"; }} location / {{ return 404; }} }} }}\n",
                upstream::ADDRESS
            ),
        )?;
        self.pinned(&["nginx", "-c", &config])
    }

    fn haproxy(&mut self, path: &Path, plain: u16, tls: u16, verifies: bool) -> io::Result<u32> {
        let pem = path.join("haproxy.pem");
        fs::write(&pem, format!("{}{}", fs::read_to_string(path.join("tls.crt"))?, fs::read_to_string(path.join("tls.key"))?))?;
        let rules = if verifies {
            format!(
                "option http-buffer-request\n  http-request set-var(txn.mac) req.body,hmac(sha256,{}),hex,lower\n  \
                 http-request set-var(txn.sent) req.hdr(x-hub-signature-256),regsub(^sha256=,)\n  \
                 http-request deny deny_status 401 unless {{ req.hdr(x-hub-signature-256) -m found }}\n  \
                 acl proven var(txn.sent),secure_memcmp(txn.mac)\n  http-request deny deny_status 401 unless proven\n",
                data_encoding::BASE64.encode(SECRET.as_bytes())
            )
        } else {
            String::new()
        };
        let name = if verifies { "haproxy-hmac.cfg" } else { "haproxy.cfg" };
        let config = write(
            path,
            name,
            &format!(
                "global\n  maxconn 4096\n  nbthread 1\n  tune.bufsize 1100000\ndefaults\n  mode http\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\n  timeout http-request 60s\n\
             frontend f\n  bind 127.0.0.1:{plain}\n  bind 127.0.0.1:{tls} ssl crt {}\n  http-request deny deny_status 404 unless {{ path /github }}\n  {rules}  default_backend b\n\
             backend b\n  http-reuse always\n  server s {}\n",
                pem.display(),
                upstream::ADDRESS
            ),
        )?;
        self.pinned(&["haproxy", "-db", "-f", &config])
    }
}

fn write(directory: &Path, name: &str, text: &str) -> io::Result<String> {
    let path: PathBuf = directory.join(name);
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

/// One P-256 certificate for all, and a client that trusts it.
fn certificates(directory: &Path) -> io::Result<TlsConnector> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(io::Error::other)?;
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(directory.join("tls.crt"), &cert)?;
    fs::write(directory.join("tls.key"), key)?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(cert.as_bytes()).map_err(io::Error::other)?).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
