//! One round of one target: the load, and the CPU that the proxy's process took meanwhile.

use std::fs;
use std::io;

use crate::generator::{self, Load};
use crate::scenario::Scenario;
use crate::target::Target;

/// What one round measured.
#[derive(Clone, Copy)]
pub struct Round {
    /// CPU of the proxy's process, user and system.
    pub cpu_us: f64,
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    /// Resident memory after the round.
    pub resident_mib: f64,
}

/// All rounds of one scenario, target by target.
pub struct Measured<'s> {
    pub scenario: &'s Scenario,
    pub targets: Vec<&'static str>,
    pub rounds: Vec<Vec<Round>>,
}

impl<'s> Measured<'s> {
    pub fn new(scenario: &'s Scenario, targets: &[&Target]) -> Self {
        Self { scenario, targets: targets.iter().map(|target| target.name).collect(), rounds: vec![Vec::new(); targets.len()] }
    }

    /// The median of a figure for a target.
    pub fn median(&self, target: &str, of: impl Fn(&Round) -> f64) -> Option<f64> {
        let index = self.targets.iter().position(|name| *name == target)?;
        median(self.rounds[index].iter().map(of).collect())
    }

    /// The median of the ratios to another target, round by round, with the least and the greatest.
    pub fn ratio(&self, target: &str, other: &str, of: impl Fn(&Round) -> f64) -> Option<(f64, f64, f64)> {
        let rounds = |name: &str| Some(&self.rounds[self.targets.iter().position(|known| *known == name)?]);
        let ratios: Vec<f64> = rounds(target)?.iter().zip(rounds(other)?).map(|(own, base)| of(own) / of(base)).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = ratios.iter().copied().fold(0.0, f64::max);
        Some((median(ratios)?, least, greatest))
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// What a scenario sends to a target in one round.
pub fn load(target: &Target, scenario: &Scenario) -> Load {
    let place = target.place(scenario.kind, scenario.tls);
    Load {
        address: place.address,
        tls: place.tls,
        kind: scenario.kind,
        status: scenario.kind.status(target.verifies),
        body_bytes: scenario.body_bytes,
        requests: scenario.requests,
        connections: scenario.connections,
    }
}

/// Runs a scenario once against a target.
pub fn round(target: &Target, scenario: &Scenario) -> io::Result<Round> {
    let place = target.place(scenario.kind, scenario.tls);
    let load = load(target, scenario);
    let before = cpu_us(place.process)?;
    let mut sent = generator::run(&load)?;
    let used = cpu_us(place.process)? - before;
    sent.latencies_us.sort_unstable();
    let at =
        |share: f64| f64::from(sent.latencies_us.get((sent.latencies_us.len() as f64 * share) as usize).copied().unwrap_or(0));
    Ok(Round {
        cpu_us: used / sent.answered as f64,
        per_second: sent.answered as f64 / sent.seconds,
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
        resident_mib: resident_mib(place.process)?,
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

/// What a process holds in memory.
pub fn resident_mib(process: u32) -> io::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    Ok(kib / 1024.0)
}
