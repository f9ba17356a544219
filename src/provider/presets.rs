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
    "adyen-platform",
    "affirm",
    "aftership",
    "aiprise",
    "airwallex",
    "akeneo",
    "alchemy",
    "anthropic",
    "ascend",
    "attentive",
    "autodesk",
    "bigcommerce",
    "bitbucket",
    "bitbucket-server",
    "bolt",
    "brex",
    "buildkite",
    "chargify",
    "checkout-com",
    "circleci",
    "clerk",
    "cloudflare-stream",
    "coinbase-commerce",
    "commercelayer",
    "courier",
    "cursor",
    "customerio",
    "discord",
    "discord-events",
    "doppler",
    "dub",
    "dwolla",
    "easypost",
    "elevenlabs",
    "etsy",
    "fastspring",
    "faundit",
    "flexport",
    "flutterwave-v4",
    "folk",
    "forgejo",
    "front",
    "front-rule",
    "gemini",
    "gitea",
    "github",
    "github-sha1",
    "gitlab-signing-token",
    "gocardless",
    "gogs",
    "grafana",
    "heroku",
    "hookdeck",
    "incident-io",
    "intercom",
    "intuit",
    "iron-xyz",
    "jira",
    "knock",
    "launchdarkly",
    "lemonsqueezy",
    "line",
    "linkedin",
    "lithic",
    "logto",
    "mailersend",
    "mercury",
    "meta",
    "modern-treasury",
    "mongodb-atlas",
    "nmi-subscriptions",
    "npm-registry",
    "nuvemshop",
    "nylas",
    "onfleet",
    "openai",
    "paddle",
    "pagerduty",
    "paystack",
    "picqer",
    "polar",
    "primer",
    "razorpay",
    "recharge",
    "render",
    "replicate",
    "resend",
    "revolut",
    "segment",
    "sentry",
    "shipbob",
    "shiphero",
    "shippo",
    "shopify",
    "shopify-events",
    "shopline",
    "signatureapi",
    "sinch",
    "slack",
    "smile",
    "squarespace",
    "standard-webhooks",
    "standard-webhooks-ed25519",
    "statsig",
    "stripe",
    "stytch",
    "svix",
    "tailscale",
    "telnyx",
    "terraform-cloud",
    "tiktok",
    "uber",
    "vanta",
    "vercel",
    "vercel-log-drains",
    "viber",
    "woocommerce",
    "x-twitter",
    "xero",
    "zoom",
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
