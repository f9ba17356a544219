//! Whether memory stays flat: deliveries at a steady rate for so many minutes, resident memory every minute.

use std::io;
use std::time::{Duration, Instant};

use crate::generator::{self, Load};
use crate::measure::resident_mib;
use crate::requests::Kind;
use crate::scenario::Connections;
use crate::target::Bench;

const PER_SECOND: usize = 1000;

/// Runs with a window of replay protection of a minute (`WINDOW`), so that what is remembered stops growing after it.
pub fn run(minutes: u64) -> io::Result<()> {
    let bench = Bench::start(&["hookward"])?;
    let target = bench.targets().next().ok_or_else(|| io::Error::other("no target"))?;
    let place = target.place(Kind::Honest, true);
    let began = Instant::now();
    println!("minute  resident MiB");
    for minute in 1..=minutes {
        while began.elapsed() < Duration::from_secs(60 * minute) {
            generator::run(&Load {
                address: place.address,
                tls: place.tls.clone(),
                kind: Kind::Honest,
                status: 200,
                body_bytes: 4096,
                requests: 10 * PER_SECOND,
                connections: Connections::Paced { connections: 64, per_second: PER_SECOND },
            })?;
        }
        println!("{minute:>6}  {:.1}", resident_mib(place.process)?);
    }
    Ok(())
}
