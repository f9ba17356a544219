//! `present` and `verify`: presets of each shape at a usual size, one of each algorithm over four sizes of body, and schemes
//! that are data beside code that was written for one provider, with what the one costs in terms of the other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot be set up has nothing to measure")]
#![expect(clippy::print_stdout, reason = "what it found is what it is for")]
#![expect(clippy::disallowed_methods, reason = "a bench has a clock of its own")]
#![expect(clippy::indexing_slicing, reason = "the yardstick is written as many would write it")]

mod by_hand;
mod every_preset;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group};
use hookward::digest::HmacSha256;
use hookward::domain::barred::Barred;
use hookward::domain::head::{Head, Received};
use hookward::domain::name::IntegrationName;
use hookward::domain::reason::Reason;
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::UnixTime;
use hookward::gate::verify::gate::{Judging, verify};
use hookward::gate::verify::keys::{KeyMaterial, KeyRing};
use hookward::gate::verify::presented::present;
use hookward::gate::verify::sign::{Request, SigningKey, sign};
use hookward::provider::Catalogue;
use hookward::provider::scheme::{Algorithm, KeyEncoding, Scheme};
use http::{HeaderMap, HeaderValue, Method, Uri};

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const BODY_BYTES: [usize; 4] = [512, 4 << 10, 64 << 10, 1 << 20];

/// One preset of each shape of signature.
const PRESETS: [&str; 10] = [
    "discord",
    "github",
    "gitlab-token",
    "linear",
    "shopify",
    "slack",
    "standard-webhooks",
    "standard-webhooks-ed25519",
    "stripe",
    "zerohash",
];

/// A delivery of a provider and the key ring that it verifies with.
struct Delivery {
    integration: IntegrationName,
    keys: KeyRing,
    head: Head,
    body: Bytes,
    at: UnixTime,
}

fn delivery(scheme: &Scheme, body_bytes: usize) -> Delivery {
    let at = UnixTime::from_seconds(1_700_000_000);
    let secret = match scheme.signature.key_encoding {
        KeyEncoding::Base64 | KeyEncoding::Whsec if scheme.signature.algorithm != Algorithm::Ed25519 => {
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        }
        _ => SEED,
    };
    let key = SigningKey::parse(scheme, None, SecretBytes::new(secret.into())).unwrap();
    let public = key.public_key_hex();
    let material = KeyMaterial {
        id: "bench".parse().unwrap(),
        key_id: None,
        encoding: public.is_some().then_some(KeyEncoding::Hex),
        text: SecretBytes::new(public.unwrap_or_else(|| secret.to_owned()).into_bytes()),
        not_before: None,
        not_after: None,
    };
    let body = json_body(body_bytes);
    let mut headers = HeaderMap::new();
    let request = Request { id: Some("msg_1"), timestamp: at, headers: &HeaderMap::new(), body: &body };
    headers.extend(sign(scheme, &key, &request));
    headers.insert("x-github-event", HeaderValue::from_static("push"));
    headers.insert("x-github-delivery", HeaderValue::from_static("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    let head = Head { method: Method::POST, target: Uri::from_static("/in"), headers };
    Delivery { integration: "payments".parse().unwrap(), keys: KeyRing::build(scheme, vec![material]).unwrap(), head, body, at }
}

/// JSON as providers send it, many short members, with what is looked for at the very end.
fn json_body(bytes: usize) -> Bytes {
    const ITEM: &str = r#"{"id":"li_1NvQ","amount":2000,"currency":"usd","paid":true,"plan":null},"#;
    let begin = r#"{"webhookTimestamp":1700000000000,"data":["#;
    let end = r#""],"id":"evt_1","type":"invoice.paid"}"#;
    let room = bytes.saturating_sub(begin.len() + end.len() + 1);
    let filler = "x".repeat(room % ITEM.len());
    format!("{begin}{}\"{filler}{end}", ITEM.repeat(room / ITEM.len())).into()
}

fn judge(scheme: &Scheme, delivery: &Delivery, received: Received) {
    let Delivery { integration, keys, .. } = delivery;
    let judging = Judging { integration, scheme, keys, tolerance: Duration::from_secs(300) };
    let presented = present(scheme, &received.head).unwrap();
    let _verified = black_box(verify(&judging, presented, received, delivery.at).unwrap());
}

fn measure(criterion: &mut Criterion, group: &str, scheme: &Scheme, body_bytes: usize) {
    let delivery = delivery(scheme, body_bytes);
    let received = || Received { head: delivery.head.clone(), body: delivery.body.clone().into() };
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Bytes(delivery.body.len() as u64));
    group.bench_function(BenchmarkId::new(scheme.name.as_str(), body_bytes), |bencher| {
        bencher.iter_batched(received, |received| judge(scheme, &delivery, received), BatchSize::SmallInput);
    });
    group.finish();
}

fn by_preset(criterion: &mut Criterion) {
    for name in PRESETS {
        measure(criterion, "verify/preset", &Catalogue::builtin().get(name).unwrap(), 4 << 10);
    }
}

fn by_size(criterion: &mut Criterion) {
    for name in ["github", "stripe", "standard-webhooks", "discord"] {
        let scheme = Catalogue::builtin().get(name).unwrap();
        for body_bytes in BODY_BYTES {
            measure(criterion, "verify/size", &scheme, body_bytes);
        }
    }
}

/// A provider's verification, written by hand.
type ByHand = fn(&by_hand::Secrets, Received, UnixTime) -> Result<by_hand::Known, Reason>;

const SIDE_BY_SIDE: [(&str, ByHand); 3] =
    [("stripe", by_hand::stripe), ("github", by_hand::github), ("standard-webhooks", by_hand::standard_webhooks)];

/// The secret that [`delivery`] signs with.
fn secrets(scheme: &Scheme) -> by_hand::Secrets {
    let keyed = match scheme.signature.key_encoding {
        KeyEncoding::Whsec => HmacSha256::new(&data_encoding::BASE64.decode(b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()),
        _ => HmacSha256::new(SEED.as_bytes()),
    };
    let secret = by_hand::Secret { id: "bench".parse().unwrap(), keyed, not_before: None, not_after: None };
    by_hand::Secrets { integration: "payments".parse().unwrap(), all: vec![secret], barred: Barred::default() }
}

fn beside_code(criterion: &mut Criterion) {
    ratios(Some(criterion));
}

/// What data costs in terms of code, for each provider and size of body; with a criterion also what each costs by itself.
fn ratios(mut criterion: Option<&mut Criterion>) {
    for (name, by_hand) in SIDE_BY_SIDE {
        let scheme = Catalogue::builtin().get(name).unwrap();
        let secrets = secrets(&scheme);
        for body_bytes in [512, 4 << 10, 64 << 10] {
            let delivery = delivery(&scheme, body_bytes);
            let received = || Received { head: delivery.head.clone(), body: delivery.body.clone().into() };
            let manual = |received| drop(black_box(by_hand(&secrets, received, delivery.at).unwrap()));
            let data = |received| judge(&scheme, &delivery, received);
            if let Some(criterion) = &mut criterion {
                let mut group = criterion.benchmark_group(format!("verify/beside-code/{name}"));
                group.bench_function(BenchmarkId::new("data", body_bytes), |bencher| {
                    bencher.iter_batched(received, data, BatchSize::SmallInput);
                });
                group.bench_function(BenchmarkId::new("code", body_bytes), |bencher| {
                    bencher.iter_batched(received, manual, BatchSize::SmallInput);
                });
                group.finish();
            }
            compare(name, body_bytes, &mut || timed(received, data), &mut || timed(received, manual));
        }
    }
}

/// Rounds of both by turns, so that what else the machine does falls on both. Compared are the quietest round of each, and each
/// round with the one beside it.
fn compare(name: &str, body_bytes: usize, data: &mut dyn FnMut() -> Duration, code: &mut dyn FnMut() -> Duration) {
    const ROUNDS: usize = 400;
    let rounds: Vec<(Duration, Duration)> = (0..ROUNDS).map(|_| (data(), code())).collect();
    let fastest_data = rounds.iter().map(|(data, _)| *data).min().unwrap();
    let fastest_code = rounds.iter().map(|(_, code)| *code).min().unwrap();
    let mut ratios: Vec<f64> = rounds.iter().map(|(data, code)| data.as_secs_f64() / code.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let [low, middle, high] = [1, 5, 9].map(|tenth| ratios[ROUNDS * tenth / 10]);
    let ratio = fastest_data.as_secs_f64() / fastest_code.as_secs_f64();
    println!(
        "beside code: {name} {body_bytes} B: data {fastest_data:?}, code {fastest_code:?}, {ratio:.3} times; \
         by rounds {middle:.3} ({low:.3} to {high:.3} in eight of ten)"
    );
}

/// The mean of one small batch.
fn timed(received: impl Fn() -> Received, judge: impl Fn(Received)) -> Duration {
    const BATCH: u32 = 64;
    let batch: Vec<Received> = (0..BATCH).map(|_| received()).collect();
    let began = Instant::now();
    for received in batch {
        judge(received);
    }
    began.elapsed() / BATCH
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    targets = by_preset, by_size, beside_code
}

/// `count SIDE PRESET BYTES TIMES`: one side of a pair, so many times, for a counter of instructions around the process.
fn count(arguments: &[String]) {
    let [side, name, body_bytes, times]: &[String; 4] = arguments.try_into().unwrap();
    let (_, by_hand) = SIDE_BY_SIDE.into_iter().find(|(known, _)| known == name).unwrap();
    let scheme = Catalogue::builtin().get(name).unwrap();
    let (secrets, delivery) = (secrets(&scheme), delivery(&scheme, body_bytes.parse().unwrap()));
    for _ in 0..times.parse().unwrap() {
        let received = Received { head: delivery.head.clone(), body: delivery.body.clone().into() };
        match side.as_str() {
            "data" => judge(&scheme, &delivery, received),
            "code" => drop(black_box(by_hand(&secrets, received, delivery.at).unwrap())),
            // What both do before: a copy of the request, and its end.
            _ => drop(black_box(received)),
        }
    }
}

/// `ratios` compares data with code; `every-preset` all presets with their algorithms; `count` is above. Else criterion.
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("count", rest)) => count(rest),
        Some(("ratios", _)) => ratios(None),
        Some(("every-preset", _)) => every_preset::report(),
        _ => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
