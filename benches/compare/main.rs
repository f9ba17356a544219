//! What the whole judgement costs beside proxies that judge less, on one machine, in one run, interleaved, as ratios.
//!
//! `make compare` runs it (`benches/compare/run.sh` installs nginx with Lua and `HAProxy` and builds hookward). Everything talks to
//! loopback only; every loop has a bound. The proxy is pinned to core 0, generator and upstream to core 1.
//!
//! 1. CPU is the kernel's own nanoseconds of the proxy's process with all its threads, over the requests of a round.
//! 2. A round that is answered otherwise than it must be is no measurement: it is an error, and printed.
//! 3. Targets take turns within a round, in another order each time; a figure is the median of its rounds.
//! 4. No two requests are the same delivery; each is signed before its time is taken.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench says what it measured")]
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are rounded anyway"
)]
#![expect(clippy::disallowed_methods, reason = "a bench measures wall time and is told its binary by its script")]
#![expect(unreachable_pub, reason = "the modules of a bench are a binary's own")]
#![expect(clippy::indexing_slicing, reason = "what is cut was just found")]

mod count;
mod generator;
mod long;
mod measure;
mod memory;
mod peers;
mod plot;
mod report;
mod requests;
mod scenario;
mod target;
mod upstream;

use std::io;
use std::process::ExitCode;

use crate::measure::Measured;
use crate::scenario::{SCENARIOS, Scenario};
use crate::target::{Bench, Target};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("upstream") => upstream::serve(),
        Some("claims") => memory::print_claims(),
        Some("instructions") => count::run(),
        Some("memory") => memory::print_connections(),
        Some("long") => long::run(arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(30)),
        _ => compare(arguments.iter().find_map(|text| text.parse().ok()).unwrap_or(5)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the comparison cannot run: {error}");
            ExitCode::from(2)
        }
    }
}

fn compare(rounds: usize) -> io::Result<()> {
    let only = std::env::var("ONLY").unwrap_or_default();
    let bench = Bench::start(&Target::ALL)?;
    let mut all = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.name.contains(&only)) {
        eprintln!("{}", scenario.name);
        all.push(measure_scenario(&bench, scenario, rounds));
    }
    drop(bench);
    let memory = if only.is_empty() { memory::measure()? } else { Vec::new() };
    report::write(&all, &memory)
}

/// Rounds of one scenario over its targets.
fn measure_scenario<'s>(bench: &Bench, scenario: &'s Scenario, rounds: usize) -> Measured<'s> {
    let targets: Vec<&Target> = bench.targets().filter(|target| scenario.is_for(target.name)).collect();
    let mut measured = Measured::new(scenario, &targets);
    for round in 0..=rounds {
        for place in 0..targets.len() {
            let index = (place + round) % targets.len();
            match measure::round(targets[index], scenario) {
                // The first round warms caches and pools up, and spends the budgets that are to be spent.
                Ok(_) | Err(_) if round == 0 => {}
                Ok(done) => measured.rounds[index].push(done),
                Err(error) => eprintln!("  {}: {error}", targets[index].name),
            }
        }
    }
    measured
}
