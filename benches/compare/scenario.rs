//! What is measured.

use crate::requests::Kind;

/// How connections are used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// So many, each sends its next request when the last one is answered.
    Kept(usize),
    /// A new one for each request, so many at a time.
    New(usize),
    /// So many, and so many requests a second, whenever they are due, whether or not the last one is answered.
    Paced { connections: usize, per_second: usize },
}

/// One line of the table.
pub struct Scenario {
    pub name: &'static str,
    pub tls: bool,
    pub kind: Kind,
    pub body_bytes: usize,
    /// Requests a round and target.
    pub requests: usize,
    pub connections: Connections,
    targets: &'static [&'static str],
}

/// Everybody that can be asked for anything.
const EVERYBODY: &[&str] =
    &["hookward", "hookward, disk", "nginx, plain", "HAProxy, plain", "nginx + Lua, HMAC", "HAProxy, HMAC"];
/// One hookward, and everybody.
const ONE_EACH: &[&str] = &["hookward", "nginx, plain", "nginx + Lua, HMAC", "HAProxy, HMAC"];
const LATENCY: &[&str] = &["hookward", "hookward, disk", "nginx, plain", "HAProxy, HMAC"];
const WORKERS: &[&str] = &["hookward", "hookward, two workers"];

const fn scenario(
    name: &'static str,
    tls: bool,
    kind: Kind,
    body_bytes: usize,
    requests: usize,
    connections: Connections,
    targets: &'static [&'static str],
) -> Scenario {
    Scenario { name, tls, kind, body_bytes, requests, connections, targets }
}

use Connections::{Kept, New, Paced};
use Kind::{Forged, Honest, Limited, Unrouted, Unsigned};

pub const SCENARIOS: [Scenario; 17] = [
    scenario("4 KiB, plaintext", false, Honest, 4096, 8000, Kept(64), EVERYBODY),
    scenario("4 KiB, TLS", true, Honest, 4096, 8000, Kept(64), EVERYBODY),
    scenario("64 KiB, TLS", true, Honest, 65_536, 1500, Kept(16), EVERYBODY),
    scenario("1 MiB, TLS", true, Honest, 1_000_000, 120, Kept(4), EVERYBODY),
    scenario("forged, TLS", true, Forged, 4096, 5000, Kept(64), ONE_EACH),
    scenario("no signature, plaintext", false, Unsigned, 4096, 4000, Kept(64), ONE_EACH),
    scenario("no signature, TLS", true, Unsigned, 4096, 2000, Kept(64), ONE_EACH),
    scenario("unknown route, plaintext", false, Unrouted, 4096, 4000, Kept(64), ONE_EACH),
    scenario("unknown route, TLS", true, Unrouted, 4096, 2000, Kept(64), ONE_EACH),
    scenario("limited source, plaintext", false, Limited, 4096, 4000, Kept(64), ONE_EACH),
    scenario("limited source, TLS", true, Limited, 4096, 2000, Kept(64), ONE_EACH),
    scenario("2 000 a second, plaintext", false, Honest, 4096, 4000, Paced { connections: 64, per_second: 2000 }, LATENCY),
    scenario("2 000 a second, TLS", true, Honest, 4096, 4000, Paced { connections: 64, per_second: 2000 }, LATENCY),
    scenario("new connections, plaintext", false, Honest, 4096, 3000, New(32), ONE_EACH),
    scenario("new connections, TLS 1.3", true, Honest, 4096, 1500, New(32), ONE_EACH),
    scenario("workers, 64 connections", false, Honest, 4096, 8000, Kept(64), WORKERS),
    scenario("workers, 4 connections", false, Honest, 4096, 4000, Kept(4), WORKERS),
];

impl Scenario {
    pub fn is_for(&self, target: &str) -> bool {
        self.targets.contains(&target)
    }
}
