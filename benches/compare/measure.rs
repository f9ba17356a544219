//! One round of one target: the load, and the CPU that the proxy's process took meanwhile.

use std::fs;
use std::io;

use crate::Scenario;
use crate::generator::{self, Load};
use crate::target::{Bench, Target};

/// What one round measured.
#[derive(Clone)]
pub struct Round {
    /// CPU of the proxy's process, user and system.
    pub cpu_us_per_request: f64,
    pub requests_per_second: f64,
    pub p50_us: u32,
    pub p99_us: u32,
    /// Resident memory after the round.
    pub resident_kib: u64,
}

/// Runs a scenario once against a target.
pub fn round(_bench: &Bench, target: &Target, scenario: &Scenario) -> io::Result<Round> {
    let load = Load {
        address: target.address,
        tls: target.tls.clone(),
        kind: scenario.kind,
        body_bytes: scenario.body_bytes,
        requests: scenario.requests,
        connections: scenario.connections,
    };
    let before = cpu_us(target.process)?;
    let mut sent = generator::run(&load)?;
    let used = cpu_us(target.process)? - before;
    let expected = if scenario.kind.passes() { sent.answered } else { 0 };
    if (target.verifies || scenario.kind.passes()) && sent.passed != expected {
        return Err(io::Error::other(format!("{} of {} passed, {expected} should have", sent.passed, sent.answered)));
    }
    sent.latencies_us.sort_unstable();
    let at = |share: f64| {
        let index = (sent.latencies_us.len() as f64 * share) as usize;
        sent.latencies_us.get(index).copied().unwrap_or(0)
    };
    Ok(Round {
        cpu_us_per_request: used / sent.answered as f64,
        requests_per_second: sent.answered as f64 / sent.seconds,
        p50_us: at(0.5),
        p99_us: at(0.99),
        resident_kib: resident_kib(target.process)?,
    })
}

/// User and system time of a process and its threads, in microseconds, from the scheduler's own nanoseconds.
fn cpu_us(process: u32) -> io::Result<f64> {
    let mut total = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        let nanoseconds: f64 = text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        total += nanoseconds / 1000.0;
    }
    Ok(total)
}

fn resident_kib(process: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0))
}
