//! `serve`: the gateway in the foreground. SIGTERM and SIGINT drain it, then it exits 0.

use std::num::NonZero;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::configuration::ConfigurationArgument;
use crate::cli::exit::Verdict;
use crate::cli::output;
use crate::config::plan::Plan;
use crate::domain::time::Clock;
use crate::server::gateway::Gateway;
use crate::telemetry::logging;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
}

/// Serves until a signal, then drains.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    serve(&arguments.configuration.load()?, &arguments.configuration.file)
}

/// Serves a plan until a signal, then drains.
pub(super) fn serve(plan: &Plan, file: &Path) -> Result<Verdict> {
    logging::init(&plan.log)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    runtime.block_on(async {
        let mut ends = Ends::watch()?;
        let gateway = start(plan, Clock::system()).await?;
        for (listener, address) in plan.listeners.iter().zip(gateway.addresses()) {
            tracing::info!(listener = %listener.name, %address, "listening");
        }
        let integrations = plan.integrations.len();
        tracing::info!(admin = %gateway.admin_address(), integrations, config = %file.display(), "serving");
        let end = ends.wait().await;
        tracing::info!(signal = end, "draining");
        let drained = gateway.drain().await.context("the audit log could not be written out")?;
        tracing::info!(cut_connections = drained.cut_connections, "drained");
        Ok(Verdict::Yes)
    })
}

/// Starts a gateway, or tells everything that is wrong.
pub(super) async fn start(plan: &Plan, clock: Clock) -> Result<Gateway> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    match Gateway::start(plan, clock, workers).await {
        Ok(gateway) => Ok(gateway),
        Err(faults) => {
            for fault in faults {
                output::talk(format_args!("hookward: {:#}", anyhow!(fault)));
            }
            bail!("cannot start")
        }
    }
}

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
