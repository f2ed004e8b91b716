//! Anomalies, and the series that are watched for them.

use serde::Serialize;
use taskpulse_engine::anomaly;
use taskpulse_engine::model::Labels;
use utoipa::ToSchema;

use super::seconds;

/// An unusual five minutes of a series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Anomaly {
    /// The end of the five minutes.
    pub time: f64,
    /// The series.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// The mean; of a counter, its rate per second.
    #[schema(value_type = Option<f64>, required = true)]
    pub value: f64,
    /// Lowest expected value.
    #[schema(required = true)]
    pub low: Option<f64>,
    /// Highest expected value.
    #[schema(required = true)]
    pub high: Option<f64>,
    /// How far the value lies outside what was expected, signed; 0 where its course is unusual, not its size.
    pub excess: f64,
    /// 0.5 to 1.
    pub score: f64,
    /// In how many of the stretches before it the series was as unusual.
    pub reached_by: u32,
    /// How many stretches were compared.
    pub stretches: u32,
    /// Length of a stretch.
    pub stretch_seconds: f64,
    /// What is unusual.
    #[schema(example = "level of the last hour")]
    pub unusual: String,
    /// One sentence.
    #[schema(example = "CPU 87 % is unusual: 10 % to 40 % was expected; as unusual once before in 30 d")]
    pub summary: String,
}

impl From<&anomaly::Anomaly> for Anomaly {
    fn from(a: &anomaly::Anomaly) -> Self {
        Self {
            time: seconds(a.at),
            metric: a.metric.clone(),
            value: a.value,
            low: a.expected.map(|(low, _)| low),
            high: a.expected.map(|(_, high)| high),
            excess: a.excess,
            score: a.score,
            reached_by: a.reached_by,
            stretches: a.stretches,
            stretch_seconds: seconds(a.stretch_ms),
            unusual: a.unusual.clone(),
            summary: a.summary.clone(),
        }
    }
}

/// A series that is watched for anomalies.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WatchedSeries {
    /// The series.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// How many windows of five minutes were judged.
    pub judged: u64,
    /// Whether they are too few to report anything.
    pub learning: bool,
    /// The end of the newest one.
    pub newest: f64,
}

impl From<&anomaly::WatchedSeries> for WatchedSeries {
    fn from(series: &anomaly::WatchedSeries) -> Self {
        Self { metric: series.labels().clone(), judged: series.judged(), learning: series.is_learning(), newest: seconds(series.newest()) }
    }
}

/// What `GET /api/v1/anomalies` answers.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Anomalies {
    /// Newest first.
    pub anomalies: Vec<Anomaly>,
    /// The series that are watched.
    pub watched: Vec<WatchedSeries>,
}
