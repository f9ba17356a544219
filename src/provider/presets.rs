//! The presets: one file for each provider, compiled in.
//!
//! Adding a provider is adding its file and its name here; a test compares both.

use super::scheme::Scheme;
use crate::document::{Document, Fault, Faults};

/// Each name with the text of its file.
macro_rules! presets {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("presets/", $name, ".toml")))),+] };
}

const PRESETS: &[(&str, &str)] = presets![
    "ably",
    "alchemy",
    "anthropic",
    "autodesk",
    "bigcommerce",
    "bitbucket",
    "bitbucket-server",
    "brex",
    "buildkite",
    "circleci",
    "clerk",
    "cloudflare-stream",
    "cursor",
    "discord",
    "discord-events",
    "doppler",
    "dub",
    "etsy",
    "folk",
    "forgejo",
    "gemini",
    "gitea",
    "github",
    "github-sha1",
    "gitlab-signing-token",
    "gogs",
    "grafana",
    "heroku",
    "hookdeck",
    "incident-io",
    "jira",
    "launchdarkly",
    "lithic",
    "logto",
    "mongodb-atlas",
    "npm-registry",
    "openai",
    "pagerduty",
    "polar",
    "render",
    "replicate",
    "resend",
    "segment",
    "sentry",
    "shipbob",
    "shopify",
    "signatureapi",
    "slack",
    "standard-webhooks",
    "standard-webhooks-ed25519",
    "statsig",
    "stripe",
    "stytch",
    "svix",
    "tailscale",
    "terraform-cloud",
    "vanta",
    "vercel",
    "vercel-log-drains",
];

/// All presets, and what is wrong with those that are not among them: nothing, or a test fails.
pub(super) fn read_all() -> (Vec<Scheme>, Vec<Fault>) {
    let mut schemes = Vec::new();
    let mut all_faults = Vec::new();
    for (name, text) in PRESETS {
        let faults = Faults::default();
        let document = Document::new(format!("presets/{name}.toml"), *text);
        let scheme = document.read(&faults, |table| Scheme::read(&name.parse().ok()?, table, None));
        if faults.is_empty() {
            schemes.extend(scheme);
        }
        all_faults.extend(faults.into_sorted());
    }
    (schemes, all_faults)
}
