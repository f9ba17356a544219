//! `serve`: the gateway in the foreground. SIGHUP reloads it; SIGTERM and SIGINT drain it, then it exits 0.

use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::configuration::{ConfigurationArgument, count};
use crate::cli::exit::Verdict;
use crate::cli::{examination, output, systemd};
use crate::config::plan::Plan;
use crate::domain::time::Clock;
use crate::listen::bind::Inherited;
use crate::server::gateway::{Gateway, Surroundings};
use crate::server::reload::Reloads;
use crate::server::reload::engine::{self, LoadPlan};
use crate::telemetry::logging;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
}

/// Serves until a signal, then drains.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let file = arguments.configuration.file();
    let plan = arguments.configuration.load()?;
    let faults = examination::faults(&plan, file);
    if !faults.is_empty() {
        faults.iter().for_each(output::talk);
        bail!("cannot start: {}", count(faults.len(), "fault"));
    }
    serve(&plan, file, engine::from_file(file))
}

/// Serves a plan until a signal, then drains.
pub(super) fn serve(plan: &Plan, file: &Path, load: LoadPlan) -> Result<Verdict> {
    logging::init(&plan.log)?;
    let inherited = systemd::inherited().context("a socket was handed over that cannot be used")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    runtime.block_on(async {
        let mut signals = Signals::watch()?;
        let gateway = start(plan, load, inherited, Clock::system()).await?;
        for (listener, address) in plan.listeners.iter().zip(gateway.addresses()) {
            tracing::info!(listener = %listener.name, %address, "listening");
        }
        let integrations = plan.integrations.len();
        tracing::info!(admin = %gateway.admin_address(), integrations, config = %file.display(), "serving");
        let end = signals.until_the_end(&gateway).await;
        tracing::info!(signal = end, "draining");
        systemd::stopping();
        let drained = gateway.drain().await.context("the audit log could not be written out")?;
        tracing::info!(cut_connections = drained.cut_connections, "drained");
        Ok(Verdict::Yes)
    })
}

/// Starts a gateway, or tells everything that is wrong.
pub(super) async fn start(plan: &Plan, load: LoadPlan, inherited: Inherited, clock: Clock) -> Result<Gateway> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    match Gateway::start(plan, Surroundings { load, inherited, clock, workers, detour: None }).await {
        Ok(gateway) => Ok(gateway),
        Err(faults) => {
            for fault in faults {
                output::talk(format_args!("hookward: {:#}", anyhow!(fault)));
            }
            bail!("cannot start")
        }
    }
}

/// The signals that a gateway listens to.
struct Signals {
    ends: Ends,
    reload: Signal,
}

impl Signals {
    fn watch() -> Result<Self> {
        Ok(Self { ends: Ends::watch()?, reload: signal(SignalKind::hangup()).context("cannot watch for signals")? })
    }

    /// Reloads on SIGHUP and tells systemd when the gateway is ready, until a signal ends it.
    async fn until_the_end(&mut self, gateway: &Gateway) -> &'static str {
        let mut is_told = false;
        loop {
            tokio::select! {
                end = self.ends.wait() => return end,
                Some(()) = self.reload.recv() => drop(tokio::spawn(reload(gateway.reloads().clone()))),
                () = tokio::time::sleep(READY_POLL), if !is_told => {
                    is_told = gateway.is_ready();
                    if is_told {
                        systemd::ready();
                    }
                }
            }
        }
    }
}

/// Reloads beside whatever signal comes next. What is wrong is in the log; the old configuration goes on.
async fn reload(reloads: Reloads) {
    systemd::reloading();
    reloads.ask().await;
    systemd::ready();
}

/// How soon readiness is noticed.
const READY_POLL: Duration = Duration::from_millis(100);

/// The signals that end the gateway.
pub(super) struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    pub(super) fn watch() -> Result<Self> {
        let watch = |kind| signal(kind).context("cannot watch for signals");
        Ok(Self { terminate: watch(SignalKind::terminate())?, interrupt: watch(SignalKind::interrupt())? })
    }

    pub(super) async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
