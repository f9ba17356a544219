//! Changing calls: who may, what they do, what is written down about them.
//!
//! 1. Host, origin, token, content type, body, in this order: a foreign page learns nothing, not even whether a name exists.
//! 2. What was done is in the audit log and the log before the caller is answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use super::command::{Command, Verb};
use super::{Admin, access, foreign_host, foreign_page, guard_headers, text, token_needed};
use crate::audit::record::SwitchAction;
use crate::domain::request_id::RequestId;
use crate::domain::time::UnixTime;
use crate::gate::replay::store::ReplayStore as _;
use crate::pipeline::answer::Answer;
use crate::pipeline::site::Site;
use crate::server::reload::outcome::Outcome;
use crate::server::thrown::{Thrown, parts_of};
use crate::switch::error::SwitchError;
use crate::switch::order::{Order, SwitchAnswer, Target, Why};

/// The largest body.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether a path is one of a changing call.
pub(super) fn is_change(path: &str) -> bool {
    Verb::of(path).is_some()
}

impl Admin {
    /// Judges and carries out a changing call.
    pub(super) async fn change<B>(&self, parts: &Parts, body: B) -> Answer
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Send,
    {
        if let Some(refusal) = self.refusal_of_change(parts) {
            return refusal;
        }
        let Some(verb) = Verb::of(parts.uri.path()).filter(|verb| self.is_known(verb)) else {
            return says(StatusCode::NOT_FOUND, "no integration has this name");
        };
        let body = match read(body).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        match verb.read(&body) {
            Ok(command) => self.carry_out(command).await,
            Err(error) => says(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }

    /// Why this caller may not change anything, or not like this.
    fn refusal_of_change(&self, parts: &Parts) -> Option<Answer> {
        let headers = &parts.headers;
        if !access::names_us(headers) {
            return Some(foreign_host());
        }
        if !access::has_no_foreign_origin(headers) || !access::is_from_no_other_site(headers) {
            return Some(foreign_page());
        }
        if parts.method != Method::POST {
            return Some(text(StatusCode::METHOD_NOT_ALLOWED, "only POST\n").with(ALLOW, HeaderValue::from_static("POST")));
        }
        let token = self.controls.token.load();
        let Some(token) = token.as_ref() else {
            return Some(says(
                StatusCode::FORBIDDEN,
                "no admin token is configured, so nothing can be changed: set [admin] token",
            ));
        };
        if !access::presents(headers, token) {
            return Some(token_needed());
        }
        if !access::is_json(headers) {
            return Some(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json\n"));
        }
        None
    }

    fn is_known(&self, verb: &Verb) -> bool {
        match verb {
            Verb::Disable(Some(name)) | Verb::Arm(name) => {
                self.site().integrations.iter().any(|integration| integration.name == *name)
            }
            // A switch of an integration that is gone can be thrown back.
            Verb::Enable(Some(name)) => {
                let site = self.site();
                site.integrations.iter().any(|integration| integration.name == *name) || site.shared.switches.has_orders(name)
            }
            Verb::Unknown => false,
            Verb::Reload | Verb::AllowAgain | Verb::Disable(None) | Verb::Enable(None) => true,
        }
    }

    pub(super) fn site(&self) -> Arc<Site> {
        self.controls.site.load_full()
    }

    async fn carry_out(&self, command: Command) -> Answer {
        match command {
            Command::Reload => reloaded(&self.controls.reloads.ask().await),
            Command::AllowAgain { request_id, why } => self.allow_again(request_id, &why).await,
            Command::Disable { target, why, lasts, answer } => self.disable(target, why, lasts, answer).await,
            Command::Enable { target, why } => self.enable(target, why).await,
            Command::Arm { integration, secret, why, lasts } => self.arm(&integration, secret.as_ref(), &why, lasts),
        }
    }

    async fn disable(&self, target: Target, why: Why, lasts: Option<Duration>, answer: Option<SwitchAnswer>) -> Answer {
        let site = self.site();
        if !has_secret(&site, &target) {
            return says(StatusCode::NOT_FOUND, "the integration has no secret with this id");
        }
        let since = site.shared.clock.now().wall;
        let until = lasts.map(|lasts| since.plus(lasts));
        let answer = answer.unwrap_or_else(|| SwitchAnswer::default_for(until));
        let order = Order { why, since, until, answer };
        let shown = json!({ "state": "disabled", "since": since.to_string(), "until": until.map(|until| until.to_string()), "answer": answer.status() });
        let thrown = blocking({
            let (site, target, order) = (Arc::clone(&site), target.clone(), order.clone());
            move || site.shared.switches.disable(&target, order)
        });
        let thrown = thrown.await;
        if !matches!(thrown, Ok(Err(SwitchError::Full { .. })) | Err(())) {
            self.write_down(&site, SwitchAction::Disable, &target, &order.why, until);
        }
        match thrown {
            Ok(Ok(())) => told(StatusCode::OK, &described(&target, self.tell(&target, shown).await)),
            Ok(Err(error @ SwitchError::Full { .. })) => says(StatusCode::CONFLICT, &error.to_string()),
            Ok(Err(error)) => says(
                StatusCode::INTERNAL_SERVER_ERROR,
                &format!("it is disabled now, and would not be after a restart: {error}; writing is tried again"),
            ),
            Err(()) => broken(),
        }
    }

    async fn enable(&self, target: Target, why: Why) -> Answer {
        let site = self.site();
        let now = site.shared.clock.now().wall;
        let thrown = blocking({
            let (site, target, why) = (Arc::clone(&site), target.clone(), why.clone());
            move || site.shared.switches.enable(&target, &why, now)
        });
        match thrown.await {
            Ok(Ok(was_disabled)) => {
                self.write_down(&site, SwitchAction::Enable, &target, &why, None);
                let answer = self.tell(&target, json!({ "was_disabled": was_disabled })).await;
                told(StatusCode::OK, &described(&target, with_state(answer, &site, &target, now)))
            }
            Ok(Err(error)) => says(StatusCode::INTERNAL_SERVER_ERROR, &format!("it stays disabled: {error}")),
            Err(()) => broken(),
        }
    }

    /// Has the other replicas told, where there are some, and says whether they were.
    async fn tell(&self, target: &Target, mut answer: Value) -> Value {
        if let (Some(replicas), Some(members)) = (self.observed.replicas(), answer.as_object_mut()) {
            let told = if replicas.tell(target).await { "told" } else { "not told yet" };
            members.insert("replicas".to_owned(), json!(told));
        }
        answer
    }

    pub(super) fn write_down(&self, site: &Site, action: SwitchAction, target: &Target, why: &Why, until: Option<UnixTime>) {
        let origin = self.observed.replicas().map(|replicas| replicas.label());
        Thrown { action, target, why, until, origin }.write_down(site);
    }

    async fn allow_again(&self, request_id: RequestId, why: &Why) -> Answer {
        let site = self.site();
        let shared = &site.shared;
        let unknown = "no delivery that this process settled of late has this request id, or it is forgotten already";
        let Some(delivery) = shared.settled.find(&request_id) else { return says(StatusCode::NOT_FOUND, unknown) };
        match shared.store.forget(&delivery.identity, shared.clock.now()).await {
            Ok(true) => {
                let target = Target::Integration(delivery.integration);
                self.write_down(&site, SwitchAction::AllowAgain(request_id), &target, why, None);
                told(StatusCode::OK, &described(&target, json!({ "request_id": request_id.to_string(), "forgotten": true })))
            }
            Ok(false) => says(StatusCode::NOT_FOUND, unknown),
            Err(error) => says(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        }
    }
}

/// Whether the secret that an order is about exists; an order about no secret has all it needs.
fn has_secret(site: &Site, target: &Target) -> bool {
    let Target::Secret(name, id) = target else { return true };
    let integration = site.integrations.iter().find(|integration| integration.name == *name);
    integration.is_some_and(|integration| integration.secrets.iter().any(|secret| secret.id == *id))
}

/// What an integration is after it was enabled: there may be another order in force.
fn with_state(mut answer: Value, site: &Site, target: &Target, now: UnixTime) -> Value {
    let switches = &site.shared.switches;
    let hint = if switches.is_off(target, now) {
        Some("another replica disabled it meanwhile, and that stands: enable it again")
    } else {
        let is_all_off = *target != Target::All && switches.all_off(now).is_some();
        is_all_off.then_some("all integrations are disabled: enable --all, too")
    };
    if let Some(members) = answer.as_object_mut() {
        members.insert("state".to_owned(), json!(if hint.is_some() { "disabled" } else { "enabled" }));
        members.insert("hint".to_owned(), json!(hint));
    }
    answer
}

/// What was done, with what it was done to.
fn described(target: &Target, mut value: Value) -> Value {
    let (integration, secret) = parts_of(target);
    if let Value::Object(members) = &mut value {
        members.insert("integration".to_owned(), json!(integration.map_or_else(|| "all".to_owned(), |name| name.to_string())));
        if let Some(secret) = secret {
            members.insert("secret".to_owned(), json!(secret.to_string()));
        }
        members.retain(|_, value| !value.is_null());
    }
    value
}

fn reloaded(outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Applied { integrations } => told(StatusCode::OK, &json!({ "result": "applied", "integrations": integrations })),
        Outcome::Refused { faults } => told(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "result": "refused", "faults": faults })),
    }
}

/// Reads a small body in a short time.
async fn read<B>(body: B) -> Result<Bytes, Answer>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Send,
{
    let body = Limited::new(BodyExt::map_err(body, |_| BrokenBody), BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<BrokenBody>() => Err(says(StatusCode::BAD_REQUEST, "the body broke off")),
        Ok(Err(_)) => Err(says(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 16 KiB")),
        Err(_) => Err(says(StatusCode::REQUEST_TIMEOUT, "the body did not come")),
    }
}

/// A body that broke off, whatever its own word for that is.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
struct BrokenBody;

/// Runs what waits for a disk on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ()> {
    tokio::task::spawn_blocking(work).await.map_err(|error| tracing::error!(%error, "a changing call broke"))
}

fn broken() -> Answer {
    says(StatusCode::INTERNAL_SERVER_ERROR, "the call broke; look at the state before trying again")
}

pub(super) fn says(status: StatusCode, message: &str) -> Answer {
    told(status, &json!({ "error": message }))
}

pub(super) fn told(status: StatusCode, value: &Value) -> Answer {
    guard_headers(Answer::new(status, format!("{value:#}\n")), "application/json")
}
