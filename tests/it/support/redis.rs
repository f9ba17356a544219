//! A real Redis of the test's own: on a port of its own, in a directory of its own, ended by its pid.
//!
//! Speaks its protocol by hand, so that nothing the product uses can be wrong in the same way here.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

/// A running server. Dropped, it is killed.
pub(crate) struct RedisServer {
    child: Option<Child>,
    arguments: Vec<String>,
    directory: TempDir,
    port: u16,
}

impl RedisServer {
    /// An empty one that writes nothing to disk.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more settings, each as `--name value`.
    #[track_caller]
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let fixed = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"];
        Self::start_as(fixed.iter().chain(settings).map(|argument| (*argument).to_owned()).collect())
    }

    /// Started with these arguments and a port.
    #[track_caller]
    pub(crate) fn start_as(arguments: Vec<String>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut server = Self { child: None, arguments, directory, port: free_port() };
        server.spawn();
        server
    }

    /// Starts it on its port and waits until it answers.
    #[track_caller]
    pub(crate) fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(self.directory.path().join("log")).expect("a log");
        let mut command = Command::new(program());
        command.args(&self.arguments).args(["--port", &self.port.to_string()]);
        command.current_dir(self.directory.path()).stdin(Stdio::null()).stdout(log).stderr(Stdio::null());
        let child = command.spawn().expect("the server is missing: apt-get install redis-server");
        self.child = Some(child);
        for _ in 0..500 {
            if self.try_command(&["PING"]).is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        panic!("redis-server never answered:\n{log}");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, without a word to anybody.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks for something on a connection of its own; arrays are joined by spaces.
    #[track_caller]
    pub(crate) fn command(&self, words: &[&str]) -> String {
        let answer = self.try_command(words).unwrap_or_else(|| panic!("no answer to {words:?}"));
        assert!(!answer.starts_with('-'), "{words:?}: {answer}");
        answer
    }

    /// The same, where there may be no answer. Errors begin with `-`.
    pub(crate) fn try_command(&self, words: &[&str]) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            let _ = write!(text, "${}\r\n{word}\r\n", word.len());
        }
        stream.write_all(text.as_bytes()).ok()?;
        read_answer(&mut BufReader::new(stream))
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The server's program: Redis, or whatever speaks its protocol and is to be tried, such as Valkey.
#[expect(clippy::disallowed_methods, reason = "the outside of the gateway may be told which server it is")]
fn program() -> OsString {
    std::env::var_os("HOOKWARD_REDIS_SERVER").unwrap_or_else(|| "redis-server".into())
}

fn read_answer(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let line = line.trim_end();
    match line.as_bytes().first()? {
        b'+' | b':' => Some(line[1..].to_owned()),
        b'$' => {
            let Ok(length) = line[1..].parse::<usize>() else { return Some(String::new()) };
            let mut bytes = vec![0; length + 2];
            reader.read_exact(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
        }
        b'*' => {
            let count = line[1..].parse::<usize>().unwrap_or(0);
            let parts = (0..count).map(|_| read_answer(reader)).collect::<Option<Vec<_>>>()?;
            Some(parts.join(" "))
        }
        _ => Some(line.to_owned()),
    }
}

/// A port outside the range that the kernel hands to clients, so that it is free again after a restart.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 30_100;
    const COUNT: u16 = 2_600;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id().wrapping_mul(89) % u32::from(COUNT)).expect("fits");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
