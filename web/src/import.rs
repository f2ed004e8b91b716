//! History brought in: CSV and JSON lines as the export writes them, and OpenMetrics text with times.
//!
//! Answered when the samples are durable. Samples may be as old as the retention, in any order. A line that is wrong is
//! named by its number and left out, the others are kept.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::messages::AppendResolved;
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::promql::parse_series;
use taskpulse_engine::store::{Intake, Resolved, Store};

use crate::body;
use crate::envelope::{ApiError, success};
use crate::ingest::{kept, refuse};
use crate::params::{Params, parse_time};
use crate::server::AppState;

/// Lines that an answer names.
const MAX_NAMED: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    JsonLines,
    Csv,
    OpenMetrics,
}

/// `POST /api/v1/import`
pub(crate) async fn import(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let params = Params::of_address(&req)?;
    let format = match params.required("format")? {
        "jsonl" => Format::JsonLines,
        "csv" => Format::Csv,
        "openmetrics" => Format::OpenMetrics,
        other => return Err(ApiError::bad_data(format!("parameter `format`: `{other}` is not known; take jsonl, csv or openmetrics"))),
    };
    let before = params
        .get("lines_before")
        .map_or(Ok(0), str::parse::<usize>)
        .map_err(|_| ApiError::bad_data("parameter `lines_before` is not a count"))?;
    let body = body::read_unpacked(&req, payload).await?;
    let text = std::str::from_utf8(&body)
        .map_err(|error| ApiError::bad_data(format!("the body is not UTF-8 after byte {}", error.valid_up_to())))?;
    let Ok(_place) = state.ingest_places.try_acquire() else {
        return Err(ApiError::busy("too many requests wait for the store"));
    };
    let (resolved, problems, lost) = resolve(&state.store, format, text, before);
    drop(body);
    let rejected = resolved.rejected();
    let accepted = if resolved.is_empty() { 0 } else { kept(state.append_resolved.send(AppendResolved(resolved))).await?.accepted };
    Ok(success(json!({"kept": refuse(accepted, rejected, problems, lost)?})))
}

fn resolve(store: &Store, format: Format, text: &str, before: usize) -> (Resolved, Vec<String>, usize) {
    let mut intake = store.intake(now_ms());
    intake.accept_any_order();
    let (mut problems, mut lost) = (Vec::new(), 0);
    for (at, line) in text.lines().enumerate() {
        let taken = match format {
            Format::JsonLines => json_line(line, &mut intake),
            Format::Csv => csv_line(line, &mut intake),
            Format::OpenMetrics => open_metrics_line(line, &mut intake),
        };
        if let Err(why) = taken {
            lost += 1;
            if problems.len() < MAX_NAMED {
                problems.push(format!("line {}: {why}", before + at + 1));
            }
        }
    }
    (intake.finish(), problems, lost)
}

fn begin(intake: &mut Intake<'_>, labels: Labels) {
    let pairs: Vec<_> = labels.pairs().collect();
    if !intake.begin(&pairs) {
        intake.begin_new(labels);
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse::<f64>().map_err(|_| format!("`{text}` is not a number; write 3, NaN, +Inf or -Inf"))
}

#[derive(Deserialize)]
struct Line {
    metric: BTreeMap<String, String>,
    values: Vec<Value>,
    timestamps: Vec<TimestampMs>,
}

fn json_line(line: &str, intake: &mut Intake<'_>) -> Result<(), String> {
    if line.trim().is_empty() {
        return Ok(());
    }
    let right = r#"write {"metric":{"__name__":"up"},"values":[1],"timestamps":[1764000000000]}"#;
    let line: Line = serde_json::from_str(line).map_err(|error| format!("{error}; {right}"))?;
    if line.values.len() != line.timestamps.len() {
        return Err(format!("{} values and {} timestamps; there is one for each", line.values.len(), line.timestamps.len()));
    }
    let values = line.values.iter().map(|v| match v {
        Value::Number(n) => n.as_f64().ok_or_else(|| format!("{n} is too large")),
        Value::String(text) => number(text),
        other => Err(format!("{other} is not a number")),
    });
    let values = values.collect::<Result<Vec<f64>, String>>()?;
    begin(intake, Labels::new(line.metric.iter().map(|(n, v)| (n.as_str(), v.as_str()))).map_err(|error| error.to_string())?);
    line.timestamps.into_iter().zip(values).for_each(|(t, v)| {
        intake.push(t, v);
    });
    Ok(())
}

/// A series by itself, with a metric name.
fn series(text: &str) -> Result<Labels, String> {
    let labels = parse_series(text).map_err(|error| error.to_string())?;
    Labels::new(labels.iter()).map_err(|error| error.to_string())
}

/// `"up{job=""a""}",1764000000,1`; the first line names the columns.
fn csv_line(line: &str, intake: &mut Intake<'_>) -> Result<(), String> {
    if line.trim().is_empty() || line == "series,time,value" {
        return Ok(());
    }
    let wrong = || r#"not `"up{job=""a""}",1764000000,1` (series, time, value)"#.to_owned();
    let (name, rest) = match line.strip_prefix('"') {
        Some(quoted) => {
            let mut name = String::new();
            let mut parts = quoted.split('"');
            let rest = loop {
                name.push_str(parts.next().ok_or_else(wrong)?);
                match parts.next().ok_or_else(wrong)? {
                    // Two quotes are one.
                    "" => name.push('"'),
                    rest => break rest,
                }
                if name.ends_with('"') && parts.clone().next().is_none() {
                    return Err(wrong());
                }
            };
            (name, rest.strip_prefix(',').ok_or_else(wrong)?.to_owned())
        }
        None => line.split_once(',').map(|(name, rest)| (name.to_owned(), rest.to_owned())).ok_or_else(wrong)?,
    };
    let (time, value) = rest.split_once(',').ok_or_else(wrong)?;
    let (time, value) = (parse_time("time", time).map_err(|error| error.to_string())?, number(value.trim())?);
    begin(intake, series(&name)?);
    intake.push(time, value);
    Ok(())
}

/// `up{job="a"} 1 1764000000.5 # exemplar`; times are in seconds.
fn open_metrics_line(line: &str, intake: &mut Intake<'_>) -> Result<(), String> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let end = series_end(line).ok_or("not `name{label=\"value\"} value time`")?;
    let (name, rest) = line.split_at(end);
    let mut fields = rest.split(" # ").next().unwrap_or("").split_whitespace();
    let value = number(fields.next().ok_or("the value is missing")?)?;
    let time = fields.next().ok_or("the time is missing; only samples with a time can be brought in")?;
    let time = parse_time("time", time).map_err(|error| error.to_string())?;
    begin(intake, series(name)?);
    intake.push(time, value);
    Ok(())
}

/// Where the series of a line ends: after its braces, or at the first space.
fn series_end(line: &str) -> Option<usize> {
    let (mut inside, mut quoted, mut escaped) = (false, false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' if !quoted => inside = true,
            '}' if !quoted => return Some(at + 1),
            ' ' | '\t' if !quoted && !inside => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use taskpulse_engine::store::StoreOptions;

    use super::*;

    fn take(format: Format, text: &str) -> (usize, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions { retention_ms: i64::MAX / 4, ..StoreOptions::default() }, now_ms()).unwrap();
        let (resolved, problems, _) = resolve(&store, format, text, 100);
        let stored = store.append_resolved(resolved, now_ms()).unwrap();
        assert!(stored.times.iter().all(|t| *t / 1_000 == 1_764_000_000), "{:?}", stored.times);
        (stored.accepted, problems)
    }

    #[test]
    fn lines_of_each_format_are_taken() {
        let json = r#"{"metric":{"__name__":"up","job":"a\"b"},"values":[1,"NaN"],"timestamps":[1764000000000,1764000000500]}"#;
        assert_eq!(take(Format::JsonLines, &format!("{json}\n\n")), (2, vec![]));
        let csv =
            "series,time,value\n\"up{job=\"\"a,b\"\"}\",1764000000,1\nup,2025-11-24T16:00:00Z,+Inf\n\"up{job=\"\"\"\"}\",1764000000,1\n";
        assert_eq!(take(Format::Csv, csv), (3, vec![]));
        let text = "# TYPE up gauge\nup{job=\"a } b\",x=\"\\\"\"} 1 1764000000.25\nup 2 1764000000 # {trace=\"1\"} 0.5\n# EOF\n";
        assert_eq!(take(Format::OpenMetrics, text), (2, vec![]));
    }

    #[test]
    fn a_wrong_line_is_named_and_the_others_are_kept() {
        for (format, wrong, good, part) in [
            (Format::JsonLines, "{", r#"{"metric":{"__name__":"up"},"values":[1],"timestamps":[1764000000000]}"#, "line 101: EOF"),
            (Format::JsonLines, r#"{"metric":{"__name__":"up"},"values":[1,2],"timestamps":[1]}"#, "", "2 values and 1 timestamps"),
            (Format::JsonLines, r#"{"metric":{"job":"up"},"values":[],"timestamps":[]}"#, "", "metric name"),
            (Format::Csv, "\"up", "up,1764000000,1", "not `"),
            (Format::Csv, "up,soon,1", "up,1764000000,1", "`soon` is not a time"),
            (Format::Csv, "up,1764000000,many", "up,1764000000,1", "`many` is not a number"),
            (Format::OpenMetrics, "up 1", "up 1 1764000000", "the time is missing"),
            (Format::OpenMetrics, "up{job=\"a\" 1 1", "up 1 1764000000", "not `name"),
        ] {
            let (kept, problems) = take(format, &format!("{wrong}\n{good}"));
            assert_eq!((kept, problems.len()), (usize::from(!good.is_empty()), 1), "{wrong}: {problems:?}");
            assert!(problems[0].starts_with("line 101: ") && problems[0].contains(part), "{wrong}: {problems:?}");
        }
    }
}
