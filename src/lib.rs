//! hookward: a webhook verification reverse proxy. It forwards only what is proven, fresh, in scope and new.
//!
//! This page is the map. Every room's own page says what it owns, what it must not know and what always holds.
//!
//! # The floors
//!
//! Arrows point down. A room names rooms below it, never beside it; a gate names the ticket of the gate before it.
//!
//! | floor | rooms | what they are |
//! | --- | --- | --- |
//! | 0 | [`domain`], [`digest`] | the words: names, addresses, time, the request as received, the reasons; several SHA-256 at once |
//! | 1 | [`document`], [`telemetry`], [`provider`], [`trust`] | spanned TOML; metrics and logs; how producers sign; the system's roots |
//! | 2 | [`gate`], [`secrets`], [`audit`], [`listen`], [`switch`], [`inventory`], [`fetch`] | the judgement; where keys come from; what is written down; sockets; kill switches; what was seen; what is asked of others |
//! | 3 | [`config`], [`pipeline`] | text to plan; the one place that knows the order |
//! | 4 | [`server`], [`lint`] | assembly: build, run, drain, the admin listener; what is valid and still unwise |
//! | 5 | [`cli`] | the command line |
//!
//! # The life of a delivery
//!
//! ```text
//! listen    slot ─ TLS ─ strict head on the wire ─ deadlines
//! pipeline  plaintext? ─ route ─ switch                            │ 403 400 404
//! admit     source allow-list ─ budget of the source ─ method      │ 403 429 405
//! provider  unsigned handshake                                     │ answered here
//! verify    scheme headers: present, once, well formed             │ 401
//! intake    declared length ─ body, bounded                        │ 413 408 503
//! verify    signature ─ window                   ─▶ Verified       │ 401
//! provider  signed handshake                                       │ answered here
//! audit     a place for the record                                 │ 503
//! scope     event type                           ─▶ Scoped         │ 403 or 200
//! ────────  from here on the delivery runs in its own task; a sender that hangs up changes nothing
//! replay    claim                                ─▶ Claimed        │ 409 or 200, 503
//! pace      the integration's own budget         ─▶ Paced          │ 429, claim released
//! forward   demands Paced                        ─▶ Forwarded      │ 502 504
//! replay    settle, release or lapse
//! audit     one record, where the life ends
//! ```
//!
//! # What always holds
//!
//! 1. Nothing reaches an upstream that did not pass every gate: [`gate::forward`] takes a ticket that only the gates can make.
//! 2. Verified bytes are forwarded bytes; the body is never decoded, joined or changed in between.
//! 3. A replay's identity is what was signed, never a header outside the signature, never the signature's text.
//! 4. A 2xx is passed on only after the claim is settled; no 2xx for a delivery that no receiver took.
//! 5. One record a request, one count a request.
//! 6. Secrets, signatures and bodies never enter an error, a log, a metric, an answer or `Debug`.
//! 7. Every queue, map, retry and read has a bound.
//! 8. The clock is read in [`domain::time`]; everything else is handed its `now`.

pub mod audit;
pub mod cli;
pub mod config;
pub mod digest;
pub mod document;
pub mod domain;
pub mod fetch;
pub mod gate;
pub mod inventory;
pub mod lint;
pub mod listen;
pub mod pipeline;
pub mod provider;
pub mod secrets;
pub mod server;
pub mod switch;
pub mod telemetry;
pub mod trust;
