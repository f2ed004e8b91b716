//! Programs as sources: any program that prints Prometheus text or JSON.
//!
//! [`super::program`] runs them. A program that ends with another code than 0 has failed: nothing of its output is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashSet;
use serde_json::Value;
use taskpulse_engine::exposition::{self, Format, Line};
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, TimestampMs};
use taskpulse_engine::relabel;
use tokio::task::{JoinError, spawn_blocking};

use super::collector::{CollectFuture, Collection, Collector, Outcome, StalenessTracker};
use super::program::{self, RunError};

/// Format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Prometheus text or OpenMetrics.
    Prometheus,
    /// `{"name": 1}`, or a list of `{"name", "labels", "value", "time"}`.
    Json,
}

/// A program to run.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name in status.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Time between runs.
    pub interval: Duration,
    /// Longest time of one.
    pub timeout: Duration,
    /// Format of its output.
    pub output: Output,
    /// Labels of every series.
    pub labels: BTreeMap<String, String>,
    /// Most bytes of output.
    pub max_bytes: usize,
    /// Variables of the service that it gets all the same.
    pub pass_environment: Vec<String>,
}

/// Why a run gave no samples.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("it ended with {end}: {stderr}")]
    Failed { end: program::End, stderr: String },
    #[error("its output is not UTF-8")]
    NotText,
    #[error("{0}")]
    Exposition(String),
    #[error("not JSON: {0}; {JSON_SHAPE}")]
    NotJson(serde_json::Error),
    #[error("{0} is no list of figures; {JSON_SHAPE}")]
    NoList(Value),
    #[error("[{0}] has no name; {JSON_SHAPE}")]
    NoName(usize),
    #[error("{of}: {value} is not a number; {JSON_SHAPE}")]
    NotANumber { of: String, value: String },
    #[error("{of}: {value} is too large")]
    TooLarge { of: String, value: String },
    #[error("{0}")]
    Labels(String),
    #[error("{0} is printed twice for one time; print it once")]
    Repeated(Labels),
    #[error("reading its output panicked: {0}")]
    Panicked(#[from] JoinError),
}

/// What JSON output looks like.
const JSON_SHAPE: &str = "print {\"name\": 1} or [{\"name\": \"x\", \"labels\": {\"a\": \"b\"}, \"value\": 1, \"time\": 1764000000}]";

/// Samples of one output.
struct Samples<'a> {
    given: Vec<(&'a str, &'a str)>,
    now: TimestampMs,
    batch: Batch,
    seen: FxHashSet<(Labels, TimestampMs)>,
}

impl<'a> Samples<'a> {
    fn new(program: &'a Program, now: TimestampMs) -> Self {
        let given = program.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        Self { given, now, batch: Batch::default(), seen: FxHashSet::default() }
    }

    fn push(&mut self, mut labels: Vec<(String, String)>, time: Option<TimestampMs>, value: f64) -> Result<(), CommandError> {
        relabel::attach(&mut labels, &self.given, true);
        let labels = Labels::new(labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let labels = labels.map_err(|error| CommandError::Labels(error.to_string()))?;
        let time = time.unwrap_or(self.now);
        if !self.seen.insert((labels.clone(), time)) {
            return Err(CommandError::Repeated(labels));
        }
        self.batch.push(labels, time, value);
        Ok(())
    }

    fn read_exposition(&mut self, text: &str) -> Result<(), CommandError> {
        let format = if text.trim_end().ends_with("# EOF") { Format::OpenMetrics } else { Format::Prometheus };
        let mut lines = exposition::lines(text, format);
        while let Some(line) = lines.next() {
            if let Line::Sample { series, value, time, .. } = line.map_err(|error| CommandError::Exposition(error.to_string()))? {
                let labels = exposition::parse_labels(series).map_err(|error| CommandError::Labels(error.to_string()));
                let owned = labels.map(|labels| labels.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect());
                let pushed = owned.and_then(|labels| self.push(labels, time, value));
                pushed.map_err(|error| CommandError::Exposition(format!("line {}: {error}", lines.number())))?;
            }
        }
        Ok(())
    }

    fn read_json(&mut self, text: &str) -> Result<(), CommandError> {
        let name = |name: &str| (NAME_LABEL.to_owned(), name.to_owned());
        match serde_json::from_str::<Value>(text).map_err(CommandError::NotJson)? {
            Value::Object(figures) => {
                for (metric, value) in &figures {
                    self.push(vec![name(metric)], None, number(value, metric)?)?;
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    let metric = item["name"].as_str().ok_or(CommandError::NoName(at))?;
                    let labels = item["labels"].as_object().into_iter().flatten();
                    let labels = labels.map(|(n, v)| (n.clone(), v.as_str().map_or_else(|| v.to_string(), str::to_owned)));
                    let time = item.get("time").filter(|t| !t.is_null()).map(|t| number(t, "time")).transpose()?;
                    let labels = [name(metric)].into_iter().chain(labels).collect();
                    self.push(labels, time.map(|s| (s * 1e3) as i64), number(&item["value"], metric)?)?;
                }
            }
            other => return Err(CommandError::NoList(other)),
        }
        Ok(())
    }
}

fn number(value: &Value, of: &str) -> Result<f64, CommandError> {
    let not_a_number = |value: String| CommandError::NotANumber { of: of.to_owned(), value };
    match value {
        Value::Number(n) => n.as_f64().ok_or_else(|| CommandError::TooLarge { of: of.to_owned(), value: n.to_string() }),
        Value::String(text) => exposition::parse_number(text).ok_or_else(|| not_a_number(format!("`{text}`"))),
        Value::Bool(set) => Ok(f64::from(*set)),
        other => Err(not_a_number(other.to_string())),
    }
}

/// The samples of a program's output.
fn parse(program: &Program, text: &str, now: TimestampMs) -> Result<Batch, CommandError> {
    let mut samples = Samples::new(program, now);
    match program.output {
        Output::Prometheus => samples.read_exposition(text)?,
        Output::Json => samples.read_json(text)?,
    }
    Ok(samples.batch)
}

/// Runs one program.
pub struct CommandCollector {
    program: Program,
    staleness: StalenessTracker,
}

impl CommandCollector {
    /// A collector that runs a program.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self { program, staleness: StalenessTracker::default() }
    }

    async fn run(&self, now: TimestampMs) -> Result<Batch, CommandError> {
        let Program { command, pass_environment, timeout, max_bytes, .. } = &self.program;
        let run = program::run(command, pass_environment, *timeout, *max_bytes).await?;
        if !run.end.is_success() {
            return Err(CommandError::Failed { end: run.end, stderr: run.stderr });
        }
        let program = self.program.clone();
        let parse = move || {
            let text = match program.output {
                Output::Prometheus => exposition::decode_text(run.stdout).map_err(|error| CommandError::Exposition(error.to_string()))?,
                Output::Json => String::from_utf8(run.stdout).map_err(|_| CommandError::NotText)?,
            };
            parse(&program, &text, now)
        };
        spawn_blocking(parse).await?
    }
}

impl Collector for CommandCollector {
    fn name(&self) -> String {
        format!("command {}", self.program.name)
    }

    fn every(&self) -> Duration {
        self.program.interval
    }

    fn timeout(&self) -> Duration {
        self.program.timeout + Duration::from_secs(5)
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            let (mut batch, failed) = match self.run(now).await {
                Ok(batch) => (batch, None),
                Err(why) => (Batch::default(), Some(why)),
            };
            self.staleness.mark(&mut batch, now);
            match failed {
                None => Outcome::Complete(Collection::from(batch)),
                Some(why) => Outcome::Failed(why.to_string(), Collection::from(batch)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(output: Output, text: &str) -> Result<Vec<String>, CommandError> {
        let program = Program {
            name: "p".to_owned(),
            command: Vec::new(),
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            output,
            labels: BTreeMap::from([("foo".to_owned(), "a".to_owned())]),
            max_bytes: 1 << 20,
            pass_environment: Vec::new(),
        };
        Ok(parse(&program, text, 7)?.rows().map(|(labels, sample)| format!("{labels} {} {}", sample.v, sample.t)).collect())
    }

    #[test]
    fn no_label_and_no_sample_of_a_program_replaces_another() {
        for (output, text, expected) in [
            (Output::Prometheus, "e{foo=\"c\",exported_foo=\"d\"} 6", Ok(r#"e{exported_foo="d",foo="c"} 6 7"#)),
            (Output::Json, r#"[{"name":"e","labels":{"foo":"c"},"value":"Infinity"}]"#, Ok(r#"e{foo="c"} inf 7"#)),
            (Output::Prometheus, "e 1\ne 2\n", Err("line 2: e{foo=\"a\"} is printed twice")),
            (
                Output::Prometheus,
                "e{x=\"1\",y=\"2\"} 1\ne{y=\"2\",x=\"1\"} 1\n",
                Err("line 2: e{foo=\"a\",x=\"1\",y=\"2\"} is printed twice"),
            ),
            (Output::Json, r#"[{"name":"e","value":1},{"name":"e","value":2}]"#, Err("e{foo=\"a\"} is printed twice")),
            (Output::Json, r#"{"e":"1e999"}"#, Err("`1e999` is not a number")),
            (Output::Prometheus, "e 1\na-b 1\n", Err("line 2: `a-b`")),
            (Output::Prometheus, "# HELP e \u{feff}\n\u{feff}e 1\n", Err("line 2: ")),
        ] {
            match (printed(output, text), expected) {
                (Ok(rows), Ok(expected)) => assert_eq!(rows, [expected], "{text}"),
                (Err(why), Err(part)) => assert!(why.to_string().contains(part), "{text}: {why}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        assert_eq!(printed(Output::Prometheus, "e 1 1000\ne 2 2000\n").map(|rows| rows.len()).ok(), Some(2), "two times are two samples");
    }
}
