//! Exemplars, as Prometheus answers them.

use std::collections::BTreeMap;

use serde::Serialize;
use taskpulse_engine::exemplar;
use taskpulse_engine::model::{Labels, format_value};
use taskpulse_engine::store;
use utoipa::ToSchema;

use super::seconds;

/// The exemplars of a series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeriesExemplars {
    /// Its labels.
    #[schema(value_type = BTreeMap<String, String>)]
    pub series_labels: Labels,
    /// Its exemplars, by rising time.
    pub exemplars: Vec<Exemplar>,
}

/// A measurement behind a sample.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Exemplar {
    /// Its labels, mostly those of a trace.
    #[schema(example = json!({"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}))]
    pub labels: BTreeMap<String, String>,
    /// What was measured, as text.
    #[schema(example = "0.67")]
    pub value: String,
    /// When.
    pub timestamp: f64,
}

impl From<store::SeriesExemplars> for SeriesExemplars {
    fn from(of: store::SeriesExemplars) -> Self {
        let exemplar = |e: &exemplar::Exemplar| Exemplar {
            labels: e.labels().into_iter().collect(),
            value: format_value(e.v),
            timestamp: seconds(e.t),
        };
        Self { series_labels: of.labels, exemplars: of.exemplars.iter().map(exemplar).collect() }
    }
}
