//! The table of functions, for parsing, evaluation, completion and documentation.

use self::Kind::{Calendar, Grid, Histogram, Label, Math, Order, Range, Rate, Vector as Each};
use self::ValueType::{Matrix, Scalar, String, Vector};

/// The type of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number per step.
    Scalar,
    /// Series with one value per step.
    Vector,
    /// Series with a range of samples per step.
    Matrix,
    /// A string.
    String,
}

impl ValueType {
    /// Name in the HTTP API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
            Self::String => "string",
        }
    }

    /// Name in documentation and errors.
    #[must_use]
    pub fn documented(self) -> &'static str {
        match self {
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            other => other.name(),
        }
    }
}

/// How many arguments a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// One per type.
    Exact,
    /// The last is optional and may be repeated up to this many times.
    Last(usize),
    /// The last is optional and may be repeated without limit.
    Any,
}

/// Groups of functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Maps each value by itself.
    Math,
    /// Part of a date.
    Calendar,
    /// Change over a range; takes `anchored` ranges and mostly `smoothed` ones.
    Rate,
    /// Reduces a range to a value.
    Range,
    /// Works on histograms.
    Histogram,
    /// Changes labels.
    Label,
    /// Changes the order of series.
    Order,
    /// Depends on the evaluated instants only.
    Grid,
    /// Any other function of vectors or scalars.
    Vector,
}

/// A function.
#[derive(Debug)]
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// One sentence of documentation.
    pub help: &'static str,
    /// Its group.
    pub kind: Kind,
    /// Argument types.
    pub args: &'static [ValueType],
    /// Number of arguments.
    pub arity: Arity,
    /// The type of the value.
    pub returns: ValueType,
    /// Whether Prometheus requires a feature flag for it.
    pub experimental: bool,
}

/// Compares names, which are unique.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

const fn function(name: &'static str, kind: Kind, args: &'static [ValueType], returns: ValueType, help: &'static str) -> Function {
    Function { name, help, kind, args, arity: Arity::Exact, returns, experimental: false }
}

impl Function {
    const fn arity(self, arity: Arity) -> Self {
        Self { arity, ..self }
    }

    const fn experimental(self) -> Self {
        Self { experimental: true, ..self }
    }

    /// Looks a function up by name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FUNCTIONS.binary_search_by_key(&name, |function| function.name).ok().and_then(|at| FUNCTIONS.get(at))
    }

    /// The type of an argument; none beyond the last.
    #[must_use]
    pub fn arg_type(&self, at: usize) -> Option<ValueType> {
        match self.arity {
            Arity::Exact => self.args.get(at),
            _ => self.args.get(at).or_else(|| self.args.last()),
        }
        .copied()
    }

    /// The signature for documentation: `round(instant vector, [scalar])`.
    #[must_use]
    pub fn signature(&self) -> std::string::String {
        let last = self.args.len().wrapping_sub(1);
        let args = self.args.iter().enumerate().map(|(at, arg)| match self.arity {
            Arity::Last(1) if at == last => format!("[{}]", arg.documented()),
            Arity::Last(_) | Arity::Any if at == last => format!("[{}, ...]", arg.documented()),
            _ => arg.documented().to_owned(),
        });
        format!("{}({})", self.name, args.collect::<Vec<_>>().join(", "))
    }
}

/// All functions, sorted by name.
pub const FUNCTIONS: &[Function] = &[
    function("abs", Math, &[Vector], Vector, "The absolute value."),
    function("absent", Each, &[Vector], Vector, "1 where no series has a value, with the labels that the selector asks for."),
    function("absent_over_time", Range, &[Matrix], Vector, "1 where no series has a sample in the range."),
    function("acos", Math, &[Vector], Vector, "The arc cosine."),
    function("acosh", Math, &[Vector], Vector, "The inverse hyperbolic cosine."),
    function("asin", Math, &[Vector], Vector, "The arc sine."),
    function("asinh", Math, &[Vector], Vector, "The inverse hyperbolic sine."),
    function("atan", Math, &[Vector], Vector, "The arc tangent."),
    function("atanh", Math, &[Vector], Vector, "The inverse hyperbolic tangent."),
    function("avg_over_time", Range, &[Matrix], Vector, "The mean of the samples."),
    function("ceil", Math, &[Vector], Vector, "Rounded up to a whole number."),
    function("changes", Rate, &[Matrix], Vector, "How often the value changed."),
    function("clamp", Each, &[Vector, Scalar, Scalar], Vector, "The value, but not less than the first number nor more than the second."),
    function("clamp_max", Each, &[Vector, Scalar], Vector, "The value, but not more than the number."),
    function("clamp_min", Each, &[Vector, Scalar], Vector, "The value, but not less than the number."),
    function("cos", Math, &[Vector], Vector, "The cosine."),
    function("cosh", Math, &[Vector], Vector, "The hyperbolic cosine."),
    function("count_over_time", Range, &[Matrix], Vector, "How many samples there are."),
    function("day_of_month", Calendar, &[Vector], Vector, "The day of the month in UTC, from 1.").arity(Arity::Last(1)),
    function("day_of_week", Calendar, &[Vector], Vector, "The day of the week in UTC; 0 is Sunday.").arity(Arity::Last(1)),
    function("day_of_year", Calendar, &[Vector], Vector, "The day of the year in UTC, from 1.").arity(Arity::Last(1)),
    function("days_in_month", Calendar, &[Vector], Vector, "How many days the month has.").arity(Arity::Last(1)),
    function("deg", Math, &[Vector], Vector, "Degrees from radians."),
    function("delta", Rate, &[Matrix], Vector, "The difference between the ends of the range, extrapolated; for gauges."),
    function("deriv", Range, &[Matrix], Vector, "The slope per second, by linear regression; for gauges."),
    function(
        "double_exponential_smoothing",
        Range,
        &[Matrix, Scalar, Scalar],
        Vector,
        "A smoothed value, with factors for level and trend.",
    )
    .experimental(),
    function("end", Grid, &[], Scalar, "The last instant of the query.").experimental(),
    function("exp", Math, &[Vector], Vector, "e to the power of the value."),
    function("first_over_time", Range, &[Matrix], Vector, "The oldest sample."),
    function("floor", Math, &[Vector], Vector, "Rounded down to a whole number."),
    function("histogram_avg", Histogram, &[Vector], Vector, "The mean of a native histogram."),
    function("histogram_count", Histogram, &[Vector], Vector, "The number of observations of a native histogram."),
    function("histogram_fraction", Histogram, &[Scalar, Scalar, Vector], Vector, "The part of the observations between the two numbers."),
    function("histogram_quantile", Histogram, &[Scalar, Vector], Vector, "The quantile, from 0 to 1, of the buckets of a histogram."),
    function("histogram_quantiles", Histogram, &[Vector, String, Scalar, Scalar], Vector, "Several quantiles, told apart by a label.")
        .arity(Arity::Last(9))
        .experimental(),
    function("histogram_stddev", Histogram, &[Vector], Vector, "The standard deviation of a native histogram."),
    function("histogram_stdvar", Histogram, &[Vector], Vector, "The variance of a native histogram."),
    function("histogram_sum", Histogram, &[Vector], Vector, "The sum of the observations of a native histogram."),
    function("holt_winters", Range, &[Matrix, Scalar, Scalar], Vector, "The former name of double_exponential_smoothing()."),
    function("hour", Calendar, &[Vector], Vector, "The hour in UTC, from 0.").arity(Arity::Last(1)),
    function("idelta", Range, &[Matrix], Vector, "The difference of the last two samples."),
    function("increase", Rate, &[Matrix], Vector, "How much a counter grew, extrapolated to the whole range."),
    function("info", Label, &[Vector, Vector], Vector, "The series with the labels of info metrics of the same target.")
        .arity(Arity::Last(1))
        .experimental(),
    function("irate", Range, &[Matrix], Vector, "The growth per second between the last two samples of a counter."),
    function("label_join", Label, &[Vector, String, String, String], Vector, "A label with the values of others, joined by a separator.")
        .arity(Arity::Any),
    function(
        "label_replace",
        Label,
        &[Vector, String, String, String, String],
        Vector,
        "A label from what a pattern finds in another one.",
    ),
    function("last_over_time", Range, &[Matrix], Vector, "The newest sample."),
    function("ln", Math, &[Vector], Vector, "The natural logarithm."),
    function("log10", Math, &[Vector], Vector, "The decimal logarithm."),
    function("log2", Math, &[Vector], Vector, "The binary logarithm."),
    function("mad_over_time", Range, &[Matrix], Vector, "The median of the distances from the median.").experimental(),
    function("max_of", Each, &[Scalar, Scalar], Scalar, "The larger of two numbers.").experimental(),
    function("max_over_time", Range, &[Matrix], Vector, "The largest sample."),
    function("min_of", Each, &[Scalar, Scalar], Scalar, "The smaller of two numbers.").experimental(),
    function("min_over_time", Range, &[Matrix], Vector, "The smallest sample."),
    function("minute", Calendar, &[Vector], Vector, "The minute of the hour in UTC, from 0.").arity(Arity::Last(1)),
    function("month", Calendar, &[Vector], Vector, "The month in UTC, from 1.").arity(Arity::Last(1)),
    function("pi", Each, &[], Scalar, "The number pi."),
    function("predict_linear", Range, &[Matrix, Scalar], Vector, "The value in so many seconds, by linear regression; for gauges."),
    function("present_over_time", Range, &[Matrix], Vector, "1 for each series with a sample in the range."),
    function("quantile_over_time", Range, &[Scalar, Matrix], Vector, "The quantile, from 0 to 1, of the samples."),
    function("rad", Math, &[Vector], Vector, "Radians from degrees."),
    function("range", Grid, &[], Scalar, "Seconds from the first instant of the query to the last.").experimental(),
    function("rate", Rate, &[Matrix], Vector, "The growth of a counter per second, extrapolated to the whole range."),
    function("resets", Rate, &[Matrix], Vector, "How often a counter began anew."),
    function("round", Each, &[Vector, Scalar], Vector, "Rounded to the nearest multiple of the number, or of 1.").arity(Arity::Last(1)),
    function("scalar", Each, &[Vector], Scalar, "The value of the only series; NaN where there is not just one."),
    function("sgn", Math, &[Vector], Vector, "1, 0 or -1: the sign."),
    function("sin", Math, &[Vector], Vector, "The sine."),
    function("sinh", Math, &[Vector], Vector, "The hyperbolic sine."),
    function("sort", Order, &[Vector], Vector, "By rising value; of instant queries."),
    function("sort_by_label", Order, &[Vector, String], Vector, "By rising values of labels; of instant queries.")
        .arity(Arity::Any)
        .experimental(),
    function("sort_by_label_desc", Order, &[Vector, String], Vector, "By falling values of labels; of instant queries.")
        .arity(Arity::Any)
        .experimental(),
    function("sort_desc", Order, &[Vector], Vector, "By falling value; of instant queries."),
    function("sqrt", Math, &[Vector], Vector, "The square root."),
    function("start", Grid, &[], Scalar, "The first instant of the query.").experimental(),
    function("start_timestamp", Each, &[Vector], Vector, "Since when a counter counts, where that is known.").experimental(),
    function("stddev_over_time", Range, &[Matrix], Vector, "The standard deviation of the samples."),
    function("stdvar_over_time", Range, &[Matrix], Vector, "The variance of the samples."),
    function("step", Grid, &[], Scalar, "Seconds between two instants of the query.").experimental(),
    function("sum_over_time", Range, &[Matrix], Vector, "The sum of the samples."),
    function("tan", Math, &[Vector], Vector, "The tangent."),
    function("tanh", Math, &[Vector], Vector, "The hyperbolic tangent."),
    function("time", Grid, &[], Scalar, "The instant, in seconds since 1970."),
    function("timestamp", Each, &[Vector], Vector, "The time of the sample that the value is of, in seconds since 1970."),
    function("ts_of_first_over_time", Range, &[Matrix], Vector, "The time of the oldest sample.").experimental(),
    function("ts_of_last_over_time", Range, &[Matrix], Vector, "The time of the newest sample.").experimental(),
    function("ts_of_max_over_time", Range, &[Matrix], Vector, "The time of the last of the largest samples.").experimental(),
    function("ts_of_min_over_time", Range, &[Matrix], Vector, "The time of the last of the smallest samples.").experimental(),
    function("vector", Each, &[Scalar], Vector, "A series without labels that has the number."),
    function("year", Calendar, &[Vector], Vector, "The year in UTC.").arity(Arity::Last(1)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_name_and_documented() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        for function in FUNCTIONS {
            assert_eq!(Function::named(function.name), Some(function));
            assert!(function.help.ends_with('.') && function.help.len() > 8, "{}", function.name);
            assert!(function.arity == Arity::Exact || !function.args.is_empty(), "{}", function.name);
        }
        assert_eq!(Function::named("nothing"), None);
        for (name, signature) in [
            ("pi", "pi()"),
            ("round", "round(instant vector, [scalar])"),
            ("label_join", "label_join(instant vector, string, string, [string, ...])"),
            ("rate", "rate(range vector)"),
        ] {
            assert_eq!(Function::named(name).unwrap().signature(), signature);
        }
    }
}
