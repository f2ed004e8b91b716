//! What rules cost: 10,000 of them over 100,000 series.
//!
//! `cargo bench --bench rules` judges one sample of each series by 10,000 rules of the kind `metric{shard="7"} > 0.9` (each has ten
//! series), finds the rules of each series anew, evaluates 1,000 rules of the kind `sum by (shard) (rate(metric[5m])) > 9` over a store that has the
//! series, and tries a rule on 7 days of one series with a sample each 5 s. Each is done several times; the median and the worst are shown.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::rules::{
    AlertTracker, EvaluationLimits, GroupInstant, Judge, Recorded, RuleOptions, RuleSet, RuleSpec, Severity, preview,
};
use taskpulse_engine::store::{StoreOptions, StoreWriter};

type Outcome = Result<(), Box<dyn Error>>;

const METRICS: usize = 100;
const SHARDS: usize = 100;
const HOSTS: usize = 10;
const T0: i64 = 1_795_478_400_000;
const TRIES: usize = 9;

fn main() -> Outcome {
    let series: Vec<Labels> = (0..METRICS * SHARDS * HOSTS).map(labels).collect();
    samples(&series)?;
    queries(&series)?;
    seven_days()
}

/// `metric_7{shard="3",host="5",…}`, with labels as exporters have them.
fn labels(n: usize) -> Labels {
    let (metric, shard, host) = (n / (SHARDS * HOSTS), n / HOSTS % SHARDS, n % HOSTS);
    let others = [("shard", shard.to_string()), ("host", format!("host-{host}.example")), ("job", "bench".to_owned())];
    Labels::metric(&format!("metric_{metric}"), &others.each_ref().map(|(name, value)| (*name, value.as_str())))
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("{what}: median {:.1} ms, worst {:.1} ms of {}", ms(times[times.len() / 2]), ms(times[times.len() - 1]), times.len());
}

fn set(rules: BTreeMap<String, RuleSpec>) -> Result<Arc<RuleSet>, Box<dyn Error>> {
    Ok(Arc::new(RuleSet::of_settings(&rules, RuleOptions::default())?))
}

/// Rules that judge samples.
fn samples(series: &[Labels]) -> Outcome {
    let rule = |n: usize| {
        let expr = format!("metric_{}{{shard=\"{}\"}} > 0.9", n / SHARDS, n % SHARDS);
        (format!("rule_{n}"), RuleSpec { hold: taskpulse_engine::span::Span::secs(60), ..RuleSpec::alerting(&expr, Severity::Warning) })
    };
    let rules = set((0..METRICS * SHARDS).map(rule).collect())?;
    println!("{} rules, {} series", rules.rules().len(), series.len());
    let mut found = 0;
    let times = (0..TRIES).map(|_| timed(|| found = series.iter().map(|labels| rules.watching(labels).len()).sum::<usize>())).collect();
    report(&format!("finding the rules of each series ({found} pairs)"), times);
    let mut tracker = AlertTracker::new(Arc::clone(&rules));
    let slots: Vec<usize> = series.iter().filter_map(|labels| tracker.watch(labels, None)).collect();
    for (high, what) in [(0, "no series is high"), (100, "one series in 100 is high")] {
        let mut times = Vec::new();
        for n in 0..TRIES as i64 {
            let t = T0 + n * 15_000 + i64::from(high) * 1_000_000;
            times.push(timed(|| {
                for (at, slot) in slots.iter().enumerate() {
                    let is_high = high > 0 && at % high as usize == 0;
                    tracker.observe(*slot, t, if is_high { 0.95 } else { 0.5 }, Judge::Live(t));
                }
            }));
            tracker.changes();
        }
        report(&format!("judging one sample of each series, {what} ({} alerts)", tracker.active().len()), times);
    }
    Ok(())
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn limits() -> EvaluationLimits {
    EvaluationLimits {
        lookback: 300_000,
        delayed_names: false,
        max_samples: 50_000_000,
        max_bytes: 1 << 30,
        timeout: Duration::from_secs(60),
        cancelled: Arc::default(),
    }
}

/// Rules that are evaluated by queries, over a store.
fn queries(series: &[Labels]) -> Outcome {
    let dir = tempfile::tempdir()?;
    let store = StoreWriter::open(dir.path(), StoreOptions::default(), T0)?;
    for n in 0..24 {
        let mut batch = Batch::default();
        for (at, labels) in series.iter().enumerate() {
            batch.push(labels.clone(), T0 + n * 15_000, (n * 10) as f64 + (at % 7) as f64);
        }
        store.append(&batch, T0 + n * 15_000)?;
    }
    let now = T0 + 23 * 15_000;
    let rule = |n: usize| {
        let expr = format!("sum by (shard) (rate(metric_{}{{shard=\"{}\"}}[5m])) > 9", n / 10, n % SHARDS);
        (format!("rule_{n}"), RuleSpec::alerting(&expr, Severity::Warning))
    };
    let rules = set((0..1_000).map(rule).collect())?;
    let (tracker, recorded, limits) = (Mutex::new(AlertTracker::new(Arc::clone(&rules))), Mutex::new(Recorded::default()), limits());
    let mut alerts = 0;
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let instant = GroupInstant { rules: &rules, group: 0, t: now, limits: &limits };
        times.push(timed(|| alerts = instant.evaluate(&*store, &tracker, &recorded).reports.iter().map(|report| report.series).sum()));
    }
    report(&format!("evaluating {} rules by queries, each over ten series ({alerts} results)", rules.rules().len()), times);
    Ok(())
}

/// A preview over 7 days of one series.
fn seven_days() -> Outcome {
    let dir = tempfile::tempdir()?;
    let now = T0 + 7 * 86_400_000;
    let store = StoreWriter::open(dir.path(), StoreOptions { out_of_order_ms: 8 * 86_400_000, ..StoreOptions::default() }, now)?;
    let labels = Labels::metric("level", &[("host", "a")]);
    let mut batch = Batch::default();
    for n in 0..7 * 17_280 {
        batch.push(labels.clone(), T0 + n * 5_000, 0.5 + 0.49 * (n as f64 / 700.0).sin());
    }
    store.append(&batch, now)?;
    store.commit()?;
    store.seal()?;
    for (expr, what) in [("level > 0.9", "on samples"), ("avg_over_time(level[5m]) > 0.9", "by queries")] {
        let spec = RuleSpec { hold: taskpulse_engine::span::Span::secs(60), ..RuleSpec::alerting(expr, Severity::Warning) };
        let mut fired = 0;
        let mut times = Vec::new();
        for _ in 0..TRIES {
            let began = Instant::now();
            fired = preview("x", &spec, RuleOptions::default(), (T0, now), &*store, &limits())?.fired;
            times.push(began.elapsed());
        }
        report(&format!("a preview {what} over 7 days of one series of 5 s ({fired} firings)"), times);
    }
    Ok(())
}
