//! Signers written from the providers' own documentation, not from the product: a fault in one cannot hide a fault in the other.

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{fresh_id, unix_now};

/// The presets under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    Stripe,
    Github,
    Shopify,
    Slack,
    StandardWebhooks,
    StandardWebhooksEd25519,
    Discord,
    DiscordEvents,
}

/// A secret: as the operator writes it, and as the provider uses it.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) configured: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Hmac(Vec<u8>),
    Ed25519(Box<SigningKey>),
}

/// One delivery: headers and body as the provider sends them.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) provider: Provider,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Provider {
    pub(crate) const ALL: [Self; 8] = [
        Self::Stripe,
        Self::Github,
        Self::Shopify,
        Self::Slack,
        Self::StandardWebhooks,
        Self::StandardWebhooksEd25519,
        Self::Discord,
        Self::DiscordEvents,
    ];

    /// The preset's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Github => "github",
            Self::Shopify => "shopify",
            Self::Slack => "slack",
            Self::StandardWebhooks => "standard-webhooks",
            Self::StandardWebhooksEd25519 => "standard-webhooks-ed25519",
            Self::Discord => "discord",
            Self::DiscordEvents => "discord-events",
        }
    }

    /// The path that [`super::config::Integration::new`] gives it.
    pub(crate) fn path(self) -> String {
        format!("/hooks/{}", self.name())
    }

    pub(crate) fn signature_header(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe-Signature",
            Self::Github => "X-Hub-Signature-256",
            Self::Shopify => "X-Shopify-Hmac-Sha256",
            Self::Slack => "X-Slack-Signature",
            Self::StandardWebhooks | Self::StandardWebhooksEd25519 => "webhook-signature",
            Self::Discord | Self::DiscordEvents => "X-Signature-Ed25519",
        }
    }

    /// The header of its own that holds the signed time.
    pub(crate) fn timestamp_header(self) -> Option<&'static str> {
        match self {
            Self::Stripe | Self::Github | Self::Shopify => None,
            Self::Slack => Some("X-Slack-Request-Timestamp"),
            Self::StandardWebhooks | Self::StandardWebhooksEd25519 => Some("webhook-timestamp"),
            Self::Discord | Self::DiscordEvents => Some("X-Signature-Timestamp"),
        }
    }

    /// Whether it signs a time at all.
    pub(crate) fn is_timed(self) -> bool {
        !matches!(self, Self::Github | Self::Shopify)
    }

    /// The event type of [`Self::body`], and whether the signature covers it.
    pub(crate) fn event(self) -> (&'static str, bool) {
        match self {
            Self::Stripe => ("invoice.paid", true),
            Self::Github => ("push", false),
            Self::Shopify => ("orders/create", false),
            Self::Slack => ("message", true),
            Self::StandardWebhooks | Self::StandardWebhooksEd25519 => ("contact.created", true),
            Self::Discord => ("2", true),
            Self::DiscordEvents => ("APPLICATION_AUTHORIZED", true),
        }
    }

    /// Whether a replay is acknowledged unless the integration says otherwise.
    pub(crate) fn acknowledges_replays(self) -> bool {
        self == Self::Shopify
    }

    fn is_ed25519(self) -> bool {
        matches!(self, Self::StandardWebhooksEd25519 | Self::Discord | Self::DiscordEvents)
    }

    /// The secret of a label: the same label, the same secret.
    pub(crate) fn secret(self, label: &str) -> Secret {
        let seed: [u8; 32] = Sha256::digest(format!("{label} {}", self.name())).into();
        if self.is_ed25519() {
            let key = SigningKey::from_bytes(&seed);
            let public = key.verifying_key().to_bytes();
            let configured = match self {
                Self::StandardWebhooksEd25519 => format!("whpk_{}", BASE64.encode(&public)),
                _ => HEXLOWER.encode(&public),
            };
            return Secret { configured, key: Key::Ed25519(Box::new(key)) };
        }
        let configured = match self {
            Self::StandardWebhooks => format!("whsec_{}", BASE64.encode(&seed)),
            Self::Stripe => format!("whsec_{}", HEXLOWER.encode(&seed)),
            _ => HEXLOWER.encode(&seed),
        };
        let key = if self == Self::StandardWebhooks { seed.to_vec() } else { configured.clone().into_bytes() };
        Secret { configured, key: Key::Hmac(key) }
    }

    /// A body as the provider would send it, carrying an id where the provider puts one.
    pub(crate) fn body(self, id: &str) -> Vec<u8> {
        let text = match self {
            Self::Stripe => format!(r#"{{"id":"evt_{id}","object":"event","type":"invoice.paid","livemode":false}}"#),
            Self::Github => format!(r#"{{"ref":"refs/heads/main","after":"{id}","note":"café"}}"#),
            Self::Shopify => format!(r#"{{"id":820982911946154508,"note":"{id}"}}"#),
            Self::Slack => format!(r#"{{"type":"event_callback","event_id":"Ev{id}","event":{{"type":"message","text":"hi"}}}}"#),
            Self::StandardWebhooks | Self::StandardWebhooksEd25519 => {
                format!(r#"{{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{{"id":"{id}"}}}}"#)
            }
            Self::Discord => format!(r#"{{"type":2,"id":"{id}","application_id":"2","token":"t","version":1}}"#),
            Self::DiscordEvents => {
                format!(r#"{{"version":1,"application_id":"{id}","type":1,"event":{{"type":"APPLICATION_AUTHORIZED"}}}}"#)
            }
        };
        text.into_bytes()
    }

    /// A fresh, honest delivery under the secret `current`.
    pub(crate) fn delivery(self) -> Delivery {
        self.delivery_at(unix_now())
    }

    /// The same, signed at another time.
    pub(crate) fn delivery_at(self, at: i64) -> Delivery {
        let id = fresh_id();
        self.sign(&self.secret("current"), &id, at, &self.body(&id))
    }

    /// Any id, time and body under any secret.
    pub(crate) fn sign(self, secret: &Secret, id: &str, at: i64, body: &[u8]) -> Delivery {
        self.sign_text(secret, id, &at.to_string(), body)
    }

    /// The same with the time spelled as the test likes.
    pub(crate) fn sign_text(self, secret: &Secret, id: &str, at: &str, body: &[u8]) -> Delivery {
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        match self {
            Self::Stripe => {
                let signature = HEXLOWER.encode(&secret.sign(&[at.as_bytes(), b".", body]));
                add("Stripe-Signature", format!("t={at},v1={signature}"));
            }
            Self::Github => {
                add("X-GitHub-Event", "push".to_owned());
                add("X-GitHub-Delivery", format!("gh-{id}"));
                add("X-Hub-Signature-256", format!("sha256={}", HEXLOWER.encode(&secret.sign(&[body]))));
            }
            Self::Shopify => {
                add("X-Shopify-Topic", "orders/create".to_owned());
                add("X-Shopify-Shop-Domain", "johns-apparel.myshopify.com".to_owned());
                add("X-Shopify-API-Version", "2026-07".to_owned());
                add("X-Shopify-Webhook-Id", format!("sh-{id}"));
                add("X-Shopify-Hmac-Sha256", BASE64.encode(&secret.sign(&[body])));
            }
            Self::Slack => {
                let signature = HEXLOWER.encode(&secret.sign(&[b"v0:", at.as_bytes(), b":", body]));
                add("X-Slack-Request-Timestamp", at.to_owned());
                add("X-Slack-Signature", format!("v0={signature}"));
            }
            Self::StandardWebhooks | Self::StandardWebhooksEd25519 => {
                let id = format!("msg_{id}");
                let version = if self.is_ed25519() { "v1a" } else { "v1" };
                let signature = secret.sign(&[id.as_bytes(), b".", at.as_bytes(), b".", body]);
                add("webhook-id", id);
                add("webhook-timestamp", at.to_owned());
                add("webhook-signature", format!("{version},{}", BASE64.encode(&signature)));
            }
            Self::Discord | Self::DiscordEvents => {
                add("X-Signature-Timestamp", at.to_owned());
                add("X-Signature-Ed25519", HEXLOWER.encode(&secret.sign(&[at.as_bytes(), body])));
            }
        }
        Delivery { provider: self, headers, body: body.to_vec() }
    }
}

impl Secret {
    /// A MAC key of any bytes, such as a published example's.
    pub(crate) fn mac(key: &[u8]) -> Self {
        Self { configured: String::new(), key: Key::Hmac(key.to_vec()) }
    }

    /// The private key of a published example.
    pub(crate) fn ed25519(seed: [u8; 32]) -> Self {
        Self { configured: String::new(), key: Key::Ed25519(Box::new(SigningKey::from_bytes(&seed))) }
    }

    fn sign(&self, parts: &[&[u8]]) -> Vec<u8> {
        match &self.key {
            Key::Hmac(key) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
                for part in parts {
                    mac.update(part);
                }
                mac.finalize().into_bytes().to_vec()
            }
            Key::Ed25519(key) => key.sign(&parts.concat()).to_bytes().to_vec(),
        }
    }
}

impl Delivery {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        &found.unwrap_or_else(|| panic!("no {name}")).1
    }

    pub(crate) fn signature(&self) -> &str {
        self.header(self.provider.signature_header())
    }

    /// The signature itself, without what the header wraps it in.
    pub(crate) fn bare_signature(&self) -> &str {
        &self.signature()[signature_start(self.signature())..]
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// The same with one header set, in place of any of its name.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// The same with one more header line.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with one byte of the body changed.
    pub(crate) fn with_tampered_body(mut self) -> Self {
        let last = self.body.len() - 2;
        self.body[last] ^= 1;
        self
    }

    /// The same with one character of the signature changed to another of its alphabet.
    pub(crate) fn with_tampered_signature(self) -> Self {
        let value = self.signature().to_owned();
        let at = signature_start(&value);
        let other = if value[at..].starts_with('0') { "1" } else { "0" };
        let value = format!("{}{other}{}", &value[..at], &value[at + 1..]);
        let name = self.provider.signature_header();
        self.with(name, &value)
    }
}

fn signature_start(value: &str) -> usize {
    let marks = ["sha256=", "v1a,", "v1,", "v1=", "v0="];
    // At the beginning of an element: a signature in base64 may end with one of them.
    let begins = |at: &usize| *at == 0 || value[..*at].ends_with([',', ';', ' ']);
    marks.iter().find_map(|mark| value.find(mark).filter(begins).map(|at| at + mark.len())).unwrap_or(0)
}
