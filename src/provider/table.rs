//! The provider table of the documentation, written from the catalogue itself.

use std::fmt::Write as _;

use super::Catalogue;
use super::content;
use super::scheme::{Evidence, HandshakeShape, Scheme};
use crate::domain::size::format_duration;

/// The whole page, in Markdown.
#[must_use]
pub fn page(catalogue: &Catalogue) -> String {
    let count = |evidence| catalogue.iter().filter(|scheme| scheme.origin.evidence == evidence).count();
    let mut page = format!(
        "# Providers\n\n\
         <!-- Written from the presets. HOOKWARD_BLESS=1 cargo test --test providers_table writes it anew. -->\n\n\
         {} presets: {} proven by known answers that the tests recompute, {} read in the provider's own SDK, {} in its own\n\
         documentation, and {} from others' words only, which `check` warns about. `hookward providers NAME` explains one: how\n\
         its keys are written, where event and delivery id stand, what goes wrong by hand, and what was read.\n\n\
         *Signed* is what the signature covers, as the preset writes it. *Window* is how far a signed time may lie from now, on\n\
         both sides; `-` means that no time is signed, so that only replay protection stands against a captured delivery. Where a\n\
         provider documents no tolerance five minutes are taken. Where the provider's own code looks at one side only, or not at\n\
         all, both count here; the end of the page lists known answers that therefore differ.\n\n\
         | preset | provider | algorithm | signed | window | handshake | evidence |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
        catalogue.iter().count(),
        count(Evidence::Vector),
        count(Evidence::Sdk),
        count(Evidence::Document),
        count(Evidence::Secondary),
    );
    for scheme in catalogue.iter() {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| {} |", cells(scheme).join(" | "));
    }
    page
}

fn cells(scheme: &Scheme) -> [String; 7] {
    [
        format!("`{}`", scheme.name),
        format!("[{}]({})", scheme.title, scheme.origin.docs),
        scheme.signature.algorithm.code().to_owned(),
        signed(scheme),
        window(scheme),
        handshakes(scheme),
        scheme.origin.evidence.code().to_owned(),
    ]
}

fn signed(scheme: &Scheme) -> String {
    if scheme.is_unsigned() {
        return "nothing".to_owned();
    }
    if let Some(token) = scheme.token().filter(|token| !token.is_detached) {
        let claims: Vec<String> = token.claims.iter().map(|claim| format!("`{}`", claim.name)).collect();
        return format!("token with {}", claims.join(", "));
    }
    let cell = |text: String| format!("`{}`", text.replace('\n', "\\n").replace('|', "\\|"));
    content::texts(scheme).map(cell).collect::<Vec<_>>().join(" or ")
}

fn window(scheme: &Scheme) -> String {
    match (&scheme.timestamp, scheme.documented_tolerance()) {
        (None, _) => "-".to_owned(),
        (Some(_), None) => "5m by default".to_owned(),
        (Some(_), Some(tolerance)) => format_duration(tolerance),
    }
}

fn handshakes(scheme: &Scheme) -> String {
    let mut kinds: Vec<&str> = scheme
        .handshakes
        .iter()
        .map(|handshake| match handshake.shape {
            HandshakeShape::Signed { .. } => "signed",
            HandshakeShape::Unsigned { .. } => "unsigned",
        })
        .collect();
    kinds.dedup();
    kinds.extend(scheme.subscription.iter().map(|_| "confirmed"));
    kinds.extend(scheme.signature.secret_header.iter().map(|_| "armed"));
    if kinds.is_empty() { "-".to_owned() } else { kinds.join(", ") }
}
