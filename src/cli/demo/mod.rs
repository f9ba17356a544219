//! `demo`: a first run that needs nothing. A receiver, a development certificate, one integration for each must-have provider,
//! and the real gateway between; genuine and forged requests go through it over TLS, and a table says what happened.
//!
//! A line of the table is wrong if the answer, the audit log's reason or what the receiver saw is not what it must be. One
//! wrong line makes the answer no.

mod case;
mod cast;
mod receiver;
mod stage;

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cli::exit::Verdict;
use crate::cli::output;
use crate::cli::serve::Ends;

use case::{Outcome, cases};
use stage::Stage;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Leave everything up afterwards, and print curl lines to try.
    #[arg(long)]
    keep: bool,
}

/// Plays every case, prints the table, says whether every line is as it must be.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    runtime.block_on(play(arguments.keep))
}

async fn play(keep: bool) -> Result<Verdict> {
    let mut ends = Ends::watch()?;
    let cast = cast::all()?;
    let mut stage = Stage::set(&cast).await?;
    output::talk(format_args!("hookward: {} providers, waiting until the replay store has a history …", cast.len()));
    stage.wait_until_ready(READY_WITHIN).await?;
    let mut outcomes = Vec::new();
    for member in &cast {
        for case in cases(member) {
            outcomes.push(stage.play(member, &case).await.with_context(|| format!("{}: {}", member.scheme.name, case.what))?);
        }
    }
    output::data(table(&outcomes).as_bytes())?;
    let wrong = outcomes.iter().filter(|outcome| !outcome.is_as_it_must_be()).count();
    output::talk(summary(outcomes.len(), wrong));
    if keep {
        output::data(stage.curl_lines(&cast)?.as_bytes())?;
        output::talk("hookward: everything stays up; interrupt to end it");
        ends.wait().await;
    }
    stage.strike().await?;
    Ok(Verdict::from(wrong == 0))
}

fn table(outcomes: &[Outcome]) -> String {
    let titles = ["PROVIDER", "SENT", "VERDICT", "REASON", "THE RECEIVER SAW", ""];
    output::table(titles, &outcomes.iter().map(Outcome::row).collect::<Vec<_>>())
}

fn summary(all: usize, wrong: usize) -> String {
    match wrong {
        0 => format!("hookward: {all} lines, every one as it must be"),
        wrong => format!("hookward: {all} lines, {wrong} NOT as they must be"),
    }
}

/// A store without history waits about two seconds; this is for slow machines.
const READY_WITHIN: Duration = Duration::from_secs(30);
