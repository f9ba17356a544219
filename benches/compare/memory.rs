//! What a fresh process holds, what idle connections add after their first request, and what remembered claims take.

use std::io;
use std::process::Command;
use std::time::Duration;

use hookward::domain::time::Clock;
use hookward::gate::replay::key::Identity;
use hookward::gate::replay::memory::MemoryStore;
use hookward::gate::replay::store::{Claim, ReplayStore as _, ShareId};
use sha2::{Digest as _, Sha256};

use crate::generator::{connect, exchange};
use crate::measure::resident_mib;
use crate::requests::{Kind, Maker};
use crate::target::{Bench, Target};

/// One figure in MiB.
pub struct Held {
    pub what: String,
    pub target: &'static str,
    pub mib: f64,
}

const IDLE: usize = 10_000;
/// How long the last of them has had nothing to say when memory is looked at.
const IDLE_FOR: Duration = Duration::from_secs(5);
const CLAIMS: u64 = 1_000_000;
const TARGETS: [&str; 3] = ["hookward", "nginx, plain", "HAProxy, HMAC"];

/// Everything, each of it in fresh processes.
pub fn measure() -> io::Result<Vec<Held>> {
    let mut all = connections(&TARGETS)?;
    let claims = Command::new(std::env::current_exe()?).arg("claims").output()?;
    let mib = String::from_utf8_lossy(&claims.stdout).trim().parse().map_err(io::Error::other)?;
    all.push(Held { what: format!("{CLAIMS} settled claims, store = \"memory\""), target: "hookward", mib });
    Ok(all)
}

/// Prints what hookward alone holds fresh and with idle connections.
pub fn print_connections() -> io::Result<()> {
    for held in connections(&["hookward"])? {
        println!("{:60} {:7.1} MiB", held.what, held.mib);
    }
    Ok(())
}

fn connections(targets: &[&'static str]) -> io::Result<Vec<Held>> {
    let mut all = Vec::new();
    for tls in [true, false] {
        eprintln!("memory, {}", if tls { "TLS" } else { "plaintext" });
        let bench = Bench::start(targets)?;
        for target in bench.targets() {
            let fresh = resident_mib(target.process())?;
            if tls {
                all.push(Held { what: "fresh".to_owned(), target: target.name, mib: fresh });
            }
            match idle(target, tls) {
                Ok(mib) => all.push(Held {
                    what: format!("{IDLE} idle connections, {}, the whole process", if tls { "TLS" } else { "plaintext" }),
                    target: target.name,
                    mib,
                }),
                Err(error) => eprintln!("  {}: {error}", target.name),
            }
        }
    }
    Ok(all)
}

/// Opens connections one after the other, each sends one request of 4 KiB and stays.
fn idle(target: &Target, tls: bool) -> io::Result<f64> {
    let place = target.place(Kind::Honest, tls);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut maker = Maker::new(Kind::Honest, 4096);
        let mut open = Vec::with_capacity(IDLE);
        let mut buffer = Vec::new();
        for number in 0..IDLE as u64 {
            let request = maker.make((1 << 40) + number);
            let opened = async {
                let mut stream = connect(place.address, place.tls.as_ref()).await?;
                let answered = exchange(&mut stream, &request, &mut buffer).await?;
                io::Result::Ok((stream, answered))
            };
            // A peer that is full lets connections wait.
            let (stream, (status, keeps)) = tokio::time::timeout(Duration::from_secs(10), opened).await??;
            if status != 200 || !keeps {
                return Err(io::Error::other(format!("connection {number}: {status}, kept: {keeps}")));
            }
            open.push(stream);
        }
        tokio::time::sleep(IDLE_FOR).await;
        resident_mib(place.process)
    })
}

/// In a process of its own: fills a store and prints what that took.
pub fn print_claims() -> io::Result<()> {
    let clock = Clock::system();
    let now = clock.now();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let before = resident_mib(std::process::id())?;
    let store = MemoryStore::new(10_000_000, now);
    runtime.block_on(async {
        for number in 0..CLAIMS {
            let identity = Identity::from_bytes(Sha256::digest(number.to_be_bytes()).into());
            let keep_until = now.wall.plus(Duration::from_secs(86_400));
            let claim = Claim { identity, share: ShareId::COMMON, keep_until, is_timed: false, lease: Duration::from_secs(60) };
            store.claim(&claim, now).await.map_err(io::Error::other)?;
            store.settle(&claim, now).await.map_err(io::Error::other)?;
        }
        io::Result::Ok(())
    })?;
    println!("{:.1}", resident_mib(std::process::id())? - before);
    Ok(())
}
