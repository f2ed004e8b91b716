//! Metric queries: PromQL whose leaves are range aggregations over lines.
//!
//! Each aggregation such as `rate({app="web"} |= "error" [5m])` is parsed here and replaced by a short name of as many bytes, so that what
//! PromQL's parser says of the rest has the positions of the query. What PromQL has and LogQL has not is refused by name.

use std::ops::Range;

use super::error::LogqlError;
use super::range::RangeAggregation;
use super::range_op::RangeOp;
use super::scan::{Parsed, Scanner, string_end};
use super::{Bounds, MAX_RANGES, Read, range};
use crate::logs::Source;
use crate::logs::record::TimeNs;
use crate::model::{Columns, Labels, MatchOp, Matcher, TimestampMs};
use crate::promql::syntax::{AggregateOp, BinaryOp, Expr, Grid, Grouping, ParseError, TextRange, ValueType};
use crate::promql::{self, ABSENT, Answer, EvalError, Notes, QueryError, SeriesSink};

/// Functions over vectors.
const FUNCTIONS: [&str; 4] = ["label_replace", "vector", "sort", "sort_desc"];
/// Range aggregations of LogQL that are not answered.
const REFUSED: [&str; 3] = ["rate_counter", "approx_topk", "variants"];
/// Nanoseconds of a millisecond.
const MS: i64 = 1_000_000;

/// A query for values at instants.
#[derive(Debug)]
pub struct MetricQuery {
    /// The text, with names in the places of range aggregations.
    promql: promql::Query,
    ranges: Vec<RangeAggregation>,
}

/// At which instants a query is evaluated.
#[derive(Debug, Clone, Copy)]
pub struct MetricRequest {
    /// The first instant.
    pub start: TimeNs,
    /// The last instant; equal to `start` for an only one.
    pub end: TimeNs,
    /// Between instants, ms; at least 1.
    pub step_ms: i64,
    /// The present time, ms.
    pub now: TimestampMs,
}

impl MetricRequest {
    /// How many instants there are.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::try_from(self.end.saturating_sub(self.start) / self.step_ms.max(1).saturating_mul(MS) + 1).unwrap_or(0)
    }

    /// The instants, ms.
    pub fn times(self) -> impl Iterator<Item = TimestampMs> {
        (0..self.count()).map(move |at| self.start.div_euclid(MS) + at as i64 * self.step_ms)
    }
}

/// The name in the place of a range aggregation.
fn name_of(number: usize) -> String {
    format!("r{number}")
}

impl MetricQuery {
    /// Parses a query; `grid` says at which instants it is evaluated.
    pub(super) fn parse(text: &str, grid: Grid) -> Result<Self, EvalError> {
        let (masked, mut ranges) = masked(text)?;
        let promql = promql::Query::parse(&masked, grid).map_err(|error| named(error, &ranges))?;
        check(text, &promql.expr, &ranges)?;
        share(&promql.expr, &mut ranges);
        Ok(Self { promql, ranges })
    }

    /// Its range aggregations.
    pub(super) fn ranges(&self) -> &[RangeAggregation] {
        &self.ranges
    }

    /// What is made of its range aggregations.
    pub(crate) fn expr(&self) -> &Expr {
        &self.promql.expr
    }

    /// The same, to be changed.
    pub(crate) fn expr_mut(&mut self) -> &mut Expr {
        &mut self.promql.expr
    }

    /// How long before an instant the oldest line is that counts, ms.
    #[must_use]
    pub fn reach(&self) -> i64 {
        self.ranges.iter().map(|range| range.range_ms.saturating_add(range.offset_ms)).max().unwrap_or(0)
    }
}

/// An error of the rest of a query, without the names in it.
fn named(error: QueryError, ranges: &[RangeAggregation]) -> EvalError {
    match error {
        QueryError::Parse(mut error) => {
            for number in (0..ranges.len()).rev() {
                error.message = error.message.replace(&format!("\"{}\"", name_of(number)), "range aggregation");
            }
            EvalError::Parse(error)
        }
        other => other.into(),
    }
}

/// The text with names in the places of its range aggregations.
fn masked(text: &str) -> Parsed<(String, Vec<RangeAggregation>)> {
    let mut scanner = Scanner::new(text)?;
    let (mut masked, mut ranges) = (String::with_capacity(text.len()), Vec::new());
    loop {
        let start = scanner.pos;
        scanner.blanks();
        masked.push_str(&text[start..scanner.pos]);
        let start = scanner.pos;
        let Some(first) = scanner.rest().chars().next() else { return Ok((masked, ranges)) };
        let word = scanner.peek_word();
        let quantity = if first == '-' || first == '+' { "" } else { scanner.peek_quantity() };
        if !word.is_empty() {
            scanner.pos += word.len();
            if followed_by(&mut scanner, '(') {
                if let Some(op) = RangeOp::named(word) {
                    ranges.push(scanner.range_aggregation(start, op)?);
                    put_name(&mut masked, &text[start..scanner.pos], ranges.len() - 1);
                    if ranges.len() > MAX_RANGES {
                        return scanner.error(start, format!("a query has at most {MAX_RANGES} range aggregations"));
                    }
                    continue;
                }
                if REFUSED.contains(&word) {
                    return scanner.error(start, format!("{word}() is not supported"));
                }
            }
        } else if !quantity.is_empty() {
            scanner.pos += quantity.len();
        } else {
            match first {
                '"' | '\'' | '`' => scanner.pos += string_end(scanner.rest()).unwrap_or(scanner.rest().len()),
                '{' => {
                    return scanner.error(
                        start,
                        "streams are no values; put the selector into a function, such as count_over_time({app=\"web\"}[5m])",
                    );
                }
                '[' => {
                    return scanner
                        .error(start, "a range belongs behind the selector within a range aggregation, such as rate({app=\"web\"}[5m])");
                }
                other => scanner.pos += other.len_utf8(),
            }
        }
        masked.push_str(&text[start..scanner.pos]);
    }
}

fn followed_by(scanner: &mut Scanner<'_>, wanted: char) -> bool {
    let pos = scanner.pos;
    scanner.blanks();
    let found = scanner.rest().starts_with(wanted);
    scanner.pos = pos;
    found
}

/// Writes a name and as many blanks as the text is longer; lines stay lines.
fn put_name(masked: &mut String, text: &str, number: usize) {
    let name = name_of(number);
    masked.push_str(&name);
    masked.extend(text.bytes().skip(name.len()).map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

/// Refuses what LogQL has not.
fn check(text: &str, expr: &Expr, ranges: &[RangeAggregation]) -> Parsed<()> {
    let refuse = |range: TextRange, message: String| Err(ParseError::new(text, range, message));
    if !matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
        return refuse(expr.range(), format!("a {} is no value of a query", expr.value_type().documented()));
    }
    for expr in expr.walk() {
        match expr {
            Expr::Vector(selector) => {
                let is_range = ranges.iter().any(|range| range.at == selector.range.start);
                if !is_range {
                    let name = selector.name.as_deref().unwrap_or("{…}");
                    return refuse(
                        selector.range,
                        format!("`{name}` would be a metric of PromQL; lines are counted by functions such as rate({{app=\"web\"}}[5m])"),
                    );
                }
                if selector.offset.is_some() || selector.at.is_some() || selector.extended.is_some() || !selector.matchers.is_empty() {
                    return refuse(
                        selector.range,
                        "`offset` stands behind the range: rate({app=\"web\"}[5m] offset 1h); `@` is not supported".to_owned(),
                    );
                }
            }
            Expr::Matrix(_) | Expr::Subquery(_) => return refuse(expr.range(), "subqueries are not supported".to_owned()),
            Expr::Call(call) if !FUNCTIONS.contains(&call.function.name) => {
                return refuse(call.range, format!("{}() is not supported over lines", call.function.name));
            }
            Expr::Aggregate(aggregate) if !is_known(aggregate.op) => {
                return refuse(aggregate.range, format!("{}() is not supported over lines", aggregate.op.symbol()));
            }
            Expr::Binary(binary) => {
                let fills = binary.matching.as_ref().is_some_and(|matching| matching.fill_left.is_some() || matching.fill_right.is_some());
                if fills || matches!(binary.op, BinaryOp::Atan2 | BinaryOp::TrimUpper | BinaryOp::TrimLower) {
                    let what = if fills { "`fill`" } else { binary.op.symbol() };
                    return refuse(binary.range, format!("{what} is not supported over lines"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_known(op: AggregateOp) -> bool {
    use AggregateOp as Op;
    matches!(op, Op::Sum | Op::Avg | Op::Count | Op::Min | Op::Max | Op::Stddev | Op::Stdvar | Op::Topk | Op::Bottomk)
}

/// Lets ranges make the series of the aggregation right around them at once, where that comes to the same: sums of what is added up anyway,
/// the largest of the largest. So lines need not become series first, one for each value of each label.
fn share(expr: &Expr, ranges: &mut [RangeAggregation]) {
    for expr in expr.walk() {
        let Expr::Aggregate(aggregate) = expr else { continue };
        let Expr::Vector(selector) = aggregate.expr.without_parens() else { continue };
        if let Some(range) = ranges.iter_mut().find(|range| range.at == selector.range.start && range.grouping.is_none())
            && range.op.is_shared_by(aggregate.op)
            && !names_unwrapped(range, &aggregate.grouping)
        {
            range.grouping = Some(aggregate.grouping.clone());
        }
    }
}

/// Whether a grouping names the label that values are taken from, which the series of the range have not.
fn names_unwrapped(range: &RangeAggregation, grouping: &Grouping) -> bool {
    let (Grouping::By(names) | Grouping::Without(names)) = grouping;
    range.unwrap.as_ref().is_some_and(|unwrap| names.contains(&unwrap.name))
}

impl Scanner<'_> {
    /// Takes the `({…} … [5m]) by (…)` of a range aggregation.
    fn range_aggregation(&mut self, start: usize, op: RangeOp) -> Parsed<RangeAggregation> {
        self.need("(")?;
        let mut parameter = f64::NAN;
        if op == RangeOp::Quantile {
            let text = self.peek_quantity();
            let Ok(q) = text.parse() else { return self.expected("a quantile such as 0.95") };
            (self.pos, parameter) = (self.pos + text.len(), q);
            self.need(",")?;
        }
        let mut parens = 0;
        while self.take("(") {
            parens += 1;
        }
        let mut lines = self.line_query()?;
        let (mut unwrap, mut length, mut offset) = (None, None, None);
        loop {
            if unwrap.is_none() && self.at_unwrap() {
                unwrap = Some(self.unwrap()?);
            } else if length.is_none() && self.take("[") {
                length = Some(self.duration()?);
                self.need("]")?;
            } else if length.is_some() && offset.is_none() && self.take_word("offset") {
                offset = Some(self.duration()?);
            } else if parens > 0 && self.take(")") {
                parens -= 1;
            } else if length.is_some()
                && unwrap.is_none()
                && let Some(stage) = self.stage()?
            {
                lines.stages.push(stage);
                self.count_stages(&lines.stages)?;
            } else {
                break;
            }
        }
        let Some(range_ms) = length.filter(|ms| *ms > 0) else { return self.expected("a range such as [5m]") };
        for _ in 0..=parens {
            self.need(")")?;
        }
        let grouping = if self.take_word("by") {
            Some(Grouping::By(self.names()?))
        } else if self.take_word("without") {
            Some(Grouping::Without(self.names()?))
        } else {
            None
        };
        op.check(unwrap.is_some(), grouping.is_some()).or_else(|why| self.error(start, why))?;
        Ok(RangeAggregation { at: start, op, parameter, lines, unwrap, range_ms, offset_ms: offset.unwrap_or(0), grouping })
    }

    fn unwrap(&mut self) -> Parsed<range::Unwrap> {
        self.need("|")?;
        self.take_word("unwrap");
        let start = self.pos;
        let name = self.name()?;
        let (name, unit) = if self.take("(") {
            let unit = match name.as_str() {
                "bytes" => range::Unit::Bytes,
                "duration" | "duration_seconds" => range::Unit::Seconds,
                _ => return self.error(start, format!("{name}() converts nothing; bytes(), duration() and duration_seconds() do")),
            };
            let name = self.name()?;
            self.need(")")?;
            (name, unit)
        } else {
            (name, range::Unit::Number)
        };
        let mut filters = Vec::new();
        loop {
            self.blanks();
            let start = self.pos;
            match self.stage()? {
                None => return Ok(range::Unwrap { name, unit, filters }),
                Some(super::stages::Stage::Labels(filter)) => filters.push(filter),
                Some(_) => return self.error(start, "only comparisons of labels may follow | unwrap"),
            }
            self.at_most(filters.len())?;
        }
    }
}

/// What range aggregations come to, as a source of samples: each at the instants themselves.
struct Rows {
    times: Range<TimestampMs>,
    step: i64,
    rows: Vec<Vec<(Labels, Vec<f64>)>>,
}

impl promql::Source for Rows {
    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        let is_named = |number: usize, matcher: &Matcher| matches!(&matcher.op, MatchOp::Equal(name) if *name == name_of(number));
        let wanted = matchers.iter().flatten().next();
        let Some(rows) = wanted.and_then(|matcher| (0..self.rows.len()).find(|number| is_named(*number, matcher))) else { return Ok(()) };
        for (labels, values) in &self.rows[rows] {
            let mut columns = Columns::default();
            for (at, v) in values.iter().enumerate().filter(|(_, v)| v.to_bits() != ABSENT.to_bits()) {
                let t = self.times.start + at as i64 * self.step;
                if (start..=end).contains(&t) {
                    columns.times.push(t);
                    columns.values.push(*v);
                }
            }
            sink.begin(labels)?;
            sink.piece(&columns)?;
        }
        Ok(())
    }
}

/// The values of a query at instants.
///
/// # Errors
/// [`LogqlError`]
pub fn metric(
    query: &MetricQuery,
    request: &MetricRequest,
    bounds: &Bounds,
    source: &dyn Source,
) -> Result<(Answer, Notes, Read), LogqlError> {
    bounds.check()?;
    let mut read = Read::default();
    let mut rows = Vec::with_capacity(query.ranges.len());
    for range in &query.ranges {
        rows.push(range::evaluate(range, request, bounds, source, &mut read)?);
    }
    let start = request.start.div_euclid(MS);
    let end = start + (request.count().max(1) as i64 - 1) * request.step_ms;
    let params = promql::Params {
        start,
        end,
        step: request.step_ms,
        // Each instant has a value of its own, or none.
        lookback: 1,
        default_step: request.step_ms,
        delayed_names: false,
        use_windows: false,
        max_samples: usize::MAX,
        max_bytes: bounds.max_bytes,
        deadline: bounds.deadline,
        cancelled: bounds.cancelled.clone(),
    };
    let rows = Rows { times: start..end, step: request.step_ms, rows };
    let (answer, notes) = promql::evaluate(&query.promql, &params, &rows)?;
    Ok((answer, notes, read))
}
