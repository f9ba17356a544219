//! Instructions instead of time: what a request takes does not depend on what else the machine does.
//!
//! `perf stat` counts the proxy's process, in user space and in the kernel, over a known number of requests.

use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::generator;
use crate::measure;
use crate::scenario::{Connections, SCENARIOS, Scenario};
use crate::target::{Bench, Target};

/// Prints a line for each scenario and target that `ONLY` and `TARGETS` do not exclude.
pub fn run() -> io::Result<()> {
    let only = std::env::var("ONLY").unwrap_or_default();
    let names = std::env::var("TARGETS").unwrap_or_else(|_| "hookward|hookward, disk".to_owned());
    let names: Vec<&'static str> =
        Target::ALL.into_iter().filter(|name| names.split('|').any(|wanted| wanted == *name)).collect();
    let bench = Bench::start(&names)?;
    println!("instructions of the proxy's process for each request, by perf stat\n");
    println!("{:<26} {:<24} {:>10} {:>10}", "scenario", "target", "user", "kernel");
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.name.contains(&only) && is_steady(scenario)) {
        for target in bench.targets().filter(|target| scenario.is_for(target.name)) {
            // The first round warms caches and pools up, and spends the budgets that are to be spent.
            let _warm = measure::round(target, scenario);
            let (user, kernel) = count(target, scenario)?;
            println!("{:<26} {:<24} {user:>10.0} {kernel:>10.0}", scenario.name, target.name);
        }
    }
    Ok(())
}

/// An open loop counts its own pauses, and two workers count what one does.
fn is_steady(scenario: &Scenario) -> bool {
    !matches!(scenario.connections, Connections::Paced { .. }) && !scenario.name.starts_with("workers")
}

fn count(target: &Target, scenario: &Scenario) -> io::Result<(f64, f64)> {
    let load = measure::load(target, scenario);
    let output = std::env::temp_dir().join(format!("hookward-count-{}", std::process::id()));
    let counter = Counter::start(target.place(scenario.kind, scenario.tls).process, &output)?;
    let sent = generator::run(&load);
    counter.stop()?;
    let text = fs::read_to_string(&output)?;
    fs::remove_file(&output)?;
    let each = |event: &str| {
        let line = text.lines().find(|line| line.contains(event));
        let number = line.and_then(|line| line.split(',').next()).and_then(|number| number.parse::<f64>().ok());
        number.ok_or_else(|| io::Error::other(format!("perf counts no {event}: {text}")))
    };
    let answered = sent?.answered as f64;
    Ok((each("instructions:u")? / answered, each("instructions:k")? / answered))
}

/// `perf stat` while it counts.
struct Counter(Child);

impl Counter {
    fn start(process: u32, output: &std::path::Path) -> io::Result<Self> {
        let mut command = Command::new("perf");
        command.args(["stat", "-x", ",", "-e", "instructions:u,instructions:k", "-p", &process.to_string(), "-o"]).arg(output);
        let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn();
        let child = child.map_err(|error| io::Error::other(format!("perf: {error}")))?;
        // It says nothing when it begins; before that nothing is sent.
        std::thread::sleep(Duration::from_millis(500));
        Ok(Self(child))
    }

    /// It writes its counts when it is interrupted.
    fn stop(mut self) -> io::Result<()> {
        Command::new("kill").args(["-INT", &self.0.id().to_string()]).status()?;
        self.0.wait().map(drop)
    }
}
