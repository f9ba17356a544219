//! Lints of listeners and certificates. pure

use std::time::Duration;

use super::Scene;
use super::finding::Finding;
use super::scope::BROAD_PREFIX;
use super::table::{ADMIN_EXPOSED, Lint, TLS_EXPIRED, TLS_EXPIRING, TRUSTED_PROXY_ANY};

/// How soon an end is told: before it, automatic renewal has had its chance.
const EXPIRING: Duration = Duration::from_secs(21 * 86_400);

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let mut found = certificates(scene);
    found.extend(proxies(scene));
    if !scene.plan.admin.is_local() && scene.plan.admin.token.is_none() {
        let saw = format!("{} is not loopback, and there is no token", scene.plan.admin.bind);
        found.push(Finding::main(&ADMIN_EXPOSED, &["admin", "bind"], saw));
    }
    found
}

fn certificates(scene: &Scene<'_>) -> Vec<Finding> {
    let now = scene.facts.now;
    let judged = scene.facts.certificates.iter().filter_map(|certificate| {
        let end = certificate.not_after;
        let (lint, saw): (&'static Lint, _) = if end <= now {
            (&TLS_EXPIRED, format!("{} ended {end}", certificate.path))
        } else if end.since(now) <= EXPIRING {
            (&TLS_EXPIRING, format!("{} ends {end}", certificate.path))
        } else {
            return None;
        };
        Some(Finding { lint, integration: certificate.integration.clone(), at: certificate.at.clone(), saw })
    });
    judged.collect()
}

fn proxies(scene: &Scene<'_>) -> Vec<Finding> {
    let listeners = scene.plan.listeners.iter().enumerate();
    let wide = listeners.flat_map(|(index, listener)| {
        let ranges = listener.trusted_proxies.networks().iter().filter(|range| range.prefix_len() < BROAD_PREFIX);
        ranges.map(move |range| (index, range))
    });
    let say = |(index, range): (usize, &ipnet::IpNet)| {
        let keys = ["listener", &index.to_string(), "trusted_proxies"];
        Finding::main(&TRUSTED_PROXY_ANY, &keys, format!("{range} is wider than /{BROAD_PREFIX}"))
    };
    wide.map(say).collect()
}
