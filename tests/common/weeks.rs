//! Three weeks of series with the rhythm of days and weeks, and a change whose size is known.

use serde_json::json;

use super::Service;

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// A number below one that looks like chance.
fn chance(n: i64) -> f64 {
    let mut z = (n as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Imports these series up to `end`, each multiplied by its factor from `at` on. Their noise goes by the time until the end, so that each run has the same.
/// Half days begin at other samples at each hour of the day, so two samples that follow each other differ by as much up as down: half a day has
/// hardly any noise, wherever it begins.
pub fn import(service: &Service, (end, at): (i64, i64), series: &[(&str, f64)]) {
    let times: Vec<i64> = (0..21 * 288).map(|n| end - n * 5 * MINUTE).rev().collect();
    let mut lines = String::new();
    for (number, (name, factor)) in series.iter().enumerate() {
        let value = |t: &i64| {
            let (day, of_day) = (t / DAY % 7, (t % DAY) as f64 / DAY as f64);
            let rhythm = (if day < 2 { 60.0 } else { 100.0 }) * (1.0 + 0.4 * (of_day * std::f64::consts::TAU).sin());
            let changed = if *t >= at { *factor } else { 1.0 };
            let ago = (end - t) / (5 * MINUTE);
            let noise = 0.1 * (2.0 * chance(ago / 2 + number as i64 * 1_000_000_007) - 1.0);
            rhythm * changed * (1.0 + if ago % 2 == 0 { noise } else { -noise })
        };
        let line = json!({"metric": {"__name__": name}, "values": times.iter().map(value).collect::<Vec<f64>>(), "timestamps": times});
        lines.push_str(&format!("{line}\n"));
    }
    let answer = service.client.post(service.url("/api/v1/import?format=jsonl")).body(lines).send().unwrap();
    assert_eq!(answer.status(), 200);
}
