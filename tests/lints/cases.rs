//! The table of cases: what triggers each lint, and what next to it does not.

/// What a case changes of the quiet configuration.
pub(crate) struct Change<'c> {
    /// Parts of the text and what stands in their place. `{d+13}` is a time in 13 days, `{day-1}` yesterday.
    pub(crate) replaced: &'c [(&'c str, &'c str)],
    /// The text of the secret.
    pub(crate) secret: &'static str,
    /// The permissions of its file.
    pub(crate) mode: u32,
    /// In how many days the certificate ends.
    pub(crate) certificate_days: i64,
}

impl Change<'_> {
    pub(crate) const NONE: Self = Self { replaced: &[], secret: "a secret of some length", mode: 0o600, certificate_days: 90 };
}

/// One lint.
pub(crate) struct Case {
    pub(crate) lint: &'static str,
    /// The key that the finding names.
    pub(crate) key: &'static str,
    pub(crate) triggers: Change<'static>,
    pub(crate) silent: Change<'static>,
    /// Other lints that the same configuration cannot be without.
    pub(crate) beside: &'static [&'static str],
}

const fn text(replaced: &'static [(&'static str, &'static str)]) -> Change<'static> {
    Change { replaced, ..Change::NONE }
}

const fn case(lint: &'static str, key: &'static str, triggers: Change<'static>, silent: Change<'static>) -> Case {
    Case { lint, key, triggers, silent, beside: &[] }
}

const SECRETS: &str = "{ id = \"new\", file = \"secret\" }";
const PROVIDER: &str = "provider = \"stripe\"";
const SECOND: &str = "secrets = [ { id = \"new\", file = \"secret\" } ]\n";
const EVENTS: &str = "events.allow = [\"invoice.paid\"]";

pub(crate) const CASES: &[Case] = &[
    case(
        "secret-expired",
        "integration.pay.secrets[1]",
        text(&[(SECRETS, "{ id = \"new\", file = \"secret\" }, { id = \"old\", file = \"other\", not_after = {d-1} }")]),
        text(&[(SECRETS, "{ id = \"new\", file = \"secret\" }, { id = \"old\", file = \"other\", not_after = {d+30} }")]),
    ),
    case(
        "tls-expired",
        "listener[0].tls",
        Change { certificate_days: -1, ..Change::NONE },
        Change { certificate_days: 23, ..Change::NONE },
    ),
    case(
        "admin-exposed",
        "admin.bind",
        text(&[("127.0.0.1:9901", "0.0.0.0:9901"), ("token = { file = \"token\" }\n", "")]),
        text(&[("127.0.0.1:9901", "0.0.0.0:9901")]),
    ),
    case("review-overdue", "integration.pay.review_by", text(&[("2099-01-01", "{day-1}")]), text(&[("2099-01-01", "{day+1}")])),
    case(
        "secret-permissions",
        "integration.pay.secrets[0]",
        Change { mode: 0o644, ..Change::NONE },
        Change { mode: 0o640, ..Change::NONE },
    ),
    case(
        "weak-secret",
        "integration.pay.secrets[0]",
        Change { secret: "fifteen---bytes", ..Change::NONE },
        Change { secret: "sixteen----bytes", ..Change::NONE },
    ),
    case(
        "secret-expiring",
        "integration.pay.secrets[1]",
        text(&[(SECRETS, "{ id = \"new\", file = \"secret\" }, { id = \"old\", file = \"other\", not_after = {d+13} }")]),
        text(&[(SECRETS, "{ id = \"new\", file = \"secret\" }, { id = \"old\", file = \"other\", not_after = {d+15} }")]),
    ),
    case(
        "stale-secret",
        "integration.pay.secrets[1]",
        text(&[(SECRETS, "{ id = \"new\", file = \"secret\" }, { id = \"old\", file = \"other\" }")]),
        text(&[(SECRETS, "{ id = \"new\", file = \"secret\" }, { id = \"old\", file = \"other\", not_after = {d+90} }")]),
    ),
    case("no-owner", "integration.pay.owner", text(&[("owner = \"payments@example.com\"\n", "")]), Change::NONE),
    case(
        "broad-source",
        "integration.pay.sources.allow",
        text(&[(EVENTS, "events.allow = [\"invoice.paid\"]\nsources.allow = [\"10.0.0.0/8\", \"0.0.0.0/0\"]")]),
        text(&[(EVENTS, "events.allow = [\"invoice.paid\"]\nsources.allow = [\"10.0.0.0/8\", \"2001:db8::/32\"]")]),
    ),
    case(
        "long-tolerance",
        "integration.pay.tolerance",
        text(&[(EVENTS, "events.allow = [\"invoice.paid\"]\ntolerance = \"11m\"")]),
        text(&[(EVENTS, "events.allow = [\"invoice.paid\"]\ntolerance = \"10m\"")]),
    ),
    case(
        "unsigned-provider",
        "integration.pay.provider",
        text(&[(PROVIDER, "provider = \"gitlab-token\"")]),
        text(&[(PROVIDER, "provider = \"github\"")]),
    ),
    case(
        "unproven-provider",
        "integration.pay.provider",
        text(&[(PROVIDER, "provider = \"affirm\""), (EVENTS, "")]),
        text(&[(PROVIDER, "provider = \"github\"")]),
    ),
    case(
        "legacy-algorithm",
        "integration.pay.provider",
        text(&[(PROVIDER, "provider = \"own\""), ("[integration.pay]", OWN_SHA1)]),
        text(&[(PROVIDER, "provider = \"own\""), ("[integration.pay]", OWN_SHA256)]),
    ),
    case(
        "replay-off",
        "integration.pay.replay",
        text(&[(EVENTS, "events.allow = [\"invoice.paid\"]\nreplay = \"off\"")]),
        text(&[(EVENTS, "events.allow = [\"invoice.paid\"]\nreplay = \"on\"")]),
    ),
    case("memory-replay", "replay.store", text(&[("store = \"disk\"", "store = \"memory\"")]), Change::NONE),
    case(
        "cold-start-accept",
        "replay.cold_start",
        text(&[("store = \"disk\"", "cold_start = \"accept\"")]),
        text(&[("store = \"disk\"", "cold_start = \"refuse\"")]),
    ),
    case(
        "plaintext-upstream",
        "integration.pay.upstream",
        text(&[("http://127.0.0.1:3000/\"", "http://app.internal:3000/\"\nupstream_plaintext = true")]),
        text(&[("http://127.0.0.1:3000/\"", "unix:app.sock:/\"")]),
    ),
    case(
        "trusted-proxy-any",
        "listener[0].trusted_proxies",
        text(&[("tls =", "trusted_proxies = [\"10.0.0.0/8\", \"::/0\"]\ntls =")]),
        text(&[("tls =", "trusted_proxies = [\"10.0.0.0/8\"]\ntls =")]),
    ),
    case(
        "tls-expiring",
        "listener[0].tls",
        Change { certificate_days: 20, ..Change::NONE },
        Change { certificate_days: 23, ..Change::NONE },
    ),
    case("shared-secret", "integration.second.secrets[0]", text(&[(SECOND, SECOND_SAME)]), text(&[(SECOND, SECOND_OTHER)])),
    case(
        "unreachable-route",
        "integration.pay.path",
        text(&[("hooks.example.com", "elsewhere.example.com")]),
        text(&[("hooks.example.com", "elsewhere.example.com"), ("[admin]", BEHIND_A_PROXY)]),
    ),
    case("no-event-scope", "integration.pay.events", text(&[(EVENTS, "")]), Change::NONE),
    case("no-review-date", "integration.pay.review_by", text(&[("review_by = 2099-01-01\n", "")]), Change::NONE),
    case(
        "replay-capacity",
        "replay.capacity",
        text(&[("1000000", "60099"), (EVENTS, "events.allow = [\"invoice.paid\"]\nrate_limit = { rate = \"100/s\" }")]),
        text(&[("1000000", "60100"), (EVENTS, "events.allow = [\"invoice.paid\"]\nrate_limit = { rate = \"100/s\" }")]),
    ),
];

const OWN_SHA1: &str = "[provider.own]\ncontent = \"{body}\"\nsecret = { encoding = \"utf8\" }\nevent = [\"json:/type\"]\n\
    signature = { header = \"X-Signature\", algorithm = \"hmac-sha1\", encoding = \"hex\" }\n[integration.pay]";
const OWN_SHA256: &str = "[provider.own]\ncontent = \"{body}\"\nsecret = { encoding = \"utf8\" }\nevent = [\"json:/type\"]\n\
    signature = { header = \"X-Signature\", algorithm = \"hmac-sha256\", encoding = \"hex\" }\n[integration.pay]";
const SECOND_SAME: &str = "secrets = [ { id = \"new\", file = \"secret\" } ]\n[integration.second]\nprovider = \"stripe\"\n\
    owner = \"us\"\nreview_by = 2099-01-01\npath = \"/second\"\nupstream = \"http://127.0.0.1:3000/\"\n\
    events.allow = [\"a\"]\nsecrets = [ { id = \"one\", file = \"secret\" } ]\n";
const SECOND_OTHER: &str = "secrets = [ { id = \"new\", file = \"secret\" } ]\n[integration.second]\nprovider = \"stripe\"\n\
    owner = \"us\"\nreview_by = 2099-01-01\npath = \"/second\"\nupstream = \"http://127.0.0.1:3000/\"\n\
    events.allow = [\"a\"]\nsecrets = [ { id = \"one\", file = \"other\" } ]\n";
const BEHIND_A_PROXY: &str =
    "[[listener]]\nbind = \"127.0.0.1:8080\"\nplaintext = \"trusted-proxy\"\ntrusted_proxies = [\"127.0.0.1\"]\n[admin]";
