//! `[integration.NAME]`: one provider's deliveries, from a path to an upstream.
//!
//! Defaults come from three places, in this order: the integration, the provider's preset, the main file's settings.

mod binding;
mod judgement;
mod route;
pub(super) mod secret;
mod target;
pub(super) mod upstream;

pub(super) use judgement::TOLERANCE;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::plan::IntegrationPlan;
use super::{allow, value};
use crate::document::{Entry, Table};
use crate::domain::name::IntegrationName;
use crate::provider::scheme::Scheme;

/// Less would be noise; more is what `abandoned` says.
const EXPECT_EVERY: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(90 * 86_400);
const NAME_HINT: &str = "[integration.payments]";

/// Reads every integration of one file.
pub(super) fn all(root: &Table<'_>, context: &Context<'_>) -> Vec<IntegrationPlan> {
    let read = |table: &Table<'_>| {
        let entries = table.entries();
        entries.iter().filter_map(|(name, _, entry)| one(name, entry, context)).collect()
    };
    root.entry("integration").and_then(|entry| entry.table(read)).unwrap_or_default()
}

fn one(name: &str, entry: &Entry<'_>, context: &Context<'_>) -> Option<IntegrationPlan> {
    context.names.enter(name.to_owned(), entry, "is defined already");
    let parsed: Option<IntegrationName> = match name.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            entry.fault(format!("the name {error}"), NAME_HINT);
            None
        }
    };
    entry.table(|table| read(parsed, table, context)).flatten()
}

fn read(name: Option<IntegrationName>, table: &Table<'_>, context: &Context<'_>) -> Option<IntegrationPlan> {
    let scheme = scheme(table, context);
    let known = scheme.as_deref();
    let owner = value::optional(table, "owner", value::line);
    let review_by = value::optional(table, "review_by", value::day);
    let expect_every = value::optional(table, "expect_every", |entry| value::duration(entry, EXPECT_EVERY));
    let enabled = value::optional(table, "enabled", Entry::boolean).unwrap_or(true);
    let route = route::read(table, context);
    let target = target::read(table, known, context);
    let bound = binding::bind(table, scheme.clone());
    let signing = bound.as_deref().or(known);
    let secrets = secret::list(table, secret::Owner { name: name.as_ref(), scheme: signing }, context);
    let judgement = judgement::read(table, known, context);
    let allow = allow::read(table);
    let (Some(name), Some(scheme), Some(route), Some(target)) = (name, bound, route, target) else {
        context.keep_unplanned(table, secrets);
        return None;
    };
    Some(IntegrationPlan {
        name,
        place: table.place(),
        scheme,
        owner,
        review_by,
        expect_every,
        host: route.host,
        path: route.path,
        target,
        secrets,
        tolerance: judgement.tolerance,
        max_body_bytes: judgement.max_body.0,
        events_allow: judgement.events_allow,
        sources_allow: judgement.sources_allow,
        rate_limit: judgement.rate_limit,
        replay: judgement.replay,
        untimed_window: judgement.untimed_window,
        on_replay: judgement.on_replay,
        on_event_denied: judgement.on_event_denied,
        enabled,
        allow,
    })
}

fn scheme(table: &Table<'_>, context: &Context<'_>) -> Option<Arc<Scheme>> {
    let entry = table.required("provider", "`hookward providers` lists the catalogue")?;
    let name = entry.text()?;
    let scheme = context.catalogue.get(name);
    // One that is defined with faults has told them already.
    if scheme.is_none() && !context.providers.has(name) {
        entry.fault("is no known provider", "`hookward providers` lists the catalogue; [provider.NAME] adds one");
    }
    scheme
}
