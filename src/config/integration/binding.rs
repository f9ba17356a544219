//! What a scheme signs and only the operator knows: the public URL and the options, put into their places in the scheme.
//!
//! 1. `public_url` is needed exactly where the scheme signs the URL: scheme, authority and path as the provider sees them. It
//!    is taken as it stands, since another port, case or slash is another URL; the query is the request's own.
//! 2. `options` has exactly the names that the preset describes, and `topic_arn` if it likes where subscriptions are confirmed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::{Entry, Table};
use crate::provider::scheme::Scheme;
use crate::provider::subscription::{TOPIC_OPTION, TopicArn};

const URL_HINT: &str = "public_url = \"https://hooks.example.com/path\", as it is registered with the provider";
const OPTION_BYTES_MAX: usize = 256;

/// The scheme with what it needs; `None` comes with a fault, here or at `provider`.
pub(super) fn bind(table: &Table<'_>, scheme: Option<Arc<Scheme>>) -> Option<Arc<Scheme>> {
    let Some(scheme) = scheme else {
        table.refuse(&["public_url", "options"], "cannot be judged while the provider is not known", "");
        return None;
    };
    let reason = |why: &str| format!("has no effect for provider {}, which {why}", scheme.name);
    let public_url = if scheme.signs_url() {
        public_url(table, &scheme)
    } else {
        table.refuse(&["public_url"], &reason("does not sign the URL"), "remove it");
        None
    };
    let takes_none = scheme.options.is_empty() && scheme.subscription.is_none();
    let options = if takes_none {
        table.refuse(&["options"], &reason("needs nothing besides secrets"), "remove it");
        Some(BTreeMap::new())
    } else {
        options(table, &scheme)
    };
    if !scheme.signs_url() && takes_none {
        return Some(scheme);
    }
    Some(Arc::new(scheme.bound(&public_url.unwrap_or_default(), &options.unwrap_or_default())))
}

fn public_url(table: &Table<'_>, scheme: &Scheme) -> Option<String> {
    let Some(entry) = table.entry("public_url") else {
        table.fault(format!("needs public_url: provider {} signs it", scheme.name), URL_HINT);
        return None;
    };
    let text = entry.text()?;
    let (kind, rest) = text.split_once("://").unwrap_or_default();
    let path = rest.find('/').filter(|at| *at > 0);
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['?', '#', '"', '<', '>', '\\']);
    if !matches!(kind, "http" | "https") || path.is_none() || !fits {
        entry.fault("must be an absolute http or https URL with a path, without query and fragment", URL_HINT);
        return None;
    }
    Some(text.to_owned())
}

fn options(table: &Table<'_>, scheme: &Scheme) -> Option<BTreeMap<String, String>> {
    let hint = format!("`hookward providers {}` says what they are", scheme.name);
    let Some(entry) = table.entry("options") else {
        if scheme.options.is_empty() {
            return Some(BTreeMap::new());
        }
        let names: Vec<&str> = scheme.options.iter().map(|(name, _)| name.as_str()).collect();
        table.fault(format!("needs options: provider {} asks for {}", scheme.name, names.join(", ")), &hint);
        return None;
    };
    let read = |table: &Table<'_>| -> BTreeMap<String, String> {
        let named = scheme.options.iter().filter_map(|(name, _)| Some((name.clone(), option(&table.required(name, &hint)?)?)));
        named.chain(topic(table, scheme)).collect()
    };
    entry.table(read)
}

/// The topic of a provider whose subscriptions are confirmed; it may be left to the receiver.
fn topic(table: &Table<'_>, scheme: &Scheme) -> Option<(String, String)> {
    scheme.subscription.as_ref()?;
    let entry = table.entry(TOPIC_OPTION)?;
    let topic: TopicArn = entry.parsed("the topic's, as the provider shows it", str::parse)?;
    Some((TOPIC_OPTION.to_owned(), topic.to_string()))
}

fn option(entry: &Entry<'_>) -> Option<String> {
    let text = entry.text()?;
    let fits = !text.is_empty() && text.len() <= OPTION_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        entry.fault(format!("must be 1 to {OPTION_BYTES_MAX} visible ASCII characters"), "");
    }
    fits.then(|| text.to_owned())
}
