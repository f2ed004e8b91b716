//! The store.

use std::path::PathBuf;

use serde::Serialize;
use taskpulse_engine::logs::store::{LogOptions, LogStatus};
use taskpulse_engine::store;
use utoipa::ToSchema;

/// The store.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Store {
    /// Where it is.
    #[schema(value_type = String)]
    pub data_dir: PathBuf,
    /// Series known.
    pub series: usize,
    /// Those of them that nobody has written to for hours.
    pub dormant_series: usize,
    /// Series at the most.
    pub max_series: usize,
    /// Samples that are not in chunks yet.
    pub head_samples: u64,
    /// The journal.
    pub journal: Journal,
    /// Days that have a partition.
    #[schema(example = json!(["2026-11-23"]))]
    pub partitions: Vec<String>,
    /// How many of them are open.
    pub open_partitions: usize,
    /// How often one was open when it was wanted.
    pub partition_hits: u64,
    /// How often one had to be opened.
    pub partition_opens: u64,
    /// Exemplars kept.
    pub exemplars: usize,
    /// Bytes of the data directory on the disk, as last measured.
    pub disk_bytes: u64,
    /// Bytes beyond which the oldest days are deleted; 0 for no bound.
    pub max_bytes: u64,
    /// How long samples are kept.
    pub retention_seconds: f64,
    /// How long windows of an hour and longer are kept.
    pub windows_retention_seconds: f64,
    /// Format of the directory.
    pub format: u32,
    /// The metrics with the most series.
    pub top_metrics: Vec<Share>,
    /// The labels with the most values.
    pub top_labels: Vec<Share>,
}

/// A store of log lines or of spans.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Records {
    /// Lines or spans in files.
    pub kept: u64,
    /// Those in memory that are in no file yet.
    pub head: u64,
    /// Bytes of the text of those in files, before compression.
    pub text_bytes: u64,
    /// Bytes on the disk, the journal included.
    pub disk_bytes: u64,
    /// Bytes beyond which the oldest days are deleted; 0 for no bound.
    pub max_bytes: u64,
    /// Streams of the newest day; of spans these are services.
    pub streams: usize,
    /// Days that have files.
    #[schema(example = json!(["2026-11-23"]))]
    pub days: Vec<String>,
    /// How long they are kept.
    pub retention_seconds: f64,
}

impl Records {
    /// By what a store says of itself; none where nothing ever came.
    #[must_use]
    pub fn new(status: &LogStatus, options: &LogOptions) -> Option<Self> {
        (*status != LogStatus::default()).then(|| Self {
            kept: status.lines,
            head: status.head_lines,
            text_bytes: status.text_bytes,
            disk_bytes: status.disk_bytes,
            max_bytes: options.max_bytes,
            streams: status.streams,
            days: status.days.clone(),
            retention_seconds: super::seconds(options.retention_ms),
        })
    }
}

/// What the journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Journal {
    /// Records that are not in chunks yet.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long the oldest of them waits.
    pub age_seconds: f64,
}

/// A metric or a label and how many series have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Share {
    /// The metric, or the label.
    pub name: String,
    /// Series with it.
    pub series: u64,
    /// Values of the label; left out for a metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub values: Option<usize>,
}

impl Store {
    /// The store by what it says of itself, with the metrics and labels that have the most series.
    #[must_use]
    pub fn new(status: store::StoreStatus, metrics: Vec<store::Share>, labels: Vec<store::Share>) -> Self {
        let share = |share: store::Share| Share { name: share.name, series: share.series, values: share.values };
        let journal = Journal { records: status.journal.records, bytes: status.journal.bytes, age_seconds: status.journal.age_seconds };
        Self {
            data_dir: status.data_dir,
            series: status.series,
            dormant_series: status.dormant_series,
            max_series: status.max_series,
            head_samples: status.head_samples,
            journal,
            partitions: status.partitions,
            open_partitions: status.open_partitions,
            partition_hits: status.partition_hits,
            partition_opens: status.partition_opens,
            exemplars: status.exemplars,
            disk_bytes: status.disk_bytes,
            max_bytes: status.max_bytes,
            retention_seconds: status.retention_seconds,
            windows_retention_seconds: status.windows_retention_seconds,
            format: status.format,
            top_metrics: metrics.into_iter().map(share).collect(),
            top_labels: labels.into_iter().map(share).collect(),
        }
    }
}
