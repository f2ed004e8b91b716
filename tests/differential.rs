//! The same samples and the same random queries to this service and to Prometheus, where it is installed: the answers are
//! equal in labels, times and values, and so are the kinds of errors.
//!
//! Samples lie 137 ms beside whole seconds, and all times and ranges are whole seconds: no sample is on the edge of a range,
//! where versions 2 and 3 differ on purpose. Counters are far from zero, where their extrapolation does.
//! `DIFFERENTIAL_QUERIES` sets how many are asked, `DIFFERENTIAL_SEED` which.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;

use common::peer::{Prometheus, missing_peer};
use common::remote::{now_ms, series, write};
use common::{Folder, Service};
use reqwest::blocking::Client;
use serde_json::Value;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

const STEP_MS: i64 = 15_000;
const STEPS: i64 = 480;

/// Labels and samples of a series.
type Rows = (Vec<(String, String)>, Vec<(i64, f64)>);

/// Gauges, counters with resets, a histogram, a series with gaps and stale markers, one that is NaN at times.
fn samples(start: i64) -> Vec<Vec<u8>> {
    let mut random = Random(11);
    let mut all: Vec<Rows> = Vec::new();
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let mut add = |labels: &[(&str, &str)], offset: i64, value: &mut dyn FnMut(i64) -> Option<f64>| {
        let rows: Vec<(i64, f64)> = (0..STEPS).filter_map(|n| Some((start + n * STEP_MS + 137 + offset * 1_000, value(n)?))).collect();
        all.push((labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(), rows));
    };
    for (at, (job, instance)) in [("a", "0"), ("a", "1"), ("b", "0"), ("b", "1"), ("b", "2"), ("c", "0")].into_iter().enumerate() {
        let offset = i64::try_from(at).unwrap() % 4;
        let mut level = 10.0 * (at as f64 + 1.0);
        add(&[("__name__", "gauge"), ("instance", instance), ("job", job)], offset, &mut |_| {
            level += random.unit() * 4.0 - 2.0;
            Some((level * 1e3).round() / 1e3)
        });
        let mut count = 1e6 * (at as f64 + 1.0);
        add(&[("__name__", "counter_total"), ("instance", instance), ("job", job)], offset, &mut |n| {
            count += (random.unit() * 500.0).round();
            if n % 97 == 96 {
                count = 1e6 + (random.unit() * 100.0).round();
            }
            Some(count)
        });
        let holes = at as i64 + 3;
        add(&[("__name__", "holes"), ("env", "test"), ("instance", instance), ("job", job)], offset, &mut |n| match n % (holes * 12) {
            k if k < holes * 6 => Some(n as f64 * 0.5 + at as f64 * 0.01),
            k if k == holes * 6 && at % 2 == 0 => Some(stale),
            _ => None,
        });
    }
    for job in ["a", "b"] {
        let mut counts = [1e5, 3e5, 6e5, 8e5, 9e5];
        let bounds = ["0.1", "0.5", "1", "5", "+Inf"];
        let grown: Vec<[f64; 5]> = (0..STEPS)
            .map(|_| {
                let mut more = 0.0;
                for count in &mut counts {
                    more += (random.unit() * 30.0).round();
                    *count += more;
                }
                counts
            })
            .collect();
        for (at, le) in bounds.into_iter().enumerate() {
            add(&[("__name__", "latency_bucket"), ("job", job), ("le", le)], 0, &mut |n| Some(grown[usize::try_from(n).unwrap()][at]));
        }
    }
    add(&[("__name__", "odd"), ("job", "a")], 1, &mut |n| Some(if n % 7 == 0 { f64::NAN } else { (n % 5) as f64 - 2.0 }));
    add(&[("__name__", "weights"), ("job", "a"), ("zone", "x")], 2, &mut |n| Some(1.0 + (n % 3) as f64));
    add(&[("__name__", "weights"), ("job", "b"), ("zone", "y")], 2, &mut |n| Some(2.0 + (n % 4) as f64));
    // All series a quarter of an hour at a time: Prometheus takes nothing that is much older than its newest.
    let part = |from: i64| {
        let of = |(labels, rows): &Rows| {
            let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let rows: Vec<(i64, f64)> = rows.iter().copied().filter(|(t, _)| *t >= from && *t < from + 900_000).collect();
            if rows.is_empty() { Vec::new() } else { series(&labels, &rows) }
        };
        all.iter().flat_map(of).collect::<Vec<u8>>()
    };
    (0..).map(|n| start + n * 900_000).take_while(|from| *from < start + STEPS * STEP_MS + 60_000).map(part).collect()
}

struct Generator {
    random: Random,
}

impl Generator {
    fn selector(&mut self) -> String {
        let r = &mut self.random;
        let name = r.pick(&["gauge", "counter_total", "holes", "gauge", "counter_total", "odd", "weights"]);
        let matcher = r.pick(&[
            "",
            "",
            "",
            r#"{job="a"}"#,
            r#"{job!="a"}"#,
            r#"{job=~"a|b"}"#,
            r#"{instance="0"}"#,
            r#"{instance=~"[01]",job!~"c.*"}"#,
            r#"{none=""}"#,
        ]);
        format!("{name}{matcher}")
    }

    fn modifier(&mut self) -> String {
        self.random.pick(&["", "", "", "", " offset 3m", " offset -2m", " @ end()", " @ start()"]).to_owned()
    }

    fn range(&mut self) -> &'static str {
        self.random.pick(&["[1m]", "[2m]", "[5m]", "[17m]", "[41s]", "[1h]"])
    }

    fn matrix(&mut self, depth: usize) -> String {
        if depth > 0 && self.random.below(4) == 0 {
            let inner = self.vector(depth - 1);
            let range = self.random.pick(&["[10m:1m]", "[5m:17s]", "[20m:2m]", "[7m:]"]);
            return format!("({inner}){range}{}", self.modifier());
        }
        format!("{}{}{}", self.selector(), self.range(), self.modifier())
    }

    fn scalar(&mut self) -> String {
        match self.random.below(6) {
            0 => "time()".to_owned(),
            1 => format!("scalar({}{{job=\"a\",instance=\"0\"}})", self.random.pick(&["gauge", "counter_total"])),
            _ => self.random.pick(&["2", "0.5", "10", "-3", "1e3", "100", "7"]).to_owned(),
        }
    }

    fn grouping(&mut self) -> &'static str {
        self.random.pick(&[
            "",
            " by (job)",
            " by (instance)",
            " without (instance)",
            " without (job)",
            " by (job, instance)",
            " by (nothing)",
        ])
    }

    fn vector(&mut self, depth: usize) -> String {
        if depth == 0 {
            return format!("{}{}", self.selector(), self.modifier());
        }
        match self.random.below(16) {
            0 => format!("{}{}", self.selector(), self.modifier()),
            1..=4 => {
                let f = self.random.pick(&[
                    "rate",
                    "increase",
                    "delta",
                    "irate",
                    "idelta",
                    "deriv",
                    "avg_over_time",
                    "sum_over_time",
                    "count_over_time",
                    "min_over_time",
                    "max_over_time",
                    "last_over_time",
                    "present_over_time",
                    "stddev_over_time",
                    "stdvar_over_time",
                    "changes",
                    "resets",
                ]);
                if matches!(f, "rate" | "increase") {
                    // Near zero, where others are, version 3 extrapolates otherwise.
                    let matcher = self.random.pick(&["", r#"{job="a"}"#, r#"{instance=~"[01]"}"#]);
                    return format!("{f}(counter_total{matcher}{}{})", self.range(), self.modifier());
                }
                format!("{f}({})", self.matrix(depth - 1))
            }
            5 => {
                let matrix = self.matrix(depth - 1);
                match self.random.below(4) {
                    0 => format!("quantile_over_time({}, {matrix})", self.random.pick(&["0", "0.25", "0.5", "0.99", "1"])),
                    1 => format!("predict_linear({matrix}, {})", self.random.pick(&["60", "3600", "-120"])),
                    2 => format!("holt_winters({matrix}, 0.3, 0.6)"),
                    _ => format!("absent_over_time({matrix})"),
                }
            }
            6 | 7 => {
                let f = self.random.pick(&[
                    "abs",
                    "ceil",
                    "floor",
                    "exp",
                    "sqrt",
                    "ln",
                    "log2",
                    "log10",
                    "sgn",
                    "sin",
                    "cos",
                    "atan",
                    "deg",
                    "rad",
                    "round",
                    "minute",
                    "hour",
                    "day_of_week",
                    "timestamp",
                    "absent",
                    "-",
                    "sort",
                    "days_in_month",
                    "year",
                ]);
                format!("{f}({})", self.vector(depth - 1))
            }
            8 => {
                let inner = self.vector(depth - 1);
                let scalar = self.scalar();
                match self.random.below(4) {
                    0 => format!("clamp_min({inner}, {scalar})"),
                    1 => format!("clamp_max({inner}, {scalar})"),
                    2 => format!("clamp({inner}, -5, {scalar})"),
                    _ => format!("round({inner}, {})", self.random.pick(&["0.1", "5", "0.25"])),
                }
            }
            9 => match self.random.below(3) {
                0 => format!(r#"label_replace({}, "both", "$1-x", "job", "(.*)")"#, self.vector(depth - 1)),
                1 => format!(r#"label_join({}, "both", "/", "job", "instance")"#, self.vector(depth - 1)),
                _ => format!(
                    "histogram_quantile({}, rate(latency_bucket{}))",
                    self.random.pick(&["0.5", "0.9", "0.99", "0"]),
                    self.random.pick(&["[5m]", "[2m]"])
                ),
            },
            10..=12 => {
                let op = self.random.pick(&[
                    "sum",
                    "avg",
                    "min",
                    "max",
                    "count",
                    "group",
                    "stddev",
                    "stdvar",
                    "topk",
                    "bottomk",
                    "quantile",
                    "count_values",
                ]);
                let (grouping, inner) = (self.grouping(), self.vector(depth - 1));
                let param = match op {
                    "topk" | "bottomk" => self.random.pick(&["1, ", "2, ", "4, "]),
                    "quantile" => self.random.pick(&["0.3, ", "0.9, ", "0.5, "]),
                    "count_values" => "\"value\", ",
                    _ => "",
                };
                format!("{op}{grouping} ({param}{inner})")
            }
            13 => {
                let op = self.random.pick(&["+", "-", "*", "/", "%", "^", ">", "<", ">=", "<=", "==", "!=", "> bool", "<= bool", "atan2"]);
                let (a, b) = (self.vector(depth - 1), self.scalar());
                if self.random.below(2) == 0 { format!("({a}) {op} {b}") } else { format!("{b} {op} ({a})") }
            }
            _ => {
                let op = self.random.pick(&["+", "-", "*", "/", ">", "<=", "== bool", "!=", "and", "or", "unless", "%"]);
                let matching = self.random.pick(&["", "", " on (job, instance)", " ignoring (env)", " on (job)"]);
                let group = if matching.is_empty() || matches!(op, "and" | "or" | "unless") {
                    ""
                } else {
                    self.random.pick(&["", " group_left", " group_right", " group_left (zone)"])
                };
                format!("({}) {op}{matching}{group} ({})", self.vector(depth - 1), self.vector(depth - 1))
            }
        }
    }
}

/// What version 3 or this service does differently from version 2.42, on purpose.
fn left_out(query: &str) -> bool {
    let has = |text: &str| query.contains(text);
    // The deviation of one NaN was 0.
    (has("stddev") || has("stdvar")) && (has("odd") || has("clamp") || has("exp") || has("atan2") || has("sqrt") || has("ln(") || has("log") || has("%") || has("/") || has("^"))
        // The metric name stayed after atan2 with a scalar.
        || has("atan2")
        // The parts of a date that is not a number came from the machine's conversion.
        || ["minute(", "hour(", "day_of_week(", "days_in_month(", "year("].iter().any(|f| has(f))
        // The last digit of a value becomes a label.
        || (has("count_values") && (query.matches('(').count() > 2 || has("ln(") || has("log") || has("exp(")))
        // The mean is summed in another way, and its last bit turns a half up or down.
        || (has("round") && has("avg"))
        // In a range query the window moved although `@` holds it.
        || (has("predict_linear") && has("@"))
        // The last bits of a number so large are another angle.
        || (has("exp(") && (has("sin(") || has("cos(")))
        // Which of equal values are chosen is left open.
        || ((has("topk") || has("bottomk")) && (has("@") || has("sgn") || has("histogram_quantile") || has("bool") || has("count") || has("present") || has("group") || has("changes") || has("resets") || has("holes") || has("odd") || has("absent") || has("weights") || has("clamp") || has("round") || has("ceil") || has("floor") || has("%") || has("std") || has("timestamp") || has("and") || has("^")))
}

type Points = BTreeMap<i64, f64>;

/// The answer as labels, times and values; or the kind of the error.
fn answer(client: &Client, base: &str, path: &str, params: &[(&str, String)]) -> Result<BTreeMap<String, Points>, String> {
    let response = client.post(format!("{base}/api/v1/{path}")).form(params).send().unwrap();
    let body: Value = response.json().unwrap();
    if body["status"] != "success" {
        return Err(body["errorType"].as_str().unwrap_or("?").to_owned() + ": " + body["error"].as_str().unwrap_or(""));
    }
    let data = &body["data"];
    let point = |v: &Value| ((v[0].as_f64().unwrap() * 1e3).round() as i64, v[1].as_str().unwrap().parse::<f64>().unwrap());
    if data["resultType"] == "scalar" {
        return Ok(BTreeMap::from([("scalar".to_owned(), BTreeMap::from([point(&data["result"])]))]));
    }
    let mut out = BTreeMap::new();
    for row in data["result"].as_array().unwrap() {
        let labels: BTreeMap<String, String> = serde_json::from_value(row["metric"].clone()).unwrap();
        let points = row["values"].as_array().map_or_else(|| BTreeMap::from([point(&row["value"])]), |v| v.iter().map(point).collect());
        out.insert(format!("{labels:?}"), points);
    }
    Ok(out)
}

fn equal(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) + 1e-9
}

fn differs(ours: &Result<BTreeMap<String, Points>, String>, theirs: &Result<BTreeMap<String, Points>, String>) -> Option<String> {
    match (ours, theirs) {
        (Err(a), Err(b)) => {
            let kind = |e: &str| e.split(':').next().unwrap_or("").to_owned();
            (kind(a) != kind(b)).then(|| format!("error {a}, theirs {b}"))
        }
        (Err(a), Ok(_)) => Some(format!("error {a}, theirs an answer")),
        (Ok(_), Err(b)) => Some(format!("an answer, theirs the error {b}")),
        (Ok(a), Ok(b)) => {
            if a.keys().ne(b.keys()) {
                return Some(format!(
                    "series only here {:?}, only theirs {:?}",
                    a.keys().filter(|labels| !b.contains_key(*labels)).take(4).collect::<Vec<_>>(),
                    b.keys().filter(|labels| !a.contains_key(*labels)).take(4).collect::<Vec<_>>()
                ));
            }
            a.iter().zip(b.values()).find_map(|((labels, a), b)| {
                if a.keys().ne(b.keys()) {
                    return Some(format!("{labels}: {} instants, theirs {}", a.len(), b.len()));
                }
                a.iter().zip(b.values()).find(|((_, a), b)| !equal(**a, **b)).map(|((t, a), b)| format!("{labels} at {t}: {a}, theirs {b}"))
            })
        }
    }
}

#[test]
fn random_queries_are_answered_as_prometheus_does() {
    let folder = Folder::with_settings("[system]\nenabled = false\n");
    let service: Service = folder.start();
    let client = service.client.clone();
    let Some(prometheus) = Prometheus::start(&client, "global: {scrape_interval: 1h}\n", "") else {
        missing_peer("prometheus is not installed");
        return;
    };
    let number = |key: &str, usual: u64| std::env::var(key).ok().and_then(|t| t.parse().ok()).unwrap_or(usual);
    let (count, seed) = (number("DIFFERENTIAL_QUERIES", 2_000), number("DIFFERENTIAL_SEED", 1));
    let end = now_ms() / 60_000 * 60_000 - 60_000;
    let start = end - STEPS * STEP_MS;
    for base in [service.url(""), prometheus.url.clone()] {
        for request in samples(start) {
            let (status, text) = write(&client, &format!("{base}/api/v1/write"), &request).unwrap();
            assert_eq!(status, 204, "{base}: {text}");
        }
    }
    let (mut differences, mut compared, mut with_rows) = (Vec::new(), 0, 0);
    for n in 0..count {
        let mut generator = Generator { random: Random(seed.wrapping_mul(1_000_003).wrapping_add(n)) };
        let depth = 1 + generator.random.below(3);
        let query = generator.vector(depth);
        if left_out(&query) {
            continue;
        }
        // Half a second beside the instants of subqueries, for the same reason.
        let at = start / 1_000 + 600 + i64::try_from(generator.random.below(6_000)).unwrap();
        let (path, params) = if n % 2 == 0 {
            ("query", vec![("query", query.clone()), ("time", format!("{at}.5"))])
        } else {
            let step = [7, 15, 61, 300][generator.random.below(4)];
            let to = at + step * 12;
            (
                "query_range",
                vec![("query", query.clone()), ("start", format!("{at}.5")), ("end", format!("{to}.5")), ("step", step.to_string())],
            )
        };
        let ours = answer(&client, &service.url(""), path, &params);
        let theirs = answer(&client, &prometheus.url, path, &params);
        // Version 3 reports several rows that match one also where a comparison then drops them.
        if ours.as_ref().is_err_and(|error| error.contains("multiple matches for labels")) && theirs.is_ok() {
            continue;
        }
        compared += 1;
        with_rows += u64::from(theirs.as_ref().is_ok_and(|rows| !rows.is_empty()));
        if let Some(difference) = differs(&ours, &theirs) {
            differences.push(format!("{path} {params:?}: {difference}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {count} differ:\n{}",
        differences.len(),
        differences.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(compared > count / 2 && with_rows > compared / 2, "of {count} queries {compared} were compared, {with_rows} had rows");
}
