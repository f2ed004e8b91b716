//! Names and units of query results, also where the query removed the name of the metric.

use super::lasted;
use super::subject::{filled, subject};
use crate::metrics;
use crate::model::Labels;
use crate::promql::parse_expr;
use crate::promql::syntax::{AggregateOp, Call, DurationExpr, Expr, LabelOp, VectorSelector};

/// Functions that give values of the unit of their series.
const KEEP_UNIT: [&str; 22] = [
    "abs",
    "avg_over_time",
    "ceil",
    "clamp",
    "clamp_max",
    "clamp_min",
    "delta",
    "first_over_time",
    "floor",
    "histogram_quantile",
    "increase",
    "label_join",
    "label_replace",
    "last_over_time",
    "max_over_time",
    "min_over_time",
    "predict_linear",
    "quantile_over_time",
    "round",
    "sort",
    "sort_desc",
    "sum_over_time",
];
/// Metrics with another name where a label has a certain value.
const SAID_OTHERWISE: [(&str, &str, &str, &str); 1] =
    [("github_actions_run_duration_seconds", "conclusion", "success", "Duration of a green run of {workflow} on {repo}")];
/// What a series is called of which nothing is known.
const NAMELESS: &str = "The result of the query";
/// Names of several metrics at the most.
const MOST_NAMES: usize = 2;

/// What figures are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// As a sentence begins with it.
    pub name: String,
    /// The metric whose unit they have; empty where none is known.
    pub unit_of: String,
}

/// What the figures of a series are about: by its own name, or where it has none by the query that gave it.
#[must_use]
pub fn measured(series: &Labels, expr: &str) -> Measured {
    if !series.name().is_empty() {
        return Measured { name: subject(series), unit_of: series.name().to_owned() };
    }
    let nothing =
        || Measured { name: if series.iter().next().is_none() { NAMELESS.to_owned() } else { subject(series) }, unit_of: String::new() };
    parse_expr(expr).ok().and_then(|expr| by_query(&expr, series)).unwrap_or_else(nothing)
}

/// None where the figures are of another kind than what is selected: a rate, a count, a quotient.
fn by_query(expr: &Expr, series: &Labels) -> Option<Measured> {
    if !expr.walk().all(keeps_unit) {
        return None;
    }
    let mut names: Vec<(String, &str)> = Vec::new();
    for selector in expr.selectors() {
        let (name, metric) = (name_of(selector, series)?, selector.name.as_deref()?);
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name, metric));
        }
    }
    let (first, metric) = names.first()?;
    let unit = |metric: &str| metrics::describe(metric).map(|metric| metric.unit);
    let one_unit = names.iter().all(|(_, other)| other == metric || (unit(other).is_some() && unit(other) == unit(metric)));
    let named: Vec<&str> = names.iter().take(MOST_NAMES).map(|(name, _)| name.as_str()).collect();
    let more = if names.len() > MOST_NAMES { " and others" } else { "" };
    let name = if names.len() == 1 { first.clone() } else { format!("{}{more}", named.join(", ")) };
    let within = expr.walk().find_map(rises_within).map_or_else(String::new, |range| format!(" in {range}"));
    Some(Measured { name: name + &within, unit_of: if one_unit { (*metric).to_owned() } else { String::new() } })
}

fn keeps_unit(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => KEEP_UNIT.contains(&call.function.name),
        Expr::Aggregate(aggregate) => {
            use AggregateOp::{Avg, Bottomk, Max, Min, Quantile, Sum, Topk};
            matches!(aggregate.op, Avg | Bottomk | Max | Min | Quantile | Sum | Topk)
        }
        Expr::Binary(binary) => !binary.returns_bool && (binary.op.is_set() || binary.op.is_comparison()),
        Expr::Unary(unary) => !unary.negative,
        _ => true,
    }
}

/// The subject of the series that a selector gives: its equality matchers are labels of all of them.
fn name_of(selector: &VectorSelector, series: &Labels) -> Option<String> {
    let metric = selector.name.as_deref()?;
    let said = selector.matchers.iter().filter(|matcher| matcher.op == LabelOp::Equal && !matcher.value.is_empty());
    let labels: Vec<(&str, &str)> = said.map(|matcher| (matcher.name.as_str(), matcher.value.as_str())).chain(series.iter()).collect();
    let labels = Labels::metric(metric, &labels);
    let otherwise = SAID_OTHERWISE.iter().find(|(of, label, value, _)| *of == metric && labels.get(label) == Some(value));
    Some(otherwise.map_or_else(|| subject(&labels), |(.., phrase)| filled(phrase, &labels)))
}

/// The range of an `increase` or `delta`.
fn rises_within(expr: &Expr) -> Option<String> {
    let Expr::Call(call) = expr else { return None };
    let Call { function, args, .. } = &**call;
    match args.first() {
        Some(Expr::Matrix(matrix)) if ["increase", "delta"].contains(&function.name) => {
            let DurationExpr::Literal(seconds) = &matrix.length else { return None };
            let ms = (seconds.value * 1_000.0) as i64;
            Some(if ms == 3_600_000 { "an hour".to_owned() } else { lasted(ms) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_of_a_query_is_named_by_what_it_reads_and_has_its_unit_where_the_query_keeps_it() {
        const RUN: &str = "github_actions_run_duration_seconds";
        let green = format!("avg(avg_over_time({RUN}{{repo=\"octo/app\",workflow=\"CI\",conclusion=\"success\"}}[1h]))");
        for (expr, name, unit_of) in [
            (green.as_str(), "Duration of a green run of CI on octo/app", RUN),
            (
                "sum(increase(github_actions_job_seconds_total{repo=\"o/a\",workflow=\"CI\"}[1h]))",
                "Job time of CI on o/a in an hour",
                "github_actions_job_seconds_total",
            ),
            (
                "avg(avg_over_time(github_actions_run_queue_seconds{repo=\"o/a\"}[1h]))",
                "Queue time on o/a",
                "github_actions_run_queue_seconds",
            ),
            ("avg(build_seconds{slow=\"3\"})", "Build · 3", "build_seconds"),
            (
                "max(system_pressure_ratio{resource=\"cpu\",instance=\"\"}) or max(system_cpu_load_average_1m{instance=\"\"})",
                "Processes wait for cpu, Load over 1 minute",
                "",
            ),
            (
                "sum(label_replace(sum(increase(a_cost_usd_total[1h])), \"counter\", \"0\", \"\", \"\") or label_replace(sum(increase(b_cost_usd_total[1h])), \"counter\", \"1\", \"\", \"\"))",
                "A cost usd, B cost usd in an hour",
                "",
            ),
            ("sum(rate(x_seconds_total[5m]))", NAMELESS, ""),
            ("count(x_seconds)", NAMELESS, ""),
            ("a_bytes / b_bytes", NAMELESS, ""),
            ("1", NAMELESS, ""),
            ("no query (", NAMELESS, ""),
        ] {
            let found = measured(&Labels::none(), expr);
            assert_eq!((found.name.as_str(), found.unit_of.as_str()), (name, unit_of), "{expr}");
        }
        let found = measured(&Labels::metric("a_bytes", &[("unit", "x")]), "rate(b[5m])");
        assert_eq!((found.name.as_str(), found.unit_of.as_str()), ("A · x", "a_bytes"));
    }
}
