//! The life of a pod and of a unit: probes, mounted files, signals, sockets, and the end.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::audit::Ledger;
use crate::support::certificate::Certificate;
use crate::support::client::{Connection, PATIENCE};
use crate::support::config::{Config, Integration, Ports};
use crate::support::gateway::{Gateway, free_port, get};
use crate::support::operator::flow;
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;
use crate::support::{fresh_id, poll, unix_now};

const PROVIDER: Provider = Provider::Stripe;

/// Puts a directory of the moment in place as kubelet does, for all files of a volume at once.
fn mount(root: &Path, moment: &str, files: &[(&str, String)]) {
    fs::create_dir_all(root.join(moment)).unwrap();
    for (name, text) in files {
        fs::write(root.join(moment).join(name), text).unwrap();
        if !root.join(name).is_symlink() {
            symlink(format!("..data/{name}"), root.join(name)).unwrap();
        }
    }
    symlink(moment, root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
}

fn signed_by(label: &str) -> crate::support::provider::Delivery {
    let id = fresh_id();
    PROVIDER.sign(&PROVIDER.secret(label), &id, unix_now(), &PROVIDER.body(&id))
}

/// A gateway as a container runs it: its own directory, `HOOKWARD_CONFIG`, nothing else.
struct Pod {
    child: Child,
    ports: Ports,
    directory: tempfile::TempDir,
}

impl Pod {
    fn configuration(ports: Ports, upstream: &Upstream, secrets: &str) -> String {
        format!(
            "state_dir = \"../state\"\n[[listener]]\nbind = \"127.0.0.1:{}\"\ntls = {{ cert = \"../tls/tls.crt\", key = \"../tls/tls.key\" }}\n\
             [admin]\nbind = \"127.0.0.1:{}\"\nprobe_bind = \"127.0.0.1:{}\"\n[limits]\ndrain_delay = \"1s\"\ndrain_timeout = \"5s\"\n\
             [rate_limit]\nper_source = {{ rate = \"100000/s\", burst = 100000 }}\n[replay]\nstore = \"memory\"\n[audit]\noutput = \"stdout\"\n\
             [integration.payments]\nprovider = \"stripe\"\npath = \"/hooks/stripe\"\nupstream = \"{}\"\nsecrets = [ {secrets} ]\n",
            ports.public,
            ports.admin,
            ports.probe,
            upstream.url(),
        )
    }

    fn start(upstream: &Upstream) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let ports = Ports { public: free_port(), plain: free_port(), admin: free_port(), probe: free_port() };
        for volume in ["config", "tls", "secrets"] {
            fs::create_dir(root.join(volume)).unwrap();
        }
        let certificate = Certificate::shared();
        let pair = [("tls.crt", certificate.cert_pem.clone()), ("tls.key", certificate.key_pem.clone())];
        mount(&root.join("tls"), "..1", &pair);
        mount(&root.join("secrets"), "..1", &[("one", PROVIDER.secret("one").configured)]);
        let text = Self::configuration(ports, upstream, "{ id = \"one\", file = \"../secrets/one\" }");
        mount(&root.join("config"), "..1", &[("hookward.toml", text)]);
        let stdout = fs::File::create(root.join("stdout")).unwrap();
        let stderr = fs::File::create(root.join("stderr")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_hookward"))
            .arg("serve")
            .env("HOOKWARD_CONFIG", root.join("config/hookward.toml"))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        Self { child, ports, directory }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default()
    }

    #[track_caller]
    fn wait_for_probe(&self, path: &str, status: u16) {
        let seen = poll(PATIENCE, || get(self.ports.probe, path).ok().filter(|answer| answer.status == status));
        assert!(seen.is_some(), "{path} is not {status}:\n{}", self.log());
    }

    fn deliver(&self, label: &str) -> u16 {
        let delivery = signed_by(label);
        let mut connection = Connection::tls(self.ports.public, std::net::Ipv4Addr::LOCALHOST, Certificate::shared()).unwrap();
        connection.send_delivery(&PROVIDER.path(), &delivery);
        connection.answer().status
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_sidecar_lives_its_life() {
    let upstream = Upstream::start();
    let mut pod = Pod::start(&upstream);
    // Start: alive at once, ready when the second of the cold start is over.
    pod.wait_for_probe("/healthz", 200);
    pod.wait_for_probe("/readyz", 200);
    assert_eq!(pod.deliver("one"), 200);
    // A secret is added: first the volume, then the configuration, as kubelet happens to sync them.
    let root = pod.directory.path().to_owned();
    let both = ["one", "two"].map(|label| (label, PROVIDER.secret(label).configured));
    mount(&root.join("secrets"), "..2", &both);
    let secrets = "{ id = \"two\", file = \"../secrets/two\" }, { id = \"one\", file = \"../secrets/one\", not_after = 2099-01-01T00:00:00Z }";
    let text = Pod::configuration(pod.ports, &upstream, secrets);
    mount(&root.join("config"), "..2", &[("hookward.toml", text.clone())]);
    let live = poll(Duration::from_secs(10), || (pod.deliver("two") == 200).then_some(()));
    assert!(live.is_some(), "{}", pod.log());
    assert_eq!(pod.deliver("one"), 200);
    // The other order: a configuration that names what is not there yet is refused, and found good a moment later.
    let three = secrets.replace("\"two\"", "\"three\"").replace("secrets/two", "secrets/three");
    mount(&root.join("config"), "..3", &[("hookward.toml", Pod::configuration(pod.ports, &upstream, &three))]);
    let degraded = poll(Duration::from_secs(10), || {
        get(pod.ports.probe, "/readyz").ok().filter(|answer| answer.text().contains("degraded"))
    });
    assert_eq!(degraded.expect("degraded").status, 200);
    assert_eq!(pod.deliver("two"), 200, "the old one goes on");
    let all = ["one", "two", "three"].map(|label| (label, PROVIDER.secret(label).configured));
    mount(&root.join("secrets"), "..3", &all);
    let live = poll(Duration::from_secs(10), || (pod.deliver("three") == 200).then_some(()));
    assert!(live.is_some(), "{}", pod.log());
    // The end: the probe says so first, then nothing is taken any more; the exit is clean.
    let terminated = Command::new("kill").args(["-TERM", &pod.child.id().to_string()]).status().unwrap();
    assert!(terminated.success());
    pod.wait_for_probe("/readyz", 503);
    assert_eq!(pod.deliver("three"), 200, "still serving while load balancers notice");
    let status = poll(PATIENCE, || pod.child.try_wait().unwrap()).expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", pod.log());
    let ledger = Ledger::read(&fs::read_to_string(root.join("stdout")).unwrap());
    assert_eq!(ledger.records.last().unwrap().kind(), "stop");
    assert!(ledger.requests().iter().filter(|record| record.reason() == "delivered").count() >= 6);
}

#[test]
fn systemd_is_told_and_its_signals_are_heard() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("notify");
    let notify = UnixDatagram::bind(&socket).unwrap();
    notify.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = || {
        let mut buffer = [0; 1024];
        let length = notify.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let upstream = Upstream::start();
    let config = Config::of(Integration::new(PROVIDER, &upstream.url())).token();
    let mut gateway = Gateway::start(config.environment("NOTIFY_SOCKET", socket.to_str().unwrap()));
    assert!(hear().contains("READY=1"));
    gateway.signal("HUP");
    let reloading = hear();
    assert!(reloading.contains("RELOADING=1") && reloading.contains("MONOTONIC_USEC="), "{reloading}");
    assert!(hear().contains("READY=1"));
    assert_eq!(gateway.reloads("applied"), 1);
    gateway.signal("TERM");
    assert!(hear().contains("STOPPING=1"));
    gateway.exit_cleanly();
}

#[test]
fn a_socket_that_systemd_opened_outlives_the_process() {
    let upstream = Upstream::start();
    let mut pod = Pod::start(&upstream);
    pod.child.kill().unwrap();
    pod.child.wait().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", pod.ports.public)).unwrap();
    let root = pod.directory.path().to_owned();
    let start = || {
        // What systemd does, in a shell's words: descriptor 3, its count, and whom it is for.
        let script = format!("LISTEN_PID=$$ LISTEN_FDS=1 exec '{}' serve 3<&0 0</dev/null", env!("CARGO_BIN_EXE_hookward"));
        let log = fs::File::options().append(true).open(root.join("stderr")).unwrap();
        let handed = OwnedFd::from(listener.try_clone().unwrap());
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(Stdio::from(handed)).stdout(Stdio::null()).stderr(log);
        command.env("HOOKWARD_CONFIG", root.join("config/hookward.toml")).spawn().unwrap()
    };
    pod.child = start();
    pod.wait_for_probe("/readyz", 200);
    assert_eq!(pod.deliver("one"), 200);
    assert!(Command::new("kill").args(["-TERM", &pod.child.id().to_string()]).status().unwrap().success());
    assert_eq!(poll(PATIENCE, || pod.child.try_wait().unwrap()).expect("it ends").code(), Some(0), "{}", pod.log());
    // Nobody serves, and nobody is refused: who calls now waits for the next process.
    let delivery = signed_by("one");
    let waiting = std::thread::spawn({
        let port = pod.ports.public;
        move || {
            let mut connection = Connection::tls(port, std::net::Ipv4Addr::LOCALHOST, Certificate::shared()).unwrap();
            connection.send_delivery(&PROVIDER.path(), &delivery);
            connection.answer().status
        }
    });
    pod.child = start();
    let status = waiting.join().unwrap();
    assert!(status == 200 || status == 503, "{status}: taken, or signed before the start");
    pod.wait_for_probe("/readyz", 200);
    assert_eq!(pod.deliver("one"), 200);
    // A socket for an address that no listener has is a mistake.
    let stray = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let script = format!("LISTEN_PID=$$ LISTEN_FDS=1 exec '{}' serve 3<&0 0</dev/null", env!("CARGO_BIN_EXE_hookward"));
    pod.child.kill().unwrap();
    pod.child.wait().unwrap();
    let refused = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::from(OwnedFd::from(stray)))
        .env("HOOKWARD_CONFIG", root.join("config/hookward.toml"))
        .output()
        .unwrap();
    drop(listener);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn shd_03_killed_without_a_word_it_starts_clean_and_its_log_is_whole() {
    let upstream = Upstream::start();
    let config = Config::of(Integration::new(PROVIDER, &upstream.url())).token();
    let mut gateway = Gateway::start(config.set("rate_limit", "per_source", "{ rate = \"100000/s\", burst = 100000 }"));
    for round in 0..5 {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| flow(&gateway, &over, Duration::ZERO, || PROVIDER.delivery()));
            std::thread::sleep(Duration::from_millis(150));
            let killed = Command::new("kill").args(["-KILL", &gateway.pid().to_string()]).status().unwrap();
            assert!(killed.success());
            std::thread::sleep(Duration::from_millis(50));
            over.store(true, Ordering::SeqCst);
            assert!(!sender.join().unwrap().taken.is_empty(), "round {round}");
        });
        if round == 2 {
            // A power loss in the middle of a line.
            let mut log = fs::File::options().append(true).open(gateway.audit_path()).unwrap();
            log.write_all(b"{\"ts\":\"2026-").unwrap();
        }
        gateway = gateway.restart_after_kill();
        gateway.wait_until("/readyz");
        assert_eq!(gateway.deliver(&PROVIDER.delivery()).status, 200, "round {round}");
    }
    gateway.signal("TERM");
    gateway.wait_exit(PATIENCE);
    let verified = crate::support::gateway::hookward_output(
        gateway.directory(),
        &["audit", "verify", "--state-dir", "state", "audit.jsonl"],
    );
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
}
