//! The table of lints: what each means, why it matters, what to do. pure
//!
//! Invariants: ids and levels are the interface; every lint is here once.

use std::fmt::Write as _;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The answer of `check` is no.
    Error,
    /// The answer is no with `--deny warnings`.
    Warning,
    /// To be known.
    Note,
}

impl Level {
    /// Its word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Its id.
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it looks for.
    pub looks_for: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
}

macro_rules! lints {
    ($($name:ident = $level:ident $id:literal $looks_for:literal $why:literal $fix:literal;)*) => {
        $(pub(super) const $name: Lint =
            Lint { id: $id, level: Level::$level, looks_for: $looks_for, why: $why, fix: $fix };)*

        /// Every lint there is.
        pub const LINTS: &[Lint] = &[$($name),*];
    };
}

lints! {
    SECRET_EXPIRED = Error "secret-expired"
        "a secret whose `not_after` is past"
        "it verifies nothing any more; if it was the last one, every delivery is refused"
        "remove it, or move its not_after after a look at `hookward status`";
    TLS_EXPIRED = Error "tls-expired"
        "a certificate that has ended"
        "providers verify TLS and stop delivering"
        "renew it; the file is watched, no restart is needed";
    ADMIN_EXPOSED = Error "admin-exposed"
        "an admin listener that other machines can reach, without a token"
        "whoever reaches it would see the inventory, and nobody could be told apart"
        "bind it to 127.0.0.1 or a unix socket, or set admin.token; probe_bind serves kubelets and Prometheus";
    REVIEW_OVERDUE = Warning "review-overdue"
        "a `review_by` that is past"
        "somebody promised to look at it again: owner, scope and secrets may be of another time"
        "review it with its owner, then set a new date";
    SECRET_PERMISSIONS = Warning "secret-permissions"
        "a file of a secret or a private key that everybody on the machine can read (not on tmpfs)"
        "any process on the machine could sign deliveries, or speak as the gateway"
        "chmod 0600 for its owner, or 0640 with the gateway's group";
    WEAK_SECRET = Warning "weak-secret"
        "a shared secret of less than 16 bytes"
        "one signed delivery is enough to guess it offline"
        "make one with `openssl rand -hex 32` and set it at the provider, too";
    SECRET_EXPIRING = Warning "secret-expiring"
        "a secret that ends within 14 days"
        "deliveries signed with it are refused from that moment on"
        "add the next one beside it now, change the provider, then let this one end";
    STALE_SECRET = Warning "stale-secret"
        "more than one secret without `not_after`"
        "an old secret that nobody ends is valid for ever, whoever kept a copy"
        "give the old one a not_after; `hookward status` says whether it is still used";
    NO_OWNER = Warning "no-owner"
        "an integration without `owner`"
        "when its secret leaks or it stops, nobody knows whom to ask"
        "owner = \"team@example.com\"";
    BROAD_SOURCE = Warning "broad-source"
        "a range of `sources.allow` that is wider than /8"
        "it lets almost everybody in and reads as if it did not"
        "name the provider's own ranges, or remove sources.allow: the signature is what proves a delivery";
    LONG_TOLERANCE = Warning "long-tolerance"
        "a `tolerance` of more than 10 minutes"
        "a captured delivery can be used for that long, and is remembered twice as long"
        "set the provider's own (usually 5m) and let NTP keep the clock";
    UNSIGNED_PROVIDER = Warning "unsigned-provider"
        "a provider that shows a token or a password and signs nothing"
        "whoever sees one request can make any other; nothing proves the body"
        "use a signed variant if the provider has one; else restrict sources.allow or ask for client certificates (tls.client_ca), and treat the body as a hint to fetch";
    UNPROVEN_PROVIDER = Warning "unproven-provider"
        "a preset that rests on others' words only"
        "the provider publishes no example to prove it with: it may refuse honest deliveries"
        "verify a captured delivery with `hookward verify` before you rely on it";
    LEGACY_ALGORITHM = Warning "legacy-algorithm"
        "a scheme on SHA-1 or MD5"
        "HMAC-SHA-1 is not broken, plain digests and signatures on SHA-1 are weak, and audits ask"
        "use the provider's newer signature if it has one";
    REPLAY_OFF = Warning "replay-off"
        "an integration with `replay = \"off\"`"
        "every captured delivery can be sent again for as long as its time is accepted, or for ever"
        "remove the line; on_replay = \"acknowledge\" suits providers that re-send";
    MEMORY_REPLAY = Warning "memory-replay"
        "a replay store that is gone at every restart"
        "after a restart deliveries of the last minutes could be replayed, or are refused by cold_start"
        "store = \"disk\", or \"redis\" for several replicas";
    COLD_START_ACCEPT = Warning "cold-start-accept"
        "`cold_start = \"accept\"`"
        "deliveries from before the start pass without a look into the past: a replay of the last minutes would, too"
        "cold_start = \"refuse\": providers send again what got 503";
    PLAINTEXT_UPSTREAM = Warning "plaintext-upstream"
        "deliveries that leave the machine without TLS"
        "on the way behind the gateway they can be read and changed, and the proof of the signature ends at the gateway"
        "https:// with upstream_tls.ca, or run the gateway beside the application";
    TRUSTED_PROXY_ANY = Warning "trusted-proxy-any"
        "`trusted_proxies` wider than /8"
        "everybody in it may say where a request comes from and that it came over TLS"
        "name the proxies' own addresses";
    TLS_EXPIRING = Warning "tls-expiring"
        "a certificate that ends within 21 days"
        "providers stop delivering when it has ended; automatic renewal usually happens earlier than this"
        "find out why it was not renewed";
    SHARED_SECRET = Warning "shared-secret"
        "one secret used by two integrations"
        "a delivery for one is valid for the other, and a leak of one is a leak of both"
        "a secret of its own for each; providers make one for each endpoint";
    UNREACHABLE_ROUTE = Warning "unreachable-route"
        "an integration that no listener can lead to"
        "its provider gets errors, and nobody here sees a request"
        "add a listener with tls (or plaintext = \"trusted-proxy\"), or a certificate that bears the host";
    NO_EVENT_SCOPE = Note "no-event-scope"
        "an integration without `events.allow`"
        "every type of event reaches the application, also those that nobody meant it to handle"
        "events.allow = [\"…\"]; `hookward status` shows which were seen";
    NO_REVIEW_DATE = Note "no-review-date"
        "an integration without `review_by`"
        "callbacks outlive the people who set them up"
        "review_by = 2027-06-30";
    REPLAY_CAPACITY = Note "replay-capacity"
        "rate limits that could fill `replay.capacity` before anything may be forgotten"
        "when the store is full, deliveries are answered 503: nothing is forgotten early"
        "raise replay.capacity, or lower rate_limit, tolerance or untimed_window";
}

/// The reference page.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for level in [Level::Error, Level::Warning, Level::Note] {
        // Writing to a string cannot fail.
        let _ = write!(page, "\n## {}s\n", level.code());
        for lint in LINTS.iter().filter(|lint| lint.level == level) {
            let _ = write!(
                page,
                "\n### `{}`\n\nLooks for: {}.\n\nWhy: {}.\n\nFix: {}.\n",
                lint.id, lint.looks_for, lint.why, lint.fix
            );
        }
    }
    page
}

const INTRODUCTION: &str = "\
# Lints of `hookward check`

<!-- Written from the table of lints. HOOKWARD_BLESS=1 cargo test --test lints writes it anew. -->

A configuration may be valid and still unwise. `hookward check` says so at file, line, column and key: what it saw, why it
matters, what to do. Errors make the answer no (exit 1); warnings do with `--deny warnings`; notes never do. What is not
valid at all, or names a secret, certificate or directory that cannot be used, is a fault (exit 2).

`--format json` is for programs, `--format sarif` for code scanning (SARIF 2.1.0).

A finding that was looked at and is accepted is silenced for one integration, or for everything at the top of the file, and is
still listed as allowed with its reason:

```toml
allow = [{ lint = \"memory-replay\", reason = \"one instance, restarts are rare\" }]
```

A setting that is valid and changes nothing where it stands is told as a warning, too; it has no id, because the fix is to
remove it.
";
