//! The command line: verbs, their arguments, their exit codes.
//!
//! Owns: arguments, both output streams, the questions asked of a running gateway.
//! Must not know: how anything is judged or served; a verb calls the rooms below and prints what they say.
//! Invariants: data on stdout, talk on stderr; 0, 1 and 2 mean what `exit` says; no secret is an argument or is printed.
//!
//! Start at [`run()`], then the verb's own file: each owns its `Arguments` and its `run`.

mod admin_client;
mod allow_again;
mod audit;
mod audit_query;
mod audit_verify;
pub mod captured;
mod certificates;
mod check;
mod circumstances;
mod completions;
mod compose;
mod configuration;
mod demo;
mod destination;
mod development_certificate;
mod directories;
mod disable;
mod enable;
mod examination;
mod exchange;
mod exit;
mod health;
mod init;
mod judgement;
mod key_rings;
mod man;
mod option_argument;
mod outgoing;
mod output;
mod places;
mod providers;
pub mod reference;
mod reload;
mod replica_table;
mod run;
mod sample;
mod scratch;
mod secret_argument;
mod serve;
mod sign;
mod status;
mod switching;
mod systemd;
mod transmit;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use exit::Verdict;

/// Webhook verification reverse proxy: forwards only what is proven, fresh, allowed and new.
#[derive(Debug, Parser)]
#[command(name = "hookward", version, propagate_version = false, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

/// What there is to do, in the order of a first use.
#[derive(Debug, Subcommand)]
enum Verb {
    /// See it work: genuine and forged deliveries of every provider through a real gateway.
    Demo(demo::Arguments),
    /// Run a gateway in one line, without a configuration file; print the configuration it stands for.
    Run(run::Arguments),
    /// Write a commented configuration to start from; never overwrites.
    Init(init::Arguments),
    /// Validate everything that `serve` would, and report all faults at once.
    Check(check::Arguments),
    /// Run the gateway in the foreground; SIGHUP reloads it, SIGTERM and SIGINT drain it.
    Serve(serve::Arguments),
    /// Have the running gateway read its configuration, secrets and certificates again.
    Reload(reload::Arguments),
    /// Ask the running gateway whether it is alive, or ready.
    Health(health::Arguments),
    /// Show the integrations of the running gateway.
    Status(status::Arguments),
    /// Turn an integration off at once, or all of them, or one secret; kept over restarts.
    Disable(disable::Arguments),
    /// Turn on again what `disable` turned off.
    Enable(enable::Arguments),
    /// Forget one settled delivery, so that a redelivery passes.
    AllowAgain(allow_again::Arguments),
    /// List the catalogue of providers, or explain one.
    Providers(providers::Arguments),
    /// Make a request that the provider could have sent, and send it if asked to.
    Sign(Box<sign::Arguments>),
    /// Judge a captured request offline: signature, time window, event.
    Verify(verify::Arguments),
    /// Questions about the audit log.
    Audit(audit::Arguments),
    /// Print a completion script for a shell.
    Completions(completions::Arguments),
    /// Print a manual page.
    Man(man::Arguments),
}

impl Verb {
    fn run(self) -> anyhow::Result<Verdict> {
        match self {
            Self::Demo(arguments) => demo::run(&arguments),
            Self::Run(arguments) => run::run(&arguments),
            Self::Serve(arguments) => serve::run(&arguments),
            Self::Init(arguments) => init::run(&arguments),
            Self::Check(arguments) => check::run(&arguments),
            Self::Reload(arguments) => reload::run(&arguments),
            Self::Disable(arguments) => disable::run(&arguments),
            Self::Enable(arguments) => enable::run(&arguments),
            Self::AllowAgain(arguments) => allow_again::run(&arguments),
            Self::Health(arguments) => health::run(&arguments),
            Self::Status(arguments) => status::run(&arguments),
            Self::Providers(arguments) => providers::run(&arguments),
            Self::Sign(arguments) => sign::run(&arguments),
            Self::Verify(arguments) => verify::run(&arguments),
            Self::Audit(arguments) => audit::run(&arguments),
            Self::Completions(arguments) => completions::run(&arguments),
            Self::Man(arguments) => man::run(&arguments),
        }
    }
}

/// Reads the process's arguments, does what they say, and returns the exit code.
#[must_use]
pub fn run() -> ExitCode {
    match CommandLine::try_parse() {
        Ok(command_line) => exit::code(command_line.verb.run()),
        Err(error) => exit::usage(&error),
    }
}

/// The definitions of the command line, for completions, manual pages and the reference.
fn command() -> clap::Command {
    CommandLine::command()
}

#[cfg(test)]
mod tests;
