//! The real binary as a child process: started in a directory of its own, asked over its own sockets, ended by pid.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::audit::{self, Ledger, Record};
use super::certificate::Certificate;
use super::client::{Answer, Connection, HOST, PATIENCE, request};
use super::config::{Config, Ports};
use super::metrics::Metrics;
use super::poll;
use super::provider::Delivery;

/// A running gateway. Dropped, it is killed.
pub(crate) struct Gateway {
    child: Child,
    config: Config,
    directory: TempDir,
    ports: Ports,
}

/// The binary, in a directory, without the environment's own configuration.
pub(crate) fn hookward(directory: &Path) -> Command {
    prepared(Command::new(env!("CARGO_BIN_EXE_hookward")), directory)
}

fn prepared(mut command: Command, directory: &Path) -> Command {
    command.current_dir(directory).env_remove("HOOKWARD_CONFIG").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs a verb to its end.
#[track_caller]
pub(crate) fn hookward_output(directory: &Path, arguments: &[&str]) -> Output {
    hookward(directory).args(arguments).output().expect("the binary runs")
}

impl Gateway {
    /// Starts and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(config: Config) -> Self {
        let mut gateway = Self::start_unready(config);
        gateway.wait_until("/readyz");
        gateway
    }

    /// Starts and waits until it is alive.
    #[track_caller]
    pub(crate) fn start_unready(config: Config) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut gateway = Self::spawn(config, directory);
        gateway.wait_until("/healthz");
        gateway
    }

    /// Starts it though it should not start.
    #[track_caller]
    pub(crate) fn start_refused(config: Config) -> Self {
        Self::spawn(config, tempfile::tempdir().expect("a directory"))
    }

    #[track_caller]
    fn spawn(config: Config, directory: TempDir) -> Self {
        let (child, ports) = spawn(&config, directory.path());
        Self { child, config, directory, ports }
    }

    /// Kills it without a word and starts it again on the same state.
    #[track_caller]
    pub(crate) fn restart_after_kill(mut self) -> Self {
        self.kill();
        self.start_again();
        self.wait_until("/healthz");
        self
    }

    /// Kills it without a word.
    #[track_caller]
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it lives");
        self.child.wait().expect("it ends");
    }

    /// Starts it again on the same state and other ports. It may not be alive yet.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        (self.child, self.ports) = spawn(&self.config, self.directory.path());
    }

    /// Waits until an admin path answers 200.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, path: &str) {
        let ready = poll(PATIENCE, || {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("the gateway ended with {status}:\n{}", self.stderr());
            }
            self.try_admin(path).ok().filter(|answer| answer.status == 200)
        });
        assert!(ready.is_some(), "{path} never turned 200:\n{}", self.stderr());
    }

    pub(crate) fn ports(&self) -> Ports {
        self.ports
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A TLS connection.
    #[track_caller]
    pub(crate) fn connect(&self) -> Connection {
        self.connect_from(Ipv4Addr::LOCALHOST)
    }

    /// A TLS connection from another loopback address: another source.
    #[track_caller]
    pub(crate) fn connect_from(&self, from: Ipv4Addr) -> Connection {
        self.try_connect(from).expect("the gateway takes a connection")
    }

    pub(crate) fn try_connect(&self, from: Ipv4Addr) -> io::Result<Connection> {
        Connection::tls(self.ports.public, from, Certificate::shared())
    }

    /// TCP to the TLS port, without TLS.
    #[track_caller]
    pub(crate) fn connect_raw(&self) -> Connection {
        Connection::plain(self.ports.public, Ipv4Addr::LOCALHOST).expect("a connection")
    }

    /// TCP to the plaintext listener.
    #[track_caller]
    pub(crate) fn connect_plain(&self) -> Connection {
        Connection::plain(self.ports.plain, Ipv4Addr::LOCALHOST).expect("a connection")
    }

    /// TCP to the admin listener.
    #[track_caller]
    pub(crate) fn connect_admin(&self) -> Connection {
        Connection::plain(self.ports.admin, Ipv4Addr::LOCALHOST).expect("a connection")
    }

    /// Posts on a connection of its own.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
        let mut connection = self.connect();
        connection.send(&request(path, headers, body));
        connection.answer()
    }

    /// Sends a delivery to its provider's own path.
    #[track_caller]
    pub(crate) fn deliver(&self, delivery: &Delivery) -> Answer {
        self.deliver_to(&delivery.provider.path(), delivery)
    }

    #[track_caller]
    pub(crate) fn deliver_to(&self, path: &str, delivery: &Delivery) -> Answer {
        self.post(path, &delivery.headers, &delivery.body)
    }

    #[track_caller]
    pub(crate) fn deliver_from(&self, from: Ipv4Addr, delivery: &Delivery) -> Answer {
        let mut connection = self.connect_from(from);
        connection.send_delivery(&delivery.provider.path(), delivery);
        connection.answer()
    }

    fn try_admin(&self, path: &str) -> io::Result<Answer> {
        get(self.ports.admin, path)
    }

    /// Asks the admin listener.
    #[track_caller]
    pub(crate) fn admin(&self, path: &str) -> Answer {
        self.try_admin(path).expect("the admin listener answers")
    }

    #[track_caller]
    pub(crate) fn metrics(&self) -> Metrics {
        let answer = self.admin("/metrics");
        assert_eq!(answer.status, 200);
        Metrics::parse(&answer.text())
    }

    /// Waits until the metrics say it: what is counted behind an answer may be counted a moment after it.
    #[track_caller]
    pub(crate) fn comes_to(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        let came = poll(Duration::from_secs(10), || ((self.metrics().sum(name, labels) - value).abs() < 0.5).then_some(()));
        assert!(came.is_some(), "{name} {labels:?} never came to {value}: {}", self.metrics().text);
    }

    pub(crate) fn audit_path(&self) -> PathBuf {
        self.directory.path().join("audit.jsonl")
    }

    pub(crate) fn audit_text(&self) -> String {
        fs::read_to_string(self.audit_path()).unwrap_or_default()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default()
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(self.directory.path().join("stdout")).unwrap_or_default()
    }

    /// Waits for a record of a request.
    #[track_caller]
    pub(crate) fn await_record(&self, fits: impl Fn(&Record) -> bool) -> Record {
        let find = || audit::parse(&self.audit_text()).into_iter().find(|record| record.kind() == "request" && fits(record));
        poll(PATIENCE, find).unwrap_or_else(|| panic!("no such record in\n{}", self.audit_text()))
    }

    /// Sends a signal by name.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.pid());
        let status = Command::new("sh").args(["-c", &command]).status().expect("a shell");
        assert!(status.success(), "{command}");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let ended = poll(limit, || self.child.try_wait().expect("a child"));
        ended.unwrap_or_else(|| panic!("still there after {limit:?}:\n{}", self.stderr()))
    }

    /// Ends it as an operator would, and hands over the log with its chain proven.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ledger {
        self.signal("TERM");
        self.exit_cleanly()
    }

    /// Waits for a clean end that somebody else asked for.
    #[track_caller]
    pub(crate) fn exit_cleanly(&mut self) -> Ledger {
        let status = self.wait_exit(PATIENCE);
        assert_eq!(status.code(), Some(0), "{}", self.stderr());
        Ledger::read(&self.audit_text())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the gateway's log ---\n{}", self.stderr());
        }
    }
}

/// A GET on a plaintext port of this machine.
pub(crate) fn get(port: u16, path: &str) -> io::Result<Answer> {
    let mut connection = Connection::plain(port, Ipv4Addr::LOCALHOST)?;
    connection.try_send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n").as_bytes())?;
    connection.try_answer(PATIENCE).map_err(|silence| io::Error::other(format!("{silence:?}")))
}

fn spawn(config: &Config, directory: &Path) -> (Child, Ports) {
    let ports = Ports { public: free_port(), plain: free_port(), admin: free_port(), probe: free_port() };
    write_files(config, directory, ports);
    let log = |name: &str| File::options().create(true).append(true).open(directory.join(name)).expect("a log");
    let mut command = hookward(directory);
    if let Some((first, rest)) = config.launcher.split_first() {
        let binary = command.get_program().to_owned();
        command = prepared(Command::new(first), directory);
        command.args(rest).arg(binary);
    }
    command.args(["serve", "--config", "hookward.toml"]).envs(config.environment.iter().cloned());
    let child = command.stdout(log("stdout")).stderr(log("stderr")).spawn().expect("the binary starts");
    (child, ports)
}

fn write_files(config: &Config, directory: &Path, ports: Ports) {
    let certificate = Certificate::shared();
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).expect("a file");
    write("hookward.toml", &config.text(ports));
    write("tls.crt", &certificate.cert_pem);
    write("tls.key", &certificate.key_pem);
    // What a test changed in between stays when it is started again.
    for (name, text) in config.files.iter().filter(|(name, _)| !directory.join(name).exists()) {
        write(name, text);
    }
}

/// A port outside the range that the kernel hands to clients, so that nobody takes it between now and the bind.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 18_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(COUNT)).expect("fits");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
