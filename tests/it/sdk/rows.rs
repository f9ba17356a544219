//! Which SDK stands against which preset, and what is known of each. The table in `docs/sdk.md` is made of these.

use super::bodies::{
    BODIES, CALLS, CANONICAL, EVENTS, FORMS, FORMS_OF_SINGLE_VALUES, ITEMS, MESSAGES, NOTIFICATIONS, PAGES, REWRITTEN_ALIKE,
};
use super::peer::From::{self, FullNode, FullPython, LightNode, LightPython};

/// One SDK against one preset.
pub(super) struct Row {
    /// The preset.
    pub(super) provider: &'static str,
    /// The package, as its lock file names it.
    pub(super) package: &'static str,
    /// The peer's name for what it calls.
    pub(super) adapter: &'static str,
    /// Where it runs.
    pub(super) from: From,
    /// Who signs.
    pub(super) signer: Signer,
    /// With what.
    pub(super) key: Key,
    /// What becomes of a delivery that was signed a day ago.
    pub(super) stale: Stale,
    /// Whether the URL is signed.
    pub(super) signs_url: bool,
    /// Whether the SDK looks at the body's bytes, and not at what it writes anew from the parsed object.
    pub(super) reads_bytes: bool,
    /// Whether the body is signed, and not the sender or the URL alone.
    pub(super) signs_body: bool,
    /// What is sent.
    pub(super) sends: Sends,
}

/// Who signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    /// The SDK of this place.
    Sdk(From),
    /// A library that the SDK of this place verifies with: it has no signer of its own.
    Library(From),
    /// `hookward sign`, for an SDK that only verifies.
    Hookward,
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sends {
    /// JSON, signed in a header.
    Json,
    /// The same, of these bodies only.
    JsonOf(&'static [&'static str]),
    /// Forms, signed in a header.
    Forms(&'static [&'static str]),
    /// Queries of a GET without a body, which are signed.
    Queries(&'static [&'static str]),
    /// What the SDK makes of these, with its signature.
    Signed {
        bodies: &'static [&'static str],
        is_form: bool,
        /// What stands before the signature's digits, and before what they sign.
        marks: (&'static str, &'static str),
    },
}

const NOTIFIED: Sends = Sends::Signed { bodies: &NOTIFICATIONS, is_form: true, marks: ("%7C", "bt_payload=") };
const ITEM: Sends = Sends::Signed { bodies: &ITEMS, is_form: false, marks: ("\"hmacSignature\":\"", "\"pspReference\":\"evt_") };

const MESSAGE: Sends = Sends::Signed { bodies: &MESSAGES, is_form: false, marks: ("\"Signature\":\"", "\"Message\":\"evt_") };
const EVENT: Sends = Sends::Signed { bodies: &EVENTS, is_form: false, marks: ("\"signature\":\"", "\"token\":\"evt_") };

/// The secret.
pub(super) enum Key {
    /// The same text on both sides.
    Text(&'static str),
    /// An Ed25519 pair: the seed for the signer.
    Pair { seed: &'static str, public: &'static str },
    /// A pair that the peer makes.
    OfThePeer(From),
}

/// What becomes of a delivery that was signed a day ago.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    /// Both refuse it.
    BothRefuse,
    /// The SDK does not look at the time.
    OnlyHookward,
    /// No time is signed.
    Untimed,
}

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const HEX_PAIR: Key = Key::Pair { seed: SEED, public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a" };
const BASE64_PAIR: Key = Key::Pair { seed: SEED, public: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" };
const PEM_PAIR: Key = Key::Pair {
    seed: SEED,
    public: "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
};
const SIGNKEY: Key = Key::Text("signkey-test-4f1c9a7be83d4c5fa0b24f1c9a7be83d");
const TEXT: Key = Key::Text("whsec_4f1c9a7be83d4c5fa0b2");
const WHSEC: Key = Key::Text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

const BASE64: Key = Key::Text("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

const ROW: Row = Row {
    provider: "",
    package: "",
    adapter: "",
    from: LightNode,
    signer: Signer::Hookward,
    key: TEXT,
    stale: Stale::Untimed,
    signs_url: false,
    reads_bytes: true,
    signs_body: true,
    sends: Sends::Json,
};

const fn light(provider: &'static str, package: &'static str, adapter: &'static str) -> Row {
    Row { provider, package, adapter, ..ROW }
}

const fn full(provider: &'static str, package: &'static str, adapter: &'static str) -> Row {
    Row { from: FullNode, ..light(provider, package, adapter) }
}

impl Row {
    const fn python(self) -> Self {
        let from = if self.from.is_light() { LightPython } else { FullPython };
        Self { from, ..self }
    }

    const fn signs(self) -> Self {
        let signer = Signer::Sdk(self.from);
        Self { signer, ..self }
    }

    const fn signs_by_library(self) -> Self {
        let signer = Signer::Library(self.from);
        Self { signer, ..self }
    }

    /// By the library of the SDK for Node, whatever verifies.
    const fn signs_by_node(self) -> Self {
        Self { signer: Signer::Library(FullNode), ..self }
    }

    /// With a pair of the light set's library for Node, whatever verifies.
    const fn signs_by_light_node(self) -> Self {
        Self { signer: Signer::Library(LightNode), ..self }.key(Key::OfThePeer(LightNode))
    }

    const fn key(self, key: Key) -> Self {
        // A key holds nothing that is dropped; a constant cannot drop what it may hold.
        let Self { provider, package, adapter, from, signer, stale, signs_url, reads_bytes, signs_body, sends, .. } = self;
        Self { provider, package, adapter, from, signer, key, stale, signs_url, reads_bytes, signs_body, sends }
    }

    const fn timed(self) -> Self {
        Self { stale: Stale::BothRefuse, ..self }
    }

    const fn timed_by_hookward(self) -> Self {
        Self { stale: Stale::OnlyHookward, ..self }
    }

    const fn with_url(self) -> Self {
        Self { signs_url: true, ..self }
    }

    const fn rewriting(self) -> Self {
        Self { reads_bytes: false, ..self }
    }

    const fn without_body(self) -> Self {
        Self { signs_body: false, ..self }
    }

    const fn sends(self, sends: Sends) -> Self {
        Self { sends, ..self }
    }

    /// The bodies that are compared, by their numbers.
    pub(super) fn bodies(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let fits = |index: &usize| self.reads_bytes || REWRITTEN_ALIKE.contains(index);
        let bodies = match self.sends {
            Sends::Json => &BODIES[..],
            Sends::JsonOf(bodies) | Sends::Forms(bodies) | Sends::Queries(bodies) | Sends::Signed { bodies, .. } => bodies,
        };
        bodies.iter().copied().enumerate().filter(move |(index, _)| fits(index))
    }

    /// What the bodies are.
    pub(super) const fn content_type(&self) -> &'static str {
        match self.sends {
            Sends::Forms(_) | Sends::Signed { is_form: true, .. } => "application/x-www-form-urlencoded",
            Sends::Json | Sends::JsonOf(_) | Sends::Queries(_) | Sends::Signed { is_form: false, .. } => "application/json",
        }
    }

    /// The provider's own id of the key, where requests name one.
    pub(super) fn key_id(&self) -> Option<&'static str> {
        match self.provider {
            "pusher" => Some("app-key"),
            "box" => Some("primary"),
            "braintree" => Some("public-key"),
            "ebay" | "worldline" => Some("key-1"),
            _ => None,
        }
    }

    /// What the integration is told of the account.
    pub(super) fn options(&self) -> Option<&'static str> {
        match self.provider {
            "solidgate" => Some("{ public_key = \"api_pk\" }"),
            "ebay" => {
                Some("{ verification_token = \"0123456789abcdef0123456789abcdef\", endpoint = \"https://hooks.example.com/in\" }")
            }
            "atlassian-connect" => Some("{ client_key = \"client-key\", base_url = \"https://hooks.example.com/in\" }"),
            "gcp-pubsub" => Some("{ audience = \"https://push.example.com\", service_account = \"push@example.com\" }"),
            _ => None,
        }
    }

    /// Whether a delivery carries anything that is signed besides its token.
    pub(super) fn signs_more_than_a_token(&self) -> bool {
        self.signs_body || self.signs_url
    }

    /// The integration's name.
    pub(super) fn name(&self) -> String {
        let language = if self.from.is_node() { "node" } else { "python" };
        format!("{}-{language}-{}", self.provider, self.adapter)
    }

    /// The header of the signature; and of the time, with what stands before its digits.
    pub(super) fn headers(&self) -> (&'static str, Option<(&'static str, &'static str)>) {
        match self.provider {
            "stripe" => ("stripe-signature", Some(("stripe-signature", "t="))),
            "github" => ("x-hub-signature-256", None),
            "adyen" | "braintree" | "aws-sns" | "aws-sns-v1" | "mailgun" | "shopify-app-proxy" => ("", None),
            "standard-webhooks" | "replicate" | "polar" | "openai" | "anthropic" | "lithic" | "liveblocks" | "dodo-payments"
            | "whop" | "imagekit" | "increase-standard" => ("webhook-signature", Some(("webhook-timestamp", ""))),
            "svix" | "resend" | "clerk" => ("svix-signature", Some(("svix-timestamp", ""))),
            "slack" => ("x-slack-signature", Some(("x-slack-request-timestamp", ""))),
            "discord" | "discord-events" => ("x-signature-ed25519", Some(("x-signature-timestamp", ""))),
            "sendgrid" => ("x-twilio-email-event-webhook-signature", Some(("x-twilio-email-event-webhook-timestamp", ""))),
            "sanity" => ("sanity-webhook-signature", Some(("sanity-webhook-signature", "t="))),
            "pusher" => ("x-pusher-signature", None),
            "line" => ("x-line-signature", None),
            "paddle" => ("paddle-signature", Some(("paddle-signature", "ts="))),
            "razorpay" => ("x-razorpay-signature", None),
            "square" => ("x-square-hmacsha256-signature", None),
            "telnyx" => ("telnyx-signature-ed25519", Some(("telnyx-timestamp", ""))),
            "mux" => ("mux-signature", Some(("mux-signature", "t="))),
            "workos" => ("workos-signature", Some(("workos-signature", "t="))),
            "modern-treasury" | "getstream" => ("x-signature", None),
            "orb" => ("x-orb-signature", Some(("x-orb-timestamp", ""))),
            "gocardless" => ("webhook-signature", None),
            "cloudinary" | "cloudinary-sha256" => ("x-cld-signature", Some(("x-cld-timestamp", ""))),
            "adyen-platform" => ("hmacsignature", None),
            "linear" => ("linear-signature", None),
            "easypost" => ("x-hmac-signature", None),
            "hubspot-v1" | "hubspot-v2" => ("x-hubspot-signature", None),
            "hubspot-v3" => ("x-hubspot-signature-v3", Some(("x-hubspot-request-timestamp", ""))),
            "coinbase-commerce" => ("x-cc-webhook-signature", None),
            "twilio" => ("x-twilio-signature", None),
            "shopify" => ("x-shopify-hmac-sha256", None),
            "shopify-events" => ("shopify-hmac-sha256", None),
            "contentful" => ("x-contentful-signature", Some(("x-contentful-timestamp", ""))),
            "box" => ("box-signature-primary", Some(("box-delivery-timestamp", ""))),
            "hookdeck" => ("x-hookdeck-signature", None),
            "mailtrap" => ("mailtrap-signature", None),
            "highlevel" => ("x-ghl-signature", None),
            "solidgate" | "mailersend" => ("signature", None),
            "x-twitter" => ("x-twitter-webhooks-signature", None),
            "viber" => ("x-viber-content-signature", None),
            "smartcar" => ("sc-signature", None),
            "retell" => ("x-retell-signature", Some(("x-retell-signature", "v="))),
            "upstash-qstash" => ("upstash-signature", None),
            "livekit" | "atlassian-connect" | "vonage" | "gcp-pubsub" => ("authorization", None),
            "ebay" => ("x-ebay-signature", None),
            "zoom" => ("x-zm-signature", Some(("x-zm-request-timestamp", ""))),
            "onfido" => ("x-sha2-signature", None),
            "worldline" => ("x-gcs-signature", None),
            "acuity-scheduling" => ("x-acuity-signature", None),
            "boldsign" => ("x-boldsign-signature", Some(("x-boldsign-signature", "t="))),
            "cashfree" => ("x-webhook-signature", Some(("x-webhook-timestamp", ""))),
            "imagekit-v1" => ("x-ik-signature", Some(("x-ik-signature", "t="))),
            "gr4vy" => ("x-gr4vy-webhook-signatures", Some(("x-gr4vy-webhook-timestamp", ""))),
            "kontent-ai" => ("x-kontent-ai-signature", None),
            "signalwire" => ("x-signalwire-signature", None),
            "finch" => ("finch-signature", Some(("finch-timestamp", ""))),
            "inngest" => ("x-inngest-signature", Some(("x-inngest-signature", "t="))),
            "lightspark" => ("lightspark-signature", None),
            "cloudconvert" => ("cloudconvert-signature", None),
            "creem" => ("creem-signature", None),
            "messagebird" => ("messagebird-signature-jwt", None),
            "scrapfly" => ("x-scrapfly-webhook-signature", None),
            "elevenlabs" => ("elevenlabs-signature", Some(("elevenlabs-signature", "t="))),
            "hook0" => ("x-hook0-signature", Some(("x-hook0-signature", "t="))),
            "mollie-next-gen" => ("x-mollie-signature", None),
            "notion" => ("x-notion-signature", None),
            "plaid" => ("plaid-verification", None),
            "plivo-v3" => ("x-plivo-signature-v3", None),
            "sinch" => ("x-sinch-webhook-signature", Some(("x-sinch-webhook-signature-timestamp", ""))),
            "todoist" => ("x-todoist-hmac-sha256", None),
            unknown => panic!("{unknown} has no headers here"),
        }
    }
}

/// All rows, by preset.
pub(super) static ROWS: [Row; 150] = [
    full("acuity-scheduling", "acuityscheduling", "acuity-scheduling").sends(Sends::Forms(&FORMS)),
    full("adyen", "@adyen/api-library", "adyen-item").signs().key(Key::Text(SEED)).sends(ITEM),
    full("adyen", "adyen", "adyen-item").python().signs().key(Key::Text(SEED)).sends(ITEM),
    full("adyen-platform", "@adyen/api-library", "adyen").signs().key(Key::Text(SEED)),
    full("adyen-platform", "adyen", "adyen").python().signs().key(Key::Text(SEED)),
    full("anthropic", "@anthropic-ai/sdk", "anthropic").key(WHSEC).timed(),
    full("anthropic", "anthropic", "anthropic").python().key(WHSEC).timed(),
    full("atlassian-connect", "@atlassian/atlassian-jwt", "atlassian-connect").signs().with_url().without_body().timed(),
    full("aws-sns", "sns-validator", "sns-v2")
        .signs_by_library()
        .key(Key::OfThePeer(FullNode))
        .sends(MESSAGE)
        .timed_by_hookward(),
    full("aws-sns-v1", "sns-validator", "sns-v1")
        .signs_by_library()
        .key(Key::OfThePeer(FullNode))
        .sends(MESSAGE)
        .timed_by_hookward(),
    full("boldsign", "boldsign", "boldsign").python().timed(),
    full("box", "box-node-sdk", "box").signs().timed(),
    full("box", "boxsdk", "box").python().signs().timed(),
    full("braintree", "braintree", "braintree").signs().sends(NOTIFIED),
    full("braintree", "braintree", "braintree").python().signs().sends(NOTIFIED),
    full("cashfree", "cashfree-pg", "cashfree").timed_by_hookward(),
    full("clerk", "@clerk/backend", "clerk").key(WHSEC).timed(),
    full("cloudconvert", "cloudconvert", "cloudconvert"),
    full("cloudconvert", "cloudconvert", "cloudconvert").python(),
    full("cloudinary", "cloudinary", "cloudinary-sha1").signs().timed(),
    full("cloudinary", "cloudinary", "cloudinary-sha1").python().timed(),
    full("cloudinary-sha256", "cloudinary", "cloudinary-sha256").signs().timed(),
    full("cloudinary-sha256", "cloudinary", "cloudinary-sha256").python().timed(),
    full("coinbase-commerce", "coinbase-commerce-node", "coinbase-commerce").signs(),
    full("coinbase-commerce", "coinbase-commerce", "coinbase-commerce").python(),
    full("contentful", "@contentful/node-apps-toolkit", "contentful").signs().key(Key::Text(SEED)).with_url().timed(),
    full("creem", "creem", "creem"),
    light("discord", "discord-interactions", "discord").key(HEX_PAIR).timed_by_hookward(),
    light("discord", "discord-interactions", "discord").python().key(HEX_PAIR).timed_by_hookward(),
    light("discord-events", "discord-interactions", "discord").key(HEX_PAIR).timed_by_hookward(),
    full("dodo-payments", "dodopayments", "dodo-payments").key(WHSEC).timed(),
    full("dodo-payments", "dodopayments", "dodo-payments").python().key(WHSEC).timed(),
    full("easypost", "@easypost/api", "easypost"),
    full("easypost", "easypost", "easypost").python(),
    full("ebay", "event-notification-nodejs-sdk", "ebay").signs_by_library().key(Key::OfThePeer(FullNode)).rewriting(),
    full("elevenlabs", "elevenlabs", "elevenlabs").python().timed(),
    full("finch", "@tryfinch/finch-api", "finch").key(BASE64).timed(),
    full("finch", "finch-api", "finch").python().key(BASE64).timed(),
    full("gcp-pubsub", "google-auth-library", "pubsub").signs_by_library().key(Key::OfThePeer(FullNode)).without_body().timed(),
    full("gcp-pubsub", "google-auth", "pubsub").python().signs_by_node().key(Key::OfThePeer(FullNode)).without_body().timed(),
    full("getstream", "stream-chat", "getstream").python(),
    full("getstream", "@stream-io/node-sdk", "getstream"),
    light("github", "@octokit/webhooks-methods", "octokit").signs(),
    full("gocardless", "gocardless-nodejs", "gocardless"),
    full("gocardless", "gocardless-pro", "gocardless").python(),
    full("gr4vy", "@gr4vy/sdk", "gr4vy").timed(),
    full("gr4vy", "gr4vy", "gr4vy").python().timed(),
    full("highlevel", "@gohighlevel/api-client", "highlevel").key(PEM_PAIR),
    full("hook0", "hook0-client", "hook0").timed(),
    full("hook0", "hook0-client", "hook0").python().timed(),
    full("hookdeck", "@hookdeck/sdk", "hookdeck"),
    full("hubspot-v1", "@hubspot/api-client", "hubspot-v1").signs(),
    full("hubspot-v1", "hubspot-api-client", "hubspot-v1").python().signs(),
    full("hubspot-v2", "@hubspot/api-client", "hubspot-v2").signs().with_url(),
    full("hubspot-v2", "hubspot-api-client", "hubspot-v2").python().signs().with_url(),
    full("hubspot-v3", "@hubspot/api-client", "hubspot-v3").signs().with_url().timed(),
    full("hubspot-v3", "hubspot-api-client", "hubspot-v3").python().signs().with_url().timed(),
    full("imagekit", "imagekitio", "imagekit").python().timed(),
    full("imagekit-v1", "imagekit", "imagekit-v1").timed_by_hookward(),
    full("increase-standard", "increase", "increase").python().timed(),
    full("inngest", "inngest", "inngest").python().signs().key(SIGNKEY).timed_by_hookward().sends(Sends::JsonOf(&CANONICAL)),
    full("kontent-ai", "@kontent-ai/webhook-helper", "kontent-ai").signs(),
    full("lightspark", "@lightsparkdev/lightspark-sdk", "lightspark"),
    full("line", "@line/bot-sdk", "line"),
    full("line", "line-bot-sdk", "line").python(),
    full("linear", "@linear/sdk", "linear").timed(),
    full("lithic", "lithic", "lithic").key(WHSEC).timed(),
    full("lithic", "lithic", "lithic").python().key(WHSEC).timed(),
    full("liveblocks", "@liveblocks/node", "liveblocks").key(WHSEC).timed(),
    full("liveblocks", "liveblocks", "liveblocks").python().key(WHSEC).timed(),
    full("livekit", "livekit-server-sdk", "livekit").signs_by_library().timed(),
    full("livekit", "livekit-api", "livekit").python().signs_by_node().timed(),
    full("mailersend", "mailersend", "mailersend"),
    full("mailgun", "mailgun", "mailgun").python().sends(EVENT).timed(),
    full("mailtrap", "mailtrap", "mailtrap"),
    full("mailtrap", "mailtrap", "mailtrap").python(),
    full("messagebird", "messagebird", "messagebird").signs_by_library().with_url().timed(),
    full("messagebird", "messagebird", "messagebird").python().signs_by_node().with_url().timed(),
    full("modern-treasury", "modern-treasury", "modern-treasury").signs(),
    full("modern-treasury", "modern-treasury", "modern-treasury").python().signs(),
    full("mollie-next-gen", "mollie-api-typescript", "mollie").signs(),
    full("mux", "@mux/mux-node", "mux").timed(),
    full("notion", "@notionhq/client", "notion").signs(),
    full("onfido", "@onfido/api", "onfido"),
    full("onfido", "onfido-python", "onfido").python(),
    full("openai", "openai", "openai").key(WHSEC).timed(),
    full("openai", "openai", "openai").python().key(WHSEC).timed(),
    full("orb", "orb-billing", "orb").timed(),
    full("orb", "orb-billing", "orb").python().timed(),
    full("paddle", "@paddle/paddle-node-sdk", "paddle").timed(),
    full("paddle", "paddle-python-sdk", "paddle").python().timed(),
    full("plaid", "jose", "plaid").signs_by_library().key(Key::OfThePeer(FullNode)).timed(),
    full("plivo-v3", "plivo", "plivo").with_url().sends(Sends::Forms(&FORMS)),
    full("plivo-v3", "plivo", "plivo").python().with_url().sends(Sends::Forms(&FORMS)),
    full("plivo-v3", "plivo", "plivo-get").with_url().sends(Sends::Queries(&CALLS)),
    full("plivo-v3", "plivo", "plivo-get").python().with_url().sends(Sends::Queries(&CALLS)),
    full("polar", "polar-sdk", "polar").python().timed(),
    light("pusher", "pusher", "pusher").timed_by_hookward(),
    full("pusher", "pusher", "pusher").python().timed(),
    full("razorpay", "razorpay", "razorpay"),
    full("razorpay", "razorpay", "razorpay").python(),
    full("replicate", "replicate", "replicate").key(WHSEC).timed_by_hookward(),
    full("replicate", "replicate", "replicate").python().key(WHSEC).timed_by_hookward(),
    full("resend", "resend", "resend").key(WHSEC).timed(),
    full("resend", "resend", "resend").python().key(WHSEC).timed(),
    full("retell", "retell-sdk", "retell").timed(),
    full("retell", "retell-sdk", "retell").python().signs().timed(),
    light("sanity", "@sanity/webhook", "sanity").signs().timed_by_hookward(),
    full("scrapfly", "scrapfly-sdk", "scrapfly").python(),
    light("sendgrid", "@sendgrid/eventwebhook", "sendgrid").signs_by_library().key(Key::OfThePeer(LightNode)).timed_by_hookward(),
    full("sendgrid", "sendgrid", "sendgrid").python().signs_by_light_node().timed_by_hookward(),
    full("shopify", "@shopify/shopify-api", "shopify").signs(),
    full("shopify-app-proxy", "@shopify/shopify-api", "shopify-app-proxy").sends(Sends::Queries(&PAGES)).timed(),
    full("shopify-events", "@shopify/shopify-api", "shopify-events").signs(),
    full("signalwire", "@signalwire/compatibility-api", "signalwire").with_url().sends(Sends::Forms(&FORMS_OF_SINGLE_VALUES)),
    full("sinch", "sinch", "sinch").python().signs().timed_by_hookward(),
    light("slack", "slack-sdk", "slack").python().signs().timed(),
    full("slack", "@slack/bolt", "bolt").timed(),
    full("smartcar", "smartcar", "smartcar").rewriting(),
    full("smartcar", "smartcar", "smartcar").python(),
    full("solidgate", "@solidgate/node-sdk", "solidgate").signs(),
    full("square", "square", "square").with_url(),
    full("square", "squareup", "square").python().with_url(),
    light("standard-webhooks", "standardwebhooks", "standardwebhooks").signs().key(WHSEC).timed(),
    light("standard-webhooks", "standardwebhooks", "standardwebhooks").python().signs().key(WHSEC).timed(),
    light("stripe", "stripe", "stripe").signs().timed(),
    full("stripe", "stripe", "stripe").python().signs().timed(),
    light("svix", "svix", "svix").signs().key(WHSEC).timed(),
    full("svix", "svix", "svix").python().signs().key(WHSEC).timed(),
    full("telnyx", "telnyx", "telnyx").key(BASE64_PAIR).timed(),
    full("telnyx", "telnyx", "telnyx").python().key(BASE64_PAIR).timed(),
    full("todoist", "@doist/todoist-sdk", "todoist"),
    full("twilio", "twilio", "twilio-form").signs().with_url().sends(Sends::Forms(&FORMS)),
    full("twilio", "twilio", "twilio-json").signs().with_url(),
    full("twilio", "twilio", "twilio-form").python().signs().with_url().sends(Sends::Forms(&FORMS)),
    full("twilio", "twilio", "twilio-json").python().signs().with_url(),
    full("upstash-qstash", "@upstash/qstash", "qstash").signs_by_library().with_url().timed(),
    full("upstash-qstash", "qstash", "qstash").python().signs_by_node().with_url().timed(),
    full("viber", "viber-bot", "viber"),
    full("viber", "viberbot", "viber").python(),
    full("vonage", "@vonage/jwt", "vonage").signs_by_library(),
    full("vonage", "vonage-jwt", "vonage").python().signs_by_node(),
    full("whop", "@whop/sdk", "whop").timed(),
    full("workos", "@workos-inc/node", "workos").signs().timed().rewriting(),
    full("workos", "workos", "workos").python().timed(),
    full("worldline", "onlinepayments-sdk-nodejs", "worldline-direct"),
    full("worldline", "connect-sdk-nodejs", "worldline-connect"),
    full("worldline", "onlinepayments-sdk-python3", "worldline").python(),
    full("x-twitter", "twitter-autohook", "twitter"),
    full("zoom", "@zoom/rivet", "zoom").timed_by_hookward().rewriting(),
];

/// The light ones, or all of them.
pub(super) fn chosen() -> Vec<&'static Row> {
    let all = std::env::var("HOOKWARD_SDKS").is_ok_and(|sets| sets == "full");
    ROWS.iter().filter(|row| all || row.from.is_light()).collect()
}
