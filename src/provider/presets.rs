//! The presets: one file for each provider, compiled in.
//!
//! Adding a provider is adding its file and its name here; a test compares both. A preset is read when it is first named.

use std::sync::{Arc, OnceLock};

use super::scheme::Scheme;
use crate::document::{Document, Faults};

/// Each name with the text of its file.
macro_rules! presets {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("presets/", $name, ".toml")))),+] };
}

#[rustfmt::skip]
const PRESETS: &[(&str, &str)] = presets![
    "ably", "acuity", "adyen", "adyen-platform", "affirm", "aftership", "agentset", "aiprise", "airtable",
    "airwallex", "akeneo", "alchemy", "anthropic", "appwrite", "asaas", "asana", "ascend", "ashby",
    "atlassian-connect", "attentive", "attio", "auth0", "authorize-net", "autodesk", "autotask", "aws-sns",
    "aws-sns-v1", "azure-devops", "azure-event-grid", "azure-event-grid-cloudevents",
    "bigcommerce", "bitbucket", "bitbucket-server", "blockfrost", "boldsign", "bolt", "box", "braintree", "brevo",
    "brex", "bridge-api", "btcpay", "buildkite", "buildkite-token", "bunny-stream", "buy-me-a-coffee",
    "cal-com", "calendly", "cashfree", "chargebee", "chargify", "checkly", "checkout-com", "checkr", "circle",
    "circleci", "clerk", "clicksign", "clickup", "clio", "cloudconvert", "cloudflare-notifications",
    "cloudflare-stream", "cloudinary", "cloudinary-sha256", "coinbase-commerce", "commercelayer", "connectwise",
    "constant-contact", "contentful", "courier", "creem", "crisp", "cronofy", "cursor", "customerio",
    "datasaur", "dbt-cloud", "deepgram", "discord", "discord-events", "discourse", "dixa", "documenso", "docusign",
    "dodo-payments", "doppler", "dropbox", "dub", "dwolla", "dyte",
    "easypost", "ebay", "elevenlabs", "emailit", "enode", "envoy", "ethoca", "etsy", "expo",
    "fastspring", "fathom", "faundit", "figma", "filestack", "finch", "fingerprint", "fintoc", "fireblocks",
    "firecrawl", "fireflies", "flagsmith", "flexport", "flipt", "flutterwave-v3", "flutterwave-v4", "folk", "forgejo",
    "fourthwall", "fourthwall-apps", "front", "front-rule", "fusionauth", "fusionauth-rsa",
    "gcp-pubsub", "gemini", "getstream", "ghost", "gitea", "github", "github-sha1", "gitlab-signing-token",
    "gitlab-token", "glean", "gocardless", "gogs", "gr4vy", "grafana", "greenhouse", "growthbook",
    "helicone", "helpscout", "heroku", "highlevel", "hook0", "hookdeck", "hubspot-v1", "hubspot-v2", "hubspot-v3",
    "huggingface",
    "imagekit", "imagekit-v1", "incident-io", "increase", "intercom", "intuit", "iron-xyz",
    "jfrog-token", "jira", "jobber", "jobdiva",
    "katana", "kick", "kit", "knock", "kontent-ai",
    "lago", "langfuse", "latitude", "launchdarkly", "lemonsqueezy", "lettermint", "lightspark", "line", "linear",
    "linkedin", "lithic", "liveblocks", "livekit", "logto", "loop-returns",
    "mailchimp", "mailersend", "mailgun", "mailgun-form", "mailjet", "mailtrap", "mandrill", "mercury", "messagebird",
    "meta", "microsoft-graph", "mixpanel", "modern-treasury", "mollie-next-gen", "monday", "mongodb-atlas",
    "ms-teams-outgoing", "mux",
    "netlify", "nmi-subscriptions", "notion", "npm-registry", "nuvemshop", "nylas",
    "okta", "onfido", "onfleet", "openai", "openclaw", "orb",
    "paddle", "paddle-classic", "pagerduty", "paypal", "paystack", "picqer", "pipedrive", "plaid", "plivo-v3",
    "polar", "postal", "postal-sha1", "postmark", "primer", "pusher", "pylon", "pylon-body",
    "razorpay", "realtime-register", "recharge", "render", "replicate", "resend", "retell", "revolut", "ringcentral",
    "sanity", "scrapfly", "segment", "sellsy", "sendgrid", "sentry", "shipbob", "shiphero", "shippo", "shopify",
    "shopify-events", "shopline", "signable", "signalwire", "signatureapi", "sinch", "slack", "smartcar", "smile",
    "solidgate", "sparkpost", "square", "squarespace", "standard-webhooks", "standard-webhooks-ed25519", "statsig",
    "streak", "stripe", "stytch", "supabase-auth-hooks", "survicate", "svix", "synctera",
    "tailscale", "tally", "tebex", "telegram", "telnyx", "terraform-cloud", "tiktok", "tiktok-shop", "todoist",
    "travis", "trello", "twilio", "twitch", "typeform",
    "uber", "upstash-qstash", "utila",
    "vanta", "vercel", "vercel-log-drains", "viber", "vonage",
    "walmart", "wechat-pay", "whop", "wise", "woocommerce", "workos",
    "x-twitter", "xero",
    "zendesk", "zerohash", "zoho-payments", "zoom",
];

/// Each as it was read when it was first named; nothing where its file has a fault, and a test says which.
static READ: [OnceLock<Option<Arc<Scheme>>>; PRESETS.len()] = [const { OnceLock::new() }; PRESETS.len()];

/// The preset of a name. A gateway needs a few of them, and all together take half a MiB.
pub(super) fn get(name: &str) -> Option<&'static Arc<Scheme>> {
    let (index, (name, text)) = PRESETS.iter().enumerate().find(|(_, (known, _))| *known == name)?;
    READ.get(index)?.get_or_init(|| read(name, text, &Faults::default()).map(Arc::new)).as_ref()
}

/// Their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// Reads one, unless it has a fault.
fn read(name: &str, text: &str, faults: &Faults) -> Option<Scheme> {
    let document = Document::new(format!("presets/{name}.toml"), text);
    let scheme = document.read(faults, |table| Scheme::read(&name.parse().ok()?, table, None));
    scheme.filter(|_| faults.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_without_a_fault() {
        for (name, text) in PRESETS {
            let faults = Faults::default();
            assert!(read(name, text, &faults).is_some() && faults.is_empty(), "{name}: {:?}", faults.into_sorted());
        }
    }
}
