//! The integration suite: the real binary, driven over real sockets, judged by what its interface promises.
//!
//! One binary, so that it links once. A test belongs to the module whose promise it would break; a test of a mended bug
//! belongs beside the promise that the bug broke. No test may need another, a fixed port, or the network.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(clippy::print_stderr, reason = "a failing test shows the gateway's log")]
#![expect(clippy::disallowed_methods, reason = "the outside of the gateway has a clock of its own")]

mod support;

mod admin; // the admin listener: health, readiness, metrics, inventory, who may ask
mod alerts; // deploy/prometheus, deploy/grafana: what they ask for is there, the rules tell what they should
mod audit; // the log: one record a decision, the chain, folding, rotation, `audit verify`
mod canary; // what must appear nowhere: secrets, signatures, bodies
mod catalogue; // every preset by the command line: init, check, sign, and what the gateway says to it
mod checkpoints; // the log by its key, and asked: signed checkpoints, `audit query`
mod cli; // the command line: verbs, exit codes, what is said where
mod deploy; // deploy/: every configuration there is sound
mod disk; // the store on disk: what a kill, a fault and a full disk do to it
mod drain; // the end: nothing that was taken is lost
mod edges; // in front: trusted proxies, the PROXY protocol, unix sockets, client certificates
mod events; // the scope: which event types pass, what the others are answered
mod exposure; // our own secrets in deliveries: found, told, never refused
mod handshake; // challenges: answered here, never forwarded
mod headers; // what the upstream sees, and what it must never see
mod http2; // frames by hand: bounds, floods, heads that two readers could read differently
mod idle; // between two requests: next to nothing is kept, and nothing is lost
mod inventory; // what was seen of each integration, what follows, and that it outlives the process
mod known_bad; // heads and framings of the catalogue, row by row, and how many of them are refused
mod ledger; // nothing lost, nothing twice: a provider that retries against an upstream that fails
mod limits; // bounds: sizes, times, rates, connections
mod listener; // connections: silent, slow, too many, too few descriptors, and who is counted for them
mod memory; // what is announced costs nothing, what is sent is counted
mod overload; // more than can be served: refused early, over at once
mod plaintext; // the listener without TLS
mod providers; // every preset: the honest pass, everything else does not
mod queries; // requests whose query is signed, with and without a body
mod readme; // README.md: what it tells a newcomer to type works
mod redis; // one memory for all replicas: who joins it, who may, and that a delivery is forwarded once
mod reload; // changed while it runs: whole or not at all, and nothing is lost
mod replay; // once and only once, and for how long
mod replay_rows; // the same, row by row of the catalogue: attempts that fail, senders that leave, answers that are lost
mod replicas; // kill switches over replicas: how soon they agree, and who wins
mod resolution; // names of upstreams: several addresses, and addresses that change
mod rotation; // secrets and certificates exchanged under load
mod runbooks; // docs/runbooks.md: every command of it does what the page says
mod schemes; // signatures in bodies, signed fields, tokens: once and only once, keys that are read again
mod sdk; // the providers' own SDKs: what they sign, what they take, what both refuse
mod sidecar; // the life of a pod and of a unit: probes, mounted files, signals, the end
mod strict_head; // heads and framings that two readers could read differently
mod switches; // kill switches, one delivery more, who may throw them
mod telemetry; // OTLP: what a receiver gets, what it never gets, and that nobody waits for it
mod tls; // versions, names, certificates, and what a failed handshake costs
mod upstream; // an upstream that fails in every way
mod upstream_faults; // upstreams that are not there, stall, race or lie, row by row
