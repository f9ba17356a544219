//! The stage: receiver, certificate, configuration, gateway; and how one case is played on it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use http::HeaderMap;

use crate::cli::compose::{Draft, compose};
use crate::cli::demo::case::{Act, Arrival, Case, Outcome};
use crate::cli::demo::cast::Member;
use crate::cli::demo::receiver::Receiver;
use crate::cli::development_certificate::{DevelopmentCertificate, write_private};
use crate::cli::outgoing::{Outgoing, Rendering};
use crate::cli::scratch::Scratch;
use crate::cli::serve;
use crate::cli::transmit::transmit;
use crate::config::{self, render_faults};
use crate::domain::time::Clock;
use crate::listen::bind::Inherited;
use crate::server::gateway::Gateway;
use crate::server::reload::engine;

/// Everything that is up while the cases are played.
pub(super) struct Stage {
    scratch: Scratch,
    certificate: DevelopmentCertificate,
    receiver: Arc<Receiver>,
    gateway: Gateway,
    clock: Clock,
    audit: PathBuf,
    records: usize,
    last: Option<Sent>,
}

/// A request that was sent, to send it again.
#[derive(Clone)]
struct Sent {
    headers: HeaderMap,
    body: Bytes,
}

impl Stage {
    /// Writes secrets and configuration, starts the receiver and the gateway.
    pub(super) async fn set(cast: &[Member]) -> Result<Self> {
        let scratch = Scratch::new("demo")?;
        let certificate = DevelopmentCertificate::write(scratch.path())?;
        let (receiver, upstream) = Receiver::start().await?;
        for member in cast {
            write_private(&scratch.path().join(format!("{}.secret", member.scheme.name)), &member.secret)?;
        }
        let text = configuration(cast, upstream);
        let plan = config::parse("demo.toml", &text, scratch.path());
        let plan =
            plan.map_err(|faults| anyhow!("the demonstration's own configuration is wrong:\n{}", render_faults(&faults)))?;
        let clock = Clock::system();
        let gateway = serve::start(&plan, engine::always(&plan), Inherited::default(), clock.clone()).await?;
        let audit = scratch.path().join("audit.jsonl");
        Ok(Self { scratch, certificate, receiver, gateway, clock, audit, records: 0, last: None })
    }

    pub(super) async fn wait_until_ready(&self, within: Duration) -> Result<()> {
        let ready = async {
            while !self.gateway.is_ready() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(within, ready).await.context("the gateway did not become ready")
    }

    /// Sends one case's request and finds out what became of it.
    pub(super) async fn play(&mut self, member: &Member, case: &Case) -> Result<Outcome> {
        let outgoing = self.prepare(member, &case.act)?;
        if case.act == Act::GenuineWhileFailing {
            self.receiver.fail_next();
        }
        let (headers, body) = (outgoing.headers.clone(), outgoing.body.clone());
        self.last = Some(Sent { headers: headers.clone(), body: body.clone() });
        let answer = tokio::task::spawn_blocking(move || transmit(&outgoing)).await??;
        let reason = self.next_reason().await?;
        let arrival = match self.receiver.take().as_slice() {
            [] => Arrival::Nothing,
            [seen] if seen.body == body && carries(&seen.headers, &headers) => Arrival::Exact,
            _ => Arrival::Wrong,
        };
        let provider = member.scheme.name.to_string();
        Ok(Outcome { provider, case: case.clone(), status: answer.status.as_u16(), reason, arrival })
    }

    fn prepare(&self, member: &Member, act: &Act) -> Result<Outgoing> {
        let mut outgoing = self.genuine(member, act)?;
        match act {
            Act::Genuine | Act::GenuineWhileFailing | Act::OtherSecret | Act::Old(_) | Act::Plaintext | Act::Challenge(_) => {}
            Act::Unsigned => drop(member.scheme.signature.header().and_then(|name| outgoing.headers.remove(name))),
            Act::BodyChanged => outgoing.body = changed(&outgoing.body),
            Act::Again => {
                let Some(last) = self.last.clone() else { bail!("nothing was sent before") };
                (outgoing.headers, outgoing.body) = (last.headers, last.body);
            }
        }
        Ok(outgoing)
    }

    /// The request as its provider, or a stranger, would make it.
    fn genuine(&self, member: &Member, act: &Act) -> Result<Outgoing> {
        let plaintext = *act == Act::Plaintext;
        let [secure, plain] = self.gateway.addresses() else { bail!("the gateway has other listeners than it should") };
        let (scheme, address) = if plaintext { ("http", plain) } else { ("https", secure) };
        let now = self.clock.now().wall;
        let draft = Draft {
            destination: format!("{scheme}://{address}{}", member.path()).parse()?,
            at: if let Act::Old(age) = act { now.minus(*age) } else { now },
            id: None,
            headers: HeaderMap::new(),
            body: if let Act::Challenge(body) = act { Some(Bytes::from(body.clone())) } else { None },
        };
        let key = if *act == Act::OtherSecret { &member.other_key } else { &member.key };
        let mut outgoing = compose(&member.scheme, key, draft)?;
        outgoing.cacert = Some(self.certificate.cert.clone());
        Ok(outgoing)
    }

    /// The reason of the next record of a request. The log is written behind the answer, so it may take a moment.
    async fn next_reason(&mut self) -> Result<String> {
        for _ in 0..LOG_POLLS {
            let reasons = self.reasons()?;
            if let Some(reason) = reasons.get(self.records) {
                self.records = reasons.len();
                return Ok(reason.clone());
            }
            tokio::time::sleep(LOG_POLL).await;
        }
        bail!("the audit log has no record of the request")
    }

    fn reasons(&self) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(&self.audit).context("cannot read the audit log")?;
        // The last line may be half written.
        let records = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let requests = records.filter(|record| record.get("kind").is_some_and(|kind| kind == "request"));
        Ok(requests.filter_map(|record| Some(record.get("reason")?.as_str()?.to_owned())).collect())
    }

    /// A curl line for each provider, good for as long as its signature is.
    pub(super) fn curl_lines(&self, cast: &[Member]) -> Result<String> {
        let mut text = String::from("\n");
        for member in cast {
            let outgoing = self.genuine(member, &Act::Genuine)?;
            let line = outgoing.render(Rendering::Curl)?;
            let _ = writeln!(text, "# {}\n{}", member.scheme.title, String::from_utf8_lossy(&line));
        }
        let _ = writeln!(text, "# what was decided: {}", self.audit.display());
        Ok(text)
    }

    /// Drains the gateway and takes everything down.
    pub(super) async fn strike(self) -> Result<()> {
        self.gateway.drain().await.context("the audit log could not be written out")?;
        drop(self.scratch);
        Ok(())
    }
}

/// Whether the receiver got every header that the provider sent, and the gateway's own.
fn carries(seen: &HeaderMap, sent: &HeaderMap) -> bool {
    let ours = ["hookward-integration", "hookward-provider", "hookward-request-id", "hookward-idempotency-key"];
    sent.iter().all(|(name, value)| seen.get(name) == Some(value)) && ours.iter().all(|name| seen.contains_key(*name))
}

/// The body with its last byte another.
fn changed(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes.into()
}

fn configuration(cast: &[Member], upstream: SocketAddr) -> String {
    let mut text = CONFIGURATION.to_owned();
    for member in cast {
        let name = &member.scheme.name;
        let encoding = member.encoding.map(|word| format!(", encoding = \"{word}\"")).unwrap_or_default();
        let _ = write!(
            text,
            "\n[integration.{name}]\nprovider = \"{name}\"\nowner = \"demo\"\npath = \"{path}\"\nupstream = \"http://{upstream}/{name}\"\n\
             secrets = [ {{ id = \"demo\", file = \"{name}.secret\"{encoding} }} ]\n",
            path = member.path(),
        );
    }
    text
}

const CONFIGURATION: &str = r#"
state_dir = "state"
[[listener]]
name = "public"
bind = "127.0.0.1:0"
tls = { cert = "development.crt", key = "development.key" }
[[listener]]
name = "plaintext"
bind = "127.0.0.2:0"
[admin]
bind = "127.0.0.1:0"
[audit]
output = "audit.jsonl"
"#;

const LOG_POLL: Duration = Duration::from_millis(10);
const LOG_POLLS: usize = 500;
