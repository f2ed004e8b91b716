//! What was acknowledged, and what there is of it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::Outcome;
use crate::client::{Http, Random, escaped, packed, push_series};
use crate::service::Service;

/// Bits by series and time.
pub type Samples = HashMap<String, BTreeMap<i64, u64>>;

/// How what there is differs from what was acknowledged.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    pub lost: u64,
    pub wrong: u64,
    /// There, but never written.
    pub foreign: u64,
}

impl Difference {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl std::ops::AddAssign for Difference {
    fn add_assign(&mut self, other: Self) {
        self.lost += other.lost;
        self.wrong += other.wrong;
        self.foreign += other.foreign;
    }
}

/// The labels of a series as they stand in a request, and the text by which it is known here.
pub fn labels(metric: &str, series: usize) -> (Vec<u8>, String) {
    (packed(&[("__name__", metric), ("s", &series.to_string())]), format!("{metric}/{series}"))
}

/// A value that says where it belongs: decimals, steps and full doubles.
pub fn value(series: usize, t: i64) -> f64 {
    let n = t / 1_000;
    match series % 3 {
        0 => (n * 37 % 1_000) as f64 / 10.0 + series as f64 * 1_000.0,
        1 => (n / 9) as f64 + series as f64,
        _ => Random(t as u64 ^ (series as u64) << 48).unit() - 0.5,
    }
}

/// Writes samples of several series at the given times; they count as acknowledged only when this returns.
pub fn write(http: &mut Http, metric: &str, series: std::ops::Range<usize>, times: &[i64], truth: &mut Samples) -> Outcome<()> {
    let mut request = Vec::new();
    for s in series.clone() {
        let (labels, _) = labels(metric, s);
        times.iter().for_each(|&t| push_series(&mut request, &labels, t, value(s, t)));
    }
    match http.write_once(&request)? {
        (200..300, _) => {}
        (status, text) => return Err(format!("{status}: {}", String::from_utf8_lossy(&text)).into()),
    }
    for s in series {
        let kept = truth.entry(labels(metric, s).1).or_default();
        kept.extend(times.iter().map(|&t| (t, value(s, t).to_bits())));
    }
    Ok(())
}

/// Everything that the service has of the given metrics.
pub fn export(service: &Service, metrics: &[&str]) -> Outcome<Samples> {
    let matches: String = metrics.iter().map(|m| format!("match[]={}&", escaped(m))).collect();
    let (status, body) = service.http()?.send(&format!("GET /api/v1/export?{matches}start=0 HTTP/1.1"), &[])?;
    if status != 200 {
        return Err(format!("export: {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    let mut all = Samples::new();
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_slice(line)?;
        let metric = line["metric"].as_object().ok_or("a line without labels")?;
        let name = |key: &str| metric.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let others = metric.keys().filter(|key| !["__name__", "s"].contains(&key.as_str())).count();
        let key = if others == 0 { format!("{}/{}", name("__name__"), name("s")) } else { line["metric"].to_string() };
        let kept = all.entry(key).or_default();
        let times = line["timestamps"].as_array().ok_or("a line without times")?;
        let values = line["values"].as_array().ok_or("a line without values")?;
        for (t, v) in times.iter().zip(values) {
            let (t, v) = (t.as_i64().ok_or("a time")?, v.as_f64().ok_or("a value")?);
            if kept.insert(t, v.to_bits()).is_some() {
                return Err(format!("a sample is given twice, at {t}").into());
            }
        }
    }
    Ok(all)
}

/// Compares what there is with the truth. `unanswered` are times that were sent and may be there or not.
pub fn compare(truth: &Samples, there: &Samples, unanswered: impl Fn(&str, i64) -> bool) -> Difference {
    let mut difference = Difference::default();
    for (series, samples) in truth {
        let found = there.get(series);
        for (t, bits) in samples {
            match found.and_then(|found| found.get(t)) {
                None => difference.lost += 1,
                Some(other) if other != bits => difference.wrong += 1,
                Some(_) => {}
            }
        }
    }
    for (series, samples) in there {
        let known = truth.get(series);
        let number = series.rsplit('/').next().and_then(|s| s.parse().ok());
        for (t, bits) in samples.iter().filter(|(t, _)| known.is_none_or(|known| !known.contains_key(t))) {
            match number {
                Some(s) if unanswered(series, *t) && value(s, *t).to_bits() == *bits => {}
                Some(_) if unanswered(series, *t) => difference.wrong += 1,
                _ => difference.foreign += 1,
            }
        }
    }
    difference
}
