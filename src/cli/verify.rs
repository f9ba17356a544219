//! `verify`: a captured request judged offline, by the gates that the gateway uses; and why it fails.
//!
//! Must not know: how anything is judged. Invariants: neither a secret nor the expected signature is printed.

mod explain;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::configuration::ConfigurationArgument;
use crate::cli::exit::Verdict;
use crate::cli::judgement::{Judgement, judge};
use crate::cli::output::{self, Format, FormatArgument};
use crate::cli::verify::explain::{Cause, Subject, explain};
use crate::cli::{captured, key_rings, sign};
use crate::config::plan::{IntegrationPlan, Plan};
use crate::domain::head::Received;
use crate::domain::reason::{Decision, Reason};
use crate::domain::time::{Clock, UnixTime};

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArgument,
    /// The integration that the request is for.
    #[arg(long, value_name = "NAME")]
    integration: String,
    /// The captured request: a raw HTTP/1.1 message, its body to the end of the file.
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The time to judge it at; now when absent.
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    #[command(flatten)]
    output: FormatArgument,
}

/// The largest captured request that is read.
const REQUEST_BYTES_MAX: u64 = 128 << 20;

/// Judges and prints.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    let plan = arguments.configuration.load()?;
    let integration = find(&plan, &arguments.integration)?;
    let received = captured_request(&arguments.request)?;
    let at = arguments.at.unwrap_or_else(|| Clock::system().now().wall);
    let (head, body) = (received.head.clone(), received.body.contiguous().into_owned());
    let subject = Subject { plan: &plan, integration, head: &head, body: &body, at };
    let keys = key_rings::read(integration).map_err(|faults| {
        faults.iter().for_each(output::talk);
        for cause in explain(&subject) {
            output::talk(&cause.text);
        }
        anyhow::anyhow!("the secrets of {} cannot be used", integration.name)
    })?;
    let judgement = judge(integration, &keys, received, at);
    // What nobody has here no trial can be made with.
    let is_known = integration.secrets.iter().any(|secret| !secret.source.is_live());
    let causes = (judgement.is_unproven() && is_known).then(|| explain(&subject));
    match arguments.output.format {
        Format::Text => output::data(text(integration, &judgement, causes.as_deref()).as_bytes())?,
        Format::Json => output::json(&json(integration, &judgement, causes.as_deref()))?,
    };
    give_hints(integration, &judgement, arguments.at.is_none());
    Ok(Verdict::from(judgement.decision == Decision::Accepted))
}

fn find<'p>(plan: &'p Plan, name: &str) -> Result<&'p IntegrationPlan> {
    let known: Vec<_> = plan.integrations.iter().map(|integration| integration.name.as_str()).collect();
    match plan.integrations.iter().find(|integration| integration.name.as_str() == name) {
        Some(integration) => Ok(integration),
        None => bail!("there is no integration \"{}\"; there are: {}", output::printable(name), known.join(", ")),
    }
}

fn captured_request(file: &Path) -> Result<Received> {
    let name = file.display();
    let opened = File::open(file).with_context(|| format!("cannot open {name}"))?;
    let message = sign::bounded(opened, REQUEST_BYTES_MAX).with_context(|| format!("cannot read {name}"))?;
    captured::parse(&message).with_context(|| name.to_string())
}

fn give_hints(integration: &IntegrationPlan, judgement: &Judgement, judged_now: bool) {
    if judged_now && judgement.reason == Some(Reason::TimestampTooOld) {
        output::talk("hint: --at TIME judges it as of the time it was captured");
    }
    if judgement.reason == Some(Reason::SecretUnavailable) {
        for secret in integration.secrets.iter().filter(|secret| secret.source.is_live()) {
            output::talk(format_args!(
                "note: secret \"{}\" comes while the gateway runs, and nothing is fetched here: name its text with file = \"…\" to judge by it",
                secret.id
            ));
        }
    }
    if !integration.enabled {
        output::talk(format_args!("note: {} is disabled; the gateway would refuse every request", integration.name));
    }
}

/// What is printed when nothing that usually goes wrong went wrong.
const UNEXPLAINED: &str = "none of the usual mistakes makes it pass: not the secret's encoding, white space, another secret of this \
     configuration, the body's JSON, line ends or form encoding, the signature's encoding, the URL, another provider";

fn text(integration: &IntegrationPlan, judgement: &Judgement, causes: Option<&[Cause]>) -> String {
    let reason = judgement.reason.map_or("-", Reason::code);
    let known = [
        ("integration", Some(integration.name.to_string())),
        ("provider", Some(integration.scheme.name.to_string())),
        ("decision", Some(judgement.decision.code().to_owned())),
        ("reason", Some(reason.to_owned())),
        ("secret", judgement.secret_id.clone()),
        ("signed at", judgement.signed_at.map(|time| time.to_string())),
        ("event", judgement.event.clone()),
        ("delivery id", judgement.delivery_id.clone()),
    ];
    let line = |(name, value): (&str, Option<String>)| Some(format!("{name:12} {}\n", output::printable(&value?)));
    let sentence = format!("{}\n", output::printable(&judgement.sentence));
    known.into_iter().filter_map(line).chain([sentence]).chain(causes.map(explained)).collect()
}

/// One line a cause.
fn explained(causes: &[Cause]) -> String {
    if causes.is_empty() {
        return format!("{UNEXPLAINED}\n");
    }
    causes.iter().flat_map(|cause| ["why: ".to_owned(), output::printable(&cause.text), "\n".to_owned()]).collect()
}

fn json(integration: &IntegrationPlan, judgement: &Judgement, causes: Option<&[Cause]>) -> Value {
    let cause = |cause: &Cause| json!({ "id": cause.id, "text": cause.text });
    json!({
        "integration": integration.name.as_str(),
        "provider": integration.scheme.name.as_str(),
        "decision": judgement.decision.code(),
        "reason": judgement.reason.map(Reason::code),
        "sentence": judgement.sentence,
        "secret_id": judgement.secret_id,
        "signed_at": judgement.signed_at.map(|time| time.to_string()),
        "event": judgement.event,
        "event_signed": judgement.event_signed,
        "delivery_id": judgement.delivery_id,
        "causes": causes.map(|causes| causes.iter().map(cause).collect::<Vec<_>>()),
    })
}

#[cfg(test)]
mod tests;
