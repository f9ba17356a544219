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
    "anthropic",
    "bigcommerce",
    "brex",
    "clerk",
    "discord",
    "discord-events",
    "etsy",
    "folk",
    "gemini",
    "github",
    "gitlab-signing-token",
    "incident-io",
    "lithic",
    "openai",
    "polar",
    "render",
    "replicate",
    "resend",
    "shipbob",
    "shopify",
    "signatureapi",
    "slack",
    "standard-webhooks",
    "standard-webhooks-ed25519",
    "stripe",
    "stytch",
    "svix",
    "vanta",
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
