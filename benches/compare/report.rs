//! The table: medians over the rounds, and ratios to nginx that verifies nothing.

use crate::Scenario;
use crate::measure::Round;
use crate::target::Target;

pub fn print(all: &[(&Scenario, Vec<(Target, Vec<Round>)>)]) {
    println!("CPU of the proxy's process for each request; medians of interleaved rounds; ratio to nginx, plain\n");
    println!(
        "{:<22} {:<16} {:>9} {:>7} {:>13} {:>9} {:>8} {:>8} {:>9}",
        "scenario", "target", "CPU us", "ratio", "spread", "req/s", "p50 us", "p99 us", "RSS MiB"
    );
    for (scenario, targets) in all {
        let base = targets.iter().find(|(target, _)| target.name == "nginx, plain").map(|(_, rounds)| median(rounds, cpu));
        for (target, rounds) in targets.iter().filter(|(_, rounds)| !rounds.is_empty()) {
            let own = median(rounds, cpu);
            let ratio = base.filter(|base| *base > 0.0).map_or_else(|| "-".to_owned(), |base| format!("{:.2}", own / base));
            let (low, high) = spread(rounds);
            println!(
                "{:<22} {:<16} {own:>9.2} {ratio:>7} {:>13} {:>9.0} {:>8.0} {:>8.0} {:>9.1}",
                scenario.name,
                target.name,
                format!("{low:.1}..{high:.1}"),
                median(rounds, |round| round.requests_per_second),
                median(rounds, |round| f64::from(round.p50_us)),
                median(rounds, |round| f64::from(round.p99_us)),
                median(rounds, |round| round.resident_kib as f64 / 1024.0),
            );
        }
        println!();
    }
}

fn cpu(round: &Round) -> f64 {
    round.cpu_us_per_request
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn spread(rounds: &[Round]) -> (f64, f64) {
    let values = || rounds.iter().map(cpu);
    (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max))
}
