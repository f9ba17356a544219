//! The whole judgement in this process: `pipeline::life::live` over a site that was built from a configuration (`stage.rs`).
//!
//! Genuine deliveries by size of body, the same with one byte changed, requests without a signature, and unknown routes.
//! A genuine one includes claim, forwarding, settlement and its record; its body is signed before the clock starts.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]
#![expect(unreachable_pub, reason = "the modules of a bench are a binary's own")]

mod stage;

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use crate::stage::{Kind, Stage};

const BODY_BYTES: [usize; 4] = [512, 4 << 10, 64 << 10, 1 << 20];

fn measure(criterion: &mut Criterion, stage: &Stage, name: &str, kind: Kind, expected: u16) {
    let mut group = criterion.benchmark_group(format!("pipeline/{name}"));
    for body_bytes in BODY_BYTES {
        group.throughput(Throughput::Bytes(body_bytes as u64));
        group.bench_function(BenchmarkId::from_parameter(body_bytes), |bencher| {
            let prepare = || stage.request(kind, body_bytes);
            let judge = |request| assert_eq!(stage.send(request), expected);
            let size = if body_bytes > 1 << 16 { BatchSize::PerIteration } else { BatchSize::SmallInput };
            bencher.iter_batched(prepare, judge, size);
        });
    }
    group.finish();
}

fn pipeline(criterion: &mut Criterion) {
    let stage = Stage::set();
    measure(criterion, &stage, "genuine", Kind::Genuine, 200);
    measure(criterion, &stage, "forged", Kind::Forged, 401);
    measure(criterion, &stage, "headerless", Kind::Headerless, 401);
    measure(criterion, &stage, "unknown_route", Kind::UnknownRoute, 404);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    targets = pipeline
}
criterion_main!(benches);
