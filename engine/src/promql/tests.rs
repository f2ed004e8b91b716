//! Identities that hold for any samples, and any text as a query.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::syntax::Grid;
use super::*;
use crate::model::{Columns, Labels, Matcher, TimestampMs};

/// Series in memory.
#[derive(Debug)]
pub(crate) struct Memory(pub(crate) Vec<(Labels, Columns)>);

impl Source for Memory {
    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        for (labels, columns) in &self.0 {
            if matchers.iter().any(|list| list.iter().all(|m| m.accepts(labels.get(&m.name).unwrap_or("")))) {
                let (from, to) = (columns.times.partition_point(|t| *t < start), columns.times.partition_point(|t| *t <= end));
                sink.begin(labels)?;
                if from < to {
                    sink.piece(&Columns { times: columns.times[from..to].to_vec(), values: columns.values[from..to].to_vec() })?;
                }
            }
        }
        Ok(())
    }
}

/// Asks for eleven instants, a minute apart.
pub(crate) fn ask(source: &dyn Source, query: &str) -> Result<Answer, EvalError> {
    let query = Query::parse(query, Grid { step: 60_000, range: 600_000 })?;
    let params = Params {
        start: 0,
        end: 600_000,
        step: 60_000,
        lookback: 300_000,
        default_step: 60_000,
        delayed_names: false,
        use_windows: true,
        max_samples: 200_000,
        max_bytes: 256 << 20,
        deadline: Instant::now() + Duration::from_secs(5),
        cancelled: Arc::default(),
    };
    evaluate(&query, &params, source).map(|(answer, _)| answer)
}

/// Series `m{g,i}` with a sample each half minute, some left out.
fn memory() -> impl Strategy<Value = Memory> {
    let value = prop_oneof![4 => (-1_000i32..1_000).prop_map(|v| Some(f64::from(v) / 4.0)), 1 => Just(None)];
    prop::collection::vec(prop::collection::vec(value, 21), 1..12).prop_map(|series| {
        let of = |(n, values): (usize, Vec<Option<f64>>)| {
            let labels = Labels::metric("m", &[("g", &(n % 3).to_string()), ("i", &n.to_string())]);
            let (times, values) = values.into_iter().enumerate().filter_map(|(at, v)| Some((at as i64 * 30_000, v?))).unzip();
            (labels, Columns { times, values })
        };
        Memory(series.into_iter().enumerate().map(of).collect())
    })
}

fn rows(source: &Memory, query: &str) -> Vec<(Labels, Vec<f64>)> {
    match ask(source, query) {
        Ok(Answer::Vector(rows)) => rows.into_iter().map(|row| (row.labels, row.values)).collect(),
        other => panic!("{query}: {other:?}"),
    }
}

/// Equal but for the last bits.
fn same(a: &[(Labels, Vec<f64>)], b: &[(Labels, Vec<f64>)]) -> bool {
    let near = |a: f64, b: f64| a.to_bits() == b.to_bits() || a == b || (a - b).abs() <= 1e-9 * (a.abs() + b.abs()).max(1.0);
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.0 == y.0 && x.1.iter().zip(&y.1).all(|(a, b)| near(*a, *b)))
}

proptest! {
    #[test]
    fn aggregations_agree_with_each_other(source in memory()) {
        for (one, other) in [
            ("sum(m)", "sum(sum by (g) (m))"),
            ("sum(m)", "sum(sum without (i) (m))"),
            ("count(m)", "sum(count by (g) (m))"),
            ("max(m)", "max(max by (g) (m))"),
            ("min(m)", "-max(-m)"),
            ("avg by (g) (m)", "sum by (g) (m) / count by (g) (m)"),
            ("min by (g) (m)", "quantile by (g) (0, m)"),
            ("max by (g) (m)", "quantile by (g) (1, m)"),
            ("stdvar(m)", "stddev(m) ^ 2"),
            ("stdvar(m)", "avg(m * m) - avg(m) ^ 2"),
            ("group by (g) (m)", "count by (g) (m) > bool 0"),
            ("sum(topk(100, m))", "sum(m)"),
            ("max(m)", "max(topk(1, m))"),
            ("min(m)", "min(bottomk(1, m))"),
            ("count(limitk(2, m)) <= bool 2", "count(m) >= bool 1"),
            ("sum(count_values(\"v\", m))", "count(m)"),
            ("sum(limit_ratio(0.3, m) or limit_ratio(-0.7, m))", "sum(m)"),
            ("m and m", "m"),
            ("m or m", "m"),
            ("m - 0 * m", "m * 1"),
            ("m == m", "m"),
            ("sum_over_time(m[2m])", "avg_over_time(m[2m]) * count_over_time(m[2m])"),
            ("max_over_time(m[3m])", "quantile_over_time(1, m[3m])"),
            ("stdvar_over_time(m[4m])", "stddev_over_time(m[4m]) ^ 2"),
            ("increase(m[2m])", "rate(m[2m]) * 120"),
            ("last_over_time(m[5m])", "m"),
            ("sum_over_time(m[2m])", "sum_over_time(m[4m / 2])"),
        ] {
            let (a, b) = (rows(&source, one), rows(&source, other));
            prop_assert!(same(&a, &b), "{} is not {}:\n{:?}\n{:?}", one, other, a, b);
        }
        prop_assert!(rows(&source, "m unless m").is_empty());
    }

    #[test]
    fn the_average_lies_between_the_extremes(source in memory()) {
        for query in ["avg(m) < min(m) - 1e-9", "avg(m) > max(m) + 1e-9", "avg_over_time(m[3m]) > max_over_time(m[3m]) + 1e-9"] {
            prop_assert!(rows(&source, query).is_empty(), "{}", query);
        }
    }
}

#[test]
fn ranges_of_metrics_that_lose_their_names_must_be_of_one_metric() {
    let series = |name: &str, from: i64| {
        let times: Vec<TimestampMs> = (0..4).map(|n| (from + n) * 30_000).collect();
        let values = times.iter().map(|t| *t as f64).collect();
        (Labels::metric(name, &[("job", "a")]), Columns { times, values })
    };
    // They never have a value at the same instant.
    let source = Memory(vec![series("first_total", 0), series("second_total", 16)]);
    assert_eq!(rows(&source, "-{__name__=~\"first_total|second_total\"}").len(), 1);
    let error = ask(&source, "rate({__name__=~\"first_total|second_total\"}[1m])").unwrap_err().to_string();
    assert_eq!(error, "vector cannot contain metrics with the same labelset");
}
