//! What can be wrong with a line of text. Quotes of the input are shortened.

/// What is wrong with a line, with its number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ExpositionError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub why: LineError,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line has bytes that are not UTF-8.
    #[error("not UTF-8 after `{0}`")]
    NotUtf8(String),
    /// There is no closing brace.
    #[error("`{0}`: the labels do not end; write name{{label=\"value\"}} 1")]
    UnfinishedLabels(String),
    /// The series has no value.
    #[error("`{0}` has no value; write name 1")]
    NoValue(String),
    /// The value is not a number.
    #[error("`{line}`: `{value}` is not a number; write 1, NaN, +Inf or -Inf")]
    NotANumber {
        /// The line.
        line: String,
        /// The value.
        value: String,
    },
    /// The second word after the series is not a time.
    #[error("`{line}`: `{time}` is not a time")]
    NotATime {
        /// The line.
        line: String,
        /// The word.
        time: String,
    },
    /// Something other than an exemplar follows the time.
    #[error("`{line}`: `{more}` is more than a value and a time")]
    TrailingText {
        /// The line.
        line: String,
        /// What follows.
        more: String,
    },
    /// OpenMetrics has content after its end.
    #[error("`{0}` comes after `# EOF`")]
    AfterEof(String),
    /// OpenMetrics ends with a sample.
    #[error("the text ends with `{0}` and not with `# EOF`: it was cut off, or it is not OpenMetrics")]
    EndsWith(String),
    /// OpenMetrics has no end.
    #[error("the text does not end with `# EOF`: it was cut off, or it is not OpenMetrics")]
    NoEof,
    /// The name or the labels are invalid.
    #[error("`{series}`: {why}; write name{{label=\"value\"}}")]
    Series {
        /// The series.
        series: String,
        /// What is wrong.
        why: SeriesError,
    },
}

/// What is wrong with the name or the labels of a series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// There is no closing brace.
    #[error("the labels do not end")]
    UnfinishedLabels,
    /// The name before the braces is not a plain one.
    #[error("`{0}` is no metric name; quote it inside the braces, {{\"a.name\"}}")]
    MetricName(String),
    /// There is no closing quote.
    #[error("a quoted name does not end")]
    UnfinishedName,
    /// A label name without quotes is not a plain one.
    #[error("`{0}` is no label name; quote it, \"a.label\"=\"value\"")]
    LabelName(String),
    /// A label has no value.
    #[error("a label has no value")]
    NoValue,
    /// A label value has no quotes.
    #[error("the value of a label is not quoted")]
    NotQuoted,
    /// The series has no metric name.
    #[error("there is no metric name")]
    NoMetricName,
    /// A label has two values.
    #[error("label `{0}` is given twice")]
    Twice(String),
}
