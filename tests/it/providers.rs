//! Every preset against the same table of deliveries: the honest one passes, each other is refused for its own reason, and
//! nothing of it reaches the upstream.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::support::client::Answer;
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::provider::{Delivery, Provider, Secret};
use crate::support::upstream::{Latch, Reply, Upstream};
use crate::support::{fresh_id, unix_now};

/// Sends one delivery made for each provider and asserts the same refusal of all.
#[track_caller]
fn all_refused(providers: &[Provider], reason: &str, make: impl Fn(Provider) -> Delivery) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let mut ids = Vec::new();
    for provider in providers {
        let answer = gateway.deliver(&make(*provider));
        ids.push(answer.refused(401, "unauthorized"));
    }
    upstream.saw_nothing();
    let ledger = gateway.finish();
    assert_eq!(ledger.requests().len(), providers.len());
    for (id, provider) in ids.iter().zip(providers) {
        let record = ledger.of(id);
        assert_eq!(record.reason(), reason, "{provider:?}");
        assert_eq!((record.text("decision"), record.number("status")), ("refused", 401), "{provider:?}");
        assert_eq!(record.text("integration"), provider.name());
    }
}

fn timed() -> Vec<Provider> {
    Provider::ALL.into_iter().filter(|provider| provider.is_timed()).collect()
}

fn with_timestamp_header() -> Vec<Provider> {
    Provider::ALL.into_iter().filter(|provider| provider.timestamp_header().is_some()).collect()
}

#[test]
fn our_own_signers_agree_with_published_answers() {
    // From the providers' own SDKs and pages; sources beside the presets.
    let mac = |text: &str| Secret::mac(text.as_bytes());
    let base64 = |text: &str| data_encoding::BASE64.decode(text.as_bytes()).unwrap();
    let slack = base64(
        "dG9rZW49eHl6ejBXYmFwQTR2QkNERUZhc3gwcTZHJnRlYW1faWQ9VDFEQzJKSDNKJnRlYW1fZG9tYWluPXRlc3R0ZWFtbm93JmNoYW5uZWxfaWQ9RzhQU1M5\
         VDNWJmNoYW5uZWxfbmFtZT1mb29iYXImdXNlcl9pZD1VMkNFUkxLSkEmdXNlcl9uYW1lPXJvYWRydW5uZXImY29tbWFuZD0lMkZ3ZWJob29rLWNvbGxlY3Qm\
         dGV4dD0mcmVzcG9uc2VfdXJsPWh0dHBzJTNBJTJGJTJGaG9va3Muc2xhY2suY29tJTJGY29tbWFuZHMlMkZUMURDMkpIM0olMkYzOTc3MDA4ODU1NTQlMkY5\
         NnJHbGZtaWJJR2xnY1pSc2tYYUlGZk4mdHJpZ2dlcl9pZD0zOTg3Mzg2NjMwMTUuNDc0NDU2MjkxMjEuODAzYTBiYzg4N2ExNGQxMGQyYzQ0N2ZjZThiNjcw\
         M2M=",
    );
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed = data_encoding::HEXLOWER.decode(seed.as_bytes()).unwrap().try_into().unwrap();
    let cases = [
        (
            Provider::Github,
            mac("mysecret"),
            ("", 0),
            base64("eyJ6ZW4iOiJLZWVwIGl0IGxvZ2ljYWxseSBhd2Vzb21lLiDwn5qAIiwiaG9va19pZCI6MX0="),
            "sha256=bc0dafc87f2a52db414490d0a692f5a5bb6a8ff07e8bacc910c86e864c0336f6",
        ),
        (
            Provider::Slack,
            mac("8f742231b10e8888abcd99yyyzzz85a5"),
            ("", 1_531_420_618),
            slack,
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
        (
            Provider::StandardWebhooks,
            Secret::mac(&base64("plJ3nmyCDGBKInavdOK15jsl")),
            ("loFOjxBNrRLzqYUf", 1_731_705_121),
            base64("eyJldmVudF90eXBlIjoicGluZyIsImRhdGEiOnsic3VjY2VzcyI6dHJ1ZX19"),
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
        (
            Provider::Discord,
            Secret::ed25519(seed),
            ("", 1_700_000_000),
            br#"{"type":1,"id":"1","application_id":"2","token":"t","version":1}"#.to_vec(),
            "3433fec544f1726578c1e22addb495066aa1528416997cee1dee09ef294cf150f43312e342de8386ba27ae08ab02dbe61bde8536c9fbdef921397ba3481a820f",
        ),
    ];
    for (provider, secret, (id, at), body, expected) in cases {
        assert_eq!(provider.sign(&secret, id, at, &body).signature(), expected, "{provider:?}");
    }
    let shopify = base64(
        "eyJpZCI6ODIwOTgyOTExOTQ2MTU0NTA4LCJhZG1pbl9ncmFwaHFsX2FwaV9pZCI6ImdpZDpcL1wvc2hvcGlmeVwvT3JkZXJcLzgyMDk4MjkxMTk0NjE1NDUw\
         OCIsIm5vdGUiOiJjYWbDqSJ9",
    );
    let signed = Provider::Shopify.sign(&mac("hush"), "", 0, &shopify);
    assert_eq!(signed.signature(), "oaDEL/JUzhishameUIqukOz1fI8TG10sTCvPGYPnlVA=");
}

#[test]
fn an_honest_delivery_passes_byte_for_byte() {
    let upstream = Upstream::start();
    upstream.always(Reply::Answer(202, "X-Receiver: seven\r\n", b"thanks".to_vec()));
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for (index, provider) in Provider::ALL.into_iter().enumerate() {
        let delivery = provider.delivery();
        let answer = gateway.deliver(&delivery);
        assert_eq!((answer.status, answer.text().as_str()), (202, "thanks"), "{provider:?}");
        assert_eq!(answer.header("x-receiver"), Some("seven"));

        let request = upstream.wait_for(index + 1).pop().unwrap();
        assert_eq!(request.body, delivery.body, "{provider:?}");
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/sink"));
        for (name, value) in &delivery.headers {
            assert_eq!(request.all(name), [value], "{provider:?} {name}");
        }
    }
    let ledger = gateway.finish();
    assert_eq!(ledger.requests().len(), Provider::ALL.len());
    for (record, provider) in ledger.requests().into_iter().zip(Provider::ALL) {
        assert_eq!((record.text("provider"), record.reason()), (provider.name(), "delivered"));
        assert_eq!((record.text("decision"), record.number("status")), ("accepted", 202));
        assert_eq!((record.text("secret_id"), record.number("upstream_status")), ("current", 202));
        assert_eq!(record.is_null("signed_at"), !provider.is_timed(), "{provider:?}");
        let (event, signed) = provider.event();
        assert_eq!((record.text("event"), record.get("event_signed").as_bool()), (event, Some(signed)), "{provider:?}");
    }
}

#[test]
fn bytes_that_are_no_text_pass_too() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let body = [0xff, 0x00, 0xfe, b'\r', b'\n', 0x80];
    for provider in [Provider::Github, Provider::Shopify, Provider::StandardWebhooks, Provider::Stripe] {
        let delivery = provider.sign(&provider.secret("current"), &fresh_id(), unix_now(), &body);
        assert_eq!(gateway.deliver(&delivery).status, 200, "{provider:?}");
    }
    assert!(upstream.received().iter().all(|request| request.body == body));
    gateway.finish();
}

#[test]
fn an_empty_body_is_verified_like_any_other() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let provider = Provider::StandardWebhooks;
    let honest = provider.sign(&provider.secret("current"), &fresh_id(), unix_now(), b"");
    assert_eq!(gateway.deliver(&honest).status, 200);
    let forged = provider.sign(&provider.secret("stranger"), &fresh_id(), unix_now(), b"");
    gateway.deliver(&forged).refused(401, "unauthorized");
    assert_eq!(upstream.received().len(), 1);
    gateway.finish();
}

#[test]
fn a_tampered_body_is_refused() {
    all_refused(&Provider::ALL, "signature_mismatch", |provider| provider.delivery().with_tampered_body());
}

#[test]
fn a_tampered_signature_is_refused() {
    all_refused(&Provider::ALL, "signature_mismatch", |provider| provider.delivery().with_tampered_signature());
}

#[test]
fn a_tampered_timestamp_is_refused() {
    all_refused(&with_timestamp_header(), "signature_mismatch", |provider| {
        let delivery = provider.delivery_at(unix_now() - 5);
        delivery.with(provider.timestamp_header().unwrap(), &unix_now().to_string())
    });
}

#[test]
fn a_stale_delivery_is_refused() {
    all_refused(&timed(), "timestamp_too_old", |provider| provider.delivery_at(unix_now() - 310));
}

#[test]
fn a_delivery_from_the_future_is_refused() {
    all_refused(&timed(), "timestamp_in_future", |provider| provider.delivery_at(unix_now() + 310));
}

#[test]
fn the_window_is_judged_only_after_the_signature() {
    all_refused(&timed(), "signature_mismatch", |provider| provider.delivery_at(unix_now() - 3600).with_tampered_signature());
}

#[test]
fn another_secret_is_refused() {
    all_refused(&Provider::ALL, "signature_mismatch", |provider| {
        let id = fresh_id();
        provider.sign(&provider.secret("stranger"), &id, unix_now(), &provider.body(&id))
    });
}

#[test]
fn a_missing_signature_is_refused() {
    all_refused(&Provider::ALL, "signature_missing", |provider| provider.delivery().without(provider.signature_header()));
}

#[test]
fn a_missing_timestamp_is_refused() {
    all_refused(&with_timestamp_header(), "timestamp_missing", |provider| {
        provider.delivery().without(provider.timestamp_header().unwrap())
    });
}

#[test]
fn no_scheme_header_at_all_counts_as_no_signature() {
    all_refused(&Provider::ALL, "signature_missing", |provider| {
        let mut delivery = provider.delivery();
        delivery.headers.clear();
        delivery
    });
}

#[test]
fn a_doubled_signature_is_refused_in_every_order() {
    all_refused(&Provider::ALL, "signature_malformed", |provider| {
        let delivery = provider.delivery();
        let (name, good) = (provider.signature_header(), delivery.signature().to_owned());
        delivery.and(name, &good)
    });
    all_refused(&Provider::ALL, "signature_malformed", |provider| {
        let delivery = provider.delivery();
        let (name, good) = (provider.signature_header(), delivery.signature().to_owned());
        let bad = delivery.clone().with_tampered_signature().signature().to_owned();
        delivery.with(name, &bad).and(name, &good)
    });
}

#[test]
fn a_doubled_timestamp_or_id_is_refused() {
    all_refused(&with_timestamp_header(), "signature_malformed", |provider| {
        provider.delivery().and(provider.timestamp_header().unwrap(), &(unix_now() - 1).to_string())
    });
    let standard = [Provider::StandardWebhooks, Provider::StandardWebhooksEd25519];
    all_refused(&standard, "signature_malformed", |provider| provider.delivery().and("webhook-id", "msg_other"));
    // Nor an id or event that the signature does not cover: the receiver may read the other line.
    all_refused(&[Provider::Github], "signature_malformed", |provider| provider.delivery().and("x-github-delivery", "other"));
    all_refused(&[Provider::Shopify], "signature_malformed", |provider| provider.delivery().and("x-shopify-topic", "other/one"));
}

#[test]
fn a_signature_must_be_whole() {
    // SIG-01, SIG-02: every proper prefix, and longer ones.
    for provider in [Provider::StandardWebhooks, Provider::Stripe, Provider::Github] {
        let upstream = Upstream::start();
        let config = Config::all_providers(&upstream.url()).set("rate_limit", "failures_per_source", GENEROUS);
        let gateway = Gateway::start(config);
        let delivery = provider.delivery();
        let whole = delivery.signature().to_owned();
        let start = whole.len() - delivery.bare_signature().len();
        let cuts = (start..whole.len()).map(|end| whole[..end].to_owned());
        let longer = ["0", "00", "==", "AAAA"].map(|tail| format!("{whole}{tail}"));
        let mut connection = gateway.connect();
        for signature in cuts.chain(longer) {
            let forged = delivery.clone().with(provider.signature_header(), &signature);
            connection.send_delivery(&provider.path(), &forged);
            let answer = connection.answer();
            assert_eq!(answer.status, 401, "{provider:?} {signature}");
            if answer.closed {
                connection = gateway.connect();
            }
        }
        upstream.saw_nothing();
        assert_eq!(gateway.deliver(&delivery).status, 200, "{provider:?}: forgeries burn nothing");
        gateway.finish();
    }
}

/// Enough for tables of forgeries.
const GENEROUS: &str = "{ rate = \"1000/s\", burst = 100000 }";

#[test]
fn signatures_have_one_spelling() {
    let upstream = Upstream::start();
    let config = Config::all_providers(&upstream.url()).set("rate_limit", "failures_per_source", GENEROUS);
    let gateway = Gateway::start(config);
    let mut cases: Vec<Delivery> = Vec::new();
    for provider in [Provider::Github, Provider::Slack, Provider::Discord] {
        let delivery = provider.delivery();
        let hex = delivery.bare_signature().to_owned();
        let wrap = delivery.signature().replace(&hex, "");
        // A capital digit must be there for the case to be another one.
        assert!(hex.bytes().any(|byte| byte.is_ascii_alphabetic()));
        let spellings = [hex.to_uppercase(), format!("0x{hex}"), hex[1..].to_owned(), format!("{hex}00"), format!("{hex},")];
        cases.extend(spellings.map(|text| delivery.clone().with(provider.signature_header(), &format!("{wrap}{text}"))));
    }
    for provider in [Provider::Shopify, Provider::StandardWebhooks] {
        let delivery = provider.delivery();
        let base64 = delivery.bare_signature().to_owned();
        let wrap = delivery.signature().replace(&base64, "");
        let url_safe = base64.replace('+', "-").replace('/', "_");
        let spellings = [base64.trim_end_matches('=').to_owned(), format!("{base64}="), loose_bits(&base64), url_safe.clone()];
        // A signature without `+` and `/` is spelled the same in both alphabets.
        let spellings = spellings.into_iter().filter(|text| *text != base64);
        cases.extend(spellings.map(|text| delivery.clone().with(provider.signature_header(), &format!("{wrap}{text}"))));
    }
    for forged in &cases {
        let answer = gateway.deliver(forged);
        assert_eq!(answer.status, 401, "{:?} {}", forged.provider, forged.signature());
    }
    upstream.saw_nothing();
    gateway.finish();
}

/// The same bytes with other trailing bits, which a lax decoder would take.
fn loose_bits(base64: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = base64.trim_end_matches('=');
    let (head, last) = digits.split_at(digits.len() - 1);
    let at = ALPHABET.find(last).unwrap();
    format!("{head}{}{}", &ALPHABET[at + 1..at + 2], &base64[digits.len()..])
}

#[test]
fn timestamps_have_one_spelling() {
    // SIG-18 to SIG-20: each spelling is signed as it stands, so that only the spelling can be the reason.
    let now = unix_now();
    let spellings: [String; 11] = [
        format!("+{now}"),
        format!("0{now}"),
        format!("{now}.0"),
        format!("{now}000"),
        format!("0x{now:x}"),
        "-1".to_owned(),
        "1e9".to_owned(),
        "9223372036854775807".to_owned(),
        "9223372036854775808".to_owned(),
        "-9223372036854775808".to_owned(),
        "1".repeat(40),
    ];
    for provider in [Provider::Slack, Provider::StandardWebhooks, Provider::Stripe, Provider::Discord] {
        let upstream = Upstream::start();
        let config = Config::all_providers(&upstream.url()).set("rate_limit", "failures_per_source", GENEROUS);
        let gateway = Gateway::start(config);
        for spelling in &spellings {
            let id = fresh_id();
            let forged = provider.sign_text(&provider.secret("current"), &id, spelling, &provider.body(&id));
            gateway.deliver(&forged).refused(401, "unauthorized");
        }
        // Records beyond ten a second are folded; the metrics fold nothing.
        let counted = gateway.metrics().sum("hookward_requests_total", &[("reason", "timestamp_malformed")]);
        assert!((counted - 11.0).abs() < 0.5, "{provider:?}: {counted}");
        upstream.saw_nothing();
        gateway.finish();
    }
}

#[test]
fn nothing_that_only_looks_like_a_signature_passes() {
    // SIG-05, SIG-06, SIG-11, SIG-12, SIG-13.
    let upstream = Upstream::start();
    let config = Config::all_providers(&upstream.url()).set("rate_limit", "failures_per_source", GENEROUS);
    let gateway = Gateway::start(config);
    let mut cases: Vec<Delivery> = Vec::new();
    for provider in Provider::ALL {
        let name = provider.signature_header();
        cases.extend(["", " ", ",", "v1,", "t=1", "sha256=", "v0="].map(|value| provider.delivery().with(name, value)));
    }
    let stripe = Provider::Stripe.delivery();
    let (time, hex) = (unix_now(), stripe.bare_signature().to_owned());
    let late = Provider::Stripe.delivery_at(time - 600);
    let late_hex = late.bare_signature().to_owned();
    cases.push(stripe.clone().with("Stripe-Signature", &format!("t={time},v0={hex}")));
    cases.push(stripe.clone().with("Stripe-Signature", &format!("t={time},v2={hex}")));
    cases.push(stripe.clone().with("Stripe-Signature", &format!("v1={hex}")));
    cases.push(late.clone().with("Stripe-Signature", &format!("t={},t={time},v1={late_hex}", time - 600)));
    cases.push(late.with("Stripe-Signature", &format!("t={time},t={},v1={late_hex}", time - 600)));
    let github = Provider::Github.delivery();
    let hex = github.bare_signature().to_owned();
    cases.push(github.clone().with("X-Hub-Signature-256", &format!("sha1={hex}")));
    cases.push(github.clone().without("X-Hub-Signature-256").with("X-Hub-Signature", &format!("sha256={hex}")));
    for forged in &cases {
        let answer = gateway.deliver(forged);
        assert_eq!(answer.status, 401, "{:?} {:?}", forged.provider, forged.headers);
    }
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn bytes_outside_ascii_in_scheme_headers_are_refused_in_peace() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for provider in Provider::ALL {
        let delivery = provider.delivery().with(provider.signature_header(), "@@@");
        let mut bytes = crate::support::client::request(&provider.path(), &delivery.headers, &delivery.body);
        let at = crate::support::client::find(&bytes, b"@@@").unwrap();
        bytes[at..at + 3].copy_from_slice(&[0xff, 0x80, 0xfe]);
        let mut connection = gateway.connect();
        connection.send(&bytes);
        connection.answer().refused(401, "unauthorized");
    }
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn an_id_that_holds_the_delimiter_is_refused() {
    // SIG-14: `id.timestamp.body` must be read in one way only.
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let provider = Provider::StandardWebhooks;
    let delivery = provider.sign(&provider.secret("current"), "a.b", unix_now(), b"{}");
    let id = gateway.deliver(&delivery).refused(401, "unauthorized");
    upstream.saw_nothing();
    assert_eq!(gateway.finish().of(&id).reason(), "signature_malformed");
}

#[test]
fn one_good_signature_among_a_few_passes_and_a_flood_of_them_does_not() {
    // SIG-10.
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    let provider = Provider::StandardWebhooks;
    let junk = format!("v1,{} ", data_encoding::BASE64.encode(&[7; 32]));
    let among = |count: usize| {
        let delivery = provider.delivery();
        let value = format!("{}v9,unknown {}", junk.repeat(count), delivery.signature());
        delivery.with("webhook-signature", &value)
    };
    assert_eq!(gateway.deliver(&among(3)).status, 200);
    let id = gateway.deliver(&among(150)).refused(401, "unauthorized");
    assert_eq!(upstream.received().len(), 1);
    assert_eq!(gateway.finish().of(&id).reason(), "signature_malformed");
}

#[test]
fn the_record_says_which_secret_matched() {
    let upstream = Upstream::start();
    let provider = Provider::Stripe;
    let integration = Integration::new(provider, &upstream.url())
        .without_secrets()
        .secret("new", &provider.secret("new").configured, "")
        .secret("old", &provider.secret("old").configured, "")
        .secret("gone", &provider.secret("gone").configured, ", not_after = 2020-01-01T00:00:00Z")
        .secret("later", &provider.secret("later").configured, ", not_before = 2100-01-01T00:00:00Z");
    let gateway = Gateway::start(Config::of(integration));
    for label in ["new", "old"] {
        let id = fresh_id();
        let delivery = provider.sign(&provider.secret(label), &id, unix_now(), &provider.body(&id));
        assert_eq!(gateway.deliver(&delivery).status, 200, "{label}");
        assert_eq!(upstream.received().last().unwrap().header("hookward-secret-id"), Some(label));
    }
    for label in ["gone", "later"] {
        let id = fresh_id();
        let delivery = provider.sign(&provider.secret(label), &id, unix_now(), &provider.body(&id));
        gateway.deliver(&delivery).refused(401, "unauthorized");
    }
    let ledger = gateway.finish();
    let secrets = ledger.requests().iter().map(|record| record.text("secret_id").to_owned()).collect::<Vec<_>>();
    assert_eq!(secrets, ["new", "old", "", ""]);
    ledger.holds_exactly(&[("delivered", 200), ("delivered", 200), ("signature_mismatch", 401), ("signature_mismatch", 401)]);
}

#[test]
fn a_delivery_for_one_integration_is_a_stranger_to_another() {
    // SIG-34: the path chooses the key.
    let upstream = Upstream::start();
    let provider = Provider::Github;
    let other = Integration::new(provider, &upstream.url()).named("other").without_secrets().secret(
        "other",
        &provider.secret("other").configured,
        "",
    );
    let gateway = Gateway::start(Config::of(Integration::new(provider, &upstream.url())).integration(other));
    gateway.deliver_to("/hooks/other", &provider.delivery()).refused(401, "unauthorized");
    upstream.saw_nothing();
    gateway.finish();
}

#[test]
fn a_replay_is_answered_as_the_preset_says() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for (index, provider) in Provider::ALL.into_iter().enumerate() {
        let delivery = provider.delivery();
        assert_eq!(gateway.deliver(&delivery).status, 200, "{provider:?}");
        for _ in 0..2 {
            assert_replayed(provider, &gateway.deliver(&delivery));
        }
        assert_eq!(upstream.received().len(), index + 1, "{provider:?}");
    }
    let ledger = gateway.finish();
    let replays = ledger.requests().into_iter().filter(|record| record.reason() == "replayed").collect::<Vec<_>>();
    assert_eq!(replays.len(), 2 * Provider::ALL.len());
    assert!(replays.iter().all(|record| record.text("decision") == "refused"));
}

#[track_caller]
fn assert_replayed(provider: Provider, answer: &Answer) {
    if provider.acknowledges_replays() {
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{provider:?}");
        assert_eq!(answer.header("hookward-replay"), Some("true"), "{provider:?}");
    } else {
        answer.refused(409, "conflict");
    }
}

#[test]
fn what_a_replay_is_answered_can_be_chosen() {
    let upstream = Upstream::start();
    let stripe = Integration::new(Provider::Stripe, &upstream.url()).line("on_replay = \"acknowledge\"");
    let shopify = Integration::new(Provider::Shopify, &upstream.url()).line("on_replay = \"reject\"");
    let gateway = Gateway::start(Config::of(stripe).integration(shopify));
    let (acknowledged, rejected) = (Provider::Stripe.delivery(), Provider::Shopify.delivery());
    assert_eq!(gateway.deliver(&acknowledged).status, 200);
    let answer = gateway.deliver(&acknowledged);
    assert_eq!((answer.status, answer.header("hookward-replay")), (200, Some("true")));
    assert_eq!(gateway.deliver(&rejected).status, 200);
    gateway.deliver(&rejected).refused(409, "conflict");
    assert_eq!(upstream.received().len(), 2);
    gateway.finish();
}

#[test]
fn of_64_at_once_exactly_one_is_forwarded() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for (round, provider) in Provider::ALL.into_iter().enumerate() {
        let latch = Latch::default();
        upstream.next(Reply::Held(latch.clone(), Box::new(Reply::ok())));
        let delivery = provider.delivery();
        let barrier = Arc::new(Barrier::new(64));
        let (sender, answers) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..64 {
                let (barrier, sender, delivery) = (Arc::clone(&barrier), sender.clone(), delivery.clone());
                let gateway = &gateway;
                scope.spawn(move || {
                    let mut connection = gateway.connect();
                    barrier.wait();
                    connection.send_delivery(&provider.path(), &delivery);
                    sender.send(connection.answer()).unwrap();
                });
            }
            for _ in 0..63 {
                let answer = answers.recv_timeout(Duration::from_secs(15)).unwrap();
                // Never 2xx while the first attempt may still fail, also where replays are acknowledged.
                answer.refused(409, "conflict");
                assert!(answer.header("retry-after").is_some(), "{provider:?}");
            }
            latch.open();
            assert_eq!(answers.recv_timeout(Duration::from_secs(15)).unwrap().status, 200, "{provider:?}");
        });
        assert_eq!(upstream.received().len(), round + 1, "{provider:?}");
    }
    let ledger = gateway.finish();
    let count = |reason: &str| ledger.requests().iter().filter(|record| record.reason() == reason).count();
    assert_eq!((count("delivered"), count("replay_in_flight")), (8, 8 * 63));
}
