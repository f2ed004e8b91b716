//! Cost of single steps of the store: encoding and decoding columns, resolving a remote-write request, appending to journal and
//! head, selecting series. `cargo bench -p taskpulse-engine --bench store`; per element, so 10 Melem/s is 100 ns each.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use taskpulse_engine::codec::{Effort, decode_values, encode_values};
use taskpulse_engine::model::{Batch, Labels, Selector};
use taskpulse_engine::remote_write;
use taskpulse_engine::store::{Limits, Store, StoreOptions};

const NOW: i64 = 1_795_478_400_000;

/// Percent with two decimals, a counter, a latency at full precision.
fn columns(rows: usize) -> [(&'static str, Vec<f64>); 3] {
    let of = |value: fn(f64) -> f64| (0..rows).map(|i| value(i as f64)).collect();
    [
        ("percent", of(|i| ((50.0 + 30.0 * (i * 0.01).sin() + 2.0 * (i * 1.7).sin()) * 100.0).round() / 100.0)),
        ("counter", of(|i| (i * 1_000.0 + 40.0 * (i * 0.7).sin()).round())),
        ("latency", of(|i| 0.05 * (1.0 + 0.5 * (i * 1.3).sin()).exp())),
    ]
}

fn codec(c: &mut Criterion) {
    for rows in [250, 8_640] {
        for (name, values) in columns(rows) {
            for effort in [Effort::Quick, Effort::Thorough] {
                let mut group = c.benchmark_group(format!("{name}, {rows} rows, {effort:?}"));
                group.throughput(Throughput::Elements(rows as u64));
                let mut bytes = Vec::new();
                group.bench_function("encode", |b| {
                    b.iter(|| {
                        bytes.clear();
                        encode_values(black_box(&values), effort, &mut bytes)
                    });
                });
                group.bench_function("decode", |b| b.iter(|| decode_values(black_box(&bytes), rows)));
                group.finish();
            }
        }
    }
}

const SERIES: usize = 5_000;

fn series(n: usize) -> Labels {
    let (host, metric) = (format!("host-{:05}", n / 20), format!("metric_{}_bytes", n % 20));
    Labels::metric(&metric, &[("cluster", "main"), ("host", &host), ("os", "linux"), ("role", "web"), ("version", "1.2.0")])
}

fn batch(t: i64) -> Batch {
    let mut batch = Batch::default();
    (0..SERIES).for_each(|n| batch.push(series(n), t, n as f64));
    batch
}

fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn field(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// One sample of each series, as Prometheus sends them.
fn request(t: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for n in 0..SERIES {
        let mut entry = Vec::new();
        for (name, value) in series(n).iter() {
            let mut label = Vec::new();
            field(&mut label, 1, name.as_bytes());
            field(&mut label, 2, value.as_bytes());
            field(&mut entry, 1, &label);
        }
        let mut sample = vec![9];
        sample.extend_from_slice(&(n as f64).to_le_bytes());
        sample.push(16);
        varint(&mut sample, t as u64);
        field(&mut entry, 2, &sample);
        field(&mut out, 1, &entry);
    }
    out
}

fn store(c: &mut Criterion) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let Ok(store) = Store::open(dir.path(), StoreOptions::default(), NOW) else { return };
    let mut group = c.benchmark_group("store, 5,000 series");
    group.throughput(Throughput::Elements(SERIES as u64));
    let mut t = NOW;
    let mut next = || {
        t += 10_000;
        t
    };
    let _ = store.append(&batch(next()), NOW);
    let raw = request(NOW);
    group.bench_function("request to rows", |b| {
        b.iter(|| {
            let mut intake = store.intake(NOW);
            let report = remote_write::decode(black_box(&raw), &mut intake);
            (report.is_ok(), intake.finish().len())
        });
    });
    group.bench_function("rows to journal and head", |b| {
        b.iter_batched(
            || {
                let t = next();
                let mut intake = store.intake(t);
                let decoded = remote_write::decode(&request(t), &mut intake);
                (decoded.is_ok(), intake.finish(), t)
            },
            |(_, resolved, t)| store.append_resolved(resolved, t).map(|stored| stored.accepted),
            BatchSize::PerIteration,
        );
    });
    let _ = store.seal();
    let labels: Vec<Labels> = (0..SERIES).map(series).collect();
    group.bench_function("labels to series", |b| b.iter(|| labels.iter().filter(|l| store.series_id(l).is_some()).count()));
    group.finish();

    let mut group = c.benchmark_group("index, 5,000 series");
    for query in [r#"metric_3_bytes{host="host-00100"}"#, r#"metric_3_bytes{host=~"host-001.*"}"#, r#"{host="host-00100"}"#] {
        let Ok(selector) = Selector::parse(query) else { continue };
        group.bench_function(query, |b| b.iter(|| store.select(black_box(&selector.matchers)).len()));
    }
    group.finish();
    let mut group = c.benchmark_group("read");
    let ids = store.select(&[]);
    group.bench_function("all of 5,000 series", |b| {
        b.iter(|| {
            let limits = Limits { max_samples: usize::MAX, deadline: Instant::now() + Duration::from_secs(60) };
            store.scan(&ids, 0, i64::MAX, limits).filter_map(Result::ok).map(|piece| piece.columns.times.len()).sum::<usize>()
        });
    });
    group.finish();
}

const DORMANT: usize = 87_000;

/// What series that ended cost: a start with them, and selections among them.
fn dormant(c: &mut Criterion) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let open = || Store::open(dir.path(), StoreOptions::default(), NOW);
    if let Ok(store) = open() {
        let mut batch = batch(NOW);
        for n in 0..DORMANT {
            batch.push(Labels::metric("proc", &[("process", &format!("build-{n:08}"))]), NOW - 86_400_000, n as f64);
        }
        let kept = store.append(&batch, NOW).is_ok() && store.commit().is_ok() && store.seal().is_ok();
        assert!(kept, "the store keeps the series");
    }
    let mut group = c.benchmark_group("87,000 dormant series");
    group.bench_function("open", |b| b.iter_batched(|| (), |()| open().map(|store| store.series_count()), BatchSize::PerIteration));
    let Ok(store) = open() else { return };
    for query in ["proc", r#"{process=~".*77"}"#, r#"proc{process="build-00004711"}"#, r#"metric_3_bytes{host="host-00100"}"#] {
        let Ok(selector) = Selector::parse(query) else { continue };
        group.bench_function(query, |b| b.iter(|| store.select(black_box(&selector.matchers)).len()));
    }
    let known = Labels::metric("proc", &[("process", "build-00004711")]);
    let new = Labels::metric("proc", &[("process", "build-00004711x")]);
    group.bench_function("labels to a dormant series", |b| b.iter(|| store.series_id(black_box(&known))));
    group.bench_function("labels that are new", |b| b.iter(|| store.series_id(black_box(&new))));
    let ids = store.select(&[]);
    let Some(id) = ids.get(50_000).copied() else { return };
    group.bench_function("labels of a dormant series", |b| b.iter(|| store.labels(black_box(id))));
    group.bench_function("cardinality", |b| b.iter(|| store.cardinality().0.len()));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = codec, store, dormant
}
criterion_main!(benches);
