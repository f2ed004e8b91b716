//! `info(v, {…})`: adds the labels of info metrics, such as `target_info`, to series of the same `job` and `instance`.
//!
//! As Prometheus 3 does (promql/info.go): series are joined by the identifying labels; where an info metric has several
//! series for one target, the one with the newest sample counts; labels that a series has already stay.

use promql_parser::parser::{Expr, VectorSelector};
use rustc_hash::FxHashMap;

use super::MatchOp;
use super::eval::{ABSENT, EvalError, Evaluator, Grid, Row, execution, is_absent, strip, unique};
use super::functions::arg;
use super::rewrite::INFO_MATCHER;
use super::selector::{Matcher, anchored_matcher, selector_matchers};
use crate::model::{Labels, NAME_LABEL};

/// Labels by which a target is known.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// The first selector of an expression: its `offset` and `@` are those of the info metrics too.
fn first_selector(expr: &Expr) -> Option<&VectorSelector> {
    match strip(expr) {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(matrix) => Some(&matrix.vs),
        Expr::Subquery(subquery) => first_selector(&subquery.expr),
        Expr::Aggregate(aggregate) => first_selector(&aggregate.expr),
        Expr::Unary(unary) => first_selector(&unary.expr),
        Expr::Binary(binary) => first_selector(&binary.lhs).or_else(|| first_selector(&binary.rhs)),
        Expr::Call(call) => call.args.args.iter().find_map(|arg| first_selector(arg)),
        _ => None,
    }
}

struct Asked {
    names: Vec<Matcher>,
    data: Vec<Matcher>,
}

fn asked(selector: Option<&Expr>) -> Result<Asked, EvalError> {
    let mut asked = Asked { names: Vec::new(), data: Vec::new() };
    if let Some(expr) = selector {
        let Expr::VectorSelector(selector) = strip(expr) else {
            return Err(EvalError::Parse("expected label selectors as the second argument to \"info\" function".to_owned()));
        };
        for matcher in selector_matchers(selector)?.into_iter().flatten().filter(|m| m.name != INFO_MATCHER) {
            let list = if matcher.name == NAME_LABEL { &mut asked.names } else { &mut asked.data };
            list.push(matcher);
        }
    }
    if asked.names.is_empty() {
        asked.names.push(Matcher::equal(NAME_LABEL, "target_info"));
    } else if asked.names.iter().all(|m| matches!(m.op, MatchOp::NotEqual(_) | MatchOp::NotMatches(_))) {
        // Only what it is not: then any info metric.
        asked.names.push(anchored_matcher(NAME_LABEL, ".+_info").map_err(|error| EvalError::Parse(error.to_string()))?);
    }
    Ok(asked)
}

fn key(labels: &Labels) -> Option<Labels> {
    let key = labels.only(&IDENTIFYING);
    (key != Labels::none()).then_some(key)
}

/// What info metrics say of a target at an instant; none where two of them disagree.
fn enrichment(infos: &[(Row, Row)], members: &[usize], at: usize, wanted: &[Matcher], base: &Labels) -> Result<Option<Labels>, EvalError> {
    // By metric the series with the newest sample.
    let mut newest: Vec<(&str, usize)> = Vec::new();
    for &m in members.iter().filter(|&&m| !is_absent(infos[m].0.values[at])) {
        let name = infos[m].0.labels.name();
        match newest.iter_mut().find(|(other, _)| *other == name) {
            None => newest.push((name, m)),
            Some((_, best)) => {
                let (there, new) = (infos[*best].1.values[at], infos[m].1.values[at]);
                if there == new {
                    return execution(format!(
                        "found duplicate series for info metric: existing {}, new {}",
                        infos[*best].0.labels, infos[m].0.labels
                    ));
                }
                if new > there {
                    *best = m;
                }
            }
        }
    }
    if newest.is_empty() {
        return Ok(None);
    }
    let mut added = Labels::none();
    for (_, m) in newest {
        for (name, value) in infos[m].0.labels.iter() {
            let takes = wanted.is_empty() || wanted.iter().any(|w| w.name == name);
            if !takes || name == NAME_LABEL || IDENTIFYING.contains(&name) || base.get(name).is_some() {
                continue;
            }
            if let Some(other) = added.get(name).filter(|other| *other != value) {
                return execution(format!("conflicting label: {name} is {other:?} and {value:?} in two info metrics of the same target"));
            }
            added = added.with(name, value);
        }
    }
    Ok(Some(added))
}

pub(super) fn call(ev: &Evaluator<'_>, args: &[Box<Expr>], grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let base = ev.rows(arg(args, 0)?, grid)?;
    let asked = asked(args.get(1).map(AsRef::as_ref))?;
    let is_info = |labels: &Labels| asked.names.iter().all(|m| m.accepts(labels.name()));
    let must: Vec<Matcher> = asked.data.iter().filter(|m| !m.accepts("")).cloned().collect();
    let matchers = [asked.names.as_slice(), must.as_slice()].concat();
    let like = first_selector(arg(args, 0)?);
    let infos = ev.newest(&[matchers], like, grid)?;
    let mut by_target: FxHashMap<Labels, Vec<usize>> = FxHashMap::default();
    for (at, (row, _)) in infos.iter().enumerate() {
        if let Some(key) = key(&row.labels) {
            by_target.entry(key).or_default().push(at);
        }
    }
    let mut out = Vec::new();
    for row in base {
        let key = key(&row.labels);
        let (Some(key), false) = (key, is_info(&row.labels)) else {
            out.push(row);
            continue;
        };
        let members = by_target.get(&key).map_or(&[][..], Vec::as_slice);
        let mut split: Vec<(Labels, Vec<f64>)> = Vec::new();
        for (at, v) in row.values.iter().enumerate().filter(|(_, v)| !is_absent(**v)) {
            let added = match enrichment(&infos, members, at, &asked.data, &row.labels)? {
                Some(added) => added,
                // No info, and labels asked for that may not be empty.
                None if !must.is_empty() => continue,
                None => Labels::none(),
            };
            let place = split.iter().position(|(labels, _)| *labels == added).unwrap_or_else(|| {
                split.push((added, vec![ABSENT; grid.count]));
                split.len() - 1
            });
            split[place].1[at] = *v;
        }
        for (added, values) in split {
            let labels = added.iter().fold(row.labels.clone(), |labels, (name, value)| labels.with(name, value));
            out.push(Row { labels, values, nameless: row.nameless });
        }
    }
    unique(out)
}
