//! What is known of a metric.

use serde::Serialize;
use utoipa::ToSchema;

/// What is known of a metric.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MetricMetadata {
    /// `counter`, `gauge`, `histogram`, `summary`, … or `unknown`.
    #[serde(rename = "type")]
    #[schema(example = "gauge")]
    pub kind: String,
    /// One line.
    pub help: String,
    /// Its unit; empty where none is known.
    pub unit: String,
}
