//! History brought in: CSV and JSON lines as the export writes them, and OpenMetrics text with times.
//!
//! Answered when the samples are durable. Samples may be as old as the retention, in any order. A line that is wrong is
//! named by its number and left out, the others are kept.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use actix_web::{HttpRequest, HttpResponse, web};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::json;
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
    let params = Params::of_address(&req);
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
    let mut names = Names::default();
    let (mut problems, mut lost) = (Vec::new(), 0);
    for (at, line) in text.lines().enumerate() {
        let taken = match format {
            Format::JsonLines => json_line(line, &mut intake),
            Format::Csv => csv_line(line, &mut names, &mut intake),
            Format::OpenMetrics => open_metrics_line(line, &mut names, &mut intake),
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

/// A value as JSON lines have it: a number, or a text where JSON has no number for it.
struct JsonValue(f64);

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = f64;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, \"NaN\", \"+Inf\" or \"-Inf\"")
            }

            fn visit_f64<E>(self, v: f64) -> Result<f64, E> {
                Ok(v)
            }

            fn visit_u64<E>(self, v: u64) -> Result<f64, E> {
                Ok(v as f64)
            }

            fn visit_i64<E>(self, v: i64) -> Result<f64, E> {
                Ok(v as f64)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<f64, E> {
                number(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Number).map(Self)
    }
}

#[derive(Deserialize)]
struct Line {
    metric: BTreeMap<String, String>,
    values: Vec<JsonValue>,
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
    begin(intake, Labels::new(line.metric.iter().map(|(n, v)| (n.as_str(), v.as_str()))).map_err(|error| error.to_string())?);
    line.timestamps.into_iter().zip(line.values).for_each(|(t, v)| {
        intake.push(t, v.0);
    });
    Ok(())
}

/// A series by itself, with a metric name.
fn series(text: &str) -> Result<Labels, String> {
    let labels = parse_series(text).map_err(|error| error.to_string())?;
    Labels::new(labels.iter()).map_err(|error| error.to_string())
}

/// Labels of the series of a request by their text, which is the same in line after line.
#[derive(Default)]
struct Names<'a> {
    known: FxHashMap<&'a str, Labels>,
    /// The text of the series that samples go to now.
    current: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// What follows is of the series that is written as `text`; `parse` reads one that was not met before.
    fn begin(&mut self, text: &'a str, intake: &mut Intake<'_>, parse: impl FnOnce(&str) -> Result<Labels, String>) -> Result<(), String> {
        if self.current == Some(text) {
            return Ok(());
        }
        let labels = match self.known.entry(text) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(new) => new.insert(parse(text)?),
        };
        begin(intake, labels.clone());
        self.current = Some(text);
        Ok(())
    }
}

/// The first field of a line, as it is written, and what follows its comma.
fn first_field(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with('"') {
        return line.split_once(',');
    }
    let bytes = line.as_bytes();
    let mut at = 1;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == b'"')? + 1;
        match bytes.get(at)? {
            // Two quotes are one.
            b'"' => at += 1,
            b',' => return Some((&line[..at], &line[at + 1..])),
            _ => return None,
        }
    }
}

/// `"up{job=""a""}",1764000000,1`; the first line names the columns.
fn csv_line<'a>(line: &'a str, names: &mut Names<'a>, intake: &mut Intake<'_>) -> Result<(), String> {
    if line.trim().is_empty() || line == "series,time,value" {
        return Ok(());
    }
    let wrong = || r#"not `"up{job=""a""}",1764000000,1` (series, time, value)"#.to_owned();
    let (name, rest) = first_field(line).ok_or_else(wrong)?;
    let (time, value) = rest.split_once(',').ok_or_else(wrong)?;
    let (time, value) = (parse_time("time", time).map_err(|error| error.to_string())?, number(value.trim())?);
    names.begin(name, intake, |name| match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => series(&quoted.replace("\"\"", "\"")),
        None => series(name),
    })?;
    intake.push(time, value);
    Ok(())
}

/// `up{job="a"} 1 1764000000.5 # exemplar`; times are in seconds.
fn open_metrics_line<'a>(line: &'a str, names: &mut Names<'a>, intake: &mut Intake<'_>) -> Result<(), String> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let end = series_end(line).ok_or("not `name{label=\"value\"} value time`")?;
    let (name, rest) = line.split_at(end);
    let mut fields = rest.split(" # ").next().unwrap_or("").split_whitespace();
    let value = number(fields.next().ok_or("the value is missing")?)?;
    let time = fields.next().ok_or("the time is missing; only samples with a time can be brought in")?;
    let time = parse_time("time", time).map_err(|error| error.to_string())?;
    names.begin(name, intake, series)?;
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
