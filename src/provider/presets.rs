//! The presets: one file for each provider, compiled in.
//!
//! Adding a provider is adding its file and its line here.

use super::scheme::Scheme;
use crate::document::{Document, Fault, Faults};

const PRESETS: [(&str, &str); 8] = [
    ("discord", include_str!("presets/discord.toml")),
    ("discord-events", include_str!("presets/discord-events.toml")),
    ("github", include_str!("presets/github.toml")),
    ("shopify", include_str!("presets/shopify.toml")),
    ("slack", include_str!("presets/slack.toml")),
    ("standard-webhooks", include_str!("presets/standard-webhooks.toml")),
    ("standard-webhooks-ed25519", include_str!("presets/standard-webhooks-ed25519.toml")),
    ("stripe", include_str!("presets/stripe.toml")),
];

/// All presets, and what is wrong with those that are not among them: nothing, or a test fails.
pub(super) fn read_all() -> (Vec<Scheme>, Vec<Fault>) {
    let mut schemes = Vec::new();
    let mut all_faults = Vec::new();
    for (name, text) in PRESETS {
        let faults = Faults::default();
        let document = Document::new(format!("presets/{name}.toml"), text);
        let scheme = document.read(&faults, |table| Scheme::read(&name.parse().ok()?, table, None));
        if faults.is_empty() {
            schemes.extend(scheme);
        }
        all_faults.extend(faults.into_sorted());
    }
    (schemes, all_faults)
}
