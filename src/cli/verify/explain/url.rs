//! The URL that was signed is another one than the integration says.

use bytes::Bytes;
use http::header::HOST;

use super::{Cause, Trial};
use crate::domain::head::Head;
use crate::provider::alternative::other_port;
use crate::provider::scheme::{ClaimValue, Part, Scheme, SignatureFormat};

/// A URL in the parts that people get wrong.
#[derive(Clone, PartialEq, Eq)]
struct Parts {
    scheme: String,
    host: String,
    port: Option<String>,
    path: String,
}

pub(super) fn causes(trial: &Trial<'_>) -> Vec<Cause> {
    let Some(own) = base(trial.scheme()).and_then(|base| Parts::read(&base)) else { return Vec::new() };
    let mut causes = Vec::new();
    if let Some((other, what)) = others(&own, trial.subject.head).into_iter().find(|(other, _)| holds(trial, &other.text())) {
        let text = format!("the URL differs in its {what}: it would verify with {}", told(&other.text()));
        causes.push(Cause::new("url", text));
    }
    causes.extend(without_query(trial));
    causes
}

/// The URL that the scheme is bound to.
pub(super) fn base(scheme: &Scheme) -> Option<String> {
    let in_content = scheme.content.iter().find_map(|part| match part {
        Part::Url(base) | Part::SortedRequest(base) if !base.is_empty() => Some(base.clone()),
        // Host and scheme are not signed then; what stands for them is of no account.
        Part::Target(path) | Part::TargetEscaped(path) if !path.is_empty() => Some(format!("{ANY_HOST}{path}")),
        _ => None,
    });
    let in_claims = || {
        scheme.token()?.claims.iter().find_map(|claim| match &claim.value {
            ClaimValue::Url(base) | ClaimValue::UrlSha256(base) if !base.is_empty() => Some(base.clone()),
            _ => None,
        })
    };
    in_content.or_else(in_claims)
}

/// Stands for what is not signed.
const ANY_HOST: &str = "https://localhost";

fn holds(trial: &Trial<'_>, url: &str) -> bool {
    let mut scheme = trial.scheme().clone();
    let path = Parts::read(url).map(|parts| parts.path).unwrap_or_default();
    for part in scheme.content.iter_mut().chain(scheme.alternatives.iter_mut().flatten()) {
        match part {
            Part::Url(base) | Part::SortedRequest(base) => url.clone_into(base),
            Part::UrlOtherPort(base) => *base = other_port(url),
            Part::Target(base) | Part::TargetEscaped(base) => path.clone_into(base),
            _ => {}
        }
    }
    if let SignatureFormat::Token(rule) = &mut scheme.signature.format {
        for claim in &mut rule.claims {
            if let ClaimValue::Url(base) | ClaimValue::UrlSha256(base) = &mut claim.value {
                url.clone_into(base);
            }
        }
    }
    trial.holds_under(&scheme)
}

/// What `public_url` would have to be.
fn told(url: &str) -> String {
    match url.strip_prefix(ANY_HOST) {
        Some(path) => format!("a public_url whose path is \"{path}\""),
        None => format!("public_url = \"{url}\""),
    }
}

/// The query was added, or dropped before it was signed.
fn without_query(trial: &Trial<'_>) -> Option<Cause> {
    let head = trial.subject.head;
    head.query()?;
    let bare = Head { target: head.path().parse().ok()?, ..head.clone() };
    let scheme = trial.scheme();
    let body = || Bytes::copy_from_slice(trial.subject.body);
    let holds = trial.keys(scheme).into_iter().any(|key| trial.holds(scheme, key, &bare, body()));
    holds.then(|| Cause::new("url", "the URL differs in its query: it was signed without one"))
}

/// Each with one part changed, as configurations usually differ; then by what the request itself was sent to.
fn others(own: &Parts, head: &Head) -> Vec<(Parts, &'static str)> {
    let mut others = Vec::new();
    let other_scheme = if own.scheme == "https" { "http" } else { "https" };
    others.push((Parts { scheme: other_scheme.to_owned(), ..own.clone() }, "scheme"));
    let slashed = own.path.strip_suffix('/').map_or_else(|| format!("{}/", own.path), str::to_owned);
    others.push((Parts { path: slashed, ..own.clone() }, "trailing slash"));
    let (host, port) = head.headers.get(HOST).and_then(|host| host.to_str().ok()).map(split_port).unwrap_or_default();
    let ports = [None, Some("443".to_owned()), Some("80".to_owned()), Some("8443".to_owned()), port.clone()];
    others.extend(ports.into_iter().map(|port| (Parts { port, ..own.clone() }, "port")));
    let www = own.host.strip_prefix("www.").map_or_else(|| format!("www.{}", own.host), str::to_owned);
    for host in [host, www, own.host.to_ascii_lowercase()] {
        others.push((Parts { host: host.clone(), ..own.clone() }, "host"));
        others.push((Parts { host, port: port.clone(), ..own.clone() }, "host and port"));
    }
    others.push((Parts { path: head.path().to_owned(), ..own.clone() }, "path"));
    others.retain(|(other, _)| other != own && !other.host.is_empty());
    others
}

fn split_port(authority: &str) -> (String, Option<String>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host.to_owned(), Some(port.to_owned())),
        _ => (authority.to_owned(), None),
    }
}

impl Parts {
    fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(slash)?;
        let (host, port) = split_port(authority);
        Some(Self { scheme: scheme.to_owned(), host, port, path: path.to_owned() })
    }

    fn text(&self) -> String {
        let port = self.port.as_ref().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}{}", self.scheme, self.host, self.path)
    }
}
