//! Runs files in Prometheus' test language over the engine: no HTTP, no retention, no limit on the order of samples.
//!
//! `cargo run --release -p taskpulse-engine --example promqltest -- FILE…` prints a line for each eval that fails (file, line,
//! what was expected, what came) and at last `N passed, N failed, N skipped`. Skipped is what meets native histograms.
//! As in Prometheus' own runner, metric names go at the end of an evaluation (its feature `promql-delayed-name-removal`), and
//! an instant query has to give the same in the middle of a range query, and at other instants when `@` holds all of it. The
//! exit code is 1 when anything failed.

mod held;
mod language;
mod series;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskpulse_engine::model::{Columns, Labels, Matcher, TimestampMs, format_value};
use taskpulse_engine::promql::syntax::{Grid, ValueType};
use taskpulse_engine::promql::{ABSENT, Answer, EvalError, Note, Notes, Params, Query, SeriesSink, Source, evaluate};

use language::{Command, Eval, Expected, Mistake, Wanted, commands};
use series::Point;

/// How notes of each kind begin.
const WARNING: &str = "PromQL warning:";
const INFO: &str = "PromQL info:";

/// Values that differ by less than this part are equal, as in Prometheus' own runner.
const EPSILON: f64 = 1e-6;

const MINUTE_MS: i64 = 60_000;

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

impl Memory {
    fn load(&mut self, step: i64, as_native_too: bool, series: Vec<(Labels, Vec<Point>)>) {
        for (labels, points) in series {
            let times = |wanted: fn(&Point) -> bool| -> Vec<TimestampMs> {
                points.iter().enumerate().filter(|(_, point)| wanted(point)).map(|(n, _)| n as i64 * step).collect()
            };
            self.native.push((labels.clone(), times(|point| *point == Point::Native)));
            let whole = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| labels.name().strip_suffix(suffix));
            if let (Some(name), true) = (whole, as_native_too) {
                let whole = labels.without(&["le"]).with("__name__", name);
                self.native.push((whole, times(|point| matches!(point, Point::Float(_)))));
            }
            let known = self.series.entry(labels.as_bytes().to_vec()).or_insert_with(|| (labels, BTreeMap::new()));
            for (n, point) in points.iter().enumerate() {
                if let Point::Float(v) = point {
                    known.1.insert(n as i64 * step, *v);
                }
            }
        }
    }
}

/// First instant, last instant, step.
type Instants = (TimestampMs, TimestampMs, i64);

fn parsed(query: &str, (start, end, step): Instants, range: bool) -> Result<Query, String> {
    let grid = Grid { step: if range { step } else { 0 }, range: end - start };
    Query::parse(query, grid).map_err(|error| error.to_string())
}

/// Asks the engine; errors as text.
fn ask(query: &Query, (start, end, step): Instants, range: bool, memory: &Memory) -> Result<(Answer, Notes), String> {
    let kind = query.expr.value_type();
    if range && !matches!(kind, ValueType::Scalar | ValueType::Vector) {
        return Err(format!("invalid expression type \"{}\" for range query, must be Scalar or instant Vector", kind.documented()));
    }
    let params = Params {
        start,
        end,
        step,
        lookback: 300_000,
        default_step: MINUTE_MS,
        delayed_names: true,
        use_windows: false,
        max_samples: 50_000_000,
        max_bytes: 256 << 20,
        deadline: Instant::now() + Duration::from_secs(100),
        cancelled: Arc::default(),
    };
    evaluate(query, &params, memory).map_err(|error| error.to_string())
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

/// Whether a note is as wanted, with or without its position.
fn accepts(wanted: &Wanted, note: &Note) -> bool {
    let with_position = note.position.map(|position| format!("{} ({position})", note.text));
    wanted.accepts(&note.text) || with_position.is_some_and(|text| wanted.accepts(&text))
}

fn check_notes(expected: &Expected, notes: &Notes) -> Result<(), String> {
    for (kind, wanted, none) in [(WARNING, &expected.warnings, expected.no_warnings), (INFO, &expected.infos, expected.no_infos)] {
        let came: Vec<&Note> = notes.notes.iter().filter(|note| note.text.starts_with(kind)).collect();
        if none && !came.is_empty() {
            return Err(format!("expected no such note, came {came:?}"));
        }
        if let Some(missing) = wanted.iter().find(|wanted| !came.iter().any(|note| accepts(wanted, note))) {
            return Err(format!("expected a note beginning with `{kind}` ({missing:?}), came {:?}", notes.notes));
        }
        if let Some(other) = came.iter().find(|note| !wanted.is_empty() && !wanted.iter().any(|wanted| accepts(wanted, note))) {
            return Err(format!("`{}` was not expected", other.text));
        }
    }
    Ok(())
}

/// The series of an answer with the times of their values; a scalar has no labels.
type Rows = Vec<(Labels, Vec<(TimestampMs, f64)>)>;

fn rows_of(answer: Answer, start: TimestampMs, step: i64) -> Rows {
    let timed = |values: Vec<f64>| {
        let there = values.into_iter().enumerate().filter(|(_, v)| v.to_bits() != ABSENT.to_bits());
        there.map(|(n, v)| (start + n as i64 * step, v)).collect()
    };
    match answer {
        Answer::Vector(rows) => rows.into_iter().map(|row| (row.labels, timed(row.values))).collect(),
        Answer::Scalar(points) => vec![(Labels::none(), points)],
        Answer::Matrix(runs) => runs.into_iter().map(|run| (run.labels, run.columns.iter().map(|s| (s.t, s.v)).collect())).collect(),
        Answer::Text(_) => Vec::new(),
    }
}

fn shown(points: &[(TimestampMs, f64)]) -> String {
    points.iter().map(|(t, v)| format!("{}@{}", format_value(*v), *t as f64 / 1e3)).collect::<Vec<_>>().join(" ")
}

fn check_rows(expected: &Expected, came: &Rows, (start, end, step): Instants) -> Result<(), String> {
    if expected.scalar.is_some() {
        return Err(format!("expected a scalar, came the series {:?}", came.iter().map(|row| &row.0).collect::<Vec<_>>()));
    }
    for (place, (labels, points)) in expected.series.iter().enumerate() {
        let wanted: Vec<(TimestampMs, f64)> = points
            .iter()
            .enumerate()
            .filter_map(|(n, point)| match point {
                Point::Float(v) => Some((start + n as i64 * step, *v)),
                Point::Gap | Point::Native => None,
            })
            .collect();
        if points.len() as i64 > (end - start) / step + 1 {
            return Err(format!("expected {} points for {}, more than there are instants", points.len(), labels.in_braces()));
        }
        let Some(at) = came.iter().position(|row| row.0 == *labels) else {
            return Err(format!(
                "expected {} {}, came none; there are {:?}",
                labels.in_braces(),
                shown(&wanted),
                came.iter().map(|row| &row.0).collect::<Vec<_>>()
            ));
        };
        let points = &came[at].1;
        let equal = wanted.len() == points.len() && wanted.iter().zip(points).all(|(a, b)| a.0 == b.0 && near(a.1, b.1));
        if !equal {
            return Err(format!("expected {} {}, came {}", labels.in_braces(), shown(&wanted), shown(points)));
        }
        if expected.ordered && at != place {
            return Err(format!("expected {} at place {place}, came at {at}", labels.in_braces()));
        }
    }
    match came.iter().find(|row| !expected.series.iter().any(|wanted| wanted.0 == row.0)) {
        Some((labels, points)) => Err(format!("came {} {}, which was not expected", labels.in_braces(), shown(points))),
        None => Ok(()),
    }
}

fn check_scalar(expected: &Expected, came: f64) -> Result<(), String> {
    match expected.scalar {
        Some(wanted) if near(wanted, came) => Ok(()),
        Some(wanted) => Err(format!("expected {}, came {}", format_value(wanted), format_value(came))),
        None => Err(format!("expected series, came the scalar {}", format_value(came))),
    }
}

/// Calls that mean the instants of the whole query, and differ with those.
const OF_THE_QUERY: [&str; 4] = ["start()", "end()", "range()", "step()"];

fn run(eval: &Eval, memory: &Memory) -> Result<(), String> {
    let grid = (eval.start, eval.end, eval.step);
    let query = parsed(&eval.query, grid, eval.range);
    check(eval, query.as_ref().map_err(Clone::clone), grid, memory)?;
    let of_the_query = eval.range || OF_THE_QUERY.iter().any(|call| eval.query.contains(call));
    let (Ok(mut held), false) = (query, of_the_query) else { return Ok(()) };
    if !held::hold(&mut held.expr, eval.start) {
        return Ok(());
    }
    let ms = eval.start;
    let others = if ms == 0 { vec![-1_000, 0, 1_000] } else { vec![-10 * ms, 0, ms / 5, ms, 10 * ms] };
    others.into_iter().try_for_each(|at| {
        let asked = format!("held at {} s, asked at {} s", ms as f64 / 1e3, at as f64 / 1e3);
        check(eval, Ok(&held), (at, at, 1), memory).map_err(|why| format!("{why} ({asked})"))
    })
}

/// Asks at some instants, and compares with what is expected.
fn check(eval: &Eval, query: Result<&Query, String>, grid: Instants, memory: &Memory) -> Result<(), String> {
    let expected = &eval.expected;
    let outcome = query.and_then(|query| Ok((query, ask(query, grid, eval.range, memory)?)));
    let (query, (answer, notes)) = match (outcome, &expected.fail) {
        (Err(error), Some(wanted)) if wanted.accepts(&error) => return Ok(()),
        (Err(error), Some(wanted)) => return Err(format!("expected the error {wanted:?}, came `{error}`")),
        (Err(error), None) => return Err(format!("expected an answer, came the error `{error}`")),
        (Ok(_), Some(_)) => return Err("expected an error, came an answer".to_owned()),
        (Ok(answer), None) => answer,
    };
    check_notes(expected, &notes)?;
    match answer {
        Answer::Text(text) if text == expected.text => return Ok(()),
        Answer::Text(text) => return Err(format!("expected {:?}, came {text:?}", expected.text)),
        Answer::Scalar(points) if !eval.range => check_scalar(expected, points.first().map_or(f64::NAN, |p| p.1))?,
        answer => check_rows(expected, &rows_of(answer, grid.0, grid.2), expected.instants.unwrap_or(grid))?,
    }
    let of_the_query = OF_THE_QUERY.iter().any(|call| eval.query.contains(call));
    if eval.range || of_the_query || expected.instants.is_some() || expected.is_text || expected.ordered {
        return Ok(());
    }
    in_the_middle(eval, query, grid.0, memory).map_err(|why| format!("{why} (in the middle of a range query)"))
}

/// An instant query gives the same as a range query at that instant.
fn in_the_middle(eval: &Eval, query: &Query, at: TimestampMs, memory: &Memory) -> Result<(), String> {
    let grid = (at - MINUTE_MS, at + MINUTE_MS, MINUTE_MS);
    let (answer, _) = ask(query, grid, true, memory)?;
    if let Answer::Scalar(points) = &answer {
        return check_scalar(&eval.expected, points.get(1).map_or(f64::NAN, |p| p.1));
    }
    let mut rows = rows_of(answer, grid.0, grid.2);
    rows.iter_mut().for_each(|row| row.1.retain(|(t, _)| *t == at));
    rows.retain(|row| !row.1.is_empty());
    check_rows(&eval.expected, &rows, (at, at, 1))
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Whether an eval is of native histograms: by what it expects, by what it met, or by operators that are of them alone.
fn is_native(eval: &Eval, memory: &Memory) -> bool {
    let expects = eval.expected.series.iter().any(|(_, points)| points.contains(&Point::Native));
    expects || memory.met_native.get() || eval.query.contains("</") || eval.query.contains(">/")
}

fn run_file(file: &str, counts: &mut Counts) -> std::io::Result<()> {
    let text = std::fs::read_to_string(file)?;
    let mut memory = Memory::default();
    for (line, command) in commands(&text) {
        match command {
            Ok(Command::Clear) => memory = Memory::default(),
            Ok(Command::Load { step, as_native_too, series }) => memory.load(step, as_native_too, series),
            Ok(Command::Eval(eval)) => {
                memory.met_native.set(false);
                let result = run(&eval, &memory);
                if is_native(&eval, &memory) {
                    counts.skipped += 1;
                } else if let Err(why) = result {
                    counts.failed += 1;
                    println!("{file}:{}: {}: {why}", eval.line, eval.query);
                } else {
                    counts.passed += 1;
                }
            }
            Err(Mistake(why)) => {
                counts.failed += 1;
                println!("{file}:{line}: {why}");
            }
        }
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
