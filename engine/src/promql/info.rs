//! `info(v, {…})`: adds the labels of info metrics, such as `target_info`, to series of the same `job` and `instance`.
//!
//! As Prometheus 3 does (promql/info.go): series are joined by the identifying labels; where an info metric has several
//! series for one target, the one with the newest sample counts; labels that a series has already stay.

use promql_parser::parser::{Expr, VectorSelector};
use rustc_hash::{FxHashMap, FxHashSet};

use super::eval::{EvalError, Evaluator, Grid, Row, execution, is_absent, strip, unique};
use super::functions::arg;
use super::rewrite::INFO_MATCHER;
use super::selector::selector_matchers;
use crate::model::{Labels, MatchOp, Matcher, NAME_LABEL};

/// Labels by which a target is known.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// The first selector of an expression: its `offset` and `@` are those of the info metrics too.
fn first_selector(expr: &Expr) -> Option<&VectorSelector> {
    let (mut first, mut sides) = (strip(expr), Vec::new());
    // A chain is gone along, not down.
    while let Expr::Binary(binary) = first {
        sides.push(&*binary.rhs);
        first = strip(&binary.lhs);
    }
    let found = match first {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(matrix) => Some(&matrix.vs),
        Expr::Subquery(subquery) => first_selector(&subquery.expr),
        Expr::Aggregate(aggregate) => first_selector(&aggregate.expr),
        Expr::Unary(unary) => first_selector(&unary.expr),
        Expr::Call(call) => call.args.args.iter().find_map(|arg| first_selector(arg)),
        _ => None,
    };
    found.or_else(|| sides.into_iter().rev().find_map(first_selector))
}

struct Asked {
    names: Vec<Matcher>,
    data: Vec<Matcher>,
}

fn asked(ev: &Evaluator<'_>, selector: Option<&Expr>) -> Result<Asked, EvalError> {
    let mut asked = Asked { names: Vec::new(), data: Vec::new() };
    if let Some(expr) = selector {
        let Expr::VectorSelector(selector) = strip(expr) else {
            return Err(EvalError::Parse("expected label selectors as the second argument to \"info\" function".to_owned()));
        };
        if selector.name.is_some() {
            return Err(EvalError::Parse("expected label selectors only, got vector selector instead".to_owned()));
        }
        let lists = selector_matchers(selector, &mut ev.budget()).map_err(|error| ev.refused(error))?;
        for matcher in lists.into_iter().flatten().filter(|m| m.name != INFO_MATCHER) {
            let list = if matcher.name == NAME_LABEL { &mut asked.names } else { &mut asked.data };
            list.push(matcher);
        }
    }
    if asked.names.is_empty() {
        asked.names.push(Matcher::equal(NAME_LABEL, "target_info"));
    } else if asked.names.iter().all(|m| matches!(m.op, MatchOp::NotEqual(_) | MatchOp::NotMatches(_))) {
        // Only what it is not: then any info metric.
        let any = ev.budget().pattern(".+_info").map_err(|error| ev.refused(error.into()))?;
        asked.names.push(Matcher { name: NAME_LABEL.to_owned(), op: MatchOp::Matches(any) });
    }
    Ok(asked)
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
                    let ms = (there * 1e3).round();
                    return execution(format!(
                        "found duplicate series for info metric: existing {} @ {ms}, new {} @ {ms}",
                        infos[*best].0.labels.in_braces(),
                        infos[m].0.labels.in_braces()
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
            if added.get(name).is_some_and(|other| other != value) {
                return execution(format!("conflicting label: {name}"));
            }
            added = added.with(name, value);
        }
    }
    Ok(Some(added))
}

/// Values of the identifying labels that any of the rows has; none where no row has one.
fn targets<'r>(rows: impl Iterator<Item = &'r Row>) -> FxHashMap<&'static str, FxHashSet<String>> {
    let mut found: FxHashMap<&'static str, FxHashSet<String>> = FxHashMap::default();
    for row in rows {
        for name in IDENTIFYING {
            if let Some(value) = row.labels.get(name) {
                found.entry(name).or_default().insert(value.to_owned());
            }
        }
    }
    found
}

pub(super) fn call(ev: &Evaluator<'_>, args: &[Box<Expr>], grid: &Grid) -> Result<Vec<Row>, EvalError> {
    let base = ev.rows(arg(args, 0)?, grid)?;
    let asked = asked(ev, args.get(1).map(AsRef::as_ref))?;
    let is_info = |labels: &Labels| asked.names.iter().all(|m| m.accepts(labels.name()));
    let targets = targets(base.iter().filter(|row| !is_info(&row.labels)));
    let may_be_empty = asked.data.iter().all(|m| m.accepts(""));
    let like = first_selector(arg(args, 0)?);
    let mut infos = Vec::new();
    if !targets.is_empty() {
        let mut lists = vec![[asked.names.as_slice(), asked.data.as_slice()].concat()];
        ev.resolve(&mut lists)?;
        infos = ev.newest(&lists, like, grid)?;
        infos.retain(|(row, _)| targets.iter().all(|(name, values)| row.labels.get(name).is_some_and(|v| values.contains(v))));
    }
    // Where `@` holds the only argument still, so does it all.
    let still = args.len() == 1 && like.is_some_and(|selector| selector.at.is_some());
    let mut by_target: FxHashMap<Labels, Vec<usize>> = FxHashMap::default();
    for (at, (row, _)) in infos.iter().enumerate() {
        by_target.entry(row.labels.only(&IDENTIFYING)).or_default().push(at);
    }
    let mut out = Vec::new();
    for row in base {
        if is_info(&row.labels) {
            out.push(Row { nameless: false, ..row });
            continue;
        }
        let members = by_target.get(&row.labels.only(&IDENTIFYING)).map_or(&[][..], Vec::as_slice);
        let mut split: Vec<(Labels, Vec<f64>)> = Vec::new();
        for (at, v) in row.values.iter().enumerate().filter(|(_, v)| !is_absent(**v)) {
            let added = match enrichment(&infos, members, if still { 0 } else { at }, &asked.data, &row.labels)? {
                Some(added) => added,
                None if may_be_empty => Labels::none(),
                // No info, and labels asked for that may not be empty.
                None => continue,
            };
            let place = match split.iter().position(|(labels, _)| *labels == added) {
                Some(place) => place,
                None => {
                    // Those of the row and those that are added.
                    ev.hold_labels(&row.labels)?;
                    let values = ev.empty_row(&added, grid)?;
                    split.push((added, values));
                    split.len() - 1
                }
            };
            split[place].1[at] = *v;
        }
        for (added, values) in split {
            let labels = added.iter().fold(row.labels.clone(), |labels, (name, value)| labels.with(name, value));
            // As in Prometheus a name that was to go stays.
            out.push(Row { labels, values, nameless: false });
        }
    }
    unique(out)
}
