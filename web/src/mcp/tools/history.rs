//! Metrics: queries, questions in plain words, and what a change did to one.

use serde_json::{Value, json};
use taskpulse_actors::view::{Experiment, SeriesEffect, seconds};
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::promql::syntax::Grid;
use taskpulse_engine::promql::{self, ABSENT, Row};

use super::super::arguments::{Argument, Arguments, Kind};
use super::super::page::Answer;
use super::{State, at, number, row};
use crate::envelope::{ApiError, blocking};
use crate::params::Params;
use crate::query::{QueryRequest, RangeRequest, place};
use crate::{ask, effect};

/// Longest query, in characters.
const MAX_QUERY: usize = 8_000;
const MAX_QUESTION: usize = 500;
/// Rows of one answer, on all its pages together: they are worked out anew for each.
const MAX_ROWS: usize = 2_000;
/// Values of a series in one row; the next ones are a row of their own.
const RUN: usize = 60;
/// Steps of a range where none is named.
const STEPS: i64 = 60;

pub(super) const QUERY: &[Argument] = &[
    Argument::new("query", Kind::Text(MAX_QUERY), "PromQL").required(),
    Argument::new("time", Kind::Time, "the moment; now where it is left out"),
    Argument::new("start", Kind::Time, "the first moment of a range"),
    Argument::new("end", Kind::Time, "the last one; now where it is left out"),
    Argument::new("step", Kind::Text(20), "from one value to the next, such as `1m`; a sixtieth of the range where it is left out"),
];

pub(super) const ASK: &[Argument] = &[
    Argument::new("question", Kind::Text(MAX_QUESTION), "the question").required(),
    Argument::new("timezone", Kind::Text(60), "the IANA name of the time zone that days are of; that of the service where it is left out"),
];

pub(super) const DID_IT_HELP: &[Argument] = &[
    Argument::new("query", Kind::Text(MAX_QUERY), "PromQL of the one series that was to change"),
    Argument::new("at", Kind::Time, "the moment of the change; needed with `query`"),
    Argument::new("control", Kind::Text(MAX_QUERY), "PromQL of a series that the change did not touch"),
    Argument::new("experiment", Kind::Text(300), "the id of an experiment, or of a recommendation that was applied"),
];

fn text_of(time: TimestampMs) -> String {
    seconds(time).to_string()
}

/// PromQL at a moment or over a range.
pub(super) async fn query(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let mut pairs = vec![("query", arguments.text("query").unwrap_or_default().to_owned())];
    let Some(start) = arguments.time("start") else {
        if ["end", "step"].iter().any(|name| arguments.time(name).is_some() || arguments.text(name).is_some()) {
            return Err(ApiError::bad_data("`end` and `step` are of a range: give its `start` too"));
        }
        let time = arguments.time("time").unwrap_or(arguments.now);
        let ask = QueryRequest::new(&Params::of_pairs(pairs), state.queries, Grid::default()).await?;
        return evaluated(&state, ask, (time, time), None).await;
    };
    if arguments.time("time").is_some() {
        return Err(ApiError::bad_data("`time` is of one moment, `start` of a range: give one of them"));
    }
    // Whole seconds: they are read by people too.
    let end = arguments.time("end").unwrap_or(arguments.now / 1_000 * 1_000);
    let usual = (end.saturating_sub(start).max(0) as u64).div_ceil(STEPS as u64 * 1_000).max(1);
    let step = arguments.text("step").map_or_else(|| usual.to_string(), str::to_owned);
    pairs.extend([("start", text_of(start)), ("end", text_of(end)), ("step", step)]);
    let RangeRequest { ask, start, end, step } = RangeRequest::new(&Params::of_pairs(pairs), state.queries).await?;
    evaluated(&state, ask, (start, end), Some(step)).await
}

async fn evaluated(
    state: &State,
    ask: QueryRequest,
    (start, end): (TimestampMs, TimestampMs),
    step: Option<i64>,
) -> Result<Answer, ApiError> {
    let _waiting = ask.waiting();
    let _place = place(&state.query_places, ask.deadline).await?;
    let store = state.store.clone();
    let (series, rows, notes) = blocking(move || {
        let params = ask.params(ask.deadline, start, end, step.unwrap_or(1));
        let (answer, notes) = promql::evaluate(&ask.query, &params, &store)?;
        let (series, rows) = rows_of(answer, start, step);
        Ok((series, rows, notes.notes))
    })
    .await?;
    let notes: Vec<String> = notes.into_iter().map(|note| note.text).take(5).collect();
    let cut = (rows.len() == MAX_ROWS)
        .then(|| format!("only the first {MAX_ROWS} rows are here; narrow the query, use topk or sum, or a longer `step`"));
    let found = Answer::new().with(if step.is_some() { "start" } else { "time" }, at(seconds(start)));
    Ok(found
        .with("end", if step.is_some() { at(seconds(end)) } else { Value::Null })
        .with("step_seconds", step.map_or(Value::Null, |ms| json!(ms as f64 / 1e3)))
        .with("series", series)
        .with("missing", rows.is_empty().then_some("no series has a value for this query then"))
        .with("cut", cut)
        .with("notes", notes)
        .rows(rows))
}

/// How many series there are, and the rows of the first ones.
fn rows_of(answer: promql::Answer, start: TimestampMs, step: Option<i64>) -> (usize, Vec<Value>) {
    match answer {
        promql::Answer::Text(text) => (0, vec![json!({"text": text})]),
        promql::Answer::Scalar(points) if step.is_none() => (1, points.iter().map(|point| json!({"value": number(point.1)})).collect()),
        promql::Answer::Scalar(points) => {
            let values: Vec<f64> = points.into_iter().map(|point| point.1).collect();
            (1, runs(&Labels::none(), &values, start, step.unwrap_or(1)))
        }
        promql::Answer::Vector(found) => {
            let one = |Row { labels, values, .. }: &Row| match step {
                None => values.first().map(|value| json!({"metric": labels, "value": number(*value)})).into_iter().collect(),
                Some(step) => runs(labels, values, start, step),
            };
            (found.len(), found.iter().flat_map(one).take(MAX_ROWS).collect())
        }
        promql::Answer::Matrix(found) => {
            let rows = found.iter().flat_map(|series| {
                let runs = series.columns.times.chunks(RUN).zip(series.columns.values.chunks(RUN));
                runs.map(|(times, values)| {
                    let samples = times.iter().zip(values).map(|(time, value)| json!([at(seconds(*time)), number(*value)]));
                    json!({"metric": series.labels, "samples": samples.collect::<Vec<_>>()})
                })
            });
            (found.len(), rows.take(MAX_ROWS).collect())
        }
    }
}

/// Values on a grid, so many a row; `null` where there is none.
fn runs(labels: &Labels, values: &[f64], start: TimestampMs, step: i64) -> Vec<Value> {
    let there = |value: &f64| value.to_bits() != ABSENT.to_bits();
    let value = |value: &f64| if there(value) { number(*value) } else { Value::Null };
    let row = |(n, run): (usize, &[f64])| {
        let from = start + (n * RUN) as i64 * step;
        json!({"metric": labels, "start": at(seconds(from)), "values": run.iter().map(value).collect::<Vec<_>>()})
    };
    values.chunks(RUN).enumerate().filter(|(_, run)| run.iter().any(there)).map(row).collect()
}

/// A question in plain words.
pub(super) async fn ask(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let answer = ask::answered(&state, arguments.text("question").unwrap_or_default(), arguments.text("timezone")).await?;
    let rows = answer.rows.iter().map(|part| {
        row([
            ("name", json!(part.name)),
            ("text", json!(part.text)),
            ("value", json!(part.value)),
            ("compared", json!(part.compared)),
            ("unit", json!(part.unit)),
            ("time", at(part.time)),
        ])
    });
    Ok(Answer::new()
        .with("answer", answer.sentence.clone())
        .with("understood_as", json!(answer.understood_as))
        .with("meaning", json!(answer.meaning.as_ref().map(|meaning| &meaning.text)))
        .with("missing", json!(answer.missing))
        .with("notes", answer.notes.clone())
        .with("query", json!(answer.query))
        .with("questions_near_it", answer.nearest.clone())
        .rows(rows))
}

/// What a change did to a series, or what experiments say.
pub(super) async fn did_it_help(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    if let Some(query) = arguments.text("query") {
        let Some(moment) = arguments.time("at") else {
            return Err(ApiError::bad_data("`at` is missing: the moment of the change"));
        };
        let mut pairs = vec![("query", query.to_owned()), ("at", text_of(moment))];
        pairs.extend(arguments.text("control").map(|control| ("control", control.to_owned())));
        return Ok(of_effect(&effect::measure(&state, &Params::of_pairs(pairs)).await?));
    }
    if arguments.time("at").is_some() || arguments.text("control").is_some() {
        return Err(ApiError::bad_data("`query` is missing: PromQL of the series that was to change"));
    }
    let experiments = state.reporter.views.experiments();
    match arguments.text("experiment") {
        None => {
            let none = experiments.is_empty().then_some("no experiment is followed; give `query` and `at`");
            Ok(Answer::new().with("count", experiments.len()).with("missing", none).rows(experiments.iter().map(of_experiment)))
        }
        Some(id) => match experiments.iter().find(|one| one.id == id || one.recommendation.as_deref() == Some(id)) {
            Some(one) => Ok(Answer::new().with("experiment", of_experiment(one))),
            None => Err(ApiError::not_found("there is no such experiment; ask without `experiment` for those that there are")),
        },
    }
}

fn of_effect(found: &SeriesEffect) -> Answer {
    Answer::new()
        .with("answer", found.sentence.clone())
        .with("direction", json!(found.direction))
        .with("before", json!(found.before.map(|side| side.mean)))
        .with("after", json!(found.after.map(|side| side.mean)))
        .with("ratio", json!(found.ratio))
        .with("difference", json!(found.difference))
        .with("missing", json!(found.missing))
}

fn of_experiment(one: &Experiment) -> Value {
    let others: Vec<&str> = one.others.iter().map(|other| other.title.as_str()).collect();
    row([
        ("id", json!(one.id)),
        ("title", json!(one.title)),
        ("recommendation", json!(one.recommendation)),
        ("state", json!(one.state)),
        ("answer", json!(one.sentence)),
        ("query", json!(one.expr)),
        ("at", at(one.at)),
        ("better", json!(one.direction)),
        ("judged_from", at(one.judged_from)),
        ("missing", json!(one.missing)),
        ("also_changed", json!(others)),
        ("final", json!(one.is_final)),
    ])
}
