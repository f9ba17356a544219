//! The table, the JSON and the plot. They go to `target/compare/`, or where `COMPARE_OUTPUT` says.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::measure::{Measured, Round};
use crate::memory::Held;
use crate::plot;

/// What others are compared with.
const BASE: &str = "nginx, plain";
const VERIFIER: &str = "HAProxy, HMAC";

pub fn write(all: &[Measured<'_>], memory: &[Held]) -> io::Result<()> {
    let directory = PathBuf::from(std::env::var("COMPARE_OUTPUT").unwrap_or_else(|_| "target/compare".to_owned()));
    fs::create_dir_all(&directory)?;
    let text = text(all, memory);
    print!("{text}");
    fs::write(directory.join("compare.txt"), text)?;
    fs::write(directory.join("compare.json"), format!("{:#}\n", json(all, memory)))?;
    fs::write(directory.join("compare.svg"), plot::bars(all))?;
    println!("\nwritten to {}", directory.display());
    Ok(())
}

fn text(all: &[Measured<'_>], memory: &[Held]) -> String {
    let mut text = String::from(
        "CPU of the proxy's process for each request, in microseconds: medians of interleaved rounds. Ratios are medians of the\n\
         rounds' own ratios, with the least and the greatest of them.\n\n",
    );
    let _ = writeln!(
        text,
        "{:<26} {:<22} {:>8} {:>20} {:>20} {:>8} {:>8} {:>8} {:>8} {:>6}",
        "scenario", "target", "CPU us", "to nginx, plain", "to HAProxy, HMAC", "req/s", "p50 us", "p99 us", "p99.9 us", "MiB"
    );
    for measured in all {
        for target in &measured.targets {
            line(&mut text, measured, target);
        }
        text.push('\n');
    }
    for held in memory {
        let _ = writeln!(text, "{:<60} {:<16} {:>7.1} MiB", held.what, held.target, held.mib);
    }
    text
}

fn line(text: &mut String, measured: &Measured<'_>, target: &str) {
    let median = |of: fn(&Round) -> f64| measured.median(target, of).unwrap_or(f64::NAN);
    let ratio = |other| {
        let ratio = measured.ratio(target, other, |round| round.cpu_us);
        ratio.map_or_else(|| "-".to_owned(), |(middle, least, greatest)| format!("{middle:.2} ({least:.2}..{greatest:.2})"))
    };
    let _ = writeln!(
        text,
        "{:<26} {target:<22} {:>8.2} {:>20} {:>20} {:>8.0} {:>8.0} {:>8.0} {:>8.0} {:>6.1}",
        measured.scenario.name,
        median(|round| round.cpu_us),
        ratio(BASE),
        ratio(VERIFIER),
        median(|round| round.per_second),
        median(|round| round.p50_us),
        median(|round| round.p99_us),
        median(|round| round.p999_us),
        median(|round| round.resident_mib),
    );
}

fn json(all: &[Measured<'_>], memory: &[Held]) -> Value {
    let scenario = |measured: &Measured<'_>| {
        let targets: Vec<Value> = measured
            .targets
            .iter()
            .zip(&measured.rounds)
            .map(|(name, rounds)| {
                let of = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<f64>>();
                json!({
                    "target": name,
                    "cpu_us": of(|round| round.cpu_us),
                    "per_second": of(|round| round.per_second),
                    "p50_us": of(|round| round.p50_us),
                    "p99_us": of(|round| round.p99_us),
                    "p999_us": of(|round| round.p999_us),
                    "resident_mib": of(|round| round.resident_mib),
                })
            })
            .collect();
        json!({ "scenario": measured.scenario.name, "targets": targets })
    };
    let memory: Vec<Value> =
        memory.iter().map(|held| json!({ "what": held.what, "target": held.target, "mib": held.mib })).collect();
    json!({ "scenarios": all.iter().map(scenario).collect::<Vec<Value>>(), "memory": memory })
}
