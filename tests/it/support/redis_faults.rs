//! What a Redis is made to suffer: it stands still, loses its connections, follows another, gives way to it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::poll;
use crate::support::redis::RedisServer;

#[track_caller]
pub(crate) fn follow(replica: &RedisServer, primary: &RedisServer) {
    replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let linked = || replica.command(&["INFO", "replication"]).contains("master_link_status:up");
    assert!(poll(Duration::from_secs(15), || linked().then_some(())).is_some(), "the replica follows");
}

/// A server that stands still: its connections stay open, nothing is answered. Dropped, it goes on.
pub(crate) struct Paused(String);

impl Paused {
    pub(crate) fn stop(redis: &RedisServer) -> Self {
        let info = redis.command(&["INFO", "server"]);
        let pid = info.lines().find_map(|line| line.trim_end().strip_prefix("process_id:")).unwrap();
        signal("STOP", pid);
        Self(pid.to_owned())
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        signal("CONT", &self.0);
    }
}

pub(crate) fn signal(name: &str, pid: &str) {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_owned()]).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// Cuts every connection but the one that asks.
pub(crate) fn kill_clients(redis: &RedisServer, password: Option<&str>) {
    match password {
        Some(password) => as_user(redis, password, &["CLIENT", "KILL", "TYPE", "normal"]),
        None => drop(redis.command(&["CLIENT", "KILL", "TYPE", "normal"])),
    }
}

/// One command behind a password.
pub(crate) fn as_user(redis: &RedisServer, password: &str, words: &[&str]) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port())).unwrap();
    let quoted = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ");
    stream.write_all(format!("AUTH {password}\r\n{quoted}\r\n").as_bytes()).unwrap();
    let mut answer = [0; 512];
    let mut told = String::new();
    while told.matches("\r\n").count() < 2 {
        let count = stream.read(&mut answer).unwrap();
        assert!(count > 0, "{told}");
        told.push_str(&String::from_utf8_lossy(&answer[..count]));
    }
    assert!(!told.contains('-'), "{told}");
}

/// An address that leads to one server, then to another: a service, a proxy, a name.
pub(crate) struct Switch {
    pub(crate) port: u16,
    pub(crate) target: Arc<AtomicU16>,
    pub(crate) open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Switch {
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (target, open) = (Arc::new(AtomicU16::new(target)), Arc::new(Mutex::new(Vec::new())));
        let (leads_to, opened) = (Arc::clone(&target), Arc::clone(&open));
        std::thread::spawn(move || {
            for inner in listener.incoming().map_while(Result::ok) {
                let Ok(outer) = TcpStream::connect((Ipv4Addr::LOCALHOST, leads_to.load(Ordering::SeqCst))) else { continue };
                opened.lock().unwrap().extend([inner.try_clone().unwrap(), outer.try_clone().unwrap()]);
                for (mut from, mut to) in [(inner.try_clone().unwrap(), outer.try_clone().unwrap()), (outer, inner)] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Self { port, target, open }
    }

    pub(crate) fn turn(&self, target: u16) {
        self.target.store(target, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
