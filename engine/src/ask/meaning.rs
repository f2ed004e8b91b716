//! What a question means.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::measures::Subject;
use super::names::Name;
use crate::model::TimestampMs;

/// A range of time, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Its start.
    pub start: TimestampMs,
    /// Its end.
    pub end: TimestampMs,
}

/// Which figure of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stat {
    /// Nothing was said: the newest value, or the mean over a time; of events their median.
    Usual,
    /// The mean.
    Mean,
    /// The highest value.
    Highest,
    /// The lowest value.
    Lowest,
    /// A quantile, 0 to 1.
    Quantile(f64),
    /// All together: the rise of a counter, the sum of events.
    Total,
}

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// More than before.
    Up,
    /// Less than before.
    Down,
}

/// What is asked about a value that passes a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrossingAs {
    /// Whether it ever did.
    Whether,
    /// When.
    When,
    /// When for the last time.
    LastTime,
    /// For how long.
    HowLong,
    /// How many times.
    HowOften,
}

/// A limit, in the base unit of the subject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// Above it, else below.
    pub above: bool,
    /// The limit.
    pub limit: f64,
    /// What is asked.
    pub wanted: CrossingAs,
}

/// What is wanted of the subject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// A figure.
    Value(Stat),
    /// When a figure was at its highest or lowest.
    TimeOf(Stat),
    /// A limit.
    Crossed(Crossing),
    /// Who has most, or least.
    Most,
    /// Who has least.
    Least,
    /// How many.
    Count,
    /// Which ones.
    List,
    /// Whether it is well; with the state that was asked for: up, or down.
    State(bool),
    /// How often something was down, and for how long.
    Downtime,
    /// When something last happened.
    LastTime,
    /// Two times beside each other, and which way the question supposes that it went.
    Compared(Option<Trend>),
    /// Why; what moved together.
    Why(Option<Trend>),
    /// By how much a level rose or fell within a time.
    Growth,
    /// When something will happen.
    Forecast,
    /// What happened.
    Happened,
    /// What happened before an alert.
    BeforeAlert,
    /// What can be asked.
    Help,
}

/// A question, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// What is wanted.
    pub wanted: Wanted,
    /// Of what.
    pub subject: Subject,
    /// Of which ones; all where there is none.
    pub names: Vec<Name>,
    /// The metric, where the subject is any metric.
    pub metric: Option<String>,
    /// When; now where nothing was said.
    pub time: Option<Range>,
    /// The other time of a comparison.
    pub compared: Option<Range>,
    /// How many rows at the most.
    pub limit: Option<usize>,
    /// A task's id.
    pub task: Option<String>,
    /// A status of tasks.
    pub status: Option<&'static str>,
    /// What alerts are about.
    pub topic: Option<&'static str>,
    /// Words that were read as others: what was written, and what it was taken for.
    pub corrections: Vec<(String, String)>,
}

impl Meaning {
    /// Something of a subject, without names and times.
    #[must_use]
    pub fn about(wanted: Wanted, subject: Subject) -> Self {
        Self {
            wanted,
            subject,
            names: Vec::new(),
            metric: None,
            time: None,
            compared: None,
            limit: None,
            task: None,
            status: None,
            topic: None,
            corrections: Vec::new(),
        }
    }

    /// The name of a kind that the question has.
    #[must_use]
    pub fn name(&self, kind: super::NameKind) -> Option<&str> {
        self.names.iter().find(|name| name.kind == kind).map(|name| name.value.as_str())
    }

    /// As the corpus and the answer show it: `mean of cpu, 2026-11-26 18:00 to 2026-11-27 00:00`.
    #[must_use]
    pub fn shown(&self, zone: &TimeZone) -> String {
        let mut out = format!("{} {}", self.wanted, self.subject.id());
        if let Some(metric) = &self.metric {
            out += &format!(" {metric}");
        }
        if let Some(task) = &self.task {
            out += &format!(" task={task}");
        }
        if let Some(status) = self.status {
            out += &format!(" status={status}");
        }
        if let Some(topic) = self.topic {
            out += &format!(" about={topic}");
        }
        for name in &self.names {
            out += &format!(" {}={}", name.kind.id(), name.value);
        }
        if let Some(limit) = self.limit {
            out += &format!(" limit={limit}");
        }
        match self.time {
            Some(range) => out += &format!(" @ {}", range.shown(zone)),
            None => out += " @ now",
        }
        if let Some(range) = self.compared {
            out += &format!(" vs {}", range.shown(zone));
        }
        out
    }
}

impl Range {
    /// How long it is, ms.
    #[must_use]
    pub fn length(self) -> i64 {
        self.end - self.start
    }

    /// `2026-11-26 18:00..2026-11-27 00:00`, in a time zone.
    #[must_use]
    pub fn shown(self, zone: &TimeZone) -> String {
        let at = |t: TimestampMs| {
            Timestamp::from_millisecond(t)
                .map_or_else(|_| t.to_string(), |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string())
        };
        format!("{}..{}", at(self.start), at(self.end))
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trend = |trend: &Option<Trend>| match trend {
            None => "",
            Some(Trend::Up) => " up",
            Some(Trend::Down) => " down",
        };
        match self {
            Self::Value(stat) => write!(f, "{stat}"),
            Self::TimeOf(stat) => write!(f, "time of {stat}"),
            Self::Crossed(c) => {
                let wanted = match c.wanted {
                    CrossingAs::Whether => "whether",
                    CrossingAs::When => "when",
                    CrossingAs::LastTime => "when last",
                    CrossingAs::HowLong => "how long",
                    CrossingAs::HowOften => "how often",
                };
                write!(f, "{wanted} {} {}", if c.above { "above" } else { "below" }, c.limit)
            }
            Self::Most => f.write_str("most"),
            Self::Least => f.write_str("least"),
            Self::Count => f.write_str("count"),
            Self::List => f.write_str("list"),
            Self::State(up) => f.write_str(if *up { "state" } else { "state down" }),
            Self::Downtime => f.write_str("downtime"),
            Self::LastTime => f.write_str("last time"),
            Self::Compared(way) => write!(f, "compare{}", trend(way)),
            Self::Why(way) => write!(f, "why{}", trend(way)),
            Self::Growth => f.write_str("growth"),
            Self::Forecast => f.write_str("forecast"),
            Self::Happened => f.write_str("what happened"),
            Self::BeforeAlert => f.write_str("before"),
            Self::Help => f.write_str("help"),
        }
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => f.write_str("value"),
            Self::Mean => f.write_str("mean"),
            Self::Highest => f.write_str("highest"),
            Self::Lowest => f.write_str("lowest"),
            Self::Quantile(q) => write!(f, "p{}", q * 100.0),
            Self::Total => f.write_str("total"),
        }
    }
}
