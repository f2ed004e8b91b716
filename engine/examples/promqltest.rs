//! Runs files in Prometheus' test language over the engine: no HTTP, no retention, no limit on the order of samples.
//!
//! `cargo run --release -p taskpulse-engine --example promqltest -- FILE…` prints a line for each eval that fails (file, line,
//! what was expected, what came) and at last `N passed, N failed, N skipped`. Skipped is what meets native histograms.
//! As in Prometheus' own runner, metric names go at the end of an evaluation (its feature `promql-delayed-name-removal`).
//! The exit code is 1 when anything failed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskpulse_engine::model::{Columns, Labels, STALE_NAN_BITS, TimestampMs, format_value};
use taskpulse_engine::promql::{
    ABSENT, Answer, EvalError, Expr, Matcher, Notes, Params, QueryGrid, SeriesSink, Source, evaluate, kind_of, parse_expr_for, parse_series,
};

/// How notes of each kind begin.
const WARNING: &str = "PromQL warning:";
const INFO: &str = "PromQL info:";

/// Values that differ by less than this part are equal, as in Prometheus' own runner.
const EPSILON: f64 = 1e-6;

/// The samples of the loads so far.
#[derive(Default)]
struct Memory {
    series: BTreeMap<Vec<u8>, (Labels, BTreeMap<TimestampMs, f64>)>,
    /// Series with native histograms, which are not kept, and when they have some.
    native: Vec<(Labels, Vec<TimestampMs>)>,
    /// An evaluation met one of those.
    met_native: Cell<bool>,
}

impl Source for Memory {
    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        let accepted = |labels: &Labels| matchers.iter().any(|list| list.iter().all(|m| m.accepts(labels.get(&m.name).unwrap_or(""))));
        if self.native.iter().any(|(labels, times)| times.iter().any(|t| (start..=end).contains(t)) && accepted(labels)) {
            self.met_native.set(true);
        }
        for (labels, samples) in self.series.values() {
            if start > end || !accepted(labels) {
                continue;
            }
            let (times, values) = samples.range(start..=end).map(|(t, v)| (*t, *v)).unzip();
            sink.begin(labels)?;
            sink.piece(&Columns { times, values })?;
        }
        Ok(())
    }
}

/// One value of a series; none where it is left out.
type Point = Option<f64>;

/// What a load gives a series at one step.
enum Loaded {
    Gap,
    Float(f64),
    Native,
}

struct Mistake(String);

fn number(text: &str) -> Result<f64, Mistake> {
    let plain = text.trim_start_matches('+').replace('_', "");
    let hex = plain.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok()).map(|v| v as f64);
    match plain.to_ascii_lowercase().as_str() {
        "inf" => Ok(f64::INFINITY),
        "-inf" => Ok(f64::NEG_INFINITY),
        "nan" => Ok(f64::NAN),
        other => hex.or_else(|| other.parse().ok()).ok_or_else(|| Mistake(format!("`{text}` is not a number"))),
    }
}

/// `1 2 _ _x3 stale 1x4 0+10x5 3-1x2`
fn points(text: &str) -> Result<Vec<Point>, Mistake> {
    let mut out = Vec::new();
    for token in text.split_whitespace() {
        if let Some(count) = token.strip_prefix("_x") {
            let count: usize = count.parse().map_err(|_| Mistake(format!("`{token}`")))?;
            out.extend(std::iter::repeat_n(None, count));
        } else if token == "_" {
            out.push(None);
        } else if let Some(rest) = token.strip_prefix("stale") {
            let count = rest.strip_prefix('x').map_or(Ok(0), str::parse::<usize>).map_err(|_| Mistake(format!("`{token}`")))?;
            out.extend(std::iter::repeat_n(Some(f64::from_bits(STALE_NAN_BITS)), count + 1));
        } else if let Some((value, count)) =
            token.rsplit_once('x').filter(|(v, c)| !v.is_empty() && *v != "0" && c.bytes().all(|b| b.is_ascii_digit()))
        {
            let count: usize = count.parse().map_err(|_| Mistake(format!("`{token}`")))?;
            // The sign of a difference is the last one that does not begin the number or its exponent.
            let bytes = value.as_bytes();
            let sign =
                (1..bytes.len()).rev().find(|&at| matches!(bytes[at], b'+' | b'-') && !matches!(bytes[at - 1], b'e' | b'E' | b'+' | b'-'));
            let (first, step) = match sign {
                Some(at) => (number(&value[..at])?, number(&value[at..])?),
                None => (number(value)?, 0.0),
            };
            let mut v = first;
            for _ in 0..=count {
                out.push(Some(v));
                v += step;
            }
        } else {
            out.push(Some(number(token)?));
        }
    }
    Ok(out)
}

/// As [`points`], with native histograms in between: `0 {{count:1}} {{count:1}}+{{count:2}}x3`.
fn loaded(text: &str) -> Result<Vec<Loaded>, Mistake> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let wrong = || Mistake(format!("`{text}`: a native histogram does not end"));
        out.extend(points(&rest[..open])?.into_iter().map(|p| p.map_or(Loaded::Gap, Loaded::Float)));
        rest = &rest[open + rest[open..].find("}}").ok_or_else(wrong)? + 2..];
        if rest.starts_with(['+', '-']) {
            rest = &rest[rest.find("}}").ok_or_else(wrong)? + 2..];
        }
        let mut times = 1;
        if let Some(repeated) = rest.strip_prefix('x') {
            let digits = repeated.bytes().take_while(u8::is_ascii_digit).count();
            times += repeated[..digits].parse::<usize>().map_err(|_| wrong())?;
            rest = &repeated[digits..];
        }
        out.extend((0..times).map(|_| Loaded::Native));
    }
    out.extend(points(rest)?.into_iter().map(|p| p.map_or(Loaded::Gap, Loaded::Float)));
    Ok(out)
}

fn duration_ms(text: &str) -> Result<i64, Mistake> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1e3).round() as i64);
    }
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut total = 0i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value: i64 = rest[..digits].parse().map_err(|_| Mistake(format!("`{text}` is not a length of time")))?;
        rest = &rest[digits..];
        let unit = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        total += value
            * match &rest[..unit] {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                "w" => 7 * 86_400_000,
                "y" => 365 * 86_400_000,
                _ => return Err(Mistake(format!("`{text}` is not a length of time"))),
            };
        rest = &rest[unit..];
    }
    Ok(sign * total)
}

/// Cuts a series and its values apart: `name{a="b"} 1 2 3`.
fn cut_series(line: &str) -> (&str, &str) {
    let (mut quote, mut depth, mut escaped) = (None, 0, false);
    for (at, c) in line.char_indices() {
        match quote {
            Some(q) => {
                if escaped {
                    escaped = false;
                } else if c == '\\' && q != '`' {
                    escaped = true;
                } else if c == q {
                    quote = None;
                }
            }
            None => match c {
                '"' | '\'' | '`' => quote = Some(c),
                '{' => depth += 1,
                '}' => depth -= 1,
                c if c.is_whitespace() && depth == 0 => {
                    let rest = line[at..].trim_start();
                    // `name {a="b"}`: the braces may stand apart.
                    if !rest.starts_with('{') || rest.starts_with("{{") || line[..at].contains('{') {
                        return (&line[..at], rest);
                    }
                }
                _ => {}
            },
        }
    }
    (line, "")
}

#[derive(Default)]
struct Expected {
    series: Vec<(Labels, Vec<Point>)>,
    scalar: Option<f64>,
    text: Option<String>,
    ordered: bool,
    fail: bool,
    message: Option<String>,
    pattern: Option<String>,
    /// Warnings and infos that must come, each with a part of its text, and kinds that must not.
    notes: Vec<(&'static str, String)>,
    no_notes: Vec<&'static str>,
    native: bool,
}

struct Eval {
    line: usize,
    query: String,
    start: i64,
    end: i64,
    step: i64,
    range: bool,
    expected: Expected,
}

fn unquoted(text: &str) -> String {
    serde_json::from_str(text).unwrap_or_else(|_| text.trim_matches('"').to_owned())
}

fn expectation(eval: &mut Expected, line: &str) -> Result<(), Mistake> {
    if line.contains("{{") {
        eval.native = true;
        return Ok(());
    }
    if let Some(rest) = line.strip_prefix("expect ") {
        let (what, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        match what {
            "fail" => {
                eval.fail = true;
                eval.message = rest.trim().strip_prefix("msg:").map(|m| m.trim().to_owned());
                eval.pattern = rest.trim().strip_prefix("regex:").map(|m| m.trim().to_owned());
            }
            "ordered" => eval.ordered = true,
            "warn" | "info" => {
                let kind = if what == "warn" { WARNING } else { INFO };
                eval.notes.push((kind, rest.trim().strip_prefix("msg:").unwrap_or_default().trim().to_owned()));
            }
            "no_warn" => eval.no_notes.push(WARNING),
            "no_info" => eval.no_notes.push(INFO),
            "string" if rest.trim_start().starts_with(['"', '\'', '`']) => eval.text = Some(unquoted(rest.trim())),
            "string" => eval.text = Some(rest.to_owned()),
            _ => {}
        }
        return Ok(());
    }
    if let Some(message) = line.strip_prefix("expected_fail_message ") {
        eval.message = Some(message.trim().to_owned());
        return Ok(());
    }
    if let Some(pattern) = line.strip_prefix("expected_fail_regexp ") {
        eval.pattern = Some(pattern.trim().to_owned());
        return Ok(());
    }
    if let Ok(value) = number(line) {
        eval.scalar = Some(value);
        return Ok(());
    }
    if line.starts_with('"') {
        eval.text = Some(unquoted(line));
        return Ok(());
    }
    let (series, values) = cut_series(line);
    eval.series.push((labels_of(series)?, points(values)?));
    Ok(())
}

fn labels_of(series: &str) -> Result<Labels, Mistake> {
    parse_series(series).map_err(|error| Mistake(format!("`{series}`: {error}")))
}

fn header(line: &str, number: usize) -> Result<Eval, Mistake> {
    let (kind, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let expected = Expected { fail: kind == "eval_fail", ordered: kind == "eval_ordered", ..Expected::default() };
    let note = [("eval_warn", WARNING), ("eval_info", INFO)].into_iter().find(|(name, _)| *name == kind);
    let expected = Expected { notes: note.into_iter().map(|(_, kind)| (kind, String::new())).collect(), ..expected };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let after = |count: usize| {
        let mut rest = rest.trim_start();
        for _ in 0..count {
            rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
        }
        rest.to_owned()
    };
    match words.as_slice() {
        ["instant", "at", at, ..] => {
            let at = duration_ms(at)?;
            Ok(Eval { line: number, query: after(3), start: at, end: at, step: 1, range: false, expected })
        }
        ["instant", ..] => Ok(Eval { line: number, query: after(1), start: 0, end: 0, step: 1, range: false, expected }),
        ["range", "from", from, "to", to, "step", step, ..] => Ok(Eval {
            line: number,
            query: after(7),
            start: duration_ms(from)?,
            end: duration_ms(to)?,
            step: duration_ms(step)?,
            range: true,
            expected,
        }),
        _ => Err(Mistake(format!("`{line}` is not understood"))),
    }
}

fn near(expected: f64, came: f64) -> bool {
    if expected.to_bits() == came.to_bits() || (expected.is_nan() && came.is_nan()) || expected == came {
        return true;
    }
    let (sum, difference) = (expected.abs() + came.abs(), (expected - came).abs());
    if expected == 0.0 || came == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}

fn shown(points: &[Point]) -> String {
    points.iter().map(|p| p.map_or("_".to_owned(), format_value)).collect::<Vec<_>>().join(" ")
}

/// The rows of an answer as labels and points.
fn rows_of(answer: Answer, eval: &Eval) -> Vec<(Labels, Vec<Point>)> {
    let count = ((eval.end - eval.start) / eval.step + 1) as usize;
    let value = |v: f64| (v.to_bits() != ABSENT.to_bits()).then_some(v);
    match answer {
        Answer::Vector(rows) => rows.into_iter().map(|r| (r.labels, r.values.into_iter().map(value).collect())).collect(),
        Answer::Scalar(points) => vec![(Labels::none(), points.into_iter().map(|p| Some(p.1)).collect())],
        Answer::Matrix(runs) => runs.into_iter().map(|r| (r.labels, r.columns.values.into_iter().map(Some).collect())).collect(),
        Answer::Text(_) => vec![(Labels::none(), vec![None; count])],
    }
}

fn run(eval: &Eval, memory: &Memory) -> Result<(), String> {
    let expected = &eval.expected;
    let grid = QueryGrid { step: if eval.range { eval.step } else { 0 }, range: eval.end - eval.start };
    let outcome = parse_expr_for(&eval.query, grid).map_err(|error| error.to_string()).and_then(|expr: Expr| {
        if eval.range && !matches!(kind_of(&expr), "scalar" | "instant vector") {
            return Err(format!("invalid expression type {} for range query", kind_of(&expr)));
        }
        let params = Params {
            start: eval.start,
            end: eval.end,
            step: eval.step,
            lookback: 300_000,
            default_step: 60_000,
            delayed_names: true,
            use_windows: false,
            max_samples: 50_000_000,
            deadline: Instant::now() + Duration::from_secs(100),
            cancelled: Arc::default(),
        };
        evaluate(&expr, &params, memory).map_err(|error| error.to_string())
    });
    let (answer, notes): (Answer, Notes) = match outcome {
        Err(error) if expected.fail => {
            return match (&expected.message, &expected.pattern) {
                (Some(message), _) if !error.contains(message.as_str()) => Err(format!("expected the error `{message}`, came `{error}`")),
                (_, Some(pattern)) if regex::Regex::new(pattern).is_ok_and(|r| !r.is_match(&error)) => {
                    Err(format!("expected an error like `{pattern}`, came `{error}`"))
                }
                _ => Ok(()),
            };
        }
        Err(error) => return Err(format!("expected an answer, came the error `{error}`")),
        Ok(_) if expected.fail => return Err("expected an error, came an answer".to_owned()),
        Ok(answer) => answer,
    };
    for (kind, part) in &expected.notes {
        if !notes.warnings.iter().any(|note| note.starts_with(kind) && note.contains(part.as_str())) {
            return Err(format!("expected `{kind} {part}`, came {:?}", notes.warnings));
        }
    }
    if let Some(note) = notes.warnings.iter().find(|note| expected.no_notes.iter().any(|kind| note.starts_with(kind))) {
        return Err(format!("expected none such, came `{note}`"));
    }
    if let Answer::Text(text) = &answer {
        return if expected.text.as_ref().is_none_or(|wanted| wanted == text) {
            Ok(())
        } else {
            Err(format!("expected {:?}, came {text:?}", expected.text))
        };
    }
    if let (Some(wanted), Answer::Scalar(points), false) = (expected.scalar, &answer, eval.range) {
        let came = points.first().map_or(f64::NAN, |p| p.1);
        return if near(wanted, came) { Ok(()) } else { Err(format!("expected {}, came {}", format_value(wanted), format_value(came))) };
    }
    let came = rows_of(answer, eval);
    if expected.ordered {
        let order = |rows: &[(Labels, Vec<Point>)]| rows.iter().map(|r| r.0.clone()).collect::<Vec<_>>();
        if order(&came) != order(&expected.series) {
            return Err(format!("expected the order {:?}, came {:?}", order(&expected.series), order(&came)));
        }
    }
    for (labels, wanted) in &expected.series {
        let Some((_, points)) = came.iter().find(|row| row.0 == *labels) else {
            return Err(format!(
                "expected {} {}, came none; there are {:?}",
                labels.in_braces(),
                shown(wanted),
                came.iter().map(|r| &r.0).collect::<Vec<_>>()
            ));
        };
        let mut wanted = wanted.clone();
        if eval.range {
            wanted.resize(points.len().max(wanted.len()), None);
        }
        let equal = wanted.len() == points.len()
            && wanted.iter().zip(points).all(|pair| match pair {
                (None, None) => true,
                (Some(a), Some(b)) => near(*a, *b),
                _ => false,
            });
        if !equal {
            return Err(format!("expected {} {}, came {}", labels.in_braces(), shown(&wanted), shown(points)));
        }
    }
    match came.iter().find(|row| !expected.series.iter().any(|wanted| wanted.0 == row.0)) {
        Some((labels, points)) => Err(format!("came {} {}, which was not expected", labels.in_braces(), shown(points))),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

fn finish(file: &str, eval: Eval, memory: &Memory, counts: &mut Counts) {
    memory.met_native.set(false);
    let result = run(&eval, memory);
    if eval.expected.native || memory.met_native.get() {
        counts.skipped += 1;
        return;
    }
    match result {
        Ok(()) => counts.passed += 1,
        Err(why) => {
            counts.failed += 1;
            println!("{file}:{}: {}: {why}", eval.line, eval.query);
        }
    }
}

fn load(memory: &mut Memory, step: i64, line: &str, as_native_too: bool) -> Result<(), Mistake> {
    let (series, values) = cut_series(line);
    let labels = labels_of(series)?;
    let cells = loaded(values)?;
    let at = |n: usize| n as i64 * step;
    let times = |wanted: fn(&Loaded) -> bool| -> Vec<TimestampMs> {
        cells.iter().enumerate().filter(|(_, cell)| wanted(cell)).map(|(n, _)| at(n)).collect()
    };
    memory.native.push((labels.clone(), times(|cell| matches!(cell, Loaded::Native))));
    if let (Some(name), true) = (labels.name().strip_suffix("_bucket"), as_native_too) {
        let whole = labels.without(&["le"]).with("__name__", name);
        memory.native.push((whole, times(|cell| matches!(cell, Loaded::Float(_)))));
    }
    let known = memory.series.entry(labels.as_bytes().to_vec()).or_insert_with(|| (labels, BTreeMap::new()));
    for (n, cell) in cells.iter().enumerate() {
        if let Loaded::Float(v) = cell {
            known.1.insert(at(n), *v);
        }
    }
    Ok(())
}

fn run_file(file: &str, counts: &mut Counts) -> std::io::Result<()> {
    let text = std::fs::read_to_string(file)?;
    let mut memory = Memory::default();
    let mut loading: Option<(i64, bool)> = None;
    let mut eval: Option<Eval> = None;
    for (number, raw) in text.lines().enumerate() {
        let line = raw.trim();
        let end = |eval: &mut Option<Eval>, memory: &Memory, counts: &mut Counts| {
            if let Some(eval) = eval.take() {
                finish(file, eval, memory, counts);
            }
        };
        let mut step = || -> Result<(), Mistake> {
            if line.starts_with('#') {
                return Ok(());
            }
            if line.is_empty() {
                loading = None;
                end(&mut eval, &memory, counts);
            } else if line == "clear" {
                end(&mut eval, &memory, counts);
                memory = Memory::default();
            } else if let Some(rest) = line.strip_prefix("load_with_nhcb ").or_else(|| line.strip_prefix("load ")) {
                end(&mut eval, &memory, counts);
                loading = Some((duration_ms(rest.trim())?, line.starts_with("load_with_nhcb")));
            } else if line.starts_with("eval")
                && line
                    .split(char::is_whitespace)
                    .next()
                    .is_some_and(|w| matches!(w, "eval" | "eval_fail" | "eval_ordered" | "eval_warn" | "eval_info"))
            {
                end(&mut eval, &memory, counts);
                loading = None;
                eval = Some(header(line, number + 1)?);
            } else if let Some(eval) = &mut eval {
                expectation(&mut eval.expected, line)?;
            } else if let Some((step, as_native_too)) = loading {
                load(&mut memory, step, line, as_native_too)?;
            }
            Ok(())
        };
        if let Err(Mistake(why)) = step() {
            counts.failed += 1;
            eval = None;
            println!("{file}:{}: {line}: {why}", number + 1);
        }
    }
    if let Some(eval) = eval {
        finish(file, eval, &memory, counts);
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut counts = Counts::default();
    for file in std::env::args().skip(1) {
        if let Err(error) = run_file(&file, &mut counts) {
            counts.failed += 1;
            println!("{file}: {error}");
        }
    }
    println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    if counts.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
