//! Forecasts, and how those before turned out.

use serde::Serialize;
use taskpulse_engine::advice::{Undated, WhyUndated};
use taskpulse_engine::forecast::record::{Record, Score, Subject, total};
use taskpulse_engine::model::Labels;
use taskpulse_engine::words;
use utoipa::ToSchema;

use super::{SeriesForecastRecord, seconds};

/// What is forecast: the time at which it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForecastSubject {
    /// No task of a board is open.
    BoardDone,
    /// A file system is full.
    DiskFull,
    /// Memory is used up: that of a unit with a limit, else that of the machine.
    MemoryFull,
}

/// A time before which a share of cases should end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ForecastBound {
    /// 0 to 1.
    pub share: f64,
    /// The time.
    pub time: f64,
}

/// How often what should come before a time did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ForecastScore {
    /// The share of cases that should come before the time.
    pub share: f64,
    /// Forecasts that were judged.
    pub judged: usize,
    /// Those where it came before.
    pub held: usize,
}

/// The forecasts of one board, file system or user of memory.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ForecastRecord {
    /// What is forecast.
    pub subject: ForecastSubject,
    /// Of what; the name is that of the series which says how far it is.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// When the forecast that holds was made; `null` while none does.
    #[schema(required = true)]
    pub time: Option<f64>,
    /// Its times, by share.
    pub bounds: Vec<ForecastBound>,
    /// Forecasts that are kept, one in six hours.
    pub made: usize,
    /// Those whose last time is not over.
    pub pending: usize,
    /// Those that a restart left open.
    pub cut_short: usize,
    /// How the others turned out.
    pub calibration: Vec<ForecastScore>,
}

/// What is said where no date can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoDate {
    /// It may never happen.
    MayNever,
    /// It cannot be said yet.
    TooEarly,
}

/// A file system or a user of memory for which there is no date at which it will be full.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct UndatedForecast {
    /// What is asked.
    pub subject: ForecastSubject,
    /// Of what: the series of its level.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// How full it is, 0 to 1.
    #[schema(example = 0.62)]
    pub level: f64,
    /// What is said.
    pub answer: NoDate,
    /// Why there is no date, in a sentence.
    #[schema(example = "It may never be full: it was cleared 3 times before, at 91 % at the highest")]
    pub reason: String,
}

impl From<&Undated> for UndatedForecast {
    fn from(undated: &Undated) -> Self {
        Self {
            subject: undated.subject.into(),
            metric: undated.labels.clone(),
            level: undated.level,
            answer: match undated.why {
                WhyUndated::MayNever { .. } | WhyUndated::WasHigher { .. } => NoDate::MayNever,
                WhyUndated::TooEarly { .. } => NoDate::TooEarly,
            },
            reason: words::undated(undated.subject, &undated.why),
        }
    }
}

impl From<Subject> for ForecastSubject {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::BoardDone => Self::BoardDone,
            Subject::DiskFull => Self::DiskFull,
            Subject::MemoryFull => Self::MemoryFull,
        }
    }
}

/// Forecasts, and how those before turned out.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Forecasts {
    /// By board, file system, and machine, unit or process.
    pub forecasts: Vec<ForecastRecord>,
    /// File systems and memory that are 40 % full and more, of which no date can be given now, and why.
    pub undated: Vec<UndatedForecast>,
    /// Series whose forecasts were asked for, the last one first.
    pub series: Vec<SeriesForecastRecord>,
    /// How all forecasts of boards turned out.
    pub boards: Vec<ForecastScore>,
    /// How all forecasts of file systems turned out.
    pub disks: Vec<ForecastScore>,
    /// How all forecasts of memory turned out.
    pub memory: Vec<ForecastScore>,
}

fn scores(list: &[Score]) -> Vec<ForecastScore> {
    list.iter().map(|score| ForecastScore { share: score.share, judged: score.judged, held: score.held }).collect()
}

impl From<&[Record]> for Forecasts {
    fn from(records: &[Record]) -> Self {
        let all = |subject| scores(&total(records.iter().filter(|record| record.subject == subject).flat_map(|record| &record.scores)));
        Self {
            forecasts: records.iter().map(Into::into).collect(),
            undated: Vec::new(),
            series: Vec::new(),
            boards: all(Subject::BoardDone),
            disks: all(Subject::DiskFull),
            memory: all(Subject::MemoryFull),
        }
    }
}

impl From<&Record> for ForecastRecord {
    fn from(record: &Record) -> Self {
        let bounds = record.current.iter().flat_map(|made| &made.bounds);
        Self {
            subject: record.subject.into(),
            metric: record.labels.clone(),
            time: record.current.as_ref().map(|made| seconds(made.at)),
            bounds: bounds.map(|bound| ForecastBound { share: bound.share, time: seconds(bound.at) }).collect(),
            made: record.made,
            pending: record.pending,
            cut_short: record.cut_short,
            calibration: scores(&record.scores),
        }
    }
}
