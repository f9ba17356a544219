//! What an operator does to a running gateway, and the traffic that must not notice.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::client::{Answer, Connection, PATIENCE, request};
use super::config::Config;
use super::gateway::{Gateway, hookward_output};
use super::poll;
use super::provider::Delivery;

/// The admin token of [`Config::token`].
pub(crate) const TOKEN: &str = "operator-token-of-the-tests";

/// Replaces a file as careful people do.
pub(crate) fn replace(path: &Path, content: impl AsRef<[u8]>) {
    let beside = path.with_extension("beside");
    fs::write(&beside, content).expect("a file");
    fs::rename(beside, path).expect("renamed");
}

/// What became of one sender's traffic.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Answered 200, with when each was begun and answered.
    pub(crate) taken: Vec<(Instant, Instant)>,
    /// Answered anything else.
    pub(crate) refused: Vec<(u16, String)>,
    /// Not answered, or not even connected.
    pub(crate) broken: Vec<String>,
}

impl Tally {
    /// Asserts that everything was taken.
    #[track_caller]
    pub(crate) fn is_whole(&self, at_least: usize) {
        assert!(self.broken.is_empty(), "{:?}", self.broken);
        assert!(self.refused.is_empty(), "{} refused, the first: {:?}", self.refused.len(), self.refused[0]);
        assert!(self.taken.len() >= at_least, "only {}", self.taken.len());
    }
}

/// Sends one delivery after another over one connection until it is over.
pub(crate) fn flow(gateway: &Gateway, over: &AtomicBool, pause: Duration, delivery: impl Fn() -> Delivery) -> Tally {
    let mut tally = Tally::default();
    let mut connection: Option<Connection> = None;
    while !over.load(Ordering::SeqCst) {
        let delivery = delivery();
        let bytes = request(&delivery.provider.path(), &delivery.headers, &delivery.body);
        let opened = match connection.take() {
            Some(open) => Ok(open),
            None => gateway.try_connect(Ipv4Addr::LOCALHOST),
        };
        let begun = Instant::now();
        let answer = opened.map_err(|error| error.to_string()).and_then(|mut open| {
            open.try_send(&bytes).map_err(|error| error.to_string())?;
            let answer = open.try_answer(PATIENCE).map_err(|silence| format!("{silence:?}"))?;
            Ok((answer, open))
        });
        match answer {
            Ok((answer, open)) => {
                if answer.status == 200 {
                    tally.taken.push((begun, Instant::now()));
                } else {
                    tally.refused.push((answer.status, answer.text()));
                }
                connection = (!answer.closed).then_some(open);
            }
            Err(error) => tally.broken.push(error),
        }
        std::thread::sleep(pause);
    }
    tally
}

impl Gateway {
    /// Writes another configuration, and the files it names, over the present one.
    pub(crate) fn rewrite(&self, config: &Config) {
        for (name, text) in &config.files {
            replace(&self.directory().join(name), text);
        }
        replace(&self.directory().join("hookward.toml"), config.text(self.ports()));
    }

    /// A changing call, as an operator makes it.
    #[track_caller]
    pub(crate) fn tell(&self, path: &str, body: &str) -> Answer {
        self.tell_as(path, body, &[("Authorization", &format!("Bearer {TOKEN}")), ("Content-Type", "application/json")])
    }

    /// A changing call with headers of the test's choice.
    #[track_caller]
    pub(crate) fn tell_as(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let host = if headers.iter().any(|(name, _)| *name == "Host") { "" } else { "Host: localhost\r\n" };
        let lines = headers.iter().fold(String::new(), |lines, (name, value)| lines + name + ": " + value + "\r\n");
        let mut connection = self.connect_admin();
        let head = format!("POST {path} HTTP/1.1\r\n{host}{lines}Content-Length: {}\r\n\r\n", body.len());
        connection.send(format!("{head}{body}").as_bytes());
        connection.answer()
    }

    /// Asks for a reload and waits for its end.
    #[track_caller]
    pub(crate) fn reload(&self) -> Answer {
        self.tell("/api/v1/reload", "{}")
    }

    /// Asks for a reload that must be applied.
    #[track_caller]
    pub(crate) fn reload_applied(&self) {
        let answer = self.reload();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// How many reloads ended in a way.
    pub(crate) fn reloads(&self, result: &str) -> u64 {
        let count = self.metrics().sum("hookward_config_reloads_total", &[("result", result)]);
        format!("{count:.0}").parse().expect("a count")
    }

    /// Waits until a reload that nobody asked for ended in a way, after `before` of them.
    #[track_caller]
    pub(crate) fn await_reload(&self, result: &str, before: u64) {
        let ended = poll(PATIENCE, || (self.reloads(result) > before).then_some(()));
        assert!(ended.is_some(), "no reload was {result}:\n{}", self.stderr());
    }

    /// Runs a verb against this gateway.
    #[track_caller]
    pub(crate) fn verb(&self, arguments: &[&str]) -> Output {
        hookward_output(self.directory(), &[arguments, &["--config", "hookward.toml"]].concat())
    }

    /// What `/readyz` says.
    #[track_caller]
    pub(crate) fn readiness(&self) -> serde_json::Value {
        self.admin("/readyz").json()
    }

    /// Memory that the process holds, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.of_process("VmRSS:")
    }

    /// Threads that the process has.
    pub(crate) fn threads(&self) -> u64 {
        self.of_process("Threads:")
    }

    /// Descriptors that the process has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("a process").count()
    }

    fn of_process(&self, key: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a process");
        let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("a line");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }
}
