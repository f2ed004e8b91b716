//! `info(v, {…})`: adds the labels of info metrics, such as `target_info`, to series of the same `job` and `instance`.
//!
//! As Prometheus 3 does (promql/info.go): series are joined by the identifying labels; where an info metric has several
//! series for one target, the one with the newest sample counts; labels that a series has already stay.

use rustc_hash::{FxHashMap, FxHashSet};

use super::error::{EvalError, execution};
use super::eval::Evaluator;
use super::functions::arg;
use super::syntax::{Call, Expr, VectorSelector};
use super::value::{Grid, Row, Value, is_absent, unique};
use crate::model::{Labels, MatchOp, Matcher, NAME_LABEL};

/// Labels by which a target is known.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// Matchers of info metrics: of their names, and of the labels to add.
struct Asked {
    names: Vec<Matcher>,
    data: Vec<Matcher>,
}

impl Asked {
    fn is_info(&self, labels: &Labels) -> bool {
        self.names.iter().all(|m| m.accepts(labels.name()))
    }
}

fn asked(ev: &Evaluator<'_>, selector: Option<&Expr>) -> Result<Asked, EvalError> {
    let mut asked = Asked { names: Vec::new(), data: Vec::new() };
    if let Some(Expr::Vector(selector)) = selector {
        for matcher in ev.compile(selector)? {
            let list = if matcher.name == NAME_LABEL { &mut asked.names } else { &mut asked.data };
            list.push(matcher);
        }
    }
    if asked.names.is_empty() {
        asked.names.push(Matcher::equal(NAME_LABEL, "target_info"));
    } else if asked.names.iter().all(|m| matches!(m.op, MatchOp::NotEqual(_) | MatchOp::NotMatches(_))) {
        // Only what it is not: then any info metric.
        let any = ev.budget().pattern(".+_info");
        let any = any.map_err(|error| ev.pattern_error(error))?;
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

/// The first selector of an expression, in Prometheus' order: its `offset` and `@` apply to the info metrics too.
fn first_selector(expr: &Expr) -> Option<&VectorSelector> {
    let mut left = vec![expr];
    while let Some(next) = left.pop() {
        match next {
            Expr::Vector(selector) => return Some(selector),
            Expr::Matrix(matrix) => return Some(&matrix.selector),
            // Its parameter comes last.
            Expr::Aggregate(aggregate) => left.extend(aggregate.param.as_ref().into_iter().chain([&aggregate.expr])),
            other => left.extend(other.children().rev()),
        }
    }
    None
}

/// `info(v, {…})`
pub(super) fn call(ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    let base = ev.rows(arg(call, 0)?, grid)?;
    let asked = asked(ev, call.args.get(1).map(Expr::without_parens))?;
    let like = first_selector(arg(call, 0)?);
    // With `@` in the only argument, the info metrics are those of the first instant.
    let fixed = call.args.len() == 1 && like.is_some_and(|selector| selector.at.is_some());
    let enricher = Enricher { ev, infos: infos(ev, &asked, &base, like, grid)?, fixed, asked };
    let mut by_target: FxHashMap<Labels, Vec<usize>> = FxHashMap::default();
    for (at, (row, _)) in enricher.infos.iter().enumerate() {
        by_target.entry(row.labels.only(&IDENTIFYING)).or_default().push(at);
    }
    let mut out = Vec::new();
    for row in base {
        if enricher.asked.is_info(&row.labels) {
            out.push(Row { drops_name: false, ..row });
            continue;
        }
        let members = by_target.get(&row.labels.only(&IDENTIFYING)).map_or(&[][..], Vec::as_slice);
        enricher.enrich(&row, members, grid, &mut out)?;
    }
    Ok(Value::Vector(unique(out)?))
}

/// The info series of the targets that have rows, with values and with the times of their samples.
fn infos(
    ev: &Evaluator<'_>,
    asked: &Asked,
    base: &[Row],
    like: Option<&VectorSelector>,
    grid: &Grid,
) -> Result<Vec<(Row, Row)>, EvalError> {
    let targets = targets(base.iter().filter(|row| !asked.is_info(&row.labels)));
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let mut lists = vec![[asked.names.as_slice(), asked.data.as_slice()].concat()];
    ev.resolve(&mut lists)?;
    let mut infos = ev.newest(&lists, like, grid)?;
    infos.retain(|(row, _)| targets.iter().all(|(name, values)| row.labels.get(name).is_some_and(|v| values.contains(v))));
    Ok(infos)
}

struct Enricher<'e, 'a> {
    ev: &'e Evaluator<'a>,
    /// Info series: their values and the times of their samples.
    infos: Vec<(Row, Row)>,
    /// The info metrics of the first instant are used for all.
    fixed: bool,
    asked: Asked,
}

impl Enricher<'_, '_> {
    /// Adds labels to a row, which becomes several if they change from instant to instant.
    fn enrich(&self, row: &Row, members: &[usize], grid: &Grid, out: &mut Vec<Row>) -> Result<(), EvalError> {
        let may_be_empty = self.asked.data.iter().all(|m| m.accepts(""));
        let mut split: Vec<(Labels, Vec<f64>)> = Vec::new();
        for (at, v) in row.values.iter().enumerate().filter(|(_, v)| !is_absent(**v)) {
            let info_at = if self.fixed { 0 } else { at };
            let added = match enrichment(&self.infos, members, info_at, &self.asked.data, &row.labels)? {
                Some(added) => added,
                None if may_be_empty => Labels::none(),
                // No info, and labels are asked for that must not be empty.
                None => continue,
            };
            let place = match split.iter().position(|(labels, _)| *labels == added) {
                Some(place) => place,
                None => {
                    // Those of the row and those that are added.
                    self.ev.hold_labels(&row.labels)?;
                    let values = self.ev.empty_row(&added, grid)?;
                    split.push((added, values));
                    split.len() - 1
                }
            };
            split[place].1[at] = *v;
        }
        for (added, values) in split {
            let labels = added.iter().fold(row.labels.clone(), |labels, (name, value)| labels.with(name, value));
            // As in Prometheus a name that was to be dropped stays.
            out.push(Row { labels, values, drops_name: false });
        }
        Ok(())
    }
}
