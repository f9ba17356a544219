//! What the whole judgement costs beside proxies that judge less: CPU of the proxy's process for each request, in one run,
//! interleaved, as ratios to nginx that verifies nothing.
//!
//! Run by `benches/compare/run.sh`, which installs nginx and HAProxy and builds hookward. Everything talks to loopback only;
//! every loop is bounded by a count. The proxy is pinned to core 0, generator and upstream to core 1.
//!
//! What the peers do not do: none of them has a timestamp window, replay protection, an audit chain, a failures budget or
//! metrics by integration. HAProxy compares an HMAC in its configuration language; nginx verifies nothing.

mod generator;
mod measure;
mod report;
mod requests;
mod target;
mod upstream;

use std::process::ExitCode;

use measure::Round;
use requests::Kind;
use target::Target;

/// What is measured.
struct Scenario {
    name: &'static str,
    tls: bool,
    kind: Kind,
    body_bytes: usize,
    /// Requests a round and target.
    requests: usize,
    connections: usize,
}

const SCENARIOS: [Scenario; 7] = [
    Scenario { name: "4 KiB, plaintext", tls: false, kind: Kind::Honest, body_bytes: 4096, requests: 12_000, connections: 64 },
    Scenario { name: "4 KiB, TLS", tls: true, kind: Kind::Honest, body_bytes: 4096, requests: 12_000, connections: 64 },
    Scenario { name: "64 KiB, TLS", tls: true, kind: Kind::Honest, body_bytes: 65_536, requests: 2000, connections: 16 },
    Scenario { name: "1 MiB, TLS", tls: true, kind: Kind::Honest, body_bytes: 1_000_000, requests: 150, connections: 4 },
    Scenario { name: "forged, 4 KiB", tls: true, kind: Kind::Forged, body_bytes: 4096, requests: 6000, connections: 64 },
    Scenario { name: "no signature, 4 KiB", tls: true, kind: Kind::Unsigned, body_bytes: 4096, requests: 6000, connections: 64 },
    Scenario { name: "unknown route, 4 KiB", tls: true, kind: Kind::Unrouted, body_bytes: 4096, requests: 6000, connections: 64 },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("upstream") => upstream::serve(),
        _ => compare(&arguments),
    }
}

fn compare(arguments: &[String]) -> ExitCode {
    let rounds = arguments.iter().find_map(|text| text.parse().ok()).unwrap_or(5_usize);
    let bench = match target::Bench::start() {
        Ok(bench) => bench,
        Err(error) => {
            eprintln!("cannot start the comparison: {error}");
            return ExitCode::from(2);
        }
    };
    let mut all = Vec::new();
    let wanted = std::env::var("ONLY").unwrap_or_default();
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.name.contains(&wanted)) {
        let mut measured: Vec<(Target, Vec<Round>)> = bench
            .targets(scenario.tls)
            .filter(|target| {
                std::env::var("TARGETS").is_ok_and(|names| names.contains(target.name)) || std::env::var("TARGETS").is_err()
            })
            .map(|target| (target, Vec::new()))
            .collect();
        for round in 0..=rounds {
            for (target, into) in &mut measured {
                match measure::round(&bench, target, scenario) {
                    // The first round warms caches and pools up.
                    Ok(_) if round == 0 => {}
                    Ok(done) => into.push(done),
                    Err(error) => eprintln!("{}: {}: {error}", scenario.name, target.name),
                }
            }
        }
        all.push((scenario, measured));
    }
    report::print(&all);
    ExitCode::SUCCESS
}
