//! The table of functions: names, signatures, implementations and documentation.
//!
//! The parser, the evaluation and the documentation use this table. To add a function, write its implementation and add a
//! row here.

use super::calendar::{self, DatePart};
use super::error::EvalError;
use super::eval::Evaluator;
use super::ranges::RangeFunction;
use super::syntax::ValueType::{Matrix, Scalar, String, Vector};
use super::syntax::{Arity, Call, Expr, Signature, ValueType};
use super::value::{Grid, Row, Value, is_absent, unique};
use super::{absent, histogram, info, labels, math, order, over_time, ranges, rates, time};

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Name and types.
    pub signature: Signature,
    /// One sentence of documentation.
    pub help: &'static str,
    /// Whether Prometheus requires a feature flag for it.
    pub experimental: bool,
    implementation: Implementation,
}

/// Evaluates a call.
type Evaluate = fn(&Evaluator<'_>, &Call, &Grid) -> Result<Value, EvalError>;

/// How a function is evaluated.
#[derive(Debug)]
enum Implementation {
    /// Maps each value of a vector by itself.
    Math(fn(f64) -> f64),
    /// Part of the date of each value, or of the instants of the query.
    Calendar(DatePart),
    /// Reduces the samples of a range to a value.
    Range(RangeFunction),
    /// Anything else.
    Other(Evaluate),
}

const fn function(
    name: &'static str,
    args: &'static [ValueType],
    returns: ValueType,
    implementation: Implementation,
    help: &'static str,
) -> Function {
    Function { signature: Signature { name, args, arity: Arity::Exact, returns }, help, experimental: false, implementation }
}

const fn math(name: &'static str, map: fn(f64) -> f64, help: &'static str) -> Function {
    function(name, &[Vector], Vector, Implementation::Math(map), help)
}

const fn calendar(name: &'static str, part: DatePart, help: &'static str) -> Function {
    function(name, &[Vector], Vector, Implementation::Calendar(part), help).arity(Arity::Last(1))
}

const fn range(name: &'static str, args: &'static [ValueType], reduce: RangeFunction, help: &'static str) -> Function {
    function(name, args, Vector, Implementation::Range(reduce), help)
}

/// Of a vector, and maybe more.
const fn vector(name: &'static str, args: &'static [ValueType], call: Evaluate, help: &'static str) -> Function {
    function(name, args, Vector, Implementation::Other(call), help)
}

const fn scalar(name: &'static str, args: &'static [ValueType], call: Evaluate, help: &'static str) -> Function {
    function(name, args, Scalar, Implementation::Other(call), help)
}

impl Function {
    const fn arity(self, arity: Arity) -> Self {
        let Signature { name, args, returns, .. } = self.signature;
        Self { signature: Signature { name, args, arity, returns }, ..self }
    }

    const fn experimental(self) -> Self {
        Self { experimental: true, ..self }
    }

    /// Looks a function up by name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FUNCTIONS.binary_search_by_key(&name, |function| function.signature.name).ok().and_then(|at| FUNCTIONS.get(at))
    }

    /// The implementation, for functions of ranges.
    pub(super) fn of_range(&self) -> Option<&RangeFunction> {
        match &self.implementation {
            Implementation::Range(function) => Some(function),
            _ => None,
        }
    }

    /// Evaluates a call of this function.
    pub(super) fn call(&self, ev: &Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
        match &self.implementation {
            Implementation::Math(f) => Ok(Value::Vector(unique(map(ev, ev.rows(arg(call, 0)?, grid)?, f))?)),
            Implementation::Calendar(part) => calendar::call(ev, part, call, grid),
            Implementation::Range(function) => ranges::call(ev, function, call, grid),
            Implementation::Other(evaluate) => evaluate(ev, call, grid),
        }
    }
}

/// Finds the signature of a function, for the parser.
pub(super) fn signature(name: &str) -> Option<&'static Signature> {
    Function::named(name).map(|function| &function.signature)
}

/// An argument without parentheses around it, so that notes have the position of Prometheus. The parser has checked how many
/// there are.
pub(super) fn arg(call: &Call, at: usize) -> Result<&Expr, EvalError> {
    call.args
        .get(at)
        .map(Expr::without_parens)
        .ok_or_else(|| EvalError::Execution(format!("argument {} of {}() is missing", at + 1, call.function.name)))
}

/// Applies a function to every value and drops the metric name.
pub(super) fn map(ev: &Evaluator<'_>, rows: Vec<Row>, f: impl Fn(f64) -> f64) -> Vec<Row> {
    map_at(ev, rows, |v, _| f(v))
}

/// As [`map`], with the index of the instant.
pub(super) fn map_at(ev: &Evaluator<'_>, rows: Vec<Row>, f: impl Fn(f64, usize) -> f64) -> Vec<Row> {
    let each = |values: Vec<f64>| values.into_iter().enumerate().map(|(at, v)| if is_absent(v) { v } else { f(v, at) }).collect();
    rows.into_iter().map(|row| ev.unnamed_row(&row.labels, each(row.values))).collect()
}

/// All functions, sorted by name.
pub const FUNCTIONS: &[Function] = &[
    math("abs", f64::abs, "The absolute value."),
    vector("absent", &[Vector], absent::absent, "1 where no series has a value, with the labels that the selector asks for."),
    vector("absent_over_time", &[Matrix], absent::absent_over_time, "1 where no series has a sample in the range."),
    math("acos", f64::acos, "The arc cosine."),
    math("acosh", f64::acosh, "The inverse hyperbolic cosine."),
    math("asin", f64::asin, "The arc sine."),
    math("asinh", f64::asinh, "The inverse hyperbolic sine."),
    math("atan", f64::atan, "The arc tangent."),
    math("atanh", f64::atanh, "The inverse hyperbolic tangent."),
    range("avg_over_time", &[Matrix], over_time::AVG, "The mean of the samples."),
    math("ceil", f64::ceil, "Rounded up to a whole number."),
    range("changes", &[Matrix], rates::CHANGES, "How often the value changed."),
    vector("clamp", &[Vector, Scalar, Scalar], math::clamp, "The value, but not less than the first number nor more than the second."),
    vector("clamp_max", &[Vector, Scalar], math::clamp_max, "The value, but not more than the number."),
    vector("clamp_min", &[Vector, Scalar], math::clamp_min, "The value, but not less than the number."),
    math("cos", f64::cos, "The cosine."),
    math("cosh", f64::cosh, "The hyperbolic cosine."),
    range("count_over_time", &[Matrix], over_time::COUNT, "How many samples there are."),
    calendar("day_of_month", calendar::day_of_month, "The day of the month in UTC, from 1."),
    calendar("day_of_week", calendar::day_of_week, "The day of the week in UTC; 0 is Sunday."),
    calendar("day_of_year", calendar::day_of_year, "The day of the year in UTC, from 1."),
    calendar("days_in_month", calendar::days_in_month, "How many days the month has."),
    math("deg", math::deg, "Degrees from radians."),
    range("delta", &[Matrix], rates::DELTA, "The difference between the ends of the range, extrapolated; for gauges."),
    range("deriv", &[Matrix], rates::DERIV, "The slope per second, by linear regression; for gauges."),
    range(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        rates::DOUBLE_EXPONENTIAL_SMOOTHING,
        "A smoothed value, with factors for level and trend.",
    )
    .experimental(),
    scalar("end", &[], time::end, "The last instant of the query.").experimental(),
    math("exp", f64::exp, "e to the power of the value."),
    range("first_over_time", &[Matrix], over_time::FIRST, "The oldest sample."),
    math("floor", f64::floor, "Rounded down to a whole number."),
    vector("histogram_avg", &[Vector], histogram::native, "The mean of a native histogram."),
    vector("histogram_count", &[Vector], histogram::native, "The number of observations of a native histogram."),
    vector("histogram_fraction", &[Scalar, Scalar, Vector], histogram::fraction, "The part of the observations between the two numbers."),
    vector("histogram_quantile", &[Scalar, Vector], histogram::quantile, "The quantile, from 0 to 1, of the buckets of a histogram."),
    vector(
        "histogram_quantiles",
        &[Vector, String, Scalar, Scalar],
        histogram::several_quantiles,
        "Several quantiles, told apart by a label.",
    )
    .arity(Arity::Last(9))
    .experimental(),
    vector("histogram_stddev", &[Vector], histogram::native, "The standard deviation of a native histogram."),
    vector("histogram_stdvar", &[Vector], histogram::native, "The variance of a native histogram."),
    vector("histogram_sum", &[Vector], histogram::native, "The sum of the observations of a native histogram."),
    range(
        "holt_winters",
        &[Matrix, Scalar, Scalar],
        rates::DOUBLE_EXPONENTIAL_SMOOTHING,
        "The former name of double_exponential_smoothing().",
    ),
    calendar("hour", calendar::hour, "The hour in UTC, from 0."),
    range("idelta", &[Matrix], rates::IDELTA, "The difference of the last two samples."),
    range("increase", &[Matrix], rates::INCREASE, "How much a counter grew, extrapolated to the whole range."),
    vector("info", &[Vector, Vector], info::call, "The series with the labels of info metrics of the same target.")
        .arity(Arity::Last(1))
        .experimental(),
    range("irate", &[Matrix], rates::IRATE, "The growth per second between the last two samples of a counter."),
    vector("label_join", &[Vector, String, String, String], labels::join, "A label with the values of others, joined by a separator.")
        .arity(Arity::Any),
    vector(
        "label_replace",
        &[Vector, String, String, String, String],
        labels::replace,
        "A label from what a pattern finds in another one.",
    ),
    range("last_over_time", &[Matrix], over_time::LAST, "The newest sample."),
    math("ln", f64::ln, "The natural logarithm."),
    math("log10", f64::log10, "The decimal logarithm."),
    math("log2", f64::log2, "The binary logarithm."),
    range("mad_over_time", &[Matrix], over_time::MAD, "The median of the distances from the median.").experimental(),
    scalar("max_of", &[Scalar, Scalar], math::max_of, "The larger of two numbers.").experimental(),
    range("max_over_time", &[Matrix], over_time::MAX, "The largest sample."),
    scalar("min_of", &[Scalar, Scalar], math::min_of, "The smaller of two numbers.").experimental(),
    range("min_over_time", &[Matrix], over_time::MIN, "The smallest sample."),
    calendar("minute", calendar::minute, "The minute of the hour in UTC, from 0."),
    calendar("month", calendar::month, "The month in UTC, from 1."),
    scalar("pi", &[], math::pi, "The number pi."),
    range("predict_linear", &[Matrix, Scalar], rates::PREDICT_LINEAR, "The value in so many seconds, by linear regression; for gauges."),
    range("present_over_time", &[Matrix], over_time::PRESENT, "1 for each series with a sample in the range."),
    range("quantile_over_time", &[Scalar, Matrix], over_time::QUANTILE, "The quantile, from 0 to 1, of the samples."),
    math("rad", math::rad, "Radians from degrees."),
    scalar("range", &[], time::range, "Seconds from the first instant of the query to the last.").experimental(),
    range("rate", &[Matrix], rates::RATE, "The growth of a counter per second, extrapolated to the whole range."),
    range("resets", &[Matrix], rates::RESETS, "How often a counter began anew."),
    vector("round", &[Vector, Scalar], math::round, "Rounded to the nearest multiple of the number, or of 1.").arity(Arity::Last(1)),
    scalar("scalar", &[Vector], math::scalar, "The value of the only series; NaN where there is not just one."),
    math("sgn", math::sgn, "1, 0 or -1: the sign."),
    math("sin", f64::sin, "The sine."),
    math("sinh", f64::sinh, "The hyperbolic sine."),
    vector("sort", &[Vector], order::sort, "By rising value; of instant queries."),
    vector("sort_by_label", &[Vector, String], order::sort_by_label, "By rising values of labels; of instant queries.")
        .arity(Arity::Any)
        .experimental(),
    vector("sort_by_label_desc", &[Vector, String], order::sort_by_label_desc, "By falling values of labels; of instant queries.")
        .arity(Arity::Any)
        .experimental(),
    vector("sort_desc", &[Vector], order::sort_desc, "By falling value; of instant queries."),
    math("sqrt", f64::sqrt, "The square root."),
    scalar("start", &[], time::start, "The first instant of the query.").experimental(),
    vector("start_timestamp", &[Vector], time::start_timestamp, "Since when a counter counts, where that is known.").experimental(),
    range("stddev_over_time", &[Matrix], over_time::STDDEV, "The standard deviation of the samples."),
    range("stdvar_over_time", &[Matrix], over_time::STDVAR, "The variance of the samples."),
    scalar("step", &[], time::step, "Seconds between two instants of the query.").experimental(),
    range("sum_over_time", &[Matrix], over_time::SUM, "The sum of the samples."),
    math("tan", f64::tan, "The tangent."),
    math("tanh", f64::tanh, "The hyperbolic tangent."),
    scalar("time", &[], time::time, "The instant, in seconds since 1970."),
    vector("timestamp", &[Vector], time::timestamp, "The time of the sample that the value is of, in seconds since 1970."),
    range("ts_of_first_over_time", &[Matrix], over_time::TS_OF_FIRST, "The time of the oldest sample.").experimental(),
    range("ts_of_last_over_time", &[Matrix], over_time::TS_OF_LAST, "The time of the newest sample.").experimental(),
    range("ts_of_max_over_time", &[Matrix], over_time::TS_OF_MAX, "The time of the last of the largest samples.").experimental(),
    range("ts_of_min_over_time", &[Matrix], over_time::TS_OF_MIN, "The time of the last of the smallest samples.").experimental(),
    vector("vector", &[Scalar], math::vector, "A series without labels that has the number."),
    calendar("year", calendar::year, "The year in UTC."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_name_and_documented() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.signature.name < b.signature.name));
        for function in FUNCTIONS {
            let Signature { name, args, arity, .. } = &function.signature;
            assert_eq!(signature(name), Some(&function.signature));
            assert!(function.help.ends_with('.') && function.help.len() > 8, "{name}");
            assert!(*arity == Arity::Exact || !args.is_empty(), "{name}");
        }
        assert_eq!(signature("nothing"), None);
        for (name, text) in [
            ("pi", "pi()"),
            ("round", "round(instant vector, [scalar])"),
            ("label_join", "label_join(instant vector, string, string, [string, ...])"),
            ("rate", "rate(range vector)"),
        ] {
            assert_eq!(signature(name).unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_documentation_lists_the_functions_of_the_table() {
        let text = include_str!("../../../docs/PROMQL.md");
        let found: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
        let wanted: Vec<std::string::String> = FUNCTIONS
            .iter()
            .map(|function| {
                let note = if function.experimental { " Experimental in Prometheus." } else { "" };
                format!("| `{}` | {}{note} |", function.signature, function.help)
            })
            .collect();
        assert_eq!(found, wanted, "docs/PROMQL.md must list:\n{}", wanted.join("\n"));
    }
}
